"""What the sender of transactions keeps: nonces, signed attempts, what became of them. Only :mod:`relayer.transactions` writes here,
under its lease; every change of state is told on the channel ``transactions`` in the same database transaction.

A nonce is given in the write that stores the signed attempt, so nothing is ever sent that is not stored, and no nonce is given twice.
A nonce's fate stays open until the block that used it is final; until then everything may be taken back.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from relayer.store.clock import now_ms
from relayer.store.models import Attempt, ChainTransaction, Nonce, TransactionState
from relayer.store.transactions import ID_BYTES, require, tell

FILL: Final = "fill"
"""Purpose of an empty transfer that fills a gap: ``fill:SENDER:NONCE``."""
PRIVATE: Final = "private"
PUBLIC: Final = "public"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed attempt. Fees in wei; ``block`` is the newest block when it was signed, ``sent_block`` when it was last sent, ``error`` what
    was said then by all that it was sent to.
    """

    hash: bytes
    raw: bytes = field(repr=False)
    most: int
    tip: int
    channel: str
    empty: bool
    nonce: int
    block: int
    sent_block: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A transaction as its sender sees it; ``attempts`` are those of its nonce, by rising fees, the last one in force."""

    id: str
    purpose: str
    sender: str
    to: str
    data: bytes = field(repr=False)
    value: int
    private: bool
    state: TransactionState
    nonce: int | None
    gas_limit: int | None
    block: int | None
    block_hash: bytes | None
    mined_hash: bytes | None
    withdrawn: str | None
    bump: bool
    attempts: tuple[Signed, ...]

    @property
    def mined(self) -> bool:
        """Whether its nonce is used up by a block, as far as is known."""
        return self.block is not None

    @property
    def last(self) -> Signed | None:
        """The attempt in force."""
        return self.attempts[-1] if self.attempts else None


@dataclass(frozen=True, slots=True)
class Mined:
    """An attempt in a block; ``error`` why it did nothing there. Costs in wei."""

    hash: bytes
    block: int
    block_hash: bytes
    gas_used: int
    cost: int
    error: str | None


# ---- reading


def waiting(session: Session) -> list[Outgoing]:
    """What waits for a nonce, in the order of the queue."""
    chosen = select(ChainTransaction).where(ChainTransaction.state == TransactionState.QUEUED)
    return [_outgoing(session, row) for row in session.scalars(chosen.order_by(ChainTransaction.position))]


def unsettled(session: Session) -> list[Outgoing]:
    """What has a nonce whose fate is open, by sender and nonce."""
    chosen = select(ChainTransaction).where(ChainTransaction.nonce.is_not(None), ChainTransaction.closed.is_(False))
    ordered = chosen.order_by(ChainTransaction.sender, ChainTransaction.nonce)
    return [_outgoing(session, row) for row in session.scalars(ordered)]


def following(session: Session, sender: str) -> int | None:
    """The next nonce of a sender; None while it never had one from here."""
    return session.scalar(select(Nonce.following).where(Nonce.sender == sender))


def given(session: Session, sender: str, first: int) -> dict[int, bool]:
    """The nonces from ``first`` on that something stored uses, and whether the fate of each was called final."""
    chosen = select(ChainTransaction.nonce, ChainTransaction.closed)
    rows = session.execute(chosen.where(ChainTransaction.sender == sender, ChainTransaction.nonce >= first))
    return {nonce: closed for nonce, closed in rows if nonce is not None}


def _outgoing(session: Session, row: ChainTransaction) -> Outgoing:
    found = session.scalars(select(Attempt).where(Attempt.transaction == row.id, Attempt.nonce == row.nonce))
    attempts = sorted((_signed(each) for each in found), key=lambda each: (each.most, each.tip))
    return Outgoing(
        id=row.id,
        purpose=row.purpose,
        sender=row.sender,
        to=row.to,
        data=row.data,
        value=int(row.value_wei),
        private=row.private,
        state=row.state,
        nonce=row.nonce,
        gas_limit=row.gas_limit,
        block=row.block,
        block_hash=row.block_hash,
        mined_hash=row.mined_hash,
        withdrawn=row.withdrawn,
        bump=row.bump,
        attempts=tuple(attempts),
    )


def _signed(row: Attempt) -> Signed:
    most, tip = int(row.max_fee_wei), int(row.priority_fee_wei)
    return Signed(row.hash, row.raw, most, tip, row.channel, row.empty, row.nonce, row.block, row.sent_block, row.error)


# ---- nonces and attempts


def set_following(session: Session, sender: str, nonce: int) -> None:
    """Sets the next nonce of a sender."""
    session.merge(Nonce(sender=sender, following=nonce))
    session.flush()


def keep_first(session: Session, transaction: str, attempt: Signed, gas_limit: int) -> bool:
    """Gives a queued transaction the next nonce, with the attempt that uses it; False if it waits no longer, or the nonce is not next."""
    row = require(session, transaction)
    if row.state is not TransactionState.QUEUED or following(session, row.sender) != attempt.nonce:
        return False
    set_following(session, row.sender, attempt.nonce + 1)
    row.state, row.nonce, row.gas_limit = TransactionState.SENT, attempt.nonce, gas_limit
    _add(session, row, attempt)
    tell(session, row)
    return True


def keep_another(session: Session, transaction: str, attempt: Signed, gas_limit: int | None = None) -> bool:
    """Stores another attempt for the same nonce; False if the transaction is mined, has another nonce or was given up by now."""
    row = require(session, transaction)
    given_up = row.state is TransactionState.FAILED
    if row.nonce != attempt.nonce or row.block is not None or given_up != attempt.empty:
        return False
    row.bump, row.gas_limit = False, gas_limit or row.gas_limit
    _add(session, row, attempt)
    return True


def keep_filler(session: Session, sender: str, attempt: Signed) -> None:
    """Stores an empty transfer for a nonce that nothing uses and others wait for."""
    position = (session.scalar(select(func.max(ChainTransaction.position))) or 0) + 1
    now, purpose = now_ms(), f"{FILL}:{sender}:{attempt.nonce}"
    row = ChainTransaction(
        id=secrets.token_hex(ID_BYTES),
        position=position,
        purpose=f"{purpose}:{position}",
        sender=sender,
        to=sender,
        data=b"",
        value_wei="0",
        private=False,
        state=TransactionState.SENT,
        nonce=attempt.nonce,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    _add(session, row, attempt)
    tell(session, row)


def note_sent(session: Session, digest: bytes, block: int, error: str | None) -> None:
    """An attempt was sent, or refused by all that it was sent to."""
    row = session.get_one(Attempt, digest)
    row.sends += 1
    row.sent_block, row.error = block, error


def make_public(session: Session, digest: bytes) -> None:
    """An attempt goes to the public mempool from now on."""
    row = session.get_one(Attempt, digest)
    row.channel, row.sent_block = PUBLIC, None


def _add(session: Session, row: ChainTransaction, attempt: Signed) -> None:
    now = now_ms()
    row.updated_at = now
    session.flush()
    session.add(
        Attempt(
            hash=attempt.hash,
            transaction=row.id,
            raw=attempt.raw,
            max_fee_wei=str(attempt.most),
            priority_fee_wei=str(attempt.tip),
            channel=attempt.channel,
            empty=attempt.empty,
            nonce=attempt.nonce,
            block=attempt.block,
            created_at=now,
        )
    )
    session.flush()


# ---- what becomes of them


def note_mined(session: Session, transaction: str, mined: Mined) -> None:
    """An attempt stands in a block: the transaction is mined, or failed there."""
    row = require(session, transaction)
    row.state = TransactionState.MINED if mined.error is None else TransactionState.FAILED
    row.block, row.block_hash, row.mined_hash = mined.block, mined.block_hash, mined.hash
    row.gas_used, row.cost_wei, row.error, row.bump = mined.gas_used, str(mined.cost), mined.error, False
    tell(session, row)


def note_taken_back(session: Session, transaction: str, head: int) -> None:
    """A block is gone: its transaction waits again, its last attempt to be sent once more. What had failed there stays failed, and its
    nonce is filled.
    """
    row = require(session, transaction)
    if row.state is TransactionState.FAILED or row.withdrawn is not None:
        row.state, row.withdrawn = TransactionState.FAILED, row.withdrawn or row.error
    else:
        row.state = TransactionState.SENT
    row.block = row.block_hash = row.mined_hash = row.gas_used = row.cost_wei = None
    for attempt in session.scalars(select(Attempt).where(Attempt.transaction == row.id, Attempt.nonce == row.nonce)):
        attempt.block, attempt.sent_block = head, None
    tell(session, row)


def note_final(session: Session, transaction: str) -> None:
    """Nothing about it can change any more."""
    row = require(session, transaction)
    row.closed = True
    if row.state is TransactionState.MINED:
        row.state = TransactionState.FINAL
        tell(session, row)


def note_failed(session: Session, transaction: str, error: str) -> None:
    """A transaction without a nonce is given up."""
    row = require(session, transaction)
    if row.state is TransactionState.QUEUED:
        row.state, row.error, row.closed = TransactionState.FAILED, error, True
        tell(session, row)


def note_nonce_lost(session: Session, transaction: str) -> None:
    """Its nonce was used, for good, by something that was not sent from here: it is queued again, or over if it was given up."""
    row = require(session, transaction)
    if row.state is TransactionState.FAILED:
        row.closed = True
    else:
        row.state, row.nonce = TransactionState.QUEUED, None
    tell(session, row)


def recent(session: Session, limit: int) -> Sequence[ChainTransaction]:
    """The newest transactions, newest first."""
    return session.scalars(select(ChainTransaction).order_by(ChainTransaction.position.desc()).limit(limit)).all()
