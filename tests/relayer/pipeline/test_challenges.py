"""Challenges are noticed, and noticed once, whoever answers and however far behind: also where a block is final at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from relayer.chain import Block
from relayer.pipeline.challenges import watch_challenges
from relayer.pipeline.desk import Turn
from relayer.store import events
from relayer.store.database import Database
from relayer.store.models import BondChallenge

NOBODY, SOMEBODY = "0x" + "00" * 20, "0x" + "11" * 20


@dataclass
class Chain:
    """A bond contract on a chain whose blocks are final at once, behind an endpoint that has come to ``height`` and gives logs up to
    ``told``: challenge by number, the block it was made in and, once it was, that of its answer.
    """

    database: Database
    height: int = 100
    told: int = 100
    late: int = 0
    """By how many blocks who says which is the newest is behind who says which is final."""
    made: dict[int, int] = field(default_factory=dict)
    answered: dict[int, int] = field(default_factory=dict)

    def at(self, height: int, told: int | None = None) -> None:
        """Who answers now has come so far, with its logs perhaps not."""
        self.height, self.told = height, height if told is None else told

    def head(self, tag: str = "latest") -> Block:
        """The newest block, which is final."""
        return self.block(self.height - (self.late if tag == "latest" else 0))

    def block(self, number: int) -> Block:
        """A block."""
        return Block(number, number.to_bytes(32, "big"), bytes(32), number)

    def logs(self, _address: str, first: int, last: int) -> Iterator[list[Any]]:
        """Those that it has."""
        assert first >= 0
        told = [(block, "Challenged", number) for number, block in self.made.items()]
        told += [(block, "Answered", number) for number, block in self.answered.items()]
        for block, name, number in sorted(told):
            if first <= block <= min(last, self.told):
                yield [SimpleNamespace(block=block, topics=name, data=number)]

    def read_log(self, name: str, number: int) -> Any:  # noqa: ANN401 - as the interface has it
        """An event."""
        return SimpleNamespace(name=name, values=SimpleNamespace(challenge=number, batch=1, sequence=number))

    def call(self, _name: str, number: int, at: int) -> Any:  # noqa: ANN401 - as the contract has it
        """A challenge as it stands at a block."""
        is_open = self.made[number] <= at < self.answered.get(number, at + 1)
        return SimpleNamespace(challenger=SOMEBODY if is_open else NOBODY, batch=1, sequence=number, deadline=10_000)

    def look(self) -> bool:
        """A turn of the watch."""
        bonds = SimpleNamespace(address=SOMEBODY, chain=self, interface=self, call=self.call)
        vault = SimpleNamespace(bonds=bonds, chain=self, first_block=0)
        desk: Any = SimpleNamespace(database=self.database, vault=vault)
        return watch_challenges(desk, Turn())

    def states(self) -> dict[int, str]:
        """What is stored."""
        with self.database.read() as session:
            return {row.id: row.state for row in session.scalars(select(BondChallenge))}

    def alarms(self) -> int:
        """How often the operator was told of a challenge."""
        with self.database.read() as session:
            told = events.since(session, 0, channels=["alerts"])
            return sum(each.payload["alert"] == "bond_challenged" for each in told)


@pytest.fixture
def chain(database: Database) -> Chain:
    return Chain(database)


def test_a_challenge_is_noticed_although_its_log_came_after_its_block_was_final(chain: Chain) -> None:
    chain.look()
    chain.made[1] = 101
    chain.at(101, told=100)
    chain.look()
    chain.at(103)
    assert chain.look()
    assert (chain.states(), chain.alarms()) == ({1: "open"}, 1)


def test_a_challenge_that_who_was_behind_did_not_have_is_looked_at_again(chain: Chain) -> None:
    chain.look()
    chain.made[1] = 101
    chain.at(101)
    chain.look()
    chain.late = 1
    chain.look()
    chain.late = 0
    chain.at(103)
    chain.look()
    assert chain.states() == {1: "open"}


@pytest.mark.parametrize("behind", [115, 108], ids=["before-the-last-look", "before-its-end"])
def test_a_challenge_that_is_over_stays_so_whatever_is_read_again_and_by_whom(chain: Chain, behind: int) -> None:
    chain.look()
    chain.made[1] = 105
    chain.at(105)
    chain.look()
    chain.answered[1] = 110
    chain.at(120)
    chain.look()
    assert chain.states() == {1: "over"}
    for height in (120, behind, behind, 121, 300):
        chain.at(height)
        assert not chain.look()
    assert (chain.states(), chain.alarms()) == ({1: "over"}, 1)
