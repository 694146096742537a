"""The pipeline and the prover as the settings want them, for whoever runs the service's processes."""

from __future__ import annotations

from prover.keys import Keys
from relayer.config import Settings
from relayer.executor.protocol import Executor
from relayer.pipeline.desk import Desk
from relayer.pipeline.policy import Policy
from relayer.pipeline.proving import Prover
from relayer.pipeline.worker import Fared, Pipeline
from relayer.replicas import ReplicaClient
from relayer.store.chain import StoredChain
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.vault import Vault


def desk(settings: Settings, database: Database, sealer: Sealer, vault: Vault) -> Desk:
    """What the steps work with."""
    return Desk(
        database=database,
        sealer=sealer,
        vault=vault,
        fund=settings.fund_seed().holder(vault.domain),
        policy=Policy.of(settings),
        history=StoredChain(database).history,
        signer=settings.operator() if vault.validium else None,
        replicas=tuple(ReplicaClient(url) for url in settings.chain.replicas),
    )


def pipeline(settings: Settings, desk_: Desk, leases: Leases, fared: Fared) -> Pipeline:
    """The worker's part: call :meth:`Pipeline.step` in a loop."""
    keys = Keys.load(settings.keys.proving, desk_.vault.params)
    given = settings.leases
    return Pipeline(desk=desk_, leases=leases, keys=keys, seconds=given.seconds, every=given.renew_seconds, fared=fared)


def prover(settings: Settings, desk_: Desk, leases: Leases, executor: Executor) -> Prover:
    """The prover's part: call :meth:`Prover.step` in a loop, in a process of its own."""
    return Prover(
        desk=desk_,
        leases=leases,
        executor=executor,
        keys=Keys.load(settings.keys.proving, desk_.vault.params),
        seconds=settings.leases.seconds,
        every=settings.leases.renew_seconds,
    )
