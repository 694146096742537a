"""Batches in the database: where each is, and what belongs to it: orders, holders, the sealed batch, the accounts after it.

From state to state a batch comes by :func:`relayer.store.steps.move` alone. Which step is due is decided by :mod:`relayer.pipeline`
(the operator's) and :mod:`relayer.watcher` (the chain's).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import String, cast, exists, func, literal, select
from sqlalchemy.orm import Session

from prover.batch import SealedBatch, State
from prover.orders import Holder as HolderKeys
from relayer.errors import StoreError
from relayer.store import events
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.models import (
    Batch,
    BatchState,
    BatchStep,
    ChainTransaction,
    Order,
    OrderState,
    Setting,
    Snapshot,
    TransactionState,
)
from relayer.store.models import Holder as HolderRow
from relayer.store.orders import CHUNK, holder_place
from relayer.store.steps import move
from relayer.store.unsettled import Unsettled

ENDED: Final = (BatchState.FINAL, BatchState.VOID, BatchState.EXPIRED)
"""Nothing happens to these any more, unless the chain takes something back."""
TAKING: Final = (BatchState.OPENING, BatchState.OPEN, BatchState.CLOSING)
"""Between the decision to open and the seal: the vault has one such batch at a time."""
CLOSING_SECONDS: Final = 60
CLOSING_PART: Final = 10
"""No receipts in the last minute of an opening, or in the last tenth of a short one."""
CLEARED: Final = "batches.cleared:"
GENESIS: Final = 0
"""Number of the snapshot before the first batch."""


def get(session: Session, number: int) -> Batch | None:
    """A batch by the vault's number."""
    return session.get(Batch, number)


def require(session: Session, number: int) -> Batch:
    """A batch that is there; :class:`StoreError` otherwise."""
    found = get(session, number)
    if found is None:
        raise StoreError(f"there is no batch {number}", {"batch": number})
    return found


def last(session: Session) -> Batch | None:
    """The newest batch."""
    return session.scalar(select(Batch).order_by(Batch.number.desc()).limit(1))


def in_states(session: Session, states: Iterable[BatchState]) -> list[Batch]:
    """Batches in some states, by number."""
    return list(session.scalars(select(Batch).where(Batch.state.in_(list(states))).order_by(Batch.number)))


def unfinished(session: Session) -> list[Batch]:
    """Batches that have not ended, by number."""
    return list(session.scalars(select(Batch).where(Batch.state.not_in(ENDED)).order_by(Batch.number)))


def ended(session: Session, numbers: Iterable[int]) -> set[int]:
    """Those of some batches that have ended."""
    return set(session.scalars(select(Batch.number).where(Batch.number.in_(list(numbers)), Batch.state.in_(ENDED))))


