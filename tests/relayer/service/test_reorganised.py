"""A reorganisation under a promised batch: accounts that change their index, seals that come back, voids that are taken back."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from prover.batch import Leaf
from relayer.pipeline import aftermath, sealing
from relayer.store import batches, transactions
from relayer.store.models import BatchState, OrderState, TransactionState
from relayer.store.models import Order as OrderRow
from tests.relayer.service.venue import Service
from tests.relayer.venue import CONTRACT, DOLLAR, Owner

NO_ACCOUNT = 1
"""Reason of docs/protocol.md section 4."""
HOUR = 3_600


def promised_then_another(running: Service) -> tuple[Owner, Owner, str]:
    """Alice has a receipt for an account that a reorganisation of four blocks then gives to bob: both, and her order."""
    running.opened()
    snapshot = running.venue.chain.rpc("evm_snapshot")
    alice = running.join("alice")
    running.watch()
    order = running.send(alice, instrument=3, buy=True, quantity=CONTRACT, limit=100 * DOLLAR)
    assert running.order(order).state is OrderState.RECEIPTED
    assert running.venue.chain.rpc("evm_revert", snapshot)
    running.venue.chain.rpc("anvil_mine", hex(4))
    bob = running.join("bob")
    running.watch()
    assert bob.index == alice.index
    return alice, bob, order


def test_a_receipt_for_an_account_that_a_reorganisation_gives_to_another_is_honoured_in_a_batch_that_settles(
    running: Service,
) -> None:
    _, bob, order = promised_then_another(running)
    number = running.order(order).batch
    assert running.settle() == number
    assert running.order(order).state is OrderState.FINAL
    assert running.result(order)["reason"] == NO_ACCOUNT
    assert (running.batch(number).orders, running.batch(number).deposit_end) == (1, 0)
    assert running.batch(running.sealed()).deposit_end == 1, f"account {bob.index} is opened by the next batch"
    assert not running.alerts()


def test_an_account_that_nobody_has_any_more_costs_no_batch_either(running: Service) -> None:
    running.opened()
    snapshot = running.venue.chain.rpc("evm_snapshot")
    alice = running.join("alice")
    running.watch()
    order = running.send(alice, instrument=3, buy=True, quantity=CONTRACT, limit=100 * DOLLAR)
    assert running.venue.chain.rpc("evm_revert", snapshot)
    running.venue.chain.rpc("anvil_mine", hex(4))
    running.watch()
    running.sealed()
    assert running.result(order)["reason"] == NO_ACCOUNT


def test_a_batch_with_orders_of_another_than_its_accounts_owner_says_so_and_stops_no_worker(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the deepest reorganisation could leave it: another owner's account is settled, and no batch that holds the order is proven."""
    alice, bob = running.join("alice"), running.join("bob")
    number = running.opened()
    order = running.send(alice, instrument=3, buy=True, quantity=CONTRACT, limit=100 * DOLLAR)
    with running.database.write() as session:
        session.get_one(OrderRow, order).owner = bob.holder.owner.to_bytes(32, "big")
    running.request_close(number)
    with monkeypatch.context() as patch:
        settled = SimpleNamespace(leaf=lambda _: Leaf(0, 0, 0, 0, 0, 0, ()))
        patch.setattr(sealing, "current_state", lambda *_: settled)
        running.run(lambda: running.state(number) is BatchState.CLOSING, prove=False)
        for _ in range(3):
            running.step(prove=False)
    assert f"account {alice.index}" in (running.batch(number).reason or "")
    assert running.alerts() == ["batch_stuck"]
    assert f"seal:{number}" not in running.transactions(), "sealed, it would cost the whole bond"
    with running.database.write() as session:
        session.get_one(OrderRow, order).owner = alice.holder.owner.to_bytes(32, "big")
    running.run(lambda: running.batch(number).end_root is not None, prove=False)


def test_an_order_that_lost_its_place_fails_its_batch_alone(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aftermath, "PAUSE_MS", 0)
    alice = running.join("alice")
    number = running.opened()
    order = running.send(alice, instrument=3, buy=True, quantity=CONTRACT, limit=100 * DOLLAR)
    running.request_close(number)
    with running.sender.pausing():
        running.run(lambda: f"seal:{number}" in running.transactions(), prove=False)
    with running.database.write() as session:
        session.get_one(OrderRow, order).state = OrderState.LAPSED
    running.run(lambda: running.state(number) is BatchState.FAILED, prove=False)
    assert "number 1" in (running.batch(number).reason or "")
    with running.database.write() as session:
        session.get_one(OrderRow, order).state = OrderState.RECEIPTED
    running.run(lambda: running.batch(number).end_root is not None, prove=False)


def test_an_earlier_draft_of_a_seal_that_is_mined_all_the_same_is_recognised(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    number = running.opened()
    running.cross(alice, bob)
    running.request_close(number)
    purpose = f"seal:{number}"
    with running.sender.pausing():
        running.run(lambda: purpose in running.transactions(), prove=False)
        with running.database.write() as session:
            first = transactions.find(session, purpose)
            assert first is not None
            transactions.withdraw(session, first.id, "given up, and may be mined all the same")
        running.join("carol")
        running.run(lambda: f"{purpose}~1" in running.transactions(), prove=False)
        with running.database.read() as session:
            second = transactions.find(session, purpose)
            assert second is not None
            assert (second.state, second.data != first.data) == (TransactionState.QUEUED, True)
        assert running.batch(number).deposit_end == 3
        running.venue.chain.send(first.sender, first.data, first.to)
        running.watch()
    assert (running.state(number), running.batch(number).deposit_end) == (BatchState.SEALED, 2)
    running.run(lambda: running.batch(number).end_root is not None, prove=False)
    assert not running.alerts()


def test_orders_of_a_void_batch_are_released_only_once_nothing_can_take_the_void_back(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    running.opened()
    bought, sold = running.cross(alice, bob)
    number = running.sealed()
    snapshot = running.venue.chain.rpc("evm_snapshot")
    with running.database.write() as session:
        batches.fail(session, batches.require(session, number), "the test fails it")
    running.change_policy(attempts=1, void_failed_after=60)
    running.pass_time(HOUR)
    running.until(number, BatchState.VOID, prove=False)
    for _ in range(3):
        running.step(prove=False)
    assert [running.order(each).batch for each in (bought, sold)] == [number] * 2
    running.change_policy(void_failed_after=None)
    with running.database.write() as session:
        void = transactions.find(session, f"void:{number}")
        assert void is not None
        void.state, void.closed = TransactionState.FAILED, True
    assert running.venue.chain.rpc("evm_revert", snapshot)
    running.venue.chain.rpc("anvil_mine", hex(5))
    running.run(lambda: running.state(number) is not BatchState.VOID, prove=False)
    running.run(lambda: running.batch(number).end_root is not None, prove=False)
    assert running.result(bought)["fill"] == str(CONTRACT)
    assert [running.order(each).batch for each in (bought, sold)] == [number] * 2
