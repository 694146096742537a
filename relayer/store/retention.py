"""What orders said is deleted once nobody needs it, and its bytes with it.

``after_final`` after a batch is final: content and results of its orders, what its clearing was noted with, its folder of proofs. Its
sealed batch too, but not before ``evidence`` is over and no challenge is open: with it challenges to receipts are answered. Of a batch that
is void or ran out, ``after_final`` after that, and an hour at least, since it could be taken back. Orders that were cancelled or lapsed,
the same time after. Accounts of an earlier batch as soon as a later one is final; the
newest final ones stay, since the next batch starts there. What owners were told goes after the same time, but not within
``EVENTS_LEAST``, so that subscribers that were away can resume; what all were told after ``EVENTS_PUBLIC``. Registrations of owners that
never got an account ``UNUSED`` after they were last made, or as soon as ``MOST_UNUSED`` newer ones are there: anybody can make them.
Sessions and challenges that have run out, and answers to idempotent requests after ``IDEMPOTENCY``. Ended encryption keys lose their
private halves by :mod:`relayer.intake.keys`; here their bytes go.

**By two clocks.** What challenges are answered with is judged by the earlier of this machine's time and that of the last block read, all
else by a machine's time that is at most ``BLOCK_AGE`` ahead of that block: a clock that is days ahead for a moment deletes nothing.

**How far bytes go.** All of it was sealed (:mod:`.crypt`), so this is the second wall. SQLite overwrites what it deletes with zeros, and
its journal is cut to nothing after each deletion: no page of the files holds it. PostgreSQL only marks rows dead: the tables concerned
are written anew (``VACUUM FULL``), so no file of a table holds it, at most every ``REWRITE`` since that locks them for moments. Its
write-ahead log keeps old pages until the server reuses the segments, which only traffic brings about; archives of that log, replicas,
backups and the cells of a disk are out of reach of both.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Delete, Update, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from relayer.errors import StoreError
from relayer.points import reached
from relayer.store import chain, drafts, events
from relayer.store.batches import CLEARED
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.leases import Lease
from relayer.store.models import (
    AuthChallenge,
    Base,
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
    SealDraft,
    Setting,
    Snapshot,
)
from relayer.store.models import Session as SessionRow
from relayer.store.orders import CHUNK

LEASE: Final = "retention"
HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
OVER: Final = "over"
"""State of a challenge that nothing can open again: any other may have to be answered, once more after a reorganisation."""
EVENTS_LEAST: Final = HOUR
EVENTS_PUBLIC: Final = 90 * DAY
IDEMPOTENCY: Final = 7 * DAY
UNUSED: Final = 7 * DAY
REWRITE: Final = DAY
"""Times in ms."""
MOST_UNUSED: Final = 100_000
"""Registrations without an account, about 400 bytes each."""
ENDED: Final = (OrderState.CANCELLED, OrderState.LAPSED)
CUT: Final = "PRAGMA wal_checkpoint(TRUNCATE)"
LEFT: Final = Order.content_sealed.is_not(None)
"""Orders of which something is left: results go with contents."""
TO_WIPE: Final = "retention.to_wipe"
WIPED: Final = "retention.wiped"
"""Settings: tables with deleted bytes in their files, and when that was last seen to (ms)."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Deletes by policy. ``after_final``, ``evidence`` and ``rewrite`` in ms; ``proofs``: the folder of the batches' proofs, if it is here.

    ``evidence`` is the longest that a settled batch can be challenged and the challenge be open: the vault's ``challengeTime`` and
    ``answerTime``.
    """

    database: Database
    after_final: int
    evidence: Callable[[], int]
    proofs: Path | None = None
    rewrite: int = REWRITE
    clock: Callable[[], int] = now_ms

    def step(self, lease: Lease) -> bool:
        """Deletes what is due and has its bytes overwritten; whether there was anything. To be repeated for ever."""
        clock, after = self.clock(), self.after_final
        evidence = max(self.evidence(), after)
        with self.database.write() as session:
            lease.check(session)
            now, answerable = (
                chain.not_after_head(session, clock, chain.BLOCK_AGE),
                chain.not_after_head(session, clock),
            )
            final = _since(session, (BatchState.FINAL,), now - after)
            changed = _delete(session, now, now - after, final)
            over = _since(session, (BatchState.FINAL,), answerable - evidence)
            over += _since(session, (BatchState.VOID, BatchState.EXPIRED), now - max(after, HOUR))
            changed |= _delete_batches(session, over)
            changed |= _keys_deleted(session)
            _note(session, changed)
            reached("retention.before-commit")
        reached("retention.after-commit")
        self._remove_proofs(final)
        return self._wipe(lease, clock) or bool(changed)

    def _remove_proofs(self, final: Iterable[int]) -> None:
        """Folders of proofs are named after their batch, ``7-…``."""
        for number in final if self.proofs is not None else ():
            for folder in Path(str(self.proofs)).glob(f"{number}-*"):
                shutil.rmtree(folder)

    def _wipe(self, lease: Lease, now: int) -> bool:
        """Has deleted bytes overwritten; whether there were any. A kill in between leaves the note that they are there."""
        with self.database.read() as session:
            tables, last = _noted(session), _wiped(session)
        if not tables or (not self.database.sqlite and now - last < self.rewrite):
            return False
        rewriting = [f"VACUUM FULL {table}" for table in sorted(tables)]
        if not self.database.maintain(*([CUT] if self.database.sqlite else rewriting)):
            return False  # somebody reads an older moment: next time
        reached("retention.before-wiped")
        with self.database.write() as session:
            lease.check(session)
            session.execute(delete(Setting).where(Setting.name == TO_WIPE))
            session.merge(Setting(name=WIPED, value=str(now)))
        return True


# ---- what is due


def _since(session: Session, states: Sequence[BatchState], time: int) -> list[int]:
    """Batches that came to the state that they are in, one of these, by a time, and of which something is left."""
    steps = select(BatchStep.batch).where(BatchStep.state.in_(states)).group_by(BatchStep.batch)
    long_enough = steps.having(func.max(BatchStep.at) <= time)
    with_orders = select(Order.batch).where(LEFT, Order.batch.is_not(None))
    some_left = or_(Batch.batch_sealed.is_not(None), Batch.number.in_(with_orders))
    query = select(Batch.number).where(Batch.state.in_(states), Batch.number.in_(long_enough), some_left)
    return list(session.scalars(query))


def _delete_batches(session: Session, numbers: list[int]) -> set[str]:
    """Deletes sealed batches that nobody can ask about any more."""
    asked, changed = select(BondChallenge.batch).where(BondChallenge.state != OVER), set[str]()
    for part in _parts(numbers):
        over = and_(Batch.number.in_(part), Batch.number.not_in(asked), Batch.batch_sealed.is_not(None))
        going = list(session.scalars(select(Batch.number).where(over)))
        emptied = session.connection().execute(update(Batch).where(over).values(batch_sealed=None)).rowcount
        counts = {Batch.__tablename__: emptied, SealDraft.__tablename__: drafts.forget(session, going)}
        changed |= {name for name, count in counts.items() if count}
    return changed


def _delete(session: Session, now: int, ended: int, final: list[int]) -> set[str]:
    """Deletes what is due; names of the tables that lost something."""
    of_ended = and_(Order.state.in_(ENDED), Order.updated_at <= ended)
    finals = select(Batch.number).where(Batch.state == BatchState.FINAL)
    newest = select(func.max(Snapshot.batch)).where(Snapshot.batch.in_(finals)).scalar_subquery()
    emptied = update(Order).where(LEFT).values(content_sealed=None, result_sealed=None)
    statements: list[tuple[type[Base], Update | Delete]] = [
        (Order, emptied.where(of_ended)),
        (Snapshot, delete(Snapshot).where(Snapshot.batch < newest)),
        (SessionRow, delete(SessionRow).where(SessionRow.expires_at <= now)),
        (AuthChallenge, delete(AuthChallenge).where(AuthChallenge.expires_at <= now)),
        (Holder, delete(Holder).where(_unused(session, now))),
        (Idempotency, delete(Idempotency).where(Idempotency.created_at <= now - IDEMPOTENCY)),
    ]
    for part in _parts(final):
        marks = [f"{CLEARED}{number}" for number in part]
        statements.append((Order, emptied.where(Order.batch.in_(part))))
        statements.append((Setting, delete(Setting).where(Setting.name.in_(marks))))
    changed = {kind.__tablename__ for kind, each in statements if session.connection().execute(each).rowcount}
    told = min(ended, now - EVENTS_LEAST)
    if events.forget(session, owned_before=told, public_before=now - EVENTS_PUBLIC):
        changed.add(Event.__tablename__)
    return changed


def _parts(numbers: list[int]) -> list[list[int]]:
    """So many at a time as a statement may name: how many batches are due is for the vault's times to say."""
    return [numbers[at : at + CHUNK] for at in range(0, len(numbers), CHUNK)]


