"""Each subscriber's events have gapless numbers of their own, which nothing that others do makes grow, and which are never given again."""

from __future__ import annotations

from relayer.store import events
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.models import Event

SEALER = Sealer(bytes(range(32)))
ALICE, BOB = b"a" * 32, b"b" * 32


def told(database: Database, channel: str, owner: bytes | None, after: int = 0) -> list[int]:
    with database.read() as session:
        through = events.last(session)
        found = events.stream(session, channel, owner, after, through=through, sealer=SEALER)
        return [each.number for each in found]


def test_an_owners_numbers_do_not_show_what_others_do(database: Database) -> None:
    for owner in (ALICE, BOB, BOB, ALICE):
        with database.write() as session:
            events.append(session, "orders", {}, owner, SEALER)
            events.append(session, "batches", {})
            events.append(session, "orders", {}, owner, SEALER)
    assert told(database, "orders", ALICE) == told(database, "orders", BOB) == [1, 2, 3, 4]
    assert told(database, "batches", None) == [1, 2, 3, 4]
    assert told(database, "orders", ALICE, after=3) == [4]


def test_a_write_that_fails_uses_no_number(database: Database) -> None:
    try:
        with database.write() as session:
            events.append(session, "batches", {})
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    with database.write() as session:
        events.append(session, "batches", {})
    assert told(database, "batches", None) == [1]


def test_numbers_go_on_where_they_were_once_old_events_are_deleted(database: Database) -> None:
    for _ in range(3):
        with database.write() as session:
            events.append(session, "orders", {}, ALICE, SEALER)
            events.append(session, "batches", {})
    with database.write() as session:
        session.query(Event).update({Event.created_at: 1})
        assert events.forget(session, owned_before=1, public_before=1)
        assert not events.forget(session, owned_before=1, public_before=1)
        events.append(session, "orders", {}, ALICE, SEALER)
    assert told(database, "orders", ALICE) == [4]
    assert told(database, "batches", None) == [3]
    with database.read() as session:
        assert events.last_number(session, "orders", ALICE, events.last(session)) == 4
        assert events.last_number(session, "orders", BOB, events.last(session)) == 0


def test_every_stream_is_looked_through_in_one_sequence_and_only_what_is_wanted_is_opened(database: Database) -> None:
    with database.write() as session:
        events.append(session, "batches", {"n": 1})
        events.append(session, "orders", {"n": 2}, ALICE, SEALER)
        events.append(session, "orders", {"n": 3}, BOB, SEALER)
    with database.read() as session:
        assert events.places(session, 0, 2) == [(1, "batches", None), (2, "orders", ALICE)]
        assert events.places(session, 2) == [(3, "orders", BOB)]
        assert [each.payload for each in events.opened(session, [1, 3], SEALER)] == [{"n": 1}, {"n": 3}]
