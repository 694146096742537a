"""Named batches at the edges of the protocol: `KINDS` maps a name to a function that sets its scene.

Each states the features it must show; `tests/test_reference.py` holds it to them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from .account import Leaf, Position
from .babyjub import IDENTITY, Point
from .batch import State
from .field import MODULUS
from .margin import Ratio, margin
from .order import Kind
from .params import DEV, SLOTS, STANDARD, TOP, Params
from .scene import BUY, SELL, Scene, scene

RICH = 10**17
"""Cash that covers every small order: 1,000 quote."""
MARK = 1_000_000
ID = 100


@dataclass(frozen=True)
class KindOfBatch:
    """A named scene and the features it must show."""

    set_up: Callable[[], Scene]
    shows: tuple[str, ...]


KINDS: dict[str, KindOfBatch] = {}


def kind(*shows: str) -> Callable[[Callable[[], Scene]], Callable[[], Scene]]:
    """Registers a scene under its function's name."""

    def register(set_up: Callable[[], Scene]) -> Callable[[], Scene]:
        KINDS[set_up.__name__.replace("_", " ")] = KindOfBatch(set_up, shows)
        return set_up

    return register


def book(params: Params = DEV, traders: int = 3) -> Scene:
    """Some rich traders (indices 1, 2, …) and one instrument."""
    s = scene(params)
    for index in range(1, traders + 1):
        s.account(index, RICH)
        s.plan(index)
    s.row(ID, MARK)
    return s


# Books


@kind("touch that holds nothing", "padding touch", "batch without an active order")
def nothing_at_all() -> Scene:
    return scene(DEV)


@kind("empty book", "touch that holds nothing", "several segments")
def empty_book() -> Scene:
    return book()


@kind("one-sided book", "trade not filled in full")
def only_buys() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK - 1)
    s.order(2, ID, BUY, 5, MARK + 7)
    return s


@kind("one-sided book", "trade not filled in full")
def only_sells() -> Scene:
    s = book()
    s.order(1, ID, SELL, 5, MARK + 1)
    s.order(2, ID, SELL, 5, MARK - 7)
    return s


@kind("book that does not cross")
def bid_below_ask() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK - 1)
    s.order(2, ID, SELL, 5, MARK + 1)
    return s


@kind("book that does not cross")
def book_wholly_above_the_mark() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK + 10)
    s.order(2, ID, SELL, 5, MARK + 20)
    return s


@kind("balanced book", "price at the mark", "trade filled in full")
def balanced_book() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK)
    s.order(2, ID, SELL, 5, MARK)
    return s


@kind("tie at the price", "partial fill at the cut")
def tie_cut_in_the_middle() -> Scene:
    s = book(traders=4)
    for index in (1, 2, 3):
        s.order(index, ID, BUY, 5, MARK)
    s.order(4, ID, SELL, 7, MARK)
    return s


@kind("tie at the price", "cut filled in no part")
def tie_cut_between_two() -> Scene:
    s = book(traders=4)
    for index in (1, 2, 3):
        s.order(index, ID, SELL, 5, MARK)
    s.order(4, ID, BUY, 10, MARK)
    return s


@kind("tie at the price", "partial fill at the cut")
def tie_served_by_sequence_not_by_index() -> Scene:
    s = book(traders=4)
    for index in (3, 1, 2):
        s.order(index, ID, BUY, 4, MARK)
    s.order(4, ID, SELL, 6, MARK)
    return s


@kind("cut filled in no part")
def cut_starved_by_better_limits() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK + 10)
    s.order(2, ID, BUY, 5, MARK)
    s.order(3, ID, SELL, 5, MARK)
    return s


@kind("price below the mark")
def price_at_the_upper_end_of_its_interval() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK - 10)
    s.order(2, ID, SELL, 5, MARK - 30)
    return s


