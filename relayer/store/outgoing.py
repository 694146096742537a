"""Transactions as their sender sees them: what waits for a nonce, what has one, with its signed attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import ColumnElement, and_, case, or_, select
from sqlalchemy.orm import Session

from relayer.store.models import Attempt, ChainTransaction, Nonce, TransactionState

PRIVATE: Final = "private"
PUBLIC: Final = "public"
FIRST: Final = ("answer:",)
LAST: Final = ("return:", "release:", "fund:")
"""Purposes that begin so are sent before all others that wait, and after them."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed attempt. Fees in wei; ``block`` is the newest block when it was signed, ``sent_block`` when it was last sent, ``error`` what
    was said then by all that it was sent to.
    """

    hash: bytes
    raw: bytes = field(repr=False)
    most: int
    tip: int
    channel: str
    empty: bool
    nonce: int
    block: int
    sent_block: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A transaction as its sender sees it; ``attempts`` are those of its nonce, by rising fees, the last one in force."""

    id: str
    purpose: str
    sender: str
    to: str
    data: bytes = field(repr=False)
    value: int
    private: bool
    state: TransactionState
    nonce: int | None
    gas_limit: int | None
    block: int | None
    block_hash: bytes | None
    mined_hash: bytes | None
    withdrawn: str | None
    bump: bool
    attempts: tuple[Signed, ...]

    @property
    def mined(self) -> bool:
        """Whether its nonce is used up by a block, as far as is known."""
        return self.block is not None

    @property
    def goes_first(self) -> bool:
        """Whether it is sent before all others that wait."""
        return self.purpose.startswith(FIRST)

    @property
    def last(self) -> Signed | None:
        """The attempt in force."""
        return self.attempts[-1] if self.attempts else None


def waiting(session: Session) -> list[Outgoing]:
    """What waits for a nonce, in the order of the queue; answers to challenges, on which nothing rests and which have a time of their own,
    before everything else. Deposits that go back and bonds that come and go have time, and others decide how many there are: they come
    after what moves batches on, whose time runs out.
    """
    chosen = select(ChainTransaction).where(ChainTransaction.state == TransactionState.QUEUED)
    rank = case((_begins(FIRST), 0), (_begins(LAST), 2), else_=1)
    return [_outgoing(session, row) for row in session.scalars(chosen.order_by(rank, ChainTransaction.position))]


def _begins(openings: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(ChainTransaction.purpose.startswith(opening) for opening in openings))


def unsettled(session: Session) -> list[Outgoing]:
    """What has a nonce whose fate is open, by sender and nonce."""
    chosen = select(ChainTransaction).where(ChainTransaction.nonce.is_not(None), ChainTransaction.closed.is_(False))
    ordered = chosen.order_by(ChainTransaction.sender, ChainTransaction.nonce)
    return [_outgoing(session, row) for row in session.scalars(ordered)]


def first_behind(session: Session, sender: str, nonce: int) -> bool:
    """Whether something that goes first waits for a nonce of its sender to be used: it is queued, or out with a later one."""
    behind = or_(
        ChainTransaction.state == TransactionState.QUEUED,
        and_(ChainTransaction.state == TransactionState.SENT, ChainTransaction.nonce > nonce),
    )
    chosen = select(ChainTransaction.id).where(ChainTransaction.sender == sender, _begins(FIRST), behind)
    return session.scalar(chosen.limit(1)) is not None


def following(session: Session, sender: str) -> int | None:
    """The next nonce of a sender; None while it never had one from here."""
    return session.scalar(select(Nonce.following).where(Nonce.sender == sender))


def given(session: Session, sender: str, first: int) -> dict[int, bool]:
    """The nonces from ``first`` on that something stored uses, and whether the fate of each was called final."""
    chosen = select(ChainTransaction.nonce, ChainTransaction.closed)
    rows = session.execute(chosen.where(ChainTransaction.sender == sender, ChainTransaction.nonce >= first))
    return {nonce: closed for nonce, closed in rows if nonce is not None}


def _outgoing(session: Session, row: ChainTransaction) -> Outgoing:
    found = session.scalars(select(Attempt).where(Attempt.transaction == row.id, Attempt.nonce == row.nonce))
    attempts = sorted((_signed(each) for each in found), key=lambda each: (each.most, each.tip))
    return Outgoing(
        id=row.id,
        purpose=row.purpose,
        sender=row.sender,
        to=row.to,
        data=row.data,
        value=int(row.value_wei),
        private=row.private,
        state=row.state,
        nonce=row.nonce,
        gas_limit=row.gas_limit,
        block=row.block,
        block_hash=row.block_hash,
        mined_hash=row.mined_hash,
        withdrawn=row.withdrawn,
        bump=row.bump,
        attempts=tuple(attempts),
    )


def _signed(row: Attempt) -> Signed:
    most, tip = int(row.max_fee_wei), int(row.priority_fee_wei)
    return Signed(row.hash, row.raw, most, tip, row.channel, row.empty, row.nonce, row.block, row.sent_block, row.error)
