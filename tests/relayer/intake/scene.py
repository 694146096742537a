"""A vault as intake sees it, in memory: traders with money in settled accounts, a risk table, a batch that opens and closes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from prover.batch import ClearedTouch, Context, RiskRow, SealedBatch, State
from prover.hashing import FIELD_ORDER
from prover.orders import Holder, Order, Touch
from relayer.envelope import Envelope, SignedOrder, seal_order, seal_registration
from relayer.hpke import PublicKey
from relayer.intake.acceptance import Acceptance, Limits
from relayer.intake.engine import Engine, Rhythm
from relayer.intake.keys import KeyRing
from relayer.intake.opening import Opener, packed_key
from relayer.intake.registering import Pace
from relayer.intake.signer import LocalSigner, Voucher
from relayer.intake.view import Table, Terms, View
from relayer.receipts import separator
from relayer.signing import Signer
from relayer.store import orders
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Lease, Leases
from relayer.store.models import Batch, BatchState

DOMAIN: Final = 0x7AC17
VAULT: Final = "0x" + "5a" * 20
SIGNER: Final = Signer(b"\x51" * 32)
VOUCHER: Final = Voucher(LocalSigner(SIGNER), separator(31_337, VAULT))
SEALER: Final = Sealer(bytes(range(32)))
FEE_RATE: Final = 30
DOLLAR: Final = 10**6
UNIT: Final = 10**6
MONEY: Final = 100_000 * DOLLAR
EPOCH_AGE: Final = 3_600
TERMS: Final = Terms(
    domain=DOMAIN,
    vault=VAULT,
    separator=separator(31_337, VAULT),
    params="dev",
    fee_rate=FEE_RATE,
    num=5,
    den=4,
    epoch_age=EPOCH_AGE,
)
ROWS: Final = tuple(
    RiskRow(number, 1_000 * UNIT, 100 * UNIT, 7, tuple((800 + 100 * s) * UNIT for s in range(4)))
    for number in range(1, 9)
)
COVERED: Final = 10_000
"""Orders that the bond is enough for: more than any test gives."""
UNKNOWN_INSTRUMENT: Final = 77
SETTLED_INSTRUMENT: Final = 50
SETTLED_VALUE: Final = 900 * UNIT


@dataclass(frozen=True)
class Trader:
    """Who has an account."""

    account: int
    seed: bytes
    holder: Holder

    @property
    def owner(self) -> bytes:
        """The owner word as stored."""
        return self.holder.owner.to_bytes(32, "big")

    def order(self, **changes: Any) -> Order:  # noqa: ANN401 - fields of an order
        """A small buy that nothing stands against."""
        values: dict[str, Any] = {
            "account": self.account,
            "instrument": 1,
            "quantity": 10_000,
            "limit": 1_000 * UNIT,
            "max_fee_rate": FEE_RATE,
            "first_batch": 1,
            "last_batch": 2**32 - 1,
        }
        return Order(**(values | changes))

    def signed(self, order: Order, seed: bytes | None = None) -> SignedOrder:
        """Signed by the trader, or with another seed."""
        return SignedOrder.sign(seed or self.seed, self.holder.owner, order, DOMAIN)


@cache
def trader(account: int) -> Trader:
    """The trader of an account, the same in every run."""
    seed = bytes([account % 256, account // 256]) * 16
    return Trader(account, seed, Holder.from_seed(seed, (account + 1) * 0x1234567 % FIELD_ORDER))


@cache
def settled_state(accounts: int) -> State:
    """After a batch in which everybody but the fund deposited."""
    genesis = State.genesis("dev", trader(0).holder, DOMAIN)
    touches = tuple(Touch(index, trader(index).holder, deposit=MONEY if index else 0) for index in range(accounts))
    context = Context(domain=DOMAIN, batch=1, last_void=0, time=1, fee_rate=FEE_RATE, num=5, den=4)
    return genesis.clear(SealedBatch("dev", context, ROWS, touches)).state


def table(epoch: int = 1, time: int | None = None) -> Table:
    """The risk table in force."""
    rows = {row.instrument: json.dumps(row.to_wire()) for row in ROWS}
    return Table(epoch, now_ms() // 1000 if time is None else time, rows)


def view_of(accounts: int, **changes: Any) -> View:  # noqa: ANN401 - fields of a view
    """Batch 2 is open on the state after batch 1."""
    base = View(
        terms=TERMS,
        batch=2,
        open=2,
        fixed=1,
        state=settled_state(accounts),
        table=table(),
        settled={SETTLED_INSTRUMENT: SETTLED_VALUE},
        covered=COVERED,
        accounts={trader(index).holder.owner: index for index in range(accounts)},
    )
    return replace(base, **changes)


class Stage:
    """Everything that intake works with, on a database; batches are opened and closed by hand."""

    def __init__(
        self,
        database: Database,
        accounts: int = 6,
        limits: Limits | None = None,
        clock: Callable[[], int] = now_ms,
        fresh: bool = True,
    ) -> None:
        self.database, self.count, self.clock = database, accounts, clock
        self.limits = limits or Limits(orders=100, accounts=50, waiting=100)
        self.view = view_of(accounts)
        self._version = 0
        self._lock = threading.Lock()
        self.leases = Leases(database, "test", clock)
        if fresh:
            with database.write() as session:
                for index in range(accounts):
                    orders.register(session, SEALER, trader(index).holder, packed_key(trader(index).holder), index)
            self.set_batch(2, BatchState.OPEN)

    # ---- the vault

    def set_batch(self, number: int, state: BatchState) -> None:
        """Stores where a batch is."""
        with self.database.write() as session:
            row = session.get(Batch, number)
            if row is None:
                now = self.clock()
                session.add(
                    Batch(
                        number=number,
                        state=state,
                        epoch=1,
                        close_requested=False,
                        proofs_done=0,
                        covered=COVERED,
                        created_at=now,
                        updated_at=now,
                    )
                )
            else:
                row.state = state

    def cover(self, number: int, orders: int) -> None:
        """The pipeline has seen how many orders of a batch the bond covers; intake's view is older."""
        with self.database.write() as session:
            session.get_one(Batch, number).covered = orders

    def change(self, **changes: Any) -> None:  # noqa: ANN401 - fields of a view
        """The vault moves on."""
        with self._lock:
            self.view = replace(self.view, **changes)
            self._version += 1

    def close(self) -> None:
        """The open batch takes no more orders; none is open."""
        number = self.view.batch
        self.set_batch(number, BatchState.CLOSING)
        self.change(open=None, batch=number + 1)

    def open_next(self) -> None:
        """The next batch opens."""
        number = self.view.batch
        self.set_batch(number, BatchState.OPEN)
        self.change(open=number)

    def version(self) -> object:
        """As :class:`relayer.intake.engine.Views`."""
        return self._version

    def load(self) -> View | None:
        """As :class:`relayer.intake.engine.Views`."""
        return self.view

    # ---- intake

    def lease(self) -> Lease:
        """The lease of intake."""
        lease = self.leases.acquire("intake")
        assert lease is not None
        return lease

    def acceptance(self) -> Acceptance:
        """As a new process has it."""
        return Acceptance(self.database, SEALER, LocalSigner(SIGNER), self.limits, self.clock)

    def keys(self) -> KeyRing:
        """As a new process has them."""
        return KeyRing(self.database, SEALER, VOUCHER, clock=self.clock)

    def engine(
        self,
        rhythm: Rhythm | None = None,
        holder: str = "test",
        rate: Callable[[str], float] | None = None,
        pace: Pace | None = None,
    ) -> Engine:
        """As a new process has it."""
        keys = self.keys()
        return Engine(
            database=self.database,
            leases=Leases(self.database, holder, self.clock),
            keys=keys,
            views=self,
            opener=Opener(self.database, keys, TERMS),
            acceptance=self.acceptance(),
            rhythm=rhythm,
            rate=rate,
            pace=pace,
        )


def envelope(keys: KeyRing, signed: SignedOrder) -> Envelope:
    """A signed order, encrypted to the key in force."""
    return seal_order(public_key(keys), DOMAIN, VAULT, signed)


def registration(keys: KeyRing, holder: Holder) -> Envelope:
    """The opening of an owner word, encrypted to the key in force."""
    return seal_registration(public_key(keys), DOMAIN, VAULT, holder)


def public_key(keys: KeyRing) -> PublicKey:
    """The key in force."""
    current = keys.current()
    assert current is not None
    return PublicKey(current.public)


def cleared_alone(view: View, account: int, ordered: Sequence[Order], deposit: int = 0) -> ClearedTouch:
    """What clearing makes of the orders of one account on the view's state, nobody else trading."""
    assert view.state is not None
    sealed = tuple(order.sealed(trader(account).seed, DOMAIN, number) for number, order in enumerate(ordered, start=1))
    touches = (Touch(0, trader(0).holder), Touch(account, trader(account).holder, deposit=deposit, orders=sealed))
    context = replace(view.context, time=1)
    return view.state.clear(SealedBatch(view.terms.params, context, ROWS, touches)).touches[1]
