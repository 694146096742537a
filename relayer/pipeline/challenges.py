"""Challenges to the operator's receipts: noticed, answered, and watched until nothing can take the answer back.

One that is not answered in time costs the bond, so nothing that was done once is taken to have worked. What is open is asked of the bond
contract every turn; while it is, an answer is on its way: made again where it failed, whatever the number of attempts, before everything
else that waits to be sent, and raised by itself when time runs out. A challenge is over when its end stands in a final block. Events are
read from the bond contract itself, since they are not the vault's; those of blocks that are not final every turn again, and of some below,
since who gives the logs may be behind who says what is final (:mod:`relayer.ledger`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from relayer import points
from relayer.chain import Block, Contract
from relayer.errors import AnswerError
from relayer.interface import Named, Struct
from relayer.ledger import AGAIN
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.sending import PAUSE_MS, due, insist
from relayer.receipts import Challenge, Evidence
from relayer.store import batches, transactions
from relayer.store.challenges import ANSWERED, OPEN, OVER, UNANSWERABLE, URGENT
from relayer.store.clock import now_ms
from relayer.store.models import BondChallenge, Setting, TransactionState

SCANNED: Final = "bonds.scanned"
"""Setting: the last final block whose bond events are in ``bond_challenges``."""
MADE: Final = "Challenged"
ENDS: Final = ("Answered", "ChallengeClosed")
LOST_STAGE: Final = 4
"""IBonds.Stage.Lost."""
LONGEST_PAUSE_MS: Final = 300_000
"""Before an answer that failed is tried again."""
URGENT_PART: Final = 4
"""An answer that is not in the chain is urgent in the last such part of its time."""


@dataclass
class _Seen:
    """What the events of one number say that may still be taken back, and the newest final ones: whether any is of a block that was not
    final before, batch and sequence it is about, whether it ended, whether for good.
    """

    new: bool = False
    about: tuple[int, int] | None = None
    ended: bool = False
    final: bool = False


def watch_challenges(desk: Desk, turn: Turn) -> bool:
    """Brings the table of challenges to what the bond contract says; whether it changed."""
    bonds, chain = desk.vault.bonds, desk.vault.chain
    final, head = chain.head("finalized"), chain.head()
    with desk.database.read() as session:
        row = session.get(Setting, SCANNED)
        scanned = None if row is None else int(row.value)
        if head.number < max(final.number, scanned or 0):
            return False  # who answers is behind what is final: to it, a challenge that is open may not have been made
        known = {row.id: row.state for row in session.execute(select(BondChallenge.id, BondChallenge.state))}
    read = desk.vault.first_block - 1 if scanned is None else min(scanned, final.number)
    seen = _events(bonds, read, head.number, final.number)
    # What is over stays so where only events are read that were read before.
    numbers = {number for number, state in known.items() if state != OVER}
    numbers |= {number for number, each in seen.items() if each.new or number not in known}
    asked = {number: bonds.call("challenges", number, at=head.number) for number in sorted(numbers)}
    if not _stands(desk, head):
        return False  # what was read is of two chains: the next turn reads it again
    if not asked and scanned == final.number:
        return False
    with desk.database.write() as session:
        turn.check(session)
        changed = [_note(session, number, there, seen.get(number, _Seen())) for number, there in asked.items()]
        session.merge(Setting(name=SCANNED, value=str(final.number)))
        points.reached("challenges.before-commit")
    return any(changed)


def _stands(desk: Desk, head: Block) -> bool:
    now = desk.vault.chain.block(head.number)
    return now is not None and now.hash == head.hash


def _events(bonds: Contract, read: int, last: int, final: int) -> dict[int, _Seen]:
    """What is told up to block ``last``, where it was read up to ``read`` before."""
    found: dict[int, _Seen] = {}
    for logs in bonds.chain.logs(bonds.address, max(0, read + 1 - AGAIN), last):
        for log in logs:
            event = bonds.interface.read_log(log.topics, log.data)
            if event is not None and event.name in (MADE, *ENDS):
                seen = found.setdefault(int(event.values.challenge), _Seen())
                seen.new = seen.new or log.block > read
                _take(seen, event, final=log.block <= final)
    return found


def _take(seen: _Seen, event: Named, *, final: bool) -> None:
    if event.name == MADE:
        seen.about = int(event.values.batch), int(event.values.sequence)
    else:
        seen.ended, seen.final = True, final


def _is_open(asked: Struct) -> bool:
    return int(asked.challenger, 16) != 0


def _note(session: Session, number: int, asked: Struct, seen: _Seen) -> bool:
    row = session.get(BondChallenge, number)
    if _is_open(asked):
        said = int(asked.batch), int(asked.sequence), int(asked.deadline)
        if row is not None and row.state != OVER and (row.batch, row.sequence, row.deadline) == said:
            return False
        # New, or what a reorganisation made of this number.
        _keep(session, number, said)
        batches.alarm(session, "bond_challenged", challenge=number, batch=said[0], deadline=said[2])
        return True
    if seen.ended and not seen.final:
        if row is not None or seen.about is None:
            return False
        _keep(session, number, (*seen.about, 0))  # it ended before it was seen here, and may be open again
        return True
    if row is None or row.state == OVER:
        return False
    row.state = OVER  # it ended for good, or was never made in the chain that stands
    return True


def _keep(session: Session, number: int, said: tuple[int, int, int]) -> None:
    batch, sequence, deadline = said
    session.merge(BondChallenge(id=number, batch=batch, sequence=sequence, deadline=deadline, state=OPEN))
    session.flush()


# ---- answers


@dataclass(frozen=True)
class _Answering:
    """One turn's look at what is open; the evidence of a batch is made once."""

    desk: Desk
    turn: Turn
    head: Block
    evidence: dict[int, Evidence | str] = field(default_factory=dict)

    def of(self, batch: int) -> Evidence | str:
        """What answers challenges about a batch, or why nothing does."""
        if batch not in self.evidence:
            with self.desk.database.read() as session:
                row = batches.get(session, batch)
                sealed = None if row is None else batches.open_batch(self.desk.sealer, row)
            try:
                self.evidence[batch] = "its sealed batch is not stored any more" if sealed is None else Evidence(sealed)
            except AnswerError as error:
                self.evidence[batch] = str(error)
        return self.evidence[batch]


