"""What an operator must know of, computed in one place from one look at the service.

Status, metrics and the ``alerts`` channel show the same. A condition that comes or goes is told once, as an event in the transaction
that takes note of it. What to do at each is in docs/operations.md, under its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy.orm import Session

from relayer.config import Settings
from relayer.store import events, overview
from relayer.store.challenges import UNANSWERABLE, URGENT
from relayer.store.models import BatchState
from relayer.transactions import alarms
from relayer.watching.status import Status

ETHER: Final = 10**18
FULL: Final = (9, 10)
"""Part of the database's size at which it counts as nearly full."""
ROLES: Final = ("api", "worker", "prover")
WORKED_ON: Final = (BatchState.SEALED, BatchState.PROVING, BatchState.PROVED, BatchState.SUBMITTED, BatchState.REORGED)
UNSEALED: Final = (BatchState.OPEN, BatchState.CLOSING)
FAILING_SECONDS: Final = 300
"""A step that has failed at every try for so long does not mend itself."""
DEATHS: Final = 5
DEATHS_SECONDS: Final = 1_800
"""So many starts of a process in such a time are no accident."""
LEADERS: Final = ("intake", "watcher", "pipeline", "transactions")
"""Leases without which the service does not do its work."""

Severity = Literal["warning", "critical"]


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that holds. ``message`` says what and how much; it holds nothing of any order."""

    name: str
    severity: Severity
    message: str

    def to_wire(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"name": self.name, "severity": self.severity, "message": self.message}


Condition = Callable[[Status, Settings], str | None]
_CONDITIONS: dict[str, tuple[Severity, Condition]] = {}


def _condition(name: str, severity: Severity) -> Callable[[Condition], Condition]:
    def register(condition: Condition) -> Condition:
        _CONDITIONS[name] = (severity, condition)
        return condition

    return register


def conditions(status: Status, settings: Settings) -> list[Alert]:
    """Every condition that holds now."""
    return list(_holding(status, settings))


def names() -> tuple[str, ...]:
    """Names of all conditions."""
    return tuple(_CONDITIONS)


def take_note(session: Session, alerts: list[Alert], now: int) -> list[str]:
    """Tells what has come and gone since the last time, in the caller's write; names of what has come."""
    before = overview.kept(session, overview.ALERTS)
    holding = {alert.name: alert for alert in alerts}
    come, gone = sorted(holding.keys() - before.keys()), sorted(before.keys() - holding.keys())
    for name in come:
        events.append(session, "alerts", holding[name].to_wire() | {"state": "raised"})
    for name in gone:
        events.append(session, "alerts", {"name": name, "state": "cleared"})
    if come or gone:
        overview.keep(session, overview.ALERTS, {name: before.get(name, now) for name in holding})
    return come


def since(session: Session) -> dict[str, int]:
    """When each condition that holds was first noted, in ms."""
    return overview.kept(session, overview.ALERTS)


def _holding(status: Status, settings: Settings) -> Iterator[Alert]:
    for name, (severity, condition) in _CONDITIONS.items():
        message = condition(status, settings)
        if message is not None:
            yield Alert(name, severity, message)


def _ether(wei: int) -> str:
    return f"{wei / ETHER:.6g} ether"


@_condition("balance_low", "critical")
def _balance_low(status: Status, settings: Settings) -> str | None:
    balance = status.observed.balance if status.observed else None
    if balance is None or balance >= settings.alerts.balance_ether * ETHER:
        return None
    return f"the operator's account has {_ether(balance)}, less than {settings.alerts.balance_ether:g}"


@_condition("bond_low", "warning")
def _bond_low(status: Status, settings: Settings) -> str | None:
    bond = status.observed.bond if status.observed else None
    if bond is None or bond >= settings.alerts.bond_ether * ETHER:
        return None
    return f"{_ether(bond)} are free in the bond contract, less than {settings.alerts.bond_ether:g}"


