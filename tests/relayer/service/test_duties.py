"""What an operator owes beside batches is done without being asked: deposits returned, challenges answered, bonds kept and taken home."""

from __future__ import annotations

from sqlalchemy import select

from demo.vault import BONDS, ETHER
from relayer.receipts import Receipt, SignedReceipt
from relayer.store import batches
from relayer.store.models import BatchState, BondChallenge
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
    running.run(lambda: states(running) == dict.fromkeys(numbers, "over"))
    assert bonds.call("bonds", 1)[3] == 0, "no challenge is open any more"
    assert bonds.call("free") + BONDS.base >= free + 3 * BONDS.stake
    assert running.alerts().count("bond_challenged") == len(numbers)
    with running.database.write() as session:
        batches.require(session, 1).batch_sealed = None
    late = challenge(running, orders[0])
    running.run(lambda: states(running).get(late) == "unanswerable")
    assert "challenge_unanswerable" in running.alerts()


def states(running: Service) -> dict[int, str]:
    with running.database.read() as session:
        return {row.id: row.state for row in session.scalars(select(BondChallenge))}


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
