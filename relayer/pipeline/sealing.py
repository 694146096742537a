"""From an open batch to its seal: the orders it holds, the deposits and exit requests that go in, the touches, the two hashes.

Closing is one write: from then on no order joins, and those that have a receipt are exactly those that are sealed. The seal goes on chain
before anything is cleared, and what it commits to is computed by the code that answers challenges (:class:`relayer.receipts.Evidence`),
so an order with a receipt can always be shown. Every draft that was put on its way is kept: the chain may take an earlier one.

An order is sealed under its own owner's keys. Where a reorganisation has given the index of that owner's account to somebody else, the
account is not opened in this batch, so nobody's signature is asked for, and the order ends for want of an account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from sqlalchemy.orm import Session

from prover.batch import Context, SealedBatch
from prover.eddsa import unpack_signature
from prover.orders import Holder, SealedOrder, Touch
from relayer import points
from relayer.errors import SealingError
from relayer.history import History
from relayer.pipeline import aftermath
from relayer.pipeline.batching import FUND, Choice, Opened, Queues, Selection, close_reason, held_settled, select
from relayer.pipeline.covering import lacking
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.opening import run_out
from relayer.pipeline.sending import ensure, failure, failures
from relayer.pipeline.states import current_state
from relayer.receipts import Evidence
from relayer.store import batches, drafts, policies, transactions
from relayer.store.clock import now_ms
from relayer.store.models import Batch, BatchState, OrderState, TransactionState
from relayer.store.models import Order as OrderRow
from relayer.store.orders import content, misplaced
from relayer.store.steps import move

SEALED_STATES: Final = (
    BatchState.CLOSING,
    BatchState.SEALED,
    BatchState.PROVING,
    BatchState.PROVED,
    BatchState.SUBMITTED,
    BatchState.REORGED,
    BatchState.FAILED,
)
"""While a batch is in one of these, the next cannot be sealed."""
PLACED: Final = (OrderState.RECEIPTED, OrderState.SEALED)
LONGEST_PAUSE_MS: Final = 600_000
"""Between two attempts at a seal, at most."""
NOT_YET: Final = 0
"""Time and last void batch of a batch that is not sealed: the seal on chain says them."""


def close(desk: Desk, turn: Turn) -> bool:
    """Closes the open batch if it is due and the one before is settled; whether it did."""
    with desk.database.read() as session:
        batch = _closable(session)
        reason = None if batch is None else _why(desk, session, batch)
    if batch is None or reason is None:
        return False
    with desk.database.write() as session:
        turn.check(session)
        batch = _closable(session)
        if batch is None:
            return False
        points.reached("close.before-commit")
        move(session, batch, BatchState.CLOSING, f"closed by {reason}")
    points.reached("close.after-commit")
    return True


def seal(desk: Desk, turn: Turn) -> bool:
    """Puts a closed batch together and queues its seal; again, with the queues as they are now, if the vault refused the last one.

    A seal that is not made costs the batch's base, and its receipts are broken, so it is given up only when the opening runs out: one that
    the free bond does not cover is queued once it does, one that was refused as often as the policy has attempts after ever longer pauses.
    """
    with desk.database.read() as session:
        batch = next(iter(batches.in_states(session, [BatchState.CLOSING])), None)
        if batch is None or not _to_be_sealed(session, batch) or run_out(desk, batch):
            return False
        if not _may_be_queued(desk, turn, session, batch):
            return False
        history = desk.history()
        try:
            drawn, selection = put_together(desk, session, history, batch)
            evidence = Evidence(drawn)
            orders = sum(len(touch.orders) for touch in drawn.touches)
            if orders and batch.receipts_hash not in (None, evidence.receipts_hash):
                raise SealingError("its orders do not chain to its last receipt", {"batch": batch.number})
        except SealingError as error:
            _say(desk, turn, batch, f"it cannot be sealed: {error}")
            return False
    ends = selection.deposit_end, selection.exit_end
    request = (evidence.seal_root, evidence.receipts_hash, len(drawn.touches), orders, *ends)
    with desk.database.write() as session:
        turn.check(session)
        batch = batches.require(session, batch.number)
        if not _to_be_sealed(session, batch):
            return False
        batch.touches, batch.orders = len(drawn.touches), orders
        batch.seal_root, batch.receipts_hash = evidence.seal_root, evidence.receipts_hash
        batch.deposit_end, batch.exit_end = ends
        batches.keep_batch(desk.sealer, batch, drawn)
        drafts.keep(session, batch)
        purpose = _purpose(batch)
        attempts = failures(session, purpose) + 1
        ensure(session, desk, purpose, desk.call("seal", request), batch=batch.number, attempts=attempts)
        points.reached("seal.before-queue")
    points.reached("seal.after-queue")
    return True


def _purpose(batch: Batch) -> str:
    return f"seal:{batch.number}"


def _may_be_queued(desk: Desk, turn: Turn, session: Session, batch: Batch) -> bool:
    """Whether a seal is worth queueing now; the operator is told what it waits for."""
    orders = sum(batches.order_counts(session, batch.number).values())
    missing = lacking(desk, batch.number, orders)
    if missing:
        what = f"the free bond lacks {missing} wei for the seal of its {orders} orders: fund the bonds before its opening runs out"
        _say(desk, turn, batch, what)
        return False
    known, refused = transactions.find(session, _purpose(batch)), failures(session, _purpose(batch))
    beyond = refused - desk.policy.attempts
    if known is None or beyond < 0:
        return True
    why = failure(session, _purpose(batch))
    what = f"the vault refused its seal {refused} times, and is asked again until its opening runs out: {why}"
    _say(desk, turn, batch, what)
    pause = min(aftermath.PAUSE_MS << beyond, LONGEST_PAUSE_MS)
    return now_ms() - known.updated_at >= pause


def _say(desk: Desk, turn: Turn, batch: Batch, what: str) -> None:
    """Tells the operator once why a batch does not get on."""
    if batch.reason == what:
        return
    with desk.database.write() as session:
        turn.check(session)
        batches.alarm_once(session, batches.require(session, batch.number), what)


def _to_be_sealed(session: Session, batch: Batch) -> bool:
    if batch.state is not BatchState.CLOSING or not batch.receipts_known:
        return False
    known = transactions.find(session, _purpose(batch))
    return known is None or known.state is TransactionState.FAILED


def _closable(session: Session) -> Batch | None:
    """The open batch, if the vault can take its seal."""
    if batches.in_states(session, SEALED_STATES):
        return None
    return next(iter(batches.in_states(session, [BatchState.OPEN])), None)


def _why(desk: Desk, session: Session, batch: Batch) -> str | None:
    queues, counts = Queues.of(desk.history()), batches.order_counts(session, batch.number)
    if batch.opened_time is None:
        return None
    policy = desk.policy.with_changes(policies.read(session))
    selection = _selection(desk, session, desk.history(), batch)
    facts = Opened(
        now=desk.now,
        opened=batch.opened_time,
        open_time=desk.vault.delays.openTime,
        orders=sum(counts.values()),
        touches=len({FUND, *counts}),
        requested=batch.close_requested,
        queued=bool(selection.accounts),
        next_deadline=min((each.deadline for each in queues.exits), default=None),
        expecting=_expecting(desk, session, queues, frozenset(counts)),
    )
    return close_reason(facts, policy, desk.room)


def _expecting(desk: Desk, session: Session, queues: Queues, ordering: frozenset[int]) -> bool:
    """Whether an account with orders in the batch is opened by nothing but a deposit in a block that is not deep enough yet."""
    awaited = unopened(queues, desk.vault.chain.head().number - desk.confirmations) & ordering
    if not awaited:
        return False
    state = current_state(desk, session, desk.history())
    return any(state.leaf(account) is None for account in awaited)


def unopened(queues: Queues, last_block: int) -> frozenset[int]:
    """Accounts with deposits in the queue of which none lies at or below a block. One that does opens its account without those that come
    later: whoever goes on depositing keeps no batch open.
    """
    waiting = [each for each in queues.deposits if not each.returned]
    deep = {each.account for each in waiting if each.came[0] <= last_block}
    return frozenset(each.account for each in waiting) - deep


# ---- what goes in


def put_together(desk: Desk, session: Session, history: History, batch: Batch) -> tuple[SealedBatch, Selection]:
    """The batch as it is sealed, but for its time, and which queue entries are in it."""
    selection = _selection(desk, session, history, batch)
    rows = batches.orders_of(session, batch.number, PLACED)
    accounts = {FUND, *(row.account for row in rows), *selection.accounts}
    ordering = {row.account: int.from_bytes(row.owner, "big") for row in rows}
    _refuse_orders_of_others(desk, session, history, rows)
    holders = holders_of(desk, session, history, accounts, leaving=selection.exits.keys(), ordering=ordering)
    orders = sealed_orders(desk, rows)
    touches = tuple(
        Touch(
            index,
            holders[index],
            selection.deposits.get(index, 0),
            selection.exits.get(index),
            tuple(orders.get(index, ())),
        )
        for index in sorted(accounts)
    )
    return SealedBatch(desk.vault.params, draft_context(desk, batch), (), touches), selection


def _selection(desk: Desk, session: Session, history: History, batch: Batch) -> Selection:
    queues, state = Queues.of(history), current_state(desk, session, history)
    values = {number: value for number, (value, since) in history.values.items() if since <= batch.epoch}
    known = batches.holders(session, {each.owner for each in queues.deposits})
    head = desk.vault.chain.head()
    choice = Choice(
        ordering=frozenset(batches.order_counts(session, batch.number)),
        room=desk.room,
        registered=lambda owner: owner in known or owner == desk.fund.owner,
        settled=lambda account: held_settled(state, account, values),
        last_block=head.number - desk.confirmations,
        urgent=head.time + desk.policy.exit_margin,
        misplaced=misplaced(session, history.owners),
    )
    return select(queues, choice)


def holders_of(
    desk: Desk,
    session: Session,
    history: History,
    accounts: Iterable[int],
    *,
    leaving: Collection[int] = (),
    ordering: Mapping[int, int] | None = None,
) -> dict[int, Holder]:
    """The keys of accounts by index; :class:`SealingError` names one whose owner has not registered.

    The vault takes an exit request of any account that it assigned, also where no batch ever took its deposit and its owner is not known
    here. Such a one has no leaf, and the batch says of it that there is nothing to pay; whose keys its touch names is looked at only where
    there is a leaf, so it names the fund's. ``leaving``: accounts with an exit request in the batch. ``ordering``: the owner words of
    orders in the batch, by account; they count before what the chain says of the index.
    """
    signed = ordering or {}
    owners = {
        index: signed[index] if index in signed else history.owner_of(index) for index in accounts if index != FUND
    }
    known = batches.holders(session, owners.values())
    unknown = [index for index, owner in owners.items() if owner not in known]
    state = current_state(desk, session, history) if unknown else None
    for index in unknown:
        if index not in leaving or state is None or state.leaf(index) is not None:
            raise SealingError(f"the owner of account {index} has not registered its keys", {"account": index})
    found = {
        index: batches.open_holder(desk.sealer, known[owner]) if owner in known else desk.fund
        for index, owner in owners.items()
    }
    return {FUND: desk.fund} | found


def _refuse_orders_of_others(desk: Desk, session: Session, history: History, rows: Iterable[OrderRow]) -> None:
    """An existing account's orders must be signed by its owner, or no batch that holds them can be proven (:class:`SealingError`)."""
    moved = {row.account for row in rows if history.owners.get(row.account) != int.from_bytes(row.owner, "big")}
    state = current_state(desk, session, history) if moved else None
    for account in sorted(moved):
        if state is None or state.leaf(account) is not None:
            what = f"a reorganisation gave account {account} to another owner than that of orders in it, and a batch opened it since"
            raise SealingError(what, {"account": account})


def sealed_orders(desk: Desk, rows: Iterable[OrderRow]) -> Mapping[int, list[SealedOrder]]:
    """Stored orders as they are sealed, by account, in increasing sequence number."""
    found: dict[int, list[SealedOrder]] = {}
    for row in rows:
        if row.content_sealed is None or row.sequence is None:
            raise SealingError(f"order {row.id} has a place in a batch and no content", {"order": row.id})
        order, packed = content(desk.sealer, row.id, row.content_sealed)
        signature = unpack_signature(bytes.fromhex(packed.removeprefix("0x")))
        found.setdefault(row.account, []).append(SealedOrder(order, signature, row.sequence))
    return found


def draft_context(desk: Desk, batch: Batch) -> Context:
    """What is known of a batch's context before the chain has its seal."""
    terms = desk.vault.terms
    return Context(
        domain=desk.vault.domain,
        batch=batch.number,
        last_void=NOT_YET,
        time=NOT_YET,
        fee_rate=terms.feeRate,
        num=terms.num,
        den=terms.den,
    )
