"""One look at the service holds what an operator asks for, from the database alone, and nothing of any order."""

import json

import pytest

from relayer.store import overview
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.models import Batch, BatchState
from relayer.store.steps import move
from relayer.watching.signs import Signs
from relayer.watching.status import Observed, keep_observed, look
from relayer.watching.troubles import TROUBLES
from tests.relayer.watching.conftest import UNIQUE


def test_a_look_counts_and_knows_what_is_underway(filled: Database) -> None:
    status = look(filled)
    assert status.counts["orders"]["final"] == 2
    assert status.counts["orders"]["sealed"] == 1
    assert status.counts["transactions"] == {"queued": 0, "sent": 1, "mined": 0, "final": 3, "failed": 0}
    assert [(b.number, b.state, b.orders, b.proofs_done, b.proofs_total) for b in status.batches] == [
        (2, "proving", 1, 3, 8),
        (3, "open", 0, 0, None),
    ]
    assert status.last_settled == 1
    assert status.database_bytes > 0


def test_the_cost_of_an_order_is_that_of_all_transactions_of_settled_batches(filled: Database) -> None:
    status = look(filled)
    assert status.gas_per_order == 500_000
    assert status.wei_per_order == 5 * 10**15
    assert status.to_wire()["cost"]["wei_per_order"] == "5000000000000000"


def test_without_settled_orders_there_is_no_cost_of_one(database: Database) -> None:
    status = look(database)
    assert status.gas_per_order is None
    assert status.to_wire()["cost"]["wei_per_order"] is None


def test_a_look_is_json_and_holds_nothing_of_an_order(filled: Database) -> None:
    assert str(UNIQUE) not in json.dumps(look(filled).to_wire())


def test_what_the_worker_saw_is_there_for_all(database: Database) -> None:
    seen = Observed(
        now_ms(),
        100,
        1_700_000_000,
        [0, 3, None],
        balance=10**20,
        bond=10**19,
        exit_deadline=1_700_000_900,
        per_order=10**16,
    )
    assert look(database).observed is None
    with database.write() as session:
        keep_observed(session, seen)
    assert look(database).observed == seen
    wire = look(database).to_wire()["chain"]
    assert (wire["balance"], wire["per_order"], wire["bond_orders"]) == (str(10**20), str(10**16), 1_000)


def test_a_process_leaves_signs_of_life_and_is_silent_without_them(database: Database) -> None:
    signs = Signs(database, "worker", "here/worker/1", every=0.01)
    signs.start()
    signs.stop()
    (process,) = look(database).processes
    assert (process["role"], process["silent"]) == ("worker", False)
    with database.write() as session:
        (sign,) = overview.signs(session)
        before = overview.Sign(sign.instance, sign.role, sign.pid, sign.started_at, sign.at - 120_000, sign.measures)
        overview.leave_sign(session, before, 0)
    (process,) = look(database).processes
    assert process["silent"]


def test_a_process_says_how_often_it_was_started_and_what_keeps_failing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(0, 600_000, 35_000))
    monkeypatch.setattr("relayer.watching.troubles.TROUBLES._since", {})
    for _ in range(10):
        made = Signs(database, "worker", "here/worker/1")
        made.started_at = next(times)
        made.leave()
    TROUBLES.failed("seal")
    TROUBLES.failed("seal")
    made.leave()
    (trouble,) = look(database).troubles
    assert trouble.starts == [at * 35_000 for at in range(2, 10)]
    assert trouble.failing.keys() == {"seal"}
    TROUBLES.passed("seal")
    made.leave()
    assert look(database).troubles[0].failing == {}


def test_a_failed_batch_is_counted(filled: Database) -> None:
    with filled.write() as session:
        batch = session.get_one(Batch, 2)
        for reason in ("one", "another"):
            move(session, batch, BatchState.FAILED, reason)
        move(session, batch, BatchState.PROVING)
    assert [each.failures for each in look(filled).batches] == [2, 0]


def test_a_process_that_is_long_gone_is_forgotten(database: Database) -> None:
    old = overview.Sign("gone", "worker", 1, 0, 1_000, "")
    with database.write() as session:
        overview.leave_sign(session, old, 0)
    Signs(database, "api", "here").leave()
    assert [process["instance"] for process in look(database).processes] == ["here"]
