"""A cleared batch order by order: what was asked, what came of it, at which price. The operator's view of everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from demo.story import Request
from demo.traders import Trader
from prover.batch import Cleared, ClearedTouch, Outcome

CASH_A_VALUE: Final = 10**4
CASH_A_TOKEN: Final = 10**8


@dataclass(frozen=True)
class Line:
    """An order of a batch after clearing. ``price`` is its instrument's clearing price, None if it has none."""

    batch: int
    sequence: int
    trader: Trader
    request: Request
    outcome: Outcome
    touch: ClearedTouch
    price: int | None


def lines(cleared: Cleared, requests: Sequence[Request], traders: Sequence[Trader]) -> list[Line]:
    """The orders of a cleared batch, in the order of arrival."""
    prices = {int(row["instrument"]): int(row["price"]) for row in cleared.auctions}
    outcomes = {
        order.sequence: (outcome, result)
        for touch, result in zip(cleared.batch.touches, cleared.touches, strict=True)
        for order, outcome in zip(touch.orders, result.orders, strict=True)
    }
    return [
        Line(
            cleared.batch.context.batch,
            sequence,
            traders[request.account],
            request,
            *outcomes[sequence],
            prices.get(request.order.instrument),
        )
        for sequence, request in enumerate(requests, 1)
    ]


def touch_of(cleared: Cleared, index: int) -> ClearedTouch:
    """What became of an account in a batch. Raises ``KeyError`` if the batch does not touch it."""
    for touch in cleared.touches:
        if touch.index == index:
            return touch
    raise KeyError(index)


def premium(line: Line) -> int:
    """What the order's fill costs (positive) or brings, in cash units, without the fee."""
    amount = CASH_A_VALUE * line.outcome.fill * (line.price or 0)
    return amount if line.request.order.buy else -amount
