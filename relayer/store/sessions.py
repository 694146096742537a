"""Challenges that owners sign to be known, and the sessions they get for it.

A challenge is used once. Of a session's token only the hash is kept, so that nobody who reads the database can use one.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from relayer.store.models import AuthChallenge, Holder
from relayer.store.models import Session as SessionRow


class KnownSession(NamedTuple):
    """Whose session, and until when (ms)."""

    owner: bytes
    expires_at: int


def add_challenge(session: Session, challenge: bytes, owner: bytes, now: int, expires_at: int, most: int) -> bool:
    """Keeps a challenge until a time; those that are over go. False, and nothing kept, while there are ``most`` of them."""
    session.execute(delete(AuthChallenge).where(AuthChallenge.expires_at <= now))
    if (session.scalar(select(func.count()).select_from(AuthChallenge)) or 0) >= most:
        return False
    session.add(AuthChallenge(challenge=challenge, owner=owner, expires_at=expires_at))
    return True


def use_challenge(session: Session, challenge: bytes, owner: bytes, now: int) -> bool:
    """Whether this challenge was given to this owner and is in time; it is gone afterwards."""
    row = session.get(AuthChallenge, challenge)
    if row is None or row.owner != owner:
        return False
    session.delete(row)
    session.flush()
    return row.expires_at > now


def has_challenge(session: Session, challenge: bytes, owner: bytes) -> bool:
    """Whether this challenge was given to this owner and is not used: what costs no write to find out."""
    row = session.get(AuthChallenge, challenge)
    return row is not None and row.owner == owner


def add_session(session: Session, token_hash: bytes, owner: bytes, now: int, expires_at: int) -> None:
    """Keeps a session; those that are over go."""
    session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
    session.add(SessionRow(token_hash=token_hash, owner=owner, expires_at=expires_at))


def find_session(session: Session, token_hash: bytes, now: int) -> KnownSession | None:
    """The session of a token's hash, if it is not over."""
    row = session.get(SessionRow, token_hash)
    return KnownSession(row.owner, row.expires_at) if row is not None and row.expires_at > now else None


def end_session(session: Session, token_hash: bytes) -> None:
    """Ends a session, if there is one."""
    session.execute(delete(SessionRow).where(SessionRow.token_hash == token_hash))


def holder_key(session: Session, owner: bytes) -> bytes | None:
    """The packed public key of a registered owner."""
    return session.scalar(select(Holder.key).where(Holder.owner == owner))
