"""Whatever ends the demo early, nothing that it started is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import service
from demo.chain import ROOT

PATIENCE = 120.0


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> list[int]:
    """The processes that one has started."""
    return [int(each) for path in Path(f"/proc/{pid}/task").glob("*/children") for each in path.read_text().split()]


def gone(pid: int) -> bool:
    """Whether a process has ended, or does soon."""
    end = time.monotonic() + PATIENCE
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


@pytest.fixture
def stubborn() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that does not end when told to, and one that it has started."""
    command = ["/bin/sh", "-c", "trap '' TERM; sleep 600 & echo $!; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        started = int(process.stdout.readline())
        assert alive(process.pid)
        assert alive(started)
        yield process, started


def test_a_relayer_that_does_not_end_in_time_is_killed_with_all_that_it_started(
    stubborn: tuple[subprocess.Popen[str], int],
) -> None:
    process, started = stubborn
    service.stop(process, seconds=0.1)
    assert process.returncode == -signal.SIGKILL
    assert gone(started)


def test_somebody_who_does_not_want_to_wait_for_its_end_leaves_nothing_either(
    stubborn: tuple[subprocess.Popen[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, started = stubborn
    wait = process.wait

    def interrupted(timeout: float | None = None) -> int:
        if timeout is not None:
            raise KeyboardInterrupt
        return wait()

    monkeypatch.setattr(process, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        service.stop(process)
    assert process.returncode == -signal.SIGKILL
    assert gone(started)


def test_a_relayer_whose_head_died_leaves_no_process() -> None:
    with subprocess.Popen(
        ["/bin/sh", "-c", "sleep 600 & echo $!"], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        started = int(process.stdout.readline())
        process.wait(PATIENCE)
        assert alive(started)
        service.stop(process)
    assert gone(started)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_demo_that_is_stopped_says_so_and_takes_its_chain_with_it(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "demo"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        end = time.monotonic() + PATIENCE
        while not (started := children(demo.pid)) and demo.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        assert started, demo.communicate()[1]
        os.kill(demo.pid, number)
        out, errors = demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 130, errors
    assert not out
    assert errors.splitlines()[-1] == "demo: stopped"
    assert all(gone(pid) for pid in started)
