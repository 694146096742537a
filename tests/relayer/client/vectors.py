"""The vectors of a trader's side, as tests read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prover import Holder, Order
from relayer.envelope import Envelope
from relayer.hpke import PrivateKey

FOLDER = Path(__file__).resolve().parents[2] / "vectors"


def raw(text: str) -> bytes:
    """Bytes of 0x text."""
    return bytes.fromhex(text.removeprefix("0x"))


@dataclass(frozen=True)
class Case:
    """One case of client.json."""

    document: dict[str, Any]

    @property
    def domain(self) -> int:
        return int(self.document["domain"], 16)

    @property
    def vault(self) -> str:
        return str(self.document["vault"])

    @property
    def signing_key(self) -> bytes:
        return raw(self.document["signing_key"])

    @property
    def holder(self) -> Holder:
        return Holder.from_wire(self.document["holder"])

    @property
    def order(self) -> Order:
        return Order.from_wire(self.document["order"])

    @property
    def private(self) -> PrivateKey:
        return PrivateKey(raw(self.document["encryption_key"]["private"]))

    @property
    def envelope(self) -> Envelope:
        return Envelope.from_wire(self.document["sealed_order"]["envelope"])

    @property
    def registration(self) -> Envelope:
        return Envelope.from_wire(self.document["sealed_registration"]["envelope"])


CASES = [Case(each) for each in json.loads((FOLDER / "client.json").read_text())["cases"]]
