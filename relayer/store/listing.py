"""What the interface shows of the database: rows by page, and rows of one owner alone. Nothing here writes.

An owner is part of each query for an owner's rows, so what is another's is not there, rather than found and then refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from relayer.store.models import (
    Attempt,
    Batch,
    BatchStep,
    ChainTransaction,
    EncryptionKey,
    Holder,
    Order,
    OrderState,
    RiskDocument,
    TransactionState,
)

LIVE: tuple[OrderState, ...] = (OrderState.WAITING, OrderState.RECEIPTED, OrderState.SEALED)
"""States of an order whose nonce may yet be used."""
DONE: tuple[OrderState, ...] = (OrderState.SETTLED, OrderState.FINAL)
BRIEF = (defer(Batch.batch_sealed, raiseload=True), defer(Batch.settlement, raiseload=True))
"""A batch without what was sealed and what was proven, hundreds of kilobytes each, which only who asks for one of them needs."""
MINED: tuple[TransactionState, ...] = (TransactionState.MINED, TransactionState.FINAL)


def holder(session: Session, owner: bytes) -> Holder | None:
    """The registration of an owner."""
    return session.get(Holder, owner)


def order(session: Session, owner: bytes, order_id: str) -> Order | None:
    """An order of this owner."""
    return session.scalar(select(Order).where(Order.id == order_id, Order.owner == owner))


def orders(
    session: Session, owner: bytes, before: int | None, limit: int, states: Sequence[OrderState] = ()
) -> list[Order]:
    """Orders of this owner, newest first, from below a position."""
    query = select(Order).where(Order.owner == owner)
    query = query if before is None else query.where(Order.position < before)
    query = query.where(Order.state.in_(states)) if states else query
    return list(session.scalars(query.order_by(Order.position.desc()).limit(limit)))


def batch(session: Session, number: int) -> Batch | None:
    """A batch, whole."""
    return session.get(Batch, number)


def brief(session: Session, number: int) -> Batch | None:
    """A batch without its sealed content and its settlement."""
    return session.get(Batch, number, options=BRIEF)


def batches(session: Session, before: int | None, limit: int) -> list[Batch]:
    """Batches, as :func:`brief`, newest first, from below a number."""
    query = select(Batch).options(*BRIEF)
    query = query if before is None else query.where(Batch.number < before)
    return list(session.scalars(query.order_by(Batch.number.desc()).limit(limit)))


def steps(session: Session, number: int) -> list[BatchStep]:
    """The way of a batch, oldest first."""
    return list(session.scalars(select(BatchStep).where(BatchStep.batch == number).order_by(BatchStep.id)))


def mined_of(session: Session, number: int) -> list[ChainTransaction]:
    """Transactions of a batch that are in the chain, by block."""
    query = select(ChainTransaction).where(ChainTransaction.batch == number, ChainTransaction.state.in_(MINED))
    query = query.where(ChainTransaction.mined_hash.is_not(None), ChainTransaction.block.is_not(None))
    return list(session.scalars(query.order_by(ChainTransaction.block, ChainTransaction.id)))


def encryption_keys(session: Session, now: int) -> list[EncryptionKey]:
    """Keys that envelopes may be encrypted to at a time (ms), the one that lasts longest first."""
    query = select(EncryptionKey).where(EncryptionKey.not_before <= now, EncryptionKey.not_after > now)
    query = query.where(EncryptionKey.deleted_at.is_(None))
    return list(session.scalars(query.order_by(EncryptionKey.not_after.desc(), EncryptionKey.id)))


def risk_document(session: Session, root: bytes) -> RiskDocument | None:
    """The risk table with names that hashes to a root."""
    return session.get(RiskDocument, root)


def risk_documents(session: Session, since: int) -> list[RiskDocument]:
    """Risk tables that came at a time (ms) or later, oldest first."""
    query = select(RiskDocument).where(RiskDocument.created_at >= since)
    return list(session.scalars(query.order_by(RiskDocument.created_at, RiskDocument.risk_root)))


def transactions(session: Session, before: int | None, limit: int) -> list[ChainTransaction]:
    """Transactions, newest first, from below a position."""
    query = select(ChainTransaction)
    query = query if before is None else query.where(ChainTransaction.position < before)
    return list(session.scalars(query.order_by(ChainTransaction.position.desc()).limit(limit)))


def transaction(session: Session, number: str) -> ChainTransaction | None:
    """A transaction by its id."""
    return session.get(ChainTransaction, number)


def attempts(session: Session, number: str) -> list[Attempt]:
    """The signed forms of a transaction, oldest first."""
    query = select(Attempt).where(Attempt.transaction == number)
    return list(session.scalars(query.order_by(Attempt.created_at, Attempt.hash)))
