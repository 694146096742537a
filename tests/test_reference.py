"""The reference against what others computed, and its vectors against the reference."""

import json
from pathlib import Path

import pytest

from tests.reference import babyjub, eddsa, poseidon
from tests.reference.babyjub import Point
from tests.reference.blake512 import blake512
from tests.reference.eddsa import Signature
from tests.reference.exchange import dump
from tests.reference.field import MODULUS
from tests.reference.keccak import keccak
from tests.reference.write_vectors import FILES, FOLDER

EXTERNAL = Path(__file__).parent / "vectors" / "external"


def external(name: str) -> dict[str, list[dict[str, str]]]:
    loaded: dict[str, list[dict[str, str]]] = json.loads((EXTERNAL / name).read_text())
    return loaded


def test_generated_poseidon_constants_give_the_hashes_of_circomlib() -> None:
    for vector in external("poseidon_bn254.json")["vectors"]:
        assert poseidon.poseidon(*map(int, vector["inputs"])) == int(vector["out"]), vector["name"]


def test_every_element_of_the_permuted_state_is_that_of_circomlib() -> None:
    for vector in external("poseidon_bn254_fullstate.json")["vectors"]:
        start = [int(vector["initState"]), *map(int, vector["inputs"])]
        assert poseidon.permute(start) == [int(element) for element in vector["outState"]]


def test_keccak_is_that_of_ethereum() -> None:
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak(b"transfer(address,uint256)")[:4].hex() == "a9059cbb"
    assert len({keccak(bytes(n)) for n in range(270)}) == 270


def test_blake512_is_the_finalist_and_not_blake2b() -> None:
    assert blake512(b"\x00").hex().startswith("97961587f6d970faba6d2478045de6d1")
    assert blake512(bytes(144)).hex().startswith("313717d608e9cf758dcb1eb0f0c3cf9f")


@pytest.mark.parametrize("vector", external("eddsa_poseidon_babyjub.json")["vectors"], ids=lambda v: v["name"])
def test_signatures_are_those_of_circomlib(vector: dict[str, str]) -> None:
    secret, message = bytes.fromhex(vector["prv"]), int(vector["msg"])
    key = Point(*map(int, vector["A"]))
    signature = Signature(Point(*map(int, vector["R8"])), int(vector["S"]))
    assert eddsa.public_key(secret) == key
    assert eddsa.sign(secret, message) == signature
    assert eddsa.verify(key, message, signature)


@pytest.mark.parametrize("vector", external("eddsa_poseidon_babyjub.json")["negative"], ids=lambda v: v["kind"])
def test_altered_signatures_are_refused(vector: dict[str, str]) -> None:
    signature = Signature(Point(*map(int, vector["R8"])), int(vector["S"]))
    assert not eddsa.verify(Point(*map(int, vector["A"])), int(vector["msg"]), signature)


def test_keys_of_low_order_sign_nothing() -> None:
    for key in (babyjub.IDENTITY, Point(0, MODULUS - 1)):
        assert babyjub.on_curve(key)
        assert not eddsa.verify(key, 5, Signature(babyjub.IDENTITY, 0))


def test_points_multiply_as_in_circomlib() -> None:
    for vector in external("babyjub.json")["scalar_mul_base8"]:
        assert babyjub.multiply(int(vector["k"]), babyjub.BASE8) == Point(*map(int, vector["P"]))


@pytest.mark.parametrize("name", FILES)
def test_vectors_are_those_the_reference_writes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="ascii") == dump(FILES[name]())
