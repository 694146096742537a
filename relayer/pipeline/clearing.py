"""From a seal on chain to what it comes to: the context that the chain gave it, its table, the deposits that it locked, the outcome.

Nothing is cleared before the seal is on chain. A seal that comes back after a reorganisation with another time or other deposits is
cleared again, and what was proven of the earlier one is dropped. A seal that cannot be cleared never can be settled: the batch fails,
and :mod:`.duties` gives it up when nothing else is left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from prover.batch import Cleared, Context, SealedBatch, SettledRow, State, risk_root
from prover.errors import TacitError
from prover.orders import Touch
from relayer import points
from relayer.errors import SealingError
from relayer.history import History
from relayer.pipeline.batching import held_settled
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.failing import TRANSIENT, plainly
from relayer.pipeline.sealing import PLACED
from relayer.pipeline.states import current_state
from relayer.receipts import Evidence
from relayer.records import Seal
from relayer.store import batches
from relayer.store.models import Batch, BatchState, Order, OrderState
from relayer.store.steps import move

CLEARABLE: Final = (BatchState.SEALED, BatchState.PROVING, BatchState.PROVED, BatchState.SUBMITTED, BatchState.REORGED)
"""While the vault holds the seal of a batch in one of these."""


def clear(desk: Desk, turn: Turn) -> bool:
    """Clears the sealed batch if that has not been done for the seal that the chain has; whether it did."""
    with desk.database.read() as session:
        batch = next(iter(batches.in_states(session, CLEARABLE)), None)
        if batch is None:
            return False
        history = desk.history()
        record = history.seals.get(batch.number)
        if record is None or batch.number in history.voided or _settled(history, batch.number):
            return False
        if batch.end_root is not None and batches.cleared_of(session, batch.number) == _mark(history, batch.number):
            return False
        try:
            state = current_state(desk, session, history)
            cleared = state.clear(sealed_batch(desk, history, batch, state))
        except TRANSIENT:
            raise
        except TacitError as error:
            return _failed(desk, turn, batch.number, f"it cannot be cleared: {plainly(error)}")
        mark, number = _mark(history, batch.number), batch.number
    return _store(desk, turn, number, cleared, mark)


def sealed_batch(desk: Desk, history: History, batch: Batch, state: State) -> SealedBatch:
    """The batch that the chain has the seal of, with everything that values it."""
    seal = history.seal_of(batch.number).seal
    touches = _touches(desk, history, batch)
    epoch = history.epoch_of(batch.number)
    if risk_root(desk.vault.params, epoch.rows) != epoch.risk_root:
        raise SealingError(f"the rows of epoch {epoch.epoch} do not hash to its root", {"epoch": epoch.epoch})
    values = dict(history.settled_values(seal.epoch))
    rows = frozenset[int]().union(*(held_settled(state, touch.index, values) for touch in touches))
    settled = tuple(SettledRow(number, values[number]) for number in sorted(rows))
    return SealedBatch(desk.vault.params, sealed_context(desk, seal), epoch.rows, touches, settled)


def sealed_context(desk: Desk, seal: Seal) -> Context:
    """What the chain fixed with the seal, under the vault's terms."""
    terms = desk.vault.terms
    return Context(
        domain=desk.vault.domain,
        batch=seal.batch,
        last_void=seal.last_void,
        time=seal.time,
        fee_rate=terms.feeRate,
        num=terms.num,
        den=terms.den,
    )


