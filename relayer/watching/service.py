"""What the interface asks of watching: counts its requests, answers ``/metrics``, ``/readyz`` and the operator's status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from relayer.config import Settings
from relayer.intake.refusal import Unready
from relayer.store.database import Database
from relayer.watching import alerts, measures, metrics
from relayer.watching.status import look

UNREADY: Final = ("rpc_behind", "lease_lost", "process_silent")
"""Conditions with which batches do not move."""


class ServiceWatching:
    """Watching as one api process needs it. ``intake`` says why orders are not taken here."""

    def __init__(
        self, database: Database, settings: Settings, instance: str, intake: Callable[[], Sequence[Unready]]
    ) -> None:
        self._database, self._settings, self._instance, self._intake = database, settings, instance, intake

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
        holding = alerts.conditions(look(self._database), self._settings)
        return [*self._intake(), *(Unready(alert.name, alert.message) for alert in holding if alert.name in UNREADY)]

    def status(self) -> Mapping[str, Any]:
        """The service now, with the conditions that hold."""
        return overall(self._database, self._settings)


def overall(database: Database, settings: Settings) -> dict[str, Any]:
    """One look as JSON has it, alerts with it; what ``relayer status --json`` prints."""
    status = look(database)
    with database.read() as session:
        since = alerts.since(session)
    holding = [alert.to_wire() | {"since": since.get(alert.name)} for alert in alerts.conditions(status, settings)]
    return status.to_wire() | {"alerts": holding}