@kind("price above the mark")
def price_at_the_lower_end_of_its_interval() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK + 30)
    s.order(2, ID, SELL, 5, MARK + 10)
    return s


@kind("price at the mark")
def mark_inside_the_interval() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK + 30)
    s.order(2, ID, SELL, 5, MARK - 10)
    return s


@kind("trade with oneself", "balanced book", "several orders of an account in an instrument")
def one_trader_crossing_itself() -> Scene:
    s = book(traders=1)
    s.order(1, ID, BUY, 5, MARK + 3)
    s.order(1, ID, SELL, 5, MARK + 1)
    return s


@kind("one-sided book")
def one_trader_only() -> Scene:
    s = book(traders=1)
    s.order(1, ID, SELL, 5, MARK)
    return s


@kind("several orders of an account in an instrument", "partial fill at the cut")
def two_orders_of_one_account_at_one_price() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK)
    s.order(1, ID, BUY, 5, MARK)
    s.order(2, ID, SELL, 7, MARK)
    return s


@kind("fill at a price of zero", "limit of zero")
def price_of_zero() -> Scene:
    s = scene(DEV)
    for index in (1, 2):
        s.account(index, RICH)
    s.row(ID, 0, [0] * DEV.scenarios)
    s.order(1, ID, BUY, 5, 0)
    s.order(2, ID, SELL, 5, 0)
    return s


@kind("highest limit", "price at the mark")
def highest_price() -> Scene:
    top, s = 2**42 - 1, scene(DEV)
    for index in (1, 2):
        s.account(index, 10**25)
    s.row(ID, top, [top] * DEV.scenarios, minimum=top)
    s.order(1, ID, BUY, 5, top)
    s.order(2, ID, SELL, 5, top)
    return s


@kind("largest quantity", "trade filled in full")
def largest_quantity() -> Scene:
    s = scene(DEV)
    for index in (1, 2):
        s.account(index, 10**24)
    s.row(ID, MARK)
    s.order(1, ID, BUY, 2**32 - 1, MARK)
    s.order(2, ID, SELL, 2**32 - 1, MARK)
    return s


@kind("largest quantity", "highest limit", "reason 10: margin")
def largest_quantity_at_the_highest_price() -> Scene:
    s = book()
    s.order(1, ID, BUY, 2**32 - 1, 2**42 - 1)
    s.order(2, ID, SELL, 2**32 - 1, 2**42 - 1)
    s.account(3, 2 * 10**26)
    s.order(3, ID, BUY, 2**32 - 1, 2**42 - 1)
    s.context = replace(s.context, fee_rate=9_999)
    return s


@kind("fees credited")
def highest_fee_rate() -> Scene:
    s = book()
    s.context = replace(s.context, fee_rate=9_999)
    s.order(1, ID, BUY, 5, MARK)
    s.order(2, ID, SELL, 5, MARK)
    return s


@kind("trade filled in full")
def no_fee() -> Scene:
    s = book()
    s.context = replace(s.context, fee_rate=0)
    s.order(1, ID, BUY, 5, MARK, fee=0)
    s.order(2, ID, SELL, 5, MARK, fee=0)
    return s


@kind("trade filled in full", "fees credited")
def the_fund_trades() -> Scene:
    s = book(traders=1)
    s.deposit(0, 10**9)
    s.order(0, ID, SELL, 5, MARK)
    s.order(1, ID, BUY, 5, MARK)
    return s


# Positions


@kind("position netted to nothing")
def position_netted_to_nothing() -> Scene:
    s = book()
    s.account(1, RICH, [(ID, -5)])
    s.account(2, RICH, [(ID, 5)])
    s.order(1, ID, BUY, 5, MARK)
    s.order(2, ID, SELL, 5, MARK)
    return s


@kind("position turned round")
def position_turned_round() -> Scene:
    s = book()
    s.account(1, RICH, [(ID, -5)])
    s.order(1, ID, BUY, 9, MARK)
    s.order(2, ID, SELL, 9, MARK)
    return s


