"""Calldata read as the contracts read it, whatever its encoder did.

Anyone may settle a batch, and Solidity takes more encodings than encoders make: offsets that point backwards or at shared
places, padding that is not 0, bytes after the end. A strict decoder would refuse such a transaction, and with it everything
after it in the ledger; so what a contract has accepted is read here by the contract's own rules: an offset counts from the
start of its tuple or array, modulo 2²⁵⁶, and what lies outside calldata is 0. Values of fewer bits are cut, which changes
none that a contract has looked at: it refuses those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from relayer.errors import LedgerError

Entry = Mapping[str, Any]
Value = Any

WORD: Final = 32
SELECTOR_BYTES: Final = 4
ADDRESS_BITS: Final = 160


def read_arguments(parameters: Sequence[Entry], calldata: bytes) -> list[Value]:
    """The arguments of a call: numbers, bytes, ``0x`` addresses, lists, and lists of a tuple's values (:class:`LedgerError`
    if there are none).
    """
    return _Calldata(calldata).tuple(parameters, SELECTOR_BYTES)


class _Calldata:
    """Calldata by position."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def tuple(self, parts: Sequence[Entry], start: int) -> list[Value]:
        """The values of a tuple whose head begins at a position."""
        values, at = [], start
        for part in parts:
            values.append(self._value(part, at, start))
            at += _head_bytes(part)
        return values

    def _value(self, part: Entry, at: int, start: int) -> Value:
        """A value whose head is at a position, of a tuple or array that begins at ``start``."""
        if _is_dynamic(part):
            return self._tail(part, (start + self._word(at)) % 2**256)
        return self._static(part, at)

    def _tail(self, part: Entry, at: int) -> Value:
        kind: str = part["type"]
        if kind in ("bytes", "string"):
            return self._bytes(at + WORD, self._length(at, 1))
        element = _element(part)
        if element is None:
            return self.tuple(part["components"], at)
        if kind.endswith("[]"):
            count, first = self._length(at, _head_bytes(element)), at + WORD
        else:
            count, first = _count(kind), at
        return self._elements(element, count, first)

    def _static(self, part: Entry, at: int) -> Value:
        kind, element = part["type"], _element(part)
        if element is not None:
            return self._elements(element, _count(kind), at)
        if kind == "tuple":
            return self.tuple(part["components"], at)
        return _scalar(kind, self._word(at))

    def _elements(self, element: Entry, count: int, first: int) -> list[Value]:
        size = _head_bytes(element)
        return [self._value(element, first + size * place, first) for place in range(count)]

    def _length(self, at: int, size: int) -> int:
        """A length at a position, of elements that all lie in calldata."""
        length = self._word(at)
        if length * size > len(self._raw):
            raise LedgerError(
                f"calldata of {len(self._raw)} bytes announces {length} elements at byte {at}: no contract took it"
            )
        return length

    def _word(self, at: int) -> int:
        return int.from_bytes(self._bytes(at, WORD), "big")

    def _bytes(self, at: int, length: int) -> bytes:
        at %= 2**256
        return self._raw[at : at + length].ljust(length, b"\0")


def _scalar(kind: str, word: int) -> Value:
    if kind == "address":
        return f"0x{word % 2**ADDRESS_BITS:040x}"
    if kind == "bool":
        return bool(word)
    if kind.startswith("bytes"):
        size = int(kind.removeprefix("bytes"))
        return word.to_bytes(WORD, "big")[:size]
    if kind.startswith("uint"):
        return word % 2 ** int(kind.removeprefix("uint") or 256)
    raise LedgerError(f"this program does not read calldata of type {kind}")


def _element(part: Entry) -> Entry | None:
    """What an array is of; None for what is no array."""
    kind: str = part["type"]
    return {**part, "type": kind[: kind.rindex("[")]} if kind.endswith("]") else None


def _count(kind: str) -> int:
    return int(kind[kind.rindex("[") + 1 : -1])


def _is_dynamic(part: Entry) -> bool:
    kind: str = part["type"]
    if kind in ("bytes", "string") or kind.endswith("[]"):
        return True
    element = _element(part)
    if element is not None:
        return _is_dynamic(element)
    return kind == "tuple" and any(_is_dynamic(each) for each in part["components"])


def _head_bytes(part: Entry) -> int:
    """Bytes that a value takes in the head of its tuple or array."""
    if _is_dynamic(part):
        return WORD
    element = _element(part)
    if element is not None:
        return _count(part["type"]) * _head_bytes(element)
    return sum(_head_bytes(each) for each in part["components"]) if part["type"] == "tuple" else WORD
