"""What a process holds of the chain does not grow with the words of batches that are over, and everything can still be had of it."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import pytest

from prover.batch import Params
from relayer.chain import Block
from relayer.errors import LedgerError, RebuildError, RpcError
from relayer.history import UNTOLD, History
from relayer.ledger import read_ledger
from relayer.pipeline.states import rebuilt_state
from relayer.reading import read_account
from relayer.records import (
    At,
    BatchOpened,
    BatchSealed,
    BatchSettled,
    BatchVoided,
    Claim,
    Claimed,
    EpochPosted,
    OpeningExpired,
    Record,
    Seal,
    SegmentClaim,
    SegmentData,
    SegmentsChecked,
    WithdrawalCredited,
)
from relayer.store import chain, orders
from relayer.store.chain import StoredChain
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.holding import NO_CLAIM, held
from relayer.store.leases import Lease, Leases
from relayer.store.models import ChainBlock
from relayer.watcher import LEASE, Watcher
from tests.relayer.scene import DOLLAR, Person, Scene, risk_row

SEALER = Sealer(bytes(range(32)))
ROWS = (risk_row(3, 100 * DOLLAR), risk_row(7, 40 * DOLLAR))
STANDARD = Params.named("standard")
SEGMENTS = 16
A_BATCH = 6
"""Blocks of a batch."""
FEW_BYTES = 4_096
SOMEBODY = "0x" + 40 * "a"
WORD = 32
KINDS = (type, ModuleType, FunctionType)


# ---- batches of a size


def at(block: int, index: int = 0) -> At:
    """A place in the chain."""
    return At(block, index, block.to_bytes(WORD, "big"), (block << 8 | index).to_bytes(WORD, "little"))


def words(count: int, batch: int) -> bytes:
    """So many words, other ones in each batch."""
    return batch.to_bytes(WORD, "big") * count


def parts_of(batch: int, segments: int = SEGMENTS) -> tuple[Claim, tuple[SegmentData, ...]]:
    """What the transactions of a settlement of the set `standard` carry."""
    opened, cipher, proof = (
        5 * STANDARD.touches,
        (STANDARD.words - 5) * STANDARD.touches,
        tuple(range(2**200, 2**200 + 8)),
    )
    data = [SegmentData(n, proof, words(opened, batch), words(cipher, batch), words(1, n)) for n in range(segments)]
    claims = [SegmentClaim(2**250 + n, 2**200, 2**201, n, words(1, batch)) for n in range(segments)]
    return Claim(tuple(claims), 2**250, 2**251, words(1, batch), SOMEBODY), tuple(data)


def batch_of(batch: int, segments: int = SEGMENTS) -> list[Record]:
    """A batch from its opening to its settlement, in two parts."""
    claim, data = parts_of(batch, segments)
    block, seal = A_BATCH * batch, Seal(words(1, batch), batch, 400, 800, batch, 0, 0, 1, 1_700_000_000)
    ends = 2**250 + batch, 2**250 + batch + 1, words(1, batch), words(1, batch), SOMEBODY
    closing = tuple(range(8)), words(STANDARD.rows + STANDARD.settled, batch)
    return [
        BatchOpened(at(block), batch, 1),
        BatchSealed(at(block + 1), batch, ends[0], seal, words(1, batch)),
        SegmentsChecked(at(block + 2), batch, words(1, batch), 0, claim, data[: segments // 2]),
        SegmentsChecked(at(block + 3), batch, words(1, batch), segments // 2, claim, data[segments // 2 :]),
        BatchSettled(at(block + 4), batch, *ends, claim, data, *closing),
    ]


def stored(database: Database, numbers: Iterable[int], segments: int = SEGMENTS) -> None:
    """The batches are in the database, all of them final, and no reorganisation is followed that far back."""
    for number in numbers:
        block = A_BATCH * number + 5
        head = Block(block, block.to_bytes(WORD, "big"), bytes(WORD), 0)
        with database.write() as session:
            chain.add(session, batch_of(number, segments), [], head)
            chain.set_first(session, 0)
            chain.set_final(session, head)
            session.query(ChainBlock).delete()
            session.add(ChainBlock(number=block, hash=head.hash, parent=head.parent, time=0))


def size(root: object) -> int:
    """Bytes of everything that an object leads to, but for code."""
    seen, left, total = set[int](), [root], 0
    while left:
        each = left.pop()
        if id(each) not in seen and not isinstance(each, KINDS):
            seen.add(id(each))
            total += sys.getsizeof(each)
            left += gc.get_referents(each)
    return total


def watcher_of(database: Database) -> Watcher:
    """A watcher that has only just started."""
    vault: Any = SimpleNamespace()
    return Watcher(database, vault, SEALER)


@pytest.mark.parametrize("holder", ["watcher", "everybody else"])
def test_a_final_batch_is_held_in_few_bytes_that_do_not_depend_on_its_words(database: Database, holder: str) -> None:
    def held_now() -> int:
        if holder == "watcher":
            return size(watcher_of(database)._restored().records)
        found = StoredChain(database)
        found.history()
        return size([found._records, found._history])

    sizes = []
    stored(database, range(1, 3))
    for first, segments in ((3, SEGMENTS), (13, 4 * SEGMENTS)):
        before = held_now()
        stored(database, range(first, first + 10), segments)
        sizes.append((held_now() - before) / 10)
    small, large = sizes
    assert 0 < small < FEW_BYTES
    assert abs(large - small) < FEW_BYTES / 10


def test_a_restart_holds_no_more_than_a_page_of_it_at_once(database: Database) -> None:
    stored(database, range(1, 101))
    with database.read() as session:
        all_of_it = size(list(chain.records(session)))
    gc.collect()
    tracemalloc.start()
    StoredChain(database).history()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < all_of_it / 3


# ---- what is asked later is there


def epoch(number: int, block: int) -> EpochPosted:
    """A risk table."""
    return EpochPosted(at(block), number, number, tuple(row.instrument for row in ROWS), (), 0, ROWS)


def with_rows(records: Iterable[Record]) -> list[int]:
    return [each.epoch for each in records if isinstance(each, EpochPosted) and each.rows]


def test_nothing_is_left_out_that_may_be_taken_back() -> None:
    records = [epoch(1, 1), *batch_of(1), epoch(2, 20), *batch_of(4)]
    assert held(records, 0) == records


@pytest.mark.parametrize(
    ("last", "kept"),
    [
        ([BatchOpened(at(3), 1, 1)], [1, 2, 3]),
        ([BatchOpened(at(3), 1, 1), BatchVoided(at(9), 1)], [1, 2, 3]),
        ([BatchOpened(at(3), 1, 1), BatchVoided(at(5), 1)], [2, 3]),
        ([BatchOpened(at(3), 1, 1), OpeningExpired(at(5), 1)], [2, 3]),
        ([BatchOpened(at(3), 1, 2)], [2, 3]),
        ([], [2, 3]),
    ],
)
def test_rows_are_held_of_the_newest_final_epoch_of_later_ones_and_while_a_batch_is_under_them(
    last: list[Record], kept: list[int]
) -> None:
    records = sorted([epoch(1, 1), epoch(2, 4), epoch(3, 8), *last], key=lambda each: each.at)
    found = held(records, 7)
    assert with_rows(found) == kept
    assert [(e.epoch, e.risk_root, e.time, e.settled) for e in found if isinstance(e, EpochPosted)] == [
        (e.epoch, e.risk_root, e.time, e.settled) for e in records if isinstance(e, EpochPosted)
    ]


@pytest.mark.parametrize("end", ["settled", "void"])
def test_parts_are_held_until_their_batch_is_over_for_good(end: str) -> None:
    *before, settlement = batch_of(1)
    last = settlement if end == "settled" else BatchVoided(settlement.at, 1)
    waiting = held([*before, last], last.at.block - 1)
    assert waiting == [*before, last]
    over = held(waiting, last.at.block)
    assert all(not each.segments and each.claim == NO_CLAIM for each in over if isinstance(each, SegmentsChecked))
    assert [(type(each), each.at) for each in over] == [(type(each), each.at) for each in waiting]


def test_what_is_held_is_the_same_whether_it_came_at_once_or_bit_by_bit() -> None:
    records = [epoch(1, 1), *batch_of(1), *batch_of(2), epoch(2, 20), *batch_of(4), *batch_of(5)]
    bit_by_bit: list[Record] = []
    for record in records:
        bit_by_bit = held([*bit_by_bit, record], min(record.at.block, 28))
    assert bit_by_bit == held(records, 28)
    again = held(bit_by_bit, 28)
    assert all(one is other for one, other in zip(again, bit_by_bit, strict=True))


def test_a_history_takes_nothing_of_what_is_not_held_for_it() -> None:
    claim, data = parts_of(1)
    untold = [
        SegmentsChecked(at(1), 1, b"", 0, claim, data),
        WithdrawalCredited(at(2), 1, 1, SOMEBODY, 1),
        Claimed(at(3), SOMEBODY, 1),
    ]
    assert tuple(map(type, untold)) == UNTOLD
    assert History.of(untold) == History()


# ---- a vault with a past

ONE_KIND = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""What is asked of the database is the same for both kinds; the tests above ask it of both."""