def open_now(session: Session, lasts: int | None, time: int) -> tuple[int | None, bool]:
    """The batch that is open at a block's time, and whether it takes orders: a receipt of a batch that is not sealed costs its bond.
    ``lasts``: how long an opening can be sealed (s; None: for ever).

    One that is about to run out counts as none. Behind a batch that may not be settled in time, orders wait for the very batch that is
    open: it takes them as soon as that one is out of the way.
    """
    newest = select(Batch.number, Batch.opened_time).where(Batch.state == BatchState.OPEN)
    row = session.execute(newest.order_by(Batch.number.desc()).limit(1)).one_or_none()
    if row is None:
        return None, False
    opened = time if row.opened_time is None else int(row.opened_time)
    if lasts is not None and time >= opened + lasts - min(CLOSING_SECONDS, lasts // CLOSING_PART):
        return None, False
    before = Unsettled.of(session)
    return int(row.number), before is None or before.takes_receipts(time, opened, lasts)


def without_transaction(session: Session, states: Iterable[BatchState], purpose: str) -> list[int]:
    """Numbers of the batches in some states that no transaction of a purpose (which a number ends) was queued for, or one that failed."""
    queued = exists().where(
        ChainTransaction.purpose == literal(purpose) + cast(Batch.number, String),
        ChainTransaction.state != TransactionState.FAILED,
    )
    query = select(Batch.number).where(Batch.state.in_(list(states)), ~queued)
    return list(session.scalars(query.order_by(Batch.number)))


def add(session: Session, number: int, epoch: int) -> Batch:
    """A new batch, whose opening is on the way."""
    now = now_ms()
    batch = Batch(number=number, state=BatchState.OPENING, epoch=epoch, created_at=now, updated_at=now)
    session.add(batch)
    session.flush()
    move(session, batch, BatchState.OPENING)
    return batch


def fail(session: Session, batch: Batch, reason: str) -> None:
    """Ends the work on a batch until somebody or something helps; the operator is alarmed."""
    if (batch.state, batch.reason) == (BatchState.FAILED, reason):
        return
    move(session, batch, BatchState.FAILED, reason)
    alarm(session, "batch_failed", batch=batch.number, reason=reason)


def alarm_once(session: Session, batch: Batch, reason: str) -> None:
    """Notes why a batch does not get on, and alarms the operator the first time."""
    if batch.reason == reason:
        return
    batch.reason, batch.updated_at = reason, now_ms()
    alarm(session, "batch_stuck", batch=batch.number, state=batch.state.value, reason=reason)


def alarm(session: Session, name: str, **values: Any) -> None:  # noqa: ANN401 - what JSON carries
    """Tells the operator something that it must look at. No content of orders belongs here."""
    events.append(session, "alerts", {"alert": name, **values})


def progressed(session: Session, batch: Batch, done: int, total: int) -> None:
    """Notes how far proving is."""
    if (batch.proofs_done, batch.proofs_total) == (done, total):
        return
    batch.proofs_done, batch.proofs_total, batch.updated_at = done, total, now_ms()
    payload = {"batch": batch.number, "state": batch.state.value, "proofs_done": done, "proofs_total": total}
    events.append(session, "batches", payload)


# ---- orders of a batch


def orders_of(session: Session, number: int, states: Iterable[OrderState]) -> list[Order]:
    """Orders with a place in a batch, by sequence number."""
    query = select(Order).where(Order.batch == number, Order.state.in_(list(states)))
    return list(session.scalars(query.order_by(Order.sequence)))


def order_counts(session: Session, number: int) -> dict[int, int]:
    """Orders by account that have a place in a batch."""
    query = select(Order.account, func.count()).where(Order.batch == number).group_by(Order.account)
    return {row[0]: row[1] for row in session.execute(query)}


def result_place(order: str) -> str:
    """Where what became of an order is sealed for."""
    return f"orders.result:{order}"


def lost_with_orders(session: Session, states: Iterable[BatchState], orders: Iterable[OrderState]) -> list[Batch]:
    """Batches in some states that still have orders in some others."""
    placed = select(Order.batch).where(Order.state.in_(list(orders)), Order.batch.is_not(None)).distinct()
    query = select(Batch).where(Batch.state.in_(list(states)), Batch.number.in_(placed))
    return list(session.scalars(query.order_by(Batch.number)))


def waiting_orders(session: Session) -> int:
    """Orders that have no place in a batch yet."""
    return session.scalar(select(func.count()).select_from(Order).where(Order.state == OrderState.WAITING)) or 0


# ---- holders


def holders(session: Session, owners: Iterable[int]) -> dict[int, HolderRow]:
    """The registered of some owner words; there may be as many as strangers like."""
    words = [owner.to_bytes(32, "big") for owner in owners]
    found: dict[int, HolderRow] = {}
    for at in range(0, len(words), CHUNK):
        query = select(HolderRow).where(HolderRow.owner.in_(words[at : at + CHUNK]))
        found |= {int.from_bytes(each.owner, "big"): each for each in session.scalars(query)}
    return found


def open_holder(sealer: Sealer, row: HolderRow) -> HolderKeys:
    """The keys that an owner registered."""
    return HolderKeys.from_wire(json.loads(sealer.open(holder_place(row.owner), row.holder_sealed)))


# ---- sealed batches and states


def keep_batch(sealer: Sealer, batch: Batch, sealed: SealedBatch) -> None:
    """Stores the sealed batch with its row."""
    batch.batch_sealed = sealer.seal(_batch_place(batch.number), sealed.to_json().encode())


def open_batch(sealer: Sealer, batch: Batch) -> SealedBatch | None:
    """The sealed batch; None where it is not there yet, or deleted."""
    if batch.batch_sealed is None:
        return None
    return SealedBatch.from_json(sealer.open(_batch_place(batch.number), batch.batch_sealed).decode())


def keep_state(session: Session, sealer: Sealer, number: int, state: State) -> None:
    """Stores the accounts after a batch."""
    sealed = sealer.seal(_state_place(number), state.to_bytes())
    session.merge(Snapshot(batch=number, root=state.root.to_bytes(32, "big"), state_sealed=sealed))


def open_state(session: Session, sealer: Sealer, number: int, params: str, root: int) -> State | None:
    """The accounts after a batch, if a snapshot with this root is there."""
    row = session.get(Snapshot, number)
    if row is None or row.root != root.to_bytes(32, "big"):
        return None
    return State.from_bytes(params, sealer.open(_state_place(number), row.state_sealed))


def cleared_of(session: Session, number: int) -> str | None:
    """What the stored clearing of a batch was made of (:func:`mark_cleared`)."""
    row = session.get(Setting, f"{CLEARED}{number}")
    return None if row is None else row.value


def mark_cleared(session: Session, number: int, mark: str) -> None:
    """Notes what the stored clearing was made of."""
    session.merge(Setting(name=f"{CLEARED}{number}", value=mark))


def forget_clearing(session: Session, batch: Batch) -> None:
    """Has a batch cleared anew."""
    row = session.get(Setting, f"{CLEARED}{batch.number}")
    if row is not None:
        session.delete(row)
    batch.end_root = batch.settlement = batch.r1 = None


def failed_times(session: Session, number: int) -> int:
    """How often the work on a batch has failed."""
    query = select(func.count()).select_from(BatchStep)
    return session.scalar(query.where(BatchStep.batch == number, BatchStep.state == BatchState.FAILED)) or 0


def _batch_place(number: int) -> str:
    return f"batches.batch:{number}"


def _state_place(number: int) -> str:
    return f"snapshots.state:{number}"
