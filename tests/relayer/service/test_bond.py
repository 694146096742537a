"""No receipt is given that the operator's free bond does not cover, and a seal that lacks bond goes through once it is there."""

from __future__ import annotations

import pytest

from demo.vault import BONDS
from relayer.pipeline import aftermath
from relayer.store.models import BatchState, OrderState
from tests.relayer.service.venue import POLICY, Service


def leave_free(running: Service, amount: int) -> None:
    """The operator takes all but so many wei out of its bonds."""
    bonds = running.venue.vault.bonds
    bonds.send("withdraw", bonds.call("free") - amount)


def covered(running: Service) -> list[int]:
    """Orders that the bond covers, of every batch."""
    return [running.batch(number).covered for number in running.states()]


def test_a_batch_takes_as_many_orders_as_the_free_bond_covers_and_the_others_wait_for_the_next(
    running: Service,
) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    leave_free(running, BONDS.base + BONDS.per_order)
    number = running.opened()
    assert covered(running) == [1]
    taken, waits = running.cross(alice, bob)
    assert [running.order(each).state for each in (taken, waits)] == [OrderState.RECEIPTED, OrderState.WAITING]
    running.venue.vault.fund_bonds(BONDS.base + 5 * BONDS.per_order)
    running.run(lambda: running.order(waits).state is OrderState.RECEIPTED)
    assert covered(running) == [1 + BONDS.base // BONDS.per_order + 5]
    assert running.settle() == number
    assert {running.order(each).state for each in (taken, waits)} == {OrderState.FINAL}
    assert running.batch(number).orders == 2


def test_what_the_operator_takes_out_of_the_bonds_no_order_is_promised_any_more(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    running.opened()
    leave_free(running, BONDS.per_order)
    running.run(lambda: covered(running) == [1])
    taken, waits = running.cross(alice, bob)
    assert [running.order(each).state for each in (taken, waits)] == [OrderState.RECEIPTED, OrderState.WAITING]
    leave_free(running, 0)
    running.run(lambda: covered(running) == [0])
    assert running.order(taken).state is OrderState.RECEIPTED


def test_a_seal_waits_for_a_bond_that_is_short_says_what_is_missing_and_goes_through_once_it_is_there(
    running: Service,
) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    number = running.opened()
    orders = running.cross(alice, bob)
    leave_free(running, BONDS.per_order // 2)
    running.request_close(number)
    running.run(lambda: "batch_stuck" in running.alerts(), prove=False)
    assert f"lacks {3 * BONDS.per_order // 2} wei" in (running.batch(number).reason or "")
    assert f"seal:{number}" not in running.transactions()
    running.venue.vault.fund_bonds(3 * BONDS.per_order // 2)
    running.until(number, BatchState.MINED)
    assert {running.order(each).state for each in orders} == {OrderState.SETTLED}
    assert running.alerts() == ["batch_stuck"]


def test_a_seal_whose_bond_goes_while_it_is_on_its_way_is_made_again(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    number = running.opened()
    running.cross(alice, bob)
    running.request_close(number)
    with running.sender.pausing():
        running.run(lambda: f"seal:{number}" in running.transactions(), prove=False)
        leave_free(running, 0)
    running.run(lambda: "batch_stuck" in running.alerts(), prove=False)
    assert running.state(number) is BatchState.CLOSING
    running.venue.vault.fund_bonds(2 * BONDS.per_order)
    running.until(number, BatchState.MINED)
    assert f"seal:{number}~1" in running.transactions()


def test_a_seal_that_the_vault_keeps_refusing_is_tried_until_its_opening_runs_out(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aftermath, "PAUSE_MS", 50)
    number = running.opened()
    running.sender.refusing = [f"seal:{number}"] * (POLICY.attempts + 2)
    running.join("alice")
    running.request_close(number)
    running.until(number, BatchState.MINED)
    assert f"seal:{number}~{POLICY.attempts + 2}" in running.transactions()
    assert running.alerts().count("batch_stuck") == 3, "when the policy's attempts are over, and at each one after"
