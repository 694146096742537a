"""What is sent of a settlement: the claim that r₁ is of, and its segments in parts that are the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prover.data import attestation, data_point, domain_separator, read_words
from prover.errors import SettlementError
from prover.posting import Posting, joined_signatures
from prover.settlement import digest
from tests.prover.material import Proven

SEPARATOR = domain_separator(31337, bytes(range(20)))


def test_the_claim_is_what_the_settlement_says(busy: Proven) -> None:
    claim, settlement = Posting(busy.settlement).claim, busy.settlement
    assert [(each.root, each.sums, each.transcript) for each in claim.segments] == [
        (part.root, part.sums, part.tau) for part in settlement.segments
    ]
    assert tuple(each.data_hash for each in claim.segments) == digest(settlement).data_hashes
    assert tuple(each.next_index for each in claim.segments) == digest(settlement).next_indices
    assert claim.beneficiary == "0x" + settlement.beneficiary.hex()
    assert (claim.auction_root, claim.closing_transcript) == (settlement.closing.auction_root, settlement.closing.tau)


def test_parts_are_the_whole(busy: Proven) -> None:
    posting, count = Posting(busy.settlement), len(busy.settlement.segments)
    whole, parts = posting.rollup(), [posting.rollup(at, 1) for at in range(count)]
    assert count > 1
    assert b"".join(part.words for part in parts) == whole.words
    assert tuple(proof for part in parts for proof in part.proofs) == whole.proofs
    assert whole.proofs == tuple(part.proof for part in busy.settlement.segments)
    assert (whole.values, whole.signatures) == ((), b"")
    assert read_words(posting.closing_words) == busy.settlement.closing_words


def test_a_part_in_validium_mode_has_values_and_what_replicas_signed(busy: Proven) -> None:
    posting, signed = Posting(busy.settlement), list[bytes]()

    def sign(message: bytes) -> bytes:
        signed.append(message)
        return b"signed"

    part = posting.validium(SEPARATOR, sign, 1, 2)
    data, r1 = busy.settlement.segment_data[1:3], posting.digest.r1
    assert part.words == b"".join(each.validium for each in data)
    assert part.values == tuple(each.encrypted_value(data_point(r1)) for each in data)
    assert signed == [attestation(SEPARATOR, r1, 1, data)]
    assert part.signatures == b"signed"
    assert part.proofs == posting.rollup(1, 2).proofs


@pytest.mark.parametrize(("first", "count"), [(0, 0), (-1, 1), (0, 4), (3, 1), (3, None)])
def test_segments_that_are_not_there_are_refused(busy: Proven, first: int, count: int | None) -> None:
    assert len(busy.settlement.segments) == 3
    with pytest.raises(SettlementError, match="no segments"):
        Posting(busy.settlement).rollup(first, count)


def test_what_is_not_proven_is_not_sent(busy: Proven) -> None:
    segments = busy.settlement.segments
    for unproven in (
        replace(busy.settlement, segments=(*segments[:-1], replace(segments[-1], proof=None))),
        replace(busy.settlement, closing=replace(busy.settlement.closing, proof=None)),
    ):
        with pytest.raises(SettlementError, match="proof is missing"):
            Posting(unproven)


def test_proofs_are_sent_as_they_are(busy: Proven) -> None:
    """Whether a proof holds is the vault's to say."""
    broken = (*(busy.settlement.closing.proof or ())[:7], 1)
    changed = replace(busy.settlement, closing=replace(busy.settlement.closing, proof=broken))
    assert Posting(changed).closing_proof == broken
    assert Posting(changed).digest == Posting(busy.settlement).digest


def test_signatures_stand_by_increasing_address() -> None:
    addresses = ["0xB" + 39 * "0", "0x" + 39 * "0" + "a", "0xa" + 39 * "f"]
    joined = joined_signatures([(each, each.encode()) for each in addresses])
    assert joined == b"".join(each.encode() for each in (addresses[1], addresses[2], addresses[0]))
