"""What the database says about the service as a whole: counts, ages and costs, never what an order says.

Also what processes leave here for each other to see: their sign of life with their measures, and what the worker last saw of the chain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from relayer.store.models import (
    Batch,
    BatchState,
    BatchStep,
    ChainTransaction,
    EncryptionKey,
    Lease,
    Order,
    OrderState,
    Setting,
    TransactionState,
)

PROCESS: Final = "process:"
TROUBLES: Final = "troubles:"
OBSERVED: Final = "observed"
ALERTS: Final = "alerts"
SENDING: Final = "sending"
OVER: Final = (BatchState.FINAL, BatchState.VOID, BatchState.EXPIRED)
"""States in which nothing more is done with a batch."""
SETTLED: Final = (BatchState.MINED, BatchState.FINAL)
UNDERWAY: Final = (TransactionState.QUEUED, TransactionState.SENT)
COST_BATCHES: Final = 20
"""Settled batches that the cost of an order is an average of."""


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch that is not over. Times in ms; ``orders`` are those that it has taken so far, ``covered`` those that the operator's bond
    covered when that was last looked at: before its seal alone. ``failures``: how often the work on it has failed.
    """

    number: int
    state: str
    since: int
    orders: int
    proofs_done: int
    proofs_total: int | None
    covered: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What the last settled batches took: all their transactions, mined or final."""

    batches: int
    orders: int
    gas: int
    wei: int


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of life of a process: ``measures`` are its own, in Prometheus' text form."""

    instance: str
    role: str
    pid: int
    started_at: int
    at: int
    measures: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a process that is alive. Times in ms: ``starts`` are its last, by the same supervisor; ``failing`` names steps
    that have failed at every try, each with the time since when.
    """

    instance: str
    role: str
    at: int
    starts: list[int]
    failing: dict[str, int]


def batches_underway(session: Session) -> list[BatchLine]:
    """Batches that are not over, by number."""
    taken = select(func.count()).where(Order.batch == Batch.number).scalar_subquery()
    failed = (
        select(func.count())
        .where(BatchStep.batch == Batch.number, BatchStep.state == BatchState.FAILED)
        .correlate(Batch)
        .scalar_subquery()
    )
    query = select(Batch, taken, failed).where(Batch.state.not_in(OVER)).order_by(Batch.number)
    return [
        BatchLine(
            row.number, row.state, row.updated_at, orders, row.proofs_done, row.proofs_total, row.covered, failures
        )
        for row, orders, failures in session.execute(query)
    ]


def counts(session: Session) -> dict[str, dict[str, int]]:
    """How many batches, orders and transactions are in each state, 0 of them too."""
    found: dict[str, dict[str, int]] = {}
    for name, column, states in (
        ("batches", Batch.state, BatchState),
        ("orders", Order.state, OrderState),
        ("transactions", ChainTransaction.state, TransactionState),
    ):
        rows: dict[Any, int] = {
            row[0]: row[1] for row in session.execute(select(column, func.count()).group_by(column))
        }
        found[name] = {state.value: rows.get(state, 0) for state in states}
    return found


def last_settled(session: Session) -> int:
    """Number of the last batch that is settled on chain; 0 before the first."""
    return session.scalar(select(func.max(Batch.number)).where(Batch.state.in_(SETTLED))) or 0


def oldest_transaction(session: Session) -> int | None:
    """When the oldest transaction that is not mined was queued, in ms."""
    return session.scalar(select(func.min(ChainTransaction.created_at)).where(ChainTransaction.state.in_(UNDERWAY)))


def cost(session: Session) -> Cost:
    """Gas and coins that the last settled batches took."""
    query = select(Batch.number).where(Batch.state.in_(SETTLED)).order_by(Batch.number.desc()).limit(COST_BATCHES)
    numbers = list(session.scalars(query))
    orders = session.scalar(select(func.count()).where(Order.batch.in_(numbers))) or 0
    paid = session.execute(
        select(ChainTransaction.gas_used, ChainTransaction.cost_wei).where(ChainTransaction.batch.in_(numbers))
    ).all()
    return Cost(len(numbers), orders, sum(gas or 0 for gas, _ in paid), sum(int(wei or 0) for _, wei in paid))


def encryption_key_ends(session: Session, now: int) -> int | None:
    """When the last key that orders may be encrypted to at a time goes out of force, in ms; None if there never was one. A key that begins
    later does not count: a clock that was wrong made it.
    """
    return session.scalar(select(func.max(EncryptionKey.not_after)).where(EncryptionKey.not_before <= now))


def leases(session: Session) -> list[Lease]:
    """Who does what, until when."""
    return list(session.scalars(select(Lease).order_by(Lease.name)))


def leave_sign(session: Session, sign: Sign, forget_before: int) -> None:
    """Keeps a process's sign of life, and forgets those that are older than a time in ms."""
    session.merge(Setting(name=PROCESS + sign.instance, value=json.dumps(asdict(sign))))
    old = [each.instance for each in signs(session) if each.at < forget_before]
    gone = [kind + instance for instance in old for kind in (PROCESS, TROUBLES)]
    session.execute(delete(Setting).where(Setting.name.in_(gone)))


def signs(session: Session) -> list[Sign]:
    """The last sign of every process."""
    rows = session.scalars(
        select(Setting).where(Setting.name.startswith(PROCESS, autoescape=True)).order_by(Setting.name)
    )
    return [Sign(**json.loads(row.value)) for row in rows]


def leave_trouble(session: Session, trouble: Trouble) -> None:
    """Keeps what is wrong with a process; beside its sign, which other versions of this program read."""
    session.merge(Setting(name=TROUBLES + trouble.instance, value=json.dumps(asdict(trouble))))


def trouble_of(session: Session, instance: str) -> Trouble | None:
    """What a process has left of its troubles."""
    row = session.get(Setting, TROUBLES + instance)
    return None if row is None else Trouble(**json.loads(row.value))


def troubles(session: Session) -> list[Trouble]:
    """What is wrong with every process, as it last said."""
    rows = session.scalars(
        select(Setting).where(Setting.name.startswith(TROUBLES, autoescape=True)).order_by(Setting.name)
    )
    return [Trouble(**json.loads(row.value)) for row in rows]


def keep(session: Session, name: str, document: Mapping[str, Any]) -> None:
    """Keeps a document of the service's under one of the names above."""
    session.merge(Setting(name=name, value=json.dumps(document)))


def kept(session: Session, name: str) -> dict[str, Any]:
    """The document of that name; empty if there is none."""
    row = session.get(Setting, name)
    return {} if row is None else dict(json.loads(row.value))
