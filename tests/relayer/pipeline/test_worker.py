"""A turn of the pipeline, or of any loop under a lease, may take as long as it takes: nobody else has the lease meanwhile."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import pytest

from relayer.errors import LeaseLost
from relayer.pipeline import challenges, worker
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.keeping import kept
from relayer.pipeline.worker import Fared, Pipeline
from relayer.roles.common import Held
from relayer.roles.worker import in_turn
from relayer.store.database import Database
from relayer.store.leases import Lease, Leases
from relayer.store.models import Lease as Row
from relayer.store.models import Setting
from relayer.watching.logs import Lines

SECONDS: Final = 20.0
"""Of a lease, by the test's own clock."""
EVERY: Final = 0.05
"""Between renewals, in seconds that do pass."""
PATIENCE: Final = 20.0
"""How long a renewal is waited for on a busy machine."""
DONE: Final = "done"


@dataclass
class Machines:
    """Two processes that share a database and a clock, which goes on when the test says so."""

    database: Database
    now: int = 1_000_000
    first: Leases = field(init=False)
    second: Leases = field(init=False)

    def __post_init__(self) -> None:
        self.first = Leases(self.database, "first", clock=lambda: self.now)
        self.second = Leases(self.database, "second", clock=lambda: self.now)

    def row(self, name: str) -> Row:
        """A lease as it is stored."""
        with self.database.read() as session:
            return session.get_one(Row, name)

    def outlast(self, name: str) -> None:
        """More time than a lease has passes in a step of the first, and the second tries all along to take it."""
        for _ in range(4):
            self.now += round(SECONDS * 500)
            end = time.monotonic() + PATIENCE
            while self.row(name).expires_at < self.now + SECONDS * 1_000:
                assert time.monotonic() < end, "it is not renewed"
                time.sleep(EVERY)
            assert self.second.acquire(name, SECONDS) is None

    def write(self, guard: Turn | Lease) -> None:
        """What a step does at its end."""
        with self.database.write() as session:
            guard.check(session)
            session.merge(Setting(name=DONE, value="yes"))

    @property
    def done(self) -> bool:
        """Whether a step has written."""
        with self.database.read() as session:
            return session.get(Setting, DONE) is not None

    def pipeline(self, fared: Fared = worker._raised) -> Pipeline:
        """The first's."""
        nothing: Any = SimpleNamespace()
        return Pipeline(desk=nothing, leases=self.first, keys=nothing, seconds=SECONDS, every=EVERY, fared=fared)


@pytest.fixture
def machines(database: Database) -> Machines:
    return Machines(database)


def test_a_step_that_takes_longer_than_the_lease_writes_and_a_standby_waits(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can make a step long (with deposits, say) could otherwise have two machines take the lease from each other for ever."""

    def slow(_desk: Desk, turn: Turn) -> bool:
        machines.outlast(worker.LEASE)
        machines.write(turn)
        return True

    monkeypatch.setattr(Pipeline, "_steps", lambda _: [slow])
    assert machines.pipeline().step()
    assert machines.done
    assert machines.second.acquire(worker.LEASE, SECONDS) is None, "machines do not take turns at it either"


def test_a_lease_of_any_loop_is_renewed_while_its_step_lasts(machines: Machines) -> None:
    def slow(lease: Lease) -> bool:
        machines.outlast("watcher")
        machines.write(lease)
        return True

    held = Held(machines.first, "watcher", SECONDS, EVERY)
    taken = held.take()
    assert taken is not None
    assert in_turn(held, lambda: slow(taken))
    assert machines.done


def test_who_was_stopped_too_long_renews_and_writes_nothing(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def woken(_desk: Desk, turn: Turn) -> bool:
        # Nothing here could renew it in the hour before the second looked.
        hour_later = machines.now + 3_600_000
        assert Leases(machines.database, "second", clock=lambda: hour_later).acquire(worker.LEASE, SECONDS)
        time.sleep(5 * EVERY)
        with pytest.raises(LeaseLost):
            machines.write(turn)
        machines.write(turn)
        return True

    monkeypatch.setattr(Pipeline, "_steps", lambda _: [woken])
    assert not machines.pipeline().step()
    assert not machines.done
    assert machines.row(worker.LEASE).holder == "second"


def test_a_lease_that_is_kept_lasts_as_long_as_the_settings_say_and_is_free_at_the_end(machines: Machines) -> None:
    with kept(machines.first, "proving:1", SECONDS, EVERY) as keeping:
        assert keeping is not None
        machines.outlast("proving:1")
        assert machines.row("proving:1").expires_at == machines.now + SECONDS * 1_000
    assert machines.second.acquire("proving:1", SECONDS) is not None


def test_challenges_come_before_everything_else_in_a_turn(machines: Machines) -> None:
    """Batches wait for others (replicas, say), strangers make some duties long, and an answer that is late costs the bond."""
    answering = [challenges.watch_challenges, challenges.answer_challenges]
    assert list(worker.DUTIES[:2]) == answering
    steps = machines.pipeline()._steps()
    assert steps[:2] == answering
    assert set(worker.DUTIES) < set(steps)
    assert len(steps) == len(set(steps))


def test_a_fault_in_one_step_keeps_no_other_from_being_taken_and_is_raised_at_the_end(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[str] = []

    def broken(_desk: Desk, _turn: Turn) -> bool:
        raise ValueError("what an order says")

    def broken_too(_desk: Desk, _turn: Turn) -> bool:
        raise KeyError("more of it")

    def duty(_desk: Desk, turn: Turn) -> bool:
        machines.write(turn)
        taken.append("duty")
        return True

    monkeypatch.setattr(Pipeline, "_steps", lambda _: [broken, broken_too, duty])
    fared: list[tuple[str, object]] = []
    pipeline = machines.pipeline(lambda step, _seconds, error: fared.append((step, error)))
    with pytest.raises(ValueError, match="what an order says"):
        pipeline.step()
    assert (taken, machines.done) == (["duty"], True)
    assert fared == [("duty", None)], "a fault ends the process: it is no step that fails for now"
    lines = [json.loads(Lines("worker").format(record)) for record in caplog.records]
    assert [(line["step"], line["error"]["class"]) for line in lines] == [
        ("broken", "ValueError"),
        ("broken_too", "KeyError"),
    ]
    assert "order" not in json.dumps([line | {"event": ""} for line in lines])
    monkeypatch.setattr(Pipeline, "_steps", lambda _: [duty])
    assert pipeline.step(), "the lease is not kept by a turn that ended so"


def test_a_fault_is_raised_also_where_the_lease_is_lost_after_it(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_desk: Desk, _turn: Turn) -> bool:
        raise RecursionError

    def late(_desk: Desk, _turn: Turn) -> bool:
        raise LeaseLost("another has it")

    monkeypatch.setattr(Pipeline, "_steps", lambda _: [broken, late])
    with pytest.raises(RecursionError):
        machines.pipeline().step()
