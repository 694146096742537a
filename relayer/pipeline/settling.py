"""From a proven batch to its settlement in the vault: checked once more, sent in one transaction or several, followed until it is mined.

What is too large for one transaction, by bytes or gas, goes in parts: a part is queued when the one before is mined, since what it hands
on is known then. In a validium vault the replicas store and sign first. A transaction that failed is made again after a pause; after the
policy's attempts the batch fails, and each time that it is taken up again one more is made. That a settlement is mined is told by
:mod:`relayer.watcher`, whoever has sent it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from prover.data import SegmentData
from prover.errors import TacitError
from prover.keys import Keys
from prover.posting import Part, Posting
from prover.settlement import Settlement, digest, verify
from relayer import points
from relayer.errors import RevertedError, RpcError, SealingError
from relayer.header import Header
from relayer.interface import Value
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.failing import TRANSIENT, plainly
from relayer.pipeline.policy import Policy
from relayer.pipeline.sending import PATIENCE_MS, ensure, failure, failures, rested
from relayer.pipeline.trusting import expected
from relayer.replicas import collect
from relayer.store import batches, transactions
from relayer.store.models import Batch, BatchState, ChainTransaction, Setting, TransactionState
from relayer.store.steps import move

UNDER_WAY: Final = (BatchState.SUBMITTED, BatchState.REORGED)
DONE: Final = (TransactionState.MINED, TransactionState.FINAL)
PROGRESS_BYTES, CONCERNED_BYTES = 4_096, 96
"""What a part hands on to the next: offsets, sums and peaks, and three words of each touch that credits, answers, opens or pays."""
CONCERNS_FROM: Final = 22
"""Bits of a touch's first word below all that concerns the vault: index and whether it is live."""
PART_GAS, SEGMENT_GAS, BYTE_GAS = 800_000, 150_000, 40
"""More than a part takes whatever it carries, than each of its segments does, and than a byte costs (EIP-7623). Measured are 682,000 and
92,000 at most, without calldata (docs/measurements.md).
"""
SHORT_OF_GAS: Final = ("", "ProofsRefused")
"""What is said of a settlement that was verified here and needs more gas than there is."""
WHOLE: Final = 0
"""Size of a part where all goes in one transaction."""


def settle(desk: Desk, keys: Keys, turn: Turn) -> bool:
    """Takes the next step of the settlement that is due; whether it did anything."""
    with desk.database.read() as session:
        batch = next(iter(batches.in_states(session, [BatchState.PROVED, *UNDER_WAY])), None)
        if batch is None or batch.settlement is None:
            return False
        number, state = batch.number, batch.state
        sending = _Sending(desk, Settlement.from_json(batch.settlement.decode()), _size(session, number))
        purpose, begun = sending.next_purpose(session), sending.begun(session)
        if purpose is None and state is BatchState.SUBMITTED:
            return False
        if purpose is not None and _rests(desk, session, number, purpose):
            return False
    trusted = expected(desk.vault, sending.settlement)
    if trusted is None:
        return False  # the vault holds another seal, or none: the watcher will tell
    try:
        if state is BatchState.PROVED:
            verify(sending.settlement, keys, trusted)
            sending = sending if begun else sending.planned()
        return _send(desk, turn, number, sending)
    except TRANSIENT:
        raise
    except TacitError as error:
        return _failed(desk, turn, number, f"its settlement is refused: {plainly(error)}")


def _send(desk: Desk, turn: Turn, number: int, sending: _Sending) -> bool:
    with desk.database.read() as session:
        purpose = sending.next_purpose(session)
        data = None if purpose is None else sending.calldata(session, purpose)
    with desk.database.write() as session:
        turn.check(session)
        batch = batches.require(session, number)
        if batch.state not in (BatchState.PROVED, *UNDER_WAY) or batch.settlement is None:
            return False
        if purpose is not None and data is not None:
            session.merge(Setting(name=_parts(number), value=str(sending.size)))
            if ensure(session, desk, purpose, data, batch=number, attempts=_attempts(desk, session, number)) is None:
                batches.fail(session, batch, f"the vault refuses its settlement: {failure(session, purpose)}")
                return True
        if batch.state is not BatchState.SUBMITTED:
            move(session, batch, BatchState.SUBMITTED)
        points.reached("settle.before-queue")
    points.reached("settle.after-queue")
    return True


