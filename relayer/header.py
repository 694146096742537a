"""What r₁ is hashed of: everything that a settlement says before a challenge is drawn (docs/protocol.md section 7).

Who is shown the bytes knows from r₁ alone which vault and batch a settlement is of, and which data hashes it claims.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from prover.batch import Context
from prover.hashing import keccak256
from prover.settlement import Digest, Settlement
from relayer.errors import ReplicaError
from relayer.records import BatchSealed, Claim
from relayer.vault import WORD

LABEL: Final = b"tacit.settlement.1".ljust(WORD, b"\0")
HEAD_WORDS: Final = 9
SEGMENT_WORDS: Final = 4
TAIL_WORDS: Final = 4
MOST_SEGMENTS: Final = 64
BATCHES: Final = 2**32


@dataclass(frozen=True, slots=True)
class SegmentHead:
    """What r₁ binds of a segment: root and next index after it, its τ, its data hash."""

    root: int
    next_index: int
    transcript: int
    data_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The preimage of r₁."""

    domain: int
    context: int
    orders: int
    seal_root: bytes
    deposit_end: int
    exit_end: int
    start_root: int
    segments: tuple[SegmentHead, ...]
    risk_root: int
    auction_root: int
    closing_hash: bytes
    beneficiary: str

    @classmethod
    def of(cls, domain: int, context: int, sealed: BatchSealed, risk_root: int, claim: Claim) -> Header:
        """Of a sealed batch and what is claimed of it."""
        heads = (SegmentHead(each.root, each.next_index, each.transcript, each.data_hash) for each in claim.segments)
        return cls(
            domain=domain,
            context=context,
            orders=sealed.seal.orders,
            seal_root=sealed.seal.root,
            deposit_end=sealed.seal.deposit_end,
            exit_end=sealed.seal.exit_end,
            start_root=sealed.root,
            segments=tuple(heads),
            risk_root=risk_root,
            auction_root=claim.auction_root,
            closing_hash=claim.closing_hash,
            beneficiary=claim.beneficiary,
        )

    @classmethod
    def of_settlement(cls, settlement: Settlement, said: Digest) -> Header:
        """Of a settlement as its prover has it, and :func:`prover.settlement.digest` of it."""
        parts = zip(settlement.segments, said.next_indices, said.data_hashes, strict=True)
        return cls(
            domain=settlement.context.domain,
            context=context_word(settlement.context),
            orders=settlement.active_orders,
            seal_root=settlement.seal_root,
            deposit_end=settlement.deposit_end,
            exit_end=settlement.exit_end,
            start_root=settlement.start_root,
            segments=tuple(SegmentHead(part.root, index, part.tau, data) for part, index, data in parts),
            risk_root=settlement.risk_root,
            auction_root=settlement.closing.auction_root,
            closing_hash=said.closing_hash,
            beneficiary="0x" + settlement.beneficiary.hex(),
        )

    @property
    def batch(self) -> int:
        """The batch that is settled."""
        return self.context % BATCHES

    @property
    def r1(self) -> bytes:
        """The name of the settlement, from which all challenges follow."""
        return keccak256(self.encoded)

    @property
    def encoded(self) -> bytes:
        """The words in their order."""
        head = (self.domain, self.context, len(self.segments), self.orders)
        queues = (self.deposit_end, self.exit_end, self.start_root)
        parts = [LABEL, *map(_word, head), self.seal_root, *map(_word, queues)]
        for each in self.segments:
            parts += [_word(each.root), _word(each.next_index), _word(each.transcript), each.data_hash]
        parts += [_word(self.risk_root), _word(self.auction_root), self.closing_hash, _word(int(self.beneficiary, 16))]
        return b"".join(parts)

    @classmethod
    def decode(cls, raw: bytes) -> Header:
        """What :attr:`encoded` gave; anything else is refused (:class:`ReplicaError`)."""
        words = [raw[at : at + WORD] for at in range(0, len(raw), WORD)]
        count = _number(words[3]) if len(words) > HEAD_WORDS else 0
        known = 0 < count <= MOST_SEGMENTS and len(raw) == WORD * (HEAD_WORDS + SEGMENT_WORDS * count + TAIL_WORDS)
        if not known or words[0] != LABEL or _number(words[-1]) >> 160:
            raise ReplicaError(f"{len(raw)} bytes are not what r₁ is hashed of", {"bytes": len(raw)})
        heads = (words[HEAD_WORDS + SEGMENT_WORDS * at :][:SEGMENT_WORDS] for at in range(count))
        return cls(
            domain=_number(words[1]),
            context=_number(words[2]),
            orders=_number(words[4]),
            seal_root=words[5],
            deposit_end=_number(words[6]),
            exit_end=_number(words[7]),
            start_root=_number(words[8]),
            segments=tuple(SegmentHead(_number(r), _number(n), _number(t), h) for r, n, t, h in heads),
            risk_root=_number(words[-4]),
            auction_root=_number(words[-3]),
            closing_hash=words[-2],
            beneficiary=f"0x{_number(words[-1]):040x}",
        )


def context_word(context: Context) -> int:
    """A batch's context as a number (docs/protocol.md section 7)."""
    low = context.batch + (context.last_void << 32) + (context.time << 64)
    return low + (context.fee_rate << 104) + (context.num << 118) + (context.den << 121)


def _word(number: int) -> bytes:
    return number.to_bytes(WORD, "big")


def _number(word: bytes) -> int:
    return int.from_bytes(word, "big")
