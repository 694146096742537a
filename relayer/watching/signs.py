"""Signs of life: each process leaves, every few seconds, what it has counted where all can see it.

So one look (and one ``/metrics``) shows every process, also those on other machines; and one that is silent is known to be. With its sign
a process leaves when it was started and which of its steps keep failing: who dies again and again, or fails at all it does, is not silent.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Final

from prometheus_client import generate_latest

from relayer.errors import StoreError
from relayer.store import overview
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.overview import Sign, Trouble
from relayer.watching.measures import REGISTRY
from relayer.watching.troubles import TROUBLES

EVERY: Final = 10.0
STARTS: Final = 8
"""Starts of a process that are kept, the last ones."""
FORGET_MS: Final = 600_000
"""A process that has been silent for so long is no longer spoken of; its supervisor's business was to restart it."""

log = logging.getLogger(__name__)


class Signs:
    """The signs of this process."""

    def __init__(self, database: Database, role: str, instance: str, every: float = EVERY) -> None:
        self.database, self.role, self.instance, self.every = database, role, instance, every
        self.started_at = now_ms()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tacit-signs", daemon=True)

    def start(self) -> None:
        """Leaves the first sign at once, the others from a thread."""
        self.leave()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join()

    def leave(self) -> None:
        """Leaves a sign."""
        now = now_ms()
        sign = Sign(self.instance, self.role, os.getpid(), self.started_at, now, generate_latest(REGISTRY).decode())
        with self.database.write() as session:
            overview.leave_sign(session, sign, now - FORGET_MS)
            before = overview.trouble_of(session, self.instance)
            starts = [] if before is None else before.starts
            if self.started_at not in starts:
                starts = [*starts, self.started_at][-STARTS:]
            overview.leave_trouble(session, Trouble(self.instance, self.role, now, starts, TROUBLES.failing()))

    def _run(self) -> None:
        while not self._stop.wait(self.every):
            quietly(self.leave)


def quietly(what: Callable[[], object]) -> None:
    """Does what may fail while the database is busy or away, and is done again soon; a failure is logged."""
    try:
        what()
    except StoreError:
        log.exception("no sign left")
