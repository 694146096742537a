"""The cases of `tests/vectors/leaving.json`, which the executable specification wrote, as the package's own records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from prover.batch import Leaf, RiskRow
from prover.escape import Escape
from prover.exit import ExitRequest
from prover.orders import Holder
from tests.prover.material import ROOT

Json = dict[str, Any]


@dataclass(frozen=True)
class ExitCase:
    """A request, who makes it, what it signs and what its proof says."""

    request: ExitRequest
    holder: Holder
    message: int
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class EscapeCase:
    """An account that leaves, the leaf hashes of its state, what is signed and what its proof says."""

    escape: Escape
    leaves: dict[int, int]
    message: int
    inputs: tuple[int, ...]


@cache
def _vectors() -> Json:
    loaded: Json = json.loads((ROOT / "tests" / "vectors" / "leaving.json").read_text())
    return loaded


def secret() -> bytes:
    """The seed of every case's key."""
    return bytes.fromhex(_vectors()["secret"][2:])


def exit_cases() -> dict[str, ExitCase]:
    """All requests by name."""
    return {case["name"]: _exit(case) for case in _vectors()["exits"]}


def escape_cases(params: str) -> dict[str, EscapeCase]:
    """All escapes of a parameter set by name."""
    return {case["name"]: _escape(case) for case in _vectors()["escapes"] if case["params"] == params}


def _exit(case: Json) -> ExitCase:
    request = ExitRequest(
        domain=int(case["domain"], 16),
        index=case["index"],
        recipient=case["recipient"],
        amount=int(case["amount"]),
        number=case["number"],
    )
    return ExitCase(request, Holder.from_wire(case["holder"]), int(case["message"], 16), _words(case["inputs"]))


def _escape(case: Json) -> EscapeCase:
    escape = Escape(
        params=case["params"],
        domain=int(case["domain"], 16),
        index=case["index"],
        recipient=case["recipient"],
        holder=Holder.from_wire(case["holder"]),
        leaf=Leaf.from_json(json.dumps(case["leaf"])),
        path=[_words(children) for children in case["path"]],
        risk=tuple(RiskRow.from_wire(row) for row in case["rows"]),
        settled={row["instrument"]: int(row["value"]) for row in case["settled"]},
    )
    leaves = {leaf["index"]: int(leaf["value"], 16) for leaf in case["leaves"]}
    return EscapeCase(escape, leaves, int(case["message"], 16), _words(case["inputs"]))


def _words(texts: list[str]) -> tuple[int, ...]:
    return tuple(int(text, 16) for text in texts)
