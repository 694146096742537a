"""What the chain says of batches, orders and accounts, brought into their rows: the only writer of that.

Where a batch is follows from the records that stand, whatever was thought before, so the same function serves what is new and what a
reorganisation took back:

- no opening: ``OPENING``; an opening: ``OPEN``, or ``CLOSING`` once its orders are fixed; one that ran out: ``EXPIRED``;
- a seal: ``SEALED``, or ``PROVED`` where the settlement of this very seal is stored already; the operator's own states after it stay. A
  seal with another time, ends or root than before makes stored proofs void; one that was drawn before the last is known by its draft.
  One of other orders than those stored here is ``FAILED``: somebody else has the operator's key, or this database is older than the
  chain;
- a batch whose receipts may not all be known here is ``FAILED`` before it has a seal, also after one was taken back;
- a void: ``VOID``; a settlement, whoever sent it: ``MINED``, and ``FINAL`` once its block is; one that was taken back: ``REORGED``.

Orders follow their batch between ``RECEIPTED``, ``SEALED``, ``SETTLED`` and ``FINAL``; those of a batch that is void or expired are left
to the pipeline, which knows what may be tried again, as ``SEALED`` if a settlement of it was taken back. What an order came to is told to
its owner with ``SETTLED``, not before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from relayer.history import History
from relayer.records import BatchOpened, BatchSealed, BatchSettled
from relayer.store import drafts, events
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.models import Attempt, Batch, BatchState, Holder, Order, OrderState
from relayer.store.orders import CHUNK
from relayer.store.steps import move

OVER: Final = (BatchState.FINAL, BatchState.VOID, BatchState.EXPIRED)
BEFORE_SEAL: Final = (BatchState.OPENING, BatchState.OPEN, BatchState.CLOSING, BatchState.VOID, BatchState.EXPIRED)
SETTLED: Final = (BatchState.MINED, BatchState.FINAL)
LEFT_TO_PIPELINE: Final = (BatchState.VOID, BatchState.EXPIRED)
PROMISED: Final = (OrderState.RECEIPTED, OrderState.SEALED, OrderState.SETTLED, OrderState.FINAL)
ENDED: Final = (OrderState.SETTLED, OrderState.FINAL)
ELSEWHERE: Final = "another database opened it: receipts given there are not known here"
WORD: Final = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """What settling a batch cost, in gas and in wei."""

    gas: int
    wei: int


@dataclass(frozen=True, slots=True)
class Said:
    """What the chain says of one batch; ``opened_time`` is that of the opening's block."""

    opened: BatchOpened | None
    opened_time: int | None
    sealed: BatchSealed | None
    settled: BatchSettled | None
    voided: bool
    expired: bool
    final: bool

    @classmethod
    def of(cls, history: History, batch: int, times: Mapping[int, int], final_block: int) -> Said:
        """From the records that stand; ``times`` by block where they are known."""
        opened = history.openings.get(batch)
        settled = next((each for each in reversed(history.settlements) if each.batch == batch), None)
        return cls(
            opened,
            None if opened is None else times.get(opened.at.block),
            history.seals.get(batch),
            settled,
            batch in history.voided,
            batch in history.expired,
            settled is not None and settled.at.block <= final_block,
        )


def unfinished(session: Session) -> list[int]:
    """Batches whose state the chain can still change without a reorganisation."""
    return list(session.scalars(select(Batch.number).where(Batch.state.not_in(OVER))))


def follow_batch(session: Session, number: int, said: Said, cost: Cost | None, sealer: Sealer) -> None:
    """Brings a batch, and the orders in it, to where the chain says that they are."""
    batch = session.get(Batch, number)
    if batch is None:
        if said.opened is None:
            return
        batch = _unknown(session, number, said.opened)
    elif said.opened is not None and batch.state is BatchState.OPENING and not _opened_here(session, said.opened):
        batch.receipts_known = False
    if said.opened is not None:
        batch.epoch, batch.opened_time = said.opened.epoch, said.opened_time or batch.opened_time
    else:
        batch.opened_time = None  # never mined, or taken back: it may have to be opened again
    state, reason = _state(session, batch, said)
    if said.settled is not None:
        batch.end_root, batch.r1 = _word(said.settled.root_after), said.settled.r1
    if cost is not None:
        batch.gas_used, batch.cost_wei = cost.gas, str(cost.wei)
    if batch.state in SETTLED and state not in SETTLED:
        if batch.state == BatchState.FINAL:
            events.append(session, "alerts", {"alert": "final_batch_taken_back", "batch": number})
        move(session, batch, BatchState.REORGED, "its settlement was taken back by a reorganisation")
    if state != batch.state:
        move(session, batch, state, reason)
    _follow_orders(session, batch, sealer)


def _unknown(session: Session, number: int, opened: BatchOpened) -> Batch:
    """The row of a batch that this database did not open: one that was lost did, or the one that this was restored from. Places in it
    may be promised in receipts that are not known here, and a second receipt for one of them would cost the bonds, so it takes no orders.
    """
    now = now_ms()
    batch = Batch(number=number, state=BatchState.FAILED, epoch=opened.epoch, created_at=now, updated_at=now)
    batch.receipts_known, batch.reason = False, ELSEWHERE
    session.add(batch)
    session.flush()
    return batch


def _opened_here(session: Session, opened: BatchOpened) -> bool:
    """Whether an opening is by a transaction of this database: else another one of this vault is in use, or was."""
    digest = opened.at.transaction
    return bool(session.scalar(select(exists().where(Attempt.hash == digest))))


