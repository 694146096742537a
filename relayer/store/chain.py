"""What was read of the chain, kept: blocks that tell a reorganisation, the vault's records, how far the chain is followed and final.

Only the watcher writes here. Everybody else reads :class:`StoredChain`, whose history is the fold of the records that stand; it is made
anew only when there is something new, and holds of what is final only what is asked of it (:mod:`.holding`). The rows have all of it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain as joined
from typing import Any, Final

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from relayer.chain import Block
from relayer.errors import RebuildError, StoreError
from relayer.history import UNTOLD, History
from relayer.ledger import CHECKPOINTS
from relayer.records import BatchSettled, Record
from relayer.store.database import Database
from relayer.store.holding import held
from relayer.store.models import ChainBlock, ChainRecord, Setting
from relayer.store.record_codec import read_record, write_record

VAULT: Final = "chain.vault"
FIRST: Final = "chain.first"
HEAD: Final = "chain.head"
FINAL: Final = "chain.final"
REWRITES: Final = "chain.rewrites"
FOLLOWED: Final = "chain.followed"
"""Settings: the vault that is served; the block it was made in; the last blocks read and final; reorganisations so far; when the chain
was last asked for its newest block (ms, by the machine's clock).
"""
FRESH_SECONDS: Final = 30
"""How long a look at the chain counts at least: half of what is left of an opening when its last receipt is given."""
POLLS: Final = 3
"""So many looks may fail before the chain counts as not followed."""
BLOCK_AGE: Final = 600_000
"""Milliseconds that the last block may be behind a machine's clock that is right."""
PAGE: Final = 64
"""Records that are read at once: a settlement may be a megabyte."""
NOT_HELD: Final = tuple(kind.__name__ for kind in UNTOLD)


# ---- what the watcher writes


def belong(session: Session, chain_id: int, vault: str) -> None:
    """Says which vault this database is of, or refuses another (:class:`StoreError`)."""
    wanted, row = f"{chain_id}:{vault.lower()}", session.get(Setting, VAULT)
    if row is None:
        session.add(Setting(name=VAULT, value=wanted))
    elif row.value != wanted:
        what = f"the database is of vault {row.value} (chain:address), not of {wanted}: give the right one, or another database"
        raise StoreError(what, {"stored": row.value, "wanted": wanted})


def set_first(session: Session, block: int) -> None:
    """Keeps the block to read from."""
    _set(session, FIRST, block)


def add(session: Session, records: Iterable[Record], blocks: Iterable[Block], head: Block) -> None:
    """Keeps new records, blocks that tell a reorganisation, and the block that was read up to."""
    for record in records:
        at, kind = record.at, type(record).__name__
        row = ChainRecord(
            block=at.block, index=at.index, block_hash=at.block_hash, kind=kind, payload=write_record(record)
        )
        session.add(row)
    for block in blocks:
        session.add(ChainBlock(number=block.number, hash=block.hash, parent=block.parent, time=block.time))
    _set(session, HEAD, _wire(head))
    session.flush()
    oldest = session.scalar(select(ChainBlock.number).order_by(ChainBlock.number.desc()).offset(CHECKPOINTS).limit(1))
    if oldest is not None:
        session.execute(delete(ChainBlock).where(ChainBlock.number <= oldest))


def withdraw(session: Session, records: Sequence[Record], above: int | None) -> None:
    """Takes back records, and blocks after ``above`` (None: all): they have left the chain."""
    places = [(record.at.block, record.at.index) for record in records]
    for start in range(0, len(places), 500):
        part = places[start : start + 500]
        session.execute(delete(ChainRecord).where(tuple_(ChainRecord.block, ChainRecord.index).in_(part)))
    session.execute(delete(ChainBlock).where(ChainBlock.number > (-1 if above is None else above)))
    if records:
        _set(session, REWRITES, rewrites(session) + 1)


def set_final(session: Session, block: Block) -> None:
    """Keeps the newest block that cannot be taken back."""
    _set(session, FINAL, _wire(block))


def set_followed(session: Session, at: int) -> None:
    """Keeps when the chain was asked for the block that is the last one read (ms), also where it was the same as before."""
    _set(session, FOLLOWED, at)


def forget(session: Session) -> None:
    """Removes all that was read, so that the chain is read again from the beginning."""
    session.execute(delete(ChainRecord))
    session.execute(delete(ChainBlock))
    session.execute(delete(Setting).where(Setting.name.in_([FIRST, HEAD, FINAL, FOLLOWED])))
    _set(session, REWRITES, rewrites(session) + 1)


# ---- what anybody reads


def first(session: Session) -> int | None:
    """The block to read from."""
    found = _get(session, FIRST)
    return None if found is None else int(found)


def head(session: Session) -> Block | None:
    """The last block that was read."""
    return _block(_get(session, HEAD))


def final(session: Session) -> Block | None:
    """The newest block known to be final."""
    return _block(_get(session, FINAL))


def followed(session: Session) -> int | None:
    """When the chain was last asked for its newest block, in ms; None if it was not since it is followed anew."""
    found = _get(session, FOLLOWED)
    return None if found is None else int(found)


def fresh_seconds(poll_seconds: float) -> float:
    """How long a look at the chain counts where it is looked at so often (s)."""
    return max(FRESH_SECONDS, POLLS * poll_seconds)


def is_fresh(session: Session, now: float, within: float) -> bool:
    """Whether the chain was looked at within so many seconds of ``now`` (s, by the machine's clock), so that what is stored of it can be
    acted on. It was not in a database that has just been restored, or whose records were deleted to be read again.
    """
    asked = followed(session)
    return asked is not None and abs(now - asked / 1000) <= within


def not_after_head(session: Session, now: int, ahead: int = 0) -> int:
    """A machine's time (ms), or that of the last block read and ``ahead`` where this is earlier: what is deleted for good by a clock that
    is wrong for a moment does not come back. As it is before the first block was read.
    """
    newest = head(session)
    return now if newest is None else min(now, 1000 * newest.time + ahead)


def deep(session: Session, block: int | None, depth: int | None) -> bool:
    """Whether so many blocks are over a block (None: whether it is final). One that is not known (None) is deep enough for 0 alone."""
    newest = head(session) if depth is not None else final(session)
    if block is None or newest is None:
        return depth == 0
    return newest.number - block >= (depth or 0)


def rewrites(session: Session) -> int:
    """Reorganisations that took records back, so far."""
    return int(_get(session, REWRITES) or 0)


def checkpoints(session: Session) -> list[tuple[int, bytes]]:
    """Blocks that tell a reorganisation."""
    return [(number, digest) for number, digest in session.execute(select(ChainBlock.number, ChainBlock.hash)).all()]


def records(session: Session, after: tuple[int, int] = (-1, -1), but: Collection[str] = ()) -> Iterator[Record]:
    """The records that stand, whole, in the order of the chain, after a place (block, index); without some kinds. Read a page at a time."""
    wanted = select(
        ChainRecord.kind, ChainRecord.block, ChainRecord.index, ChainRecord.block_hash, ChainRecord.payload
    ).where(ChainRecord.kind.not_in(but))
    ordered = wanted.order_by(ChainRecord.block, ChainRecord.index).limit(PAGE)
    while True:
        rows = session.execute(ordered.where(tuple_(ChainRecord.block, ChainRecord.index) > tuple_(*after))).all()
        yield from (read_record(*row) for row in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1][1], rows[-1][2]


def whole(session: Session, settlement: BatchSettled) -> BatchSettled:
    """A settlement with its words, which a history may hold without (:class:`RebuildError` where the rows no longer have it)."""
    if settlement.segments:
        return settlement
    at = settlement.at
    row = session.get(ChainRecord, (at.block, at.index))
    found = None if row is None else read_record(row.kind, row.block, row.index, row.block_hash, row.payload)
    if not isinstance(found, BatchSettled) or found.at != at:
        what = f"the settlement of batch {settlement.batch} is not stored as it was a moment ago: the watcher is writing, try again"
        raise RebuildError(what, {"batch": settlement.batch})
    return found


class StoredChain:
    """The history of the vault as it is kept. May be used from several threads; what it gives is not to be changed.

    Of final batches the history has no words and no proofs (:func:`whole` reads them), of epochs that are over no rows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._as_of = (-1, -1)
        self._records: list[Record] = []
        self._history = History()

    def history(self) -> History:
        """What the records tell that stand now."""
        self._refresh()
        return self._history

    def records(self) -> Sequence[Record]:
        """The records that stand now, whole, as they are stored: all of them at once."""
        with self._database.read() as session:
            return tuple(records(session))

    def head(self) -> Block | None:
        """The last block that was read; None before the first."""
        with self._database.read() as session:
            return head(session)

    def final(self) -> Block | None:
        """The newest block known to be final."""
        with self._database.read() as session:
            return final(session)

    def _refresh(self) -> None:
        with self._lock, self._database.read() as session:
            newest = final(session)
            as_of = rewrites(session), -1 if newest is None else newest.number
            known = self._records if as_of[0] == self._as_of[0] else []
            place = (known[-1].at.block, known[-1].at.index) if known else (-1, -1)
            new = records(session, place, NOT_HELD)
            first = next(new, None)
            if first is not None or as_of != self._as_of:
                self._records = held(joined(known, () if first is None else (first,), new), as_of[1])
                self._history, self._as_of = History.of(self._records), as_of


def _set(session: Session, name: str, value: object) -> None:
    session.merge(Setting(name=name, value=json.dumps(value)))


def _get(session: Session, name: str) -> Any:  # noqa: ANN401
    row = session.get(Setting, name)
    return None if row is None else json.loads(row.value)


def _wire(block: Block) -> dict[str, Any]:
    return {"number": block.number, "hash": block.hash.hex(), "parent": block.parent.hex(), "time": block.time}


def _block(wire: dict[str, Any] | None) -> Block | None:
    if wire is None:
        return None
    return Block(wire["number"], bytes.fromhex(wire["hash"]), bytes.fromhex(wire["parent"]), wire["time"])