@kind("reason 7: too_many_positions", "leaf full of positions")
def one_position_too_many() -> Scene:
    s = book(traders=2)
    for i in range(4):
        s.row(ID + 1 + i, MARK)
    s.account(1, RICH, [(ID + i, 1) for i in range(3)])
    s.order(1, ID + 3, BUY, 1, MARK)
    s.order(1, ID + 4, BUY, 1, MARK)
    s.order(2, ID + 3, SELL, 1, MARK)
    s.order(2, ID + 4, SELL, 1, MARK)
    return s


@kind("leaf full of positions", "position opened")
def a_new_position_counts_once() -> Scene:
    s = book(traders=2)
    for i in range(4):
        s.row(ID + 1 + i, MARK)
    s.account(1, RICH, [(ID + i, 1) for i in range(3)])
    s.order(1, ID + 3, BUY, 1, MARK)
    s.order(1, ID + 3, BUY, 1, MARK + 1)
    s.order(2, ID + 3, SELL, 2, MARK)
    return s


@kind("leaf full of positions", "position opened", "expiry of a long position")
def expiry_makes_room() -> Scene:
    s = book(traders=2)
    for i in range(3):
        s.row(ID + 1 + i, MARK)
    s.settle(50, 3)
    s.account(1, RICH, [(50, 1), (ID, 1), (ID + 1, 1), (ID + 2, 1)])
    s.order(1, ID + 3, BUY, 1, MARK)
    s.order(2, ID + 3, SELL, 1, MARK)
    return s


@kind("leaf full of positions", "reason 7: too_many_positions")
def standard_leaf_full() -> Scene:
    s = book(STANDARD, traders=2)
    for i in range(1, 20):
        s.row(ID + i, MARK)
    s.account(1, RICH, [(ID + i, (-1) ** i) for i in range(15)])
    s.order(1, ID + 16, BUY, 1, MARK)
    s.order(1, ID + 17, BUY, 1, MARK)
    s.order(1, ID + 16, BUY, 1, MARK)
    s.order(1, ID + 1, BUY, 2, MARK)
    s.order(2, ID + 16, SELL, 2, MARK)
    return s


@kind("expiry of a long position", "expiry of a short position")
def everything_expires() -> Scene:
    s = scene(DEV)
    for i in range(4):
        s.settle(ID + i, 10**6 * i)
    s.account(1, RICH, [(ID + i, 7 - 3 * i) for i in range(4)])
    s.account(2, -5, [(ID + 3, 2**33)])
    s.plan(1)
    s.plan(2)
    return s


@kind("expiry of a short position", "negative cash")
def expiry_leaves_a_debt() -> Scene:
    s = scene(DEV)
    s.settle(ID, 2**42 - 1)
    s.account(1, 5, [(ID, -(2**20))])
    s.plan(1)
    return s


@kind("expiry of a long position", "withdrawal")
def withdrawal_of_what_expired() -> Scene:
    s = scene(DEV)
    s.settle(ID, 10_000)
    s.account(1, 0, [(ID, 10_000)])
    s.withdraw(1, 10_000, 1)
    return s


# Margin


