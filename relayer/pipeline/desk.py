"""What the steps of the pipeline work with: database, vault, the fund's keys, policy; and what they read of the chain.

The chain's records come from the database, where :mod:`relayer.watcher` keeps them; the block clock and what a settlement is checked
against come from the vault itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy.orm import Session

from prover.batch import State
from prover.orders import Holder
from relayer.chain import Address
from relayer.history import History
from relayer.interface import Value
from relayer.pipeline.batching import Room
from relayer.pipeline.policy import Policy
from relayer.replicas import ReplicaClient
from relayer.signing import Signer
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Lease
from relayer.vault import LOCAL_CHAINS, Vault


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Everything that an operator's steps need.

    ``history``: what the stored records of the vault tell (:class:`relayer.store.chain.StoredChain`). ``signer``: the operator's
    key; needed where replicas sign. ``states``: the accounts last read, by their root, since hashing them all takes its time.
    """

    database: Database
    sealer: Sealer = field(repr=False)
    vault: Vault
    fund: Holder = field(repr=False)
    policy: Policy
    history: Callable[[], History]
    signer: Signer | None = None
    replicas: tuple[ReplicaClient, ...] = ()
    states: dict[int, State] = field(default_factory=dict, repr=False)

    @property
    def operator(self) -> Address:
        """Who opens and seals."""
        return str(self.vault.roles.operator).lower()

    @property
    def beneficiary(self) -> Address:
        """Who rewards of late settlements go to."""
        return (self.policy.beneficiary or self.operator).lower()

    @property
    def room(self) -> Room:
        """What a batch has room for."""
        return Room.of(self.vault.sizes)

    @cached_property
    def confirmations(self) -> int:
        """Blocks over a queue entry before a batch takes it: the policy's; none on a local chain, where only sending makes blocks."""
        return 0 if self.vault.chain_id in LOCAL_CHAINS else self.policy.confirmations

    @property
    def now(self) -> int:
        """Time of the newest block, in seconds."""
        return self.vault.chain.head().time

    def call(self, function: str, *arguments: Value) -> bytes:
        """Calldata of a call to the vault."""
        return self.vault.contract.interface.call(function, *arguments)


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to write: the lease under which a step is taken. Every write of a step begins with :meth:`check`."""

    lease: Lease | None = None

    def check(self, session: Session) -> None:
        """Refuses to write on if another process has taken over (:class:`relayer.errors.LeaseLost`)."""
        if self.lease is not None:
            self.lease.check(session)
