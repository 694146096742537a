"""The demo's observer: a number is found in every form in which it could stand somewhere, and what is said to be unknown must not be."""

from __future__ import annotations

import json
import secrets
from types import SimpleNamespace
from typing import Any, cast

import pytest

from demo.errors import NotShown
from demo.observer import Mempool, Number, Public, observe

LIMIT = Number("limit of order 1", 3_987_612_345_679, 42)
QUANTITY = Number("quantity of order 1", 187_654_329, 28)
SALT = Number("salt of order 1", secrets.randbits(253) | 1 << 252, 254)


def public(text: str) -> Public:
    sent = {"hash": "0x01", "input": "0x" + secrets.token_hex(5_000)}
    return Public({"calldata": [json.dumps(sent)], "interface": ["{}", text]})


def mempool(*hashes: str) -> Mempool:
    return cast(Mempool, SimpleNamespace(seen=dict.fromkeys(hashes, "{}")))


def packed(number: Number, place: int) -> str:
    """The number in the middle of random bytes, its last bit so many bits from their end."""
    noise = secrets.randbits(8 * 120)
    hole = ((1 << number.bits) - 1) << place
    return "0x" + (noise & ~hole | number.value << place).to_bytes(120, "big").hex()


@pytest.mark.parametrize("number", [LIMIT, QUANTITY, SALT], ids=["limit", "quantity", "salt"])
def test_a_number_is_found_as_digits_and_as_a_word(number: Number) -> None:
    word = number.value.to_bytes(32, "big").hex()
    for text in (str(number.value), f'"0x{number.value:x}"', f"0x{word}", f'"0xaa{word}bb"'):
        assert public(f"some {text} thing").places(number) == ["interface"], text
    assert public("nothing").places(number) == []


@pytest.mark.parametrize("place", range(9))
@pytest.mark.parametrize("number", [LIMIT, SALT], ids=["limit", "salt"])
def test_a_long_number_is_found_among_other_bits_wherever_it_begins(number: Number, place: int) -> None:
    assert public(packed(number, place)).places(number) == ["interface"]


def test_a_neighbour_of_a_number_is_not_taken_for_it() -> None:
    for number in (LIMIT, QUANTITY, SALT):
        other = Number(number.what, number.value ^ 2, number.bits)
        assert public(f'"0x{number.value:x}" {number.value} 0x{number.value:064x}').places(other) == []


def test_a_secret_that_is_found_and_a_public_number_that_is_not_are_errors() -> None:
    seen: dict[str, Any] = {"secret": [QUANTITY], "known": [LIMIT]}
    good = public(str(LIMIT.value))
    assert observe(good, mempool("0x01"), **seen).controls == {LIMIT.what: ["interface"]}
    with pytest.raises(NotShown, match="quantity of order 1 stays unknown, and stands in interface"):
        observe(public(f"{LIMIT.value} {QUANTITY.value}"), mempool("0x01"), **seen)
    with pytest.raises(NotShown, match="limit of order 1 is public"):
        observe(public("nothing"), mempool("0x01"), **seen)
    with pytest.raises(NotShown, match="1 were not"):
        observe(good, mempool(), **seen)
