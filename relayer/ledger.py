"""Everything that happened in a vault, from its logs and the calldata of their transactions, and nothing else.

What is read is checked as far as it checks itself: words against the claim's hashes, these against the event's, roots from batch to
batch. That the proofs hold was the contract's to check, and is checked again by :mod:`relayer.audit`.

A :class:`Ledger` follows the chain: :meth:`Ledger.advance` gives what is new since the last call, and first what a reorganisation took
back, newest first. One endpoint is believed here as to what the chain is; lies about what a transaction carried are found out, a
made-up chain is not.

Who answers for the newest block need not be who gives the logs, not even behind one URL, and an endpoint that is behind gives what it has
without a word. So the last blocks are read again by every call: what was missing is taken in late, what was given before and is not given
now is asked for again, not taken back.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from prover.batch import RiskRow, SettledRow, risk_root
from prover.errors import TacitError
from prover.hashing import keccak256
from prover.settlement import Proof
from relayer.chain import Block, Tag, Transaction
from relayer.errors import LedgerError, RpcError
from relayer.interface import Named, Struct, Value
from relayer.records import (
    AccountAssigned,
    At,
    BatchOpened,
    BatchSealed,
    BatchSettled,
    BatchVoided,
    Claim,
    Claimed,
    DepositQueued,
    DepositReturned,
    EpochPosted,
    EscapePaid,
    EscapeRegistered,
    ExitAnswered,
    ExitRequested,
    Frozen,
    Genesis,
    OpeningExpired,
    PotFixed,
    Record,
    Retiring,
    Seal,
    SegmentClaim,
    SegmentData,
    SegmentsChecked,
    WithdrawalCredited,
    numbers,
)
from relayer.vault import VALUES_A_WORD, WORD, Vault

CHECKPOINTS: Final = 4096
"""Blocks whose hashes are remembered to find out where a reorganisation began."""
AGAIN: Final = 64
"""Blocks below the last one read that are read again at least: more than an endpoint that is believed is behind by."""
AGAIN_MOST: Final = 1_000
"""And at most, however far below the final block is: one request for logs."""
NEAR: Final = 64
"""Blocks below its settlement in which a seal is looked for at first, then twice as many, and so on."""
RETRIES: Final = 5
VALUE_BITS: Final = 42
ID_BITS: Final = 27
MINIMUM_OFFSET: Final = 69
SETTLING: Final = ("settle", "finishSettlement")
CHECKING: Final = ("settle", "advanceSettlement")


@dataclass(frozen=True, slots=True)
class Change:
    """A record that is new, or that a reorganisation has withdrawn."""

    record: Record
    withdrawn: bool = False


class Ledger:
    """The records of a vault up to a block, and what changes as the chain goes on.

    ``first``: block to read from; None for the one that the vault was made in. A later one leaves out what was before: then roots are
    checked from the first settlement on that is read.
    """

    def __init__(self, vault: Vault, first: int | None = None) -> None:
        self.vault = vault
        self.records: list[Record] = []
        self._first = vault.first_block if first is None else first
        self._checkpoints: list[tuple[int, bytes]] = []

    @classmethod
    def resumed(
        cls, vault: Vault, first: int, records: Sequence[Record], checkpoints: Sequence[tuple[int, bytes]]
    ) -> Ledger:
        """A ledger that goes on from what an earlier one had: its :attr:`records` and :attr:`checkpoints`, kept somewhere."""
        ledger = cls(vault, first)
        ledger.records, ledger._checkpoints = list(records), sorted(checkpoints)
        return ledger

    @property
    def checkpoints(self) -> list[tuple[int, bytes]]:
        """Blocks (number, hash) that tell a reorganisation: the last ones with records, and those that were read up to."""
        return list(self._checkpoints)

    @property
    def head(self) -> int | None:
        """The last block that was read; None before the first call of :meth:`advance`."""
        return self._checkpoints[-1][0] if self._checkpoints else None

    def advance(self, tag: Tag = "latest", final: int | None = None) -> list[Change]:
        """Reads up to the newest block of a kind: first what was withdrawn, newest first, then what is new, oldest first.

        ``final``: a block known to be final before this call; blocks above it are read again. What is found below records that are known
        withdraws these and gives them anew, as a reorganisation does. Raises :class:`LedgerError` for data that contradicts itself,
        :class:`RpcError` for an endpoint that fails. Either way nothing has changed.
        """
        for _ in range(RETRIES):
            head = self.vault.chain.head(tag)
            kept = self._common(head)
            if self.head is not None and head.number < self.head and kept == self._up_to(head):
                return []  # the same chain, and an endpoint that is behind
            top = kept[-1][0] if kept else self._first - 1
            known = self.records[: bisect_right(self.records, top, key=_block)]
            try:
                read = self._read(self._start(top, final), head, known)
            except (LedgerError, RpcError):
                if self._moved(head):
                    continue
                raise
            if read is not None and not self._moved(head):
                return self._accept(kept, *read, head)
        what = (
            f"the chain of {self.vault.chain.name} kept changing while it was read, or lacks logs that it gave before"
        )
        raise RpcError(f"{what}: try again in a minute")

    def follow(self, tag: Tag = "latest", pause: float = 1.0) -> Iterator[Change]:
        """Changes for ever, as they come; ``pause`` seconds between looks at the chain."""
        while True:
            yield from self.advance(tag)
            time.sleep(pause)

    # ---- reorganisations

    def _common(self, head: Block) -> list[tuple[int, bytes]]:
        """The checkpoints that are still in the chain."""
        kept = self._up_to(head)
        while kept:
            number, digest = kept[-1]
            block = head if number == head.number else self.vault.chain.block(number)
            if block is not None and block.hash == digest:
                return kept
            kept.pop()
        return kept

    def _up_to(self, head: Block) -> list[tuple[int, bytes]]:
        return [each for each in self._checkpoints if each[0] <= head.number]

    def _moved(self, head: Block) -> bool:
        """Whether the block that was read up to has left the chain meanwhile."""
        block = self.vault.chain.block(head.number)
        return block is None or block.hash != head.hash

    def _accept(self, kept: list[tuple[int, bytes]], stay: int, new: list[Record], head: Block) -> list[Change]:
        """Takes in what follows the first ``stay`` records now."""
        gone = self.records[stay:]
        self.records = self.records[:stay] + new
        left = {record.at.block for record in gone}
        seen = {number: digest for number, digest in kept if number not in left}
        seen |= {record.at.block: record.at.block_hash for record in new} | {head.number: head.hash}
        self._checkpoints = sorted(seen.items())[-CHECKPOINTS:]
        return [Change(record, withdrawn=True) for record in reversed(gone)] + [Change(record) for record in new]

    # ---- reading

    def _start(self, top: int, final: int | None) -> int:
        """The block to read from, where what was read stands up to ``top``. Each block is so read once more when it is final, and when
        :data:`AGAIN` blocks lie on it.
        """
        if self.head is None:
            return self._first
        depth = AGAIN if final is None else min(max(AGAIN, self.head - final), AGAIN_MOST)
        return max(self._first, min(top, self.head - depth) + 1)

    def _read(self, start: int, head: Block, known: list[Record]) -> tuple[int, list[Record]] | None:
        """How many of the known records stay, and all that follow these; None if the endpoint lacks one that stands."""
        told = self._told(start, head.number)
        stay = bisect_left(known, start, key=_block)
        agreed = 0
        for record, (at, _) in zip(known[stay:], told, strict=False):
            if record.at != at:
                break
            agreed += 1
        stay += agreed
        if self._lacks(known[stay:], {at for at, _ in told[agreed:]}):
            return None
        reader = _Reader(self.vault, known[:stay])
        for at, event in told[agreed:]:
            reader.read(at, event)
        return stay, reader.records[stay:]

    def _told(self, first: int, last: int) -> list[tuple[At, Named]]:
        """The events of some blocks, in order; one that the vault's interface does not have is none."""
        found: list[tuple[At, Named]] = []
        for logs in self.vault.chain.logs(self.vault.address, first, last):
            for log in logs:
                event = self.vault.contract.interface.read_log(log.topics, log.data)
                if event is None:
                    continue
                at = At(log.block, log.index, log.block_hash, log.transaction)
                if found and at <= found[-1][0]:
                    what = f"the endpoint gave log {at.index} of block {at.block} after a later one: logs must come in order"
                    raise LedgerError(what, {"block": at.block, "index": at.index})
                found.append((at, event))
        return found

    def _lacks(self, known: Sequence[Record], given: set[At]) -> bool:
        """Whether a known record is not given though its block stands, or is not there either: then its endpoint is behind."""
        for record in known:
            if record.at not in given:
                block = self.vault.chain.block(record.at.block)
                if block is None or block.hash == record.at.block_hash:
                    return True
        return False


