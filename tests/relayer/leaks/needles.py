"""Finds numbers in anything: in decimal, in hexadecimal and packed, either byte first, and all of these in base64.

Numbers have nine digits and more. Where a form is short enough to stand in other digits by chance, it counts only as a number of its own:
decimal digits with no digit beside them and not within a long hexadecimal word, hexadecimal digits that are a whole word but for zeros.
Packed forms have six bytes and more: a smaller number is looked for in the words of 8 bytes that hold it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

ANCHOR: Final = 6
"""Bytes of each form that are looked for at once."""
TABLE_BITS: Final = 22
FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
PIECE: Final = 1 << 22
HEX: Final = frozenset(b"0123456789abcdefABCDEF")
DIGITS: Final = frozenset(b"0123456789")
LONG_WORD: Final = 24
WORD_DIGITS: Final = 16

Way = Literal["decimal", "hexadecimal", "bytes", "base64"]


@dataclass(frozen=True, slots=True)
class Form:
    """A number as it could stand somewhere. ``at`` is where its anchor begins."""

    number: int
    way: Way
    text: bytes
    at: int

    def stands(self, data: bytes, start: int) -> bool:
        """Whether it stands at ``start``, as a number of its own where it is short."""
        end = start + len(self.text)
        if start < 0 or data[start:end] != self.text:
            return False
        if self.way == "decimal":
            begin, over = _run(data, start, end, HEX)
            alone = not {*data[max(start - 1, 0) : start], *data[end : end + 1]} & DIGITS
            return alone and (over - begin < LONG_WORD or len(self.text) >= LONG_WORD)
        if self.way == "hexadecimal" and len(self.text) < WORD_DIGITS:
            begin, over = _run(data, start, end, HEX)
            return not data[begin:start].strip(b"0") and not data[end:over].strip(b"0")
        return True


class Search:
    """Looks for all forms of some numbers together."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._forms: dict[int, list[Form]] = {}
        for number in numbers:
            for form in forms(number):
                anchor = int.from_bytes(form.text[form.at : form.at + ANCHOR], "little")
                self._forms.setdefault(anchor, []).append(form)
        self._anchors = np.fromiter(self._forms, np.uint64, len(self._forms))
        self._table = np.zeros(1 << TABLE_BITS, np.bool_)
        self._table[_hashed(self._anchors)] = True

    def found(self, data: bytes) -> set[tuple[int, Way]]:
        """The numbers that stand in it, and how."""
        return set(self._found(data)) | set(self._found(data.lower()))

    def _found(self, data: bytes) -> Iterator[tuple[int, Way]]:
        for start in range(0, max(len(data) - ANCHOR + 1, 0), PIECE):
            words = _words(data[start : start + PIECE + ANCHOR - 1])
            (candidates,) = np.nonzero(self._table[_hashed(words)])
            for place in candidates[np.isin(words[candidates], self._anchors)].tolist():
                for form in self._forms[int(words[place])]:
                    if form.stands(data, start + place - form.at):
                        yield form.number, form.way


def forms(number: int) -> Iterator[Form]:
    """All forms of a number; of those that hold another, the shorter alone."""
    decimal, digits = str(number).encode(), f"{number:x}".encode()
    wide = number.to_bytes(max(8, (number.bit_length() + 7) // 8), "big")
    narrow = wide.lstrip(b"\0") if number >> 40 else wide.lstrip(b"\0").rjust(ANCHOR, b"\0")
    packed = [narrow, narrow[::-1]] if number >> 32 else [wide, wide[::-1]]
    yield _form(number, "decimal", decimal)
    for text in {digits, wide.hex().encode(), wide[::-1].hex().encode()}:
        yield _form(number, "hexadecimal", text)
    for text in packed:
        yield _form(number, "bytes", text)
    for text in {text for plain in (decimal, wide, wide[::-1], digits) for text in in_base64(plain)}:
        yield _form(number, "base64", text)


def in_base64(plain: bytes) -> Iterator[bytes]:
    """What stands in base64 of anything that holds ``plain``, of both alphabets, at least ten digits long."""
    for before in range(3):
        first, last = (before * 8 + 5) // 6, (before + len(plain)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(before) + plain + bytes(2))[first:last]
            if len(text) >= 10:
                yield text


def _form(number: int, way: Way, text: bytes) -> Form:
    places = range(len(text) - ANCHOR + 1)
    return Form(number, way, text, max(places, key=lambda at: len({*text[at : at + ANCHOR]})))


def _run(data: bytes, start: int, end: int, of: frozenset[int]) -> tuple[int, int]:
    """The run of such bytes around a place, as far as matters."""
    least, most = max(start - 2 * LONG_WORD, 0), min(end + 2 * LONG_WORD, len(data))
    while start > least and data[start - 1] in of:
        start -= 1
    while end < most and data[end] in of:
        end += 1
    return start, end


def _words(data: bytes) -> NDArray[np.uint64]:
    """Every run of anchor length, as a little-endian number."""
    given = np.frombuffer(data, np.uint8)
    count = len(given) - ANCHOR + 1
    words = np.zeros(count, np.uint64)
    for place in range(ANCHOR):
        words |= given[place : place + count].astype(np.uint64) << np.uint64(8 * place)
    return words


def _hashed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        return (words * FACTOR) >> np.uint64(64 - TABLE_BITS)
