"""The sealed batch that is not settled yet, and what may be promised behind it.

The vault takes no other seal before that batch is settled or void, and an opening that is not sealed in time costs its base if receipts
were given in it. So nothing is promised that would have to be sealed sooner than that batch can be out of the way; how long that takes is
judged by the batches settled last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from relayer.store.models import Batch, BatchState, BatchStep, Setting

PROVEN: Final = (BatchState.PROVED, BatchState.SUBMITTED, BatchState.REORGED)
"""What is left is sending."""
UNSETTLED: Final = (BatchState.SEALED, BatchState.PROVING, *PROVEN, BatchState.FAILED)
SETTLED: Final = (BatchState.MINED, BatchState.FINAL)
LOOKED_AT: Final = 8
"""Settled batches by which is judged how long one takes."""
MARGIN: Final = 2
"""An opening is begun, and receipts are given in it, only where such a part of it is left for what is before it."""
MS: Final = 1000
HELD: Final = "batches.held"
"""Setting: the batch behind which nothing is promised, and why, as the operator was told."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A batch with a seal in the chain that is neither settled nor void: when it was sealed, in seconds of the block clock; whether all of
    it is proven; whether work on it has failed; how long the longest of the last ones took to be settled (None: there were none).
    """

    batch: int
    sealed: int
    proven: bool
    failed: bool
    longest: int | None

    @classmethod
    def of(cls, session: Session) -> Unsettled | None:
        """The oldest; None where everything that was sealed is settled or void."""
        # Not the whole row: every view of intake asks this, and what is sealed and proven is long.
        query = select(Batch.number, Batch.state, Batch.sealed_time)
        query = query.where(Batch.state.in_(UNSETTLED), Batch.sealed_time.is_not(None))
        row = session.execute(query.order_by(Batch.number).limit(1)).one_or_none()
        if row is None or row.sealed_time is None:
            return None
        failures = select(func.count()).select_from(BatchStep)
        before = session.scalar(failures.where(BatchStep.batch == row.number, BatchStep.state == BatchState.FAILED))
        failed = row.state is BatchState.FAILED or bool(before)
        return cls(row.number, row.sealed_time, row.state in PROVEN, failed, _longest(session))

    def late(self, now: int, open_time: int) -> bool:
        """Whether it takes longer than any of the last ones, and an opening's margin more."""
        return now - self.sealed > self._usual(open_time) + open_time // MARGIN

    def opens_behind(self, now: int, open_time: int) -> bool:
        """Whether a batch is opened behind it now, which could be sealed for ``open_time`` seconds."""
        if self.failed or self.late(now, open_time):
            return False
        left = 0 if self.proven else self._usual(open_time) - (now - self.sealed)
        return left <= open_time // MARGIN

    def _usual(self, open_time: int) -> int:
        return open_time // MARGIN if self.longest is None else self.longest

    def takes_receipts(self, now: int, opened: int, open_time: int | None) -> bool:
        """Whether receipts are given in an opening behind it, which is sealed within ``open_time`` seconds (None: whenever)."""
        return not self.failed and (open_time is None or now < opened + open_time - open_time // MARGIN)


def held(session: Session) -> str | None:
    """The batch behind which nothing is promised, and why; None if there is none."""
    said = session.get(Setting, HELD)
    return None if said is None else said.value


def _longest(session: Session) -> int | None:
    """Seconds from seal to settlement, the most of the last settled batches."""
    last = select(Batch.number).where(Batch.state.in_(SETTLED)).order_by(Batch.number.desc()).limit(LOOKED_AT)
    steps = select(BatchStep.batch, BatchStep.state, func.min(BatchStep.at), func.max(BatchStep.at))
    rows = session.execute(steps.where(BatchStep.batch.in_(last)).group_by(BatchStep.batch, BatchStep.state)).all()
    begun = {batch: first for batch, state, first, _ in rows if state is BatchState.SEALED}
    ended = {batch: final for batch, state, _, final in rows if state is BatchState.MINED}
    took = [ended[batch] - begun[batch] for batch in begun.keys() & ended.keys()]
    return -(-max(took) // MS) if took else None