def _block(record: Record) -> int:
    return record.at.block


def read_ledger(vault: Vault, tag: Tag = "latest", first: int | None = None) -> list[Record]:
    """All records of a vault up to the newest block of a kind."""
    ledger = Ledger(vault, first)
    ledger.advance(tag)
    return ledger.records


def whole_from(vault: Vault, batch: int, settled: int) -> int | None:
    """The block to read from, so that the settlement of a batch in block ``settled`` is read whole: that of its seal, before which
    none of its transactions can be. None if the batch was not settled in that block, or the endpoint does not have its seal.
    """
    found, last, width = False, settled, NEAR
    while last >= 0:
        start = max(0, last - width + 1)
        for log in reversed([log for logs in vault.chain.logs(vault.address, start, last) for log in logs]):
            event = vault.contract.interface.read_log(log.topics, log.data)
            if event is None or event.values.get("batch") != batch:
                continue
            found = found or (event.name == "BatchSettled" and log.block == settled)
            if found and event.name == "BatchSealed":
                return log.block
        if not found:
            return None
        last, width = start - 1, 2 * width
    return None


class _Reader:
    """Makes records of events, one after another."""

    def __init__(self, vault: Vault, before: Sequence[Record]) -> None:
        self._vault = vault
        self.records = list(before)

    def read(self, at: At, event: Named) -> None:
        """Adds the record of an event."""
        self.records.append(self._record(at, event))

    def _record(self, at: At, event: Named) -> Record:
        values = event.values
        if event.name == "EpochPosted":
            return self._epoch(at, values)
        if event.name == "SegmentsChecked":
            return self._checked(at, values)
        if event.name == "BatchSettled":
            return self._settled(at, values)
        plain = _PLAIN.get(event.name)
        if plain is None:
            raise LedgerError(
                f"this program does not know the event {event.name}: use a newer one", {"event": event.name}
            )
        return plain(at, values)

    # ---- events with calldata

    def _epoch(self, at: At, values: Struct) -> EpochPosted:
        def fits(call: Struct) -> bool:
            return (call.post.number, call.post.riskRoot, call.post.ids) == (
                values.epoch,
                values.riskRoot,
                values.instruments,
            )

        def proves(call: Struct) -> bool:
            return fits(call) and risk_root(self._vault.params, self._rows(call.post.rows, values)) == values.riskRoot

        call = self._call(at, ("postEpoch",), fits, proves)
        return EpochPosted(
            at,
            values.epoch,
            values.riskRoot,
            tuple(values.instruments),
            tuple(SettledRow(each.id, each["value"]) for each in values.settled),
            values.time,
            self._rows(call.post.rows, values),
        )

    def _rows(self, raw: bytes, values: Struct) -> tuple[RiskRow, ...]:
        count, size = len(values.instruments), self._vault.row_words * WORD
        if len(raw) != size * count:
            what = f"epoch {values.epoch}: {len(raw)} bytes of rows for {count} instruments, {size} a row"
            raise LedgerError(what, {"epoch": values.epoch})
        scenarios, words = self._vault.sizes.scenarios, self._vault.row_words
        return tuple(risk_row(numbers(raw, row * words, words), scenarios) for row in range(count))

    def _checked(self, at: At, values: Struct) -> SegmentsChecked:
        call = self._call(at, CHECKING, lambda call: _is_check(call, values))
        segments = self._segments(call.part, values.first)
        claim = _claim(call.claim_)
        _check_hashes(f"batch {values.batch}", segments, claim)
        return SegmentsChecked(at, values.batch, bytes(values.r1), values.first, claim, segments)

    def _settled(self, at: At, values: Struct) -> BatchSettled:
        call, batch = self._call(at, SETTLING, lambda call: _is_settlement(call, values)), f"batch {values.batch}"
        claim = _claim(call.claim_)
        parts = self._segments(call.part, 0) if "part" in call else self._collected(values.batch, claim)
        if len(parts) != len(claim.segments):
            what = f"{batch}: its settlement has {len(claim.segments)} segments, {len(parts)} stand in calldata"
            raise LedgerError(what, {"batch": values.batch})
        _check_hashes(batch, parts, claim)
        _check_claim(batch, values, claim, call.closingWords)
        self._check_root(values)
        return BatchSettled(
            at,
            values.batch,
            values.rootBefore,
            values.rootAfter,
            bytes(values.dataHash),
            bytes(values.r1),
            values.beneficiary,
            claim,
            parts,
            tuple(call.closingProof),
            bytes(call.closingWords),
        )

    def _collected(self, batch: int, claim: Claim) -> tuple[SegmentData, ...]:
        """The segments of a settlement in several transactions, in order: those checked under its claim, sums and τ_G included."""
        found: dict[int, SegmentData] = {}
        for record in reversed(self.records):
            if isinstance(record, SegmentsChecked) and (record.batch, record.claim) == (batch, claim):
                found = {segment.number: segment for segment in record.segments} | found
            if isinstance(record, BatchSealed) and record.batch == batch:
                break
        return tuple(found[number] for number in sorted(found) if number == 0 or number - 1 in found)

    def _check_root(self, values: Struct) -> None:
        before = next((each for each in reversed(self.records) if isinstance(each, BatchSettled | Genesis)), None)
        if before is None:
            return
        root = before.root_after if isinstance(before, BatchSettled) else before.root
        if root != values.rootBefore:
            what = f"batch {values.batch} starts at root {values.rootBefore:#x}, what came before it ends at {root:#x}"
            raise LedgerError(what, {"batch": values.batch, "root": values.rootBefore})

    def _segments(self, part: Struct, first: int) -> tuple[SegmentData, ...]:
        layout, raw = self._vault.layout, bytes(part.words)
        rest = WORD if self._vault.validium else layout.cipher_bytes
        size, count = layout.open_bytes + rest, len(part.proofs)
        given = part["values"] if self._vault.validium else [None] * count
        if len(raw) != size * count or len(given) != count:
            raise LedgerError(f"{count} segments have {size * count} bytes of words, the transaction has {len(raw)}")
        segments = []
        for place, (proof, value) in enumerate(zip(part.proofs, given, strict=True)):
            open_words = raw[place * size : place * size + layout.open_bytes]
            tail = raw[place * size + layout.open_bytes : (place + 1) * size]
            held, digest = (None, tail) if self._vault.validium else (tail, keccak256(tail))
            segments.append(SegmentData(first + place, _proof(proof), open_words, held, digest, value))
        return tuple(segments)

    def _call(
        self,
        at: At,
        names: tuple[str, ...],
        fits: Callable[[Struct], bool],
        proves: Callable[[Struct], bool] = lambda _: False,
    ) -> Struct:
        """Arguments of the call that made an event: of the transaction itself, or of a call inside it that fits.

        ``proves``: whether arguments that merely stand in the input of another contract's transaction must be the right ones.
        """
        transaction = self._vault.chain.transaction(at.transaction)
        if transaction.block_hash != at.block_hash:
            what = f"transaction 0x{at.transaction.hex()} is in another block than its event: the chain has moved"
            raise LedgerError(what)
        for calldata, enough in self._calldata(transaction, names, fits, proves):
            call = self._read(calldata)
            if call is not None and call.name in names and _holds(enough, call.values):
                return call.values
        what = f"transaction 0x{at.transaction.hex()} holds no call of {' or '.join(names)} that fits its event"
        raise LedgerError(what, {"transaction": "0x" + at.transaction.hex()})

    def _calldata(
        self,
        transaction: Transaction,
        names: tuple[str, ...],
        fits: Callable[[Struct], bool],
        proves: Callable[[Struct], bool],
    ) -> Iterator[tuple[bytes, Callable[[Struct], bool]]]:
        """Where the call may be, and what is enough to know that it is: the transaction's own input; what stands in the input of one to
        another contract; what reached the vault, where the endpoint can trace.
        """
        if transaction.to == self._vault.address:
            yield transaction.input, lambda _: True
            return
        for name in names:
            wanted, at = self._vault.contract.interface.selector(name), -1
            while (at := transaction.input.find(wanted, at + 1)) >= 0:
                yield transaction.input[at:], proves
        for calldata in self._vault.chain.inner_calls(transaction.hash, self._vault.address):
            yield calldata, fits

    def _read(self, calldata: bytes) -> Named | None:
        try:
            return self._vault.contract.interface.read_call(calldata)
        except LedgerError:
            return None


