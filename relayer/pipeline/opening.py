"""A vault with no opening gets one: the next number, under the risk table in force.

The next batch is opened while the last is proven; it is sealed when that one is settled. So none is opened behind a batch that has failed,
or will not be settled for long (:mod:`relayer.store.unsettled`): it would give receipts and run out. An opening that ran out stays in the
vault until the next one, which marks it expired.
"""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.orm import Session

from relayer import points
from relayer.history import History
from relayer.pipeline.batching import Vacant, anything_waits, not_opened_because
from relayer.pipeline.covering import of_opening
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.sending import PATIENCE_MS, ensure, failures, rested
from relayer.store import batches, chain, policies, transactions
from relayer.store.clock import now_ms
from relayer.store.models import Batch, BatchState, Setting, TransactionState
from relayer.store.unsettled import HELD, Unsettled


def open_next(desk: Desk, turn: Turn) -> bool:
    """Queues the opening of the next batch if one is due; whether anything was done."""
    with desk.database.read() as session:
        if not chain.is_fresh(session, now_ms() / 1000, desk.policy.fresh):
            return (
                False  # a batch of this number may be open, with receipts that are not known here: a restored database
            )
        if not _due(desk, session) or _held(desk, session):
            return False
        if not_opened_because(_vacant(desk, session), desk.policy) is not None:
            return False
        number = _number(desk.history(), batches.last(session))
        covered = of_opening(desk, session, number)
    with desk.database.write() as session:
        turn.check(session)
        if not _due(desk, session):
            return False
        history = desk.history()
        batch = batches.last(session)
        if _number(history, batch) != number:
            return False
        if batch is None or batch.number < number:
            batch = batches.add(session, number, max(history.epochs))
        batch.covered = covered
        purpose = f"open:{batch.number}"
        ensure(session, desk, purpose, desk.call("open"), batch=batch.number, attempts=failures(session, purpose) + 1)
        points.reached("open.before-queue")
    points.reached("open.after-queue")
    return True


def tell_held(desk: Desk, turn: Turn) -> bool:
    """Tells the operator, once, that nothing is promised behind a batch that has failed or is late; whether there was something to tell."""
    with desk.database.read() as session:
        before, told = Unsettled.of(session), session.get(Setting, HELD)
        said = None if told is None else told.value
    why = None if before is None else _held_because(desk, before)
    now = None if before is None or why is None else f"{before.batch} {why}"
    if said == now:
        return False
    with desk.database.write() as session:
        turn.check(session)
        session.execute(delete(Setting).where(Setting.name == HELD))
        if before is not None and now is not None:
            session.add(Setting(name=HELD, value=now))
            reason = f"{why}: nothing is promised behind it until it is settled or void"
            batches.alarm(session, "openings_held", batch=before.batch, reason=reason)
    return True


def _held_because(desk: Desk, before: Unsettled) -> str | None:
    if before.failed:
        return "it has failed"
    late = before.late(desk.now, desk.vault.delays.openTime)
    return "it is late" if late else None


def _held(desk: Desk, session: Session) -> bool:
    """Whether no batch is opened now because of the one that is sealed."""
    before = Unsettled.of(session)
    return before is not None and not before.opens_behind(desk.now, desk.vault.delays.openTime)


def _next(history: History) -> int:
    return max(history.openings, default=0) + 1


def _number(history: History, last: Batch | None) -> int:
    """The batch to be opened: the last one stored, if the vault has not opened it yet."""
    return _next(history) if last is None else max(last.number, _next(history))


def _due(desk: Desk, session: Session) -> bool:
    """Whether the vault has no opening that a batch could still be sealed from, and none is on its way."""
    batch = batches.last(session)
    if batch is None:
        return True
    unsealed = batch.state in batches.TAKING or (batch.state is BatchState.FAILED and batch.sealed_time is None)
    if batch.number >= _next(desk.history()):
        return unsealed and batch.opened_time is None and _to_try_again(session, batch)  # else the records are behind
    return not unsealed or run_out(desk, batch)


def _to_try_again(session: Session, batch: Batch) -> bool:
    """Whether the transaction of an opening failed: due at once after the first time, since what was wrong may be no more, then after
    pauses that grow, since each may have cost gas. Due, too, if there never was one: then the opening was another database's, and was taken
    back. The vault has no other number to open next; the batch gives no receipts here, and runs out.
    """
    purpose = f"open:{batch.number}"
    known = transactions.find(session, purpose)
    if known is None:
        return True
    if known.state is not TransactionState.FAILED:
        return False
    failed = failures(session, purpose)
    return failed == 1 or rested(known, failed - 1, PATIENCE_MS)


def run_out(desk: Desk, batch: Batch) -> bool:
    """Whether a batch can no longer be sealed: its opening is older than the vault allows."""
    return batch.opened_time is not None and desk.now > batch.opened_time + desk.vault.delays.openTime


def _vacant(desk: Desk, session: Session) -> Vacant:
    history, vault = desk.history(), desk.vault
    epoch = history.epochs[max(history.epochs)] if history.epochs else None
    return Vacant(
        now=desk.now,
        frozen=history.frozen is not None,
        retirement=None if history.retiring is None else history.retiring.time,
        epoch_time=None if epoch is None else epoch.time,
        epoch_age=vault.delays.epochAge,
        open_time=vault.delays.openTime,
        settle_time=vault.delays.settleTime,
        free_bond=vault.bonds.call("free"),
        base_bond=vault.bond_terms.base,
        paused=policies.read(session).intake_paused,
        waiting=anything_waits(history) or batches.waiting_orders(session) > 0,
    )
