"""The JSON form of everything the reference exchanges with other languages (`docs/formats.md`).

snake_case; amounts as decimal strings; field elements, roots and addresses as 0x-hex; points as
two decimal strings; ids, counters, flags and indices as JSON numbers and booleans.
"""

import json
from pathlib import Path
from typing import Any

from .account import Holder, Leaf, Position
from .babyjub import Point
from .eddsa import Signature
from .field import word
from .order import Kind, Order, SealedOrder, Side
from .risk import RiskRow, SettledRow
from .seal import Touch

Json = dict[str, Any]


def hex_word(number: int) -> str:
    return "0x" + word(number).hex()


def hex_words(numbers: list[int] | tuple[int, ...]) -> list[str]:
    return [hex_word(number) for number in numbers]


def from_hex(text: str) -> int:
    return int(text, 16)


def address(number: int) -> str:
    return "0x" + number.to_bytes(20, "big").hex()


def point_json(point: Point) -> list[str]:
    return [str(point.x), str(point.y)]


def point_from(raw: list[str]) -> Point:
    return Point(int(raw[0]), int(raw[1]))


def holder_json(holder: Holder) -> Json:
    return {"key": point_json(holder.key), "viewing_key": hex_word(holder.viewing_key), "subaccount": holder.subaccount}


def holder_from(raw: Json) -> Holder:
    return Holder(point_from(raw["key"]), from_hex(raw["viewing_key"]), raw["subaccount"])


def leaf_json(leaf: Leaf) -> Json:
    return {
        "owner": hex_word(leaf.owner),
        "cash": str(leaf.cash),
        "epoch": leaf.epoch,
        "bitmap": str(leaf.bitmap),
        "updates": leaf.updates,
        "salt": hex_word(leaf.salt),
        "positions": [{"instrument": p.instrument, "quantity": str(p.quantity)} for p in leaf.positions],
    }


def leaf_from(raw: Json) -> Leaf:
    return Leaf(
        owner=from_hex(raw["owner"]),
        cash=int(raw["cash"]),
        epoch=raw["epoch"],
        bitmap=int(raw["bitmap"]),
        updates=raw["updates"],
        salt=from_hex(raw["salt"]),
        positions=tuple(Position(p["instrument"], int(p["quantity"])) for p in raw["positions"]),
    )


def order_json(order: Order) -> Json:
    return {
        "account": order.account,
        "instrument": order.instrument,
        "side": order.side.name.lower(),
        "quantity": str(order.quantity),
        "limit": str(order.limit),
        "max_fee_rate": order.max_fee_rate,
        "epoch": order.epoch,
        "slot": order.slot,
        "first_batch": order.first_batch,
        "last_batch": order.last_batch,
        "survives_void": order.survives_void,
        "kind": order.kind.name.lower(),
        "recipient": address(order.recipient),
        "salt": hex_word(order.salt),
    }


def order_from(raw: Json) -> Order:
    return Order(
        account=raw["account"],
        instrument=raw["instrument"],
        side=Side[raw["side"].upper()],
        quantity=int(raw["quantity"]),
        limit=int(raw["limit"]),
        max_fee_rate=raw["max_fee_rate"],
        epoch=raw["epoch"],
        slot=raw["slot"],
        first_batch=raw["first_batch"],
        last_batch=raw["last_batch"],
        survives_void=raw["survives_void"],
        kind=Kind[raw["kind"].upper()],
        recipient=from_hex(raw["recipient"]),
        salt=from_hex(raw["salt"]),
    )


def sealed_order_json(sealed: SealedOrder) -> Json:
    signature = {"r8": point_json(sealed.signature.r8), "s": str(sealed.signature.s)}
    return {"order": order_json(sealed.order), "signature": signature, "sequence": sealed.sequence}


def sealed_order_from(raw: Json) -> SealedOrder:
    signature = Signature(point_from(raw["signature"]["r8"]), int(raw["signature"]["s"]))
    return SealedOrder(order_from(raw["order"]), signature, raw["sequence"])


def touch_json(touch: Touch) -> Json:
    return {
        "index": touch.index,
        "holder": holder_json(touch.holder),
        "deposit": str(touch.deposit),
        "exit": None if touch.exit is None else str(touch.exit),
        "orders": [sealed_order_json(sealed) for sealed in touch.orders],
    }


def touch_from(raw: Json) -> Touch:
    return Touch(
        index=raw["index"],
        holder=holder_from(raw["holder"]),
        deposit=int(raw["deposit"]),
        exit=None if raw["exit"] is None else int(raw["exit"]),
        orders=tuple(sealed_order_from(sealed) for sealed in raw["orders"]),
    )


def risk_row_json(row: RiskRow) -> Json:
    return {
        "instrument": row.instrument,
        "mark": str(row.mark),
        "short_minimum": str(row.short_minimum),
        "greeks": hex_word(row.greeks),
        "values": [str(value) for value in row.values],
    }


def risk_row_from(raw: Json) -> RiskRow:
    values = tuple(int(value) for value in raw["values"])
    return RiskRow(raw["instrument"], int(raw["mark"]), int(raw["short_minimum"]), from_hex(raw["greeks"]), values)


def settled_row_json(row: SettledRow) -> Json:
    return {"instrument": row.instrument, "value": str(row.value)}


def settled_row_from(raw: Json) -> SettledRow:
    return SettledRow(raw["instrument"], int(raw["value"]))


def dump(document: Json) -> str:
    """One canonical text: keys as written, one space of indentation, a final newline."""
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def load(path: Path) -> Json:
    document: Json = json.loads(path.read_text(encoding="ascii"))
    return document
