"""What a replica keeps: ciphertext words by their hash, what it has signed, and which of it the chain has settled. One SQLite file.

Words are on disk, synced, when :meth:`Store.keep` returns. Words that no settled batch has and no open one may still need are
dropped (:meth:`Store.prune`), words of settled batches never. What is signed for is never replaced: a segment of a settlement
may have been signed for with several hashes, of which the chain settles one. Plain SQLite, since this is one file of few tables
beside the relayer's own database, not in it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from relayer.errors import ReplicaError

FORMAT: Final = "2"
"""Stands in ``identity``, so that a program of the first format, which has none there, refuses the file."""
ONCE_SETTLED: Final = b""
"""Stands for r₁ in ``signed`` for words of a settlement that left the chain: signed for or not, they may be settled again."""
TABLES: Final = """
CREATE TABLE IF NOT EXISTS words (hash BLOB PRIMARY KEY, words BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS signed (
    r1 BLOB NOT NULL, segment INTEGER NOT NULL, hash BLOB NOT NULL, batch INTEGER NOT NULL, PRIMARY KEY (r1, segment, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settled (
    batch INTEGER NOT NULL, segment INTEGER NOT NULL, hash BLOB NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (batch, segment)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS settled_hash ON settled (hash);
CREATE TABLE IF NOT EXISTS touched (
    account INTEGER NOT NULL, batch INTEGER NOT NULL, segment INTEGER NOT NULL, place INTEGER NOT NULL,
    PRIMARY KEY (account, batch)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a settled batch touched an account, and the hash of that segment's ciphertext words."""

    batch: int
    segment: int
    place: int
    hash: bytes


class Store:
    """The file of a replica of one vault. May be used from several threads."""

    def __init__(self, folder: Path, chain_id: int, vault: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._base = sqlite3.connect(folder / "replica.sqlite", check_same_thread=False, isolation_level=None)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = FULL")
        self._base.executescript(TABLES)
        with self.changing():
            self._belong({"chain_id": str(chain_id), "vault": vault, "format": FORMAT})
            self._take_over()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._base.close()

    def _belong(self, identity: dict[str, str]) -> None:
        self._base.executemany("INSERT OR IGNORE INTO identity VALUES (?, ?)", identity.items())
        held = dict(self._base.execute("SELECT name, value FROM identity"))
        if (held["vault"], held["chain_id"]) != (identity["vault"], identity["chain_id"]):
            raise ReplicaError(
                f"the store is of vault {held['vault']} on chain {held['chain_id']}: choose another folder", held
            )
        if held != identity:
            what = f"the store has format {held['format']}, this program knows {FORMAT}: use the program that wrote it"
            raise ReplicaError(what, held)

    def _take_over(self) -> None:
        """What a file of the first format was signed for: one hash of a segment of a settlement."""
        if self._one("SELECT name FROM sqlite_schema WHERE name = 'attested'") is not None:
            self._base.execute("INSERT OR IGNORE INTO signed SELECT r1, segment, hash, batch FROM attested")
            self._base.execute("DROP TABLE attested")

    # ---- words

    def keep(self, r1: bytes, batch: int, first: int, segments: Sequence[tuple[bytes, bytes]]) -> None:
        """Keeps (hash, words) of the segments ``first`` … of a settlement for good, before it is signed for."""
        with self.changing() as base:
            base.executemany("INSERT OR IGNORE INTO words VALUES (?, ?)", segments)
            rows = [(r1, first + at, digest, batch) for at, (digest, _) in enumerate(segments)]
            base.executemany("INSERT OR IGNORE INTO signed VALUES (?, ?, ?, ?)", rows)

    def fill(self, digest: bytes, words: bytes) -> None:
        """Keeps words that were missing."""
        with self.changing() as base:
            base.execute("INSERT OR IGNORE INTO words VALUES (?, ?)", (digest, words))

    def words(self, digest: bytes) -> bytes | None:
        """The words of a hash."""
        row = self._one("SELECT words FROM words WHERE hash = ?", digest)
        return None if row is None else bytes(row[0])

    def waiting(self, batch: int) -> set[tuple[bytes, int, bytes]]:
        """(r₁, segment, hash) of all that was signed for under a batch."""
        query = "SELECT r1, segment, hash FROM signed WHERE batch = ? AND r1 != ?"
        with self._lock:
            rows = self._base.execute(query, (batch, ONCE_SETTLED))
            return {(bytes(r1), int(segment), bytes(digest)) for r1, segment, digest in rows}

    def batches_waiting(self, batch: int) -> int:
        """Batches other than one that words were signed for and that are not settled for good."""
        row = self._one("SELECT count(DISTINCT batch) FROM signed WHERE batch != ? AND r1 != ?", batch, ONCE_SETTLED)
        return 0 if row is None else int(row[0])

    # ---- what the chain says

    def settle(self, batch: int, block: int, hashes: Sequence[bytes], touches: Sequence[tuple[int, int, int]]) -> None:
        """A batch is settled with these segments; ``touches`` are (account, segment, place)."""
        with self.changing() as base:
            self.withdraw(batch)
            base.executemany(
                "INSERT INTO settled VALUES (?, ?, ?, ?)", [(batch, at, h, block) for at, h in enumerate(hashes)]
            )
            base.executemany(
                "INSERT OR REPLACE INTO touched VALUES (?, ?, ?, ?)", [(a, batch, s, p) for a, s, p in touches]
            )

    def withdraw(self, batch: int) -> None:
        """A settlement left the chain; its words stay."""
        with self.changing() as base:
            once = "INSERT OR IGNORE INTO signed SELECT ?, segment, hash, batch FROM settled WHERE batch = ?"
            base.execute(once, (ONCE_SETTLED, batch))
            base.execute("DELETE FROM settled WHERE batch = ?", (batch,))
            base.execute("DELETE FROM touched WHERE batch = ?", (batch,))

    def withdraw_after(self, block: int) -> None:
        """What was settled after a block is to be read again."""
        with self.changing() as base:
            query = "SELECT DISTINCT batch FROM settled WHERE block > ?"
            for (batch,) in base.execute(query, (block,)).fetchall():
                self.withdraw(batch)

    def prune(self, final: int) -> None:
        """Up to batch ``final`` nothing will change: what was signed for and not settled goes, with words that nobody needs."""
        with self.changing() as base:
            base.execute("DELETE FROM signed WHERE batch <= ?", (final,))
            base.execute(
                "DELETE FROM words WHERE hash NOT IN (SELECT hash FROM settled) AND hash NOT IN (SELECT hash FROM signed)"
            )

    def newest_settled(self, up_to_block: int | None = None) -> tuple[int, int] | None:
        """(batch, block) of the newest settled batch, up to a block if one is given."""
        row = self._one(
            "SELECT batch, block FROM settled WHERE ?1 IS NULL OR block <= ?1 ORDER BY batch DESC LIMIT 1", up_to_block
        )
        return None if row is None else (int(row[0]), int(row[1]))

    def missing(self) -> list[bytes]:
        """Hashes of settled segments whose words this replica does not hold."""
        query = "SELECT DISTINCT hash FROM settled WHERE hash NOT IN (SELECT hash FROM words)"
        with self._lock:
            return [bytes(row[0]) for row in self._base.execute(query)]

    def count(self) -> int:
        """Segments held."""
        row = self._one("SELECT count(*) FROM words")
        return 0 if row is None else int(row[0])

    def places(self, account: int, before: int | None, limit: int) -> list[Place]:
        """Where settled batches touched an account, newest first, of batches below ``before``."""
        query = (
            "SELECT t.batch, t.segment, t.place, s.hash FROM touched t JOIN settled s ON (s.batch, s.segment) = (t.batch, t.segment)"
            " WHERE t.account = ?1 AND (?2 IS NULL OR t.batch < ?2) ORDER BY t.batch DESC LIMIT ?3"
        )
        with self._lock:
            return [
                Place(row[0], row[1], row[2], bytes(row[3]))
                for row in self._base.execute(query, (account, before, limit))
            ]

    # ---- the file

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, which changes made within it are part of: on disk when it ends, or as if it had not begun."""
        with self._lock:
            if self._base.in_transaction:
                yield self._base
                return
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
                self._base.execute("COMMIT")
            finally:
                self._leave()

    def _leave(self) -> None:
        """Ends a transaction that failed; some failures, such as of a full disk, have ended it already."""
        if self._base.in_transaction:
            self._base.execute("ROLLBACK")

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:  # noqa: ANN401 - what a column holds
        with self._lock:
            row: tuple[Any, ...] | None = self._base.execute(query, values).fetchone()
            return row
