"""What becomes of batches that are void, expired, taken back by a reorganisation or cannot be proven, and of the orders in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from demo.vault import HOUR, Delays, Plan
from prover.errors import BatchError, FileError, TacitError
from prover.orders import Order
from prover.settlement import Settlement
from relayer.chain import Chain
from relayer.config import Settings
from relayer.errors import RpcError
from relayer.executor.protocol import ProofJob
from relayer.pipeline import aftermath, duties, sending, settling
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.proving import Prover
from relayer.store import batches, transactions
from relayer.store.backup import backup, restore
from relayer.store.database import Database
from relayer.store.models import BatchState, OrderState
from relayer.transactions.endpoints import Endpoints
from relayer.vault import Vault
from relayer.watching.alerts import conditions
from relayer.watching.status import look
from tests.contracts.venue import TERMS
from tests.relayer.service.venue import POLICY, Service, service
from tests.relayer.transactions.proxy import Proxy, proxies
from tests.relayer.venue import CONTRACT, DOLLAR

DAY: Final = 24 * HOUR
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


@pytest.mark.parametrize(
    ("endpoints", "failed"), [(1, False), (3, False), (3, True)], ids=["one", "three", "three-failed"]
)
def test_no_batch_is_given_up_because_one_endpoint_says_that_its_time_is_over(
    hurried: Service, endpoints: int, failed: bool
) -> None:
    hurried.join("alice")
    number = hurried.sealed()
    if failed:
        hurried.change_policy(void_failed_after=HOUR // 2)
        with hurried.database.write() as session:
            batches.fail(session, batches.require(session, number), "the test fails it")
    with several(hurried, endpoints) as (desk, best):
        best.answer("eth_getBlockByNumber", lambda _, true: true | {"timestamp": hex(int(true["timestamp"], 16) + DAY)})
        assert not duties.void_hopeless(desk, Turn())
        assert f"void:{number}" not in hurried.transactions()
        best.honest()
        hurried.pass_time(HOUR // 2 + 1 if failed else HOUR + 1)
        assert duties.void_hopeless(desk, Turn()), "most say so, and so does the vault"
        assert f"void:{number}" in hurried.transactions()


@contextmanager
def several(running: Service, count: int) -> Iterator[tuple[Desk, Proxy]]:
    """A desk that asks so many endpoints, and the one that it reads from."""
    with proxies(running.venue.chain, count) as made:
        chain = Endpoints.open([each.url for each in made], timeout=30.0, every=3_600.0)
        with closing(chain):
            best = chain.check(force=True).best
            assert best is not None
            yield replace(running.desk, vault=Vault(chain, running.vault.address)), made[best]


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


def test_a_transaction_that_fails_is_made_again(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PAUSE_MS", 0)
    refused = ["open:1", "seal:1", "settle:1"]
    running.sender.refusing = list(refused)
    running.join("alice")
    assert running.settle() == 1
    assert {f"{purpose}~1" for purpose in refused} <= running.transactions().keys()


def test_an_opening_that_the_vault_keeps_refusing_is_tried_once_more_at_once_and_then_after_pauses(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.sender.refusing = ["open:1"] * 3
    running.run(lambda: running.sender.refusing == ["open:1"])
    for _ in range(20):
        running.step()
    assert running.sender.refusing == ["open:1"], "none while the pause lasts"
    monkeypatch.setattr(sending, "PAUSE_MS", 0)
    assert running.opened() == 1
    assert {"open:1~1", "open:1~2", "open:1~3"} <= running.transactions().keys()


def test_no_batch_is_opened_in_a_restored_database_before_the_chain_was_followed_from_there(
    hurried: Service, tmp_path: Path
) -> None:
    hurried.join("alice")
    number = hurried.opened()
    hurried.request_close(number)
    hurried.run(lambda: hurried.transactions().get(f"seal:{number}", "").startswith("mined"), prove=False)
    hurried.watch()
    backup(hurried.database, tmp_path / "copy")
    hurried.run(lambda: hurried.open_batch() == number + 1, prove=False)
    with restored(hurried, tmp_path) as other:
        for _ in range(5):
            other.pipeline.step()
        assert other.state(number + 1) is None, "receipts may have been given in it"
        other.run(lambda: other.state(number + 1) is not None, prove=False)
        assert (other.state(number + 1), other.batch(number + 1).receipts_known) == (BatchState.FAILED, False)


def test_a_batch_that_another_database_opened_and_a_reorganisation_took_back_stops_no_openings(
    hurried: Service, tmp_path: Path
) -> None:
    chain = hurried.venue.chain
    before = chain.rpc("evm_snapshot")
    number = hurried.opened()
    with closing(Database.create(f"sqlite:///{tmp_path / 'other.sqlite'}")) as database:
        other = Service(hurried.venue, database, tmp_path / "other")
        other.run(lambda: other.state(number) is BatchState.FAILED, prove=False)
        assert chain.rpc("evm_revert", before)
        chain.rpc("anvil_mine", hex(3))
        other.run(lambda: f"open:{number}" in other.transactions(), prove=False)
        other.run(lambda: other.batch(number).opened_time is not None, prove=False)
        assert (other.open_batch(), other.batch(number).receipts_known) == (None, False), "it gives no receipts"
        other.pass_time(HOUR + 1)
        assert other.opened() == number + 1
        other.stop()


@contextmanager
def restored(before: Service, folder: Path) -> Iterator[Service]:
    """Another service of the same vault, on the copy of a database."""
    with closing(Database.connect(f"sqlite:///{folder / 'restored.sqlite'}")) as database:
        restore(folder / "copy", database)
        made = Service(before.venue, database, folder / "restored")
        try:
            yield made
        finally:
            made.stop()


class Failing:
    """Fails so many times, then proves."""

    def __init__(self, prover: Prover, error: TacitError, times: int) -> None:
        self.prover, self.error, self.left, self.tries = prover, error, times, 0

    def prove(self, job: ProofJob, progress: Any = None) -> Settlement:  # noqa: ANN401 - as the protocol has it
        self.tries += 1
        if self.tries <= self.left:
            raise self.error
        return self.prover.executor.prove(job, progress)

    def close(self) -> None:
        """Nothing to close."""


def fails(running: Service, error: TacitError, times: int) -> Failing:
    """Has proving fail so many times."""
    made = Failing(running.prover, error, times)
    running.prover = replace(running.prover, executor=made)
    return made


ILL: Final = BatchError("quantity 123456789 of somebody's order", {})


def test_proving_that_fails_is_told_and_tried_until_its_cause_is_gone(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aftermath, "PAUSE_MS", 0)
    running.join("alice")
    times = POLICY.attempts + 2
    executor = fails(running, ILL, times)
    number = running.opened()
    running.request_close(number)
    running.until(number, BatchState.FAILED)
    assert "123456789" not in (running.batch(number).reason or "")
    running.until(number, BatchState.MINED)
    assert executor.tries == times + 1
    assert running.alerts().count("batch_failed") == times


def test_a_settlement_that_is_refused_is_sent_until_its_cause_is_gone(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aftermath, "PAUSE_MS", 0)
    monkeypatch.setattr(sending, "PAUSE_MS", 0)
    running.sender.refusing = ["settle:1"] * (POLICY.attempts + 2)
    running.join("alice")
    assert running.settle() == 1
    assert running.alerts().count("batch_failed") == 3, "after three attempts, and after each one more"


def test_there_is_a_pause_between_a_settlement_that_failed_and_the_next(running: Service) -> None:
    running.sender.refusing = ["settle:1"]
    running.join("alice")
    number = running.opened()
    running.request_close(number)
    with pytest.raises(AssertionError, match="nothing happens"):
        running.until(number, BatchState.MINED)
    assert (running.state(number), running.transactions()["settle:1"]) == (
        BatchState.SUBMITTED,
        "failed the test refuses it",
    )


def test_parts_of_a_settlement_that_failed_half_way_keep_their_size(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aftermath, "PAUSE_MS", 0)
    monkeypatch.setattr(sending, "PAUSE_MS", 0)
    running.change_policy(settle_bytes=2_000)
    for name in ("alice", "bob", "carol"):
        running.join(name)
    number = running.opened()
    running.sender.refusing = [f"settle:{number}:2"] * POLICY.attempts
    running.request_close(number)
    running.until(number, BatchState.FAILED)
    running.change_policy(settle_bytes=POLICY.settle_bytes)
    running.until(number, BatchState.MINED)
    assert f"settle:{number}" not in running.transactions()


@pytest.mark.parametrize("says_so", [True, False], ids=["head-too", "calls-only"])
def test_an_endpoint_that_is_behind_the_last_part_of_a_settlement_is_no_failure_of_the_batch(
    running: Service, monkeypatch: pytest.MonkeyPatch, says_so: bool
) -> None:
    running.change_policy(settle_bytes=2_000)
    for name in ("alice", "bob", "carol"):
        running.join(name)
    number = running.opened()
    running.request_close(number)
    running.run(lambda: running.transactions().get(f"settle:{number}:1", "").startswith("mined"))
    blocks = [note_block(running, f"settle:{number}:{part}") for part in range(2)]
    falls_behind(monkeypatch, running.endpoint, blocks[0] - 1, says_so=says_so)
    with pytest.raises(RpcError, match=r"is behind at block|has no block"):
        settling.settle(running.desk, running.keys, Turn())
    monkeypatch.undo()
    running.until(number, BatchState.MINED)
    assert "failed" not in running.steps(number)


def note_block(running: Service, purpose: str) -> int:
    """Stores the block that a transaction is in, as the service's own sender does; its number."""
    with running.database.write() as session:
        row = transactions.find(session, purpose)
        assert row is not None
        receipt = running.endpoint.receipt(row.mined_hash or b"")
        assert receipt is not None
        row.block = receipt.block
        return receipt.block


