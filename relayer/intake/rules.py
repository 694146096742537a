"""What is a valid order: pure functions of the order, the view and the account's other orders.

Reasons come in a fixed order: first what is wrong whatever the state (form, owner, signature), then the tests of docs/protocol.md section 4
in their order, then whether there is room. An order is refused for the first; ``check`` tells all that can be told at once. No answer
repeats what the order says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from prover.batch import Leaf
from prover.orders import NO_ADDRESS, Order
from relayer.intake import forecast
from relayer.intake.book import Standing
from relayer.intake.refusal import Code, Issue
from relayer.intake.view import View

WAITING_AN_ACCOUNT: Final = 64
KEPT: Final = 4
"""One of so many places to wait is kept for accounts of which fewer orders wait than a batch takes of one: nobody's many keep out
somebody's first.
"""


class Place(Enum):
    """Where a good order goes: a receipt now, or the queue for the batch after."""

    RECEIPT = "receipt"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Room:
    """What is left: orders and further accounts in the open batch (0 where none is open), orders that may still wait.

    ``rows``: whether the batch has settled rows left for the account's expired positions; one that is promised a place without them
    could never be proven. ``paying``: whether it has a place for another withdrawal; one with too many could never be settled.
    ``kept``: how many of the orders that may still wait are those of accounts with few (:data:`KEPT`).
    """

    orders: int
    accounts: int
    waiting: int
    rows: bool = True
    paying: bool = True
    kept: int = 0


def kind_issue(order: Order) -> Issue | None:
    """Whether kind, instrument, side and recipient go together."""
    trade, withdrawal = order.kind == "trade", order.kind == "withdraw"
    rules = (
        (trade == (order.instrument != 0), "an instrument stands in trades and nowhere else", "instrument"),
        (order.quantity > 0, "the quantity is 0", "quantity"),
        (not withdrawal or order.buy, "a withdrawal's side is buy", "side"),
        (
            withdrawal or order.recipient == NO_ADDRESS,
            "a recipient stands in withdrawals and nowhere else",
            "recipient",
        ),
    )
    return next((Issue(Code.INVALID_ORDER, what, {"what": name}) for holds, what, name in rules if not holds), None)


def account_issue(view: View, owner: int, order: Order) -> Issue | None:
    """Whether the owner has the account that the order is for."""
    if view.accounts.get(owner) == order.account:
        return None
    what = "the account is not the owner's, or has no deposit yet"
    return Issue(Code.UNKNOWN_ACCOUNT, what)


def service_issue(view: View, now: int) -> Issue | None:
    """Whether orders are taken at all. ``now`` in seconds, where the view knows no block's time."""
    if view.paused:
        return Issue(Code.PAUSED, "the operator takes no orders at the moment")
    table, now = view.table, now if view.time is None else view.time
    if view.open is None and view.opened is None and (table is None or now - table.time > view.terms.epoch_age):
        epoch = None if table is None else table.epoch
        what = "the risk table in force is too old for a batch to open: a new one must be posted first"
        return Issue(Code.STALE_RISK, what, {"epoch": epoch, "epoch_age": view.terms.epoch_age})
    if table is None:
        return Issue(Code.STALE_RISK, "no risk table is in force", {"epoch": None})
    return None


def state_issues(view: View, order: Order, standing: Standing, with_forecast: bool = True) -> Iterator[Issue]:
    """What the next batch would refuse the order for, in the order of the protocol's tests."""
    leaf = forecast.account(view, order.account)
    if leaf is None:
        yield Issue(Code.UNKNOWN_ACCOUNT, "the account does not exist: its deposit was returned")
        return
    if found := window_issue(view, order, view.batch):
        yield found
    if order.kind == "cancel":
        return
    if found := nonce_issue(leaf, order, standing):
        yield found
    if order.kind == "trade":
        instrument = instrument_issue(view, order)
        if instrument:
            yield instrument
        if order.max_fee_rate < view.terms.fee_rate:
            what = f"the fee rate is {view.terms.fee_rate} basis points, above the highest that the order accepts"
            yield Issue(Code.INVALID_ORDER, what, {"what": "max_fee_rate", "fee_rate": view.terms.fee_rate})
        if instrument:
            return
    if with_forecast and view.table is not None and _valued(view, leaf):
        epoch = max(leaf.epoch, order.epoch, *(each.epoch for each in standing.batch), 0)
        before = [each for each in standing.batch if alive(view, each) and each.epoch >= epoch]
        yield from forecast.issues(view, view.table, leaf, before, order)


