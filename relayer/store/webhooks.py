"""Addresses that are told events: what is kept of them, and how far each has been told.

Address and secret are sealed together: an address often holds a key.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from relayer.store import events
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.models import Webhook

ID_BYTES: Final = 9
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Hook:
    """An address as deliveries need it."""

    id: str
    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    channels: tuple[str, ...]
    delivered_seq: int
    failures: int


def add(session: Session, sealer: Sealer, url: str, host: str, channels: Sequence[str]) -> tuple[Webhook, bytes]:
    """Adds an address, told from the next event on; the row and the secret that signs its deliveries."""
    number, secret, now = secrets.token_urlsafe(ID_BYTES), secrets.token_bytes(SECRET_BYTES), now_ms()
    sealed = sealer.seal(_place(number), json.dumps({"url": url, "secret": secret.hex()}).encode())
    row = Webhook(
        id=number,
        url=host,
        secret_sealed=sealed,
        channels=",".join(sorted(set(channels))),
        created_at=now,
        delivered_seq=events.last(session),
        failures=0,
        next_at=now,
    )
    session.add(row)
    session.flush()
    return row, secret


def count(session: Session) -> int:
    """How many there are."""
    return session.scalar(select(func.count()).select_from(Webhook)) or 0


def listed(session: Session) -> list[Webhook]:
    """All of them, oldest first."""
    return list(session.scalars(select(Webhook).order_by(Webhook.created_at, Webhook.id)))


def remove(session: Session, number: str) -> bool:
    """Takes one away; whether there was one."""
    found = session.execute(delete(Webhook).where(Webhook.id == number).returning(Webhook.id)).first()
    return found is not None


def due(session: Session, now: int) -> list[Webhook]:
    """Those that may be told something now."""
    return list(session.scalars(select(Webhook).where(Webhook.next_at <= now).order_by(Webhook.next_at, Webhook.id)))


def opened(sealer: Sealer, row: Webhook) -> Hook:
    """A row as deliveries need it."""
    wire = json.loads(sealer.open(_place(row.id), row.secret_sealed))
    channels = tuple(row.channels.split(","))
    return Hook(row.id, wire["url"], bytes.fromhex(wire["secret"]), channels, row.delivered_seq, row.failures)


def delivered(session: Session, number: str, seq: int) -> None:
    """Notes that an address was told everything up to an event."""
    row = session.get(Webhook, number)
    if row is not None:
        row.delivered_seq, row.failures, row.next_at = max(seq, row.delivered_seq), 0, now_ms()


def failed(session: Session, number: str, next_at: int) -> None:
    """Notes that an address did not take what it was told, and when to try again."""
    row = session.get(Webhook, number)
    if row is not None:
        row.failures, row.next_at = row.failures + 1, next_at


def _place(number: str) -> str:
    return f"webhooks.secret:{number}"