def _attempts(desk: Desk, session: Session, number: int) -> int:
    """How many transactions of one purpose may fail before the batch does: one more for each time that it did."""
    return desk.policy.attempts + batches.failed_times(session, number)


def _rests(desk: Desk, session: Session, number: int, purpose: str) -> bool:
    """Whether a transaction failed that is made again, and not yet: three in a row would meet the same cause."""
    known, failed = transactions.find(session, purpose), failures(session, purpose)
    if known is None or known.state is not TransactionState.FAILED or failed >= _attempts(desk, session, number):
        return False
    return not rested(known, failed, PATIENCE_MS)


@dataclass(frozen=True)
class _Sending:
    """A settlement on its way, ``size`` segments a part (``WHOLE``: all in one transaction)."""

    desk: Desk
    settlement: Settlement
    size: int

    @property
    def base(self) -> str:
        return f"settle:{self.settlement.context.batch}"

    @property
    def posting(self) -> Posting:
        return Posting(self.settlement)

    # ---- how

    def planned(self) -> _Sending:
        """One transaction if it is small enough, else parts that are."""
        desk, policy = self.desk, self.desk.policy
        whole = self._whole()
        gas = self._gas(whole) if len(whole) <= policy.settle_bytes else None
        if gas is not None and gas <= policy.settle_gas:
            return _Sending(desk, self.settlement, WHOLE)
        count, handed = len(self.settlement.segments), handed_on(self.settlement.live_touches)
        return _Sending(desk, self.settlement, segments_a_part(policy, count, len(whole), gas, handed))

    def _gas(self, whole: bytes) -> int | None:
        """Gas of all in one transaction; None where that is more than a block holds. Then the vault may also refuse proofs that are right,
        as these were found to be: it is their check that runs out of gas.
        """
        vault = self.desk.vault
        try:
            return vault.chain.gas(self.desk.operator, vault.address, whole)
        except RevertedError as error:
            if error.name not in SHORT_OF_GAS:
                raise
            return None

    # ---- what

    def purposes(self) -> list[str]:
        """One for each transaction, in their order."""
        if self.size == WHOLE:
            return [self.base]
        runs = -(-len(self.settlement.segments) // self.size)
        return [f"{self.base}:{number}" for number in range(runs + 2)]

    def next_purpose(self, session: Session) -> str | None:
        """The first transaction that is not mined, if it is not under way either."""
        for purpose in self.purposes():
            known = transactions.find(session, purpose)
            if known is None or known.state is TransactionState.FAILED or not self._is_own(known):
                return purpose
            if known.state not in DONE:
                return None
        return None

    def begun(self, session: Session) -> bool:
        """Whether a part with segments of this settlement is mined or under way: those after it must be of its size."""
        parts = [transactions.find(session, purpose) for purpose in self.purposes()[1:]]
        return any(
            part is not None and part.state is not TransactionState.FAILED and self._is_own(part) for part in parts
        )

    def _is_own(self, known: ChainTransaction) -> bool:
        """Whether a transaction is of this settlement, and not of one that was proven for another seal: the claim names its τ."""
        return self.settlement.closing.tau.to_bytes(32, "big") in known.data

    def calldata(self, session: Session, purpose: str) -> bytes:
        """What its transaction carries."""
        if self.size == WHOLE:
            return self._whole()
        posting, purposes = self.posting, self.purposes()
        at = purposes.index(purpose)
        if at == 0:
            return self.desk.call("beginSettlement", posting.claim)
        progress = self._answer(session, purposes[at - 1])
        if at == len(purposes) - 1:
            closing = posting.closing_proof, posting.closing_words
            return self.desk.call("finishSettlement", posting.claim, progress, *closing)
        return self.desk.call("advanceSettlement", posting.claim, progress, self._part(at - 1))

    def _answer(self, session: Session, purpose: str) -> Value:
        """What the call of an earlier part answers: the progress that the next takes up. It is asked at a block that has that part, since
        an endpoint that is behind refuses it for want of the part before, and that is no fault of the batch.
        """
        known = transactions.find(session, purpose)
        if known is None:
            raise SealingError(f"{purpose} is gone although a later part is due", {"purpose": purpose})
        vault = self.desk.vault
        head = vault.chain.head().number
        if known.block is not None and head < known.block:
            what = (
                f"{vault.chain.name} is behind at block {head}: {purpose} was mined in {known.block}; it is asked again"
            )
            raise RpcError(what, {"endpoint": vault.chain.name, "block": head})
        raw = vault.chain.call(vault.address, known.data, head, sender=self.desk.operator)
        function = "beginSettlement" if purpose == self.purposes()[0] else "advanceSettlement"
        return vault.contract.interface.result(function, raw)

    def _whole(self) -> bytes:
        posting = self.posting
        part = self._signed(posting, 0, len(posting.data))
        return self.desk.call("settle", posting.claim, part, posting.closing_proof, posting.closing_words)

    def _part(self, run: int) -> Part:
        first, posting = run * self.size, self.posting
        return self._signed(posting, first, min(self.size, len(posting.data) - first))

    def _signed(self, posting: Posting, first: int, count: int) -> Part:
        """A run of segments in the vault's mode."""
        vault = self.desk.vault
        if not vault.validium:
            return posting.rollup(first, count)
        signatures = self._signatures(first, posting.data[first : first + count])
        return posting.validium(vault.separator, lambda _: signatures, first, count)

    def _signatures(self, first: int, segments: tuple[SegmentData, ...]) -> bytes:
        signer = self.desk.signer
        if signer is None:
            raise SealingError("a validium vault needs the operator's key, which its replicas ask for")
        header = Header.of_settlement(self.settlement, digest(self.settlement))
        return collect(self.desk.vault, self.desk.replicas, signer, header, first, segments)


def handed_on(touches: Iterable[Sequence[int]]) -> int:
    """Most bytes of calldata that a part of a settlement with these touches carries of the parts before it."""
    return PROGRESS_BYTES + CONCERNED_BYTES * sum(words[0] >> CONCERNS_FROM != 0 for words in touches)


def segments_a_part(policy: Policy, count: int, whole: int, gas: int | None, handed: int) -> int:
    """How many of ``count`` segments a part carries, where all of them in one transaction would be ``whole`` bytes and use ``gas`` (None:
    not known), and a part carries up to ``handed`` bytes of those before it.
    """
    by_bytes = (policy.settle_bytes - handed) * count // whole
    by_gas = count if gas is None else policy.settle_gas * count // gas
    left, each = policy.settle_gas - PART_GAS - BYTE_GAS * handed, SEGMENT_GAS + BYTE_GAS * whole // count
    return max(1, min(count, by_bytes, by_gas, left // each))


def _size(session: Session, number: int) -> int:
    row = session.get(Setting, _parts(number))
    return WHOLE if row is None else int(row.value)


def _parts(number: int) -> str:
    return f"settle.parts:{number}"


def _failed(desk: Desk, turn: Turn, number: int, reason: str) -> bool:
    with desk.database.write() as session:
        turn.check(session)
        batch: Batch = batches.require(session, number)
        if batch.state in (BatchState.PROVED, *UNDER_WAY):
            batches.fail(session, batch, reason)
            points.reached("settle.before-failure")
    return True