def _holds(enough: Callable[[Struct], bool], call: Struct) -> bool:
    """Whether arguments are enough; what cannot even be judged is not."""
    try:
        return enough(call)
    except TacitError:
        return False


def _is_check(call: Struct, event: Struct) -> bool:
    return "part" in call and len(call.part.proofs) == event["count"]


def _is_settlement(call: Struct, event: Struct) -> bool:
    claim = _claim(call.claim_)
    return "closingWords" in call and _data_hash(claim) == bytes(event.dataHash)


def risk_row(words: Sequence[int], scenarios: int) -> RiskRow:
    """A risk row of its words in calldata (docs/protocol.md section 6)."""
    head, greeks, *packed = words
    at = ((packed[s // VALUES_A_WORD] >> VALUE_BITS * (s % VALUES_A_WORD)) % 2**VALUE_BITS for s in range(scenarios))
    mark = (head >> ID_BITS) % 2**VALUE_BITS
    return RiskRow(head % 2**ID_BITS, mark, head >> MINIMUM_OFFSET, greeks, tuple(at))


def _claim(claim: Struct) -> Claim:
    segments = tuple(
        SegmentClaim(each.root, each["sums"], each.transcript, each.nextIndex, bytes(each.dataHash))
        for each in claim.segments
    )
    closing = claim.auctionRoot, claim.closingTranscript, bytes(claim.closingHash)
    return Claim(segments, *closing, claim.beneficiary)


def _proof(words: Value) -> Proof:
    return tuple(int(word) for word in words)


def _check_hashes(batch: str, segments: Sequence[SegmentData], claim: Claim) -> None:
    for segment in segments:
        digest = keccak256(segment.open_words + segment.cipher_hash)
        if segment.number >= len(claim.segments) or digest != claim.segments[segment.number].data_hash:
            what = f"{batch}, segment {segment.number}: the words of its calldata are not those that it claims to have"
            raise LedgerError(what, {"segment": segment.number})


def _check_claim(batch: str, values: Struct, claim: Claim, closing_words: bytes) -> None:
    if keccak256(closing_words) != claim.closing_hash or _data_hash(claim) != bytes(values.dataHash):
        raise LedgerError(f"{batch}: calldata and event have different data hashes", {"batch": values.batch})
    if claim.segments[-1].root != values.rootAfter or claim.beneficiary != values.beneficiary:
        raise LedgerError(f"{batch}: calldata and event end at different roots", {"batch": values.batch})


def _data_hash(claim: Claim) -> bytes:
    return keccak256(b"".join(segment.data_hash for segment in claim.segments) + claim.closing_hash)


def _seal(values: Struct) -> Seal:
    numbers = (
        values[name] for name in ("batch", "touches", "orders", "depositEnd", "exitEnd", "lastVoid", "epoch", "time")
    )
    return Seal(bytes(values.sealRoot), *numbers)


_PLAIN: Final[dict[str, Callable[[At, Struct], Record]]] = {
    "Genesis": lambda at, v: Genesis(at, v.root, v.domain, v.config, v.bonds),
    "AccountAssigned": lambda at, v: AccountAssigned(at, v.index, v.owner),
    "DepositQueued": lambda at, v: DepositQueued(at, v.entry, v.index, v.payer, v.amount),
    "DepositReturned": lambda at, v: DepositReturned(at, v.entry, v.index, v.payer, v.amount),
    "ExitRequested": lambda at, v: ExitRequested(at, v.entry, v.index, v.recipient, v.amount, v.deadline),
    "ExitAnswered": lambda at, v: ExitAnswered(at, v.entry, v.batch, v.requested, v.paid),
    "BatchOpened": lambda at, v: BatchOpened(at, v.batch, v.epoch),
    "OpeningExpired": lambda at, v: OpeningExpired(at, v.batch),
    "BatchSealed": lambda at, v: BatchSealed(at, v.batch, v.root, _seal(v.seal), bytes(v.receiptsHash)),
    "BatchVoided": lambda at, v: BatchVoided(at, v.batch),
    "WithdrawalCredited": lambda at, v: WithdrawalCredited(at, v.batch, v.index, v.recipient, v.amount),
    "Claimed": lambda at, v: Claimed(at, v.recipient, v.amount),
    "Retiring": lambda at, v: Retiring(at, v.successor, v.time),
    "Frozen": lambda at, v: Frozen(at, v.root, v.epoch, v.windowEnd),
    "EscapeRegistered": lambda at, v: EscapeRegistered(at, v.index, v.recipient, v.equity, v.inWindow),
    "PotFixed": lambda at, v: PotFixed(at, v.pot, v.totalEquity),
    "EscapePaid": lambda at, v: EscapePaid(at, v.index, v.recipient, v.amount),
}
