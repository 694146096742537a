"""Signatures, against circomlib's and in both of its forms."""

import json
from pathlib import Path
from typing import Any

import pytest

from prover import eddsa
from prover.errors import FieldError, PointError

EXTERNAL: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "external" / "eddsa_poseidon_babyjub.json").read_text()
)
VECTORS: list[dict[str, Any]] = EXTERNAL["vectors"]
NEGATIVE: list[dict[str, Any]] = EXTERNAL["negative"]
SUBGROUP_ORDER = int(EXTERNAL["meta"]["subOrder"])


def pair(raw: list[str]) -> tuple[str, str]:
    x, y = raw
    return x, y


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_key_and_signature_are_circomlibs(vector: dict[str, Any]) -> None:
    key, signature = eddsa.public_key(vector["prv"]), eddsa.sign(vector["prv"], vector["msg"])
    assert [str(each) for each in key] == vector["A"]
    assert [str(each) for each in signature.r8] == vector["R8"]
    assert str(signature.s) == vector["S"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_signature_holds_in_decimal_and_in_packed_form(vector: dict[str, Any]) -> None:
    key, message = pair(vector["A"]), vector["msg"]
    assert eddsa.verify(key, message, (pair(vector["R8"]), vector["S"]))
    assert eddsa.verify(bytes.fromhex(vector["A_packed"]), int(message), bytes.fromhex(vector["sig_packed"]))
    assert eddsa.verify(vector["A_packed"], message, "0x" + vector["sig_packed"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_packing_is_circomlibs_and_unpacks(vector: dict[str, Any]) -> None:
    key, signature = eddsa.public_key(vector["prv"]), eddsa.sign(vector["prv"], vector["msg"])
    assert eddsa.pack(key).hex() == vector["A_packed"]
    assert eddsa.unpack(vector["A_packed"]) == key
    assert eddsa.pack_signature(signature).hex() == vector["sig_packed"]
    assert eddsa.unpack_signature(vector["sig_packed"]) == signature


@pytest.mark.parametrize("vector", NEGATIVE, ids=lambda vector: f"{vector['from']} {vector['kind']}")
def test_every_negative_vector_is_refused(vector: dict[str, Any]) -> None:
    assert not eddsa.verify(pair(vector["A"]), vector["msg"], (pair(vector["R8"]), vector["S"]))


def test_a_scalar_raised_by_the_order_is_refused() -> None:
    signature = eddsa.sign(bytes(32), 5)
    key = eddsa.public_key(bytes(32))
    assert eddsa.verify(key, 5, signature)
    assert not eddsa.verify(key, 5, (signature.r8, signature.s + SUBGROUP_ORDER))


@pytest.mark.parametrize("point", [(0, 1), (0, 0), (1, 1)], ids=["identity", "origin", "off the curve"])
def test_degenerate_keys_verify_nothing(point: tuple[int, int]) -> None:
    assert not eddsa.verify(point, 5, eddsa.sign(bytes(32), 5))


@pytest.mark.parametrize("packed", [b"", bytes(31), "zz", 32 * b"\xff"])
def test_malformed_points_are_refused(packed: bytes | str) -> None:
    with pytest.raises(PointError):
        eddsa.unpack(packed)


def test_a_malformed_seed_is_refused_without_repeating_it() -> None:
    with pytest.raises(PointError) as refusal:
        eddsa.public_key("secret" * 5)
    assert "secret" not in str(refusal.value)


def test_a_message_beyond_the_field_is_refused() -> None:
    with pytest.raises(FieldError):
        eddsa.sign(bytes(32), 2**255)
