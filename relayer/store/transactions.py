"""Transactions as they are kept: queued by whoever wants something done on chain, moved on by :mod:`relayer.transactions` alone.

Every function works in the caller's database transaction, so that what a step stores and what it queues are one commit. A purpose
stands for one thing to be done: queued twice, it is the same transaction. What is sent, when and at which price is decided elsewhere.
"""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from relayer.errors import TransactionError
from relayer.store import events
from relayer.store.clock import now_ms
from relayer.store.models import ChainTransaction, TransactionState

ID_BYTES: Final = 8
OVER: Final = (TransactionState.FINAL, TransactionState.FAILED)
UNDER_WAY: Final = (TransactionState.QUEUED, TransactionState.SENT)


def queue(
    session: Session,
    *,
    purpose: str,
    sender: str,
    to: str,
    data: bytes,
    value: int = 0,
    private: bool = True,
    batch: int | None = None,
) -> str:
    """Queues a transaction, behind all that were queued before; its id. ``value`` in wei.

    A purpose that is known already gives the id of its transaction, whatever became of it: who wants a failed one tried again
    says so (:func:`requeue`).
    """
    known = find(session, purpose)
    if known is not None:
        return known.id
    now = now_ms()
    made = ChainTransaction(
        id=secrets.token_hex(ID_BYTES),
        position=(session.scalar(select(func.max(ChainTransaction.position))) or 0) + 1,
        purpose=purpose,
        batch=batch,
        sender=sender.lower(),
        to=to.lower(),
        data=data,
        value_wei=str(value),
        private=private,
        state=TransactionState.QUEUED,
        created_at=now,
        updated_at=now,
    )
    session.add(made)
    session.flush()
    tell(session, made)
    return made.id


def requeue(
    session: Session,
    *,
    purpose: str,
    sender: str,
    to: str,
    data: bytes,
    value: int = 0,
    private: bool = True,
    batch: int | None = None,
    why: str = "replaced by another for the same purpose",
) -> str:
    """Another transaction for a purpose whose last one failed or is of no use any more; its id.

    The former one is withdrawn if it is not over, and kept as ``PURPOSE~N``. Both may still be mined, so only what a contract takes
    once may be queued again.
    """
    known = find(session, purpose)
    if known is not None:
        if known.state not in OVER:
            withdraw(session, known.id, why)
        count = session.scalar(
            select(func.count())
            .select_from(ChainTransaction)
            .where(ChainTransaction.purpose.startswith(f"{purpose}~", autoescape=True))
        )
        known.purpose = f"{purpose}~{(count or 0) + 1}"
        session.flush()
    return queue(session, purpose=purpose, sender=sender, to=to, data=data, value=value, private=private, batch=batch)


def withdraw(session: Session, transaction: str, why: str) -> None:
    """Gives a transaction up: it has failed. The nonce of one that was signed is filled by an empty transfer, unless one of its attempts is
    mined first, which then counts.
    """
    found = require(session, transaction)
    if found.state in OVER:
        return
    found.withdrawn = why
    if found.state is not TransactionState.MINED:
        found.closed = found.nonce is None
        found.state, found.error = TransactionState.FAILED, why
        tell(session, found)


def bump(session: Session, transaction: str) -> None:
    """Wants a transaction that is out replaced at a higher fee now. :class:`TransactionError` if it is not out."""
    found = require(session, transaction)
    if found.state is not TransactionState.SENT:
        what = f"transaction {transaction} is {found.state.value}: only one that is sent can be replaced"
        raise TransactionError(what, {"transaction": transaction, "state": found.state.value})
    found.bump = True


def find(session: Session, purpose: str) -> ChainTransaction | None:
    """The transaction of a purpose, if one was queued."""
    return session.scalar(select(ChainTransaction).where(ChainTransaction.purpose == purpose))


def under_way(session: Session, opening: str) -> int:
    """How many transactions, of the purposes that begin so, are queued or out and not mined."""
    chosen = select(func.count()).select_from(ChainTransaction)
    begun = ChainTransaction.purpose.startswith(opening, autoescape=True)
    return session.scalar(chosen.where(begun, ChainTransaction.state.in_(UNDER_WAY))) or 0


def require(session: Session, transaction: str) -> ChainTransaction:
    """A transaction by id. :class:`TransactionError` if there is none."""
    found = session.get(ChainTransaction, transaction)
    if found is None:
        raise TransactionError(f"there is no transaction {transaction}", {"transaction": transaction})
    return found


def tell(session: Session, row: ChainTransaction) -> None:
    """Tells the operator's subscribers what a transaction is now; never what it carries."""
    row.updated_at = now_ms()
    payload: dict[str, object] = {
        "id": row.id,
        "purpose": row.purpose,
        "batch": row.batch,
        "state": row.state.value,
        "nonce": row.nonce,
        "hash": None if row.mined_hash is None else "0x" + row.mined_hash.hex(),
        "block": row.block,
        "error": row.error,
    }
    events.append(session, "transactions", payload)
