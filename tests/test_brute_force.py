"""The two rules that decide who pays what, tried out in full on small numbers.

**One price, one set of fills** (promise 4). A prover chooses price, cut, its side and how much of the cut is filled; the circuits hold
him to what docs/protocol.md says in sections 5 and 7. Here every choice is tried: of each small book exactly one price with one set of
fills satisfies the rules, and it is the reference's. Without any one of the rules there are others.

**No order leaves its account short** (promise 6). Of an admitted touch every part may execute, at any price that the limits allow. In exact
cash, fees included: a scenario (the mark is one) in which D_s ≠ 0 ends at 0 or above, one in which D_s = 0 no worse than it was.
Test 10 counts whole value units, so what the next batch reads there lies above −den of them (section 11, "Units of admission").

Thousands of books and touches; with TACIT_FULL set, tens of thousands.
"""

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import pytest

from tests.reference.account import Leaf, Position
from tests.reference.admission import Admission, Market, Opened, Reason, admit_exit, admit_orders, judge_margin
from tests.reference.auction import Bid, clear
from tests.reference.margin import Ratio
from tests.reference.order import Kind, Order, Side
from tests.reference.params import CASH_PER_TOKEN, CASH_PER_VALUE, DEV
from tests.reference.risk import RiskRow

FULL = bool(os.environ.get("TACIT_FULL"))
BOOKS = 60_000 if FULL else 2_000
TOUCHES = 40_000 if FULL else 1_500

# ---- one price, one set of fills ------------------------------------------------------------------------------------------

TICKS = 6
"""Limits are 0 … 5. A price above all limits has no order at it: only the mark itself can stand there."""

Solution = tuple[int, tuple[int, ...]]
"""A clearing price and the fill of each order."""


def at_price_count(bids: Sequence[Bid], fills: Sequence[int], price: int, mark: int) -> int:
    """Section 5: "over admitted orders with limit = p*, let count = Σ (side = [p* > mark] ? quantity − fill : fill)"."""
    direction = Side.BUY if price > mark else Side.SELL
    here = [(bid, fill) for bid, fill in zip(bids, fills, strict=True) if bid.limit == price]
    return sum(bid.quantity - fill if bid.side == direction else fill for bid, fill in here)


def net(bids: Sequence[Bid], fills: Sequence[int]) -> int:
    return sum(fill if bid.side == Side.BUY else -fill for bid, fill in zip(bids, fills, strict=True))


def allowed_fills(bid: Bid, price: int, cut: int, cut_side: Side) -> Sequence[int]:
    """Section 5, as a segment holds one order to it: in full at a strictly better limit, nothing at a worse one; at the price in full on
    the side that is not the cut's and before the cut, any part as the cut, nothing behind it."""
    if bid.limit != price:
        better = bid.limit > price if bid.side == Side.BUY else bid.limit < price
        return (bid.quantity,) if better else (0,)
    if bid.side != cut_side or bid.sequence < cut:
        return (bid.quantity,)
    return range(bid.quantity + 1) if bid.sequence == cut else (0,)


def any_part_at_the_price(bid: Bid, price: int, cut: int, cut_side: Side) -> Sequence[int]:
    """The same without priority: at the price any part of any order."""
    return range(bid.quantity + 1) if bid.limit == price else allowed_fills(bid, price, cut, cut_side)


def price_rule(bids: Sequence[Bid], fills: Sequence[int], price: int, mark: int) -> bool:
    """Section 5: "p* ≠ mark ⇒ count > 0"."""
    return price == mark or at_price_count(bids, fills, price, mark) > 0


def solutions(
    bids: Sequence[Bid],
    mark: int,
    fills_of: Callable[[Bid, int, int, Side], Sequence[int]] = allowed_fills,
    *,
    balanced: bool = True,
    ruled: bool = True,
) -> dict[Solution, set[tuple[int, Side]]]:
    """All prices and fills that the rules admit, with the cuts that admit them. A cut is a sequence number, or lies below or above all."""
    found: dict[Solution, set[tuple[int, Side]]] = {}
    cuts = range(max((bid.sequence for bid in bids), default=0) + 2)
    for price, cut, cut_side in product(range(TICKS + 1), cuts, Side):
        for fills in product(*(fills_of(bid, price, cut, cut_side) for bid in bids)):
            if balanced and net(bids, fills) != 0:
                continue
            if ruled and not price_rule(bids, fills, price, mark):
                continue
            found.setdefault((price, fills), set()).add((cut, cut_side))
    return found


def books(count: int, largest: int) -> Iterator[tuple[list[Bid], int]]:
    """Random books of up to `largest` orders, some sequence numbers being other instruments', and a mark."""
    rng = random.Random(5)
    for _ in range(count):
        size = rng.randint(0, largest)
        sequences = sorted(rng.sample(range(1, size + 3), size))
        yield (
            [Bid(s, Side(rng.randint(0, 1)), rng.randint(1, 3), rng.randrange(TICKS)) for s in sequences],
            rng.randint(0, TICKS),
        )