@_condition("bond_short", "critical")
def _bond_short(status: Status, _settings: Settings) -> str | None:
    """Receipts that the operator cannot keep as things are: the vault refuses a seal that the bond does not cover."""
    short = [batch for batch in status.batches if batch.state in UNSEALED and batch.covered < batch.orders]
    if not short:
        return None
    first, per_order = short[0], (status.observed.per_order if status.observed else None) or 0
    missing = per_order * (first.orders - first.covered)
    enough = f": fund the bonds with {_ether(missing)}" if missing else ""
    return (
        f"batch {first.number} has {first.orders} orders, and the free bond covers {first.covered} for its seal{enough}"
    )


@_condition("bond_reached", "warning")
def _bond_reached(status: Status, settings: Settings) -> str | None:
    full = [
        batch
        for batch in status.batches
        if batch.state == BatchState.OPEN and batch.orders == batch.covered < settings.batches.capacity
    ]
    return (
        f"batch {full[0].number} has all {full[0].covered} orders that the free bond covers: new ones wait"
        if full
        else None
    )


@_condition("batch_late", "critical")
def _batch_late(status: Status, settings: Settings) -> str | None:
    late = [
        b for b in status.batches if b.state in WORKED_ON and _seconds(status, b.since) > settings.alerts.batch_seconds
    ]
    if not late:
        return None
    first = late[0]
    return f"batch {first.number} has been {first.state} for {_seconds(status, first.since)} s"


@_condition("batch_failed", "critical")
def _batch_failed(status: Status, settings: Settings) -> str | None:
    """A batch that waits to be taken up again, or has failed so often that whatever moves it meanwhile is not believed."""
    failed = [
        batch
        for batch in status.batches
        if batch.state == BatchState.FAILED
        or (batch.state in WORKED_ON and batch.failures >= settings.batches.attempts)
    ]
    if not failed:
        return None
    first, times = failed[0], f" {failed[0].failures} times" if failed[0].failures > 1 else ""
    return f"batch {first.number} has failed{times}: see its reason and the worker's log"


@_condition("openings_held", "critical")
def _openings_held(status: Status, _settings: Settings) -> str | None:
    return f"no batch is opened and no receipt given behind batch {status.held}" if status.held else None


@_condition("bond_challenged", "warning")
def _bond_challenged(status: Status, _settings: Settings) -> str | None:
    """Answers are sent by themselves; the operator looks whether they are mined. The other two say when that is not enough."""
    if not status.challenges:
        return None
    first, others = status.challenges[0], len(status.challenges) - 1
    more = f" (and {others} more)" if others else ""
    return f"challenge {first.number} asks for an order of batch {first.batch}: {first.state}{more}"


@_condition("challenge_urgent", "critical")
def _challenge_urgent(status: Status, _settings: Settings) -> str | None:
    urgent = [each for each in status.challenges if each.state == URGENT]
    if not urgent:
        return None
    left = urgent[0].deadline - status.at // 1000
    return f"the answer to challenge {urgent[0].number} is not final, and {left} s are left"


@_condition("challenge_unanswerable", "critical")
def _challenge_unanswerable(status: Status, _settings: Settings) -> str | None:
    lost = [each for each in status.challenges if each.state == UNANSWERABLE]
    if not lost:
        return None
    return f"challenge {lost[0].number} has no answer here: the bond of batch {lost[0].batch} is lost at its deadline"


@_condition("exit_deadline", "critical")
def _exit_deadline(status: Status, settings: Settings) -> str | None:
    if status.observed is None or status.observed.exit_deadline is None:
        return None
    left = status.observed.exit_deadline - status.at // 1000
    return (
        f"an exit must be settled within {left} s, or the vault freezes"
        if left < settings.alerts.exit_seconds
        else None
    )