class Followed:
    """A vault whose batches are final but for the last, followed into a database."""

    def __init__(self, database: Database, *, validium: bool = False, parts: int = 0) -> None:
        self.database, self.scene = database, Scene(validium)
        lease = Leases(database, "this process").acquire(LEASE, 3600)
        assert lease is not None
        self.lease: Lease = lease
        self.chain = StoredChain(database)
        self.restart()
        self.people: list[Person] = []
        self.scene.post_epoch(ROWS)
        for index in (1, 2, 3, 1):
            self.scene.run([(self.join(index), 1_000 * DOLLAR, ())], parts)
            self.follow()
        self.finalize()
        self.scene.post_epoch(ROWS)
        self.scene.run([(self.people[1], 0, ())], parts)
        self.follow()

    def join(self, index: int) -> Person:
        known = [each for each in self.people if each.index == index]
        if known:
            return known[0]
        person = self.scene.open_account(index)
        with self.database.write() as session:
            orders.register(session, SEALER, person.holder, bytes(WORD), index)
        self.people.append(person)
        return person

    def restart(self) -> None:
        self.watcher = Watcher(self.database, self.scene.vault, SEALER)

    def follow(self) -> None:
        self.watcher.step(self.lease)

    def finalize(self) -> None:
        """Everything so far is final."""
        self.scene.chain.final = len(self.scene.chain.blocks) - 1
        self.follow()

    def history(self) -> History:
        return self.chain.history()

    def without_words(self) -> list[int]:
        return [each.batch for each in self.history().settlements if not each.segments]

    def rebuilt_root(self) -> int:
        replica: Any = SimpleNamespace(words=self.scene.ciphertext)
        vault, fund = self.scene.vault, self.scene.fund.holder
        desk: Any = SimpleNamespace(
            vault=vault, fund=fund, sealer=SEALER, replicas=(replica,) if self.scene.validium else ()
        )
        with self.database.read() as session:
            state = rebuilt_state(desk, session, self.history())
        for person in self.people:
            assert state.leaf(person.index) == self.scene.state.leaf(person.index)
        return state.root

    def agrees(self) -> None:
        """What is stored is the chain's, and what is held is what is left of it."""
        records = read_ledger(self.scene.vault)
        assert list(self.chain.records()) == records
        assert self.history() == History.of(held(records, self.scene.chain.final))


