"""What a chain takes back is sent again with the same nonce; no nonce is left out, and one used elsewhere is noticed."""

import pytest

from relayer.store import attempts, transactions
from relayer.transactions.policy import GWEI
from relayer.wallet import Account
from tests.relayer.transactions.scene import Scene


def reorganise(scene: Scene, depth: int) -> None:
    """The last blocks are gone, and others without transactions stand in their place; the mempool has forgotten what was in them."""
    scene.chain.rpc("anvil_reorg", depth, [])
    scene.drop()


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_what_a_reorganisation_takes_back_is_sent_again_with_its_nonce(scene: Scene, depth: int) -> None:
    scene.queue("seal:1")
    scene.step()
    scene.turn(1)
    scene.mine(depth - 1)
    scene.step()
    assert scene.state("seal:1") == "mined"
    reorganise(scene, depth)
    assert scene.count() == 0
    scene.step()
    assert scene.state("seal:1") == "sent"
    assert scene.row("seal:1").block is None
    scene.turn(1)
    row = scene.row("seal:1")
    assert (row.state.value, row.nonce, scene.count(), scene.used()) == ("mined", 0, 1, 1)
    assert [each["state"] for each in scene.told("transactions")] == ["queued", "sent", "mined", "sent", "mined"]


def test_several_that_were_taken_back_come_again_in_their_order(scene: Scene) -> None:
    for name in ("open:1", "seal:1", "settle:1"):
        scene.queue(name)
        scene.step()
        scene.turn(1)
    reorganise(scene, 3)
    scene.step()
    scene.turn(3)
    assert [scene.row(name).nonce for name in ("open:1", "seal:1", "settle:1")] == [0, 1, 2]
    assert [scene.state(name) for name in ("open:1", "seal:1", "settle:1")] == ["mined"] * 3
    assert (scene.count(), scene.used()) == (3, 3)


def test_a_block_in_another_place_moves_the_transaction_there(scene: Scene) -> None:
    scene.queue("seal:1")
    scene.step()
    scene.turn(1)
    before = scene.row("seal:1")
    raw = "0x" + scene.attempts("seal:1")[0].raw.hex()
    scene.mine()
    scene.chain.rpc("anvil_reorg", 2, [[raw, 1]])
    scene.step()
    after = scene.row("seal:1")
    assert (after.state.value, scene.count()) == ("mined", 1)
    assert after.block == (before.block or 0) + 1


def test_a_revert_that_was_taken_back_leaves_no_gap(scene: Scene) -> None:
    scene.queue("settle:1")
    scene.step()
    scene.refuse()
    scene.turn(1)
    assert scene.state("settle:1") == "failed"
    reorganise(scene, 1)
    scene.queue("other", to="0x" + "77" * 20)
    scene.step()
    scene.turn(2)
    assert (scene.state("settle:1"), scene.state("other"), scene.used()) == ("failed", "mined", 2)
    scene.turn(9)
    assert scene.row("settle:1").closed


def test_what_can_succeed_no_longer_is_withdrawn_and_its_nonce_filled(scene: Scene) -> None:
    scene.queue("settle:1")
    scene.step()
    scene.drop()
    scene.refuse()
    scene.queue("other", to="0x" + "77" * 20)
    # Nobody may mine it meanwhile: the mempool drops it before each block.
    for _ in range(4):
        scene.drop()
        scene.mine()
        scene.step()
    row = scene.row("settle:1")
    assert row.state.value == "failed"
    assert "NoSeal()" in str(row.error)
    scene.obey()
    scene.turn(3)
    assert (scene.count(), scene.state("other")) == (0, "mined")
    assert scene.used() == scene.following() == 2
    assert scene.row("settle:1").mined_hash == scene.attempts("settle:1")[-1].hash
    assert scene.attempts("settle:1")[-1].empty


def test_what_is_withdrawn_by_whoever_queued_it_is_replaced_by_nothing(scene: Scene) -> None:
    scene.queue("return:5")
    scene.step()
    with scene.database.write() as session:
        transactions.withdraw(session, scene.row("return:5").id, "no longer wanted")
    scene.step()
    scene.turn(1)
    row = scene.row("return:5")
    assert (row.state.value, row.error, scene.count(), scene.used()) == ("failed", "no longer wanted", 0, 1)


def test_a_withdrawn_transaction_that_is_mined_all_the_same_is_mined(scene: Scene) -> None:
    scene.queue("return:5")
    scene.step()
    with scene.database.write() as session:
        transactions.withdraw(session, scene.row("return:5").id, "no longer wanted")
    scene.mine()
    scene.step()
    assert (scene.state("return:5"), scene.count(), scene.used()) == ("mined", 1, 1)


def test_a_gap_in_the_nonces_is_filled(scene: Scene) -> None:
    """As after a restored backup of a database that knew less than it had given."""
    with scene.database.write() as session:
        attempts.set_following(session, scene.signer.address, 2)
    scene.queue("open:1")
    scene.step(2)
    scene.turn(2)
    assert (scene.state("open:1"), scene.row("open:1").nonce, scene.count()) == ("mined", 2, 1)
    assert scene.used() == scene.following() == 3


def elsewhere(scene: Scene, nonce: int) -> None:
    """Somebody else sends with the sender's key."""
    fields = {
        "type": 2,
        "chainId": scene.chain.chain_id,
        "nonce": nonce,
        "to": "0x" + "55" * 20,
        "value": 1,
        "data": b"",
        "gas": 21_000,
        "maxFeePerGas": 100 * GWEI,
        "maxPriorityFeePerGas": 10 * GWEI,
    }
    raw = bytes(Account.sign_transaction(fields, scene.signer.key).raw_transaction)
    with scene.reader() as reader:
        reader.send_raw(raw)


def test_a_nonce_that_was_used_elsewhere_is_told_and_the_transaction_gets_another_once_that_is_final(
    scene: Scene,
) -> None:
    scene.queue("open:1")
    scene.step()
    scene.drop()
    elsewhere(scene, 0)
    scene.mine()
    scene.turn(4)
    assert (scene.state("open:1"), scene.count()) == ("sent", 0)
    assert scene.alarms() == ["nonce_used_elsewhere"]
    scene.turn(8)
    row = scene.row("open:1")
    assert (row.state.value, row.nonce, scene.count(), scene.used()) == ("mined", 1, 1, 2)


def test_a_key_used_elsewhere_is_told_and_the_count_taken_over(scene: Scene) -> None:
    scene.queue("open:1")
    scene.step()
    scene.turn(1)
    elsewhere(scene, 1)
    scene.mine()
    scene.queue("seal:1")
    scene.step()
    scene.turn(1)
    assert (scene.row("seal:1").nonce, scene.state("seal:1")) == (2, "mined")
    assert scene.alarms() == ["nonce_used_elsewhere"]


def test_a_count_that_is_far_ahead_is_believed_only_when_it_is_final(scene: Scene) -> None:
    scene.queue("open:1")
    scene.step()
    scene.turn(1)
    scene.chain.rpc("anvil_setNonce", scene.signer.address, hex(5_000))
    scene.queue("seal:1")
    scene.turn(2)
    assert (scene.state("seal:1"), scene.following()) == ("queued", 1)
    assert sorted(set(scene.alarms())) == ["endpoints_unsettled", "nonce_used_elsewhere"]
    scene.turn(9)
    assert (scene.state("seal:1"), scene.row("seal:1").nonce) == ("mined", 5_000)
