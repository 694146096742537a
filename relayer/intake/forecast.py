"""What the batch would say of an account's orders on the last settled state: tests 7 to 10 of docs/protocol.md section 4.

Test 10 is the core's own arithmetic; the others are short and compared with clearing by a property test. Deposits that wait count as
cash, fills of batches under way do not: this is a forecast, and the batch decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from prover import _native
from prover.batch import RISK_FORMAT, Leaf, Position
from prover.orders import Order
from prover.wire import Json
from relayer.intake.refusal import Code, Issue
from relayer.intake.view import Table, View

CASH_A_TOKEN: Final = 10**8
CASH_A_VALUE: Final = 10**4
RANGE_A_LOT: Final = 2**43
RANGE_END: Final = 2**77


def account(view: View, index: int) -> Leaf | None:
    """The account as the next batch finds it: expired positions and waiting deposits as cash. None if it would not exist."""
    leaf, deposit = view.leaf(index), view.deposits.get(index, 0)
    if leaf is None:
        return Leaf(0, CASH_A_TOKEN * deposit, 0, 0, 0, 0, ()) if deposit else None
    expired = sum(each.quantity * view.settled[each.instrument] for each in leaf.positions if _settled(view, each))
    open_ = tuple(each for each in leaf.positions if not _settled(view, each))
    return replace(leaf, cash=leaf.cash + CASH_A_VALUE * expired + CASH_A_TOKEN * deposit, positions=open_)


def issues(view: View, table: Table, leaf: Leaf, before: Sequence[Order], order: Order) -> Iterator[Issue]:
    """What stands against an order beside those of its account that are in the batch already, by the batch's tests in their order.

    Every instrument traded or held must be in the table.
    """
    trades = [each for each in (*before, order) if each.kind == "trade"]
    if order.kind == "trade" and (found := _positions(view, leaf, trades)):
        yield found
    size = abs(leaf.cash // CASH_A_VALUE) + RANGE_A_LOT * (_lots(leaf) + sum(each.quantity for each in trades))
    if size >= RANGE_END:
        yield Issue(Code.INVALID_ORDER, "account and orders together are beyond the range of margin", {"what": "range"})
        return
    withdrawals = [each for each in (*before, order) if each.kind == "withdraw"]
    missing = _missing(view, leaf, trades, withdrawals)
    if missing > 0:
        what = "the withdrawal is not covered by cash beside the account's orders"
        yield Issue(Code.INSUFFICIENT_MARGIN, what, private={"scenario": None, "shortfall": str(missing)})
        return
    if failure := margin_failure(view, table, leaf, [*trades, *withdrawals]):
        scenario, shortfall, _ = failure
        what = "the account's orders would leave it short of initial margin, whatever others do"
        named = "mark" if scenario is None else scenario
        yield Issue(Code.INSUFFICIENT_MARGIN, what, private={"scenario": named, "shortfall": str(shortfall)})


def margin_failure(view: View, table: Table, leaf: Leaf, orders: Sequence[Order]) -> tuple[int | None, int, int] | None:
    """The first scenario (None: the mark) in which margin fails, with shortfall and worst loss in cash units; the core computes it."""
    concerned = {each.instrument for each in leaf.positions} | {each.instrument for each in orders if each.instrument}
    rows = ",".join(table.rows[number] for number in sorted(concerned))
    text = f'{{"format":"{RISK_FORMAT}","params":"{view.terms.params}","rows":[{rows}]}}'
    _, _, failure = _native.account_margin(leaf.to_json(), text, context_text(view), [_text(each) for each in orders])
    return failure


def context_text(view: View) -> str:
    """The context of the next batch in the core's JSON."""
    return json.dumps(view.context.to_wire())


def _text(order: Order) -> str:
    wire: Json = order.to_wire()
    return json.dumps(wire)


def _positions(view: View, leaf: Leaf, trades: Sequence[Order]) -> Issue | None:
    """Test 7 of the last of the trades."""
    counted = {each.instrument for each in leaf.positions}
    places = view.terms.sizes.positions
    for order in trades[:-1]:
        if len(counted) < places:
            counted.add(order.instrument)
    if trades[-1].instrument in counted or len(counted) < places:
        return None
    what = f"the account has no place for another position beside its {places}"
    return Issue(Code.INVALID_ORDER, what, {"what": "positions", "places": places})


def _missing(view: View, leaf: Leaf, trades: Sequence[Order], withdrawals: Sequence[Order]) -> int:
    """Test 9: cash units that the withdrawal lacks; 0 if it is covered or there is none."""
    if not withdrawals:
        return 0
    premium = sum(each.quantity * each.limit for each in trades if each.buy)
    amount = sum(each.quantity * each.limit for each in withdrawals)
    left = leaf.cash - (CASH_A_VALUE + view.terms.fee_rate) * premium - CASH_A_TOKEN * amount
    return max(0, -left)


def _settled(view: View, position: Position) -> bool:
    return position.instrument in view.settled


def _lots(leaf: Leaf) -> int:
    return sum(abs(each.quantity) for each in leaf.positions)
