"""Calldata is read as Solidity reads it: what encoders make, and what no encoder makes and a contract takes all the same."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relayer.calldata import read_arguments
from relayer.errors import LedgerError
from relayer.interface import Interface, kind

VAULT = Interface.load("Vault")
ENTRIES = {entry["name"]: entry for entry in VAULT.entries if entry["type"] == "function"}
READ = ("postEpoch", "settle", "advanceSettlement", "finishSettlement")
"""The functions whose calldata the ledger reads."""
HEAD_WORDS = {"settle": 11}
PART_VALUES = 2
"""Place of the values in the head of a part."""


def value_of(parameter: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a parameter."""
    name = parameter["type"]
    if name.endswith("]"):
        size = name[name.rindex("[") + 1 : -1]
        least, most = (int(size), int(size)) if size else (0, 3)
        return st.lists(value_of({**parameter, "type": name[: name.rindex("[")]}), min_size=least, max_size=most)
    if name == "tuple":
        return st.tuples(*(value_of(part) for part in parameter["components"]))
    if name == "bytes":
        return st.binary(max_size=70)
    if name.startswith("bytes"):
        return st.binary(min_size=32, max_size=32)
    if name == "address":
        return st.integers(0, 2**160 - 1).map(lambda number: f"0x{number:040x}")
    return st.integers(0, 2 ** int(name.removeprefix("uint")) - 1)


def listed(value: Any) -> Any:  # noqa: ANN401 - what an ABI carries
    """Tuples as lists."""
    return [listed(each) for each in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("name", READ)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_an_encoder_makes_is_read_as_a_decoder_does(name: str, data: st.DataObject) -> None:
    inputs = ENTRIES[name]["inputs"]
    values = [data.draw(value_of(each)) for each in inputs]
    calldata = VAULT.call(name, *values)
    assert read_arguments(inputs, calldata) == listed(values)
    assert read_arguments(inputs, calldata) == listed(decode([kind(each) for each in inputs], calldata[4:]))


def peculiar(calldata: bytes) -> bytes:
    """The call of `settle` (all data in calldata) with the empty values of its part at an offset that points backwards, and
    bytes after its end.
    """
    words = [calldata[at : at + 32] for at in range(4, len(calldata), 32)]
    head = HEAD_WORDS["settle"]
    claim, part, closing = (int.from_bytes(words[at], "big") // 32 for at in (0, 1, head - 1))
    moved = {0: claim + 1, 1: part + 1, head - 1: closing + 1}
    for at, place in moved.items():
        words[at] = (32 * place).to_bytes(32, "big")
    words.insert(head, bytes(32))
    words[part + 1 + PART_VALUES] = (32 * (head - part - 1) % 2**256).to_bytes(32, "big")
    return calldata[:4] + b"".join(words) + b"\xff" * 33


def settle_call() -> tuple[bytes, list[Any]]:
    claim = ([(1, 2, 3, 4, b"\5" * 32)], 6, 7, b"\x08" * 32, "0x" + "09" * 20)
    part: tuple[Any, ...] = ([tuple(range(1, 9))], b"\x0a" * 64, [], b"")
    values = [claim, part, tuple(range(11, 19)), b"\x0b" * 32]
    return VAULT.call("settle", *values), listed(values)


def test_offsets_that_point_backwards_and_bytes_after_the_end_change_nothing() -> None:
    calldata, values = settle_call()
    inputs = ENTRIES["settle"]["inputs"]
    strange = peculiar(calldata)
    assert strange != calldata
    assert read_arguments(inputs, strange) == values
    with pytest.raises((DecodingError, OverflowError)):
        decode([kind(each) for each in inputs], strange[4:])


def test_padding_that_is_not_0_changes_nothing() -> None:
    post: tuple[Any, ...] = (1, 2, [3], [], [], b"\4" * 96, 5)
    calldata = VAULT.call("postEpoch", post, b"\6" * 65)
    assert calldata.endswith(bytes(31))
    strange = calldata[:-31] + b"\xff" * 31
    assert read_arguments(ENTRIES["postEpoch"]["inputs"], strange) == [listed(post), b"\6" * 65]


def test_what_lies_outside_is_0_and_lengths_without_elements_are_refused() -> None:
    inputs = ENTRIES["postEpoch"]["inputs"]
    with pytest.raises(LedgerError, match="announces"):
        read_arguments(inputs, bytes(4) + (32).to_bytes(32, "big") + b"\xff" * 320)
    post, signatures = read_arguments(inputs, bytes(4))
    assert (post[0], post[2], signatures) == (0, [], b"")
