"""Keys that orders are encrypted to, as they are stored: every query about them. Times in ms."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from relayer.store.crypt import Sealer
from relayer.store.models import EncryptionKey


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key whose private half is still there: 32 bytes each, its signature 65."""

    id: str
    public: bytes
    private: bytes = field(repr=False)
    not_before: int
    not_after: int
    signature: bytes


def place(key: str) -> str:
    """Where a private half is sealed."""
    return f"encryption_keys.private:{key}"


def add(session: Session, sealer: Sealer, key: StoredKey) -> None:
    """Stores a new key."""
    session.add(
        EncryptionKey(
            id=key.id,
            public=key.public,
            private_sealed=sealer.seal(place(key.id), key.private),
            not_before=key.not_before,
            not_after=key.not_after,
            signature=key.signature,
            deleted_at=None,
        )
    )


def alive(session: Session, sealer: Sealer) -> list[StoredKey]:
    """Keys that still open, oldest first."""
    query = select(EncryptionKey).where(EncryptionKey.private_sealed.is_not(None))
    rows = session.scalars(query.order_by(EncryptionKey.not_before, EncryptionKey.id))
    return [
        StoredKey(
            row.id,
            row.public,
            sealer.open(place(row.id), row.private_sealed),
            row.not_before,
            row.not_after,
            row.signature,
        )
        for row in rows
        if row.private_sealed is not None
    ]


def delete(session: Session, before: int, now: int) -> list[str]:
    """Deletes the private halves of keys that ended before a time; their ids."""
    over = EncryptionKey.private_sealed.is_not(None) & (EncryptionKey.not_after <= before)
    change = update(EncryptionKey).where(over).values(private_sealed=None, deleted_at=now)
    return list(session.scalars(change.returning(EncryptionKey.id)))
