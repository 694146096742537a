"""Views from the database: what the watcher stored of the chain, which batch is open, the last snapshot, the operator's policies.

A view is made in one read, so it is of one moment. Where the snapshot of the last settled batch is not stored yet there is no new view,
and the one before goes on being used. The time by which an opening runs out is that of the last block read, so a view has an open batch
only while the chain is being followed: orders wait for it otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prover.batch import State, risk_root
from relayer.chain import Block
from relayer.errors import RebuildError
from relayer.history import History
from relayer.intake.view import Table, Terms, View
from relayer.records import EpochPosted
from relayer.store import batches, chain, orders, policies
from relayer.store.database import Database
from relayer.store.models import Batch, BatchState, ChainRecord, Order, Setting, Snapshot

LOST: Final = (BatchState.VOID, BatchState.EXPIRED)


@dataclass(frozen=True)
class Sources:
    """What is read in the caller's session: the vault's records, and the accounts after the last settled batch (None: not stored yet)."""

    history: Callable[[Session], History]
    state: Callable[[Session, History], State | None]


@dataclass(frozen=True, slots=True)
class Depths:
    """Blocks over an account's first deposit, and over a batch's opening (None: until it is final), before receipts count on them."""

    account: int = 0
    opening: int | None = 0


class StoredViews:
    """Makes views of a vault. ``now`` in seconds, for where no block is read yet: else the block clock counts, as long as the chain was
    asked for its newest block at most ``fresh`` seconds ago.
    """

    def __init__(
        self,
        database: Database,
        terms: Terms,
        sources: Sources,
        now: Callable[[], int],
        depths: Depths = Depths(),
        fresh: float = chain.FRESH_SECONDS,
    ) -> None:
        self._database, self._terms, self._sources, self._now = database, terms, sources, now
        self._depths, self._fresh = depths, fresh
        self._tables: dict[int, Table | None] = {}
        self._state: State | None = None
        self._last: View | None = None

    def version(self) -> object:
        """Batches by state, orders that the bond covers, lost orders, the newest record of the chain, the newest snapshot, the policies,
        the newest block and the last final one, whether the chain is being followed.
        """
        with self._database.read() as session:
            record = select(ChainRecord.block, ChainRecord.index, ChainRecord.block_hash)
            newest = session.execute(record.order_by(ChainRecord.block.desc(), ChainRecord.index.desc()).limit(1))
            found = session.execute(select(Batch.state, func.count(), func.max(Batch.number)).group_by(Batch.state))
            covered = select(Batch.covered).where(Batch.state == BatchState.OPEN).order_by(Batch.number.desc()).limit(1)
            return (
                tuple(map(tuple, newest)),
                tuple(sorted(map(tuple, found))),
                session.scalar(covered),
                _lost(session),
                session.scalar(select(func.max(Snapshot.batch))),
                session.scalar(select(Setting.value).where(Setting.name == policies.NAME)),
                session.scalar(select(Setting.value).where(Setting.name == chain.HEAD)),
                session.scalar(select(Setting.value).where(Setting.name == chain.FINAL)),
                self._is_fresh(session),
            )

    def load(self) -> View | None:
        """The vault now; None while its first record, or the accounts after its last settled batch, are not stored. If that is so while
        nobody follows the chain, the view before with no open batch.
        """
        with self._database.read() as session:
            found = self._loaded(session)
            if found is None and self._last is not None and not self._is_fresh(session):
                found = replace(self._last, open=None)
        self._last = found or self._last
        return found

    def _loaded(self, session: Session) -> View | None:
        history = self._sources.history(session)
        if history.genesis is None:
            return None
        state = self._accounts(session, history)
        if state is None and history.settlements:
            return None
        return self._view(session, history, state)

    def _accounts(self, session: Session, history: History) -> State | None:
        """The accounts after the last settled batch, read anew only when that is another."""
        root = history.settlements[-1].root_after if history.settlements else None
        if root is None or self._state is None or self._state.root != root:
            try:
                self._state = self._sources.state(session, history)
            except RebuildError:
                return None  # the watcher or the pipeline is not as far
        return self._state

    def _view(self, session: Session, history: History, state: State | None) -> View:
        head = chain.head(session)
        time = self._now() if head is None else head.time
        opened, takes = batches.open_now(session, self._terms.open_time, time)
        takes = takes and self._is_fresh(session) and _deep(session, history, opened, self._depths.opening)
        opening = session.scalar(select(func.max(Batch.number)).where(Batch.state == BatchState.OPENING))
        last = max([0, *history.openings])
        epoch = epoch_of(history, opened)
        policy = policies.read(session)
        return View(
            terms=self._terms,
            batch=opened or opening or last + 1,
            open=opened if takes else None,
            opened=opened,
            last_void=max(history.voided, default=0),
            fixed=history.settlements[-1].batch if history.settlements else 0,
            state=state,
            table=None if epoch is None else self._table(epoch),
            settled={} if epoch is None else dict(history.settled_values(epoch.epoch)),
            accounts=history.accounts,
            unsure=self._shallow(history, head) | orders.misplaced(session, history.owners),
            deposits=waiting_deposits(history),
            exiting=waiting_exits(history),
            paused=policy.intake_paused or history.frozen is not None or _retired(history, time),
            forecast=policy.forecast,
            lost=_lost(session),
            covered=0 if opened is None else session.get_one(Batch, opened).covered,
            time=time,
        )

    def _is_fresh(self, session: Session) -> bool:
        """Whether the chain was looked at so lately that a batch which is open by its last block is open."""
        return chain.is_fresh(session, self._now(), self._fresh)

    def _shallow(self, history: History, head: Block | None) -> frozenset[int]:
        """Accounts whose first deposit is in a block that is not deep enough: another may have their index instead."""
        if self._depths.account == 0:
            return frozenset()
        last = -1 if head is None else head.number - self._depths.account
        newest = takewhile(lambda each: each[1] > last, reversed(history.assigned.items()))
        return frozenset(account for account, _ in newest if account)

    def _table(self, epoch: EpochPosted) -> Table | None:
        """The table of an epoch; None if its posted rows are not the root's: nothing can be valued by it, nor a batch proven."""
        if epoch.epoch not in self._tables:
            good = risk_root(self._terms.params, epoch.rows) == epoch.risk_root
            rows = {row.instrument: json.dumps(row.to_wire()) for row in epoch.rows}
            self._tables = {epoch.epoch: Table(epoch.epoch, epoch.time, rows) if good else None}
        return self._tables[epoch.epoch]


