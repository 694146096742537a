"""Offers stay under the cap, and a replacement is one that nodes take: both fees an eighth up at least, whatever the numbers."""

import random
from dataclasses import replace

import pytest

from relayer.store import transactions
from relayer.store.outgoing import Outgoing
from relayer.transactions.desk import Desk
from relayer.transactions.fees import AtCap, Fees, instead, offer, raised, replacement
from relayer.transactions.policy import GWEI, FeePolicy, Policy
from tests.relayer.transactions.scene import Scene

POLICY = FeePolicy(max_fee=100 * GWEI, max_tip=10 * GWEI, min_tip=GWEI)


def test_an_offer_has_room_for_the_base_fee_to_rise_and_the_usual_tip() -> None:
    assert offer(20 * GWEI, [GWEI, 2 * GWEI, 3 * GWEI], POLICY) == Fees(42 * GWEI, 2 * GWEI)


@pytest.mark.parametrize(("tips", "tip"), [([], GWEI), ([0], GWEI), ([99 * GWEI], 10 * GWEI)])
def test_a_tip_stays_in_its_bounds(tips: list[int], tip: int) -> None:
    assert offer(GWEI, tips, POLICY) == Fees(2 * GWEI + tip, tip)


def test_room_is_cut_at_the_cap_and_no_offer_is_made_above_it() -> None:
    assert offer(60 * GWEI, [], POLICY) == Fees(100 * GWEI, GWEI)
    assert offer(99 * GWEI, [], POLICY) == Fees(100 * GWEI, GWEI)
    assert offer(99 * GWEI + 1, [], POLICY) == AtCap(Fees(100 * GWEI + 1, GWEI))


def test_a_raise_is_rounded_up_and_never_nothing() -> None:
    assert [raised(wei, 12.5) for wei in (0, 1, 7, 8, 9, 800, 801)] == [1, 2, 8, 9, 11, 900, 902]


def test_a_replacement_is_an_eighth_up_in_both_fees_and_under_the_cap_whatever_the_numbers() -> None:
    draw, made = random.Random(7), 0
    for _ in range(2_000):
        tip = draw.randrange(POLICY.max_tip)
        old = Fees(draw.randrange(tip, POLICY.max_fee), tip)
        new = replacement(old, draw.randrange(120 * GWEI), [draw.randrange(20 * GWEI)], POLICY)
        if isinstance(new, AtCap):
            continue
        made += 1
        assert 8 * new.most >= 9 * old.most
        assert 8 * new.tip >= 9 * old.tip
        assert new.most <= POLICY.max_fee
        assert new.tip <= min(POLICY.max_tip, new.most)
    assert made > 500


def test_a_replacement_follows_fees_that_have_risen_further() -> None:
    assert replacement(Fees(10 * GWEI, GWEI), 40 * GWEI, [2 * GWEI], POLICY) == Fees(82 * GWEI, 2 * GWEI)


def test_the_last_raise_that_fits_goes_up_to_the_cap() -> None:
    assert replacement(Fees(80 * GWEI, GWEI), GWEI, [], POLICY) == Fees(100 * GWEI, 1_125_000_000)
    assert isinstance(replacement(Fees(100 * GWEI, GWEI), GWEI, [], POLICY), AtCap)


def test_what_is_given_up_is_replaced_as_anything_else_while_that_fits_under_the_cap() -> None:
    old = Fees(10 * GWEI, GWEI)
    assert instead(old, 40 * GWEI, [2 * GWEI], POLICY) == replacement(old, 40 * GWEI, [2 * GWEI], POLICY)


