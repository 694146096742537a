"""Two processes share a lease: one is killed and the other takes over; one is stopped, and cannot write when it wakes up."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relayer.store.database import Database
from relayer.store.models import Setting

ROOT = Path(__file__).resolve().parents[3]
Starts = Callable[..., "Holding"]


class Holding:
    """A process of `tests.relayer.store.holder`."""

    def __init__(self, url: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.relayer.store.holder", url, *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def says(self, *words: str) -> str:
        """Waits until it says one of these."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() in words:
                return line.strip()
        pytest.fail(f"the process ended without any of {words}")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start(store_url: str) -> Iterator[Starts]:
    """Starts such processes."""
    made: list[Holding] = []

    def started(*arguments: str) -> Holding:
        made.append(Holding(store_url, *arguments))
        return made[-1]

    yield started
    for each in made:
        each.end()


def work(database: Database, name: str) -> int:
    """How often a process wrote."""
    with database.read() as session:
        row = session.get(Setting, name)
        return 0 if row is None else int(row.value)


def worked_on(database: Database, name: str) -> None:
    """Waits until a process has written more."""
    before = work(database, name)
    while work(database, name) == before:
        pass


def test_a_standby_takes_over_when_the_holder_is_killed(database: Database, start: Starts) -> None:
    first = start("first")
    first.says("held")
    second = start("second")
    second.says("standby")
    assert work(database, "second") == 0
    first.end()
    done = work(database, "first")
    second.says("held")
    worked_on(database, "second")
    assert work(database, "first") == done


def test_a_holder_that_was_stopped_too_long_writes_nothing_when_it_wakes_up(database: Database, start: Starts) -> None:
    first = start("first", "before")
    first.says("held")
    second = start("second")
    second.says("held")
    worked_on(database, "second")
    first.process.send_signal(signal.SIGCONT)
    first.says("lost")
    assert work(database, "first") == 1


def test_a_holder_that_is_stopped_while_it_writes_does_not_keep_others_for_ever(
    database: Database, start: Starts
) -> None:
    first = start("first", "inside")
    first.says("held")
    second = start("second")
    if database.sqlite:
        second.says("failed")  # one file, one writer: who is stopped there must be ended
        first.end()
    second.says("held")
    worked_on(database, "second")
    if not database.sqlite:
        first.process.send_signal(signal.SIGCONT)
        first.says("failed")  # the server has ended its transaction
    assert work(database, "first") == 1
