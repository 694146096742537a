"""Keys that orders are encrypted to: made, published, followed by the next, deleted.

A key is in force for ``key_seconds``; then the next is, and it is still accepted for the overlap, so that nobody who read ``GET /keys``
a moment ago is turned away. Then its private half, sealed at rest until then, is deleted: who takes database and key file later opens
no envelope that somebody recorded. The leader of intake rotates; every process reads. Each key is signed by the vault's receipt signer
when it is made (:mod:`relayer.vouching`), and a new one is made at once where the stored one is signed by another: no trader would use it.

A clock that is far ahead for a moment costs nothing: the key that is made then begins in the future, and none counts before it begins;
and no private half is deleted by a time that is far ahead of the chain's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from relayer import points
from relayer.hpke import PrivateKey
from relayer.intake.refusal import Code, Issue, Refused
from relayer.intake.signer import Voucher
from relayer.store import chain, encryption_keys
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.encryption_keys import StoredKey
from relayer.store.leases import Lease
from relayer.vouching import KeyInTime

SECOND: Final = 1_000
"""Times are signed in seconds, so a key begins and ends with one."""
EARLY_MS: Final = 60_000
EARLY_PART: Final = 10
"""The next key is made a minute before it is due, or a tenth of a short time: who watches for a missing one has no false alarm."""
AHEAD_MS: Final = 60_000
"""A key that begins later than this from now was made by a clock that was wrong; less is what machines differ by."""
RELOAD_MS: Final = 500
"""Least time between two looks for a key that this process does not know."""


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key as traders see it; times in ms: encrypt to it until ``in_force_until``, it opens until ``accepted_until``."""

    id: str
    public: bytes
    not_before: int
    in_force_until: int
    accepted_until: int


class KeyRing:
    """The encryption keys of the service. May be used from several threads."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        voucher: Voucher,
        *,
        key_seconds: int = 86_400,
        overlap_seconds: int = 3_600,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._database, self._sealer, self._voucher, self._clock = database, sealer, voucher, clock
        self._in_force, self._overlap = 1000 * key_seconds, 1000 * overlap_seconds
        self._keys: dict[bytes, tuple[StoredKey, PrivateKey]] = {}
        self._lock = threading.Lock()
        self._loaded: int | None = None

    def load(self) -> None:
        """Reads the keys that are stored."""
        with self._database.read() as session:
            stored = encryption_keys.alive(session, self._sealer)
        with self._lock:
            self._keys = {bytes.fromhex(each.id): (each, PrivateKey(each.private)) for each in stored}
            self._loaded = self._clock()

    def rotate(self, lease: Lease) -> bool:
        """Makes the next key where it is time, deletes what is over; whether anything changed. For the leader of intake."""
        now = self._clock()
        self.load()
        newest = self._newest()
        early = min(EARLY_MS, self._in_force // EARLY_PART)
        due = newest is None or now >= newest.not_before + self._in_force - early or not self._vouched(newest)
        with self._database.read() as session:
            # Never more than the overlap, so that by the time of the chain no key is in force which is deleted.
            ended = chain.not_after_head(session, now, min(chain.BLOCK_AGE, self._overlap))
        over = any(key.not_after <= ended for key, _ in self._keys.values())
        if not (due or over):
            return False
        made = self._made(now) if due else None
        points.reached("keys.before-commit")
        with self._database.write() as session:
            lease.check(session)
            if made is not None:
                encryption_keys.add(session, self._sealer, made)
            encryption_keys.delete(session, ended, ended)
        points.reached("keys.after-commit")
        self.load()
        return True

    def _made(self, now: int) -> StoredKey:
        key, begin = PrivateKey.generate(), now - now % SECOND
        end = begin + self._in_force + self._overlap
        signature = self._voucher.vouch(_in_time(key.public.raw, begin, end))
        return StoredKey(key.public.id.hex(), key.public.raw, key.raw, begin, end, signature)

    def _vouched(self, key: StoredKey) -> bool:
        return self._voucher.vouched(_in_time(key.public, key.not_before, key.not_after), key.signature)

    def opening(self, key_id: bytes) -> PrivateKey:
        """The key that an envelope names; :class:`Refused` with UNKNOWN_KEY if it is none of ours, or is over."""
        found = self._accepted(key_id)
        if found is None and self._may_reload():
            self.load()
            found = self._accepted(key_id)
        if found is None:
            current = self.current()
            values = {"key_id": key_id.hex(), "current": None if current is None else current.id}
            raise Refused(Issue(Code.UNKNOWN_KEY, "no such key is in force: take the one of GET /v1/keys", values))
        return found

    def current(self) -> PublishedKey | None:
        """The key to encrypt to now; None before the first is made, or if nobody has rotated for too long."""
        now, newest = self._clock(), self._newest()
        return self._published(newest) if newest is not None and now < newest.not_after else None

    def published(self) -> list[PublishedKey]:
        """Every key that is accepted, the one in force first."""
        now = self._clock()
        keys = [key for key in self._begun() if now < key.not_after]
        return [self._published(key) for key in sorted(keys, key=lambda key: (key.not_before, key.id), reverse=True)]

    @property
    def ends_at(self) -> int | None:
        """When the newest key stops being accepted, in ms: if that is near, nobody rotates. None if there is no key."""
        newest = self._newest()
        return None if newest is None else newest.not_after

    def _accepted(self, key_id: bytes) -> PrivateKey | None:
        found = self._keys.get(key_id)
        return found[1] if found is not None and self._clock() < found[0].not_after else None

    def _may_reload(self) -> bool:
        return self._loaded is None or self._clock() - self._loaded >= RELOAD_MS

    def _newest(self) -> StoredKey | None:
        return max(self._begun(), key=lambda key: (key.not_before, key.id), default=None)

    def _begun(self) -> list[StoredKey]:
        """The keys without those that a wrong clock had begin in the future."""
        latest = self._clock() + AHEAD_MS
        return [key for key, _ in list(self._keys.values()) if key.not_before <= latest]

    def _published(self, key: StoredKey) -> PublishedKey:
        return PublishedKey(
            key.id, key.public, key.not_before, min(key.not_before + self._in_force, key.not_after), key.not_after
        )


def _in_time(public: bytes, begin: int, end: int) -> KeyInTime:
    return KeyInTime(public, begin // SECOND, end // SECOND)
