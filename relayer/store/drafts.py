"""Every seal that a batch was put on its way with: a transaction that was given up may be mined all the same, and then counts.

A seal names the ends of the queues as they were when it was drawn, so one drawn later is another. Whichever the chain has is recognised
by its root, and the batch goes on with what was sealed with that one. Drafts go when the sealed batch goes.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete
from sqlalchemy.orm import Session

from relayer.errors import StoreError
from relayer.store.models import Batch, SealDraft


def keep(session: Session, batch: Batch) -> None:
    """Keeps the draft that a batch's row holds; the same again changes nothing (:class:`StoreError`: the row holds none)."""
    if batch.seal_root is None or batch.receipts_hash is None or batch.batch_sealed is None:
        raise StoreError(f"batch {batch.number} has no seal to keep", {"batch": batch.number})
    draft = SealDraft(
        batch=batch.number,
        seal_root=batch.seal_root,
        receipts_hash=batch.receipts_hash,
        batch_sealed=batch.batch_sealed,
    )
    session.merge(draft)


def take_up(session: Session, batch: Batch, seal_root: bytes, receipts_hash: bytes) -> bool:
    """Puts the draft of a seal into the batch's row; whether there is one."""
    draft = session.get(SealDraft, (batch.number, seal_root))
    if draft is None or draft.receipts_hash != receipts_hash:
        return False
    batch.batch_sealed = draft.batch_sealed
    return True


def forget(session: Session, numbers: Iterable[int]) -> int:
    """Deletes the drafts of some batches; how many."""
    found = session.connection().execute(delete(SealDraft).where(SealDraft.batch.in_(list(numbers))))
    return found.rowcount
