"""Promises that no row of a circuit holds: identities of the contract, keys, builds, readers. Each names the tests that attack it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.assurance.protocol import ROOT


class Held(NamedTuple):
    """A promise, what holds it, and the attacks on it as `path::name` of tests."""

    promise: str
    by: str
    attacks: tuple[str, ...]


HELD: Final = (
    Held(
        "what is settled is what was proven, at the place and for the batch it was proven for",
        "public inputs that the contract derives itself",
        (
            "circuits/tests/settlement.rs::every_data_word_is_bound",
            "circuits/tests/settlement.rs::every_link_is_bound",
            "circuits/tests/settlement.rs::segments_swapped_or_proofs_swapped_are_refused",
            "circuits/tests/settlement.rs::a_settlement_of_another_batch_is_refused",
        ),
    ),
)


def rows() -> list[tuple[str, ...]]:
    """The lines of the table."""
    return [(held.promise, held.by, ", ".join(f"`{name}`" for name in held.attacks), "refused") for held in HELD]


def faults() -> list[str]:
    """Attacks that are named here and do not exist."""
    named = [name for held in HELD for name in held.attacks]
    return [f"there is no test {name}" for name in named if not _exists(*name.split("::"))]


def _exists(path: str, name: str) -> bool:
    return re.search(rf"\b(?:fn|def|function)\s+{re.escape(name)}\b", _source(path)) is not None


@cache
def _source(path: str) -> str:
    file = Path(ROOT, path)
    return file.read_text(encoding="utf-8") if file.is_file() else ""
