"""What an operator owes beside batches is done without being asked: deposits returned, challenges answered, bonds kept and taken home."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from demo.vault import BONDS, ETHER
from relayer.config import Settings
from relayer.pipeline import sending
from relayer.pipeline.challenges import LOST_STAGE
from relayer.receipts import Receipt, SignedReceipt
from relayer.store import batches, transactions
from relayer.store.models import BatchState, BondChallenge, TransactionState
from relayer.watching.alerts import conditions
from relayer.watching.status import look
from tests.contracts.venue import STRANGER
from tests.relayer.service.venue import Service
from tests.relayer.venue import DOLLAR


def signed_receipt(running: Service, order: str) -> SignedReceipt:
    """The receipt that an order's owner holds."""
    row = running.order(order)
    assert row.sequence is not None and row.batch is not None and row.previous is not None  # noqa: PT018
    receipt = Receipt(row.hash, row.sequence, row.account, row.batch, row.previous)
    return SignedReceipt(receipt, row.receipt_signature or b"")


def challenge(running: Service, order: str, *, before: bool = False) -> int:
    """Anybody challenges the operator to show an order; the challenge's number."""
    signed, bonds = signed_receipt(running, order), running.venue.vault.bonds
    stranger = running.venue.chain.accounts[STRANGER]
    arguments = signed.receipt.plain, signed.signature, before
    receipt = bonds.send("challenge", *arguments, sender=stranger, value=BONDS.stake)
    return int(bonds.event(receipt, "Challenged")["challenge"])


def test_a_deposit_of_an_unknown_owner_waits_for_it_and_goes_back_after_the_grace(running: Service) -> None:
    running.change_policy(unknown_deposit_grace=600, interval=600)
    stranger = running.join("stranger", register=False)
    late = running.join("late", register=False)
    known = running.join("known")
    number = running.settle()
    assert running.batch(number).deposit_end == 0, "deposits go in first in, first out"
    running.intake.register(late.holder)
    running.pass_time(601)
    running.run(lambda: "return:0" in running.transactions())
    number = running.settle()
    assert running.batch(number).deposit_end == 3
    assert list(running.transactions()).count("return:1") == 0
    payer = running.venue.payer
    assert running.venue.contract.call("claimable", payer) == 10_000 * DOLLAR
    assert running.batch(number).touches == 3, f"the fund, {late.index} and {known.index}, not {stranger.index}"


def test_an_exit_request_of_an_account_whose_owner_is_unknown_is_answered_and_stops_no_batch(running: Service) -> None:
    stranger, known = running.join("stranger", register=False), running.join("known")
    running.venue.request_exit(stranger, DOLLAR, stranger.address)
    number = running.settle()
    assert running.batch(number).exit_end == 1, "a late one left out would stop every seal"
    contract = running.venue.contract
    assert contract.call("claimable", stranger.address) == 0
    running.intake.register(stranger.holder)
    number = running.settle()
    assert running.batch(number).deposit_end == 2, f"both {stranger.index} and {known.index} have their deposits"
    assert running.batch(number).end_root == contract.call("root").to_bytes(32, "big")


