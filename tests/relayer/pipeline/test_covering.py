"""What the free bond covers: each wei is promised once, whatever is mined and whichever endpoint answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from relayer.pipeline.covering import EVERY, Promised, cover, covered, lacking, of_opening, orders_covered
from relayer.pipeline.desk import Turn
from relayer.store import batches
from relayer.store.database import Database
from relayer.store.models import Batch, BatchState, Holder, Order, OrderState

NONE, OPENED, SEALED, ENDED, LOST = range(5)
"""IBonds.Stage."""
BASE, PER_ORDER = 1_000, 10


@pytest.mark.parametrize(
    ("free", "promised", "orders"),
    [
        (0, [Promised(1, OPENED, 0)], {1: 0}),
        (109, [Promised(1, OPENED, 4)], {1: 10}),
        (1_109, [Promised(1, NONE, 0)], {1: 10}),
        (999, [Promised(1, NONE, 0)], {1: 0}),
        (2_000, [Promised(1, OPENED, 30), Promised(2, NONE, 0)], {1: 200, 2: 70}),
        (2_000, [Promised(1, SEALED, 30), Promised(2, OPENED, 5)], {2: 200}),
        (2_000, [Promised(1, ENDED, 30), Promised(2, NONE, 0)], {2: 100}),
        (2_000, [Promised(1, LOST, 30), Promised(2, OPENED, 0)], {2: 200}),
        (50, [Promised(1, OPENED, 30), Promised(2, NONE, 0)], {1: 5, 2: 0}),
    ],
)
def test_a_batch_is_covered_by_what_is_left_after_those_before_it(
    free: int, promised: list[Promised], orders: dict[int, int]
) -> None:
    assert dict(covered(free, BASE, PER_ORDER, promised)) == orders


def test_orders_that_take_nothing_are_all_covered() -> None:
    assert orders_covered(0, 0) == EVERY
    assert orders_covered(10**30, 1) == EVERY


@dataclass
class Chain:
    """Blocks of a bond contract: what is free and each batch's stage, by block number; the newest is ``newest``."""

    per_order: int = PER_ORDER
    newest: int = 1
    free: dict[int, int] = field(default_factory=dict)
    stages: dict[int, dict[int, int]] = field(default_factory=dict)

    def call(self, name: str, *arguments: int, at: int) -> Any:  # noqa: ANN401 - as the function has it
        """What the contract says at a block."""
        return self.free[at] if name == "free" else SimpleNamespace(stage=self.stages[at].get(arguments[0], NONE))

    def mine(self, free: int, **stages: int) -> None:
        """Another block."""
        self.newest += 1
        self.free[self.newest] = free
        self.stages[self.newest] = {int(name.removeprefix("batch_")): stage for name, stage in stages.items()}


def desk_of(database: Database, chain: Chain) -> Any:  # noqa: ANN401 - what the steps use of a desk
    """A desk with that chain."""
    vault = SimpleNamespace(
        bond_terms=SimpleNamespace(base=BASE, perOrder=chain.per_order),
        bonds=chain,
        chain=SimpleNamespace(head=lambda: SimpleNamespace(number=chain.newest)),
    )
    return SimpleNamespace(database=database, vault=vault)


def put(database: Database, number: int, state: BatchState, orders: int = 0) -> None:
    """A batch in a state, with so many receipts."""
    with database.write() as session:
        session.merge(Batch(number=number, state=state, epoch=1, created_at=0, updated_at=0))
        session.merge(Holder(owner=bytes(32), key=bytes(32), subaccount=0, account=1, holder_sealed=b"", created_at=0))
        session.flush()
        for at in range(1, orders + 1):
            name = f"{number}-{at}"
            place = {"batch": number, "sequence": at, "position": 1_000 * number + at, "state": OrderState.RECEIPTED}
            own = {"id": name, "hash": name.encode(), "owner": bytes(32), "account": 1}
            session.add(Order(**own, **place, created_at=0, updated_at=0))


def stored(database: Database, number: int) -> int:
    """What the batch's row says."""
    with database.read() as session:
        return batches.require(session, number).covered


def test_the_open_batch_follows_the_bond_up_and_down(database: Database) -> None:
    chain = Chain()
    desk = desk_of(database, chain)
    assert not cover(desk, Turn()), "no batch, nothing to look at"
    put(database, 1, BatchState.OPEN, orders=3)
    for free, orders in ((100, 10), (205, 20), (20, 2), (0, 0)):
        chain.mine(free, batch_1=OPENED)
        assert cover(desk, Turn())
        assert stored(database, 1) == orders
        assert not cover(desk, Turn()), "nothing new"


def test_an_endpoint_that_does_not_know_a_seal_yet_does_not_have_its_bond_spent_twice(database: Database) -> None:
    chain = Chain()
    desk = desk_of(database, chain)
    put(database, 1, BatchState.SEALED, orders=30)
    chain.mine(2_000, batch_1=OPENED)
    with database.read() as session:
        assert of_opening(desk, session, 2) == (2_000 - 30 * PER_ORDER - BASE) // PER_ORDER
    chain.mine(1_700, batch_1=SEALED)
    with database.read() as session:
        assert of_opening(desk, session, 2) == (1_700 - BASE) // PER_ORDER


def test_a_seal_that_is_taken_back_counts_again_before_the_batch_behind_it(database: Database) -> None:
    chain = Chain()
    desk = desk_of(database, chain)
    put(database, 1, BatchState.CLOSING, orders=30)
    put(database, 2, BatchState.OPENING)
    chain.mine(1_500, batch_1=OPENED)
    cover(desk, Turn())
    assert (stored(database, 1), stored(database, 2)) == (150, 20)


def test_a_seal_lacks_what_is_not_free_and_nothing_once_it_is_on_chain(database: Database) -> None:
    chain = Chain()
    desk = desk_of(database, chain)
    chain.mine(25, batch_1=OPENED)
    assert [lacking(desk, 1, orders) for orders in (0, 2, 3)] == [0, 0, 5]
    chain.mine(0, batch_1=SEALED)
    assert lacking(desk, 1, 3) == 0


def test_where_orders_take_nothing_the_chain_is_not_asked(database: Database) -> None:
    desk = desk_of(database, Chain(per_order=0))
    put(database, 1, BatchState.OPEN)
    assert cover(desk, Turn())
    assert stored(database, 1) == EVERY
    assert lacking(desk, 1, 5) == 0
