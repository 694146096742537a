"""Section 4, "What the state refuses", and the exit touch: which orders of a touch take part.

Ten tests in a fixed order, each a function; each sees only the survivors of the one before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from .account import Leaf, Position
from .margin import Margin, Ratio, margin
from .order import Kind, Order, Side, amount
from .params import CASH_PER_TOKEN, CASH_PER_VALUE, Params
from .risk import RiskRow, SettledRow


class Reason(IntEnum):
    """Section 4, the column "code"."""

    NONE = 0
    NO_ACCOUNT = 1
    WINDOW = 2
    NONCE = 3
    UNKNOWN_INSTRUMENT = 4
    SETTLED_INSTRUMENT = 5
    FEE_RATE = 6
    TOO_MANY_POSITIONS = 7
    OUT_OF_RANGE = 8
    NOT_COVERED = 9
    MARGIN = 10


@dataclass(frozen=True)
class Market:
    """What tests look at besides the account: batch numbers, ratios and fee, both tables by id."""

    params: Params
    batch: int
    last_void: int
    ratio: Ratio
    table: Mapping[int, RiskRow]
    settled: Mapping[int, SettledRow]


@dataclass(frozen=True)
class Opened:
    """An account after this batch's expiry and deposit. `exists` is false for an empty leaf without deposit."""

    exists: bool
    leaf: Leaf
    cash: int
    held: tuple[Position, ...]


@dataclass(frozen=True)
class Admission:
    """The reasons of a touch's orders, who passed tests 1 to 9, the raised nonce, and the margin test.

    `withdrawal` is the amount that margin judged, `payable` what is paid (both in token units)."""

    reasons: tuple[Reason, ...]
    survived: tuple[bool, ...]
    epoch: int
    bitmap: int
    margin: Margin
    withdrawal: int
    payable: int


Orders = dict[int, Order]
"""Orders of a touch by slot, in increasing sequence number."""


def outside_window(market: Market, order: Order) -> bool:
    """Test 2: "not first ≤ batch ≤ last, or it does not survive a void and first ≤ last void batch"."""
    if not order.first_batch <= market.batch <= order.last_batch:
        return True
    return not order.survives_void and order.first_batch <= market.last_void


def raise_epoch(leaf: Leaf, passed: Sequence[Order]) -> tuple[int, int]:
    """Section 4: "the leaf's epoch becomes e', and if that is a rise the bitmap is cleared, before test 3"."""
    epoch = max([leaf.epoch, *(order.epoch for order in passed)])
    return epoch, 0 if epoch > leaf.epoch else leaf.bitmap


def nonce(orders: Orders, epoch: int, bitmap: int) -> set[int]:
    """Test 3: "epoch older than the account's, slot used, or slot taken by an earlier order of the touch that passed this test"."""
    refused, taken = set(), bitmap
    for i, order in orders.items():
        if order.epoch < epoch or taken >> order.slot & 1:
            refused.add(i)
        else:
            taken |= 1 << order.slot
    return refused


def unknown_instrument(market: Market, orders: Orders) -> set[int]:
    """Test 4: "a trade whose id is neither in the risk table nor among the settled rows"."""
    return {
        i
        for i, o in orders.items()
        if is_trade(o) and o.instrument not in market.table and o.instrument not in market.settled
    }


def settled_instrument(market: Market, orders: Orders) -> set[int]:
    """Test 5: "a trade whose id is a settled row"."""
    return {i for i, order in orders.items() if is_trade(order) and order.instrument in market.settled}


def fee_rate(market: Market, orders: Orders) -> set[int]:
    """Test 6: "a trade whose highest fee rate is below the batch's"."""
    return {i for i, order in orders.items() if is_trade(order) and order.max_fee_rate < market.ratio.rate}


def too_many_positions(market: Market, account: Opened, orders: Orders) -> set[int]:
    """Test 7: "a trade in an id that is neither held (unexpired) nor traded by an earlier survivor of this test in the touch,

    when held unexpired positions + such new ids so far = P"."""
    refused, ids = set(), {position.instrument for position in account.held}
    for i, order in orders.items():
        if not is_trade(order) or order.instrument in ids:
            continue
        if len(ids) == market.params.positions:
            refused.add(i)
        else:
            ids.add(order.instrument)
    return refused


