"""What the sender of transactions keeps: nonces, signed attempts, what became of them. Only :mod:`relayer.transactions` writes here,
under its lease; every change of state is told on the channel ``transactions`` in the same database transaction.

A nonce is given in the write that stores the signed attempt, so nothing is ever sent that is not stored, and no nonce is given twice.
A nonce's fate stays open until the block that used it is final; until then everything may be taken back.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from relayer.store.clock import now_ms
from relayer.store.models import Attempt, ChainTransaction, Nonce, TransactionState
from relayer.store.outgoing import PUBLIC, Signed, following
from relayer.store.transactions import ID_BYTES, require, tell

FILL: Final = "fill"
"""Purpose of an empty transfer that fills a gap: ``fill:SENDER:NONCE``."""


@dataclass(frozen=True, slots=True)
class Mined:
    """An attempt in a block; ``error`` why it did nothing there. Costs in wei."""

    hash: bytes
    block: int
    block_hash: bytes
    gas_used: int
    cost: int
    error: str | None


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