@_condition("rpc_behind", "critical")
def _rpc_behind(status: Status, settings: Settings) -> str | None:
    if status.observed is None:
        return None
    age = status.at // 1000 - status.observed.block_time
    return f"the newest block that any endpoint gives is {age} s old" if age > settings.alerts.rpc_seconds else None


@_condition("rpc_endpoint", "warning")
def _rpc_endpoint(status: Status, settings: Settings) -> str | None:
    found = status.observed.endpoints if status.observed else []
    bad = [at for at, lag in enumerate(found) if lag is None or lag > settings.chain.behind_blocks]
    return f"endpoints {', '.join(map(str, bad))} of chain.rpc are silent or behind" if bad else None


@_condition("rpc_disagreement", "critical")
def _rpc_disagreement(status: Status, _settings: Settings) -> str | None:
    seen = status.observed is not None and status.observed.disagreement
    return "endpoints of chain.rpc give different blocks of one number" if seen else None


@_condition("fee_cap", "critical")
def _fee_cap(status: Status, _settings: Settings) -> str | None:
    reached = alarms.FEE_CAP in status.sending
    return "a transaction is not mined at the highest fees that are allowed" if reached else None


@_condition("public_fallback", "warning")
def _public_fallback(status: Status, _settings: Settings) -> str | None:
    used = alarms.PUBLIC in status.sending
    return "a transaction was sent publicly, as the private endpoints kept dropping it" if used else None


@_condition("encryption_key", "critical")
def _encryption_key(status: Status, settings: Settings) -> str | None:
    if status.key_ends is None:
        return None
    left = (status.key_ends - status.at) // 1000
    return (
        f"the last encryption key ends in {left} s and there is no next" if left < settings.alerts.key_seconds else None
    )


@_condition("database_full", "critical")
def _database_full(status: Status, settings: Settings) -> str | None:
    limit = settings.database.maximum_bytes
    if status.database_bytes * FULL[1] > limit * FULL[0]:
        return f"the database has {status.database_bytes} of {limit} bytes"
    free, least = status.free_bytes, settings.alerts.free_bytes
    return (
        f"{free} bytes are free on the database's disk, less than {least}"
        if free is not None and free < least
        else None
    )


@_condition("lease_lost", "critical")
def _lease_lost(status: Status, settings: Settings) -> str | None:
    """A lease that was held and has run out long ago, and nobody has taken."""
    grace = 1000 * settings.leases.seconds
    lost = [
        lease["name"] for lease in status.leases if lease["name"] in LEADERS and status.at - lease["expires_at"] > grace
    ]
    return f"nobody holds {', '.join(lost)}" if lost else None


@_condition("process_silent", "critical")
def _process_silent(status: Status, _settings: Settings) -> str | None:
    alive = {process["role"] for process in status.processes if not process["silent"]}
    silent = [role for role in ROLES if role not in alive]
    return f"no {', '.join(silent)} gives a sign of life" if silent else None


@_condition("step_fails", "critical")
def _step_fails(status: Status, _settings: Settings) -> str | None:
    """Work that is not done although its process lives: its log says why."""
    found = [
        (since, step, each.role)
        for each in status.troubles
        for step, since in each.failing.items()
        if _seconds(status, since) >= FAILING_SECONDS
    ]
    if not found:
        return None
    since, step, role = min(found)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"the step {step} of the {role} has failed at every try for {_seconds(status, since)} s{more}"


@_condition("process_dies", "critical")
def _process_dies(status: Status, _settings: Settings) -> str | None:
    """A process that is started again and again gives a sign of life each time."""
    for each in status.troubles:
        starts = [at for at in each.starts if _seconds(status, at) <= DEATHS_SECONDS]
        if len(starts) >= DEATHS:
            return f"the {each.role} was started {len(starts)} times in {DEATHS_SECONDS // 60} minutes"
    return None


def _seconds(status: Status, since_ms: int) -> int:
    return (status.at - since_ms) // 1000
