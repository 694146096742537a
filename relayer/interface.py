"""The contracts' interfaces: calldata, results, logs and reverts as named values.

The interfaces lie in this package as JSON, written from the compiled contracts by ``python -m tests.relayer.write_interfaces``, because an
installed package has no compiler. Encoding, and decoding of what contracts encode, is eth-abi's; calldata, which anybody encodes, is
read by :mod:`relayer.calldata`. Structs come back as :class:`Struct`: values by the names of the
source, nested as they are there. Talking to a chain is left to :mod:`relayer.chain`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError

from prover.hashing import keccak256
from relayer.calldata import read_arguments
from relayer.errors import LedgerError

SELECTOR_BYTES: Final = 4
NAMES: Final = ("Vault", "Bonds", "SettlementRules", "AccountVerifier", "Verifier", "Token")
"""The interfaces that lie in the package."""

Value = Any
"""What an ABI carries; its type is known at run time, from the interface."""

Entry = Mapping[str, Any]


class Struct(dict[str, Value]):
    """Values by name, also as attributes; :meth:`plain` is what encoding takes."""

    def __getattr__(self, name: str) -> Value:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def plain(self) -> tuple[Value, ...]:
        """The values in order, structs within as tuples too."""
        return tuple(_plain(value) for value in self.values())


@dataclass(frozen=True, slots=True)
class Named:
    """A decoded function call, event or error: its name and its arguments."""

    name: str
    values: Struct


class Interface:
    """The functions, events and errors of one contract."""

    def __init__(self, name: str, entries: Sequence[Entry]) -> None:
        self.name, self.entries = name, tuple(entries)
        self._functions = {entry["name"]: entry for entry in entries if entry["type"] == "function"}
        self._by_selector = {selector(entry): entry for entry in self._functions.values()}
        self._events = {keccak256(signature(entry).encode()): entry for entry in entries if entry["type"] == "event"}
        self._errors = {selector(entry): entry for entry in entries if entry["type"] == "error"}

    @classmethod
    def load(cls, name: str) -> Interface:
        """An interface of this package: one of :data:`NAMES`."""
        return _load(name)

    @cached_property
    def topics(self) -> dict[str, str]:
        """First topic of each event, by name."""
        return {entry["name"]: "0x" + topic.hex() for topic, entry in self._events.items()}

    def selector(self, function: str) -> bytes:
        """The first four bytes of a function's calldata."""
        return selector(self._functions[function])

    def call(self, function: str, *arguments: Value) -> bytes:
        """Calldata of a call; a struct may be a tuple or a :class:`Struct`."""
        entry = self._functions[function]
        try:
            return selector(entry) + encode(
                [kind(each) for each in entry["inputs"]], [_plain(each) for each in arguments]
            )
        except EncodingError as error:
            raise ValueError(f"{self.name}.{function}: {error}") from error

    def result(self, function: str, raw: bytes) -> Value:
        """What a function returned: one value, or a :class:`Struct` of several."""
        values = _decoded(self._functions[function]["outputs"], raw, f"the result of {self.name}.{function}")
        return next(iter(values.values())) if len(values) == 1 else values

    def read_call(self, calldata: bytes) -> Named | None:
        """The call that calldata holds, as the contract reads it; None if it is of no function of this interface."""
        entry = self._by_selector.get(calldata[:SELECTOR_BYTES])
        if entry is None:
            return None
        values = zip(entry["inputs"], read_arguments(entry["inputs"], calldata), strict=True)
        return Named(entry["name"], Struct({each["name"]: _named(each, value) for each, value in values}))

    def read_log(self, topics: Sequence[bytes], data: bytes) -> Named | None:
        """The event of a log; None if this interface has no such event."""
        entry = self._events.get(topics[0]) if topics else None
        if entry is None:
            return None
        what = f"an event {entry['name']}"
        indexed = [each for each in entry["inputs"] if each["indexed"]]
        if len(indexed) != len(topics) - 1:
            raise LedgerError(
                f"{what} has {len(topics) - 1} indexed values, not {len(indexed)}: another contract's log"
            )
        found = {
            each["name"]: _decoded([each], topic, what)[each["name"]]
            for each, topic in zip(indexed, topics[1:], strict=True)
        }
        found |= _decoded([each for each in entry["inputs"] if not each["indexed"]], data, what)
        return Named(entry["name"], Struct({each["name"]: found[each["name"]] for each in entry["inputs"]}))

    def read_error(self, data: bytes) -> Named | None:
        """The custom error of a revert; None if this interface has no such error."""
        entry = self._errors.get(data[:SELECTOR_BYTES])
        if entry is None:
            return None
        return Named(entry["name"], _decoded(entry["inputs"], data[SELECTOR_BYTES:], f"an error {entry['name']}"))


@cache
def _load(name: str) -> Interface:
    text = resources.files("relayer").joinpath("interfaces", f"{name}.json").read_text(encoding="utf-8")
    return Interface(name, json.loads(text))


def read_error(data: bytes) -> Named | None:
    """The custom error of a revert, whichever of the contracts it came from: refusals pass through those that call."""
    return next((found for name in NAMES if (found := Interface.load(name).read_error(data))), None)


def kind(parameter: Entry) -> str:
    """The canonical type of a parameter, structs spelled out."""
    text: str = parameter["type"]
    if not text.startswith("tuple"):
        return text
    return f"({','.join(kind(part) for part in parameter['components'])}){text.removeprefix('tuple')}"


def signature(entry: Entry) -> str:
    """``name(types)``, which selectors and topics are hashes of."""
    return f"{entry['name']}({','.join(kind(each) for each in entry['inputs'])})"


def selector(entry: Entry) -> bytes:
    """First four bytes of the hash of a function's or an error's signature."""
    return keccak256(signature(entry).encode())[:SELECTOR_BYTES]


def _decoded(parameters: Sequence[Entry], raw: bytes, what: str) -> Struct:
    try:
        values = decode([kind(each) for each in parameters], raw)
    except (DecodingError, OverflowError) as error:
        raise LedgerError(f"{what} is not encoded as the contract's interface says: {error}") from error
    pairs = zip(parameters, values, strict=True)
    return Struct({each["name"] or f"_{at}": _named(each, value) for at, (each, value) in enumerate(pairs)})


def _named(parameter: Entry, value: Value) -> Value:
    """A decoded value with names on its structs."""
    text: str = parameter["type"]
    if not text.startswith("tuple"):
        return list(value) if isinstance(value, tuple) else value
    if text != "tuple":
        element = {**parameter, "type": text[: text.rindex("[")]}
        return [_named(element, each) for each in value]
    parts = zip(parameter["components"], value, strict=True)
    return Struct({each["name"]: _named(each, part) for each, part in parts})


def _plain(value: Value) -> Value:
    if isinstance(value, Struct):
        return value.plain
    if isinstance(value, list | tuple):
        return (
            type(value)(_plain(each) for each in value) if type(value) in (list, tuple) else tuple(map(_plain, value))
        )
    return value
