"""Challenges to the operator's receipts as they are stored: the pipeline answers them, watching tells of them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from relayer.store.models import BondChallenge

OPEN, ANSWERED, URGENT, UNANSWERABLE, OVER = "open", "answered", "urgent", "unanswerable", "over"
"""States: to be answered; an answer is on its way, or in the chain; the same, with little time left; not from what is stored here; ended
for good.
"""


@dataclass(frozen=True, slots=True)
class ChallengeLine:
    """A challenge that is not over for good. ``deadline`` in seconds of the block clock, 0 where it ended before it was seen."""

    number: int
    batch: int
    deadline: int
    state: str


def underway(session: Session) -> list[ChallengeLine]:
    """Challenges that are not over, the most urgent first."""
    rows = session.scalars(select(BondChallenge).where(BondChallenge.state != OVER).order_by(BondChallenge.deadline))
    return [ChallengeLine(row.id, row.batch, row.deadline, row.state) for row in rows]
