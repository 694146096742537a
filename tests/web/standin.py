"""A stand-in for the relayer's API, in memory: what the page asks, answered in the forms of `relayer.api.schemas`.

It opens envelopes, checks signatures and gives receipts as the protocol says, so that what the browser makes is judged by code that the
browser does not have. It remembers every request, for tests that look for keys in them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from prover import Holder, Order, risk_root
from prover.eddsa import unpack_signature, verify
from prover.hashing import keccak256, sponge
from prover.orders import random_element
from prover.wire import element
from relayer.interface import Interface, signature
from relayer.receipts import Intake
from tests.web.market import CHAIN_ID, DEN, FEE_RATE, NUM, PARAMS, VAULT, Market, token

SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
NOW: Final = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
CANCEL_TAG, AUTH_TAG = 11, 12
Json = dict[str, Any]


def _event(name: str) -> bytes:
    """The signature of an event of the vault, from its own interface."""
    return next(signature(entry) for entry in Interface.load("Vault").entries if entry.get("name") == name).encode()


class Refused(Exception):  # noqa: N818 - it is an answer
    """A problem."""

    def __init__(self, status: int, code: str, detail: str, **values: object) -> None:
        super().__init__(detail)
        self.status, self.code, self.values = status, code, values


def when(seconds: float) -> str:
    """A time so many seconds after the venue's morning."""
    return (NOW + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class StandIn:
    """The API's state and routes."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.key = X25519PrivateKey.generate()
        self.public = self.key.public_key().public_bytes_raw()
        self.holders: dict[int, Holder] = {market.trader.holder.owner: market.trader.holder}
        self.sessions: dict[str, int] = {}
        self.challenges: dict[str, int] = {}
        self.orders: list[Json] = []
        self.idempotent: dict[str, Json] = {}
        self.open_batch: int | None = 5
        self.intake = Intake(market.domain, 5, market.separator, market.signer)
        self.batches = self._batches()
        self.reasons: list[str] = []
        self.requests: list[str] = []
        self.lie: str | None = None
        self.sockets: list[WebSocket] = []
        self.seq = 40
        self.epoch = 1
        self.delisted: set[int] = set()
        self.told_updates = 0
        self.sockets_allowed = True

    # ---- public

    def _batches(self) -> list[Json]:
        settled = {each.number: each for each in self.market.published}
        final = [self._settled(number, settled[number].cleared.active_orders) for number in settled]
        void = self._batch(3, "void", touches=4, orders=9)
        proving = self._batch(4, "proving", touches=31, orders=88, segments=5, proofs_done=3, proofs_total=6)
        return [*final, void, proving, self._batch(5, "open")]

    def _settled(self, number: int, orders: int) -> Json:
        cleared = self.market.published[number - 1].cleared
        return self._batch(
            number,
            "final",
            touches=len(cleared.touches),
            orders=orders,
            segments=cleared.segments,
            proofs_done=cleared.segments + 1,
            proofs_total=cleared.segments + 1,
            seal_root="0x" + cleared.seal_root.hex(),
            start_root=element(cleared.start_root),
            end_root=element(cleared.end_root),
            gas_used=1_402_318 + 90_000 * number,
            cost_wei=str(2_104_318_000_000_000 + number * 10**14),
        )

    def _batch(self, number: int, state: str, **known: object) -> Json:
        names = "touches orders seal_root receipts_hash start_root end_root segments proofs_total r1 gas_used cost_wei"
        unknown = dict.fromkeys(names.split())
        times = {"opened_at": when(600 * number), "sealed_at": None if state == "open" else when(600 * number + 540)}
        own = {"number": number, "state": state, "epoch": 1, "proofs_done": 0, "updated_at": when(600 * number + 580)}
        return unknown | times | own | known

    async def state(self, _: Request) -> JSONResponse:
        """GET /v1/state."""
        market, last = self.market, self.market.published[-1]
        return JSONResponse(
            {
                "chain_id": CHAIN_ID,
                "vault": VAULT,
                "domain": element(market.domain),
                "params": PARAMS,
                "validium": False,
                "receipt_signer": market.signer.address.lower(),
                "operator": "0x" + 40 * "1",
                "bonds": "0x" + 40 * "2",
                "token": "0x" + 40 * "3",
                "fee_rate": FEE_RATE,
                "margin_num": NUM,
                "margin_den": DEN,
                "touches_a_segment": 7,
                "orders_a_touch": 4,
                "positions": 16,
                "scenarios": 24,
                "fingerprints": {name: "0x" + hashlib.sha256(name.encode()).hexdigest() for name in FINGERPRINTS},
                "batch": last.number,
                "root": element(last.cleared.end_root),
                "next_batch": 6,
                "open_batch": self.open_batch,
                "epoch": self.epoch,
                "block": 21_480_113,
                "frozen": False,
                "retiring": False,
            }
        )

    async def ready(self, _: Request) -> JSONResponse:
        """GET /readyz."""
        document = {"ready": not self.reasons, "reasons": self.reasons}
        return JSONResponse(document, 503 if self.reasons else 200)

    async def list_batches(self, _: Request) -> JSONResponse:
        """GET /v1/batches."""
        return JSONResponse({"items": self.batches[::-1], "next_cursor": None})

    async def one_batch(self, request: Request) -> JSONResponse:
        """GET /v1/batches/{number}."""
        batch = self._find_batch(request)
        steps = ["open", "sealed", "proving", "proved", "submitted", "mined", "final"]
        at = steps.index(batch["state"]) + 1 if batch["state"] in steps else 2
        told = [{"state": each, "at": when(600 * batch["number"] + 75 * i)} for i, each in enumerate(steps[:at])]
        sent = [{"purpose": f"seal:{batch['number']}", "hash": "0x" + 32 * "ab", "block": 21_480_000}]
        return JSONResponse(batch | {"steps": told, "transactions": sent if at > 1 else []})

    async def proof(self, request: Request) -> JSONResponse:
        """GET /v1/batches/{number}/proof."""
        number = self._find_batch(request)["number"]
        if number > len(self.market.published):
            raise Refused(404, "NOT_FOUND", "the batch has no proof yet")
        document = self.market.settlement(number)
        if self.lie == "words":
            document["words"][0] = element(1)
        return JSONResponse(document)

    def _find_batch(self, request: Request) -> Json:
        number = int(request.path_params["number"])
        found = next((batch for batch in self.batches if batch["number"] == number), None)
        if found is None:
            raise Refused(404, "NOT_FOUND", "there is no such batch")
        return found

    async def risk(self, _: Request) -> JSONResponse:
        """GET /v1/risk."""
        table = self.market.table
        rows = [row.to_wire() | {"name": self.name(row.instrument)} for row in self.market.rows]
        if self.lie in ("table", "table and root"):
            rows[0] |= {"mark": str(int(rows[0]["mark"]) + 1)}
        return JSONResponse(
            {
                "epoch": self.epoch,
                "risk_root": element(self.lying_root if self.lie == "table and root" else self.market.risk_root),
                "posted_at": when(0),
                "stale_at": when(86_400),
                "stale": False,
                "fee_rate": FEE_RATE,
                "margin_num": NUM,
                "margin_den": DEN,
                "scenarios": [{"number": i, "label": each.label} for i, each in enumerate(table.scenarios)],
                "rows": rows,
            }
        )

    @property
    def lying_root(self) -> int:
        """The root of a table with another first mark."""
        first, *rest = self.market.rows
        return risk_root(PARAMS, (replace(first, mark=first.mark + 1), *rest))

    def name(self, instrument: int) -> str:
        """What an instrument is called."""
        return str(self.market.table.row(instrument)["name"])

    async def instruments(self, _: Request) -> JSONResponse:
        """GET /v1/instruments."""
        items = []
        for row in self.market.table.rows:
            if int(row["id"]) in self.delisted:
                continue
            expiry = datetime.fromtimestamp(int(row["expiry"]), UTC).isoformat(timespec="milliseconds")
            numbers = {
                name: str(int(row[name])) for name in ("strike", "mark", "short_minimum", "delta", "gamma", "vega")
            }
            own = {"id": int(row["id"]), "name": str(row["name"]), "type": str(row["name"])[-1], "state": "open"}
            items.append(own | numbers | {"expires_at": expiry.replace("+00:00", "Z"), "settlement": None})
        return JSONResponse({"items": items, "next_cursor": None})

    async def keys(self, _: Request) -> JSONResponse:
        """GET /v1/keys."""
        digest = hashlib.sha256(self.public).hexdigest()[:16]
        key = {"id": digest, "public": "0x" + self.public.hex(), "not_before": when(0), "not_after": when(86_400)}
        return JSONResponse({"keys": [key], "domain": element(self.market.domain), "vault": VAULT})

    # ---- sessions and registration

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
                "nonce": {"epoch": leaf.epoch, "bitmap": str(leaf.bitmap), "free_slot": free},
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
        waits = order.first_batch > 5 or self.open_batch is None
        made, receipt = order.hash(self.market.domain), None
        if not waits:
            signing = self.market.makers[0].index if self.lie == "receipt" else order.account
            receipt = self.intake.take(made, signing).to_wire()
        told = {
            "id": secrets.token_hex(8),
            "hash": element(made),
            "state": "waiting" if waits else "receipted",
            "batch": None if waits else 5,
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

    # ---- news

    async def socket(self, socket: WebSocket) -> None:
        """WS /v1/ws."""
        if not self.sockets_allowed:
            await socket.close(1013)
            return
        await socket.accept()
        self.sockets.append(socket)
        try:
            while True:
                asked = await socket.receive_json()
                self.requests.append(json.dumps(asked))
                for channel in asked.get("subscribe", {}):
                    await socket.send_json({"type": "subscribed", "channel": channel, "seq": self.seq})
        except WebSocketDisconnect:
            self.sockets.remove(socket)

    async def advance(self) -> None:
        """The batch that is proven gets one proof further, and everybody is told."""
        batch = next(batch for batch in self.batches if batch["state"] == "proving")
        batch["proofs_done"] += 1
        batch["updated_at"] = when(3000 + batch["proofs_done"])
        if batch["proofs_done"] == batch["proofs_total"]:
            batch["state"] = "proved"
        self.seq += 1
        for socket in list(self.sockets):
            event = {"type": "event", "channel": "batches", "seq": self.seq, "at": batch["updated_at"]}
            await socket.send_json(event | {"data": {"batch": batch["number"], "state": batch["state"]}})

    async def advance_now(self, _: Request) -> Response:
        """POST /tests-advance: what a test uses to let time pass."""
        await self.advance()
        return Response(status_code=204)

    # ---- a trader's own node

    async def node(self, request: Request) -> JSONResponse:
        """POST /node: eth_getLogs of the vault's settled batches."""
        asked = await request.json()
        topic, number = asked["params"][0]["topics"]
        words = [bytes(32), bytes(32), bytes(32), bytes(32)]
        if topic == "0x" + keccak256(EPOCH_EVENT).hex():
            words[0] = self.market.risk_root.to_bytes(32, "big")
        elif topic == "0x" + keccak256(SETTLED_EVENT).hex():
            words[2] = self.market.data_hash(int(number, 16))
        logs = [{"data": "0x" + b"".join(words).hex()}]
        return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": logs})

    def app(self) -> Starlette:
        """The application."""
        app = Starlette(
            routes=[
                Route("/v1/state", self.state),
                Route("/readyz", self.ready),
                Route("/v1/batches", self.list_batches),
                Route("/v1/batches/{number:int}", self.one_batch),
                Route("/v1/batches/{number:int}/proof", self.proof),
                Route("/v1/risk", self.risk),
                Route("/v1/instruments", self.instruments),
                Route("/v1/keys", self.keys),
                Route("/v1/accounts", self.register, methods=["POST"]),
                Route("/v1/auth/challenges", self.challenge, methods=["POST"]),
                Route("/v1/auth/sessions", self.session, methods=["POST"]),
                Route("/v1/accounts/{owner}", self.account),
                Route("/v1/accounts/{owner}/orders", self.own_orders),
                Route("/v1/accounts/{owner}/fills", self.fills),
                Route("/v1/orders", self.send, methods=["POST"]),
                Route("/v1/orders/check", self.check, methods=["POST"]),
                Route("/v1/orders/{id}", self.cancel, methods=["DELETE"]),
                Route("/node", self.node, methods=["POST"]),
                Route("/tests-advance", self.advance_now, methods=["POST"]),
                WebSocketRoute("/v1/ws", self.socket),
            ],
            exception_handlers={Refused: problem, HTTPException: problem},
        )
        app.add_middleware(Recorder, kept=self.requests)
        return app


EPOCH_EVENT: Final = _event("EpochPosted")
SETTLED_EVENT: Final = _event("BatchSettled")
FINGERPRINTS: Final = ("segment", "closing", "exit", "escape")


def signed(holder: Holder, message: int, signature: str) -> bool:
    """Whether a packed signature is the holder's."""
    return verify(holder.key, message, unpack_signature(signature))


def order_content(order: Order) -> Json:
    """An order as its owner is told it."""
    wire = order.to_wire()
    del wire["salt"]
    return wire


async def problem(_: Request, error: Exception) -> JSONResponse:
    """A refusal as RFC 9457 has it."""
    if isinstance(error, Refused):
        document = {
            "code": error.code,
            "title": error.code,
            "detail": str(error),
            "status": error.status,
            "values": error.values,
        }
        return JSONResponse(document | {"type": "about:blank"}, error.status, media_type="application/problem+json")
    status = error.status_code if isinstance(error, HTTPException) else 500
    document = {
        "type": "about:blank",
        "code": "NOT_FOUND",
        "title": "NOT_FOUND",
        "detail": "nothing here",
        "status": status,
    }
    return JSONResponse(document, status, media_type="application/problem+json")


class Recorder:
    """Remembers address, headers and body of every request."""

    def __init__(self, app: Any, kept: list[str]) -> None:  # noqa: ANN401 - ASGI
        self.app, self.kept = app, kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        head = f"{scope['method']} {scope['path']}?{scope['query_string'].decode()} {scope['headers']}"
        self.kept.append(head)

        async def listened() -> Message:
            message = await receive()
            self.kept.append(message.get("body", b"").decode("utf-8", "replace"))
            return message

        await self.app(scope, listened, send)
