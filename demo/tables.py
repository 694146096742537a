"""Tables for people. Numbers leave their units here and nowhere else: exact, with the decimals that matter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from rich import box
from rich.table import Table

from demo.flow import LOTS
from demo.story import TOKEN

PRICE = 10**6
CASH = 10**14


def price(units: int) -> str:
    """A price in the quote currency."""
    return f"{Decimal(units) / PRICE:,.2f}"


def size(lots: int) -> str:
    """Contracts."""
    return f"{Decimal(lots) / LOTS:,.1f}"


def money(cash: int) -> str:
    """Cash in the quote currency."""
    return f"{Decimal(cash) / CASH:,.2f}"


def tokens(units: int) -> str:
    """Token units in the quote currency."""
    return f"{Decimal(units) / TOKEN:,.2f}"


@dataclass(frozen=True)
class Section:
    """A table with what stands over and under it."""

    title: str
    table: Table
    note: str = ""

    def add(self, *cells: str) -> None:
        """A row."""
        self.table.add_row(*cells)


def section(title: str, columns: Iterable[str], note: str = "") -> Section:
    """A section without rows; columns that start with > are numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return Section(title, table, note)
