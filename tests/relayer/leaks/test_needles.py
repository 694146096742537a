"""The search itself finds a number wherever and however it is written, and none that is not there."""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Callable

import pytest

from tests.relayer.leaks.needles import Search

QUANTITY, LIMIT, SALT = 314_159_265, 5_271_828_183, 2**253 + 123_456_789_123_456_789
NUMBERS = (QUANTITY, LIMIT, SALT)
WRITTEN: dict[str, Callable[[int], bytes]] = {
    "decimal": lambda number: f"limit={number},".encode(),
    "json": lambda number: json.dumps({"limit": str(number)}).encode(),
    "hexadecimal": lambda number: f"0x{number:x} ".encode(),
    "capitals": lambda number: f" {number:X}\n".encode(),
    "word": lambda number: b"abcd" + f"{number:064x}".encode(),
    "other end": lambda number: number.to_bytes(32, "little").hex().encode(),
    "packed": lambda number: number.to_bytes(32, "big"),
    "packed, other end": lambda number: number.to_bytes(32, "little"),
    "packed, 8 bytes": lambda number: struct.pack(">Q", number) if number < 2**64 else number.to_bytes(32, "big"),
    "base64 of decimal": lambda number: base64.b64encode(b'{"limit":"' + str(number).encode() + b'"}'),
    "base64 of packed": lambda number: base64.urlsafe_b64encode(b"-" + number.to_bytes(32, "big")),
}
noise = random.Random(1)


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_found_however_it_is_written(number: int, written: str) -> None:
    for length in range(100, 103):
        data = b"~" + noise.randbytes(length) + b"~" + WRITTEN[written](number) + b"~" + noise.randbytes(9) + b"~"
        assert {found for found, _ in Search(NUMBERS).found(data)} == {number}


def test_an_integer_of_a_database_row_is_found() -> None:
    """SQLite stores it in six bytes."""
    assert Search(NUMBERS).found(b"\x06\x04" + LIMIT.to_bytes(6, "big") + b"\x05") == {(LIMIT, "bytes")}


def test_digits_within_other_digits_are_another_number() -> None:
    search = Search(NUMBERS)
    for text in (f"1{LIMIT}", f"{QUANTITY}0", f"0x{LIMIT:x}1", f"{'a' * 12}{QUANTITY}{'b' * 12}"):
        assert search.found(text.encode()) == set(), text
    assert search.found(noise.randbytes(10**6)) == set()
    assert search.found(noise.randbytes(10**6).hex().encode()) == set()


def test_a_number_at_the_seam_of_two_pieces_is_found() -> None:
    for before in range((1 << 22) - 12, (1 << 22) + 2):
        assert Search([LIMIT]).found(b"-" * before + str(LIMIT).encode()) == {(LIMIT, "decimal")}
