"""A write is whole or not there; events are gapless; leases have one holder; what is sealed opens in its place alone."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from relayer.errors import LeaseLost, StoreError
from relayer.history import History
from relayer.ledger import Change
from relayer.records import AccountAssigned, At
from relayer.store import batches, events
from relayer.store.account_events import tell_accounts
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.store.models import Event, Holder, Setting

KEY = bytes(range(32))
OWNER = b"o" * 32
MOST_VALUES = 32_766
"""Values that a statement can have in SQLite as it is built by default; in PostgreSQL 65,535."""
STRANGERS = range(1, 66_001)


def refused(database: Database, error: type[Exception], what: Callable[[Session], None]) -> None:
    """A write ends with an error."""
    with pytest.raises(error), database.write() as session:
        what(session)


def test_a_write_that_fails_has_changed_nothing(database: Database) -> None:
    def fail(session: Session) -> None:
        session.add(Setting(name="a", value="1"))
        session.flush()
        raise ZeroDivisionError

    refused(database, ZeroDivisionError, fail)
    with database.read() as session:
        assert session.scalars(select(Setting)).all() == []


def test_writes_of_many_threads_come_one_after_another(database: Database) -> None:
    def count() -> None:
        for _ in range(20):
            with database.write() as session:
                row = session.get(Setting, "count")
                session.merge(Setting(name="count", value=str(1 + int(row.value if row else 0))))

    threads = [threading.Thread(target=count) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.get_one(Setting, "count").value == "100"


def test_a_read_sees_one_moment(database: Database) -> None:
    with database.read() as reading:
        assert reading.get(Setting, "later") is None
        with database.write() as session:
            session.add(Setting(name="later", value="1"))
        reading.expire_all()
        assert reading.scalar(select(Setting.value)) is None


def test_a_database_that_is_not_there_is_said_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"failed: .*; is it up") as refused:
        Database.open(f"postgresql://user:s3cr3t@/name?host={tmp_path}")
    assert "s3cr3t" not in str(refused.value)
    with pytest.raises(StoreError, match="there is no folder"):
        Database.open(f"sqlite:///{tmp_path / 'nowhere' / 'store.sqlite'}")


def test_a_disk_that_is_full_is_said_and_the_write_has_not_happened(tmp_path: Path) -> None:
    database = Database.create(f"sqlite:///{tmp_path / 'store.sqlite'}")

    def fill(session: Session) -> None:
        session.connection().exec_driver_sql("PRAGMA max_page_count = 1")
        session.add(Setting(name="large", value="x" * 1_000_000))

    with pytest.raises(StoreError, match="full"), database.write() as session:
        fill(session)
    with database.read() as session:
        assert session.get(Setting, "large") is None
    database.close()


def test_events_have_no_gaps_and_none_is_left_of_a_write_that_failed(database: Database) -> None:
    for number in range(3):
        with database.write() as session:
            assert events.append(session, "batches", {"number": number}) == number + 1

    def fail(session: Session) -> None:
        events.append(session, "batches", {"number": 9})
        raise ZeroDivisionError

    refused(database, ZeroDivisionError, fail)
    with database.write() as session:
        assert events.append(session, "transactions", {}) == 4
    with database.read() as session:
        assert [each.seq for each in events.since(session, 1, channels=["batches", "transactions"])] == [2, 3, 4]


def test_an_owners_events_are_sealed_and_told_to_nobody_else(database: Database) -> None:
    sealer = Sealer(KEY)
    with database.write() as session:
        events.append(session, "orders", {"fill": "123456789123"}, owner=OWNER, sealer=sealer)
    with database.read() as session:
        assert all(b"123456789123" not in raw for raw in session.scalars(select(Event.payload)))
        told = events.since(session, 0, channels=events.CHANNELS, owner=OWNER, sealer=sealer)
        assert [each.payload for each in told] == [{"fill": "123456789123"}]
        assert events.since(session, 0, channels=events.CHANNELS, owner=b"p" * 32, sealer=sealer) == []
        assert events.since(session, 0, channels=events.CHANNELS, sealer=sealer) == []


def test_an_event_for_one_owner_is_not_stored_open(database: Database) -> None:
    with database.write() as session:
        for wrong in (
            {"channel": "orders"},
            {"channel": "batches", "owner": OWNER},
            {"channel": "orders", "owner": OWNER},
        ):
            with pytest.raises(StoreError):
                events.append(session, payload={}, **wrong)


def test_who_lost_a_lease_cannot_write(database: Database) -> None:
    now = [1_000_000]
    first, second = (Leases(database, name, lambda: now[0]) for name in ("first", "second"))
    held = first.acquire("pipeline", 15)
    assert held is not None
    assert second.acquire("pipeline", 15) is None
    now[0] += 14_000
    held = first.renew(held, 15)
    now[0] += 15_000
    taken = second.acquire("pipeline", 15)
    assert taken is not None
    assert taken.token > held.token

    def write(session: Session) -> None:
        session.add(Setting(name="from the first", value=""))
        held.check(session)

    refused(database, LeaseLost, write)
    with pytest.raises(LeaseLost):
        first.renew(held)
    with database.write() as session:
        taken.check(session)
        assert session.get(Setting, "from the first") is None
    first.release(held)
    assert first.acquire("pipeline") is None
    second.release(taken)
    again = first.acquire("pipeline")
    assert again is not None
    assert again.token > taken.token


def test_what_is_sealed_opens_in_its_place_with_its_key_alone() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal("orders.content:1", b"content")
    assert sealer.open("orders.content:1", sealed) == b"content"
    assert sealer.seal("orders.content:1", b"content") != sealed
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for place, raw, opener in [
        ("orders.content:2", sealed, sealer),
        ("orders.content:1", changed, sealer),
        ("orders.content:1", b"", sealer),
        ("orders.content:1", sealed, Sealer(bytes(32))),
    ]:
        with pytest.raises(StoreError, match="does not open"):
            opener.open(place, raw)


def test_a_key_file_is_for_its_owner_alone_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "database.key"
    sealed = Sealer.create(path).seal("here", b"content")
    assert path.stat().st_mode & 0o777 == 0o600
    assert Sealer.load(path).open("here", sealed) == b"content"
    with pytest.raises(StoreError, match="there already"):
        Sealer.create(path)


@pytest.fixture
def registered(database: Database) -> int:
    """The one of many owners who is registered, in a database that takes as many values a statement as any may."""
    owner = STRANGERS[-1]
    word = owner.to_bytes(32, "big")
    with database.write() as session:
        driver = session.connection().connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, MOST_VALUES)
        session.add(Holder(owner=word, key=word, subaccount=0, account=None, holder_sealed=b"", created_at=0))
    return owner


def test_who_is_registered_is_found_however_many_strangers_have_deposits_queued(
    database: Database, registered: int
) -> None:
    with database.read() as session:
        assert set(batches.holders(session, STRANGERS)) == {registered}


def test_owners_are_told_of_their_accounts_however_many_strangers_have_some(
    database: Database, registered: int
) -> None:
    records = [AccountAssigned(At(owner, 0, bytes(32), bytes(32)), owner, owner) for owner in STRANGERS]
    with database.write() as session:
        tell_accounts(session, [Change(each) for each in records], History.of([]), History.of(records), Sealer(KEY))
    with database.read() as session:
        assert [row.owner for row in session.scalars(select(Event))] == [registered.to_bytes(32, "big")]