def out_of_range(account: Opened, orders: Orders) -> bool:
    """Test 8: "|⌊cash/10⁴⌋| + 2⁴³·(Σ|q| over unexpired positions + Σ quantity of surviving trades) ≥ 2⁷⁷"."""
    lots = sum(abs(position.quantity) for position in account.held) + sum(order.quantity for order in trades(orders))
    return abs(account.cash // CASH_PER_VALUE) + 2**43 * lots >= 2**77


def not_covered(market: Market, account: Opened, orders: Orders) -> set[int]:
    """Test 9: "a withdrawal when cash − (10⁴ + rate)·Σ quantity·limit of surviving buys − 10⁸·amount < 0"."""
    buys = sum(order.quantity * order.limit for order in trades(orders) if order.side == Side.BUY)
    free = account.cash - (CASH_PER_VALUE + market.ratio.rate) * buys
    return {
        i for i, order in orders.items() if order.kind == Kind.WITHDRAW and free - CASH_PER_TOKEN * amount(order) < 0
    }


def is_trade(order: Order) -> bool:
    return order.kind == Kind.TRADE


def trades(orders: Orders) -> list[Order]:
    return [order for order in orders.values() if is_trade(order)]


def withdrawn(orders: Orders) -> int:
    """The surviving withdrawal in token units, 0 without one; "at most one order of a touch is a withdrawal"."""
    return sum(amount(order) for order in orders.values() if order.kind == Kind.WITHDRAW)


def judge_margin(market: Market, account: Opened, orders: Orders, withdrawal: int) -> Margin:
    """Section 6 for these survivors and this withdrawal."""
    return margin(
        market.table, market.ratio, market.params.scenarios, account.cash, account.held, trades(orders), withdrawal
    )


def admit_orders(market: Market, account: Opened, orders: Sequence[Order]) -> Admission:
    """Section 4: the ten tests, over the orders of a touch in increasing sequence number."""
    reasons = [Reason.NONE] * len(orders)
    alive: Orders = dict(enumerate(orders))

    def refuse(refused: set[int], reason: Reason) -> None:
        for i in refused:
            reasons[i] = reason
            del alive[i]

    if not account.exists:
        refuse(set(alive), Reason.NO_ACCOUNT)
    refuse({i for i, order in alive.items() if outside_window(market, order)}, Reason.WINDOW)
    epoch, bitmap = raise_epoch(account.leaf, list(alive.values()))
    for i in [i for i, order in alive.items() if order.kind == Kind.CANCEL]:
        del alive[i]  # "takes tests 1 and 2 only and ends with reason 0"
    refuse(nonce(alive, epoch, bitmap), Reason.NONCE)
    refuse(unknown_instrument(market, alive), Reason.UNKNOWN_INSTRUMENT)
    refuse(settled_instrument(market, alive), Reason.SETTLED_INSTRUMENT)
    refuse(fee_rate(market, alive), Reason.FEE_RATE)
    refuse(too_many_positions(market, account, alive), Reason.TOO_MANY_POSITIONS)
    if out_of_range(account, alive):
        refuse(set(alive), Reason.OUT_OF_RANGE)
    refuse(not_covered(market, account, alive), Reason.NOT_COVERED)
    survived = tuple(i in alive for i in range(len(orders)))
    withdrawal = withdrawn(alive)
    judged = judge_margin(market, account, alive, withdrawal)
    if not judged.holds():
        refuse(set(alive), Reason.MARGIN)
    return Admission(tuple(reasons), survived, epoch, bitmap, judged, withdrawal, withdrawn(alive))


def admit_exit(market: Market, account: Opened, request: int) -> Admission:
    """Section 4, Exit touch: "pays w = min(x, ⌊cash/10⁸⌋) if cash ≥ 0 and margin holds for a withdrawal of w, else 0"."""
    withdrawal = min(request, account.cash // CASH_PER_TOKEN) if account.cash >= 0 else 0
    judged = judge_margin(market, account, {}, withdrawal)
    payable = withdrawal if judged.holds() else 0
    return Admission((), (), account.leaf.epoch, account.leaf.bitmap, judged, withdrawal, payable)
