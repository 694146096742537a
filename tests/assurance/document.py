"""The tables of `docs/assurance.md`, made of records, and put between the marks that the text around them leaves.

A table stands between `<!-- made: NAME -->` and `<!-- end -->`. All else in the document is written by hand and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.assurance import deletion, elsewhere
from tests.assurance.deletion import Score
from tests.assurance.protocol import ROOT, Promise
from tests.assurance.records import CIRCUITS, Records, Unit

DOCUMENT: Final = ROOT / "docs" / "assurance.md"

SHOWN: Final = 4
"""Attacks named in a row; the others are counted."""

HEADS: Final = {
    "operator": ("no.", "the operator tries", "refused by", "remark"),
    "sealer": ("code", "reason", "orders that were sealed", "result"),
    "alternatives": ("gadget or part", "kind", "what the other witness would mean", "refused by", "why several"),
    "planted": ("bug", "where", "planted", "found by"),
}
"""Tables that tests write line by line."""

FIRST: Final = ("operator", "holes", "places", "alternatives", "sealer", "gadgets", "settlement")
"""Test programs in the order in which their attacks are named; the tables of one witness a check come last."""

_BLOCK: Final = re.compile(r"(?P<open><!-- made: (?P<name>[\w ]+) -->\n).*?(?P<close><!-- end -->)", re.DOTALL)


def made(text: str, blocks: dict[str, str]) -> str:
    """The document with each block in its place."""
    found = [match["name"] for match in _BLOCK.finditer(text)]
    if sorted(found) != sorted(blocks):
        raise ValueError(f"{DOCUMENT.name} has places for {sorted(found)}, made were {sorted(blocks)}")
    return _BLOCK.sub(lambda match: f"{match['open']}{blocks[match['name']]}{match['close']}", text)


def blocks(records: Records, promises: Sequence[Promise], result: Score) -> dict[str, str]:
    """All tables by name."""
    tables = {name: _table(head, _ordered(records.lines.get(name, {}))) for name, head in HEADS.items()}
    for circuit in CIRCUITS:
        rows = [_promise(promise, records, result) for promise in promises if promise.circuit == circuit]
        tables[circuit] = _table(("promise", "checks", "plain twin", "attacks that only they refuse", "result"), rows)
    tables["deletion"] = _deletion(records, result)
    tables["survivors"] = _table(
        ("rows left out", "why nothing is lost"), sorted((f"`{k}`", v) for k, v in deletion.explained().items())
    )
    tables["elsewhere"] = _table(("promise", "held by", "attack", "result"), elsewhere.rows())
    return tables


def unattacked(records: Records, promises: Iterable[Promise]) -> list[str]:
    """Promises of which no record shows an attack that their checks alone refuse, and tables without a line."""
    bare = [promise for promise in promises if not _attacks(promise, records)]
    empty = [name for name in HEADS if not records.lines.get(name)]
    return [f"no attack is refused by the checks of this promise alone: {promise.text}" for promise in bare] + [
        f"no test wrote a line of the table {name!r}" for name in empty
    ]


def _attacks(promise: Promise, records: Records) -> list[str]:
    """Tests with a witness that only checks of the promise refuse."""

    def only(unit: Unit) -> bool:
        return unit.circuit == promise.circuit and unit.check in promise.checks

    tests = {r.test for r in records.refusals if r.units and not r.others and all(map(only, r.units))}
    tests |= {freed.test for freed in records.freed if only(freed.unit)}
    return sorted(tests, key=lambda test: (_rank(test), test))


def _rank(test: str) -> int:
    program = test.split("::")[0]
    return FIRST.index(program) if program in FIRST else len(FIRST)


def _promise(promise: Promise, records: Records, result: Score) -> tuple[str, ...]:
    attacks = _attacks(promise, records)
    shown = ", ".join(f"`{attack}`" for attack in attacks[:SHOWN])
    more = f" and {len(attacks) - SHOWN} more" if len(attacks) > SHOWN else ""
    units = [unit for unit in records.inventory if unit.circuit == promise.circuit and unit.check in promise.checks]
    noticed = sum(map(result.notices, units))
    verdict = f"refused; {noticed} of {len(units)} deletions noticed"
    return promise.text, ", ".join(f"`{check}`" for check in promise.checks), promise.twin, shown + more, verdict


def _deletion(records: Records, result: Score) -> str:
    def line(name: str, units: list[Unit]) -> tuple[str, ...]:
        witnesses = sum(bool(result.witnesses[unit]) for unit in units)
        noticed = sum(map(result.notices, units))
        rows = sum(records.inventory[unit] for unit in units)
        return name, str(rows), str(len(units)), str(witnesses), str(noticed), f"{noticed / len(units):.1%}"

    lines = [line(circuit, [unit for unit in records.inventory if unit.circuit == circuit]) for circuit in CIRCUITS]
    lines.append(line("all", list(records.inventory)))
    head = (
        "circuit (`dev`)",
        "rows",
        "deletions",
        "noticed by a witness",
        "noticed by a witness or a free wire",
        "score",
    )
    places = {unit.place for unit in records.inventory}
    seen = sum(place in result.places for place in places)
    whole = f"\nOf the {len(places)} calls in the source that write rows, whatever the check, {seen} are noticed.\n"
    return _table(head, lines) + whole


def _ordered(lines: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return sorted(lines, key=lambda cells: [_natural(cell) for cell in cells])


def _natural(cell: str) -> list[tuple[int, str]]:
    # Numbers in a cell count as numbers: 2 before 10.
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", cell) if part]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

    return line(head) + "|" + "---|" * len(head) + "\n" + "".join(map(line, rows))


def render(records: Records, promises: Sequence[Promise], result: Score, path: Path = DOCUMENT) -> str:
    """What the document says after this run."""
    return made(path.read_text(encoding="utf-8"), blocks(records, promises, result))