@ONE_KIND
@pytest.mark.parametrize(("validium", "parts"), [(False, 0), (True, 1)])
def test_accounts_are_rebuilt_of_batches_whose_words_are_not_held(
    database: Database, validium: bool, parts: int
) -> None:
    followed = Followed(database, validium=validium, parts=parts)
    assert followed.without_words() == [1, 2, 3, 4]
    assert followed.rebuilt_root() == followed.scene.state.root
    followed.finalize()
    assert followed.without_words() == [1, 2, 3, 4, 5]
    assert followed.rebuilt_root() == followed.scene.state.root
    followed.agrees()


@ONE_KIND
def test_an_account_is_read_of_settlements_that_were_read_whole_and_of_no_others(database: Database) -> None:
    followed = Followed(database)
    person, vault = followed.people[2], followed.scene.vault
    with pytest.raises(LedgerError, match="the words of batch 1 are not in memory"):
        read_account(vault, followed.history().settlements, person.holder, person.index)
    with database.read() as session:
        settlements = [chain.whole(session, each) for each in followed.history().settlements]
    found = read_account(vault, settlements, person.holder, person.index)
    assert found is not None
    assert (found.batch, found.leaf) == (3, followed.scene.state.leaf(person.index))


@ONE_KIND
def test_a_settlement_that_is_not_stored_any_more_cannot_be_read_whole(database: Database) -> None:
    followed = Followed(database)
    first = followed.history().settlements[0]
    elsewhere = (replace(first.at, block_hash=bytes(WORD)), replace(first.at, block=10**6))
    with database.read() as session:
        for place in elsewhere:
            with pytest.raises(RebuildError, match="settlement of batch 1 is not stored"):
                chain.whole(session, replace(first, at=place))