def smallest_cover(s: Scene, index: int) -> int:
    """The least cash (a multiple of 10⁴) with which this account's margin holds for all orders of its touch."""
    ratio = Ratio(s.context.num, s.context.den, s.context.fee_rate)
    leaf = s.state.leaves[index]
    orders = [sealed.order for sealed in s.plans[index].orders]
    trades = [order for order in orders if order.kind == Kind.TRADE]
    amount = sum(order.quantity * order.limit for order in orders if order.kind == Kind.WITHDRAW) + (
        s.plans[index].exit or 0
    )
    judged = margin(s.risk, ratio, s.params.scenarios, 0, leaf.positions, trades, amount)
    worst = min(c for c, d in zip(judged.claims, judged.differences, strict=True) if d != 0)
    return 10**4 * -(worst // ratio.den)


def at_margin(shortfall: int) -> Scene:
    s = book()
    s.row(ID, MARK, minimum=400)
    s.account(1, 0, [(ID, -6)])
    s.order(1, ID, SELL, 4, MARK)
    s.order(2, ID, BUY, 4, MARK)
    s.account(1, smallest_cover(s, 1) - shortfall, [(ID, -6)])
    return s


@kind("margin exactly met", "trade filled in full")
def margin_exactly_met() -> Scene:
    return at_margin(0)


@kind("reason 10: margin", "one-sided book")
def margin_missed_by_one_cash_unit() -> Scene:
    return at_margin(1)


@kind("admitted below margin, since no scenario gets worse", "negative cash", "trade filled in full")
def closing_an_underwater_short() -> Scene:
    s = scene(DEV)
    s.account(1, -5 * 10**12, [(ID, 4)])
    s.account(2, RICH)
    s.context = replace(s.context, fee_rate=0)
    s.row(ID, MARK, [MARK - 1] * DEV.scenarios)
    s.order(1, ID, SELL, 4, 5 * MARK)
    s.order(2, ID, BUY, 4, 6 * MARK)
    return s


@kind("reason 10: margin")
def each_order_fine_and_both_not() -> Scene:
    s = book(traders=2)
    s.row(ID + 1, MARK)
    s.order(1, ID, BUY, 100, MARK)
    alone = smallest_cover(s, 1)
    s.order(1, ID + 1, BUY, 100, MARK)
    s.account(1, alone + 10**4)
    s.order(2, ID, SELL, 100, MARK)
    s.order(2, ID + 1, SELL, 100, MARK)
    return s


@kind("trade filled in full")
def ratio_of_one() -> Scene:
    s = book()
    s.context = replace(s.context, num=1, den=1)
    s.order(1, ID, BUY, 5, MARK)
    s.order(2, ID, SELL, 5, MARK)
    return s


@kind("reason 10: margin", "trade not filled in full")
def highest_ratio() -> Scene:
    s = book()
    s.context = replace(s.context, num=5, den=1)
    s.account(1, 10**12)
    s.order(1, ID, SELL, 1000, MARK)
    s.order(2, ID, BUY, 5, MARK)
    return s


# Nonces, windows, refusals


@kind("reason 3: nonce")
def slot_used_in_an_earlier_batch() -> Scene:
    s = book()
    s.account(1, RICH, bitmap=1 << 5)
    s.order(1, ID, BUY, 5, MARK, slot=5)
    s.order(2, ID, SELL, 5, MARK)
    return s


@kind("reason 3: nonce", "trade filled in full")
def slot_twice_in_a_touch() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK, slot=SLOTS - 1)
    s.order(1, ID, BUY, 5, MARK, slot=SLOTS - 1)
    s.order(2, ID, SELL, 5, MARK)
    return s


@kind("reason 3: nonce", "reason 6: fee_rate")
def slot_taken_by_an_order_refused_later() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK, slot=1, fee=0)
    s.order(1, ID, BUY, 5, MARK, slot=1)
    s.order(2, ID, SELL, 5, MARK)
    return s


@kind("epoch raised", "trade filled in full")
def epoch_raise_clears_the_bitmap() -> Scene:
    s = book()
    s.account(1, RICH, epoch=4, bitmap=2**64 - 1)
    s.order(1, ID, BUY, 5, MARK, epoch=5, slot=5)
    s.order(2, ID, SELL, 5, MARK)
    return s


@kind("epoch raised", "reason 3: nonce")
def newer_order_kills_an_older_one_before_it() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK, epoch=0)
    s.order(1, ID, BUY, 5, MARK, epoch=2**32 - 1)
    s.order(2, ID, SELL, 5, MARK)
    return s