def _deep(session: Session, history: History, batch: int | None, depth: int | None) -> bool:
    return batch is not None and chain.deep(session, history.opened_in(batch), depth)


def _retired(history: History, time: int) -> bool:
    return history.retiring is not None and time >= history.retiring.time


def _lost(session: Session) -> tuple[int, int]:
    """Batches that are void or ran out, and how many orders the pipeline has still to take out of them."""
    numbers = select(Batch.number).where(Batch.state.in_(LOST))
    lost = session.scalar(select(func.count()).select_from(numbers.subquery())) or 0
    held = select(func.count()).select_from(Order).where(Order.batch.in_(numbers))
    return lost, session.scalar(held) or 0


def epoch_of(history: History, batch: int | None) -> EpochPosted | None:
    """The epoch that a batch is opened under; of the one to come (None) the one in force."""
    if batch is not None and batch in history.openings:
        return history.epochs.get(history.openings[batch].epoch)
    return history.epochs[max(history.epochs)] if history.epochs else None


def waiting_deposits(history: History) -> Mapping[int, int]:
    """Token units that are queued and in no settled batch, by account."""
    end = history.seal_of(history.settlements[-1].batch).seal.deposit_end if history.settlements else 0
    found: dict[int, int] = {}
    for entry, deposit in history.deposits.items():
        if entry >= end and entry not in history.returned:
            found[deposit.index] = found.get(deposit.index, 0) + deposit.amount
    return found


def waiting_exits(history: History) -> frozenset[int]:
    """Accounts with an exit request that is in no seal in force."""
    ends = [each.seal.exit_end for number, each in history.seals.items() if number not in history.voided]
    end = max(ends, default=0)
    waiting = (each for entry, each in history.exits.items() if entry >= end and entry not in history.answered)
    return frozenset(each.index for each in waiting)
