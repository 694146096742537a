"""A queued transaction is mined once, becomes final by the chain's word, and says what became of it, in whatever order things happen."""

from collections.abc import Callable

import pytest

from relayer.store import policies, transactions
from relayer.transactions.policy import ETHER, Policy
from tests.relayer.transactions.scene import Scene


def test_a_queued_transaction_is_signed_sent_mined_and_final(scene: Scene) -> None:
    scene.queue("open:1")
    scene.step()
    assert scene.state("open:1") == "sent"
    assert scene.waiting() == ["0x" + scene.attempts("open:1")[0].hash.hex()]
    scene.turn(1)
    row = scene.row("open:1")
    assert (row.state.value, scene.count(), row.nonce) == ("mined", 1, 0)
    assert int(row.cost_wei or 0) > (row.gas_used or 0) * 10**8 > 0
    scene.turn(7)
    assert scene.state("open:1") == "mined"
    scene.turn(1)
    assert scene.state("open:1") == "final"
    assert [each["state"] for each in scene.told("transactions")] == ["queued", "sent", "mined", "final"]
    assert scene.alarms() == []


def test_the_same_purpose_twice_is_one_transaction(scene: Scene) -> None:
    assert scene.queue("seal:7") == scene.queue("seal:7", b"\2")
    scene.step()
    scene.turn(1)
    assert (scene.count(), scene.used()) == (1, 1)


def test_transactions_are_mined_in_the_order_of_the_queue(scene: Scene) -> None:
    for number in range(5):
        scene.queue(f"release:{number}", bytes([number]))
    scene.step()
    scene.turn(1)
    assert [scene.row(f"release:{number}").nonce for number in range(5)] == [0, 1, 2, 3, 4]
    assert (scene.count(), scene.used()) == (5, 5)