@kind("epoch raised", "reason 3: nonce", "cancel")
def cancel_kills_what_is_older() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK)
    s.cancel(1, 1)
    s.order(2, ID, SELL, 5, MARK)
    return s


@kind("reason 2: window", "trade filled in full")
def order_outside_its_window_raises_no_epoch() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK, epoch=7, first=11, last=12)
    s.order(1, ID, BUY, 5, MARK)
    s.order(2, ID, SELL, 5, MARK)
    s.order(2, ID, SELL, 5, MARK, epoch=7, first=9, last=9)
    return s


@kind("reason 2: window", "order that survived a void")
def void_kills_what_did_not_choose_to_survive() -> Scene:
    s = book()
    s.order(1, ID, BUY, 5, MARK, first=3, last=10)
    s.order(1, ID, BUY, 5, MARK, first=4, last=10)
    s.order(2, ID, SELL, 5, MARK, first=3, last=10, survives=True)
    return s


@kind("reason 1: no_account", "touch of an empty leaf", "batch of refused orders only")
def orders_of_nobody() -> Scene:
    s = scene(DEV)
    s.row(ID, MARK)
    s.order(5, ID, BUY, 5, MARK)
    s.cancel(5, 9)
    return s


@kind("reason 1: no_account", "touch of an empty leaf")
def unsigned_order_of_nobody() -> Scene:
    s = scene(DEV)
    s.row(ID, MARK)
    s.order(5, ID, BUY, 5, MARK, signed=False)
    return s


@kind("reason 4: unknown_instrument", "trade below every row")
def unknown_below_between_and_above() -> Scene:
    s = book(traders=2)
    s.settle(ID + 4, 0)
    s.order(1, ID - 1, BUY, 5, MARK)
    s.order(1, ID + 1, BUY, 5, MARK)
    s.order(2, ID + 5, SELL, 5, MARK)
    s.order(2, TOP - 1, SELL, 5, MARK)
    return s


@kind("reason 5: settled_instrument", "reason 4: unknown_instrument")
def no_open_instrument() -> Scene:
    s = book(traders=2)
    s.risk.clear()
    s.settle(ID, MARK)
    s.order(1, ID, BUY, 5, MARK)
    s.order(2, ID + 1, SELL, 5, MARK)
    return s


@kind("reason 4: unknown_instrument", "trade below every row")
def no_row_at_all() -> Scene:
    s = book(traders=1)
    s.risk.clear()
    s.order(1, ID, BUY, 5, MARK)
    return s


@kind("trade filled in full", "empty book")
def full_tables_up_to_the_last_id() -> Scene:
    s = book(traders=2)
    s.risk.clear()
    for i in range(DEV.rows):
        s.row(TOP - 1 - 2 * i, MARK)
    for i in range(DEV.settled):
        s.settle(TOP - 2 - 2 * i, i)
    s.order(1, TOP - 1, BUY, 5, MARK)
    s.order(2, TOP - 1, SELL, 5, MARK)
    return s


@kind("reason 6: fee_rate", "trade filled in full")
def fee_rate_exactly_allowed_and_one_less() -> Scene:
    s = book(traders=2)
    s.order(1, ID, BUY, 5, MARK, fee=5)
    s.order(1, ID, BUY, 5, MARK, fee=4)
    s.order(2, ID, SELL, 5, MARK, fee=5)
    return s


def at_range(over: int) -> Scene:
    """Account 1 holds 2³⁴ lots less 100, with cash that leaves room for exactly 60 lots more when `over` is 0."""
    s = book(traders=2)
    s.row(ID, 1, [1] * DEV.scenarios)
    lots = 2**34 - 100
    room = 2**77 - 1 - 2**43 * (lots + 60)
    s.account(1, 10**4 * (room + over) + 9_999, [(ID, lots)])
    s.order(1, ID, SELL, 60, 1)
    s.order(2, ID, BUY, 60, 1)
    return s