def falls_behind(monkeypatch: pytest.MonkeyPatch, endpoint: Chain, height: int, *, says_so: bool) -> None:
    """Has an endpoint answer calls from a height on; ``says_so``: that is its newest block, too."""
    asked = endpoint.request

    def request(method: str, *params: Any) -> Any:  # noqa: ANN401 - JSON
        if method == "eth_getBlockByNumber" and params[0] == "latest" and says_so:
            return asked(method, hex(height), *params[1:])
        if method == "eth_call" and params[1] == "latest":
            return asked(method, params[0], hex(height))
        if method == "eth_call" and int(params[1], 16) > height:
            raise RpcError(f"it has no block {params[1]}")
        return asked(method, *params)

    monkeypatch.setattr(endpoint, "request", request)


def test_a_file_that_is_out_of_reach_is_no_failure_of_the_batch(running: Service) -> None:
    running.join("alice")
    fails(running, FileError("cannot write proofs: No space left on device", {}), POLICY.attempts + 2)
    number = running.opened()
    running.request_close(number)
    for _ in range(POLICY.attempts + 2):
        with pytest.raises(FileError, match="No space left"):
            running.until(number, BatchState.MINED)
    running.until(number, BatchState.MINED)
    assert "failed" not in running.steps(number)


def test_a_failed_batch_is_taken_up_after_a_growing_pause_and_not_when_its_time_is_over(
    hurried: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried.join("alice")
    number = hurried.sealed()
    monkeypatch.setattr(aftermath, "PAUSE_MS", 1_000)
    monkeypatch.setattr(aftermath, "LONGEST_PAUSE_MS", 6_000)
    waited = []
    for _ in range(5):
        with hurried.database.write() as session:
            batches.fail(session, batches.require(session, number), "the test fails it")
        began = hurried.batch(number).updated_at
        for late in range(1_000, 10_000, 1_000):
            monkeypatch.setattr(aftermath, "now_ms", lambda at=began + late: at)
            if aftermath.retry(hurried.desk, Turn()):
                waited.append(late)
                break
    assert waited == [1_000, 2_000, 4_000, 6_000, 6_000]
    with hurried.database.write() as session:
        batches.fail(session, batches.require(session, number), "the test fails it")
    monkeypatch.setattr(aftermath, "now_ms", lambda: began + HOUR * 1_000)
    hurried.pass_time(HOUR + 1)
    assert not aftermath.retry(hurried.desk, Turn())


def held(database: Database) -> bool:
    """Whether status and metrics show that openings are held."""
    return "openings_held" in {alert.name for alert in conditions(look(database), Settings())}


def test_nothing_is_promised_behind_a_batch_that_failed_until_it_is_out_of_the_way(running: Service) -> None:
    # Blocks that make others final take a second each: no batch may close by time before all three orders are in it.
    running.change_policy(attempts=1, void_failed_after=6 * HOUR, interval=HOUR)
    fails(running, ILL, 1_000_000)
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
