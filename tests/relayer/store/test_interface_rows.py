"""What the interface keeps and shows of the database: sessions that end, challenges used once, webhooks, pages; on either database."""

from __future__ import annotations

from sqlalchemy import event

from relayer.store import events, listing, risk, sessions, webhooks
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.models import AuthChallenge, Batch, BatchState, EncryptionKey, Holder, Order, OrderState

SEALER = Sealer(bytes(range(32)))
ALICE, BOB = b"a" * 32, b"b" * 32


def test_a_challenge_is_used_once_for_longer_than_anybody_takes_it(database: Database) -> None:
    first, second = b"1" * 32, b"2" * 32
    with database.write() as session:
        assert sessions.use_challenge(session, first, ALICE, now=10, ends=20)
        assert not sessions.use_challenge(session, first, ALICE, now=11, ends=20)
    with database.write() as session:
        assert not sessions.use_challenge(session, first, ALICE, now=20 + sessions.LONGER - 1, ends=20)
        assert sessions.use_challenge(session, second, BOB, now=20 + sessions.LONGER, ends=20 + sessions.LONGER)
        assert [row.challenge for row in session.query(AuthChallenge)] == [second]


def test_an_owners_oldest_sessions_end_beyond_the_most(database: Database) -> None:
    with database.write() as session:
        sessions.add_session(session, b"b" * 32, BOB, now=10, expires_at=15)
        for number in range(sessions.MOST_SESSIONS + 3):
            sessions.add_session(session, b"%032d" % number, ALICE, now=10, expires_at=20 + number)
    with database.read() as session:
        found = [sessions.find_session(session, b"%032d" % n, 10) for n in range(sessions.MOST_SESSIONS + 3)]
        assert [each is None for each in found] == 3 * [True] + sessions.MOST_SESSIONS * [False]
        assert sessions.find_session(session, b"b" * 32, 10) == (BOB, 15)


def test_a_session_is_known_until_it_ends(database: Database) -> None:
    with database.write() as session:
        sessions.add_session(session, b"t" * 32, ALICE, now=10, expires_at=20)
    with database.read() as session:
        assert sessions.find_session(session, b"t" * 32, 19) == (ALICE, 20)
        assert sessions.find_session(session, b"t" * 32, 20) is None
        assert sessions.find_session(session, b"u" * 32, 15) is None
    with database.write() as session:
        sessions.end_session(session, b"t" * 32)
    with database.read() as session:
        assert sessions.find_session(session, b"t" * 32, 15) is None


def test_webhooks_are_told_from_the_event_after_they_were_added(database: Database) -> None:
    with database.write() as session:
        events.append(session, "batches", {})
        row, secret = webhooks.add(session, SEALER, "https://a.example/?key=k", "a.example", ["alerts", "batches"])
        number = row.id
    with database.read() as session:
        (due,) = webhooks.due(session, now=2**62)
        hook = webhooks.opened(SEALER, due)
        assert (hook.url, hook.secret, hook.delivered_seq) == ("https://a.example/?key=k", secret, 1)
        assert hook.channels == ("alerts", "batches")
    with database.write() as session:
        webhooks.failed(session, number, next_at=2**61)
    with database.read() as session:
        assert webhooks.due(session, now=2**60) == []
    with database.write() as session:
        webhooks.delivered(session, number, 7)
        webhooks.delivered(session, number, 5)
        assert webhooks.listed(session)[0].delivered_seq == 7
        assert webhooks.remove(session, number)
        assert not webhooks.remove(session, number)


def add_order(database: Database, owner: bytes, position: int, state: OrderState = OrderState.WAITING) -> str:
    name = f"order-{position}"
    with database.write() as session:
        if session.get(Holder, owner) is None:
            session.add(Holder(owner=owner, key=owner, subaccount=0, account=None, holder_sealed=b"", created_at=0))
            session.flush()
        digest = position.to_bytes(32, "big")
        session.add(
            Order(
                id=name, hash=digest, owner=owner, account=1, state=state, position=position, created_at=0, updated_at=0
            )
        )
    return name


def test_an_owners_orders_are_paged_and_anothers_are_not_there(database: Database) -> None:
    for position in range(1, 6):
        add_order(database, ALICE, position)
    other = add_order(database, BOB, 6, OrderState.FINAL)
    with database.read() as session:
        first = listing.orders(session, ALICE, None, 3)
        assert [each.position for each in first] == [5, 4, 3]
        assert [each.position for each in listing.orders(session, ALICE, 3, 3)] == [2, 1]
        assert listing.orders(session, ALICE, None, 9, listing.DONE) == []
        assert [each.id for each in listing.orders(session, BOB, None, 9, listing.DONE)] == [other]
        assert listing.order(session, ALICE, other) is None
        assert listing.order(session, BOB, other) is not None


def test_batches_are_paged(database: Database) -> None:
    with database.write() as session:
        for number in range(1, 6):
            session.add(Batch(number=number, state=BatchState.OPEN, epoch=1, proofs_done=0, created_at=0, updated_at=0))
    with database.read() as session:
        assert [each.number for each in listing.batches(session, None, 2)] == [5, 4]
        assert [each.number for each in listing.batches(session, 4, 2)] == [3, 2]


def test_keys_are_shown_while_they_are_accepted_the_newest_first(database: Database) -> None:
    with database.write() as session:
        for name, begin, end, deleted in (("a", 0, 10, None), ("b", 5, 20, None), ("c", 0, 20, 1), ("d", 50, 90, None)):
            session.add(
                EncryptionKey(
                    id=name,
                    public=b"",
                    private_sealed=None,
                    signature=b"",
                    not_before=begin,
                    not_after=end,
                    deleted_at=deleted,
                )
            )
    with database.read() as session:
        assert [each.id for each in listing.encryption_keys(session, 7)] == ["b", "a"]
        assert [each.id for each in listing.encryption_keys(session, 10)] == ["b"]


def test_a_risk_table_is_kept_once_under_its_root(database: Database) -> None:
    with database.write() as session:
        assert risk.put(session, b"r" * 32, "one")
        assert not risk.put(session, b"r" * 32, "two")
    with database.read() as session:
        assert [each.document for each in listing.risk_documents(session, 0)] == ["one"]
        assert listing.risk_document(session, b"r" * 32) is not None


def test_batches_are_listed_without_what_was_sealed_and_proven(database: Database) -> None:
    long = {"batch_sealed": b"sealed", "settlement": b"proven"}
    with database.write() as session:
        for number in (1, 2, 3):
            session.add(Batch(number=number, state=BatchState.FINAL, epoch=1, created_at=0, updated_at=0, **long))
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with database.read() as session:
        rows = [*listing.batches(session, None, 10), *listing.batches(session, 3, 10), listing.brief(session, 1)]
    assert [row.number for row in rows if row is not None] == [3, 2, 1, 2, 1, 1]
    assert [text for text in asked if "FROM batches" in text]
    assert not [text for text in asked if "batch_sealed" in text or "settlement" in text]
    with database.read() as session:
        row = listing.batch(session, 1)
    assert row is not None, "and whole where one is asked for"
    assert (row.batch_sealed, row.settlement) == (b"sealed", b"proven")