@kind("trade filled in full")
def just_within_range() -> Scene:
    return at_range(0)


@kind("reason 8: out_of_range", "one-sided book")
def just_out_of_range() -> Scene:
    return at_range(1)


@kind("reason 8: out_of_range")
def withdrawal_refused_for_range() -> Scene:
    s = scene(DEV)
    s.account(1, 2**77 * 10**4)
    s.withdraw(1, 10_000, 1)
    return s


@kind("reason 8: out_of_range", "account opened")
def largest_deposit() -> Scene:
    s = scene(DEV)
    s.row(ID, MARK)
    s.deposit(1, 2**64 - 1)
    s.order(1, ID, BUY, 5, MARK)
    return s


@kind(
    "reason 1: no_account",
    "reason 2: window",
    "reason 3: nonce",
    "reason 4: unknown_instrument",
    "reason 5: settled_instrument",
    "reason 6: fee_rate",
    "reason 9: not_covered",
    "reason 10: margin",
    "batch of refused orders only",
)
def everything_refused() -> Scene:
    s = book(STANDARD, traders=3)
    s.settle(ID + 1, 5)
    s.account(1, RICH, bitmap=2, epoch=1)
    s.order(1, ID, BUY, 5, MARK, first=1, last=9, epoch=1)
    s.order(1, ID, BUY, 5, MARK, epoch=0)
    s.order(1, ID, BUY, 5, MARK, epoch=1, slot=1)
    s.order(1, ID + 2, BUY, 5, MARK, epoch=1, slot=2)
    s.order(2, ID + 1, BUY, 5, MARK)
    s.order(2, ID, BUY, 5, MARK, fee=4)
    s.withdraw(2, 2**31, MARK)
    s.order(3, ID, SELL, 2**31, MARK)
    s.order(4, ID, SELL, 5, MARK)
    return s


# Deposits, withdrawals, exits


@kind("account opened", "deposit into an account", "batch without an active order")
def only_deposits() -> Scene:
    s = book(traders=1)
    s.deposit(0, 1)
    s.deposit(1, 10**6)
    s.deposit(7, 10**6)
    s.deposit(8, 1)
    return s


@kind("account opened", "trade filled in full")
def account_opened_by_its_first_deposit_trades() -> Scene:
    s = book(traders=1)
    s.deposit(511, 10**9)
    s.order(511, ID, BUY, 5, MARK)
    s.order(1, ID, SELL, 5, MARK)
    return s


@kind("account opened", "reason 10: margin")
def account_opened_while_its_orders_are_refused() -> Scene:
    s = book(traders=1)
    s.deposit(9, 1)
    s.order(9, ID, BUY, 5, MARK)
    s.order(1, ID, SELL, 5, MARK)
    return s


@kind("account opened", "trade filled in full")
def last_leaf_of_the_standard_tree() -> Scene:
    s = book(STANDARD, traders=1)
    s.deposit(8**7 - 1, 10**9)
    s.order(8**7 - 1, ID, BUY, 5, MARK)
    s.order(1, ID, SELL, 5, MARK)
    return s


def at_cover(shortfall: int) -> Scene:
    """A withdrawal beside a buy whose limit and fee leave exactly enough when `shortfall` is 0."""
    s = book(traders=2)
    s.row(ID, MARK, [MARK] * DEV.scenarios)
    s.context = replace(s.context, num=1, den=1)
    s.account(1, (10**4 + 5) * 4 * MARK + 10**8 * 250 - shortfall)
    s.order(1, ID, BUY, 4, MARK)
    s.withdraw(1, 10, 25)
    s.order(2, ID, SELL, 4, MARK)
    return s


@kind("withdrawal", "trade filled in full")
def withdrawal_exactly_covered() -> Scene:
    return at_cover(0)


@kind("reason 9: not_covered", "trade filled in full")
def withdrawal_missed_by_one_cash_unit() -> Scene:
    return at_cover(1)


