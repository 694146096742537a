"""Keeps the processes of the service running: starts them, starts them again when they die, and ends them in order.

A process that dies is started again after a pause that doubles with every death in a row, up to ``PAUSE_MOST``; one that has run for
``SETTLED`` seconds starts over with the shortest. Told to stop, the supervisor tells them with SIGTERM, waits for what they have begun,
and kills after ``grace``. Each holds the reading end of a pipe as its stdin: when the supervisor itself is killed, the pipe ends, and
they stop by themselves (:func:`until_alone`). What a process does is its own business; that it may die at any moment is the promise of
every module that it runs.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

PAUSE_LEAST: Final = 0.5
PAUSE_MOST: Final = 30.0
DOUBLINGS: Final = 10
"""After which the pause is the longest: the power of a death that comes every half minute for a day is no number any more."""
SETTLED: Final = 60.0
GLANCE: Final = 0.1
GRACE: Final = 30.0

log = logging.getLogger(__name__)


@dataclass
class Child:
    """A process by its role: what starts it, and what became of it so far. Times are of the monotonic clock."""

    role: str
    command: Sequence[str]
    descriptors: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    deaths: int = field(default=0)

    @property
    def pid(self) -> int | None:
        """Number of the process while it runs."""
        return None if self.process is None else self.process.pid

    def start(self, now: float) -> None:
        """Starts the process; its stdin ends with this one."""
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, pass_fds=tuple(self.descriptors))
        self.started = now
        log.info("process started", extra={"role": self.role, "pid": self.process.pid})

    def look(self, now: float) -> None:
        """Takes note of a death, and when to start again."""
        if self.process is None or self.process.poll() is None:
            return
        self.deaths = 1 if now - self.started >= SETTLED else self.deaths + 1
        self.due = now + min(PAUSE_MOST, PAUSE_LEAST * 2 ** min(self.deaths - 1, DOUBLINGS))
        code = self.process.returncode
        ended = {"signal": -code} if code < 0 else {"exit": code}
        log.error("process died", extra={"role": self.role, "count": self.deaths, "seconds": self.due - now, **ended})
        self._forget()

    def tell(self, number: signal.Signals) -> None:
        """Sends a signal, if there is anybody to get it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Whether the process has ended within so many seconds."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        self._forget()
        return True

    def _forget(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


class Supervisor:
    """The processes of the service on this machine."""

    def __init__(self, children: Sequence[Child], grace: float = GRACE) -> None:
        self.children, self.grace = children, grace
        self.stopping = threading.Event()

    @property
    def pids(self) -> Mapping[str, int | None]:
        """Number of each process that runs, by role."""
        return {child.role: child.pid for child in self.children}

    def run(self, started: Callable[[], object] = lambda: None) -> None:
        """Keeps all running until :attr:`stopping` is set, then ends them. ``started`` is called once all have been started."""
        try:
            for child in self.children:
                child.start(time.monotonic())
            started()
            while not self.stopping.wait(GLANCE):
                self._look(time.monotonic())
        finally:
            self._end()

    def _look(self, now: float) -> None:
        for child in self.children:
            child.look(now)
            if child.process is None and now >= child.due:
                child.start(now)

    def _end(self) -> None:
        deadline = time.monotonic() + self.grace
        for child in self.children:
            child.tell(signal.SIGTERM)
        for child in self.children:
            if not child.wait(deadline - time.monotonic()):
                log.error("process killed", extra={"role": child.role, "pid": child.pid})
                child.tell(signal.SIGKILL)
                child.wait(self.grace)


def until_told(stop: threading.Event) -> None:
    """SIGTERM and SIGINT set ``stop``; to be called in the main thread."""

    def told(_number: int, _frame: object) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)


def until_alone() -> None:
    """Has this process told to stop when the one that started it, which holds the other end of stdin, is gone."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="tacit-parent", daemon=True).start()