def _state(session: Session, batch: Batch, said: Said) -> tuple[BatchState, str | None]:
    """Where the chain says that a batch is, and why if that wants a word; takes its seal into the row."""
    fits = said.sealed is None or _fits(session, batch, said.sealed)
    same = said.sealed is None or _take_seal(batch, said.sealed)
    reason = None if fits else "it was sealed with other orders than are stored here"
    if said.settled is not None:
        return (BatchState.FINAL if said.final else BatchState.MINED), reason
    if said.voided:
        return BatchState.VOID, batch.reason
    if said.sealed is not None:
        return (_after_seal(batch, same), None) if fits else (BatchState.FAILED, reason)
    if said.expired:
        return BatchState.EXPIRED, "it was not sealed in time"
    if not batch.receipts_known:
        batch.seal_root = batch.receipts_hash = batch.sealed_time = (
            None  # another's: should it come again, it counts as new
        )
        return BatchState.FAILED, batch.reason if batch.state == BatchState.FAILED else ELSEWHERE
    if batch.state == BatchState.FAILED:
        return batch.state, batch.reason  # given up by the operator: the vault ends its opening
    if batch.seal_root is not None or batch.state is BatchState.CLOSING:
        return BatchState.CLOSING, None
    return (BatchState.OPENING if said.opened is None else BatchState.OPEN), None


def _fits(session: Session, batch: Batch, sealed: BatchSealed) -> bool:
    """Whether a seal is of what is stored here: the last that was drawn, or an earlier one, which the batch then goes on with."""
    before, now = (batch.seal_root, batch.receipts_hash), (sealed.seal.root, sealed.receipts_hash)
    return before in ((None, None), now) or drafts.take_up(session, batch, *now)


def _after_seal(batch: Batch, same: bool) -> BatchState:
    """How far a sealed batch is that is not settled."""
    if not same or batch.state in BEFORE_SEAL:
        return BatchState.SEALED if batch.settlement is None else BatchState.PROVED
    return BatchState.REORGED if batch.state in SETTLED else batch.state


def _take_seal(batch: Batch, sealed: BatchSealed) -> bool:
    """Writes the seal into the row; whether it is the one that was there already. What was proven for another is void."""
    seal = sealed.seal
    before = batch.sealed_time, batch.last_void, batch.deposit_end, batch.exit_end, batch.start_root
    after = seal.time, seal.last_void, seal.deposit_end, seal.exit_end, _word(sealed.root)
    batch.seal_root, batch.receipts_hash, batch.epoch = seal.root, sealed.receipts_hash, seal.epoch
    batch.touches, batch.orders = seal.touches, seal.orders
    batch.sealed_time, batch.last_void, batch.deposit_end, batch.exit_end, batch.start_root = after
    if before == after:
        return True
    batch.settlement = batch.r1 = batch.end_root = batch.segments = batch.proofs_total = None
    batch.proofs_done = 0
    return False


# ---- orders


def _follow_orders(session: Session, batch: Batch, sealer: Sealer) -> None:
    """Orders with a place in the batch come to where it is. Of one that is void or expired they are settled no more, if they were."""
    lost = batch.state in LEFT_TO_PIPELINE
    wanted = OrderState.SEALED if lost else _order_state(batch.state)
    others = [state for state in (ENDED if lost else PROMISED) if state != wanted]
    query = select(Order).where(Order.batch == batch.number, Order.sequence.is_not(None), Order.state.in_(others))
    orders, now = session.scalars(query.order_by(Order.sequence)).all(), now_ms()
    for order in orders:
        order.state, order.updated_at = wanted, now
    events.append_owned(session, "orders", [(order.owner, _told(order, sealer)) for order in orders], sealer)


def _order_state(state: BatchState) -> OrderState:
    if state == BatchState.FINAL:
        return OrderState.FINAL
    if state == BatchState.MINED:
        return OrderState.SETTLED
    return OrderState.RECEIPTED if state in BEFORE_SEAL else OrderState.SEALED


def _told(order: Order, sealer: Sealer) -> dict[str, object]:
    """What an owner is told of an order."""
    told: dict[str, object] = {
        "id": order.id,
        "state": order.state.value,
        "batch": order.batch,
        "sequence": order.sequence,
    }
    if order.state in (OrderState.SETTLED, OrderState.FINAL) and order.result_sealed is not None:
        told["result"] = json.loads(sealer.open(f"orders.result:{order.id}", order.result_sealed))
    return told


# ---- accounts


def unassigned(session: Session, history: History) -> list[int]:
    """Words of registered owners that have an account and are not known to. Anybody may register, without one: to be read before a write,
    not within it.
    """
    words = session.scalars(select(Holder.owner).where(Holder.account.is_(None)))
    return [owner for word in words if (owner := int.from_bytes(word, "big")) in history.accounts]


def assign_accounts(session: Session, history: History, owners: Iterable[int], withdrawn: Iterable[int]) -> None:
    """Of ``owners``, those that are registered get the account that the chain assigned them; ``withdrawn`` are owner words whose assignment
    was taken back: they are kept as if they had registered now.
    """
    for owner in withdrawn:
        row = session.get(Holder, _word(owner))
        if row is not None:
            row.account, row.created_at = None, now_ms()
    session.flush()
    words = [_word(owner) for owner in owners if owner in history.accounts]
    for at in range(0, len(words), CHUNK):
        chosen = select(Holder.owner).where(Holder.owner.in_(words[at : at + CHUNK]), Holder.account.is_(None))
        for word in session.scalars(chosen).all():
            account = history.accounts[int.from_bytes(word, "big")]
            session.execute(update(Holder).where(Holder.owner == word).values(account=account))


def _word(number: int) -> bytes:
    return number.to_bytes(WORD, "big")