def _touches(desk: Desk, history: History, batch: Batch) -> tuple[Touch, ...]:
    """The sealed touches with what is locked for them: a deposit that was returned before the seal is in no touch any more."""
    seal, drawn = history.seal_of(batch.number).seal, batches.open_batch(desk.sealer, batch)
    locked, requested = history.locked(batch.number), history.requested(batch.number)
    if drawn is None or Evidence(drawn).seal_root != seal.root:
        raise SealingError(
            f"batch {batch.number}: its orders do not lead to the seal on chain", {"batch": batch.number}
        )
    touches = drawn.touches
    indices = {touch.index for touch in touches}
    if not indices >= locked.keys() or {touch.index for touch in touches if touch.exit is not None} != requested.keys():
        what = f"batch {batch.number}: its seal locks deposits or exit requests of accounts that it does not touch"
        raise SealingError(what, {"batch": batch.number})
    others = [each.index for each in touches if each.index in locked and locked[each.index].owner != each.holder.owner]
    if others:
        what = f"its seal locks a deposit to account {others[0]} of another owner than it was drawn for: a reorganisation changed it"
        raise SealingError(f"batch {batch.number}: {what}", {"batch": batch.number, "account": others[0]})
    return tuple(
        replace(
            touch,
            deposit=locked[touch.index].amount if touch.index in locked else 0,
            exit=requested.get(touch.index),
        )
        for touch in touches
    )


def _mark(history: History, number: int) -> str:
    """What a clearing depends on beside what is stored: the seal as the chain has it, and the deposits that it locks."""
    seal = history.seal_of(number)
    locked = [[index, str(deposit.amount)] for index, deposit in sorted(history.locked(number).items())]
    return json.dumps(
        [seal.seal.time, seal.seal.last_void, seal.seal.epoch, hex(seal.root), seal.seal.root.hex(), locked]
    )


def _settled(history: History, number: int) -> bool:
    return any(each.batch == number for each in history.settlements)


def _store(desk: Desk, turn: Turn, number: int, cleared: Cleared, mark: str) -> bool:
    seal = cleared.batch.context
    with desk.database.write() as session:
        turn.check(session)
        batch = batches.require(session, number)
        if batch.state not in CLEARABLE:
            return False
        rows = {row.sequence: row for row in batches.orders_of(session, number, PLACED)}
        gone = sorted(
            each.sequence for touch in cleared.batch.touches for each in touch.orders if each.sequence not in rows
        )
        if gone:
            what = f"{len(gone)} of its orders have no place in it any more, the first of them number {gone[0]}"
            batches.fail(session, batch, f"it cannot be cleared: {what}")
            return True
        batches.keep_batch(desk.sealer, batch, cleared.batch)
        batches.mark_cleared(session, number, mark)
        batch.sealed_time, batch.last_void = seal.time, seal.last_void
        batch.start_root, batch.end_root = _word(cleared.start_root), _word(cleared.end_root)
        batch.segments, batch.settlement, batch.r1 = cleared.segments, None, None
        batch.proofs_done, batch.proofs_total = 0, cleared.segments + 1
        _results(desk, rows, cleared)
        if batch.state is not BatchState.SEALED:
            move(session, batch, BatchState.SEALED, "its seal is another than before")
        points.reached("clear.before-commit")
    points.reached("clear.after-commit")
    return True


def _results(desk: Desk, rows: Mapping[int | None, Order], cleared: Cleared) -> None:
    """What became of each order, by its place in the batch; told to its owner when the batch is settled.

    With the price only where its instrument traded: where nothing did, the price is the limit nearest to the mark, which is somebody's.
    """
    prices = {int(each["instrument"]): int(each["price"]) for each in cleared.auctions if each["volume"]}
    for touch, result in zip(cleared.batch.touches, cleared.touches, strict=True):
        for order, outcome in zip(touch.orders, result.orders, strict=False):
            row = rows[order.sequence]
            price = prices.get(order.order.instrument)
            said = {
                "fill": str(outcome.fill),
                "reason": int(outcome.reason),
                "price": None if price is None else str(price),
            }
            row.result_sealed = desk.sealer.seal(batches.result_place(row.id), json.dumps(said).encode())
            row.state = OrderState.SEALED


def _failed(desk: Desk, turn: Turn, number: int, reason: str) -> bool:
    with desk.database.write() as session:
        turn.check(session)
        batches.fail(session, batches.require(session, number), reason)
        points.reached("clear.before-failure")
    return True


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
