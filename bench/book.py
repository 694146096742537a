"""Batches to measure on: every touch full of orders, none refused, on a state where everybody has money.

The instruments are those of the demo's option chain. The state comes from clearing a batch of deposits, so a contract that
starts from its root and the prover agree on every account.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import cache
from typing import Final

from demo.market import CHAIN
from prover.batch import Cleared, Context, Params, RiskRow, SealedBatch, State, risk_rows
from prover.hashing import FIELD_ORDER
from prover.orders import Holder, Order, SealedOrder, Touch
from prover.risk import RiskTable
from prover.tree import Tree

FEE_RATE: Final = 30
MARGIN: Final = (5, 4)
MONEY: Final = 10**13  # token units: ten million of the quote currency, so that margin refuses nobody
LARGEST_ORDER: Final = 20_000  # lots: two contracts
SLOTS: Final = 64
LEAF_WORD: Final = 2


@dataclass(frozen=True)
class Trader:
    """A holder with the seed it signs with; 0 is the fund."""

    index: int
    seed: bytes
    holder: Holder


@cache
def trader(index: int) -> Trader:
    """The holder of an account, the same in every run."""
    seed, viewing = (hashlib.sha256(f"tacit bench {what} {index}".encode()).digest() for what in ("key", "view"))
    return Trader(index, seed, Holder.from_seed(seed, int.from_bytes(viewing, "big") % FIELD_ORDER))


@cache
def instruments(params: str) -> tuple[RiskRow, ...]:
    """As many instruments as the parameter set has rows, if the chain has as many."""
    scenarios = "dev" if params == "dev" else "standard"
    return risk_rows(RiskTable.from_chain(CHAIN, max_rows=Params.named(params).rows, scenarios=scenarios))


class Book:
    """Accounts ``0 … touches − 1`` of a domain, and their orders, batch after batch."""

    def __init__(self, params: str, domain: int, segments: int) -> None:
        self.params = params
        self.domain = domain
        self.sizes = Params.named(params)
        self.rows = instruments(params)
        self.tree = Tree.empty(params)
        self._fund(segments * self.sizes.touches)
        self._random = random.Random(1)

    def _fund(self, accounts: int) -> None:
        """Goes to where everybody has deposited."""
        state = State.genesis(self.params, trader(0).holder, self.domain)
        touches = [Touch(index, trader(index).holder, deposit=MONEY if index else 0) for index in range(accounts)]
        self.advance(state.clear(self._batch(touches, 1, 1)))

    def advance(self, cleared: Cleared) -> None:
        """Goes on to where a batch ended: the accounts, and the tree of their hashes as everybody sees it."""
        self.state = cleared.state
        self.tree = self.tree.updated({touch.index: touch.words[LEAF_WORD] for touch in cleared.touches})

    def batch(self, segments: int, number: int, time: int = 1) -> SealedBatch:
        """A batch that fills so many segments: each account but the fund's has an order in every place.

        ``number`` is the batch's, ``time`` that of its seal, in seconds since 1970.
        """
        accounts = segments * self.sizes.touches
        touches = [Touch(0, trader(0).holder)]
        for index in range(1, accounts):
            first = (index - 1) * self.sizes.orders
            orders = (self._order(index, place, first + place, number) for place in range(self.sizes.orders))
            touches.append(Touch(index, trader(index).holder, orders=tuple(orders)))
        return self._batch(touches, number, time)

    def _order(self, index: int, place: int, before: int, number: int) -> SealedOrder:
        """One of two neighbours' orders that meet: they trade in the same instruments, one buys what the other sells."""
        row = self.rows[(index // 2 * self.sizes.orders + place) % len(self.rows)]
        buys = (index + place) % 2 == 0
        order = Order(
            account=index,
            instrument=row.instrument,
            buy=buys,
            quantity=self._random.randint(1, LARGEST_ORDER),
            limit=row.mark * (102 if buys else 98) // 100,
            max_fee_rate=FEE_RATE,
            slot=(number * self.sizes.orders + place) % SLOTS,
        )
        return order.sealed(trader(index).seed, self.domain, before + 1)

    def _batch(self, touches: list[Touch], number: int, time: int) -> SealedBatch:
        num, den = MARGIN
        context = Context(domain=self.domain, batch=number, last_void=0, time=time, fee_rate=FEE_RATE, num=num, den=den)
        return SealedBatch(self.params, context, self.rows, tuple(touches))


def require_all_admitted(cleared: Cleared) -> None:
    """Raises ``ValueError`` if an order was refused: the batch would not be the full one that is to be measured."""
    for touch in cleared.touches:
        for outcome in touch.orders:
            if not outcome.admitted:
                raise ValueError(
                    f"account {touch.index}: {outcome.reason.text or 'not admitted'} in a batch to measure"
                )
