"""From a cleared batch to a settlement that the vault will take, in a process of its own that may die at any time.

One process proves a batch at a time, by lease; the folder of its proofs is named after what is proven, so that a run after a kill goes
on where it was, and a batch that was cleared again starts anew. What comes out is checked against the vault's own storage before it is
stored. Where proofs are made is the executor's business.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from prover.batch import SealedBatch, State
from prover.errors import SettlementError, TacitError
from prover.keys import Keys
from prover.proof import Progress
from prover.settlement import Settlement, digest, verify
from relayer import points
from relayer.errors import LeaseLost
from relayer.executor.protocol import Executor, ProofJob
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.failing import TRANSIENT, plainly
from relayer.pipeline.keeping import Keeping, kept
from relayer.pipeline.states import current_state
from relayer.pipeline.trusting import expected
from relayer.store import batches, policies
from relayer.store.leases import Leases
from relayer.store.models import Batch, BatchState
from relayer.store.steps import move

TOLD_EVERY: Final = 1.0
"""Seconds between writes of how far proving is."""


class SupersededError(Exception):
    """The batch that is being proven is not the one to be proven any more."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A batch to be proven, and what its stored clearing was made of."""

    number: int
    mark: str | None
    job: ProofJob = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Prover:
    """Proves batches one after another, each under the lease ``proving:<batch>``, renewed ``every`` so many seconds."""

    desk: Desk
    leases: Leases
    executor: Executor
    keys: Keys
    seconds: float = 15.0
    every: float = 5.0
    clock: Callable[[], float] = time.monotonic

    def step(self) -> bool:
        """Proves the batch that is due, if there is one that nobody else proves; whether it did."""
        number = self._due()
        if number is None:
            self._tidy()
            return False
        with kept(self.leases, f"proving:{number}", self.seconds, self.every) as keeping:
            if keeping is None:
                return False
            work = self._take(number, Turn(keeping.lease))
            if work is None:
                return False
            return self._prove(work, keeping)

    def _due(self) -> int | None:
        with self.desk.database.read() as session:
            if policies.read(session).proving_paused:
                return None
            for batch in batches.in_states(session, [BatchState.SEALED, BatchState.PROVING]):
                if batch.end_root is not None and batches.cleared_of(session, batch.number) is not None:
                    return batch.number
        return None

    def _tidy(self) -> None:
        """Removes the folders of batches that are over: what was proven of them is in the database."""
        paths = [path for path in self.desk.policy.directory.glob("*-*") if path.is_dir()]
        folders = {path: int(name) for path in paths if (name := path.name.partition("-")[0]).isdecimal()}
        if not folders:
            return
        with self.desk.database.read() as session:
            over = batches.ended(session, set(folders.values()))
        for path, number in folders.items():
            if number in over:
                shutil.rmtree(path)

    def _take(self, number: int, turn: Turn) -> _Work | None:
        """The work, with the batch marked as being proven."""
        desk = self.desk
        with desk.database.write() as session:
            turn.check(session)
            batch = batches.require(session, number)
            if batch.state not in (BatchState.SEALED, BatchState.PROVING) or batch.end_root is None:
                return None
            sealed = batches.open_batch(desk.sealer, batch)
            if sealed is None or batch.start_root is None:
                return None
            if batch.state is not BatchState.PROVING:
                move(session, batch, BatchState.PROVING)
            mark, ends = batches.cleared_of(session, number), (batch.deposit_end or 0, batch.exit_end or 0)
            start = int.from_bytes(batch.start_root, "big")
            points.reached("proving.before-take")
        points.reached("proving.after-take")
        with desk.database.read() as session:
            state = current_state(desk, session, desk.history())
        if state.root != start:
            return None  # the chain has moved: the batch is cleared again
        return _Work(number, mark, self._job(sealed, state, number, ends))

    def _job(self, sealed: SealedBatch, state: State, number: int, ends: tuple[int, int]) -> ProofJob:
        name = hashlib.sha256(sealed.to_json().encode() + state.root.to_bytes(32, "big") + repr(ends).encode())
        return ProofJob(
            batch=sealed,
            state=state,
            directory=self.desk.policy.directory / f"{number}-{name.hexdigest()[:16]}",
            deposit_end=ends[0],
            exit_end=ends[1],
            beneficiary=self.desk.beneficiary,
        )

    def _prove(self, work: _Work, keeping: Keeping) -> bool:
        try:
            settlement = self.executor.prove(work.job, self._telling(work, keeping))
            points.reached("proving.after-proof")
            self._check(settlement)
        except (SupersededError, LeaseLost):
            return False
        except TRANSIENT:
            raise
        except TacitError as error:
            self._failed(work, keeping, f"proving failed: {plainly(error)}")
            return True
        return self._store(work, keeping, settlement)

    def _check(self, settlement: Settlement) -> None:
        """Against what the vault holds; a vault that has moved on makes what was proven of no use, and no failure."""
        trusted = expected(self.desk.vault, settlement)
        if trusted is None:
            raise SupersededError
        verify(settlement, self.keys, trusted)

    def _telling(self, work: _Work, keeping: Keeping) -> Callable[[Progress], None]:
        told = [float("-inf"), -1.0]

        def tell(progress: Progress) -> None:
            if keeping.lost:
                raise SupersededError
            points.reached("proving.progress")
            now = self.clock()
            if progress.done == told[1] and now - told[0] < TOLD_EVERY:
                return
            told[:] = [now, progress.done]
            with self.desk.database.write() as session:
                Turn(keeping.lease).check(session)
                batch = batches.require(session, work.number)
                if not _same(work, batch, batches.cleared_of(session, work.number)):
                    raise SupersededError
                batches.progressed(session, batch, progress.done, progress.total)

        return tell

    def _store(self, work: _Work, keeping: Keeping, settlement: Settlement) -> bool:
        after = work.job.state.clear(work.job.batch)
        if after.end_root != settlement.end_root:
            raise SettlementError(f"batch {work.number}: the settlement ends at another root than its clearing")
        with self.desk.database.write() as session:
            Turn(keeping.lease).check(session)
            batch = batches.require(session, work.number)
            if not _same(work, batch, batches.cleared_of(session, work.number)):
                return False
            batch.settlement, batch.r1 = settlement.to_json().encode(), digest(settlement).r1
            batch.proofs_done = batch.proofs_total = len(settlement.segments) + 1
            batches.keep_state(session, self.desk.sealer, work.number, after.state)
            move(session, batch, BatchState.PROVED)
            points.reached("proving.before-store")
        points.reached("proving.after-store")
        return True

    def _failed(self, work: _Work, keeping: Keeping, reason: str) -> None:
        with self.desk.database.write() as session:
            Turn(keeping.lease).check(session)
            batch = batches.require(session, work.number)
            if _same(work, batch, batches.cleared_of(session, work.number)):
                batches.fail(session, batch, reason)


def _same(work: _Work, batch: Batch, mark: str | None) -> bool:
    return batch.state is BatchState.PROVING and mark == work.mark
