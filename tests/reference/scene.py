"""Sets a scene for one batch: accounts, both tables, orders, deposits and exits, in a few readable lines.

Used by the generator and by the tests; no part of the specification. Keys, viewing keys and salts
derive from indices and a counter, so a scene is the same each time it is set.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from .account import Holder, Leaf, Position, owner
from .babyjub import Point
from .batch import Batch, Context, Result, State, genesis, run_batch
from .eddsa import Signature, public_key, sign
from .field import MODULUS, word
from .keccak import keccak
from .order import Kind, Order, SealedOrder, Side, domain_of, order_hash
from .params import Params
from .risk import RiskRow, SettledRow
from .seal import Touch

DOMAIN = domain_of(31337, 0x7AC17)
BUY, SELL = Side.BUY, Side.SELL


def derived(text: str, index: int) -> int:
    return int.from_bytes(keccak(text.encode("ascii") + word(index)), "big") % MODULUS


def secret_of(index: int) -> bytes:
    return keccak(b"secret" + word(index))


@lru_cache(maxsize=2**12)
def holder_of(index: int) -> Holder:
    """The holder of an account of a scene."""
    return Holder(public_key(secret_of(index)), derived("viewing key", index), index % 3)


@lru_cache(maxsize=2**14)
def signature_of(index: int, message: int) -> Signature:
    return sign(secret_of(index), message)


@dataclass
class Plan:
    """What a touch is to hold."""

    deposit: int = 0
    exit: int | None = None
    orders: list[SealedOrder] = field(default_factory=list)


@dataclass
class Scene:
    """A batch in the making. Methods add to it; `batch` gives the sealed batch, `run` its result."""

    params: Params
    state: State
    context: Context = field(
        default_factory=lambda: Context(DOMAIN, batch=10, last_void=3, time=1_700_000_000, fee_rate=5, num=5, den=4)
    )
    risk: dict[int, RiskRow] = field(default_factory=dict)
    settled: dict[int, int] = field(default_factory=dict)
    plans: dict[int, Plan] = field(default_factory=lambda: {0: Plan()})
    sequence: int = 0
    unusable: dict[int, Point] = field(default_factory=dict)

    def holder(self, index: int) -> Holder:
        """The account's holder, under the key in `unusable` if one is given there."""
        usual = holder_of(index)
        return replace(usual, key=self.unusable.get(index, usual.key))

    def account(
        self,
        index: int,
        cash: int = 0,
        positions: Sequence[tuple[int, int]] = (),
        epoch: int = 0,
        bitmap: int = 0,
        updates: int = 0,
    ) -> None:
        """An account with positions (instrument, lots); cash in cash units."""
        held = tuple(Position(instrument, quantity) for instrument, quantity in sorted(positions))
        leaf = Leaf(owner(self.holder(index)), cash, epoch, bitmap, updates, derived("leaf salt", index), held)
        self.state = State({**self.state.leaves, index: leaf})

    def row(self, instrument: int, mark: int, values: Sequence[int] = (), minimum: int = 0) -> None:
        """An open instrument; without values, scenarios spread around the mark."""
        count = self.params.scenarios
        spread = [mark * (count + 2 * s) // (2 * count) for s in range(count)]
        self.risk[instrument] = RiskRow(
            instrument, mark, minimum, derived("greeks", instrument), tuple(values or spread)
        )

    def settle(self, instrument: int, value: int) -> None:
        self.settled[instrument] = value

    def plan(self, index: int) -> Plan:
        return self.plans.setdefault(index, Plan())

    def deposit(self, index: int, amount: int) -> None:
        self.plan(index).deposit = amount

    def exit(self, index: int, amount: int) -> None:
        self.plan(index).exit = amount

    def order(
        self,
        index: int,
        instrument: int,
        side: Side,
        quantity: int,
        limit: int,
        *,
        fee: int = 9_999,
        epoch: int = 0,
        slot: int | None = None,
        first: int | None = None,
        last: int | None = None,
        survives: bool = False,
        kind: Kind = Kind.TRADE,
        recipient: int = 0,
        signed: bool = True,
    ) -> int:
        """Adds an order to the account's touch and returns its sequence number; a free slot unless one is given."""
        plan = self.plan(index)
        self.sequence += 1
        batch = self.context.batch
        order = Order(
            account=index,
            instrument=instrument,
            side=side,
            quantity=quantity,
            limit=limit,
            max_fee_rate=fee,
            epoch=epoch,
            slot=len(plan.orders) if slot is None else slot,
            first_batch=batch if first is None else first,
            last_batch=batch if last is None else last,
            survives_void=survives,
            kind=kind,
            recipient=recipient,
            salt=derived("order salt", self.sequence + 1_000_000 * batch),
        )
        signature = signature_of(index, order_hash(self.context.domain, order))
        if not signed:
            signature = replace(signature, s=signature.s - 1 if signature.s else 1)
        plan.orders.append(SealedOrder(order, signature, self.sequence))
        return self.sequence

    def withdraw(
        self, index: int, quantity: int, limit: int, recipient: int = 0xBEEF, *, slot: int | None = None
    ) -> int:
        """A withdrawal of quantity · limit token units."""
        return self.order(index, 0, BUY, quantity, limit, slot=slot, kind=Kind.WITHDRAW, recipient=recipient)

    def cancel(self, index: int, epoch: int) -> int:
        return self.order(index, 0, SELL, 1, 0, epoch=epoch, kind=Kind.CANCEL)

    def batch(self) -> Batch:
        """The sealed batch, touches by increasing index."""
        touches = [Touch(i, self.holder(i), p.deposit, p.exit, tuple(p.orders)) for i, p in sorted(self.plans.items())]
        settled = tuple(SettledRow(instrument, value) for instrument, value in sorted(self.settled.items()))
        return Batch(self.context, tuple(row for _, row in sorted(self.risk.items())), settled, tuple(touches))

    def run(self) -> Result:
        return run_batch(self.params, self.state, self.batch())


def scene(params: Params) -> Scene:
    """An empty scene: the fund at genesis, no instrument."""
    return Scene(params, genesis(params, DOMAIN, holder_of(0)))
