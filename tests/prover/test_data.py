"""Public data in open and encrypted words: the hashes and values of the reference, the same calldata read back, one attestation each."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.batch import Params
from prover.data import OPEN_WORDS, SegmentData, attestation, data_point, domain_separator, read_words, write_words
from prover.errors import SettlementError
from prover.hashing import FIELD_ORDER
from prover.settlement import digest, public_inputs
from tests.prover.material import VECTORS, Proven, read_case
from tests.reference import data as reference
from tests.reference.keccak import keccak
from tests.reference.transcript import challenge

elements = st.integers(0, FIELD_ORDER - 1)
segments = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda size: st.lists(
        st.lists(elements, min_size=OPEN_WORDS + size[1], max_size=OPEN_WORDS + size[1]),
        min_size=size[0],
        max_size=size[0],
    )
)


def of(touches: list[list[int]]) -> SegmentData:
    return SegmentData.of([word for touch in touches for word in touch], len(touches[0]))


@given(segments, elements)
def test_hashes_and_values_are_the_references(touches: list[list[int]], z: int) -> None:
    ours, theirs = of(touches), reference.SegmentData(tuple(map(tuple, touches)))
    assert ours.hash == theirs.hash
    assert ours.encrypted_hash == reference.words_hash(theirs.encrypted)
    assert ours.open_value(z) == theirs.open_value(z)
    assert ours.encrypted_value(z) == theirs.encrypted_value(z)


@given(segments)
def test_words_come_back_in_the_order_of_the_touches(touches: list[list[int]]) -> None:
    data = of(touches)
    assert data.touches == list(map(tuple, touches))
    assert data.words == tuple(word for touch in touches for word in touch)


@given(segments)
def test_calldata_is_open_words_then_the_others_or_their_hash(touches: list[list[int]]) -> None:
    data = of(touches)
    at = 32 * len(data.open)
    assert read_words(data.rollup[:at]) == data.open
    assert read_words(data.rollup[at:]) == data.encrypted
    assert data.validium == data.rollup[:at] + keccak(data.rollup[at:])


@pytest.mark.parametrize(("open_", "encrypted"), [(0, 0), (5, 0), (0, 4), (4, 4), (10, 5), (6, 6)])
def test_words_that_are_no_touches_are_refused(open_: int, encrypted: int) -> None:
    with pytest.raises(SettlementError, match=f"{open_} open and {encrypted} encrypted"):
        SegmentData((0,) * open_, (0,) * encrypted)


def test_bytes_that_are_no_words_are_refused() -> None:
    for raw in (bytes(31), write_words([1, FIELD_ORDER]), write_words([2**256 - 1])):
        with pytest.raises(SettlementError):
            read_words(raw)


def test_the_vectors_have_these_hashes_and_values() -> None:
    seen = 0
    for raw in json.loads((VECTORS / "batches_dev.json").read_text(encoding="utf-8"))["cases"]:
        sizes, settlement = Params.named(raw["batch"]["params"]), raw["settlement"]
        words = [word for touch in read_case(raw).cleared.touches for word in touch.words]
        length = sizes.touches * sizes.words
        words += [0] * (-len(words) % length)
        z = data_point(bytes.fromhex(settlement["r1"][2:]))
        for at, expected in enumerate(settlement["data"]):
            data = SegmentData.of(words[at * length : (at + 1) * length], sizes.words)
            assert data.hash.hex() == expected["hash"][2:]
            assert data.encrypted_hash.hex() == expected["encrypted_hash"][2:]
            assert data.encrypted_value(z) == int(expected["encrypted_value"], 16)
            seen += 1
    assert seen > 10


def test_the_data_point_is_the_fourth_challenge() -> None:
    assert data_point(bytes(range(32))) == challenge(bytes(range(32)), 4)


def test_a_settlements_digest_is_of_its_segments(busy: Proven) -> None:
    found, data = digest(busy.settlement), busy.settlement.segment_data
    assert found.data_hashes == tuple(each.hash for each in data)
    assert found.closing_hash == keccak(write_words(busy.settlement.closing_words))
    assert found.data_hash == keccak(b"".join(found.data_hashes) + found.closing_hash)
    live = [[touch[0] % 2**21 for touch in each.touches if touch[0]] for each in data]
    assert found.next_indices == tuple(indices[-1] + 1 for indices in live)
    assert (
        tuple(word for each in data for word in each.words)
        == busy.settlement.words[: -len(busy.settlement.closing_words)]
    )


def test_both_values_are_public_inputs(busy: Proven) -> None:
    z = data_point(digest(busy.settlement).r1)
    for data, inputs in zip(busy.settlement.segment_data, public_inputs(busy.settlement), strict=False):
        assert inputs[15] == z
        assert inputs[16:18] == [data.open_value(z), data.encrypted_value(z)]


def test_an_attestation_is_of_one_vault_settlement_place_and_data(busy: Proven) -> None:
    data, r1 = busy.settlement.segment_data, digest(busy.settlement).r1
    here, there = domain_separator(31337, bytes(19) + b"\1"), domain_separator(31337, bytes(19) + b"\2")
    elsewhere = domain_separator(1, bytes(19) + b"\1")
    signed = {
        attestation(here, r1, 0, data),
        attestation(there, r1, 0, data),
        attestation(elsewhere, r1, 0, data),
        attestation(here, bytes(32), 0, data),
        attestation(here, r1, 1, data),
        attestation(here, r1, 0, data[:-1]),
        attestation(here, r1, 0, data[::-1]),
    }
    assert len(signed) == 7


def test_an_attestation_is_eip_712_of_its_type() -> None:
    data = SegmentData.of(list(range(12)), 12)
    r1, separator = bytes(range(32)), domain_separator(1, bytes(20))
    hashes = keccak(data.encrypted_hash)
    values = keccak(data.encrypted_value(data_point(r1)).to_bytes(32, "big"))
    kind = keccak(b"PublicData(bytes32 r1,uint32 first,bytes32 hashes,bytes32 values)")
    struct = keccak(kind + r1 + (3).to_bytes(32, "big") + hashes + values)
    assert attestation(separator, r1, 3, [data]) == keccak(b"\x19\x01" + separator + struct)
