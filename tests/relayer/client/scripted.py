"""A relayer that says what a test lets it say: no chain, no engine, and receipts that are signed as the real one's are."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from prover.orders import Order, domain
from prover.wire import element
from relayer.api.forms import at_second
from relayer.hpke import PrivateKey
from relayer.receipts import Intake, SignedReceipt, separator
from relayer.signing import Signer
from relayer.vouching import KeyInTime

CHAIN: Final = 1
VAULT: Final = "0x" + "5a" * 20
DOMAIN: Final = domain(CHAIN, VAULT)
SEPARATOR: Final = separator(CHAIN, VAULT)
SIGNER: Final = Signer(b"\x51" * 32)
ACCOUNT: Final = 3
URL: Final = "http://127.0.0.1:1"
SOMEBODY: Final = "0x" + "1" * 40
NOW: Final = "2026-01-01T00:00:00.000Z"


def intake(batch: int) -> Intake:
    """Hands out the receipts of a batch."""
    return Intake(DOMAIN, batch, SEPARATOR, SIGNER)


@dataclass
class Scripted:
    """What the relayer says: the account's nonce, its open batch, its list of orders, and how it takes the next one (a status and a
    document; without one the connection is lost).
    """

    epoch: int = 0
    bitmap: int = 0
    batch: int = 7
    orders: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    instead: dict[str, Any] | None = None
    """What is shown for every order that is asked for by its id."""
    posted: int = 0

    @property
    def transport(self) -> httpx.MockTransport:
        """The way to it, of either client."""
        return httpx.MockTransport(self._answer)

    def show(
        self, order: Order, name: str, state: str = "receipted", receipt: SignedReceipt | None = None
    ) -> dict[str, Any]:
        """Puts an order on its list."""
        names = "account", "epoch", "slot", "first_batch", "last_batch", "survives_void", "kind", "recipient"
        content = {each: getattr(order, each) for each in names} | {"instrument": order.instrument, "name": None}
        content |= {"side": "buy" if order.buy else "sell", "quantity": str(order.quantity), "limit": str(order.limit)}
        shown = {
            "id": name,
            "hash": element(order.hash(DOMAIN)),
            "state": state,
            "batch": None if receipt is None else receipt.receipt.batch,
            "sequence": None if receipt is None else receipt.receipt.sequence,
            "receipt": None if receipt is None else receipt.to_wire(),
            "content": content | {"max_fee_rate": order.max_fee_rate},
            "result": None,
            "created_at": NOW,
            "updated_at": NOW,
        }
        self.orders.insert(0, shown)
        return shown

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if (request.method, path) == ("POST", "/v1/orders"):
            self.posted += 1
            if not self.answers:
                raise httpx.ReadError("the connection was lost")
            status, document = self.answers.pop(0)
            kind = "application/json" if status < 400 else "application/problem+json"
            return httpx.Response(status, content=json.dumps(document), headers={"Content-Type": kind})
        if re.fullmatch("/v1/accounts/0x[0-9a-f]+/orders", path):
            wanted = request.url.params.get("state")
            return httpx.Response(
                200, json={"items": [e for e in self.orders if wanted in (None, e["state"])], "next_cursor": None}
            )
        if path.startswith("/v1/orders/"):
            return httpx.Response(
                200, json=self.instead or next(e for e in self.orders if e["id"] == path.rsplit("/", 1)[1])
            )
        if path.startswith("/v1/accounts/"):
            return httpx.Response(200, json=self._account(path.rsplit("/", 1)[1]))
        return httpx.Response(200, json=FIXED.get(path) or {"/v1/state": self._state, "/v1/keys": _keys}[path]())

    def _account(self, owner: str) -> dict[str, Any]:
        nonce = {"epoch": self.epoch, "bitmap": str(self.bitmap), "free_slot": None}
        empty: dict[str, Any] = {each: [] for each in ("positions", "margin", "deposits", "exits")}
        known = {"owner": owner, "account": ACCOUNT, "subaccount": 0, "batch": self.batch - 1, "updates": 1}
        return known | empty | {"cash": "0", "equity": "0", "nonce": nonce}

    def _state(self) -> dict[str, Any]:
        numbers = "margin_num", "margin_den", "touches_a_segment", "orders_a_touch", "positions", "scenarios", "epoch"
        named = dict.fromkeys(("operator", "bonds", "token"), SOMEBODY) | {"receipt_signer": SIGNER.address}
        vault = {"chain_id": CHAIN, "vault": VAULT, "domain": element(DOMAIN), "params": "dev", "validium": False}
        stand = {"batch": self.batch - 1, "root": element(1), "next_batch": self.batch, "open_batch": self.batch}
        flags = {"fingerprints": {}, "fee_rate": 30, "block": 1, "frozen": False, "retiring": False}
        return vault | named | dict.fromkeys(numbers, 1) | stand | flags


FIXED: Final[dict[str, Any]] = {
    "/v1/auth/challenges": {"challenge": element(5), "expires_at": NOW},
    "/v1/auth/sessions": {"token": "a token", "expires_at": NOW},
}
KEY: Final = PrivateKey.generate().public


def _keys() -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    own = KeyInTime(KEY.raw, now - 60, now + 3_600)
    times = {"not_before": at_second(own.not_before), "not_after": at_second(own.not_after)}
    signature = "0x" + SIGNER.sign(own.digest(SEPARATOR)).hex()
    key = {"id": KEY.id.hex(), "public": "0x" + KEY.raw.hex(), "signature": signature} | times
    return {"keys": [key], "domain": element(DOMAIN), "vault": VAULT}
