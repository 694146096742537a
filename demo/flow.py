"""What people order: real sizes, real distances from the middle, real open interest, mixed by a fixed seed.

Sizes are the quantiles of real option trades (``data/README.md``), met exactly: order i of n has the size at
(i + ½)/n. Sides and distances come from the rows of a real limit-order flow: a distance in basis points moves the
underlying, and the option with it by its delta, so a cheap option is quoted finer than a dear one. Every second
order rests on its own side of the mark, as in that flow; the others reach through it, by a distance from the nearer half
of the flow: people who want to trade, without whom nothing would cross. Instruments are drawn by open interest, from those
of each expiry that have most. Integers only.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from demo.market import DATA, Market
from prover.risk import RiskTable

ADDS: Final = DATA / "flow" / "ethusdt_limit_adds_2024-08-08.csv"
SEED: Final = 218

LOTS: Final = 10_000  # lots in a contract
SIZE_STEP: Final = 1_000  # a tenth of a contract, the smallest trade and the step of sizes
TICK: Final = 10**6  # one unit of the quote currency
MILLIBASIS: Final = 10**7  # thousandths of a basis point in one
DELTA_UNIT: Final = 10**6
LIQUID: Final = 6  # instruments of an expiry that the flow is in

QUANTILES: Final = (
    (0, 1_000),
    (4_000, 1_000),
    (5_000, 4_000),
    (7_500, 15_000),
    (9_000, 57_000),
    (9_900, 250_000),
    (10_000, 1_000_000),
)
"""(share in ten-thousandths, lots) of real option trades; straight lines between them."""


@dataclass(frozen=True, slots=True)
class Add:
    """A limit order of the flow: its side and how far from the middle it stands, in thousandths of a basis point."""

    buy: bool
    offset: int


@dataclass(frozen=True, slots=True)
class Draft:
    """An order before anybody owns it: instrument id, lots, limit in price units."""

    instrument: int
    buy: bool
    quantity: int
    limit: int


def sizes(count: int) -> list[int]:
    """``count`` sizes in lots, increasing, with the quantiles of real option trades."""
    return [_size_at((2 * place + 1) * 5_000, count) for place in range(count)]


def _size_at(share: int, parts: int) -> int:
    """The size at a share of ten-thousandths times ``parts``, rounded up to a step."""
    for (low, small), (high, large) in pairwise(QUANTILES):
        if share <= high * parts:
            exact = small * (high - low) * parts + (large - small) * (share - low * parts)
            return -(-exact // (SIZE_STEP * (high - low) * parts)) * SIZE_STEP
    raise ValueError(f"{share}/{parts} is beyond the last quantile")


def read_adds(path: Path = ADDS) -> list[Add]:
    """The limit orders of a flow file."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Add(row["side"] == "buy", int(Decimal(row["offset_bps"]) * 1000)) for row in csv.DictReader(file)]


def limit_price(row: np.void, index: int, buy: bool, reach: int) -> int:
    """A limit ``reach`` thousandths of a basis point of the underlying through the mark (negative: short of it).

    In price units, on a whole tick, rounded to the side that is worse for the counterparty.
    """
    move = index * reach * abs(int(row["delta"])) // (MILLIBASIS * DELTA_UNIT)
    exact = int(row["mark"]) + (move if buy else -move)
    ticks = exact // TICK if buy else -(-exact // TICK)
    return max(TICK, ticks * TICK)


class Flow:
    """Draws orders, always the same ones."""

    def __init__(self, market: Market, adds: Sequence[Add], seed: int = SEED) -> None:
        self.random = random.Random(seed)
        self._interest = market.interest
        self._adds = adds
        self._near = sorted(adds, key=lambda add: add.offset)[: len(adds) // 2]

    def drafts(self, table: RiskTable, quantities: Sequence[int]) -> list[Draft]:
        """One order a quantity, half of them resting and half reaching through the mark."""
        drafts = [self._draft(table, quantity, place % 2 == 1) for place, quantity in enumerate(quantities)]
        self.random.shuffle(drafts)
        return drafts

    def _draft(self, table: RiskTable, quantity: int, through: bool) -> Draft:
        row, add = self._row(table), self.random.choice(self._near if through else self._adds)
        reach = add.offset if through else -add.offset
        return Draft(int(row["id"]), add.buy, quantity, limit_price(row, int(table.index), add.buy, reach))

    def _row(self, table: RiskTable) -> np.void:
        """An expiry, each as likely as the other, and one of its most held instruments, by open interest."""
        expiry = self.random.choice(sorted({int(each) for each in table.rows["expiry"]}))
        rows: list[np.void] = [row for row in table.rows if int(row["expiry"]) == expiry]
        rows.sort(key=lambda row: -self._interest[int(row["id"])])
        liquid = rows[:LIQUID]
        return self.random.choices(liquid, [self._interest[int(row["id"])] for row in liquid])[0]
