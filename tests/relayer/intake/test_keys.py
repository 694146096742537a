"""Encryption keys follow one another with an overlap, are the same in every process, and are gone when their time is over."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from relayer.chain import Block
from relayer.envelope import open_order
from relayer.errors import LeaseLost
from relayer.hpke import PrivateKey
from relayer.intake.keys import KeyRing
from relayer.intake.refusal import Code, Refused
from relayer.intake.signer import LocalSigner, Voucher
from relayer.signing import Signer
from relayer.store import chain, overview
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.store.models import EncryptionKey
from relayer.vouching import KeyInTime
from tests.relayer.intake.scene import DOMAIN, SEALER, SIGNER, TERMS, VAULT, VOUCHER, envelope, trader

SECOND = 1_000
IN_FORCE, OVERLAP = 100, 10


class Clock:
    """A clock that is set by hand, in ms."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now

    def pass_(self, seconds: int) -> None:
        """Time goes by."""
        self.now += seconds * SECOND


def ring(database: Database, clock: Clock) -> KeyRing:
    """As a process has it."""
    return KeyRing(database, SEALER, VOUCHER, key_seconds=IN_FORCE, overlap_seconds=OVERLAP, clock=clock)


def rotate(keys: KeyRing, database: Database, clock: Clock) -> bool:
    """As the leader does."""
    lease = Leases(database, "test", clock).acquire("intake")
    assert lease is not None
    return keys.rotate(lease)


def test_a_key_is_in_force_then_accepted_then_gone(database: Database) -> None:
    clock = Clock()
    keys = ring(database, clock)
    assert keys.current() is None
    assert rotate(keys, database, clock)
    assert not rotate(keys, database, clock)
    first = keys.current()
    assert first is not None
    assert (first.in_force_until, first.accepted_until) == (
        clock.now + IN_FORCE * SECOND,
        clock.now + (IN_FORCE + OVERLAP) * SECOND,
    )
    sent = envelope(keys, trader(1).signed(trader(1).order()))
    clock.pass_(IN_FORCE)
    assert rotate(keys, database, clock)
    second = keys.current()
    assert second is not None
    assert second.id != first.id
    assert [each.id for each in keys.published()] == [second.id, first.id]
    clock.pass_(OVERLAP - 1)
    assert open_order(sent, keys.opening(sent.key_id), DOMAIN, VAULT).owner == trader(1).holder.owner
    clock.pass_(1)
    with pytest.raises(Refused) as refused:
        keys.opening(sent.key_id)
    assert refused.value.code is Code.UNKNOWN_KEY
    assert refused.value.values["current"] == second.id
    assert rotate(keys, database, clock), "what is over is deleted"
    assert [each.id for each in keys.published()] == [second.id]


def test_the_private_half_is_sealed_and_deleted_when_the_key_is_over(database: Database) -> None:
    clock = Clock()
    keys = ring(database, clock)
    rotate(keys, database, clock)
    current = keys.current()
    assert current is not None
    private = keys.opening(bytes.fromhex(current.id))

    def row() -> EncryptionKey:
        with database.read() as session:
            return session.scalars(select(EncryptionKey).where(EncryptionKey.id == current.id)).one()

    sealed = row().private_sealed
    assert sealed is not None
    assert private.raw not in sealed
    assert PrivateKey(SEALER.open(f"encryption_keys.private:{current.id}", sealed)) == private
    clock.pass_(IN_FORCE + OVERLAP)
    rotate(keys, database, clock)
    assert (row().private_sealed, row().deleted_at) == (None, clock.now)
    assert row().public == current.public


