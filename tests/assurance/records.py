"""The records of a test run (`circuits/tests/support/record.rs` writes them)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

CIRCUITS: Final = ("segment", "closing", "exit", "escape")
"""What a unit can belong to and be scored; a gadget's own test names its circuit "gadget"."""


class RecordsError(Exception):
    """The records cannot be used; the message says what to run."""


class Unit(NamedTuple):
    """The rows of one check that one call in the source writes: what a deletion leaves out."""

    circuit: str
    check: str
    place: str

    @property
    def file(self) -> str:
        """Path of the source file."""
        return self.place.split(":", 1)[0]

    @property
    def at(self) -> tuple[int, ...]:
        """Line, column and, of a call that writes two rows, which."""
        return tuple(int(number) for number in self.place.split(":", 1)[1].replace("/", ":").split(":"))


@dataclass(frozen=True)
class Refusal:
    """A dishonest witness and what refused it: rows, and what is outside the circuits."""

    test: str
    units: frozenset[Unit]
    others: frozenset[str]


@dataclass(frozen=True)
class Freed:
    """A wire that was determined is free to first order once the unit's rows are left out."""

    test: str
    unit: Unit


@dataclass
class Records:
    """All records of a run."""

    inventory: dict[Unit, int] = field(default_factory=dict)
    """Number of rows of each unit of the circuits."""
    refusals: set[Refusal] = field(default_factory=set)
    freed: set[Freed] = field(default_factory=set)
    lines: dict[str, dict[tuple[str, ...], str]] = field(default_factory=dict)
    """Of each table its lines, in the order of writing, each with the test that wrote it."""


def read(folder: Path) -> Records:
    """The records in `folder`.

    Raises:
        RecordsError: If there are none, or the inventory of units is missing.
    """
    records = Records()
    for record in _all(folder):
        _add(records, record)
    if {unit.circuit for unit in records.inventory} != set(CIRCUITS):
        raise RecordsError(f"{folder} holds no whole run: make test-rust writes one")
    return records


def _all(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def _add(records: Records, record: dict[str, Any]) -> None:
    test = record["test"]
    match record["kind"]:
        case "inventory":
            records.inventory.update({Unit(*unit): rows for unit, rows in record["units"]})
        case "refusal":
            units = frozenset(Unit(*unit) for unit in record["refused"])
            records.refusals.add(Refusal(test, units, frozenset(record["others"])))
        case "freed":
            records.freed.add(Freed(test, Unit(*record["unit"])))
        case "line":
            records.lines.setdefault(record["table"], {})[tuple(record["cells"])] = test
        case kind:
            raise RecordsError(f"a record of unknown kind {kind!r}: record.rs and records.py no longer agree")
