"""What becomes of the orders of a batch that will never be settled, and of a batch whose work failed and may succeed another time.

Orders of a void or expired batch were executed nowhere and their nonces are unused. Those that may still be executed in a later batch
wait again, in their old order; the others have lapsed. Their receipts end with the batch (docs/protocol.md section 14), and so nothing is
released before the block that ended it is final: a batch whose void is taken back holds its orders as before.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from prover.orders import Order
from relayer import points
from relayer.pipeline import sending
from relayer.pipeline.desk import Desk, Turn
from relayer.store import batches, chain, events
from relayer.store.clock import now_ms
from relayer.store.models import Batch, BatchState, OrderState
from relayer.store.orders import content
from relayer.store.steps import move

LOST: Final = (BatchState.VOID, BatchState.EXPIRED)
PLACED: Final = (OrderState.RECEIPTED, OrderState.SEALED)
PAUSE_MS: Final = sending.PAUSE_MS
"""Before failed work is tried again, for the first time; doubled each time."""
LONGEST_PAUSE_MS: Final = sending.PATIENCE_MS


def release_orders(desk: Desk, turn: Turn) -> bool:
    """Sends the orders of lost batches back to wait, or lets them lapse; whether there were any."""
    with desk.database.read() as session:
        ended = batches.lost_with_orders(session, LOST, PLACED)
        lost = [batch.number for batch in ended if _for_good(desk, session, batch)] if ended else []
    for number in lost:
        with desk.database.write() as session:
            turn.check(session)
            batch = batches.require(session, number)
            if batch.state in LOST and _for_good(desk, session, batch):
                _release(desk, session, batch)
                points.reached("release.before-commit")
        points.reached("release.after-commit")
    return bool(lost)


def _for_good(desk: Desk, session: Session, batch: Batch) -> bool:
    """Whether the block that says that a batch is void, or ran out, is final."""
    history = desk.history()
    said = history.voided if batch.state is BatchState.VOID else history.expired
    record = said.get(batch.number)
    return record is not None and chain.deep(session, record.at.block, None)


def _release(desk: Desk, session: Session, batch: Batch) -> None:
    newest = batches.last(session)
    following = batch.number + 1 if newest is None else max(batch.number, _last_fixed(session)) + 1
    rows = batches.orders_of(session, batch.number, PLACED)
    if batch.state is BatchState.EXPIRED:
        batches.alarm(session, "receipts_not_kept", batch=batch.number, receipts=len(rows))
    for row in rows:
        void = batch.state is BatchState.VOID
        order = None if row.content_sealed is None else content(desk.sealer, row.id, row.content_sealed)[0]
        alive = order is not None and may_go_on(order, following, void=void, batch=batch.number)
        row.state = OrderState.WAITING if alive else OrderState.LAPSED
        row.batch = row.sequence = row.previous = row.receipt_signature = row.result_sealed = None
        row.updated_at = now_ms()
        payload = {"id": row.id, "state": row.state.value, "batch": batch.number, "reason": batch.state.value}
        events.append(session, "orders", payload, row.owner, desk.sealer)


def _last_fixed(session: Session) -> int:
    """The newest batch that takes no orders any more."""
    closed = [batch.number for batch in batches.unfinished(session) if batch.state not in batches.TAKING]
    return max(closed, default=0)


def may_go_on(order: Order, following: int, *, void: bool, batch: int) -> bool:
    """Whether an order can be executed in a batch from ``following`` on, after one that is lost (docs/protocol.md section 4, test 2)."""
    if order.last_batch < following:
        return False
    return order.survives_void or not void or order.first_batch > batch


def retry(desk: Desk, turn: Turn) -> bool:
    """Takes failed batches up again, from their seal on, after a pause that grows with every failure; whether there was one.

    Until they are given up: what failed for hours (a key that was gone, a limit set too low) may be mended in the last of them, and a batch
    that is not settled costs its bond.
    """
    with desk.database.read() as session:
        due = [batch.number for batch in batches.in_states(session, [BatchState.FAILED]) if _due(desk, session, batch)]
    for number in due:
        with desk.database.write() as session:
            turn.check(session)
            batch = batches.require(session, number)
            if batch.state is BatchState.FAILED:
                batches.forget_clearing(session, batch)
                move(session, batch, BatchState.SEALED)
                points.reached("retry.before-commit")
    return bool(due)


def _due(desk: Desk, session: Session, batch: Batch) -> bool:
    if batch.sealed_time is None:
        return False  # given up before it was sealed: there is nothing to clear
    failed = max(1, batches.failed_times(session, batch.number))
    if now_ms() - batch.updated_at < min(PAUSE_MS << (failed - 1), LONGEST_PAUSE_MS):
        return False
    settle, given_up = desk.vault.delays.settleTime, desk.policy.void_failed_after
    return bool(desk.now - batch.sealed_time <= (settle if given_up is None else min(settle, given_up)))
