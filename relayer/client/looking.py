"""What a trader reads of a relayer: batches, risk, quotes, fills. Nothing of it binds anybody; what counts is on chain."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from prover.wire import element
from relayer.api import schemas
from relayer.client.making import Number, Side, lots, price
from relayer.client.problems import Nonsense
from relayer.client.requests import PAGE, read
from relayer.client.steps import Ask, Steps
from relayer.client.trader import Trader

Leg = tuple[str | int, Side, Number] | tuple[str | int, Side, Number, Number]
"""Instrument, side, contracts, and a limit in the quote currency; the mark where there is none."""


class Looking(Trader):
    """A trader who looks around."""

    def state(self) -> Steps[schemas.State]:
        """The vault that is served, and where it stands."""
        return (yield from self.venue.state())

    def risk(self) -> Steps[schemas.Risk]:
        """The risk table in force."""
        return (yield from self.requests.get(schemas.Risk, "/v1/risk"))

    def batch(self, number: int) -> Steps[schemas.BatchDetail]:
        """A batch and its way so far."""
        return (yield from self.requests.get(schemas.BatchDetail, f"/v1/batches/{number}"))

    def batches(self, limit: int = PAGE) -> Steps[list[schemas.Batch]]:
        """The newest batches, newest first."""
        return (yield from self.requests.get(schemas.Batches, "/v1/batches", limit=limit)).items

    def proof(self, number: int) -> Steps[dict[str, Any]]:
        """The settlement of a batch that is in the chain (``tacit.settlement.1``)."""
        answer = yield from self.requests.ask(Ask("GET", f"/v1/batches/{number}/proof"))
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise Nonsense("the answer is no settlement", {"batch": number})
        return document

    def verify(self, number: int) -> Steps[schemas.Verification]:
        """Has the relayer check a settled batch's proofs; `relayer audit` does it without trusting anybody."""
        return (yield from self.requests.post(schemas.Verification, "/v1/proofs/verify", {"batch": number}))

    def inclusion(self, batch: int, order_id: str) -> Steps[schemas.Inclusion]:
        """An own order shown in a seal, as the contract `Bonds` takes it."""
        return (yield from self.requests.get(schemas.Inclusion, f"/v1/batches/{batch}/inclusion/{order_id}", own=True))

    def quote(self, legs: Sequence[Leg], *, own: bool = True) -> Steps[schemas.Quote]:
        """What legs cost and do to margin: of the own account, or of an empty one."""
        body: dict[str, Any] = {"legs": [_leg(each) for each in legs]}
        if own:
            body["owner"] = element((yield from self.holder()).owner)
        answer = yield from self.requests.ask(Ask("POST", "/v1/quotes", body), own=own)
        return read(schemas.Quote, answer)

    def fills(self) -> Steps[list[schemas.Fill]]:
        """Everything that batches filled of the own orders, newest first."""
        owner = yield from self.owner()
        return (yield from self.requests.pages(schemas.Fills, f"/v1/accounts/{owner}/fills", own=True))


def _leg(leg: Leg) -> dict[str, Any]:
    named, side, contracts, *limit = leg
    asked: dict[str, Any] = {"instrument": named, "side": side, "quantity": str(lots(contracts))}
    return asked | ({"limit": str(price(limit[0]))} if limit else {})