@kind("reason 10: margin")
def withdrawal_refused_for_margin() -> Scene:
    s = book(traders=1)
    s.account(1, 10**12, [(ID, -10_000)])
    s.withdraw(1, 1, 1)
    return s


@kind("withdrawal")
def withdrawal_of_nothing() -> Scene:
    s = book(traders=1)
    s.withdraw(1, 1, 0)
    return s


@kind("exit of less than requested", "exit paid")
def exit_of_more_than_the_cash() -> Scene:
    s = book(traders=1)
    s.account(1, 10**8 * 77 + 99_999_999)
    s.exit(1, 2**64 - 1)
    return s


@kind("exit paid")
def exit_of_a_part() -> Scene:
    s = book(traders=1)
    s.exit(1, 12_345)
    return s


@kind("exit that pays nothing")
def exit_of_nothing() -> Scene:
    s = book(traders=1)
    s.exit(1, 0)
    return s


@kind("exit that pays nothing", "negative cash")
def exit_with_negative_cash() -> Scene:
    s = book(traders=1)
    s.account(1, -1, [(ID, 100)])
    s.exit(1, 5)
    return s


@kind("exit that pays nothing")
def exit_stopped_by_margin() -> Scene:
    s = book(traders=1)
    s.account(1, 10**13, [(ID, -1000)])
    s.exit(1, 10**5)
    return s


@kind("exit paid", "margin exactly met")
def exit_that_meets_margin_exactly() -> Scene:
    s = book(traders=1)
    s.account(1, 0, [(ID, -8)])
    s.exit(1, 40)
    s.account(1, smallest_cover(s, 1), [(ID, -8)])
    return s


@kind("exit paid", "expiry of a long position")
def exit_of_what_expired() -> Scene:
    s = scene(DEV)
    s.settle(ID, 10_000)
    s.account(1, -(10**8), [(ID, 3)])
    s.exit(1, 5)
    return s


@kind("exit that pays nothing", "touch of an empty leaf")
def exit_of_nobody() -> Scene:
    s = scene(DEV)
    s.exit(3, 5)
    return s


@kind("touch that holds nothing", "several segments", "touch of an empty leaf")
def touches_without_content() -> Scene:
    s = book(traders=4)
    s.plan(6)
    return s


@kind("leaf full of positions", "touch that holds nothing")
def leaf_at_its_limits() -> Scene:
    s = scene(DEV)
    for i in range(4):
        s.row(TOP - 4 + i, 2**20, [2**20] * DEV.scenarios)
    positions = tuple(Position(TOP - 4 + i, 2**32 - 1 - 2**33 * (i % 2)) for i in range(4))
    s.account(511, 0)
    owner = s.state.leaves[511].owner
    leaf = Leaf(owner, -(2**77), 2**32 - 1, 2**64 - 1, 2**32 - 2, 1, positions)
    s.state = State({**s.state.leaves, 511: leaf})
    s.plan(511)
    return s


OFF_THE_CURVE = Point(1, 1)
OF_LOW_ORDER = Point(0, MODULUS - 1)


@kind("account opened", "touch of an empty leaf", "batch of refused orders only")
def unusable_keys_without_a_signature_to_check() -> Scene:
    s = book(traders=0)
    s.unusable |= {1: OFF_THE_CURVE, 2: OF_LOW_ORDER, 3: OFF_THE_CURVE, 4: IDENTITY}
    s.account(3, RICH)
    s.deposit(1, 10**6)
    s.deposit(2, 10**6)
    s.plan(3)
    s.order(4, ID, BUY, 5, MARK)
    return s


@kind("exit paid")
def exit_of_an_unusable_key() -> Scene:
    s = scene(DEV)
    s.unusable[3] = OF_LOW_ORDER
    s.account(3, RICH)
    s.exit(3, 7)
    return s