def answer_challenges(desk: Desk, turn: Turn) -> bool:
    """Sees to it that every open challenge has its answer on the way; one without an answer is an alarm. Whether anything changed."""
    with desk.database.read() as session:
        rows = select(BondChallenge.id, BondChallenge.state).where(BondChallenge.state != OVER)
        todo = [(row.id, row.state) for row in session.execute(rows.order_by(BondChallenge.deadline))]
    if not todo:
        return False
    answering = _Answering(desk, turn, desk.vault.chain.head())
    changed = [_answer(answering, number, state) for number, state in todo]
    return any(changed)


def _answer(answering: _Answering, number: int, state: str) -> bool:
    desk, bonds = answering.desk, answering.desk.vault.bonds
    asked = bonds.call("challenges", number)
    if not _is_open(asked) or bonds.call("bonds", asked.batch).stage == LOST_STAGE:
        return False  # answered, as far as the chain says now; or there is nothing left to answer for
    if answering.head.time > asked.deadline:
        return _cannot(answering, number, asked, "its time is over, and no answer is in the chain")
    with desk.database.read() as session:
        under_way = state in (ANSWERED, URGENT) and not due(session, _purpose(number), LONGEST_PAUSE_MS)
    if under_way:
        return _press(answering, number, asked)
    evidence = answering.of(asked.batch)
    if isinstance(evidence, str):
        return _cannot(answering, number, asked, evidence)
    try:
        shown = evidence.answer(Challenge(*asked.plain))
    except AnswerError as error:
        return _cannot(answering, number, asked, str(error))
    return _send(answering, number, asked, bonds.interface.call("answer", number, tuple(shown)))


def _purpose(number: int) -> str:
    return f"answer:{number}"


def _send(answering: _Answering, number: int, asked: Struct, data: bytes) -> bool:
    desk = answering.desk
    with desk.database.write() as session:
        answering.turn.check(session)
        row = session.get_one(BondChallenge, number)
        # Nothing in it is a secret, nobody can take anything from it, and a relay that drops it would cost the bond.
        changed = insist(
            session,
            desk,
            _purpose(number),
            data,
            to=desk.vault.bonds.address,
            batch=int(asked.batch),
            private=False,
            longest_ms=LONGEST_PAUSE_MS,
        )
        if row.state in (OPEN, UNANSWERABLE):
            row.state, changed = ANSWERED, True
        points.reached("answer.before-queue")
    points.reached("answer.after-queue")
    return changed


def _cannot(answering: _Answering, number: int, asked: Struct, why: str) -> bool:
    with answering.desk.database.write() as session:
        answering.turn.check(session)
        row = session.get_one(BondChallenge, number)
        if row.state == UNANSWERABLE:
            return False
        row.state = UNANSWERABLE
        batches.alarm(session, "challenge_unanswerable", challenge=number, batch=int(asked.batch), reason=why)
    return True


def _press(answering: _Answering, number: int, asked: Struct) -> bool:
    """Raises the fees of an answer that is not mined although its time is nearly over, once each pause; the operator is told."""
    desk = answering.desk
    part = desk.vault.bonds.call("terms").answerTime // URGENT_PART
    if asked.deadline - answering.head.time > part:
        return False
    with desk.database.write() as session:
        answering.turn.check(session)
        row, known = session.get_one(BondChallenge, number), transactions.find(session, _purpose(number))
        changed = row.state != URGENT
        if changed:
            row.state = URGENT
            batches.alarm(session, "challenge_urgent", challenge=number, batch=row.batch, deadline=row.deadline)
        stuck = known is not None and known.state is TransactionState.SENT and not known.bump
        if known is not None and stuck and now_ms() - known.updated_at >= PAUSE_MS:
            transactions.bump(session, known.id)
            changed = True
    return changed
