"""The result as one object for programs: integers in the protocol's units, cash and token amounts as decimal strings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from demo.market import PARAMS
from demo.record import Line
from demo.retraced import Settled
from demo.run import Result

AMOUNTS = frozenset(
    {"asked", "bonds", "cash", "claimed", "deposited", "excess", "fees", "gain", "held", "paid", "shortfall"}
)
"""Names of what may pass 2⁵³."""


def document(result: Result) -> dict[str, Any]:
    """Everything that the tables show, and a line an order."""
    found = result.scenes
    reading = asdict(found.reading)
    whole = {
        "params": PARAMS,
        "instruments": {str(number): f"BTC-{name}" for number, name in result.market.names.items()},
        "delivery_price": result.market.delivery,
        "batches": [
            _batch(batch, lines) | {"auctions": [asdict(each) for each in auctions]}
            for batch, lines, auctions in zip(result.batches, result.lines, found.auctions, strict=True)
        ],
        "partial_fill": asdict(found.partial_fill),
        "margin_refusal": asdict(found.margin),
        "netted": asdict(found.netted),
        "expired": [asdict(each) for each in found.expired],
        "refusals": [asdict(each) for each in found.refusals],
        "doors": [asdict(each) for each in found.doors],
        "margins": [asdict(each) for each in found.margins],
        "observed": asdict(result.observed),
        "payments": [asdict(each) for each in found.payments],
        "money": asdict(found.money),
        "conservation": asdict(found.conservation),
        "reading": {
            "trader": reading["trader"],
            "index": reading["index"],
            "cash": reading["leaf"]["cash"],
            "positions": [list(position) for position in found.reading.leaf.positions],
            "transactions": [transaction for transaction, _ in found.reading.readings],
        },
        "attempts": [asdict(each) for each in result.attempts],
        "gas": asdict(result.gas),
        "constraints": result.constraints,
        "seconds": result.seconds,
        "total_seconds": result.total_seconds,
    }
    return {name: _plain(each) for name, each in whole.items()}


def _batch(batch: Settled, lines: tuple[Line, ...]) -> dict[str, Any]:
    cleared = batch.cleared
    return {
        "number": batch.sealed.number,
        "seal": "0x" + batch.sealed.root.hex(),
        "start_root": f"0x{cleared.start_root:064x}",
        "end_root": f"0x{cleared.end_root:064x}",
        "touches": len(batch.sealed.touches),
        "segments": cleared.segments,
        "settled_instruments": [list(row) for row in cleared.batch.settled],
        "gas": {"open": batch.sealed.opening.gas, "seal": batch.sealed.receipt.gas, "settle": batch.receipt.gas},
        "data_bytes": 32 * len(batch.settlement.words),
        "transaction": batch.receipt.transaction,
        "orders": [_order(line) for line in lines],
    }


def _order(line: Line) -> dict[str, Any]:
    order = line.request.order
    return {
        "sequence": line.sequence,
        "trader": line.trader.name,
        "kind": order.kind,
        "instrument": order.instrument,
        "side": "buy" if order.buy else "sell",
        "quantity": order.quantity,
        "limit": order.limit,
        "filled": line.outcome.fill,
        "reason": int(line.outcome.reason),
        "scene": line.request.scene,
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Cash and token amounts as strings, tuples as lists."""
    if isinstance(value, dict):
        return {name: str(each) if name in AMOUNTS else _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
