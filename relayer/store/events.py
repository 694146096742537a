"""What subscribers are told, in one gapless sequence from 1 on.

Each channel, of each owner where it is an owner's, is a stream with gapless numbers of its own, also from 1 on. Those are what
subscribers see: from the sequence of all they could tell how much others do.

An event is appended in the transaction that makes it true, so nobody is told what did not happen, and nothing that happened goes untold.
Writes come one after another (:mod:`.database`), so the sequence has neither gaps nor repetitions, and no number becomes visible
before a smaller one. An event for one owner is sealed and shown to nobody else. Delivery is left to who serves connections and webhooks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Delete, Update, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from relayer.errors import StoreError
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.models import Event, Setting

PUBLIC: Final = ("batches",)
OWNERS: Final = ("orders", "account")
OPERATORS: Final = ("transactions", "alerts")
CHANNELS: Final = PUBLIC + OWNERS + OPERATORS
LAST: Final = "events.last"
"""Setting that holds the last number given: deleting events must not give it again."""


SAYS: Final = func.length(Event.payload) > 0
"""Holds of events but those that were deleted and keep their place only."""
GIVEN: Final = "tacit.events"
"""Where a session keeps the numbers that it has given."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a subscriber gets it; ``number`` in its stream, ``at`` in ms."""

    seq: int
    number: int
    channel: str
    payload: dict[str, Any]
    owner: bytes | None
    at: int


def append(
    session: Session,
    channel: str,
    payload: Mapping[str, Any],
    owner: bytes | None = None,
    sealer: Sealer | None = None,
) -> int:
    """Adds an event in the caller's write; its number. One of ``OWNERS`` needs the owner and a sealer, the others have none."""
    if channel not in CHANNELS:
        raise StoreError(f"there is no channel {channel!r}: {', '.join(CHANNELS)}", {"channel": channel})
    if (channel in OWNERS) != (owner is not None):
        raise StoreError(
            f"an event of {channel} is {'for one owner' if owner is None else 'for all'}", {"channel": channel}
        )
    seq = last(session) + 1
    session.merge(Setting(name=LAST, value=str(seq)))
    raw = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    if owner is not None:
        if sealer is None:
            raise StoreError(f"an event of {channel} is sealed: give a sealer", {"channel": channel})
        raw = sealer.seal(_place(seq), raw)
    number = _following(session, channel, owner)
    session.add(Event(seq=seq, channel=channel, owner=owner, number=number, payload=raw, created_at=now_ms()))
    return seq


def append_owned(
    session: Session, channel: str, told: Sequence[tuple[bytes, Mapping[str, Any]]], sealer: Sealer
) -> int | None:
    """Adds many events of a channel of ``OWNERS`` at once, (owner, payload) each; the number of the last, None if there are none."""
    if channel not in OWNERS:
        raise StoreError(f"{channel!r} is no channel of owners: {', '.join(OWNERS)}", {"channel": channel})
    if not told:
        return None
    first, now = last(session) + 1, now_ms()
    _look_up(session, channel, {owner for owner, _ in told})
    rows = [
        {
            "seq": seq,
            "channel": channel,
            "owner": owner,
            "number": _following(session, channel, owner),
            "payload": sealer.seal(
                _place(seq), json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
            ),
            "created_at": now,
        }
        for seq, (owner, payload) in enumerate(told, start=first)
    ]
    session.merge(Setting(name=LAST, value=str(rows[-1]["seq"])))
    session.execute(insert(Event), rows)
    return first + len(rows) - 1


def since(
    session: Session,
    seq: int,
    *,
    channels: Sequence[str],
    owner: bytes | None = None,
    sealer: Sealer | None = None,
    limit: int = 1000,
) -> list[Told]:
    """The first ``limit`` events after ``seq`` of these channels, by number; of ``OWNERS`` those of this owner alone."""
    query = select(Event).where(SAYS, Event.seq > seq, Event.channel.in_(list(channels)))
    query = query.where(
        or_(Event.owner.is_(None), Event.owner == owner) if owner is not None else Event.owner.is_(None)
    )
    return [_told(row, sealer) for row in session.scalars(query.order_by(Event.seq).limit(limit))]