@ONE_KIND
@pytest.mark.parametrize("restarted", [False, True])
def test_a_reorganisation_of_what_is_not_final_is_followed_as_before(database: Database, restarted: bool) -> None:
    followed = Followed(database)
    scene = followed.scene
    settled = scene.chain.blocks[-1].mined
    before = followed.history().settlements
    scene.chain.take_back(1)
    scene.chain.mine([])
    if restarted:
        followed.restart()
    followed.follow()
    assert followed.history().settlements == before[:-1]
    followed.agrees()
    scene.chain.mine(settled)
    followed.follow()
    assert followed.without_words() == [1, 2, 3, 4]
    assert followed.rebuilt_root() == scene.state.root
    followed.agrees()


@ONE_KIND
@pytest.mark.parametrize("restarted", [False, True])
def test_a_settlement_that_was_final_may_come_again_of_the_parts_that_it_left(
    database: Database, restarted: bool
) -> None:
    followed = Followed(database, parts=1)
    followed.finalize()
    last = followed.scene.chain.blocks[-1].mined
    if restarted:
        followed.restart()
    followed.scene.chain.take_back(1)
    followed.scene.chain.mine([])
    followed.scene.chain.mine(last)
    followed.follow()
    assert followed.rebuilt_root() == followed.scene.state.root
    assert list(followed.chain.records()) == read_ledger(followed.scene.vault)


@ONE_KIND
def test_an_epoch_has_its_rows_again_when_the_batch_under_it_is_to_be_cleared_again(database: Database) -> None:
    followed = Followed(database)
    scene = followed.scene
    assert [bool(each.rows) for _, each in sorted(followed.history().epochs.items())] == [True, True]
    followed.finalize()
    assert [bool(each.rows) for _, each in sorted(followed.history().epochs.items())] == [False, True]
    second = scene.chain.blocks[-4].mined
    scene.chain.take_back(5)
    for mined in ([], second, [], [], [], []):
        scene.chain.mine(mined)
    followed.follow()
    again = followed.history()
    assert [each.batch for each in again.settlements] == [1, 2, 3]
    assert again.epoch_of(4) == again.epochs[1]
    assert [each.rows for _, each in sorted(again.epochs.items())] == [ROWS, ROWS]


# ---- an endpoint that fails


@ONE_KIND
def test_a_look_that_fails_does_not_make_the_next_one_read_the_database_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = Followed(database)
    scene = followed.scene
    scene.run([(followed.people[0], 0, ())])

    def silent(*_: object) -> None:
        raise RpcError("the endpoint is silent")

    def read_again(*_: object) -> None:
        raise AssertionError("what is stored is read again")

    monkeypatch.setattr(chain, "records", read_again)
    for method in ("eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_getLogs"):
        with monkeypatch.context() as patch:
            patch.setattr(scene.chain, f"answer_{method}", silent)
            with pytest.raises(RpcError, match="silent"):
                followed.follow()
    followed.follow()
    monkeypatch.undo()
    assert followed.rebuilt_root() == scene.state.root
    followed.agrees()
