"""Exit requests in Python: what is signed and proven is what the specification says, and only the owner's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prover import Keys, eddsa
from prover.errors import OwnerError, VerificationError
from prover.exit import ExitRequest, OwnerProof, prove_exit, verify_exit
from prover.hashing import FIELD_ORDER
from tests.prover.owners import ExitCase, exit_cases, secret

SOME = exit_cases()["some"]


@pytest.fixture(scope="module")
def proven(keys: Keys) -> OwnerProof:
    return prove_exit(SOME.request, SOME.holder, keys, seed=secret())


@pytest.mark.parametrize("case", exit_cases().values(), ids=exit_cases())
def test_what_is_signed_and_proven_is_what_the_specification_says(case: ExitCase) -> None:
    assert case.request.message == case.message
    assert case.request.inputs(case.holder.owner) == case.inputs


def test_a_request_is_proven_and_verified(proven: OwnerProof, keys: Keys) -> None:
    assert proven.inputs == SOME.inputs
    verify_exit(proven, SOME.request, SOME.holder.owner, keys)


def test_a_signature_made_elsewhere_will_do(keys: Keys) -> None:
    phases: list[str] = []
    signature = eddsa.sign(secret(), SOME.request.message)
    made = prove_exit(
        SOME.request, SOME.holder, keys, signature=signature, progress=lambda phase, _: phases.append(phase)
    )
    verify_exit(made, SOME.request, SOME.holder.owner, keys)
    assert phases[0] == "witness"
    assert phases[-1] == "check"


def test_the_proof_of_a_request_is_none_of_another(proven: OwnerProof, keys: Keys) -> None:
    others = [
        replace(SOME.request, amount=SOME.request.amount + 1),
        replace(SOME.request, number=SOME.request.number + 1),
        replace(SOME.request, recipient="0x" + 20 * "11"),
    ]
    for request in others:
        with pytest.raises(VerificationError):
            verify_exit(proven, request, SOME.holder.owner, keys)
        forged = OwnerProof(request.inputs(SOME.holder.owner), proven.proof)
        with pytest.raises(VerificationError):
            verify_exit(forged, request, SOME.holder.owner, keys)


def test_another_seed_or_signature_is_refused_by_name(keys: Keys) -> None:
    with pytest.raises(OwnerError, match="signature") as refused:
        prove_exit(SOME.request, SOME.holder, keys, seed=bytes(32))
    assert refused.value.values == {"index": SOME.request.index}
    with pytest.raises(OwnerError, match="either"):
        prove_exit(SOME.request, SOME.holder, keys)
    signature = eddsa.sign(secret(), SOME.request.message)
    with pytest.raises(OwnerError, match="either"):
        prove_exit(SOME.request, SOME.holder, keys, seed=secret(), signature=signature)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("domain", FIELD_ORDER),
        ("index", 2**21),
        ("index", -1),
        ("amount", 2**64),
        ("number", 2**32),
        ("recipient", "0x12"),
        ("recipient", "0x" + 20 * "zz"),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_name(name: str, value: int | str) -> None:
    fields = {"domain": 1, "index": 2, "recipient": "0x" + 20 * "11", "amount": 3, "number": 4} | {name: value}
    with pytest.raises(OwnerError) as refused:
        ExitRequest(**fields)  # type: ignore[arg-type]
    assert name in refused.value.values
