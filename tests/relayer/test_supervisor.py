"""Processes that die are started again, ever later; they end in order when they are told, and by themselves when nobody is left."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from relayer import supervisor
from relayer.supervisor import Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0

ORDERLY = """
import sys, threading
from pathlib import Path
from relayer.supervisor import until_alone, until_told
stop = threading.Event()
until_told(stop)
until_alone()
Path(sys.argv[1]).write_text("running")
stop.wait()
Path(sys.argv[1]).write_text("stopped in order")
"""
STUBBORN = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(sys.argv[1]).write_text("running")
time.sleep(600)
"""
PARENT = """
import sys
from relayer.supervisor import Child, Supervisor
Supervisor([Child("api", [sys.executable, "-c", sys.argv[1], sys.argv[2]])]).run()
"""


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def says(path: Path, text: str) -> Callable[[], bool]:
    return lambda: path.is_file() and path.read_text() == text


def running(program: str, path: Path, grace: float = 10.0) -> tuple[Supervisor, threading.Thread]:
    found = Supervisor([Child("worker", [sys.executable, "-c", program, str(path)])], grace)
    thread = threading.Thread(target=found.run)
    thread.start()
    return found, thread


def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    found, thread = running(ORDERLY, tmp_path / "said")
    until(says(tmp_path / "said", "running"))
    first = found.pids["worker"]
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: found.pids["worker"] not in (None, first))
    found.stopping.set()
    thread.join(PATIENCE)
    assert found.children[0].deaths == 1


def test_a_process_that_is_told_ends_in_order(tmp_path: Path) -> None:
    found, thread = running(ORDERLY, tmp_path / "said")
    until(says(tmp_path / "said", "running"))
    found.stopping.set()
    thread.join(PATIENCE)
    assert (tmp_path / "said").read_text() == "stopped in order"
    assert found.pids["worker"] is None


def test_a_process_that_does_not_end_is_killed_after_the_grace(tmp_path: Path) -> None:
    found, thread = running(STUBBORN, tmp_path / "said", grace=0.3)
    until(says(tmp_path / "said", "running"))
    pid = found.pids["worker"]
    assert pid is not None
    found.stopping.set()
    thread.join(PATIENCE)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_processes_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    said = tmp_path / "said"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, ORDERLY, str(said)], cwd=ROOT)
    until(says(said, "running"))
    parent.kill()
    parent.wait()
    until(says(said, "stopped in order"))


def test_the_pause_doubles_with_every_death_in_a_row_and_starts_over_after_a_good_run() -> None:
    child, pauses = Child("prover", [sys.executable, "-c", "raise SystemExit(1)"]), []
    now = 1_000.0
    for _ in range(8):
        child.start(now)
        assert child.process is not None
        child.process.wait()
        child.look(now + 1)
        pauses.append(child.due - (now + 1))
        now = child.due
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    child.deaths = 100_000
    child.start(now)
    assert child.process is not None
    child.process.wait()
    child.look(now + 1)
    assert child.due - (now + 1) == supervisor.PAUSE_MOST
    now = child.due
    child.start(now)
    assert child.process is not None
    child.process.wait()
    child.look(now + supervisor.SETTLED)
    assert child.due - (now + supervisor.SETTLED) == 0.5
