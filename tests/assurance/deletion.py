"""The deletion score: which lines of the circuits could be missing without any test noticing.

A unit is noticed if, without its rows, some witness that a test insists on being refused would be accepted (its rows are all that refused
it, and nothing outside the circuits did), or some wire that a test insists on being determined would be free. Nothing has to be built
again for this: both are read off the records of one run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.assurance.records import Records, Unit

SURVIVORS: Final = Path(__file__).with_name("survivors.toml")
"""Units that nothing notices, each with the reason why that is no hole."""

GOAL: Final = 0.95
"""Share of units that must be noticed."""


@dataclass(frozen=True)
class Score:
    """What notices each unit."""

    witnesses: Mapping[Unit, frozenset[str]]
    """Tests with a witness that only the unit's rows refuse."""
    tangents: Mapping[Unit, frozenset[str]]
    """Tests in which a wire is free without the unit's rows."""
    places: frozenset[str]
    """Calls in the source that are noticed, whatever check they were written for."""

    def notices(self, unit: Unit) -> bool:
        """Whether some test fails without the unit."""
        return bool(self.witnesses[unit] or self.tangents[unit])


def score(records: Records) -> Score:
    """The score of a run."""
    witnesses: dict[Unit, set[str]] = {unit: set() for unit in records.inventory}
    tangents: dict[Unit, set[str]] = {unit: set() for unit in records.inventory}
    places: set[str] = set()
    for refusal in records.refusals:
        if refusal.others:
            continue
        if len(refusal.units) == 1:
            (unit,) = refusal.units
            witnesses.setdefault(unit, set()).add(refusal.test)
        if len({unit.place for unit in refusal.units}) == 1:
            places.update(unit.place for unit in refusal.units)
    for freed in records.freed:
        tangents[freed.unit].add(freed.test)
        places.add(freed.unit.place)

    def frozen(found: Mapping[Unit, set[str]]) -> dict[Unit, frozenset[str]]:
        return {unit: frozenset(found[unit]) for unit in records.inventory}

    return Score(frozen(witnesses), frozen(tangents), frozenset(places))


def names(units: Iterable[Unit]) -> dict[Unit, str]:
    """A name for each unit that stays when lines move: circuit, check, file and number of the call among those of its name in the file."""

    def stem(unit: Unit) -> tuple[str, str, str]:
        return unit.circuit, unit.check, unit.file.removeprefix("circuits/src/")

    found: dict[Unit, str] = {}
    for key, group in groupby(sorted(units, key=lambda unit: (stem(unit), unit.at)), stem):
        for number, unit in enumerate(group, 1):
            found[unit] = f"{', '.join(key)}, {number}"
    return found


def explained(path: Path = SURVIVORS) -> dict[str, str]:
    """Names of the survivors that are known, with their reasons."""
    with path.open("rb") as file:
        return {str(name): str(reason) for name, reason in tomllib.load(file).items()}


def faults(result: Score, records: Records, known: Mapping[str, str], *, full: bool = False) -> list[str]:
    """What is wrong with a score: survivors without an explanation, explanations without a survivor, a score below the goal.

    A run at `full` size notices more than the explanations are written for.
    """
    named = names(records.inventory)
    survivors = {named[unit] for unit in records.inventory if not result.notices(unit)}
    found = [f"no test notices that this is missing: {name}" for name in sorted(survivors - set(known))]
    idle = [] if full else sorted(set(known) - survivors)
    found += [f"{SURVIVORS.name} explains what is noticed or gone: {name}" for name in idle]
    share = 1 - len(survivors) / len(named)
    if share < GOAL:
        found.append(f"only {share:.1%} of {len(named)} deletions are noticed, {GOAL:.0%} is the goal")
    return found
