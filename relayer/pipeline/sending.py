"""What a step wants sent, so that it is on its way once and no oftener: asked for as often as one likes.

A transaction that failed on chain, or carries what is out of date, is replaced, as often as its step allows.
Sending is left to :mod:`relayer.transactions`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from relayer.pipeline.desk import Desk
from relayer.store import transactions
from relayer.store.clock import now_ms
from relayer.store.models import ChainTransaction, TransactionState

PAUSE_MS: Final = 30_000
"""Before what failed is tried again, for the first time; doubled each time."""
LONGEST_PAUSE_MS: Final = 3_600_000
PATIENCE_MS: Final = 900_000
"""The longest pause where a sealed batch waits: its time is short, and whatever kept it may have been mended since."""


def ensure(
    session: Session,
    desk: Desk,
    purpose: str,
    data: bytes,
    *,
    batch: int | None = None,
    to: str | None = None,
    value: int = 0,
    attempts: int | None = None,
    private: bool = True,
) -> ChainTransaction | None:
    """The transaction of a purpose with this calldata, queued if it is not under way; None when ``attempts`` (the policy's) have failed."""
    known = transactions.find(session, purpose)
    if known is not None and known.data == data and known.state is not TransactionState.FAILED:
        return known
    if known is not None and failures(session, purpose) >= (desk.policy.attempts if attempts is None else attempts):
        return None
    put = transactions.queue if known is None else transactions.requeue
    made = put(
        session,
        purpose=purpose,
        sender=desk.operator,
        to=to or desk.vault.address,
        data=data,
        value=value,
        private=private,
        batch=batch,
    )
    return transactions.require(session, made)


def due(session: Session, purpose: str, longest_ms: int = LONGEST_PAUSE_MS) -> bool:
    """Whether a purpose has no transaction, or one that failed long enough ago to be tried again."""
    known = transactions.find(session, purpose)
    if known is None:
        return True
    if known.state is not TransactionState.FAILED:
        return False
    return rested(known, failures(session, purpose), longest_ms)


def rested(known: ChainTransaction, failed: int, longest_ms: int = LONGEST_PAUSE_MS) -> bool:
    """Whether the pause after the last of ``failed`` failures, this transaction, is over."""
    return now_ms() - known.updated_at >= min(PAUSE_MS << (failed - 1), longest_ms)


def insist(
    session: Session,
    desk: Desk,
    purpose: str,
    data: bytes,
    *,
    batch: int | None = None,
    to: str | None = None,
    private: bool = True,
    longest_ms: int = LONGEST_PAUSE_MS,
) -> bool:
    """Queues the transaction of a purpose that is due as long as it has not succeeded: however often it failed, with a pause that grows to
    ``longest_ms``. Whether it did.
    """
    known = transactions.find(session, purpose)
    if known is not None and known.data == data and not due(session, purpose, longest_ms):
        return False
    attempts = failures(session, purpose) + 1
    ensure(session, desk, purpose, data, batch=batch, to=to, attempts=attempts, private=private)
    return True


def failures(session: Session, purpose: str) -> int:
    """How often a purpose has failed, or was replaced."""
    earlier = ChainTransaction.purpose.startswith(f"{purpose}~", autoescape=True)
    count = session.scalar(select(func.count()).select_from(ChainTransaction).where(earlier)) or 0
    known = transactions.find(session, purpose)
    return count + (known is not None and known.state is TransactionState.FAILED)


def failure(session: Session, purpose: str) -> str:
    """What the last failed transaction of a purpose said."""
    known = transactions.find(session, purpose)
    return known.error or "it reverted" if known is not None else "it was never sent"
