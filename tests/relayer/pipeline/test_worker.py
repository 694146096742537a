"""A turn of the pipeline, or of any loop under a lease, may take as long as it takes: nobody else has the lease meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import pytest

from relayer.errors import LeaseLost
from relayer.pipeline import challenges, worker
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.keeping import kept
from relayer.pipeline.worker import Pipeline
from relayer.roles.common import Held
from relayer.roles.worker import in_turn
from relayer.store.database import Database
from relayer.store.leases import Lease, Leases
from relayer.store.models import Lease as Row
from relayer.store.models import Setting

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

    def pipeline(self) -> Pipeline:
        """The first's."""
        nothing: Any = SimpleNamespace()
        return Pipeline(desk=nothing, leases=self.first, keys=nothing, seconds=SECONDS, every=EVERY)


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


def test_challenges_come_before_every_other_duty() -> None:
    """Some of the others are as long as strangers make them, and an answer that is late costs the bond."""
    assert list(worker.DUTIES[:2]) == [challenges.watch_challenges, challenges.answer_challenges]
