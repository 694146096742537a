"""What the interface asks of watching: counts its requests, answers ``/metrics``, ``/readyz`` and the operator's status."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from relayer.config import Settings
from relayer.intake.refusal import Unready
from relayer.store.database import Database
from relayer.watching import alerts, measures, metrics
from relayer.watching.status import look

UNREADY: Final = ("rpc_behind", "lease_lost", "process_silent")
"""Conditions with which batches do not move."""
FRESH_SECONDS: Final = 1.0
"""How old what ``/readyz`` says of the whole service may be: anybody may ask it, at no rate."""
STALE_SECONDS: Final = 10.0
"""So old it is still told to who asks while it is looked up again."""


class Glance:
    """What a look at the service says, made anew at most every :data:`FRESH_SECONDS` however many ask, and by one of them alone: the look
    counts all there is, on threads that every request shares.
    """

    def __init__(self, look: Callable[[], Sequence[Unready]], clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._clock = look, clock
        self._lock = threading.Lock()
        self._held: tuple[float, Sequence[Unready]] | None = None

    def __call__(self) -> Sequence[Unready]:
        """The last one, or a new one."""
        held = self._fresh(FRESH_SECONDS)
        if held is not None:
            return held
        usable = self._fresh(STALE_SECONDS)
        if not self._lock.acquire(blocking=usable is None):
            return usable or ()
        try:
            held = self._fresh(FRESH_SECONDS)  # another has looked meanwhile
            if held is None:
                held = self._look()
                self._held = self._clock(), held
            return held
        finally:
            self._lock.release()

    def _fresh(self, seconds: float) -> Sequence[Unready] | None:
        held = self._held
        return held[1] if held is not None and self._clock() - held[0] < seconds else None


class ServiceWatching:
    """Watching as one api process needs it. ``intake`` says why orders are not taken here."""

    def __init__(
        self, database: Database, settings: Settings, instance: str, intake: Callable[[], Sequence[Unready]]
    ) -> None:
        self._database, self._settings, self._instance, self._intake = database, settings, instance, intake
        self._unready = Glance(self._missing)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request that was answered."""
        measures.answered(route, method, status, seconds)

    def connected(self, change: int) -> None:
        """Counts a WebSocket that began (1) or ended (-1)."""
        measures.WEBSOCKETS.inc(change)

    def exposition(self) -> tuple[bytes, str]:
        """Everything measured, and its media type."""
        return metrics.exposition(self._database, self._settings, self._instance), metrics.CONTENT_TYPE

    def reasons(self) -> Sequence[Unready]:
        """Why the service is not ready; nothing if it is."""
        return [*self._intake(), *self._unready()]

    def status(self) -> Mapping[str, Any]:
        """The service now, with the conditions that hold."""
        return overall(self._database, self._settings)

    def _missing(self) -> list[Unready]:
        holding = alerts.conditions(look(self._database), self._settings)
        return [Unready(alert.name, alert.message) for alert in holding if alert.name in UNREADY]


def overall(database: Database, settings: Settings) -> dict[str, Any]:
    """One look as JSON has it, alerts with it; what ``relayer status --json`` prints."""
    status = look(database)
    with database.read() as session:
        since = alerts.since(session)
    holding = [alert.to_wire() | {"since": since.get(alert.name)} for alert in alerts.conditions(status, settings)]
    return status.to_wire() | {"alerts": holding}
