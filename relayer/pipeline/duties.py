"""What an operator owes beside batches: deposits that nobody can be credited with go back, challenges are answered, bonds come home and are
kept funded, a seal that can never be settled is given up.

Each duty queues a transaction under a purpose of its own, so none is done twice. Freezing a vault is nobody's duty. Challenges are read
from the bond contract's own events, since those are not the vault's.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from relayer import points
from relayer.chain import Contract
from relayer.errors import AnswerError
from relayer.history import History
from relayer.interface import Struct
from relayer.pipeline.batching import Queues, grace
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.sending import ensure
from relayer.receipts import Challenge, Evidence
from relayer.store import batches, transactions
from relayer.store.models import BatchState, BondChallenge, Setting

SCANNED: Final = "bonds.scanned"
"""Setting: the last block whose bond events are in ``bond_challenges``."""
DEPTH: Final = 64
"""Blocks that are read again: a reorganisation may have changed them."""
OPEN, ANSWERED, UNANSWERABLE, OVER = "open", "answered", "unanswerable", "over"
ENDED_STAGE: Final = 3
"""IBonds.Stage.Ended."""
SEALED_STATES: Final = (
    BatchState.SEALED,
    BatchState.PROVING,
    BatchState.PROVED,
    BatchState.SUBMITTED,
    BatchState.FAILED,
    BatchState.REORGED,
)


def return_deposits(desk: Desk, turn: Turn) -> bool:
    """Returns queued deposits whose owner has not registered in time and that no seal has locked."""
    with desk.database.read() as session:
        due = _unknown_deposits(desk, session, desk.history())
    if not due:
        return False
    with desk.database.write() as session:
        turn.check(session)
        for entry in due:
            ensure(session, desk, f"return:{entry}", desk.call("returnDeposit", entry))
        points.reached("return.before-queue")
    points.reached("return.after-queue")
    return True


def _unknown_deposits(desk: Desk, session: Session, history: History) -> list[int]:
    queues = Queues.of(history)
    known = batches.holders(session, {each.owner for each in queues.deposits})
    sealed = [history.seals[number].seal.deposit_end for number in history.seals if number not in history.voided]
    locked = max(sealed, default=0)
    late = [
        each.entry
        for each in queues.deposits
        if not each.returned and each.owner not in known and each.owner != desk.fund.owner and each.entry >= locked
    ]
    new = [entry for entry in late if transactions.find(session, f"return:{entry}") is None]
    now = desk.now if new else 0
    waiting = [each.entry for each in queues.deposits if not each.returned and each.owner in known]
    patience = {entry: grace(desk.policy, others_wait=any(other > entry for other in waiting)) for entry in new}
    return [entry for entry in new if now >= desk.vault.contract.call("deposits", entry).time + patience[entry]]


def void_hopeless(desk: Desk, turn: Turn) -> bool:
    """Gives up the sealed batch when the vault's time for it is over, or the policy's for one that failed."""
    with desk.database.read() as session:
        batch = next(iter(batches.in_states(session, SEALED_STATES)), None)
        record = None if batch is None else desk.history().seals.get(batch.number)
        if batch is None or record is None or transactions.find(session, f"void:{batch.number}") is not None:
            return False
        age, patience = desk.now - record.seal.time, desk.policy.void_failed_after
        hopeless = batch.state is BatchState.FAILED and patience is not None and age >= patience
        if not hopeless and age <= desk.vault.delays.settleTime:
            return False
        number = batch.number
    if desk.vault.contract.call("currentSeal").batch != number:
        return False
    with desk.database.write() as session:
        turn.check(session)
        ensure(session, desk, f"void:{number}", desk.call("voidSeal"), batch=number)
        batches.alarm(session, "batch_voided", batch=number, reason="it can no longer be settled; its bond is lost")
        points.reached("void.before-queue")
    points.reached("void.after-queue")
    return True


# ---- bonds


def fund_bonds(desk: Desk, turn: Turn) -> bool:
    """Fills the free bond up when it has fallen below the policy's floor."""
    policy, bonds = desk.policy, desk.vault.bonds
    if policy.bond_floor == 0:
        return False
    with desk.database.read() as session:
        number = _next_number(session)
        if number is None:
            return False
    free = bonds.call("free")
    if free >= policy.bond_floor:
        return False
    with desk.database.write() as session:
        turn.check(session)
        data = bonds.interface.call("fund")
        ensure(session, desk, f"fund:{number}", data, to=bonds.address, value=max(policy.bond_target - free, 1))
        points.reached("fund.before-queue")
    points.reached("fund.after-queue")
    return True


def _next_number(session: Session) -> int | None:
    """Number of the next funding; None while one is under way."""
    number = 1
    while (known := transactions.find(session, f"fund:{number}")) is not None:
        if known.state not in transactions.OVER:
            return None
        number += 1
    return number