def window_issue(view: View, order: Order, batch: int) -> Issue | None:
    """Test 2 for a batch."""
    if not order.first_batch <= batch <= order.last_batch:
        return Issue(Code.EXPIRED, f"the order's window does not include batch {batch}", {"batch": batch})
    if not order.survives_void and order.first_batch <= view.last_void:
        what = f"batch {view.last_void} is void, and the order does not survive that"
        return Issue(Code.EXPIRED, what, {"batch": batch, "last_void": view.last_void})
    return None


def nonce_issue(leaf: Leaf, order: Order, standing: Standing) -> Issue | None:
    """Test 3, beside all orders of the account that are not settled: of two orders with one nonce the first acknowledged has it."""
    epoch = max((leaf.epoch, *(each.epoch for each in standing.all)))
    if order.epoch < epoch:
        return Issue(Code.NONCE_USED, "its nonce epoch is over: the account is at a later one", {"what": "epoch"})
    used = order.epoch == leaf.epoch and leaf.bitmap >> order.slot & 1
    taken = ((each.epoch, each.slot) for each in standing.all if each.kind != "cancel")
    if used or (order.epoch, order.slot) in taken:
        return Issue(Code.NONCE_USED, "its nonce is taken by another order: choose another slot", {"what": "slot"})
    return None


def instrument_issue(view: View, order: Order) -> Issue | None:
    """Tests 4 and 5 of a trade."""
    if order.instrument in view.settled:
        what = {"what": "settled", "epoch": _epoch(view)}
        return Issue(Code.UNKNOWN_INSTRUMENT, "the instrument is settled and trades no more", what)
    if view.table is None or order.instrument not in view.table.rows:
        what = {"what": "unknown", "epoch": _epoch(view)}
        return Issue(Code.UNKNOWN_INSTRUMENT, "the risk table in force has no such instrument", what)
    return None


def place(view: View, order: Order, standing: Standing, room: Room) -> Place | Issue:
    """Where an order without issues goes. One that cannot be in the open batch waits if its window lets it."""
    obstacle = _obstacle(view, order, standing, room)
    if obstacle is None:
        return Place.RECEIPT
    last = view.batch if view.open is None or order.account in view.unsure else view.batch + 1
    few = len(standing.waiting) < view.terms.sizes.orders
    full = room.waiting <= (0 if few else room.kept) or len(standing.waiting) >= WAITING_AN_ACCOUNT
    if not full and order.last_batch >= last:
        return Place.WAIT
    what = "too many orders wait" if full else obstacle
    return Issue(Code.BATCH_FULL, f"{what}: try again later", {"batch": view.batch})


def may_be_promised(view: View, order: Order, standing: Standing, room: Room) -> bool:
    """Whether the open batch has a place for the order in its account's touch."""
    return _obstacle(view, order, standing, room) is None


def alive(view: View, order: Order) -> bool:
    """Whether an acknowledged order can still take part in the next batch as far as window and instrument go."""
    if window_issue(view, order, view.batch):
        return False
    return order.kind != "trade" or instrument_issue(view, order) is None


def _obstacle(view: View, order: Order, standing: Standing, room: Room) -> str | None:
    """Why the open batch cannot hold the order."""
    if view.open is None:
        return "no batch is open"
    if order.account in view.unsure:
        return "the account is not deep enough in the chain yet"
    if order.account in view.exiting:
        return "the account has an exit request, and an exit's touch holds no orders"
    if len(standing.batch) >= view.terms.sizes.orders:
        return f"the account has {len(standing.batch)} orders in the batch, which is all that a batch takes of one"
    if order.kind == "withdraw" and any(each.kind == "withdraw" for each in standing.batch):
        return "the account has a withdrawal in the batch"
    if room.orders <= 0 or (room.accounts <= 0 and not standing.batch):
        return "the batch is full"
    if order.kind == "withdraw" and not room.paying:
        return "the batch has no place for another withdrawal"
    if not room.rows:
        return "the batch has no place for the account's expired positions"
    return None


def rows_needed(view: View, account: int, sealed: Sequence[Order]) -> frozenset[int]:
    """Instruments that the batch must have settlement values of where it touches an account: those it holds, or may hold after the
    batches that are not settled yet.
    """
    leaf = view.leaf(account)
    held = {position.instrument for position in leaf.positions} if leaf is not None else set()
    return frozenset((held | {order.instrument for order in sealed}) & view.settled.keys())


def _valued(view: View, leaf: Leaf) -> bool:
    """Whether every open position of an account is in the table: else its batch is unprovable, and no margin can be told."""
    return view.table is not None and all(each.instrument in view.table.rows for each in leaf.positions)


def _epoch(view: View) -> int | None:
    return None if view.table is None else view.table.epoch


def first(issues: Sequence[Issue | None]) -> Issue | None:
    """The first that stands."""
    return next((each for each in issues if each is not None), None)
