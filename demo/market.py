"""The market of the demo: one real option chain, three expiries, and what the nearest one settles at.

64 instruments, as many as the parameter set has rows, chosen nearest the money. The chain is one moment of a
real market; so the second epoch keeps the marks and scenario values of the first, without the instruments that
have settled, and the forward of their expiry serves as the delivery price. No other number here is made up.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Final

from prover.chain import read_chain
from prover.risk import Price, RiskTable, to_price

DATA: Final = Path(__file__).resolve().parents[1] / "data"
CHAIN: Final = DATA / "chains" / "btc_2025-12-05.csv"
PARAMS: Final = "standard"
ROWS: Final = 64
EXPIRIES: Final = ("6DEC25", "12DEC25", "26DEC25")
INTEREST_UNIT: Final = 10  # open interest is counted in tenths of a contract


@dataclass(frozen=True)
class Market:
    """The instruments of the first epoch.

    ``interest``: open interest by instrument id, in tenths of a contract. ``delivery``: the nearest expiry's
    forward. ``valuation``: when the chain was taken, seconds since 1970, rounded up.
    """

    table: RiskTable
    interest: dict[int, int]
    delivery: Price
    valuation: int

    @cached_property
    def expiry(self) -> int:
        """The nearest expiry, seconds since 1970."""
        return int(self.table.rows["expiry"].min())

    @cached_property
    def expiring(self) -> dict[int, Price]:
        """Settlement value of each instrument of the nearest expiry, by id."""
        ids = [int(row["id"]) for row in self.table.rows if int(row["expiry"]) == self.expiry]
        return {number: self.table.settle(number, self.delivery) for number in ids}

    @cached_property
    def next_table(self) -> RiskTable:
        """The second epoch's instruments."""
        return self.table.without(self.expiring)

    @cached_property
    def names(self) -> dict[int, str]:
        """Names by id, without the underlying that all share."""
        return {int(row["id"]): str(row["name"]).removeprefix("BTC-") for row in self.table.rows}

    @cached_property
    def marks(self) -> dict[int, int]:
        """Marks by id, in price units."""
        return {int(row["id"]): int(row["mark"]) for row in self.table.rows}

    def id(self, name: str) -> int:
        """The id of an instrument, by its name without the underlying."""
        return int(self.table.row(f"BTC-{name}")["id"])


def load_market(path: Path = CHAIN) -> Market:
    """The market of a chain file. Raises :class:`prover.errors.ChainError`."""
    table = RiskTable.from_chain(path, expiries=EXPIRIES, max_rows=ROWS)
    chain = read_chain(path)
    nearest = min(chain.quotes, key=lambda quote: quote.expiry)
    return Market(
        table=table,
        interest=_interest(path, table),
        delivery=to_price(repr(nearest.forward)),
        valuation=-(-chain.valuation // 10**6),
    )


def _interest(path: Path, table: RiskTable) -> dict[int, int]:
    """Open interest by id; the margin rule has no use for it, so a risk table does not hold it."""
    with path.open(newline="", encoding="utf-8") as file:
        listed = {row["instrument_name"]: Decimal(row["open_interest"]) for row in csv.DictReader(file)}
    return {int(row["id"]): int(listed[str(row["name"])] * INTEREST_UNIT) for row in table.rows}