def test_the_rules_of_the_auction_leave_one_price_with_one_set_of_fills() -> None:
    traded = partial = moved = 0
    for bids, mark in books(BOOKS, 8):
        active = max((bid.sequence for bid in bids), default=0)
        reference = clear(bids, mark, active)
        fills = tuple(reference.fills[bid.sequence] for bid in bids)
        found = solutions(bids, mark)
        assert set(found) == {(reference.price, fills)}, (bids, mark)
        assert (reference.cut, reference.cut_side) in found[reference.price, fills], (bids, mark)
        assert reference.count == at_price_count(bids, fills, reference.price, mark), (bids, mark)
        traded += reference.volume > 0
        partial += any(0 < fill < bid.quantity for bid, fill in zip(bids, fills, strict=True))
        moved += reference.price != mark
    assert min(traded, partial, moved) > BOOKS // 10


@pytest.mark.parametrize("left_out", ["price rule", "buys equal sells", "priority at the price"])
def test_without_any_one_rule_a_prover_could_choose(left_out: str) -> None:
    others = 0
    for bids, mark in books(100, 4):
        fills_of = any_part_at_the_price if left_out == "priority at the price" else allowed_fills
        found = solutions(bids, mark, fills_of, balanced=left_out != "buys equal sells", ruled=left_out != "price rule")
        others += len(found) > 1
    assert others > 10


# ---- no order leaves its account short ------------------------------------------------------------------------------------

SCENARIOS = DEV.scenarios
IDS = (10, 20)


def exact_claims(market: Market, cash: int, held: Mapping[int, int]) -> list[int]:
    """Section 6, "C_s = num·X_s − (num − den)·X_mark − den·R", by scenario, the mark last, without orders. Cash is not rounded: claims are
    10⁴ times as large."""
    num, den = market.ratio.num, market.ratio.den
    rows = [(quantity, market.table[instrument]) for instrument, quantity in held.items()]
    at_mark = cash + CASH_PER_VALUE * sum(quantity * row.mark for quantity, row in rows)
    required = CASH_PER_VALUE * sum(-quantity * row.short_minimum for quantity, row in rows if quantity < 0)
    worth = [cash + CASH_PER_VALUE * sum(quantity * row.values[s] for quantity, row in rows) for s in range(SCENARIOS)]
    return [num * x - (num - den) * at_mark - den * required for x in worth] + [den * (at_mark - required)]


