"""The public half of the stand-in: state, batches, proofs, risk table, instruments, keys, as everybody may ask for them."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from prover import Holder, risk_root
from prover.wire import element
from relayer.api.forms import at_second
from relayer.receipts import Intake
from relayer.signing import Signer
from relayer.vouching import KeyInTime
from tests.web.market import CHAIN_ID, DEN, FEE_RATE, NUM, PARAMS, VAULT, Market
from tests.web.standin_forms import Json, Refused, when

FINGERPRINTS: Final = ("segment", "closing", "exit", "escape")


class Public:
    """State and routes that need no session."""

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
        self.receipt_batch = 5
        self.told_epoch: int | None = None
        self.on_chain = (5, 5)
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
        begin = int(time.time()) - 60
        own = KeyInTime(self.public, begin, begin + 86_400)
        vouching = Signer(b"\x01" * 32) if self.lie == "key" else self.market.signer
        key = {
            "id": digest,
            "public": "0x" + self.public.hex(),
            "not_before": at_second(own.not_before),
            "not_after": at_second(own.not_after),
            "signature": "0x" + vouching.sign(own.digest(self.market.separator)).hex(),
        }
        return JSONResponse({"keys": [key], "domain": element(self.market.domain), "vault": VAULT})
