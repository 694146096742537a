"""Margin of an account at the table in force, and what legs would do to it: the core's own margin, on a forecast of the account.

The account is the one after the last settled batch; positions that have settled since count as cash, as their next touch will make them.
Deposits that wait count for nothing. A batch decides on its own state: what is said here is a forecast.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from prover import _native
from prover.batch import Context, Leaf, MarginFailure, Position, risk_text
from prover.orders import Order
from relayer.api.market import Table
from relayer.api.services import Venue

CASH_A_VALUE: Final = 10**4
EMPTY: Final = Leaf(owner=1, cash=0, epoch=0, bitmap=0, updates=0, salt=0, positions=())
"""An account without anything in it."""


class Margins:
    """Margin under a table and a vault's terms."""

    def __init__(self, venue: Venue, table: Table, values: Mapping[int, int], batch: int) -> None:
        self.venue, self.table, self.values = venue, table, values
        self._risk = risk_text(venue.params, tuple(table.epoch.rows))
        context = Context(
            domain=venue.domain, batch=batch, last_void=0, time=0, fee_rate=venue.fee_rate, num=venue.num, den=venue.den
        )
        self._context = json.dumps(context.to_wire())

    def settled(self, leaf: Leaf) -> Leaf:
        """The account with what has settled as cash."""
        over = [each for each in leaf.positions if self._is_over(each)]
        cash = leaf.cash + sum(CASH_A_VALUE * each.quantity * self.values[each.instrument] for each in over)
        rest = tuple(each for each in leaf.positions if not self._is_over(each))
        return replace(leaf, cash=cash, positions=rest)

    def excess(self, leaf: Leaf, orders: Sequence[Order] = ()) -> tuple[list[int], MarginFailure | None]:
        """What is left of the requirement in each scenario, the mark last, in 10⁻¹⁴ quote, with these orders at their worst; and the first
        scenario in which they are refused.
        """
        texts = [json.dumps(order.to_wire()) for order in orders]
        claims, _, failure = _native.account_margin(self.settled(leaf).to_json(), self._risk, self._context, texts)
        excess = [claim * CASH_A_VALUE // self.venue.den for claim in claims]
        return excess, None if failure is None else MarginFailure(*failure)

    def labelled(self, excess: Sequence[int]) -> list[tuple[int | None, str, int]]:
        """Each with its scenario (None: the mark) and what that is called."""
        last = len(excess) - 1
        places: list[int | None] = [None if at == last else at for at in range(len(excess))]
        return [(place, self.table.label(place), each) for place, each in zip(places, excess, strict=True)]

    def _is_over(self, position: Position) -> bool:
        return position.instrument not in self.table.rows and position.instrument in self.values
