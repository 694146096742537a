"""A settlement as the vault takes it, in one transaction or in several.

The claim, parts of the segments with their proofs and data, and the closing proof with its words: the structs of
contracts/src/interfaces/ISettlementRules.sol as tuples, which an ABI encoder takes as they are. What is sent, when
and by whom is left to the relayer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from prover.data import attestation, data_point, write_words
from prover.errors import SettlementError
from prover.settlement import Digest, Proof, Settlement, digest

Signed = Callable[[bytes], bytes]
"""Signatures of the replicas on an attestation: 65 bytes each, by increasing address."""


class SegmentClaim(NamedTuple):
    """What a segment leads to."""

    root: int
    sums: int
    transcript: int
    next_index: int
    data_hash: bytes


class Claim(NamedTuple):
    """All that a settlement says before a challenge is drawn; the beneficiary as 0x text."""

    segments: tuple[SegmentClaim, ...]
    auction_root: int
    closing_transcript: int
    closing_hash: bytes
    beneficiary: str


class Part(NamedTuple):
    """Proofs and data of a run of segments; values and signatures in validium mode only."""

    proofs: tuple[Proof, ...]
    words: bytes
    values: tuple[int, ...] = ()
    signatures: bytes = b""


class Posting:
    """What is sent of a settlement that is proven to its end (else :class:`prover.errors.SettlementError`)."""

    def __init__(self, settlement: Settlement) -> None:
        proofs = [*(part.proof for part in settlement.segments), settlement.closing.proof]
        if not all(proofs):
            raise SettlementError("a proof is missing: the batch is not proven to its end")
        self.digest = digest(settlement)
        self.data = settlement.segment_data
        self.claim = _claim(settlement, self.digest)
        *self._proofs, self.closing_proof = [proof for proof in proofs if proof is not None]
        self.closing_words = write_words(settlement.closing_words)

    def rollup(self, first: int = 0, count: int | None = None) -> Part:
        """Segments `first` (from 0) and after, `count` of them or all that follow, with all their words."""
        run = self._run(first, count)
        words = b"".join(each.rollup for each in self.data[run])
        return Part(tuple(self._proofs[run]), words)

    def validium(self, separator: bytes, sign: Signed, first: int = 0, count: int | None = None) -> Part:
        """The same, the encrypted words held by replicas that `sign` their attestation for the vault of `separator`."""
        run, z = self._run(first, count), data_point(self.digest.r1)
        data = self.data[run]
        return Part(
            proofs=tuple(self._proofs[run]),
            words=b"".join(each.validium for each in data),
            values=tuple(each.encrypted_value(z) for each in data),
            signatures=sign(attestation(separator, self.digest.r1, first, data)),
        )

    def _run(self, first: int, count: int | None) -> slice:
        end = len(self.data) if count is None else first + count
        if not 0 <= first < end <= len(self.data):
            raise SettlementError(f"no segments {first} to {end} of {len(self.data)}", {"first": first, "end": end})
        return slice(first, end)


def _claim(settlement: Settlement, found: Digest) -> Claim:
    segments = zip(settlement.segments, found.next_indices, found.data_hashes, strict=True)
    return Claim(
        segments=tuple(SegmentClaim(part.root, part.sums, part.tau, index, data) for part, index, data in segments),
        auction_root=settlement.closing.auction_root,
        closing_transcript=settlement.closing.tau,
        closing_hash=found.closing_hash,
        beneficiary="0x" + settlement.beneficiary.hex(),
    )


def joined_signatures(signatures: Sequence[tuple[str, bytes]]) -> bytes:
    """Signatures (address, 65 bytes) as contracts want them: by increasing address."""
    return b"".join(signature for _, signature in sorted(signatures, key=lambda each: int(each[0], 16)))
