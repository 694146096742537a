"""Poseidon and Keccak, against values of other implementations."""

import json
from pathlib import Path
from typing import Any

import pytest

import prover
from prover.errors import FieldError
from prover.hashing import FIELD_ORDER

VECTORS = Path(__file__).parents[1] / "vectors"
POSEIDON: list[dict[str, Any]] = json.loads((VECTORS / "external" / "poseidon_bn254.json").read_text())["vectors"]
HASHES: dict[str, Any] = json.loads((VECTORS / "encodings.json").read_text())["hashes"]


@pytest.mark.parametrize("vector", POSEIDON, ids=lambda vector: vector["name"])
def test_poseidon_is_circomlibs_in_every_form_of_input(vector: dict[str, Any]) -> None:
    expected = int(vector["out"])
    assert prover.poseidon(vector["inputs"]) == expected
    assert prover.poseidon(vector["inputs_hex"]) == expected
    assert prover.poseidon([int(text) for text in vector["inputs"]]) == expected


def test_keccak_of_nothing() -> None:
    assert prover.keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_the_sponge_tells_tag_and_length() -> None:
    outputs = {prover.sponge(tag, inputs) for tag in (1, 2) for inputs in ([], [0], [0, 0], [0] * 8, [0] * 9)}
    assert len(outputs) == 10


@pytest.mark.parametrize(
    "number", [-1, FIELD_ORDER, 2**256, 2**300, str(FIELD_ORDER), hex(FIELD_ORDER), "1.0", "", "01"]
)
def test_what_is_no_field_element_is_refused_not_reduced(number: int | str) -> None:
    with pytest.raises(FieldError) as refusal:
        prover.poseidon([number])
    assert refusal.value.code == "FIELD"
    assert refusal.value.values


@pytest.mark.parametrize("count", [0, 17])
def test_poseidon_takes_one_to_sixteen_inputs(count: int) -> None:
    with pytest.raises(FieldError, match=str(count)):
        prover.poseidon([1] * count)