def test_a_clock_that_is_days_ahead_for_a_moment_takes_no_key_away(database: Database) -> None:
    clock, days = Clock(), 3 * 86_400
    keys = ring(database, clock)
    with database.write() as session:
        chain.add(session, [], [], Block(1, b"1" * 32, b"0" * 32, clock.now // SECOND))
    rotate(keys, database, clock)
    first = keys.current()
    assert first is not None
    sent = envelope(keys, trader(1).signed(trader(1).order()))
    clock.pass_(days)
    rotate(keys, database, clock)
    clock.pass_(-days)
    assert not rotate(keys, database, clock)
    assert (keys.current(), keys.published()) == (first, [first])
    with database.read() as session:
        watched = overview.encryption_key_ends(session, clock.now)
    assert watched == keys.ends_at == first.accepted_until, "who watches for a missing key looks at this one"
    assert open_order(sent, keys.opening(sent.key_id), DOMAIN, VAULT).owner == trader(1).holder.owner
    clock.pass_(IN_FORCE)
    assert rotate(keys, database, clock), "keys follow one another as before"
    second = keys.current()
    assert second is not None
    assert second.not_before == clock.now
    assert [each.id for each in keys.published()] == [second.id, first.id]


def test_a_clock_that_is_days_behind_for_a_moment_takes_no_key_away(database: Database) -> None:
    clock, days = Clock(), 3 * 86_400
    keys = ring(database, clock)
    rotate(keys, database, clock)
    first = keys.current()
    clock.pass_(-days)
    rotate(keys, database, clock)
    assert not rotate(keys, database, clock)
    clock.pass_(days)
    rotate(keys, database, clock)
    assert keys.published() == [first]


def test_another_process_opens_with_a_key_that_was_made_after_it_started(database: Database) -> None:
    clock = Clock()
    leader, standby = ring(database, clock), ring(database, clock)
    standby.load()
    rotate(leader, database, clock)
    clock.pass_(1)
    sent = envelope(leader, trader(1).signed(trader(1).order()))
    assert standby.opening(sent.key_id) == leader.opening(sent.key_id)


def test_only_the_leader_makes_keys(database: Database) -> None:
    clock = Clock()
    lease = Leases(database, "first", clock).acquire("intake", 15)
    assert lease is not None
    clock.pass_(60)
    assert Leases(database, "second", clock).acquire("intake") is not None
    keys = ring(database, clock)
    with pytest.raises(LeaseLost):
        keys.rotate(lease)
    keys.load()
    assert keys.current() is None


def test_a_key_about_to_end_is_told(database: Database) -> None:
    clock = Clock()
    keys = ring(database, clock)
    assert keys.ends_at is None
    rotate(keys, database, clock)
    again = ring(database, clock)
    again.load()
    assert again.ends_at == clock.now + (IN_FORCE + OVERLAP) * SECOND
    clock.pass_(IN_FORCE + OVERLAP)
    assert again.current() is None, "nobody rotated: there is no key to encrypt to"
    assert again.published() == []


def test_every_key_is_vouched_for_by_the_receipt_signer_for_its_time(database: Database) -> None:
    clock = Clock()
    clock.now += 321
    keys = ring(database, clock)
    assert rotate(keys, database, clock)
    with database.read() as session:
        row = session.scalars(select(EncryptionKey)).one()
    assert (row.not_before % SECOND, row.not_after % SECOND) == (0, 0)
    own = KeyInTime(row.public, row.not_before // SECOND, row.not_after // SECOND)
    own.check(row.signature, SIGNER.address, TERMS.separator, clock.now // SECOND)


def test_a_key_that_another_signer_vouched_for_is_followed_at_once(database: Database) -> None:
    clock = Clock()
    before = ring(database, clock)
    assert rotate(before, database, clock)
    first = before.current()
    clock.pass_(1)
    other = Voucher(LocalSigner(Signer(b"\x07" * 32)), TERMS.separator)
    after = KeyRing(database, SEALER, other, key_seconds=IN_FORCE, overlap_seconds=OVERLAP, clock=clock)
    assert rotate(after, database, clock)
    assert not rotate(after, database, clock)
    second = after.current()
    assert first is not None
    assert second is not None
    assert [each.id for each in after.published()] == [second.id, first.id]