def stream(
    session: Session,
    channel: str,
    owner: bytes | None,
    after: int,
    *,
    through: int,
    sealer: Sealer | None = None,
    limit: int = 1000,
) -> list[Told]:
    """The first ``limit`` events of a stream after a number of its own, of those up to ``through`` in the sequence of all."""
    query = select(Event).where(SAYS, Event.channel == channel, _whose(owner))
    query = query.where(Event.number > after, Event.seq <= through)
    return [_told(row, sealer) for row in session.scalars(query.order_by(Event.number).limit(limit))]


def places(session: Session, seq: int, limit: int = 1000) -> list[tuple[int, str, bytes | None]]:
    """The first ``limit`` events after ``seq`` of every stream: number in the sequence of all, channel, owner; not what they say."""
    query = select(Event.seq, Event.channel, Event.owner).where(Event.seq > seq).order_by(Event.seq).limit(limit)
    return [(row.seq, row.channel, row.owner) for row in session.execute(query)]


def opened(session: Session, seqs: Sequence[int], sealer: Sealer) -> list[Told]:
    """Those of these events that are kept, by number, opened."""
    query = select(Event).where(SAYS, Event.seq.in_(seqs)).order_by(Event.seq)
    return [_told(row, sealer) for row in session.scalars(query)]


def last_number(session: Session, channel: str, owner: bytes | None, through: int) -> int:
    """The last number of a stream, up to ``through`` in the sequence of all; 0 before its first."""
    query = select(func.max(Event.number)).where(Event.channel == channel, _whose(owner), Event.seq <= through)
    return session.scalar(query) or 0


def forget(session: Session, *, owned_before: int, public_before: int) -> bool:
    """Deletes what owners were told before a time (ms), and what all were; whether there was any.

    The last of each stream keeps its number, so that none is given again; an owner's loses what it says.
    """
    later = aliased(Event)
    same_owner = {True: later.owner == Event.owner, False: later.owner.is_(None)}
    gone = 0
    for owned, before in ((True, owned_before), (False, public_before)):
        old = and_(Event.owner.is_not(None) if owned else Event.owner.is_(None), Event.created_at <= before)
        newer = exists().where(later.channel == Event.channel, same_owner[owned], later.number > Event.number)
        gone += _changed(session, delete(Event).where(old, newer))
        if owned:
            gone += _changed(session, update(Event).where(old, SAYS).values(payload=b""))
    return gone > 0


def _changed(session: Session, statement: Delete | Update) -> int:
    return session.connection().execute(statement).rowcount


def last(session: Session) -> int:
    """The last number given; 0 before the first."""
    row = session.get(Setting, LAST)
    return 0 if row is None else int(row.value)


def oldest(session: Session) -> int:
    """The first number that is still kept of the public channels; what owners were told may be deleted between later ones."""
    found = session.scalar(select(func.min(Event.seq)).where(Event.owner.is_(None)))
    return last(session) + 1 if found is None else int(found)


def _told(row: Event, sealer: Sealer | None) -> Told:
    raw = row.payload
    if row.owner is not None:
        if sealer is None:
            raise StoreError(f"event {row.seq} is sealed: give a sealer", {"seq": row.seq})
        raw = sealer.open(_place(row.seq), raw)
    return Told(row.seq, row.number, row.channel, json.loads(raw), row.owner, row.created_at)


def _following(session: Session, channel: str, owner: bytes | None) -> int:
    """The next number of a stream; this write remembers those that it has given."""
    given: dict[tuple[str, bytes | None], int] = session.info.setdefault(GIVEN, {})
    if (channel, owner) not in given:
        with session.no_autoflush:
            query = select(func.max(Event.number)).where(Event.channel == channel, _whose(owner))
            given[channel, owner] = session.scalar(query) or 0
    given[channel, owner] += 1
    return given[channel, owner]


def _look_up(session: Session, channel: str, owners: set[bytes]) -> None:
    """Reads the last numbers of many owners' streams at once."""
    given: dict[tuple[str, bytes | None], int] = session.info.setdefault(GIVEN, {})
    unknown = sorted(owner for owner in owners if (channel, owner) not in given)
    given |= {(channel, owner): 0 for owner in unknown}
    query = select(Event.owner, func.max(Event.number)).where(Event.channel == channel, Event.owner.in_(unknown))
    with session.no_autoflush:
        given |= {(channel, owner): number for owner, number in session.execute(query.group_by(Event.owner))}


def _whose(owner: bytes | None) -> ColumnElement[bool]:
    return Event.owner.is_(None) if owner is None else Event.owner == owner


def _place(seq: int) -> str:
    return f"events.payload:{seq}"