def _unused(session: Session, now: int) -> ColumnElement[bool]:
    """Which registrations nobody needs: without an account, never with one that ordered, and too old or too many."""
    without = select(Holder.created_at).where(Holder.account.is_(None)).order_by(Holder.created_at.desc())
    beyond = session.scalar(without.offset(MOST_UNUSED).limit(1))
    ordered = exists().where(Order.owner == Holder.owner)
    return and_(Holder.account.is_(None), Holder.created_at <= max(now - UNUSED, beyond or 0), ~ordered)


def _keys_deleted(session: Session) -> set[str]:
    """Whether private halves of encryption keys went since bytes were last overwritten."""
    newest = session.scalar(select(func.max(EncryptionKey.deleted_at)))
    return {EncryptionKey.__tablename__} if newest is not None and newest > _wiped(session) else set()


# ---- which files hold deleted bytes


def _note(session: Session, tables: set[str]) -> None:
    if tables:
        session.merge(Setting(name=TO_WIPE, value=",".join(sorted(tables | _noted(session)))))


def _noted(session: Session) -> set[str]:
    row = session.get(Setting, TO_WIPE)
    found = set() if row is None else set(row.value.split(","))
    unknown = found - set(Base.metadata.tables)
    if unknown:
        raise StoreError(f"{TO_WIPE} names what is no table: {', '.join(sorted(unknown))}")
    return found


def _wiped(session: Session) -> int:
    row = session.get(Setting, WIPED)
    return -1 if row is None else int(row.value)
