"""A vault on anvil with a relayer around it: watcher, pipeline, prover and transactions step by step in the test's own process.

Everything is the service's own, on a real chain, with real proofs of the parameter set `dev`; only the loops are the test's, so that it
can look between two steps, and stop anything at any time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from demo.chain import local_chain
from demo.vault import Plan
from prover.batch import RiskRow
from prover.keys import Keys, setup
from prover.orders import Order
from relayer.chain import Chain
from relayer.executor.local import LocalExecutor
from relayer.pipeline.desk import Desk
from relayer.pipeline.policy import Policy
from relayer.pipeline.proving import Prover
from relayer.pipeline.worker import Pipeline
from relayer.replicas import ReplicaClient
from relayer.signing import Signer
from relayer.store import batches, events
from relayer.store.chain import StoredChain
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.store.models import Batch, BatchState, BatchStep, ChainTransaction
from relayer.store.models import Order as OrderRow
from relayer.vault import Vault
from relayer.watcher import LEASE as WATCHER
from relayer.watcher import Watcher
from tests.contracts.venue import TERMS
from tests.relayer.service.intake import Intake
from tests.relayer.service.sender import Sender
from tests.relayer.venue import CONTRACT, DOLLAR, OPERATOR_KEY, Owner, SeedVenue, risk_row

ROOT: Final = Path(__file__).resolve().parents[3]
KEYS: Final = ROOT / "keys"
KEY: Final = bytes(range(32))
"""Of the database."""
PLAN: Final = Plan(terms=TERMS)
ROWS: Final = (risk_row(3, 100 * DOLLAR), risk_row(7, 40 * DOLLAR))
FINAL_BLOCKS: Final = 66
"""Anvil says that a block is final when so many are on top of it."""
LIMIT_SECONDS: Final = 120.0
LEASES_MS: Final = 20_000
IDLE: Final = 12
IDLE_SECONDS: Final = 0.1
"""Steps without anything done after which nothing will be: intake, which works beside, looks five times a second."""
POLICY: Final = Policy(interval=60, confirmations=0, bond_floor=0, settle_bytes=120_000)


class Service:
    """A relayer of a vault, as one process after another would run it."""

    def __init__(
        self,
        venue: SeedVenue,
        database: Database,
        folder: Path,
        policy: Policy = POLICY,
        replicas: Sequence[ReplicaClient] = (),
    ) -> None:
        self.venue, self.database, self.folder = venue, database, folder
        self.sealer = Sealer(KEY)
        self.endpoint = Chain(venue.url)
        self.vault = Vault(self.endpoint, venue.vault.address)
        self.stored = StoredChain(database)
        self.desk = Desk(
            database=database,
            sealer=self.sealer,
            vault=self.vault,
            fund=venue.fund.holder,
            policy=replace(policy, directory=folder / "proofs"),
            history=self.stored.history,
            signer=Signer(OPERATOR_KEY),
            replicas=tuple(replicas),
        )
        self.keys = Keys.load(KEYS, "dev")
        self.intake = Intake(lambda: self.desk, Signer(bytes(venue.vault.receipt_signer.key)))
        self.sender = Sender(database, venue.chain)
        self._ahead = 0
        self.restart()

    def restart(self, name: str = "first") -> None:
        """Everything in memory is gone, as after a crash; another process of this name goes on when the leases have run out."""
        self._ahead += LEASES_MS
        self.leases = Leases(self.database, name, clock=lambda: now_ms() + self._ahead)
        self.watcher = Watcher(self.database, self.vault, self.sealer)
        self.pipeline = Pipeline(desk=self.desk, leases=self.leases, keys=self.keys, duties_every=0)
        self.prover = Prover(
            desk=self.desk, leases=self.leases, executor=LocalExecutor(KEYS, workers=1), keys=self.keys
        )

    def change_policy(self, **changes: Any) -> None:  # noqa: ANN401 - fields of a policy
        """Another policy from now on."""
        self.desk = replace(self.desk, policy=replace(self.desk.policy, **changes))
        self.restart()

    def use_replicas(self, *replicas: ReplicaClient) -> None:
        """Other replicas from now on."""
        self.desk = replace(self.desk, replicas=replicas)
        self.restart()

    # ---- running

    def step(self, *, prove: bool = True) -> bool:
        """Each part of the relayer takes one step; whether any did something."""
        done = [self.watch(), self.pipeline.step(), prove and self.prover.step()]
        return any([*done, self.sender.step()])

    def watch(self) -> bool:
        """Follows the chain."""
        lease = self.leases.acquire(WATCHER)
        return lease is not None and self.watcher.step(lease)

    def run(self, until: Callable[[], bool], *, prove: bool = True) -> None:
        """Steps until something holds; fails when nothing moves on."""
        end, idle = time.monotonic() + LIMIT_SECONDS, 0
        while not until():
            idle = 0 if self.step(prove=prove) else idle + 1
            assert time.monotonic() < end, f"still not there: {self.states()}"
            time.sleep(IDLE_SECONDS if idle else 0)
            assert idle < IDLE, f"nothing happens any more: {self.states()}, {self.transactions()}"

    def opened(self) -> int:
        """The batch that takes orders, once there is one."""
        self.run(lambda: self.open_batch() is not None)
        number = self.open_batch()
        assert number is not None
        return number

    def settle(self) -> int:
        """Closes the open batch and brings it into the chain for good; its number."""
        number = self.opened()
        self.request_close(number)
        self.until(number, BatchState.MINED)
        self.finalize()
        self.until(number, BatchState.FINAL)
        return number

    def until(self, number: int, state: BatchState, *, prove: bool = True) -> None:
        """Steps until a batch has come to a state."""
        self.run(lambda: self.state(number) is state, prove=prove)

    def sealed(self) -> int:
        """Closes the open batch and seals it, without proving it; its number."""
        number = self.opened()
        self.request_close(number)
        self.run(lambda: self.batch(number).end_root is not None, prove=False)
        return number

    def pass_time(self, seconds: int) -> None:
        """The block clock goes on."""
        self.venue.chain.pass_time(seconds)

    def finalize(self) -> None:
        """Puts so many blocks on the chain that all before are final."""
        self.venue.chain.rpc("anvil_mine", hex(FINAL_BLOCKS))

    def request_close(self, number: int) -> None:
        """As the operator's request to seal now."""
        with self.database.write() as session:
            batches.require(session, number).close_requested = True

    # ---- looking

    def batch(self, number: int) -> Batch:
        """A batch's row."""
        with self.database.read() as session:
            return batches.require(session, number)

    def state(self, number: int) -> BatchState | None:
        """Where a batch is."""
        with self.database.read() as session:
            found = batches.get(session, number)
            return None if found is None else found.state

    def states(self) -> dict[int, str]:
        """Where all batches are."""
        with self.database.read() as session:
            return {b.number: f"{b.state.value} {b.reason or ''}" for b in session.query(Batch)}

    def transactions(self) -> dict[str, str]:
        """Where all transactions are."""
        with self.database.read() as session:
            return {t.purpose: f"{t.state.value} {t.error or ''}" for t in session.query(ChainTransaction)}

    def open_batch(self) -> int | None:
        """The batch that takes orders."""
        with self.database.read() as session:
            return next((b.number for b in batches.in_states(session, [BatchState.OPEN])), None)

    def order(self, identity: str) -> OrderRow:
        """An order's row."""
        with self.database.read() as session:
            return session.get_one(OrderRow, identity)

    def steps(self, number: int) -> list[str]:
        """The states that a batch has come through, in order."""
        with self.database.read() as session:
            rows = session.query(BatchStep).filter_by(batch=number).order_by(BatchStep.id)
            return [row.state.value for row in rows]

    def alerts(self) -> list[str]:
        """What the operator was alarmed of, by name."""
        with self.database.read() as session:
            return [each.payload["alert"] for each in events.since(session, 0, channels=["alerts"])]

    def result(self, identity: str) -> dict[str, object]:
        """What became of an order, as its owner is told."""
        row = self.order(identity)
        assert row.result_sealed is not None
        found: dict[str, object] = json.loads(self.sealer.open(f"orders.result:{identity}", row.result_sealed))
        return found

    # ---- traders

    def join(self, name: str, amount: int = 10_000 * DOLLAR, *, register: bool = True) -> Owner:
        """A trader who registers and deposits token units."""
        owner = self.venue.owner(name)
        if register:
            self.intake.register(owner.holder)
        made = self.venue.deposit(owner, amount)
        assert isinstance(made, Owner)
        return made

    def send(self, owner: Owner, **fields: object) -> str:
        """A signed order, acknowledged; its id."""
        order = Order(**{"account": owner.index, "max_fee_rate": TERMS.fee_rate, **fields})  # type: ignore[arg-type]
        return self.intake.take(owner.seed, owner.holder.owner, order, self.open_batch()).id

    def cross(self, buyer: Owner, seller: Owner, contracts: int = 1, **fields: object) -> tuple[str, str]:
        """Two orders of instrument 3 that meet at its mark."""
        size = {"instrument": 3, "quantity": contracts * CONTRACT, **fields}
        bought = self.send(buyer, buy=True, limit=101 * DOLLAR, **size)
        return bought, self.send(seller, buy=False, limit=99 * DOLLAR, **size)

    def stop(self) -> None:
        """Ends what runs beside the test."""
        self.intake.stop()
        self.endpoint.close()


@contextmanager
def service(
    database: Database, folder: Path, plan: Plan = PLAN, policy: Policy = POLICY, rows: Sequence[RiskRow] = ROWS
) -> Iterator[Service]:
    """A relayer of a fresh vault with a risk table in force."""
    with local_chain() as chain_:
        venue = SeedVenue(chain_, setup("dev", KEYS), plan)
        venue.post_epoch(rows)
        made = Service(venue, database, folder, policy)
        try:
            yield made
        finally:
            made.stop()
