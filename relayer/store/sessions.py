"""Sessions of owners, and the challenges that were answered for them.

A challenge is used once: until it ends it is kept here, from when a session is made of it. Of a session's token only the hash is kept, so
that nobody who reads the database can use one. An owner has ``MOST_SESSIONS`` at most: the oldest end.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from relayer.store.models import AuthChallenge, Holder
from relayer.store.models import Session as SessionRow

MOST_SESSIONS: Final = 64
LONGER: Final = 60_000
"""Milliseconds that an answered challenge is kept beyond its end: clocks of several processes differ."""


class KnownSession(NamedTuple):
    """Whose session, and until when (ms)."""

    owner: bytes
    expires_at: int


def use_challenge(session: Session, challenge: bytes, owner: bytes, now: int, ends: int) -> bool:
    """Uses up a challenge that ends at a time; False if it was used before. Those that are over go."""
    session.execute(delete(AuthChallenge).where(AuthChallenge.expires_at <= now))
    if session.get(AuthChallenge, challenge) is not None:
        return False
    session.add(AuthChallenge(challenge=challenge, owner=owner, expires_at=ends + LONGER))
    return True


def add_session(session: Session, token_hash: bytes, owner: bytes, now: int, expires_at: int) -> None:
    """Keeps a session; those that are over go, and the owner's oldest beyond ``MOST_SESSIONS``."""
    session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
    session.add(SessionRow(token_hash=token_hash, owner=owner, expires_at=expires_at))
    session.flush()
    newest = select(SessionRow.token_hash).where(SessionRow.owner == owner).order_by(SessionRow.expires_at.desc())
    kept = list(session.scalars(newest.limit(MOST_SESSIONS)))
    session.execute(delete(SessionRow).where(SessionRow.owner == owner, SessionRow.token_hash.not_in(kept)))


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