def release_bonds(desk: Desk, turn: Turn) -> bool:
    """Takes the bonds of batches back whose window is over without a challenge."""
    bonds = desk.vault.bonds
    with desk.database.read() as session:
        waiting = batches.without_transaction(session, (BatchState.FINAL, BatchState.EXPIRED), "release:")
        over = _window_over(desk, desk.history(), waiting)
    due = [number for number in over if _releasable(bonds.call("bonds", number), desk.now)]
    if not due:
        return False
    with desk.database.write() as session:
        turn.check(session)
        for number in due:
            data = bonds.interface.call("release", number)
            ensure(session, desk, f"release:{number}", data, to=bonds.address, batch=number)
        points.reached("release-bond.before-queue")
    points.reached("release-bond.after-queue")
    return True


def _window_over(desk: Desk, history: History, numbers: list[int]) -> list[int]:
    """Those whose seal is older than the window of challenges: the others need not be asked about."""
    window = desk.vault.bonds.call("terms").challengeTime if numbers else 0
    now = desk.now if numbers else 0
    return [n for n in numbers if n not in history.seals or now > history.seals[n].seal.time + window]


def _releasable(bond: Struct, now: int) -> bool:
    return bool(bond.stage == ENDED_STAGE and now > bond.until and bond.challenges == 0)


def watch_challenges(desk: Desk, turn: Turn) -> bool:
    """Reads new events of the bond contract into the table of challenges; whether there were any."""
    bonds, head = desk.vault.bonds, desk.vault.chain.head()
    with desk.database.read() as session:
        row = session.get(Setting, SCANNED)
        first = desk.vault.first_block if row is None else max(int(row.value) - DEPTH, 0)
        if row is not None and int(row.value) >= head.number:
            return False
    found = _bond_events(bonds, first, head.number)
    asked = {number: bonds.call("challenges", number) for name, number in found if name == "Challenged"}
    with desk.database.write() as session:
        turn.check(session)
        for name, number in found:
            _note(session, name, number, asked.get(number))
        session.merge(Setting(name=SCANNED, value=str(head.number)))
        points.reached("challenges.before-commit")
    return bool(found)


def _bond_events(bonds: Contract, first: int, last: int) -> list[tuple[str, int]]:
    names = ("Challenged", "Answered", "ChallengeClosed")
    events = []
    for logs in bonds.chain.logs(bonds.address, first, last):
        for log in logs:
            event = bonds.interface.read_log(log.topics, log.data)
            if event is not None and event.name in names:
                events.append((event.name, int(event.values.challenge)))
    return events


def _note(session: Session, name: str, number: int, asked: Struct | None) -> None:
    row = session.get(BondChallenge, number)
    if name == "Challenged" and asked is not None and row is None and int(asked.challenger, 16):
        session.add(
            BondChallenge(id=number, batch=asked.batch, sequence=asked.sequence, deadline=asked.deadline, state=OPEN)
        )
        session.flush()
        batches.alarm(session, "bond_challenged", challenge=number, batch=asked.batch, deadline=asked.deadline)
    if row is not None and name != "Challenged":
        row.state = OVER


def answer_challenges(desk: Desk, turn: Turn) -> bool:
    """Answers open challenges from the stored sealed batches; one without an answer is an alarm."""
    with desk.database.read() as session:
        todo = [
            (row.id, row.batch) for row in session.scalars(select(BondChallenge).where(BondChallenge.state == OPEN))
        ]
    for number, batch in todo:
        _answer(desk, turn, number, batch)
    return bool(todo)


def _answer(desk: Desk, turn: Turn, number: int, batch: int) -> None:
    bonds = desk.vault.bonds
    asked = bonds.call("challenges", number)
    with desk.database.read() as session:
        row = batches.get(session, batch)
        sealed = None if row is None else batches.open_batch(desk.sealer, row)
    data, why = None, "its sealed batch is not stored any more"
    if sealed is not None and int(asked.challenger, 16):
        try:
            shown = Evidence(sealed).answer(Challenge(*asked.plain))
            data = bonds.interface.call("answer", number, tuple(shown))
        except AnswerError as error:
            why = str(error)
    with desk.database.write() as session:
        turn.check(session)
        challenge = session.get(BondChallenge, number)
        if challenge is None or challenge.state != OPEN:
            return
        if not int(asked.challenger, 16):
            challenge.state = OVER
        elif data is None:
            challenge.state = UNANSWERABLE
            batches.alarm(session, "challenge_unanswerable", challenge=number, batch=batch, reason=why)
        else:
            challenge.state = ANSWERED
            ensure(session, desk, f"answer:{number}", data, to=bonds.address, batch=batch)
        points.reached("answer.before-queue")
    points.reached("answer.after-queue")
