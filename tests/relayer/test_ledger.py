"""The ledger tells what happened from logs and calldata alone, refuses what contradicts itself, and takes back what a
reorganisation took back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from prover.batch import SettledRow
from prover.hashing import keccak256
from relayer.errors import LedgerError, RpcError
from relayer.history import History
from relayer.ledger import AGAIN, AGAIN_MOST, Ledger, read_ledger
from relayer.reading import read_account
from relayer.rebuild import Rebuilt
from relayer.records import AccountAssigned, BatchSettled, DepositQueued, EpochPosted, Genesis, SegmentsChecked
from tests.relayer.scene import CONTRACT, DOLLAR, Mined, Scene, risk_row

ROWS = (risk_row(3, 100 * DOLLAR), risk_row(7, 40 * DOLLAR))


def trade(scene: Scene, parts: int = 0) -> None:
    """Two accounts that have traded with each other."""
    scene.post_epoch(ROWS)
    people = [scene.open_account(index) for index in (1, 2)]
    sides = (True, False)
    touches = []
    for person, buy in zip(people, sides, strict=True):
        order = scene.order(person, instrument=7, buy=buy, quantity=CONTRACT, limit=40 * DOLLAR)
        touches.append((person, 1_000 * DOLLAR, (order,)))
    scene.run(touches, parts)


@pytest.fixture(params=["rollup", "validium"])
def scene(request: pytest.FixtureRequest) -> Scene:
    return Scene(validium=request.param == "validium")


def test_records_come_in_the_order_of_the_chain(scene: Scene) -> None:
    trade(scene)
    kinds = [type(record) for record in read_ledger(scene.vault)]
    assert kinds[0] is Genesis
    assert kinds.index(EpochPosted) < kinds.index(AccountAssigned) < kinds.index(BatchSettled)


def test_an_epoch_has_the_rows_of_its_calldata(scene: Scene) -> None:
    trade(scene)
    scene.post_epoch(ROWS[:1], [SettledRow(7, 55 * DOLLAR)])
    history = History.of(read_ledger(scene.vault))
    assert history.epochs[1].rows == ROWS
    assert history.epochs[2].rows == ROWS[:1]
    assert (history.settled_values(1), history.settled_values(2)) == ((), (SettledRow(7, 55 * DOLLAR),))
    assert history.last_epoch == history.epochs[1]


@pytest.mark.parametrize("through", ["hidden", "shown"])
def test_an_epoch_posted_through_another_contract_is_found_in_its_input_or_the_trace(
    scene: Scene, through: str
) -> None:
    scene.post_epoch(ROWS, through=through)
    assert History.of(read_ledger(scene.vault)).epochs[1].rows == ROWS


@pytest.mark.parametrize("parts", [0, 1, 2])
def test_a_settlement_has_all_its_segments_in_one_call_or_in_several(scene: Scene, parts: int) -> None:
    trade(scene, parts)
    (settlement,) = History.of(read_ledger(scene.vault)).settlements
    words = [
        segment.touch(place, scene.vault.layout, scene.cipher[1, segment.number])
        for segment in settlement.segments
        for place in range(2)
    ]
    assert words[:3] == [touch.words for touch in scene.cleared[0].touches]
    assert (settlement.segments[0].cipher_words is None) == scene.validium


def test_the_tree_rebuilt_from_chain_data_is_the_operators(scene: Scene) -> None:
    trade(scene)
    person = scene.open_account(5)
    scene.run([(person, 1_000 * DOLLAR, ())], parts=1)
    records = read_ledger(scene.vault)
    genesis = next(record for record in records if isinstance(record, Genesis))
    settlements = History.of(records).settlements
    rebuilt = Rebuilt.at_genesis("dev", genesis)
    assert rebuilt.root == genesis.root
    for settlement, cleared in zip(settlements, scene.cleared, strict=True):
        rebuilt = rebuilt.after(settlement, scene.vault.layout)
        assert rebuilt.root == cleared.end_root
    assert sorted(rebuilt.tree.leaves()) == scene.state.indices() == [0, 1, 2, 5]


def test_an_owner_reads_the_newest_state_of_its_account(scene: Scene) -> None:
    trade(scene)
    scene.run([(scene.person(1), 0, ())])
    settlements = History.of(read_ledger(scene.vault)).settlements
    for index in (0, 1, 2):
        holder = scene.person(index).holder
        source = scene.ciphertext if scene.validium else None
        read = read_account(scene.vault, settlements, holder, index, source)
        assert read is not None
        assert read.leaf == scene.state.leaf(index)
        assert read.batch == (1 if index == 2 else 2)


# ---- reorganisations


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 8, 12])
def test_a_reorganisation_withdraws_what_it_took_back_and_gives_what_is_there_now(depth: int) -> None:
    scene = Scene()
    for index in range(1, 13):
        scene.open_account(index)
    ledger = Ledger(scene.vault)
    before = ledger.advance()
    scene.chain.take_back(depth)
    for index in range(100, 101 + depth):
        scene.open_account(index)
    changes = ledger.advance()
    withdrawn = [change.record for change in changes if change.withdrawn]
    assert withdrawn == [change.record for change in reversed(before[-2 * depth :])]
    assert [c.record.index for c in changes if isinstance(c.record, AccountAssigned) and not c.withdrawn] == list(
        range(100, 101 + depth)
    )
    assert ledger.records == read_ledger(scene.vault)


def test_the_same_event_in_another_block_is_another_record() -> None:
    scene = Scene()
    scene.open_account(1)
    ledger = Ledger(scene.vault)
    (first, *_) = [change.record for change in ledger.advance() if isinstance(change.record, AccountAssigned)]
    block = scene.chain.blocks[-1]
    scene.chain.take_back(1)
    scene.chain.mine(block.mined)
    again = [change for change in ledger.advance() if isinstance(change.record, AccountAssigned)]
    assert [change.withdrawn for change in again] == [True, False]
    assert again[1].record.at.block_hash != first.at.block_hash


def test_an_endpoint_that_is_behind_takes_nothing_back() -> None:
    scene = Scene()
    scene.open_account(1)
    ledger = Ledger(scene.vault)
    ledger.advance()
    kept = scene.chain.blocks.pop()
    assert ledger.advance() == []
    scene.chain.blocks.append(kept)
    assert ledger.advance() == []
    assert len(ledger.records) == 3


def test_a_chain_that_moves_while_it_is_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    trade(scene)
    ledger, original = Ledger(scene.vault), scene.chain.answer_eth_getTransactionByHash
    moved: list[list[Mined]] = []

    def moving(digest: str) -> object:
        if not moved:
            moved.append(scene.chain.blocks[-1].mined)
            scene.chain.take_back(1)
            scene.chain.mine(moved[0])
        return original(digest)

    monkeypatch.setattr(scene.chain, "answer_eth_getTransactionByHash", moving)
    ledger.advance()
    assert ledger.records == read_ledger(scene.vault)
    assert ledger.records[-1].at.block_hash == scene.chain.blocks[-1].hash


# ---- endpoints that are behind


class Behind:
    """The endpoint that gives logs has no block above a height, though the one that is asked for blocks does."""

    def __init__(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.height, self.ranges = 10**9, list[tuple[int, int]]()
        original = scene.chain.answer_eth_getLogs

        def logs(query: Mapping[str, Any]) -> list[Mapping[str, Any]]:
            self.ranges.append((int(query["fromBlock"], 16), int(query["toBlock"], 16)))
            return [log for log in original(query) if int(log["blockNumber"], 16) <= self.height]

        monkeypatch.setattr(scene.chain, "answer_eth_getLogs", logs)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> tuple[Scene, Ledger, Behind]:
    """Two accounts that the ledger knows, and a third that it was not told of."""
    scene = Scene()
    behind = Behind(scene, monkeypatch)
    scene.open_account(1)
    scene.open_account(2)
    ledger = Ledger(scene.vault)
    ledger.advance()
    behind.height = len(scene.chain.blocks) - 1
    scene.open_account(3)
    assert ledger.advance() == []
    assert ledger.head == len(scene.chain.blocks) - 1
    return scene, ledger, behind


def test_a_log_that_an_endpoint_did_not_give_is_taken_in_by_the_next_look(late: tuple[Scene, Ledger, Behind]) -> None:
    scene, ledger, behind = late
    behind.height = 10**9
    changes = ledger.advance()
    assert [type(change.record) for change in changes] == [AccountAssigned, DepositQueued]
    assert not any(change.withdrawn for change in changes)
    assert ledger.records == read_ledger(scene.vault)


def test_what_comes_late_below_known_records_has_these_read_again(
    late: tuple[Scene, Ledger, Behind], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, ledger, behind = late
    missing, behind.height = len(scene.chain.blocks) - 1, 10**9
    full = scene.chain.answer_eth_getLogs
    with monkeypatch.context() as patched:
        patched.setattr(
            scene.chain,
            "answer_eth_getLogs",
            lambda query: [log for log in full(query) if int(log["blockNumber"], 16) != missing],
        )
        scene.open_account(4)
        assert [c.record.index for c in ledger.advance() if isinstance(c.record, AccountAssigned)] == [4]
    told = [(c.record.index, c.withdrawn) for c in ledger.advance() if isinstance(c.record, AccountAssigned)]
    assert told == [(4, True), (3, False), (4, False)]
    assert ledger.records == read_ledger(scene.vault)
    assert ledger.advance() == []


def test_what_was_given_before_and_is_not_given_now_is_not_taken_back(late: tuple[Scene, Ledger, Behind]) -> None:
    scene, ledger, behind = late
    before, places = list(ledger.records), ledger.checkpoints
    behind.height -= 1
    scene.open_account(4)
    with pytest.raises(RpcError, match="lacks logs that it gave before"):
        ledger.advance()
    assert (ledger.records, ledger.checkpoints) == (before, places)
    behind.height = 10**9
    ledger.advance()
    assert ledger.records == read_ledger(scene.vault)


def test_a_log_of_a_block_that_never_was_in_the_chain_is_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    scene.open_account(1)
    full, other = scene.chain.answer_eth_getLogs, "0x" + "ab" * 32
    scene.chain.mine([])
    ledger = Ledger(scene.vault)
    with monkeypatch.context() as patched:
        patched.setattr(
            scene.chain, "answer_eth_getLogs", lambda query: [{**log, "blockHash": other} for log in full(query)]
        )
        ledger.advance()
    assert [change.withdrawn for change in ledger.advance()] == [True] * 3 + [False] * 3
    assert ledger.records == read_ledger(scene.vault)


def test_a_look_asks_for_two_blocks_and_once_for_logs(late: tuple[Scene, Ledger, Behind]) -> None:
    scene, ledger, _ = late
    scene.chain.requests.clear()
    assert ledger.advance() == []
    assert scene.chain.requests == ["eth_getBlockByNumber", "eth_getLogs", "eth_getBlockByNumber"]


@pytest.mark.parametrize(
    ("final", "depth"), [(None, AGAIN), (AGAIN_MOST + 199, AGAIN), (900, 300), (0, AGAIN_MOST), (10**9, AGAIN)]
)
def test_what_is_above_the_final_block_is_read_again_and_the_last_blocks_in_any_case(
    monkeypatch: pytest.MonkeyPatch, final: int | None, depth: int
) -> None:
    scene = Scene()
    behind = Behind(scene, monkeypatch)
    while len(scene.chain.blocks) <= AGAIN_MOST + 200:
        scene.chain.mine([])
    ledger = Ledger(scene.vault)
    ledger.advance()
    head = len(scene.chain.blocks) - 1
    scene.chain.mine([])
    ledger.advance(final=final)
    assert behind.ranges[-1] == (head - depth + 1, head + 1)


# ---- lies


def changed(scene: Scene, old: bytes, new: bytes) -> None:
    """The endpoint gives the last transaction with other bytes."""
    mined: Mined = scene.chain.blocks[-1].mined[0]
    assert old in mined.data
    scene.chain.blocks[-1].mined[0] = replace(mined, data=mined.data.replace(old, new, 1))


def test_words_that_are_not_those_of_the_settlement_are_refused(scene: Scene) -> None:
    trade(scene)
    leaf = scene.cleared[0].touches[1].words[2].to_bytes(32, "big")
    changed(scene, leaf, keccak256(leaf))
    with pytest.raises(LedgerError, match="segment 0: the words"):
        read_ledger(scene.vault)


def test_words_and_claim_changed_together_are_refused_by_the_events_hash() -> None:
    scene = Scene()
    trade(scene)
    leaf = scene.cleared[0].touches[1].words[2].to_bytes(32, "big")
    settlement = History.of(read_ledger(scene.vault)).settlements[0]
    first = settlement.segments[0]
    other = keccak256(first.open_words.replace(leaf, bytes(32)) + first.cipher_hash)
    changed(scene, leaf, bytes(32))
    changed(scene, settlement.claim.segments[0].data_hash, other)
    with pytest.raises(LedgerError, match="different data hashes"):
        read_ledger(scene.vault)


def test_a_settlement_whose_parts_are_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    trade(scene, parts=1)
    logs = scene.chain.answer_eth_getLogs
    topic = scene.vault.contract.interface.topics["SegmentsChecked"]
    monkeypatch.setattr(
        scene.chain, "answer_eth_getLogs", lambda query: [each for each in logs(query) if each["topics"][0] != topic]
    )
    with pytest.raises(LedgerError, match="2 segments, 0 stand in calldata"):
        read_ledger(scene.vault)


def test_a_settlement_that_does_not_start_where_the_last_one_ended_is_refused() -> None:
    scene = Scene()
    trade(scene)
    scene.run([])
    for block in scene.chain.blocks:
        settles = [
            m for m in block.mined if scene.vault.contract.interface.topics["BatchSettled"][2:] == m.logs[0][0][0].hex()
        ]
        if settles:
            block.mined.clear()
            break
    with pytest.raises(LedgerError, match="batch 2 starts at root"):
        read_ledger(scene.vault)


def test_an_endpoint_without_the_transactions_says_what_to_do(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    trade(scene)
    monkeypatch.setattr(scene.chain, "answer_eth_getTransactionByHash", lambda _: None)
    with pytest.raises(RpcError, match="keeps all transactions"):
        read_ledger(scene.vault)


def test_parts_of_another_settlement_of_the_batch_do_not_count() -> None:
    scene = Scene()
    trade(scene, parts=1)
    records = read_ledger(scene.vault)
    checked = [record for record in records if isinstance(record, SegmentsChecked)]
    assert [record.first for record in checked] == [0, 1]
    assert {record.r1 for record in checked} == {History.of(records).settlements[0].r1}