@pytest.mark.parametrize(
    ("old", "base", "tip", "new"),
    [
        (Fees(100 * GWEI, GWEI), GWEI, 0, Fees(112_500_000_000, 1_125_000_000)),
        (Fees(100 * GWEI, GWEI), GWEI, 3 * GWEI, Fees(112_500_000_000, 3 * GWEI)),
        (Fees(30 * GWEI, 10 * GWEI), 40 * GWEI, 0, Fees(81 * GWEI, 11_250_000_000)),
        (Fees(100 * GWEI, 10 * GWEI), 200 * GWEI, 20 * GWEI, Fees(112_500_000_000, 11_250_000_000)),
    ],
    ids=["fee at the cap", "tips rose", "tip at the cap", "fees above the cap"],
)
def test_at_the_cap_what_is_given_up_is_replaced_by_the_least_that_nodes_take_or_what_is_offered_now_if_that_is_more(
    old: Fees, base: int, tip: int, new: Fees
) -> None:
    policy = replace(POLICY, raise_percent=100.0)
    assert isinstance(replacement(old, base, [tip], policy), AtCap)
    assert instead(old, base, [tip], policy) == new


# ---- on a chain


def test_a_stuck_transaction_is_replaced_after_three_blocks_at_higher_fees(scene: Scene) -> None:
    scene.queue("settle:1")
    scene.step()
    first = scene.attempts("settle:1")[0]
    for _ in range(2):
        scene.base_fee(50 * GWEI)
        scene.turn(1)
    assert len(scene.attempts("settle:1")) == 1
    scene.base_fee(50 * GWEI)
    scene.turn(1)
    second = scene.attempts("settle:1")[1]
    assert 8 * int(second.max_fee_wei) >= 9 * int(first.max_fee_wei)
    assert 8 * int(second.priority_fee_wei) >= 9 * int(first.priority_fee_wei)
    assert (first.nonce, second.nonce) == (0, 0)
    scene.turn(1)
    assert scene.row("settle:1").mined_hash == second.hash
    assert (scene.count(), scene.used()) == (1, 1)


def test_a_base_fee_ten_times_higher_is_followed(scene: Scene) -> None:
    fee = int(scene.block(int(scene.chain.rpc("eth_blockNumber"), 16))["baseFeePerGas"], 16)
    scene.queue("open:1")
    scene.queue("seal:1")
    scene.step()
    for _ in range(5):
        scene.base_fee(10 * fee)
        scene.turn(1)
    assert (scene.state("open:1"), scene.state("seal:1"), scene.count()) == ("mined", "mined", 2)
    assert scene.told() == []


def test_at_the_cap_it_waits_with_an_alarm_and_goes_on_when_fees_fall(make_scene_at_cap: Scene) -> None:
    scene = make_scene_at_cap
    scene.queue("settle:1")
    scene.step()
    for _ in range(12):
        scene.base_fee(50 * GWEI)
        scene.turn(1)
    sent = scene.attempts("settle:1")
    assert scene.state("settle:1") == "sent"
    assert scene.alarms() == ["transaction_fee_cap"]
    assert max(int(each.max_fee_wei) for each in sent) <= 4 * GWEI
    scene.base_fee(GWEI)
    scene.turn(2)
    assert scene.state("settle:1") == "mined"
    assert scene.told()[-1] == {"name": "transaction_fee_cap", "subject": scene.row("settle:1").id, "state": "cleared"}


@pytest.mark.parametrize("cap", ["fee", "tip"])
def test_what_is_given_up_at_the_cap_leaves_no_nonce_open_for_what_is_behind_it(scene: Scene, cap: str) -> None:
    withdrawn_at_the_cap(scene, cap)
    first, empty = scene.attempts("settle:1")
    assert (first.nonce, first.empty, empty.nonce, empty.empty) == (0, False, 0, True)
    assert 8 * int(empty.max_fee_wei) >= 9 * int(first.max_fee_wei)
    assert 8 * int(empty.priority_fee_wei) >= 9 * int(first.priority_fee_wei)
    scene.turn(2)
    assert (scene.state("settle:1"), scene.state("other")) == ("failed", "mined")
    assert (scene.count(), scene.used()) == (0, 2)


def test_an_empty_transfer_that_is_stuck_keeps_to_the_cap_and_is_sent_again(scene: Scene) -> None:
    withdrawn_at_the_cap(scene, "fee")
    empty = "0x" + scene.attempts("settle:1")[-1].hash.hex()
    for _ in range(5):
        assert empty in scene.waiting()
        scene.drop()
        scene.turn(1)
    assert len(scene.attempts("settle:1")) == 2
    assert "transaction_fee_cap" in scene.alarms()
    scene.turn(2)
    assert (scene.state("settle:1"), scene.state("other"), scene.used()) == ("failed", "mined", 2)


