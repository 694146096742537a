"""What an operator owes beside batches: deposits that nobody can be credited with go back, bonds come home and are kept funded, a seal that
can never be settled is given up. Challenges are :mod:`.challenges`'.

Each duty queues a transaction under a purpose of its own, so none is done twice; one that failed is due again after a pause, as long as
the chain says that there is something to do. Freezing a vault is nobody's duty.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from sqlalchemy.orm import Session

from relayer import points
from relayer.chain import Address, Chain, Contract
from relayer.errors import RevertedError
from relayer.history import History
from relayer.interface import Struct
from relayer.pipeline.batching import Queues, grace
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.sending import due, ensure, insist, rested
from relayer.store import batches, transactions
from relayer.store.models import BatchState, TransactionState

ENDED_STAGE: Final = 3
"""IBonds.Stage.Ended."""
ANYBODY: Final = "0x" + "00" * 19 + "01"
"""An address that is no operator's: a precompile's."""
NOT_OVER: Final = ("SealNotOver", "NoSeal")
RETURN: Final = "return:"
"""Purposes of returned deposits begin so."""
MOST_RETURNS: Final = 8
"""Returned deposits that are queued or out at a time: half of what may be out, so that a batch's own find room."""
SEALED_STATES: Final = (
    BatchState.SEALED,
    BatchState.PROVING,
    BatchState.PROVED,
    BatchState.SUBMITTED,
    BatchState.FAILED,
    BatchState.REORGED,
)


def return_deposits(desk: Desk, turn: Turn) -> bool:
    """Returns queued deposits whose owner has not registered in time and that no seal has locked, a few at a time: how many there are is
    strangers' to say.
    """
    with desk.database.read() as session:
        room = MOST_RETURNS - transactions.under_way(session, RETURN)
        late = list(islice(_late(desk, session, desk.history()), max(room, 0)))
    if not late:
        return False
    with desk.database.write() as session:
        turn.check(session)
        queued = [insist(session, desk, f"{RETURN}{entry}", desk.call("returnDeposit", entry)) for entry in late]
        points.reached("return.before-queue")
    points.reached("return.after-queue")
    return any(queued)


def _late(desk: Desk, session: Session, history: History) -> Iterator[int]:
    """Entries that are to be returned, by age. A later one came later and is waited for at least as long, so the chain is asked about none
    behind the first that is still waited for.
    """
    queues = Queues.of(history)
    known = batches.holders(session, {each.owner for each in queues.deposits})
    locked = max((history.seals[n].seal.deposit_end for n in history.seals if n not in history.voided), default=0)
    queued = [each for each in queues.deposits if not each.returned]
    last_known = max((each.entry for each in queued if each.owner in known), default=-1)
    strangers = [each for each in queued if each.owner not in known and each.owner != desk.fund.owner]
    now = None
    for each in strangers:
        if each.entry < locked or not due(session, f"{RETURN}{each.entry}"):
            continue
        now = desk.now if now is None else now
        patience = grace(desk.policy, others_wait=last_known > each.entry)
        if now < desk.vault.contract.call("deposits", each.entry).time + patience:
            return
        yield each.entry


def void_hopeless(desk: Desk, turn: Turn) -> bool:
    """Gives up the sealed batch when the vault's time for it is over, or the policy's for one that failed."""
    with desk.database.read() as session:
        batch = next(iter(batches.in_states(session, SEALED_STATES)), None)
        record = None if batch is None else desk.history().seals.get(batch.number)
        if batch is None or record is None or not due(session, f"void:{batch.number}"):
            return False
        number, age = batch.number, desk.now - record.seal.time
        patience = desk.policy.void_failed_after if batch.state is BatchState.FAILED else None
        early = patience is not None and age >= patience
        if not early and age <= desk.vault.delays.settleTime:
            return False
    if not _given_up(desk, number, patience):
        return False
    with desk.database.write() as session:
        turn.check(session)
        insist(session, desk, f"void:{number}", desk.call("voidSeal"), batch=number)
        batches.alarm(session, "batch_voided", batch=number, reason="it can no longer be settled; its bond is lost")
        points.reached("void.before-queue")
    points.reached("void.after-queue")
    return True


def _given_up(desk: Desk, number: int, patience: int | None) -> bool:
    """Whether the vault holds the seal of a batch whose time is over: its own, or after ``patience`` seconds. The vault refuses an operator
    no void, however early, so no single endpoint's word, nor its clock, may burn the bond.
    """

    def over(chain: Chain) -> bool:
        vault = Contract(chain, desk.vault.address, "Vault")
        seal = vault.call("currentSeal")
        if seal.batch != number:
            return False
        early = patience is not None and chain.head().time - seal.time >= patience
        return early or _anybody_may(chain, vault.address, desk.call("voidSeal"))

    return desk.vault.chain.agreed(over, f"whether the time of batch {number} is over", of_all=True)


def _anybody_may(chain: Chain, vault: Address, void: bytes) -> bool:
    """Whether the vault lets somebody who is not the operator void its seal, which it does when the time is over."""
    try:
        chain.call(vault, void, sender=ANYBODY)
    except RevertedError as error:
        if error.name in NOT_OVER:
            return False
        raise
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
    """Number of the next funding; None while one is under way, and for a pause after one that failed: longer the more did in a row."""
    number, failed, last = 1, 0, None
    while (known := transactions.find(session, f"fund:{number}")) is not None:
        if known.state not in transactions.OVER:
            return None
        failed = failed + 1 if known.state is TransactionState.FAILED else 0
        number, last = number + 1, known
    resting = last is not None and failed > 0 and not rested(last, failed)
    return None if resting else number


def release_bonds(desk: Desk, turn: Turn) -> bool:
    """Takes the bonds of batches back whose window is over without a challenge."""
    bonds = desk.vault.bonds
    with desk.database.read() as session:
        waiting = batches.without_transaction(session, (BatchState.FINAL, BatchState.EXPIRED), "release:")
        over = [n for n in _window_over(desk, desk.history(), waiting) if due(session, f"release:{n}")]
    free = [number for number in over if _releasable(bonds.call("bonds", number), desk.now)]
    if not free:
        return False
    with desk.database.write() as session:
        turn.check(session)
        queued = []
        for number in free:
            data = bonds.interface.call("release", number)
            queued.append(insist(session, desk, f"release:{number}", data, to=bonds.address, batch=number))
        points.reached("release-bond.before-queue")
    points.reached("release-bond.after-queue")
    return any(queued)


def _window_over(desk: Desk, history: History, numbers: list[int]) -> list[int]:
    """Those whose seal is older than the window of challenges: the others need not be asked about."""
    window = desk.vault.bonds.call("terms").challengeTime if numbers else 0
    now = desk.now if numbers else 0
    return [n for n in numbers if n not in history.seals or now > history.seals[n].seal.time + window]


def _releasable(bond: Struct, now: int) -> bool:
    return bool(bond.stage == ENDED_STAGE and now > bond.until and bond.challenges == 0)
