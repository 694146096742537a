"""How figures are written: three digits that count, a unit a person reads, tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

MIB: Final = 2**20
KIB: Final = 2**10
UNITS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def seconds(value: float) -> str:
    """A time: ``2.14 s``, ``531 ms``, ``12.0 µs``."""
    for size, unit in UNITS:
        if value >= size:
            return f"{digits(value / size)} {unit}"
    return f"{digits(value / UNITS[-1][0])} {UNITS[-1][1]}"


def digits(value: float) -> str:
    """Three digits that count; more before the point if there are more."""
    if value >= 100:
        return whole(round(value))
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def whole(value: int) -> str:
    """A whole number, in groups of three."""
    return f"{value:,}"


def counted(threads: int) -> str:
    """A number of threads, in words."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def size(count: int) -> str:
    """Bytes: ``117 MiB``, ``1.6 KiB``."""
    if count >= MIB:
        return f"{digits(count / MIB)} MiB"
    return f"{digits(count / KIB)} KiB" if count >= KIB else f"{count} B"


def ratio(part: float, other: float) -> str:
    """How many times ``other`` goes into ``part``: ``1.94×``."""
    return f"{part / other:.2f}×" if other else "–"


def share(part: float, total: float) -> str:
    """A part of a whole, in per cent."""
    return f"{100 * part / total:.1f} %" if total else "–"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> list[str]:
    """A table whose first columns, ``left`` of them, are words and whose others are figures."""
    rules = ["---"] * left + ["---:"] * (len(head) - left)
    return ["| " + " | ".join(cells) + " |" for cells in (head, rules, *rows)] + [""]


def said(*parts: str) -> list[str]:
    """A paragraph."""
    return [" ".join(parts), ""]
