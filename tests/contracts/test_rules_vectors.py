"""The rules on chain draw r₁ as the reference does: for every batch of its vectors, in both modes of public data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from demo.chain import Contract, local_chain
from demo.vault import Plan, Terms, Vault
from prover.data import write_words
from prover.keys import setup
from prover.posting import Claim, SegmentClaim
from tests.prover.material import VECTORS
from tests.reference.keccak import keccak

CASES: list[dict[str, Any]] = json.loads((VECTORS / "batches_dev.json").read_text(encoding="utf-8"))["cases"]
ROOT_OUT, NEXT_OUT, SUMS_OUT, TAU = 3, 7, 9, 10
"""Places among a segment's public inputs."""
AUCTION_ROOT, CLOSING_TAU = 3, 4
"""Places among the closing proof's."""


@pytest.fixture(scope="module", params=[0, 3], ids=["rollup", "validium"])
def rules(request: pytest.FixtureRequest) -> Iterator[Contract]:
    terms, replicas = Terms(30, 5, 4), int(request.param)
    plan = Plan(terms=terms, replicas=replicas, replica_threshold=2 if replicas else 0)
    with local_chain() as chain:
        yield Vault.deploy(chain, setup("dev"), lambda domain: domain // 2, 1, plan).rules


def number(word: str) -> int:
    return int(word, 16)


def statement_of(case: dict[str, Any]) -> tuple[Any, ...]:
    """What a vault would know of the case's batch."""
    settlement, ids = case["settlement"], [row["instrument"] for row in case["batch"]["risk"]["rows"]]
    first = [number(word) for word in settlement["segment_inputs"][0]]
    header, expected = settlement["header"], case["expected"]
    return (
        bytes(32),
        *first[:3],
        bytes.fromhex(expected["seal_root"][2:]),
        len(case["batch"]["touches"]),
        expected["active_orders"],
        header["deposit_end"],
        header["exit_end"],
        number(expected["risk_root"]),
        keccak(write_words(ids)),
        len(ids),
    )


def claim_of(case: dict[str, Any]) -> Claim:
    """What its settlement says."""
    settlement = case["settlement"]
    closing = [number(word) for word in settlement["closing_inputs"]]
    segments = []
    for inputs, data in zip(settlement["segment_inputs"], settlement["data"], strict=True):
        root, index, sums, tau = (number(inputs[place]) for place in (ROOT_OUT, NEXT_OUT, SUMS_OUT, TAU))
        segments.append(SegmentClaim(root, sums, tau, index, bytes.fromhex(data["hash"][2:])))
    return Claim(
        segments=tuple(segments),
        auction_root=closing[AUCTION_ROOT],
        closing_transcript=closing[CLOSING_TAU],
        closing_hash=bytes.fromhex(settlement["closing_hash"][2:]),
        beneficiary=settlement["header"]["beneficiary"],
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_r1_is_the_references(rules: Contract, case: dict[str, Any]) -> None:
    progress = rules.call("begin", statement_of(case), claim_of(case))
    assert progress[0].hex() == case["settlement"]["r1"][2:]


def test_replicas_attest_what_the_reference_hashes_and_evaluates(rules: Contract) -> None:
    for case in CASES:
        settlement = case["settlement"]
        hashes = [bytes.fromhex(data["encrypted_hash"][2:]) for data in settlement["data"]]
        values = [number(data["encrypted_value"]) for data in settlement["data"]]
        r1, separator = bytes.fromhex(settlement["r1"][2:]), b"\7" * 32
        kind = keccak(b"PublicData(bytes32 r1,uint32 first,bytes32 hashes,bytes32 values)")
        struct = kind + r1 + (3).to_bytes(32, "big") + keccak(b"".join(hashes)) + keccak(write_words(values))
        signed = keccak(b"\x19\x01" + separator + keccak(struct))
        assert rules.call("attestation", separator, r1, 3, hashes, values) == signed