def test_an_answer_to_a_challenge_is_sent_before_everything_that_waits(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(policy=Policy(in_flight=1))
    for number in range(3):
        scene.queue(f"release:{number}", bytes([number]))
    scene.step()
    scene.queue("answer:1")
    scene.turn(1)
    assert [scene.state(each) for each in ("release:0", "answer:1", "release:1")] == ["mined", "sent", "queued"]
    scene.turn(3)
    assert [scene.row(each).nonce for each in ("release:0", "answer:1", "release:1", "release:2")] == [0, 1, 2, 3]


def test_what_moves_batches_on_is_sent_before_the_duties_that_wait_and_in_its_own_order(
    make_scene: Callable[..., Scene],
) -> None:
    """Thousands of deposits that go back would put the next seal beyond the end of its opening."""
    scene = make_scene(policy=Policy(in_flight=1))
    duties = ["return:0", "release:1", "fund:1", "return:1"]
    for purpose in [*duties, "seal:2", "open:3", "answer:1", "void:2", "settle:2:0"]:
        scene.queue(purpose)
    scene.step()
    scene.turn(8)
    order = ["answer:1", "seal:2", "open:3", "void:2", "settle:2:0", *duties]
    assert [scene.row(each).nonce for each in order] == list(range(len(order)))


def test_no_more_are_out_than_the_policy_says(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(policy=Policy(in_flight=2))
    for number in range(3):
        scene.queue(f"release:{number}")
    scene.step(2)
    assert [scene.state(f"release:{number}") for number in range(3)] == ["sent", "sent", "queued"]
    scene.turn(2)
    assert scene.count() == 3


def test_an_answer_to_a_challenge_waits_for_no_room(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(policy=Policy(in_flight=2))
    for number in range(3):
        scene.queue(f"release:{number}")
    scene.step()
    scene.queue("answer:1")
    scene.step()
    assert [scene.state(each) for each in ("answer:1", "release:2")] == ["sent", "queued"]
    scene.turn(2)
    assert [scene.row(each).nonce for each in ("answer:1", "release:2")] == [2, 3]
    assert scene.count() == 4


def test_what_would_be_refused_waits_for_what_is_before_it_and_holds_what_is_behind(scene: Scene) -> None:
    """A seal before its opening is mined: it is not sent, and not given up."""
    scene.queue("open:1")
    scene.step()
    scene.refuse()
    scene.queue("seal:1")
    scene.queue("other", to="0x" + "77" * 20)
    scene.step(5)
    assert (scene.state("seal:1"), scene.state("other")) == ("queued", "queued")
    scene.obey()
    scene.turn(2)
    assert (scene.state("seal:1"), scene.state("other"), scene.count()) == ("mined", "mined", 2)


def test_what_is_refused_for_some_blocks_with_nothing_before_it_is_given_up_without_a_nonce(scene: Scene) -> None:
    scene.refuse()
    scene.queue("seal:1")
    scene.queue("other", to="0x" + "77" * 20)
    scene.step(5)
    assert scene.state("seal:1") == "queued"
    scene.turn(2)
    row = scene.row("seal:1")
    assert (row.state.value, row.nonce, row.closed) == ("failed", None, True)
    assert "NoSeal()" in str(row.error)
    assert scene.state("other") == "sent"
    assert scene.alarms() == ["transaction_failed"]
    assert scene.told("transactions")[-2]["error"] == row.error


def test_a_passing_refusal_gives_nothing_up(scene: Scene) -> None:
    scene.refuse()
    scene.queue("seal:1")
    scene.step()
    scene.turn(1)
    scene.obey()
    scene.turn(1)
    scene.refuse()
    scene.obey()
    scene.turn(1)
    assert (scene.state("seal:1"), scene.count()) == ("mined", 1)


def test_a_mined_transaction_that_reverted_has_failed_with_the_contracts_word(scene: Scene) -> None:
    scene.queue("settle:1")
    scene.step()
    scene.refuse()
    scene.turn(1)
    row = scene.row("settle:1")
    assert (row.state.value, row.nonce, row.closed) == ("failed", 0, False)
    assert "NoSeal()" in str(row.error)
    assert scene.alarms() == ["transaction_failed"]
    scene.turn(9)
    assert (scene.state("settle:1"), scene.row("settle:1").closed, scene.used()) == ("failed", True, 1)


def test_a_failed_purpose_is_tried_again_only_when_somebody_says_so(scene: Scene) -> None:
    scene.queue("settle:1")
    scene.step()
    scene.refuse()
    scene.turn(1)
    failed = scene.row("settle:1").id
    assert scene.queue("settle:1") == failed
    scene.obey()
    with scene.database.write() as session:
        again = transactions.requeue(
            session, purpose="settle:1", sender=scene.signer.address, to=scene.target, data=b"\2", private=False
        )
    scene.turn(2)
    assert again != failed
    assert (scene.state("settle:1"), scene.state("settle:1~1"), scene.count()) == ("mined", "failed", 1)


def test_a_transaction_that_needs_more_gas_than_allowed_is_given_up(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(policy=Policy(max_gas=21_100))
    scene.queue("settle:1")
    scene.step()
    assert "transactions.maximum_gas is 21100" in str(scene.row("settle:1").error)


def test_a_sender_without_money_waits_and_says_so_until_it_has_some(scene: Scene) -> None:
    scene.chain.rpc("anvil_setBalance", scene.signer.address, hex(10**9))
    scene.queue("open:1")
    scene.step(2)
    assert scene.state("open:1") == "queued"
    assert scene.alarms() == ["sender_balance_insufficient", "sender_balance_low"]
    scene.chain.rpc("anvil_setBalance", scene.signer.address, hex(ETHER))
    scene.turn(2)
    assert scene.state("open:1") == "mined"
    assert [each["name"] for each in scene.told() if each["state"] == "cleared"] == scene.alarms()


def test_a_queue_without_its_key_waits_and_says_so(scene: Scene) -> None:
    scene.queue("open:1", sender="0x" + "99" * 20)
    scene.queue("open:2")
    scene.step()
    assert (scene.state("open:1"), scene.state("open:2")) == ("queued", "sent")
    assert scene.alarms() == ["sender_without_key"]


def test_a_pause_sends_nothing_new_and_still_sees_what_was_sent(scene: Scene) -> None:
    scene.queue("open:1")
    scene.step()
    with scene.database.write() as session:
        policies.change(session, sending_paused=True)
    scene.queue("seal:1")
    scene.turn(6)
    assert (scene.state("open:1"), scene.state("seal:1")) == ("mined", "queued")
    with scene.database.write() as session:
        policies.change(session, sending_paused=False)
    scene.step()
    assert scene.state("seal:1") == "sent"


def test_no_calldata_is_in_what_is_told_or_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    secret = bytes.fromhex("1234567890abcdef1234567890abcdef")
    with caplog.at_level("DEBUG"):
        scene.queue("settle:1", secret * 8)
        scene.step()
        scene.drop()
        scene.turn(4)
    told = repr((scene.told(), scene.told("transactions"), [each.error for each in scene.attempts("settle:1")]))
    assert secret.hex() not in told + caplog.text
