"""A ledger that follows a real chain says, after a reorganisation of 1 to 12 blocks, what is there and what is there no longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.chain import local_chain
from demo.vault import Plan
from prover.keys import setup
from relayer.history import History
from relayer.ledger import Ledger, read_ledger
from tests.contracts.venue import TERMS
from tests.relayer.venue import DOLLAR, SeedVenue

ROOT = Path(__file__).resolve().parents[2]
A_DEPOSIT = 2
"""Records of a first deposit: the account and the queue entry."""


@pytest.fixture(scope="module")
def venue() -> Iterator[SeedVenue]:
    with local_chain() as chain:
        yield SeedVenue(chain, setup("dev", ROOT / "keys"), Plan(terms=TERMS))


@pytest.mark.parametrize("depth", [1, 2, 3, 6, 12])
def test_what_a_reorganisation_took_back_is_withdrawn_and_what_came_instead_is_told(
    venue: SeedVenue, depth: int
) -> None:
    with venue.reading() as vault:
        ledger = Ledger(vault)
        before = len(ledger.advance())
        with venue.forgotten():
            for number in range(depth):
                venue.deposit(venue.owner(f"taken back {depth} {number}"), DOLLAR)
            assert len(ledger.advance()) == A_DEPOSIT * depth
        instead = [venue.deposit(venue.owner(f"instead {depth} {number}"), 2 * DOLLAR) for number in range(depth + 1)]
        changes = ledger.advance()
        assert [change.withdrawn for change in changes] == [True] * A_DEPOSIT * depth + [False] * A_DEPOSIT * (
            depth + 1
        )
        assert ledger.records == read_ledger(vault)
        assert len(ledger.records) == before + A_DEPOSIT * (depth + 1)
        history = History.of(ledger.records)
        assert [history.accounts[owner.holder.owner] for owner in instead] == [owner.index for owner in instead]