def random_market(rng: random.Random) -> Market:
    den = rng.randint(1, 4)
    ratio = Ratio(rng.randint(den, 5), den, rng.choice([0, 1, 5, 300, 9_999]))
    top = rng.choice([5, 50, 20_000])

    def row(instrument: int) -> RiskRow:
        values = tuple(rng.randint(0, top) for _ in range(SCENARIOS))
        return RiskRow(instrument, rng.randint(0, top), rng.randint(0, top // 5 + 1), 0, values)

    return Market(DEV, 10, 0, ratio, {instrument: row(instrument) for instrument in IDS}, {})


def random_orders(rng: random.Random, market: Market) -> list[Order]:
    """Up to three trades and now and then a withdrawal, none of which tests 1 to 7 refuse."""

    def order(slot: int, kind: Kind, instrument: int, side: Side, quantity: int, limit: int) -> Order:
        return Order(1, instrument, side, quantity, limit, 9_999, 0, slot, 10, 10, False, kind, 0, 0)

    orders = []
    for slot in range(rng.randint(0, 3)):
        instrument = rng.choice(IDS)
        limit = rng.randint(0, 2 * market.table[instrument].mark + 2)
        orders.append(order(slot, Kind.TRADE, instrument, Side(rng.randint(0, 1)), rng.randint(1, 3), limit))
    if rng.random() < 0.3:
        orders.append(order(9, Kind.WITHDRAW, 0, Side.BUY, 1, rng.randint(1, 2)))
    return orders


def account(cash: int, held: Mapping[int, int]) -> Opened:
    positions = tuple(Position(instrument, quantity) for instrument, quantity in held.items())
    return Opened(True, Leaf(1, cash=cash, positions=positions), cash, positions)


def least_cash(market: Market, held: Mapping[int, int], orders: Sequence[Order]) -> int:
    """The least whole value units with which test 10 admits the touch, if all its orders come to it; 0 where it asks for none."""
    withdrawal = sum(order.limit for order in orders if order.kind == Kind.WITHDRAW)
    judged = judge_margin(market, account(0, held), dict(enumerate(orders)), withdrawal)
    affected = [claim for claim, loss in zip(judged.claims, judged.differences, strict=True) if loss != 0]
    return max((-(claim // market.ratio.den) for claim in affected), default=0)


class Touch:
    """A small account with orders or an exit request and just enough cash, or a little more or less."""

    def __init__(self, rng: random.Random) -> None:
        self.market = random_market(rng)
        self.held = {instrument: rng.choice([-4, -2, -1, 1, 3]) for instrument in IDS if rng.random() < 0.7}
        self.request = rng.randint(1, 3) if rng.random() < 0.15 else None
        self.orders = [] if self.request else random_orders(rng, self.market)
        spare = rng.choice([-1, 0, 0, 0, 1, 30_000])
        whole = least_cash(self.market, self.held, self.orders) + spare
        self.cash = CASH_PER_VALUE * whole + rng.choice([0, 1, CASH_PER_VALUE - 1])

    def admission(self, market: Market) -> Admission:
        opened = account(self.cash, self.held)
        return admit_exit(market, opened, self.request) if self.request else admit_orders(market, opened, self.orders)

    def trades(self, admission: Admission) -> list[Order]:
        admitted = zip(self.orders, admission.reasons, strict=True)
        return [order for order, reason in admitted if order.kind == Kind.TRADE and reason == Reason.NONE]

    def ends(self, admission: Admission, rng: random.Random) -> Iterator[tuple[int, dict[int, int]]]:
        """Cash and positions after each part of what was admitted: every fill of every trade, at the limits and at some better prices; what
        is paid out is paid whole."""
        trades = self.trades(admission)
        for fills in product(*(range(order.quantity + 1) for order in trades)):
            for at_limits in (True, False):
                cash, held = self.cash - CASH_PER_TOKEN * admission.payable, dict(self.held)
                for order, fill in zip(trades, fills, strict=True):
                    price = order.limit if at_limits else better_price(order, rng)
                    signed = fill if order.side == Side.BUY else -fill
                    cash -= CASH_PER_VALUE * signed * price + self.market.ratio.rate * fill * price
                    held[order.instrument] = held.get(order.instrument, 0) + signed
                yield cash, held


def better_price(order: Order, rng: random.Random) -> int:
    return rng.randint(0, order.limit) if order.side == Side.BUY else order.limit + rng.randint(0, 2 * order.limit + 5)


def admitted_touches(count: int, judged_by: Callable[[Market], Market]) -> Iterator[tuple[Touch, Admission]]:
    """Random touches of which something is admitted."""
    for seed in range(count):
        touch = Touch(random.Random(seed))
        admission = touch.admission(judged_by(touch.market))
        if admission.payable or touch.trades(admission):
            yield touch, admission


def broken_promises(touch: Touch, admission: Admission, rng: random.Random) -> int:
    """Ends of the touch in which a scenario stands below what is promised."""
    before = exact_claims(touch.market, touch.cash, touch.held)
    least = [0 if loss != 0 else claim for claim, loss in zip(before, admission.margin.differences, strict=True)]
    ends = (exact_claims(touch.market, cash, held) for cash, held in touch.ends(admission, rng))
    return sum(any(claim < floor for claim, floor in zip(claims, least, strict=True)) for claims in ends)


def test_no_part_of_what_was_admitted_leaves_an_account_short_where_it_makes_it_worse() -> None:
    trades = payments = untouched = refused = 0
    for seed in range(TOUCHES):
        touch = Touch(random.Random(seed))
        admission = touch.admission(touch.market)
        refused += Reason.MARGIN in admission.reasons
        if not admission.payable and not touch.trades(admission):
            continue
        assert broken_promises(touch, admission, random.Random(seed)) == 0, seed
        trades += bool(touch.trades(admission))
        payments += bool(admission.payable)
        untouched += any(loss == 0 for loss in admission.margin.differences)
    assert min(trades, payments, untouched, refused) > TOUCHES // 20, (trades, payments, untouched, refused)


def test_in_whole_value_units_an_admitted_account_ends_less_than_den_below_0() -> None:
    below = 0
    for touch, admission in admitted_touches(TOUCHES, lambda market: market):
        bound = CASH_PER_VALUE * touch.market.ratio.den
        for cash, held in touch.ends(admission, random.Random(0)):
            # ⌊cash/10⁴⌋ as test 10 of the next batch has it.
            claims = exact_claims(touch.market, CASH_PER_VALUE * (cash // CASH_PER_VALUE), held)
            affected = [c for c, loss in zip(claims, admission.margin.differences, strict=True) if loss != 0]
            assert all(claim > -bound for claim in affected), (affected, bound)
            below += any(claim < 0 for claim in affected)
    assert below > 0


def with_rows(market: Market, change: Callable[[RiskRow], RiskRow]) -> Market:
    return replace(market, table={instrument: change(row) for instrument, row in market.table.items()})


LENIENT: dict[str, Callable[[Market], Market]] = {
    "without fees": lambda market: replace(market, ratio=replace(market.ratio, rate=0)),
    "without the short minimum": lambda market: with_rows(market, lambda row: replace(row, short_minimum=0)),
    "by one scenario": lambda market: with_rows(market, lambda row: replace(row, values=row.values[:1] * SCENARIOS)),
}


@pytest.mark.parametrize("how", LENIENT)
def test_an_admission_that_leaves_something_out_leaves_accounts_short(how: str) -> None:
    touches = admitted_touches(300, LENIENT[how])
    assert sum(broken_promises(touch, admission, random.Random(0)) for touch, admission in touches) > 0
