"""A stand-in for the relayer's API, in memory: what the page asks, answered in the forms of `relayer.api.schemas`.

It opens envelopes, checks signatures and gives receipts as the protocol says, so that what the browser makes is judged by code that the
browser does not have. It remembers every request, for tests that look for keys in them.
"""

from __future__ import annotations

import json
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from prover.hashing import keccak256
from relayer.interface import Interface, signature
from tests.web.standin_forms import Recorder, Refused, problem, when
from tests.web.standin_trading import Trading


def _event(name: str) -> bytes:
    """The signature of an event of the vault, from its own interface."""
    return next(signature(entry) for entry in Interface.load("Vault").entries if entry.get("name") == name).encode()


EPOCH_EVENT: Final = _event("EpochPosted")
SETTLED_EVENT: Final = _event("BatchSettled")
SELECTORS: Final = {name: "0x" + keccak256(name.encode())[:4].hex() for name in ("batch()", "opening()")}


class StandIn(Trading):
    """All of it, with news and a trader's own node."""

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
        """POST /node: eth_getLogs of the vault's settled batches; eth_call of its newest batch and of the one that is open."""
        asked = await request.json()
        if asked["method"] == "eth_call":
            newest, opening = self.on_chain
            told = {SELECTORS["batch()"]: newest, SELECTORS["opening()"]: opening}[asked["params"][0]["data"]]
            return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": f"0x{told:064x}"})
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
