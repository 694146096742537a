"""The trader's half of the stand-in: it opens envelopes, checks signatures and gives receipts as the protocol says."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from prover import Holder, Order
from prover.eddsa import unpack_signature, verify
from prover.hashing import sponge
from prover.orders import random_element
from prover.wire import element
from relayer.receipts import Intake
from tests.web.market import FEE_RATE, VAULT, token
from tests.web.standin_forms import Json, Refused, when
from tests.web.standin_public import Public

SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
CANCEL_TAG, AUTH_TAG = 11, 12


class Trading(Public):
    """Sessions, accounts and orders."""

    def open_envelope(self, envelope: Mapping[str, Any], purpose: bytes) -> Json:
        """What an envelope holds; refused as the service refuses."""
        first, last = (int(envelope[name]).to_bytes(4, "big") for name in ("first_batch", "last_batch"))
        place = self.market.domain.to_bytes(32, "big") + bytes.fromhex(VAULT[2:])
        info = purpose + place + first + last + bytes.fromhex(envelope["key_id"])
        sealed = bytes.fromhex(envelope["encapsulated"][2:] + envelope["ciphertext"][2:])
        plain = SUITE.decrypt(sealed, self.key, info)
        length = int.from_bytes(plain[:2], "big")
        if len(plain) != 1024 or any(plain[2 + length :]):
            raise Refused(400, "DECRYPTION_FAILED", "the envelope does not open")
        document: Json = json.loads(plain[2 : 2 + length])
        return document

    async def register(self, request: Request) -> JSONResponse:
        """POST /v1/accounts."""
        wire = self.open_envelope(await request.json(), b"tacit.account.1")
        holder = Holder.from_wire(wire["holder"])
        self.holders[holder.owner] = holder
        return JSONResponse({"owner": element(holder.owner), "account": self._index(holder.owner)}, 201)

    def _index(self, owner: int) -> int | None:
        people = [self.market.trader, *self.market.makers]
        return next((each.index for each in people if each.holder.owner == owner), None)

    async def challenge(self, request: Request) -> JSONResponse:
        """POST /v1/auth/challenges."""
        made = element(random_element())
        self.challenges[made] = int((await request.json())["owner"], 16)
        return JSONResponse({"challenge": made, "expires_at": when(120)}, 201)

    async def session(self, request: Request) -> JSONResponse:
        """POST /v1/auth/sessions."""
        asked = await request.json()
        owner = int(asked["owner"], 16)
        holder, given = self.holders.get(owner), self.challenges.pop(asked["challenge"], None)
        message = sponge(AUTH_TAG, [self.market.domain, int(asked["challenge"], 16)])
        if holder is None or given != owner or not signed(holder, message, asked["signature"]):
            raise Refused(401, "UNAUTHENTICATED", "the challenge is not answered by a registered owner")
        made = token()
        self.sessions[made] = owner
        return JSONResponse({"token": made, "expires_at": when(3600)}, 201)

    def owner_of(self, request: Request) -> int:
        """Whose session the request has."""
        owner = self.sessions.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if owner is None:
            raise Refused(401, "UNAUTHENTICATED", "say who you are")
        return owner

    def _own(self, request: Request) -> int:
        owner = self.owner_of(request)
        if int(request.path_params["owner"], 16) != owner:
            raise Refused(404, "NOT_FOUND", "there is nothing here under this name, or it is not yours")
        return owner

    # ---- accounts

    async def account(self, request: Request) -> JSONResponse:
        """GET /v1/accounts/{owner}."""
        owner = self._own(request)
        index = self._index(owner)
        leaf = None if index is None else self.market.state.leaf(index)
        known: Json = {"cash": None, "equity": None, "positions": [], "margin": [], "nonce": None, "updates": None}
        if leaf is not None:
            marks = {row.instrument: row.mark for row in self.market.rows}
            worth = leaf.cash + sum(10**4 * each.quantity * marks[each.instrument] for each in leaf.positions)
            taken = {order["content"]["slot"] for order in self.orders if order["state"] in ("waiting", "receipted")}
            free = next(slot for slot in range(64) if not leaf.bitmap >> slot & 1 and slot not in taken)
            known = {
                "cash": str(leaf.cash),
                "equity": str(worth),
                "positions": [self._position(each.instrument, each.quantity) for each in leaf.positions],
                "margin": [],
                "nonce": {"epoch": self.told_epoch or leaf.epoch, "bitmap": str(leaf.bitmap), "free_slot": free},
                "updates": leaf.updates + self.told_updates,
            }
        deposits: list[Json] = []
        own = {"owner": element(owner), "account": index, "subaccount": 0, "batch": 2}
        return JSONResponse(own | known | {"deposits": deposits, "exits": []})

    def _position(self, instrument: int, quantity: int) -> Json:
        row = self.market.table.row(instrument)
        greeks = {name: str(quantity * int(row[name])) for name in ("delta", "gamma", "vega")}
        own = {"instrument": instrument, "name": self.name(instrument), "quantity": str(quantity)}
        return (
            own | greeks | {"mark": str(int(row["mark"])), "value": str(quantity * int(row["mark"])), "settled": False}
        )

    async def fills(self, request: Request) -> Response:
        """GET /v1/accounts/{owner}/fills."""
        owner = self._own(request)
        index, items = self._index(owner), []
        cleared = self.market.published[1].cleared
        prices = {int(each["instrument"]): int(each["price"]) for each in cleared.auctions}
        for touch, result in zip(cleared.batch.touches, cleared.touches, strict=True):
            for sent, outcome in zip(touch.orders, result.orders, strict=True):
                if touch.index == index and outcome.fill:
                    order, paid = sent.order, outcome.fill * prices[sent.order.instrument]
                    items.append(
                        {
                            "order": f"old-{order.slot}",
                            "hash": element(order.hash(self.market.domain)),
                            "batch": 2,
                            "state": "final",
                            "instrument": order.instrument,
                            "name": self.name(order.instrument),
                            "side": "buy" if order.buy else "sell",
                            "quantity": str(outcome.fill),
                            "price": str(prices[order.instrument]),
                            "premium": str(10**4 * paid),
                            "fee": str(FEE_RATE * paid),
                        }
                    )
        if request.query_params.get("format") == "csv":
            return self._csv(items, request.query_params.get("cursor"))
        return JSONResponse({"items": items, "next_cursor": None})

    def _csv(self, items: list[Json], cursor: str | None) -> Response:
        """A fill a page."""
        at = int(cursor or 0)
        names = ("order", "batch", "quantity", "price")
        text = ",".join(names) + "\r\n" + ",".join(str(items[at][name]) for name in names) + "\r\n"
        following = {"Next-Cursor": str(at + 1)} if at + 1 < len(items) else {}
        return Response(text, media_type="text/csv", headers=following)

    async def own_orders(self, request: Request) -> JSONResponse:
        """GET /v1/accounts/{owner}/orders."""
        owner = self._own(request)
        own = [order["told"] for order in self.orders if order["owner"] == owner]
        return JSONResponse({"items": own[::-1], "next_cursor": None})

    # ---- orders

    def judged(self, wire: Json) -> tuple[Order, int, list[Json]]:
        """An order, its owner, and what stands against it."""
        order, owner = Order.from_wire(wire["order"]), int(wire["owner"], 16)
        holder, issues = self.holders.get(owner), []
        if holder is None:
            raise Refused(422, "UNKNOWN_ACCOUNT", "the account is not registered")
        if not signed(holder, order.hash(self.market.domain), wire["signature"]):
            raise Refused(422, "INVALID_SIGNATURE", "the signature does not hold")
        if order.account != self._index(owner):
            raise Refused(422, "INVALID_ORDER", "the order is another account's")
        if order.kind == "trade" and order.instrument not in {row.instrument for row in self.market.rows}:
            issues.append({"code": "UNKNOWN_INSTRUMENT", "detail": "the instrument is not listed", "values": {}})
        if order.quantity > 200 * 10**4:
            issues.append({"code": "INSUFFICIENT_MARGIN", "detail": "initial margin is short", "values": {}})
        return order, owner, issues

    async def check(self, request: Request) -> JSONResponse:
        """POST /v1/orders/check."""
        _, _, issues = self.judged(self.open_envelope(await request.json(), b"tacit.order.1"))
        return JSONResponse({"issues": issues})

    async def send(self, request: Request) -> JSONResponse:
        """POST /v1/orders."""
        key = request.headers.get("idempotency-key")
        order, owner, issues = self.judged(self.open_envelope(await request.json(), b"tacit.order.1"))
        if issues:
            raise Refused(422, issues[0]["code"], issues[0]["detail"], scenario=0, shortfall=str(1234 * 10**14))
        if key in self.idempotent:
            return JSONResponse(self.idempotent[key], 201)
        waits = order.first_batch > max(5, self.receipt_batch) or self.open_batch is None
        made, receipt = order.hash(self.market.domain), None
        if not waits:
            signing = self.market.makers[0].index if self.lie == "receipt" else order.account
            receipt = self._intake().take(made, signing).to_wire()
        told = {
            "id": secrets.token_hex(8),
            "hash": element(made),
            "state": "waiting" if waits else "receipted",
            "batch": None if waits else self.receipt_batch,
            "sequence": None if receipt is None else receipt["sequence"],
            "receipt": receipt,
            "content": order_content(order) | {"name": self.name(order.instrument) if order.instrument else None},
            "result": None,
            "created_at": when(3000 + len(self.orders)),
            "updated_at": when(3000 + len(self.orders)),
        }
        self.orders.append(
            {"owner": owner, "order": order, "told": told, "state": told["state"], "content": told["content"]}
        )
        names = ("id", "hash", "state") if waits else ("id", "hash", "state", "batch", "sequence", "receipt")
        answer = {name: told[name] for name in names}
        if key:
            self.idempotent[key] = answer
        return JSONResponse(answer, 202 if waits else 201)

    def _intake(self) -> Intake:
        """Who signs receipts: for the open batch, or for one that a test names."""
        market, batch = self.market, self.receipt_batch
        return self.intake if batch == 5 else Intake(market.domain, batch, market.separator, market.signer)

    async def cancel(self, request: Request) -> JSONResponse:
        """DELETE /v1/orders/{id}."""
        owner, asked = self.owner_of(request), await request.json()
        found = next(
            (o for o in self.orders if o["told"]["id"] == request.path_params["id"] and o["owner"] == owner), None
        )
        if found is None:
            raise Refused(404, "NOT_FOUND", "there is no such order of yours")
        message = sponge(CANCEL_TAG, [self.market.domain, found["order"].hash(self.market.domain)])
        if not signed(self.holders[owner], message, asked["signature"]):
            raise Refused(422, "INVALID_SIGNATURE", "the signature does not hold")
        if found["told"]["state"] != "waiting":
            raise Refused(409, "CONFLICT", "the order has a receipt")
        found["told"]["state"] = found["state"] = "cancelled"
        return JSONResponse(found["told"])


def signed(holder: Holder, message: int, signature: str) -> bool:
    """Whether a packed signature is the holder's."""
    return verify(holder.key, message, unpack_signature(signature))


def order_content(order: Order) -> Json:
    """An order as its owner is told it."""
    wire = order.to_wire()
    del wire["salt"]
    return wire
