"""What becomes of batches that are void, expired, taken back by a reorganisation or cannot be proven, and of the orders in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from demo.vault import HOUR, Delays, Plan
from prover.errors import BatchError
from prover.orders import Order
from relayer.config import Settings
from relayer.pipeline import aftermath
from relayer.store.database import Database
from relayer.store.models import BatchState, OrderState
from relayer.watching.alerts import conditions
from relayer.watching.status import look
from tests.contracts.venue import TERMS
from tests.relayer.service.venue import POLICY, Service, service
from tests.relayer.venue import CONTRACT, DOLLAR

SHORT = Plan(terms=TERMS, delays=Delays(open_time=HOUR, settle_time=HOUR, reward_start=60, deposit_time=2 * HOUR))


@pytest.fixture
def hurried(tmp_path: Path) -> Iterator[Service]:
    database = Database.create(f"sqlite:///{tmp_path / 'tacit.sqlite'}")
    with service(database, tmp_path, SHORT) as made:
        yield made
    database.close()


def test_a_batch_that_is_not_settled_in_time_is_given_up_and_its_orders_try_again_if_they_may(hurried: Service) -> None:
    alice, bob = hurried.join("alice"), hurried.join("bob")
    hurried.opened()
    bought, sold = hurried.cross(alice, bob)
    fragile = hurried.send(
        alice, instrument=7, buy=True, quantity=1, limit=DOLLAR, slot=1, first_batch=1, survives_void=False
    )
    number = hurried.sealed()
    hurried.pass_time(HOUR + 1)
    hurried.until(number, BatchState.VOID, prove=False)
    hurried.finalize()
    hurried.run(lambda: (hurried.order(bought).batch or 0) > number, prove=False)
    assert hurried.order(fragile).state is OrderState.LAPSED
    assert "batch_voided" in hurried.alerts()
    hurried.settle()
    assert [hurried.order(each).state for each in (bought, sold)] == [OrderState.FINAL] * 2
    assert hurried.result(bought)["fill"] == str(CONTRACT)


def test_an_opening_that_runs_out_expires_and_its_orders_get_new_receipts(hurried: Service) -> None:
    alice, bob = hurried.join("alice"), hurried.join("bob")
    number = hurried.opened()
    bought, _ = hurried.cross(alice, bob)
    fragile = hurried.send(
        alice, instrument=7, buy=True, quantity=1, limit=DOLLAR, slot=1, first_batch=1, survives_void=False
    )
    hurried.pass_time(HOUR + 1)
    hurried.until(number, BatchState.EXPIRED)
    hurried.finalize()
    hurried.run(lambda: hurried.order(bought).batch == number + 1)
    assert hurried.order(fragile).batch == number + 1, "an expired opening is no void"
    hurried.settle()
    assert hurried.order(bought).state is OrderState.FINAL


def test_a_seal_that_comes_back_with_another_time_is_cleared_and_proven_again(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    number = running.opened()
    running.cross(alice, bob)
    running.request_close(number)
    with running.sender.pausing():
        running.run(lambda: f"seal:{number}" in running.transactions(), prove=False)
        snapshot = running.venue.chain.rpc("evm_snapshot")
    running.run(lambda: running.state(number) is BatchState.PROVED)
    time = running.batch(number).sealed_time
    assert running.venue.chain.rpc("evm_revert", snapshot)
    running.venue.chain.rpc("anvil_mine", hex(5), hex(60))
    running.until(number, BatchState.MINED)
    assert time is not None
    assert (running.batch(number).sealed_time or 0) > time
    assert running.steps(number).count("proving") == 2


def test_a_settlement_that_a_reorganisation_takes_back_is_sent_again(running: Service) -> None:
    running.join("alice")
    number = running.opened()
    running.request_close(number)
    running.until(number, BatchState.PROVED)
    snapshot = running.venue.chain.rpc("evm_snapshot")
    running.until(number, BatchState.MINED)
    assert running.venue.chain.rpc("evm_revert", snapshot)
    running.venue.chain.rpc("anvil_mine", hex(5))
    running.run(lambda: "reorged" in running.steps(number))
    running.until(number, BatchState.MINED)
    assert running.venue.contract.call("root") == int.from_bytes(running.batch(number).end_root or b"", "big")


def test_a_transaction_that_fails_is_made_again(running: Service) -> None:
    refused = ["open:1", "seal:1", "settle:1"]
    running.sender.refusing = list(refused)
    running.join("alice")
    assert running.settle() == 1
    assert {f"{purpose}~1" for purpose in refused} <= running.transactions().keys()


def test_proving_that_fails_is_told_and_tried_again_and_no_oftener_than_the_policy_wants(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aftermath, "PAUSE_MS", 0)
    running.join("alice")
    tries = []

    class Failing:
        def prove(self, job: object, _progress: object = None) -> object:
            tries.append(job)
            raise BatchError("quantity 123456789 of somebody's order", {})

        def close(self) -> None:
            """Nothing to close."""

    running.prover = replace(running.prover, executor=Failing())  # type: ignore[arg-type]
    number = running.opened()
    running.request_close(number)
    with pytest.raises(AssertionError, match="nothing happens"):
        running.until(number, BatchState.MINED)
    assert len(tries) == POLICY.attempts
    assert running.state(number) is BatchState.FAILED
    assert running.alerts().count("batch_failed") == POLICY.attempts
    assert "123456789" not in (running.batch(number).reason or "")


def held(database: Database) -> bool:
    """Whether status and metrics show that openings are held."""
    return "openings_held" in {alert.name for alert in conditions(look(database), Settings())}


def test_nothing_is_promised_behind_a_batch_that_failed_until_it_is_out_of_the_way(running: Service) -> None:
    class Failing:
        def prove(self, _job: object, _progress: object = None) -> object:
            raise BatchError("it cannot be proven", {})

        def close(self) -> None:
            """Nothing to close."""

    # Blocks that make others final take a second each: no batch may close by time before all three orders are in it.
    running.change_policy(attempts=1, void_failed_after=6 * HOUR, interval=HOUR)
    running.prover = replace(running.prover, executor=Failing())  # type: ignore[arg-type]
    alice, bob = running.join("alice"), running.join("bob")
    failed = running.sealed()
    running.run(lambda: running.open_batch() == failed + 1, prove=False)
    bought, sold = running.cross(alice, bob)
    assert running.order(sold).batch == failed + 1
    running.until(failed, BatchState.FAILED)
    running.run(lambda: "openings_held" in running.alerts())
    assert held(running.database), "and so says the status while it lasts"
    running.intake.sees(lambda view: (view.open, view.opened) == (None, failed + 1))
    late = Order(
        account=alice.index,
        instrument=3,
        buy=True,
        quantity=CONTRACT,
        limit=DOLLAR,
        max_fee_rate=TERMS.fee_rate,
        slot=1,
    )
    acknowledged = running.intake.take(alice.seed, alice.holder.owner, late, None)
    assert (acknowledged.state, running.intake.view.batch) == ("waiting", failed + 1)
    for _ in range(4):
        running.pass_time(HOUR + 1)
        with pytest.raises(AssertionError, match="nothing happens"):
            running.run(lambda: running.state(failed + 2) is not None)
    assert running.alerts().count("openings_held") == 1
    running.pass_time(2 * HOUR)
    running.until(failed, BatchState.VOID)
    running.until(failed + 1, BatchState.EXPIRED)
    running.finalize()
    # Who waited is promised first; orders of the lost batch are free when the block that ended it is final.
    running.run(lambda: [running.order(each).batch for each in (acknowledged.id, bought, sold)] == [failed + 2] * 3)
    assert not held(running.database)
    assert running.state(failed + 1) is BatchState.EXPIRED
    assert running.venue.contract.call("batch") == failed + 2, "one opening was lost, and not one an hour"


def test_an_open_batch_gives_receipts_again_when_the_one_before_is_settled(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    before = running.sealed()
    running.run(lambda: running.open_batch() == before + 1, prove=False)
    running.pass_time(HOUR // 2 + 1)
    running.watch()
    running.intake.sees(lambda view: (view.open, view.opened) == (None, before + 1))
    orders = [
        running.intake.take(
            owner.seed,
            owner.holder.owner,
            Order(
                account=owner.index,
                instrument=3,
                buy=owner is alice,
                quantity=CONTRACT,
                limit=100 * DOLLAR,
                max_fee_rate=TERMS.fee_rate,
                last_batch=before + 1,
            ),
            None,
        ).id
        for owner in (alice, bob)
    ]
    running.until(before, BatchState.MINED)
    running.run(lambda: [running.order(each).batch for each in orders] == [before + 1] * 2)
    running.until(before + 1, BatchState.MINED)


def test_a_failed_batch_is_given_up_when_the_policy_says_so(running: Service) -> None:
    running.change_policy(attempts=1, void_failed_after=HOUR)
    running.sender.refusing = ["settle:1"]
    running.join("alice")
    number = running.opened()
    running.request_close(number)
    running.until(number, BatchState.FAILED)
    running.pass_time(HOUR + 1)
    running.until(number, BatchState.VOID)
    running.until(
        number + 1, BatchState.EXPIRED
    )  # it was open when the other failed, and nothing took its place before the void
    assert running.settle() > number