def test_a_challenge_is_answered_from_the_stored_batch_and_one_that_cannot_be_is_an_alarm(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    running.opened()
    orders = running.cross(alice, bob)
    running.settle()
    bonds = running.venue.vault.bonds
    free = bonds.call("free")
    numbers = [challenge(running, orders[0]), challenge(running, orders[1]), challenge(running, orders[1], before=True)]
    running.run(lambda: all(f"answer:{number}" in running.transactions() for number in numbers))
    running.run(lambda: bonds.call("bonds", 1)[3] == 0)
    assert set(states(running).values()) == {"answered"}, "what is not final may be taken back"
    assert told(running) == {"bond_challenged"}
    running.finalize()
    running.run(lambda: states(running) == dict.fromkeys(numbers, "over"))
    assert told(running) == set()
    assert bonds.call("free") + BONDS.base >= free + 3 * BONDS.stake
    assert running.alerts().count("bond_challenged") == len(numbers)
    with running.database.write() as session:
        batches.require(session, 1).batch_sealed = None
    late = challenge(running, orders[0])
    running.run(lambda: states(running).get(late) == "unanswerable")
    assert running.alerts().count("challenge_unanswerable") == 1
    assert told(running) == {"bond_challenged", "challenge_unanswerable"}
    nothing_happens(running)


def nothing_happens(running: Service) -> None:
    """No step does anything, or says that it did: the worker would turn round and round."""
    for _ in range(20):
        if not running.step(prove=False):
            break
    assert not running.step(prove=False)


@pytest.fixture
def promised(running: Service) -> tuple[Service, str]:
    """A sealed batch with an order that has a receipt."""
    alice, bob = running.join("alice"), running.join("bob")
    running.opened()
    bought, _ = running.cross(alice, bob)
    running.sealed()
    return running, bought


def test_an_answer_that_fails_is_made_again_after_a_pause(
    promised: tuple[Service, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, order = promised
    attempts = running.desk.policy.attempts + 2
    running.sender.refusing = ["answer:1"] * attempts
    number = challenge(running, order)
    running.run(lambda: "failed" in running.transactions().get("answer:1", ""), prove=False)
    nothing_happens(running)
    assert "answer:1~1" not in running.transactions(), "not before its pause is over"
    monkeypatch.setattr(sending, "PAUSE_MS", 0)
    running.run(lambda: running.venue.vault.bonds.call("bonds", 1)[3] == 0, prove=False)
    assert f"answer:1~{attempts}" in running.transactions(), "oftener than the policy tries what costs no bond"
    assert states(running) == {number: "answered"}


def test_an_answer_that_a_reorganisation_takes_back_is_in_the_chain_again(
    promised: tuple[Service, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, order = promised
    monkeypatch.setattr(sending, "PAUSE_MS", 0)
    chain, bonds = running.venue.chain, running.venue.vault.bonds
    number = challenge(running, order)
    running.finalize()
    before = chain.rpc("evm_snapshot")
    running.run(lambda: bonds.call("bonds", 1)[3] == 0, prove=False)
    chain.rpc("anvil_mine", hex(3))
    nothing_happens(running)
    assert states(running) == {number: "answered"}
    assert chain.rpc("evm_revert", before)
    chain.rpc("anvil_mine", hex(10))
    assert bonds.call("bonds", 1)[3] == 1
    running.sender.refusing = ["answer:1"]
    running.run(lambda: bonds.call("bonds", 1)[3] == 0, prove=False)
    assert "answer:1~1" in running.transactions()
    running.finalize()
    running.run(lambda: states(running) == {number: "over"}, prove=False)


def test_a_challenge_that_a_reorganisation_takes_back_is_over_and_watched_should_it_come_again(
    promised: tuple[Service, str],
) -> None:
    running, order = promised
    chain, bonds = running.venue.chain, running.venue.vault.bonds
    before = chain.rpc("evm_snapshot")
    with running.sender.pausing():
        number = challenge(running, order)
        running.run(lambda: "answer:1" in running.transactions(), prove=False)
        assert chain.rpc("evm_revert", before)
        chain.rpc("anvil_mine", hex(3))
        running.run(lambda: states(running) == {number: "over"}, prove=False)
        assert challenge(running, order, before=False) == number
        running.run(lambda: states(running) == {number: "answered"}, prove=False)
    running.run(lambda: bonds.call("bonds", 1)[3] == 0, prove=False)
    assert running.alerts().count("bond_challenged") == 2


def test_an_answer_is_public_and_pressed_when_its_time_is_nearly_over_and_an_alarm_when_it_is(
    promised: tuple[Service, str],
) -> None:
    running, order = promised
    number = challenge(running, order)
    with running.sender.pausing():
        running.run(lambda: "answer:1" in running.transactions(), prove=False)
        with running.database.write() as session:
            sent = transactions.find(session, "answer:1")
            assert sent is not None
            assert not sent.private, "a relay that drops it would cost the bond"
            sent.state, sent.updated_at = TransactionState.SENT, 0
        running.pass_time(BONDS.answer_time * 3 // 4 - 60)
        nothing_happens(running)
        assert states(running) == {number: "answered"}
        running.pass_time(120)
        running.run(lambda: states(running) == {number: "urgent"}, prove=False)
        assert told(running) == {"bond_challenged", "challenge_urgent"}
        nothing_happens(running)
        with running.database.read() as session:
            sent = transactions.find(session, "answer:1")
            assert sent is not None
            assert sent.bump
        running.pass_time(BONDS.answer_time // 4)
        running.run(lambda: states(running) == {number: "unanswerable"}, prove=False)
        nothing_happens(running)
    assert [running.alerts().count(name) for name in ("challenge_urgent", "challenge_unanswerable")] == [1, 1]


def test_nothing_is_answered_about_a_bond_that_is_lost(promised: tuple[Service, str]) -> None:
    running, order = promised
    bonds, stranger = running.venue.vault.bonds, running.venue.chain.accounts[STRANGER]
    with running.sender.pausing():
        first = challenge(running, order)
        running.pass_time(BONDS.answer_time + 1)
        bonds.send("close", first, sender=stranger)
    running.pass_time(1)
    assert bonds.call("bonds", 1)[1] == LOST_STAGE
    running.finalize()
    running.run(lambda: states(running) in ({}, {first: "over"}), prove=False)
    nothing_happens(running)
    assert "answer:1" not in running.transactions()


def states(running: Service) -> dict[int, str]:
    with running.database.read() as session:
        return {row.id: row.state for row in session.scalars(select(BondChallenge))}


def told(running: Service) -> set[str]:
    """Conditions about challenges that status and metrics show."""
    about = {"bond_challenged", "challenge_urgent", "challenge_unanswerable"}
    return about & {alert.name for alert in conditions(look(running.database), Settings())}


def test_deposits_and_bonds_whose_transaction_failed_are_sent_again_after_a_pause(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.change_policy(unknown_deposit_grace=600, interval=600)
    running.sender.refusing = ["return:0", "release:1"]
    running.join("stranger", register=False)
    running.opened()
    running.pass_time(601)
    running.run(lambda: "failed" in running.transactions().get("return:0", ""), prove=False)
    nothing_happens(running)
    assert "return:0~1" not in running.transactions()
    monkeypatch.setattr(sending, "PAUSE_MS", 0)
    running.run(lambda: running.venue.contract.call("claimable", running.venue.payer) == 10_000 * DOLLAR, prove=False)
    running.join("alice")
    number = running.settle()
    running.pass_time(BONDS.challenge_time + 1)
    running.run(lambda: running.venue.vault.bonds.call("bonds", number)[0] == 0)
    assert {"return:0~1", "release:1~1"} <= running.transactions().keys()


def test_a_funding_that_failed_is_tried_again_after_a_pause_and_not_at_every_turn(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    bonds = running.venue.vault.bonds
    running.opened()
    free = bonds.call("free")
    running.sender.refusing = ["fund:1", "fund:2"]
    running.change_policy(bond_floor=free + ETHER, bond_target=free + 2 * ETHER)
    running.run(lambda: "failed" in running.transactions().get("fund:1", ""), prove=False)
    nothing_happens(running)
    assert "fund:2" not in running.transactions()
    monkeypatch.setattr(sending, "PAUSE_MS", 0)
    running.run(lambda: bonds.call("free") == free + 2 * ETHER, prove=False)
    assert [running.transactions()[f"fund:{number}"].split()[0] for number in (1, 2)] == ["failed"] * 2
    assert "fund:4" not in running.transactions()


def test_a_bond_comes_home_when_its_window_is_over_and_the_balance_is_kept_up(running: Service) -> None:
    running.join("alice")
    number = running.settle()
    bonds = running.venue.vault.bonds
    running.pass_time(BONDS.challenge_time + 1)
    running.run(lambda: f"release:{number}" in running.transactions())
    running.run(lambda: bonds.call("bonds", number)[0] == 0)
    bonds.send("withdraw", bonds.call("free") - ETHER)
    running.change_policy(bond_floor=5 * ETHER, bond_target=20 * ETHER)
    running.run(lambda: "fund:1" in running.transactions())
    running.run(lambda: bonds.call("free") >= 18 * ETHER)
    assert "fund:2" not in running.transactions()
    assert running.state(number) is BatchState.FINAL
