"""What orders said is gone by policy after finality, and no file of the database holds a byte of it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, insert, select

from relayer.chain import Block
from relayer.errors import LeaseLost
from relayer.store import chain, encryption_keys, events, retention
from relayer.store.batches import mark_cleared
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.encryption_keys import StoredKey
from relayer.store.leases import Lease, Leases
from relayer.store.models import (
    AuthChallenge,
    Batch,
    BatchState,
    BatchStep,
    BondChallenge,
    EncryptionKey,
    Event,
    Holder,
    Idempotency,
    Order,
    OrderState,
    Session,
    Setting,
    Snapshot,
)
from relayer.store.retention import DAY, HOUR, IDEMPOTENCY, LEASE, UNUSED, Retention
from tests.postgres import Cluster

SEALER = Sealer(bytes(range(32)))
OWNER = b"o" * 32
NOW = 1_800_000_000_000
AFTER = 7 * DAY
ORDERS = 12
FIRST_OF_OURS = 16_384
"""Least number of a PostgreSQL table that is not its own."""
LARGE = 20_000
"""Bytes that PostgreSQL keeps beside its row."""


class Kept:
    """A database with orders of unique numbers, and what of them is stored."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.bytes: dict[str, bytes] = {}
        self.now = NOW
        self.evidence = 0
        lease = Leases(database, "this process").acquire(LEASE, 3600)
        assert lease is not None
        self.lease: Lease = lease

    def retention(self, after: int = AFTER, proofs: Path | None = None) -> Retention:
        return Retention(database=self.database, after_final=after, evidence=lambda: self.evidence, proofs=proofs,
                         rewrite=0, clock=lambda: self.now)  # fmt: skip

    def sealed(self, place: str, plain: bytes) -> bytes:
        """Seals something and remembers how it looks on disk."""
        self.bytes[place] = SEALER.seal(place, plain)
        return self.bytes[place]

    def batch(self, number: int, state: BatchState, final_at: int | None, large: bool = False) -> None:
        """A batch with orders, each with numbers that are nowhere else."""
        padding = os.urandom(LARGE) if large else b""
        with self.database.write() as session:
            sealed = self.sealed(f"batches.batch:{number}", b"batch %d " % number + padding)
            state_sealed = self.sealed(f"snapshots.state:{number}", b"state %d " % number + padding)
            session.add(Batch(number=number, state=state, epoch=1, batch_sealed=sealed, created_at=0, updated_at=0))
            session.add(Snapshot(batch=number, root=b"", state_sealed=state_sealed))
            session.flush()
            mark_cleared(session, number, "mark")
            if final_at is not None:
                session.add(BatchStep(batch=number, state=state, at=final_at))
            for sequence in range(1, ORDERS + 1):
                self._order(
                    session, number, sequence, OrderState.FINAL if state is BatchState.FINAL else OrderState.SEALED
                )

    def _order(self, session: object, batch: int, sequence: int, state: OrderState) -> None:
        name = f"{batch}-{sequence}"
        content = json.dumps(
            {"order": {"quantity": unique(batch, sequence), "limit": unique(sequence, batch)}}
        ).encode()
        row = Order(id=name, hash=name.encode(), owner=OWNER, account=1, state=state, batch=batch, sequence=sequence,
                    position=1000 * batch + sequence, created_at=0, updated_at=self.now)  # fmt: skip
        row.content_sealed = self.sealed(f"orders.content:{name}", content)
        row.result_sealed = self.sealed(f"orders.result:{name}", content[::-1])
        session.add(row)  # type: ignore[attr-defined]

    def left(self, places: str) -> set[str]:
        """Of what was sealed for places of a kind, what is still in the files."""
        wanted = {place: raw for place, raw in self.bytes.items() if place.startswith(places)}
        files = self.files()
        return {place for place, raw in wanted.items() if any(raw[:200] in content for content in files)}

    def files(self) -> list[bytes]:
        """Every file that the database keeps rows in: with SQLite its journal too, with PostgreSQL those of the tables."""
        if self.database.sqlite:
            path = self.database.path
            return [each.read_bytes() for each in path.parent.glob(f"{path.name}*")]
        url = self.database.url
        folder = Path(str(url.query["host"]))
        with psycopg.connect(host=str(folder), user=url.username, dbname=url.database, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            (oid,) = connection.execute(
                "SELECT oid FROM pg_database WHERE datname = current_database()"
            ).fetchone() or (0,)
        files = (folder / "data" / "base" / str(oid)).glob("[0-9]*")
        return [each.read_bytes() for each in files if int(re.split(r"\D", each.name)[0]) >= FIRST_OF_OURS]


def unique(a: int, b: int) -> str:
    """A number of twelve digits that nothing else has."""
    return str(100_000_000_000 + 7_919 * (1_000 * a + b))


@pytest.fixture
def kept(database: Database) -> Kept:
    with database.write() as session:
        session.add(Holder(owner=OWNER, key=OWNER, subaccount=0, account=1, holder_sealed=b"", created_at=0))
    return Kept(database)


def test_of_however_many_batches_something_is_due_no_statement_names_more_than_a_database_takes(kept: Kept) -> None:
    many, most = 1_200, list[int]()
    with kept.database.write() as session:
        rows = [{"number": n, "state": BatchState.FINAL, "epoch": 1, "batch_sealed": b"x"} for n in range(1, many + 1)]
        session.execute(insert(Batch), [row | {"created_at": 0, "updated_at": 0} for row in rows])
        steps = [{"batch": row["number"], "state": BatchState.FINAL, "at": NOW - AFTER} for row in rows]
        session.execute(insert(BatchStep), steps)
        for number in range(1, many + 1):
            mark_cleared(session, number, "mark")

    def count(_connection: object, _cursor: object, _statement: str, values: list[object], *_: object) -> None:
        most.append(len(values))

    event.listen(kept.database.engine, "before_cursor_execute", count)
    kept.retention().step(kept.lease)
    event.remove(kept.database.engine, "before_cursor_execute", count)
    assert 1 < max(most) < many, "SQLite takes 32,766, PostgreSQL 65,535"
    with kept.database.read() as session:
        assert not session.scalars(select(Batch.number).where(Batch.batch_sealed.is_not(None))).all()
        assert not [name for name in session.scalars(select(Setting.name)) if "cleared" in name]


@pytest.mark.parametrize("large", [False, True])
def test_nothing_of_a_final_batch_is_left_in_a_file_and_all_of_a_later_one_is(kept: Kept, large: bool) -> None:
    kept.batch(1, BatchState.FINAL, NOW - AFTER, large)
    kept.batch(2, BatchState.FINAL, NOW - AFTER + 1, large)
    kept.batch(3, BatchState.MINED, None, large)
    assert kept.left("") == set(kept.bytes)
    kept.retention().step(kept.lease)
    assert kept.left("orders.content:1-") == kept.left("orders.result:1-") == kept.left("batches.batch:1") == set()
    assert kept.left("snapshots") == {"snapshots.state:2", "snapshots.state:3"}
    for number in (2, 3):
        later = {place for place in kept.bytes if f":{number}" in place}
        assert kept.left("") >= later
    with kept.database.read() as session:
        assert session.scalar(select(Order.hash).where(Order.id == "1-1")) == b"1-1"
        assert [name for name in session.scalars(select(Setting.name)) if "cleared" in name] == [
            "batches.cleared:2",
            "batches.cleared:3",
        ]
    assert not any(
        unique(a, b).encode() in file for file in kept.files() for a in (1, 2, 3) for b in range(1, ORDERS + 1)
    )


def test_what_is_not_yet_due_stays_until_it_is(kept: Kept) -> None:
    kept.batch(1, BatchState.FINAL, NOW)
    assert not kept.retention().step(kept.lease)
    kept.now += AFTER - 1
    assert not kept.retention().step(kept.lease)
    assert kept.left("orders") == {place for place in kept.bytes if place.startswith("orders")}
    kept.now += 1
    assert kept.retention().step(kept.lease)
    assert kept.left("orders") == set()
    assert not kept.retention().step(kept.lease)


def test_a_clock_that_is_days_ahead_of_the_chain_deletes_nothing(kept: Kept) -> None:
    kept.evidence = AFTER + DAY
    kept.batch(1, BatchState.FINAL, NOW)
    kept.batch(2, BatchState.MINED, None)
    with kept.database.write() as session:
        session.get_one(Order, "2-1").state = OrderState.CANCELLED
        chain.add(session, [], [], Block(1, b"1" * 32, b"0" * 32, NOW // 1000))
    kept.now += 30 * DAY
    assert not kept.retention().step(kept.lease)
    assert kept.left("") == set(kept.bytes)
    with kept.database.write() as session:
        chain.add(session, [], [], Block(2, b"2" * 32, b"1" * 32, (NOW + AFTER + DAY) // 1000))
    assert kept.retention().step(kept.lease)
    assert "batches.batch:1" not in kept.left("")
    assert kept.left("orders.content:1-") == set()


def test_what_challenges_are_answered_with_stays_until_none_can_be_open(kept: Kept) -> None:
    kept.evidence = AFTER + DAY
    kept.batch(1, BatchState.FINAL, NOW - AFTER)
    kept.batch(2, BatchState.FINAL, NOW - AFTER)
    with kept.database.write() as session:
        session.add(BondChallenge(id=1, batch=2, sequence=1, deadline=1, state="open"))
    kept.retention().step(kept.lease)
    assert kept.left("orders") == set()
    assert kept.left("batches") == {"batches.batch:1", "batches.batch:2"}
    kept.now += DAY
    kept.retention().step(kept.lease)
    assert kept.left("batches") == {"batches.batch:2"}
    with kept.database.write() as session:
        session.get_one(BondChallenge, 1).state = "over"
    kept.retention().step(kept.lease)
    assert kept.left("batches") == set()


@pytest.mark.parametrize("state", [BatchState.VOID, BatchState.EXPIRED])
def test_a_batch_that_will_never_be_settled_goes_too(kept: Kept, state: BatchState) -> None:
    kept.evidence = 1000 * DAY
    kept.batch(1, state, NOW - HOUR + 1)
    kept.retention(after=0).step(kept.lease)
    assert "batches.batch:1" in kept.left("")
    kept.now += 1
    kept.retention(after=0).step(kept.lease)
    assert "batches.batch:1" not in kept.left("")


def test_orders_that_were_never_sealed_go_too(kept: Kept) -> None:
    kept.batch(1, BatchState.OPEN, None)
    with kept.database.write() as session:
        session.get_one(Order, "1-1").state = OrderState.CANCELLED
        session.get_one(Order, "1-2").state = OrderState.LAPSED
    kept.now += AFTER
    kept.retention().step(kept.lease)
    gone = {place for place in kept.bytes if place.endswith((":1-1", ":1-2"))}
    assert set(kept.bytes) - kept.left("") == gone


def test_owners_events_go_and_the_sequence_goes_on(kept: Kept) -> None:
    with kept.database.write() as session:
        events.append(session, "batches", {})
        events.append(session, "orders", {"fill": "1"}, OWNER, SEALER)
    with kept.database.write() as session:
        for row in session.scalars(select(Event)):
            row.created_at = NOW
            kept.bytes[f"event {row.channel}"] = row.payload
    kept.now = NOW + HOUR - 1
    assert not kept.retention(after=0).step(kept.lease)
    kept.now += 1
    assert kept.retention(after=0).step(kept.lease)
    assert kept.left("event orders") == set()
    with kept.database.write() as session:
        assert events.append(session, "batches", {}) == 3


def test_sessions_challenges_and_answers_go_when_they_have_run_out(kept: Kept) -> None:
    with kept.database.write() as session:
        for ends in (NOW, NOW + 1):
            session.add(Session(token_hash=b"t%d" % ends, owner=OWNER, expires_at=ends))
            session.add(AuthChallenge(challenge=b"c%d" % ends, owner=OWNER, expires_at=ends))
            at = ends - IDEMPOTENCY
            session.add(Idempotency(scope="s", key=str(at), request=b"", order=None, created_at=at))
    kept.retention().step(kept.lease)
    with kept.database.read() as session:
        for kind in (Session.expires_at, AuthChallenge.expires_at):
            assert session.scalars(select(kind)).all() == [NOW + 1]
        assert session.scalars(select(Idempotency.created_at)).all() == [NOW + 1 - IDEMPOTENCY]


def registered(kept: Kept, name: bytes, at: int, account: int | None = None) -> None:
    """An owner that registered at a time."""
    owner = name.ljust(32, b".")
    with kept.database.write() as session:
        sealed = kept.sealed(f"holders.holder:{name.decode()}", b"viewing key of " + name)
        session.add(Holder(owner=owner, key=owner, subaccount=0, account=account, holder_sealed=sealed, created_at=at))


def owners(kept: Kept) -> set[bytes]:
    with kept.database.read() as session:
        return {owner.rstrip(b".") for owner in session.scalars(select(Holder.owner))} - {OWNER}


def test_who_registered_and_never_got_an_account_is_forgotten(kept: Kept) -> None:
    before = owners(kept)
    registered(kept, b"old", NOW - UNUSED)
    registered(kept, b"new", NOW - UNUSED + 1)
    registered(kept, b"trader", NOW - 10 * UNUSED, account=77)
    registered(kept, b"ordered", NOW - 10 * UNUSED)
    with kept.database.write() as session:
        row = Order(id="x", hash=b"x", owner=b"ordered".ljust(32, b"."), account=5, state=OrderState.WAITING,
                    position=10**6, created_at=NOW, updated_at=NOW)  # fmt: skip
        session.add(row)
    assert kept.retention().step(kept.lease)
    assert owners(kept) - before == {b"new", b"trader", b"ordered"}
    assert kept.left("holders.holder:old") == set()
    assert kept.left("holders.holder:new") == {"holders.holder:new"}


def test_of_more_registrations_than_are_kept_the_oldest_go(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST_UNUSED", 3)
    before = owners(kept)
    for number in range(5):
        registered(kept, b"n%d" % number, NOW - 1_000 + number)
    registered(kept, b"trader", NOW - 2_000, account=77)
    kept.retention().step(kept.lease)
    assert owners(kept) - before == {b"n2", b"n3", b"n4", b"trader"}


def test_the_bytes_of_an_ended_encryption_key_go(kept: Kept) -> None:
    with kept.database.write() as session:
        encryption_keys.add(session, SEALER, StoredKey("k", b"p" * 32, b"s" * 32, 0, NOW - 10, b""))
    with kept.database.read() as session:
        kept.bytes["key"] = session.scalars(select(EncryptionKey.private_sealed)).one() or b""
    assert kept.left("key") == {"key"}
    with kept.database.write() as session:
        assert encryption_keys.delete(session, NOW, NOW) == ["k"]
    kept.retention().step(kept.lease)
    assert kept.left("key") == set()


def test_folders_of_proofs_go_with_their_batch(kept: Kept, tmp_path: Path) -> None:
    for name in ("1-abcdef", "1-012345", "11-abcdef"):
        (tmp_path / "proofs" / name / "private").mkdir(parents=True)
    kept.batch(1, BatchState.FINAL, NOW - AFTER)
    kept.retention(proofs=tmp_path / "proofs").step(kept.lease)
    assert [each.name for each in (tmp_path / "proofs").iterdir()] == ["11-abcdef"]


def test_who_lost_the_lease_deletes_nothing(kept: Kept) -> None:
    kept.batch(1, BatchState.FINAL, NOW - AFTER)
    assert Leases(kept.database, "another", lambda: kept.lease.expires_at + 1).acquire(LEASE) is not None
    with pytest.raises(LeaseLost):
        kept.retention().step(kept.lease)
    with kept.database.read() as session:
        assert session.get_one(Batch, 1).batch_sealed is not None


def test_bytes_that_a_reader_still_needs_are_seen_to_later(kept: Kept) -> None:
    kept.batch(1, BatchState.FINAL, NOW - AFTER)
    with kept.database.read() as reading:
        reading.scalars(select(Order.id)).all()
        kept.retention().step(kept.lease)
        assert kept.left("orders") == {place for place in kept.bytes if place.startswith("orders")}
    kept.retention().step(kept.lease)
    assert kept.left("orders") == set()


def test_postgresql_rewrites_tables_no_more_often_than_it_may(postgres: Cluster) -> None:
    database = Database.open(postgres.fresh())
    with database.write() as session:
        session.add(Holder(owner=OWNER, key=OWNER, subaccount=0, account=1, holder_sealed=b"", created_at=0))
    kept = Kept(database)
    retention = Retention(database=database, after_final=AFTER, evidence=lambda: 0, rewrite=DAY, clock=lambda: kept.now)
    kept.batch(1, BatchState.FINAL, NOW - AFTER)
    retention.step(kept.lease)
    assert kept.left("orders.content:1") == set()
    kept.batch(2, BatchState.FINAL, NOW - AFTER + 1)
    kept.now += 1
    retention.step(kept.lease)
    kept.now += DAY
    retention.step(kept.lease)
    assert kept.left("orders") == set()
    database.close()
