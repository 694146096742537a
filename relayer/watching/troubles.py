"""Steps of this process that fail again and again: since when each has failed at every try.

A step that fails is logged and tried again, for ever if need be, so neither an end nor a silence shows that its work is not done. What is
kept here goes out with the process's signs of life (:mod:`.signs`), and becomes a condition (:mod:`.alerts`) once it has lasted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from relayer.store.clock import now_ms


class Troubles:
    """Of one process; its threads share it. Times in ms."""

    def __init__(self, clock: Callable[[], int] = now_ms) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._since: dict[str, int] = {}

    def failed(self, step: str) -> None:
        """A step failed; the first time in a row is kept."""
        with self._lock:
            self._since.setdefault(step, self._clock())

    def passed(self, step: str) -> None:
        """A step was taken, or is another process's now."""
        with self._lock:
            self._since.pop(step, None)

    def failing(self) -> dict[str, int]:
        """Steps that have failed at every try, and since when."""
        with self._lock:
            return dict(self._since)


TROUBLES: Final = Troubles()
"""This process's own."""