def withdrawn_at_the_cap(scene: Scene, cap: str) -> None:
    """Something given up whose one attempt is at a cap, and something else behind it."""
    scene.queue("settle:1")
    scene.queue("other", to="0x" + "77" * 20)
    scene.step()
    first = scene.attempts("settle:1")[0]
    most, tip = int(first.max_fee_wei), int(first.priority_fee_wei)
    fees = FeePolicy(max_fee=most) if cap == "fee" else FeePolicy(max_tip=tip)
    scene.policy = Policy(fees=replace(fees, min_tip=tip))
    scene.drop()
    with scene.database.write() as session:
        transactions.withdraw(session, scene.row("settle:1").id, "no longer wanted")
    scene.step()


def test_nothing_is_signed_while_fees_are_above_the_cap(make_scene_at_cap: Scene) -> None:
    scene = make_scene_at_cap
    for _ in range(3):
        scene.base_fee(50 * GWEI)
        scene.mine()
    scene.queue("settle:1")
    scene.step(2)
    assert (scene.state("settle:1"), scene.attempts("settle:1")) == ("queued", [])
    assert scene.alarms() == ["transaction_fee_cap"]
    scene.base_fee(GWEI)
    scene.mine()
    scene.step()
    assert scene.state("settle:1") == "sent"


@pytest.fixture
def make_scene_at_cap(scene: Scene) -> Scene:
    scene.policy = Policy(fees=FeePolicy(max_fee=4 * GWEI, max_tip=2 * GWEI, min_tip=GWEI))
    return scene


def test_the_operator_may_have_it_replaced_at_once(scene: Scene) -> None:
    scene.queue("settle:1")
    scene.step()
    with scene.database.write() as session:
        transactions.bump(session, scene.row("settle:1").id)
    scene.step(2)
    assert len(scene.attempts("settle:1")) == 2
    scene.turn(1)
    assert (scene.state("settle:1"), scene.count()) == ("mined", 1)


def test_what_is_mined_while_it_is_about_to_be_replaced_is_mined_once_and_holds_nothing_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.queue("settle:1")
    scene.step()
    with scene.database.write() as session:
        transactions.bump(session, scene.row("settle:1").id)
    estimate = Desk.gas

    def late(desk: Desk, wanted: Outgoing) -> int:
        monkeypatch.undo()
        scene.mine()
        scene.refuse()  # as a vault refuses what is settled
        return estimate(desk, wanted)

    monkeypatch.setattr(Desk, "gas", late)
    scene.queue("other", to="0x" + "77" * 20)
    scene.step()
    assert len(scene.attempts("settle:1")) == 1
    scene.turn(2)
    assert (scene.state("settle:1"), scene.count(), scene.state("other")) == ("mined", 1, "mined")


def test_the_original_mined_in_place_of_its_replacement_counts(scene: Scene) -> None:
    scene.queue("settle:1")
    scene.step()
    original = scene.attempts("settle:1")[0]
    scene.drop()
    with scene.database.write() as session:
        transactions.bump(session, scene.row("settle:1").id)
    scene.step()
    assert len(scene.attempts("settle:1")) == 2
    scene.drop()
    with scene.reader() as reader:
        reader.send_raw(original.raw)
    scene.turn(1)
    row = scene.row("settle:1")
    assert (row.state.value, row.mined_hash, scene.count(), scene.used()) == ("mined", original.hash, 1, 1)
    scene.turn(9)
    assert scene.state("settle:1") == "final"


def test_a_transaction_that_the_mempool_forgot_is_sent_again_as_it_was(scene: Scene) -> None:
    scene.queue("settle:1")
    scene.step()
    sent = scene.waiting()
    scene.drop()
    assert scene.waiting() == []
    scene.turn(1)
    assert scene.waiting() == sent
    scene.turn(1)
    assert (scene.state("settle:1"), len(scene.attempts("settle:1"))) == ("mined", 1)
