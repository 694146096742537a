"""Owners' proofs on anvil: what the prover makes, the generated contract accepts, and nothing else that looks like it.

Proofs are real, of the keys in the checkout; what a vault does with them is tested elsewhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import pytest

import prover
from demo.chain import Contract, LocalChain, Reverted, compile_contracts, local_chain
from prover import Keys
from prover.escape import prove_escape
from prover.exit import OwnerProof, prove_exit
from prover.hashing import FIELD_ORDER
from tests.prover.material import ROOT
from tests.prover.owners import escape_cases, exit_cases, secret

BASE_FIELD: Final = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47
REQUEST = exit_cases()["some"]
ACCOUNT = escape_cases("dev")["mixed, long and short"]


@pytest.fixture(scope="module")
def keys() -> Keys:
    return prover.setup("dev", ROOT / "keys")


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with local_chain() as running:
        yield running


@pytest.fixture(scope="module")
def verifier(chain: LocalChain, keys: Keys) -> Contract:
    artifacts = compile_contracts(Verifier=keys.solidity(), AccountVerifier=keys.account_solidity())
    return chain.deploy(artifacts["AccountVerifier"])


@pytest.fixture(scope="module")
def request_proof(keys: Keys) -> OwnerProof:
    return prove_exit(REQUEST.request, REQUEST.holder, keys, seed=secret())


@pytest.fixture(scope="module")
def escape_proof(keys: Keys) -> OwnerProof:
    return prove_escape(ACCOUNT.escape, keys, seed=secret())


def refused(verifier: Contract, function: str, proof: Sequence[int], inputs: Sequence[int]) -> str:
    with pytest.raises(Reverted) as caught:
        verifier.call(function, list(proof), list(inputs))
    return caught.value.name


def test_the_contract_says_which_circuits_it_verifies(verifier: Contract, keys: Keys) -> None:
    ours = prover.keys.fingerprints("dev")
    fingerprints = tuple(bytes.fromhex(ours[circuit]) for circuit in ("exit", "escape"))
    assert verifier.call("parameters") == (3, 4, 4, 8, *fingerprints, True)
    assert keys.account_insecure


def test_a_request_that_its_owner_proved_is_accepted(verifier: Contract, request_proof: OwnerProof) -> None:
    verifier.call("verifyExit", list(request_proof.proof), list(request_proof.inputs))


@pytest.mark.parametrize(
    "name", ["nothing at all", "all listed", "all settled", "mixed, long and short", "deep in debt"]
)
def test_an_account_that_its_owner_proved_is_accepted(name: str, verifier: Contract, keys: Keys) -> None:
    case = escape_cases("dev")[name]
    proven = prove_escape(case.escape, keys, seed=secret())
    verifier.call("verifyEscape", list(proven.proof), list(case.inputs))


def test_no_input_can_be_another(verifier: Contract, request_proof: OwnerProof, escape_proof: OwnerProof) -> None:
    for function, proven in (("verifyExit", request_proof), ("verifyEscape", escape_proof)):
        for at, value in enumerate(proven.inputs):
            other = [*proven.inputs[:at], (value + 1) % FIELD_ORDER, *proven.inputs[at + 1 :]]
            assert refused(verifier, function, proven.proof, other) == "ProofsRefused"


def test_no_input_has_a_second_form(verifier: Contract, request_proof: OwnerProof, escape_proof: OwnerProof) -> None:
    for function, proven in (("verifyExit", request_proof), ("verifyEscape", escape_proof)):
        for at, value in enumerate(proven.inputs):
            for times in range(1, 6):
                shifted = value + times * FIELD_ORDER
                if shifted < 2**256:
                    other = [*proven.inputs[:at], shifted, *proven.inputs[at + 1 :]]
                    assert refused(verifier, function, proven.proof, other) == "InputNotReduced"


def test_a_proof_made_over_is_of_the_same_inputs_only(verifier: Contract, request_proof: OwnerProof) -> None:
    """(A, B, C) and (−A, −B, C) prove the same: whoever counts requests counts inputs."""
    a_x, a_y, b_x1, b_x0, b_y1, b_y0, c_x, c_y = request_proof.proof
    negated = [a_x, BASE_FIELD - a_y, b_x1, b_x0, BASE_FIELD - b_y1, BASE_FIELD - b_y0, c_x, c_y]
    verifier.call("verifyExit", negated, list(request_proof.inputs))
    other = [*request_proof.inputs[:5], request_proof.inputs[5] + 1]
    assert refused(verifier, "verifyExit", negated, other) == "ProofsRefused"


def test_the_proof_of_one_circuit_is_none_of_the_other(
    verifier: Contract, request_proof: OwnerProof, escape_proof: OwnerProof
) -> None:
    assert refused(verifier, "verifyEscape", request_proof.proof, escape_proof.inputs) == "ProofsRefused"
    assert refused(verifier, "verifyExit", escape_proof.proof, request_proof.inputs) == "ProofsRefused"
    assert refused(verifier, "verifyEscape", escape_proof.proof, escape_proof.inputs[:-1]) == "WrongLengths"


def test_a_damaged_proof_is_refused(verifier: Contract, request_proof: OwnerProof) -> None:
    for at in range(8):
        damaged = [*request_proof.proof[:at], request_proof.proof[at] ^ 1, *request_proof.proof[at + 1 :]]
        assert refused(verifier, "verifyExit", damaged, request_proof.inputs) in {"NotOnCurve", "ProofsRefused"}
    assert refused(verifier, "verifyExit", [0] * 8, request_proof.inputs) == "ProofsRefused"


def test_another_owner_cannot_ask_for_this_account(verifier: Contract, keys: Keys) -> None:
    """A stranger can prove a request for an owner word of its own only."""
    seed = secrets.token_bytes(32)
    stranger = replace(REQUEST.holder, key=prover.eddsa.public_key(seed))
    proven = prove_exit(REQUEST.request, stranger, keys, seed=seed)
    verifier.call("verifyExit", list(proven.proof), list(proven.inputs))
    assert refused(verifier, "verifyExit", proven.proof, REQUEST.inputs) == "ProofsRefused"
