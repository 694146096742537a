"""The JSON form of everything the reference exchanges with other languages (`docs/formats.md`).

snake_case; amounts as decimal strings; field elements, roots and addresses as 0x-hex; points as
two decimal strings; ids, counters, flags and indices as JSON numbers and booleans.
"""

import json
from pathlib import Path
from typing import Any

from .account import Holder, Leaf, Position, leaf_hash
from .babyjub import Point
from .batch import Batch, ClearedOrder, ClearedTouch, Context, Result, State, state_root
from .data import SegmentData, data_hash, words_hash
from .eddsa import Signature
from .field import word
from .order import Kind, Order, SealedOrder, Side
from .params import Params
from .risk import RiskRow, RowKind, RowRef, SettledRow
from .seal import Touch
from .transcript import Blinding, Challenges, Header, Settlement

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


def context_json(context: Context) -> Json:
    return {
        "domain": hex_word(context.domain),
        "batch": context.batch,
        "last_void": context.last_void,
        "time": context.time,
        "fee_rate": context.fee_rate,
        "num": context.num,
        "den": context.den,
    }


def context_from(raw: Json) -> Context:
    return Context(
        from_hex(raw["domain"]), *(raw[name] for name in ("batch", "last_void", "time", "fee_rate", "num", "den"))
    )


def batch_json(params: Params, batch: Batch) -> Json:
    """The file of a sealed batch."""
    return {
        "format": "tacit.batch.1",
        "params": params.name,
        "context": context_json(batch.context),
        "risk": {"rows": [risk_row_json(row) for row in batch.risk]},
        "settled": [settled_row_json(row) for row in batch.settled],
        "touches": [touch_json(touch) for touch in batch.touches],
    }


def batch_from(raw: Json) -> Batch:
    return Batch(
        context=context_from(raw["context"]),
        risk=tuple(risk_row_from(row) for row in raw["risk"]["rows"]),
        settled=tuple(settled_row_from(row) for row in raw["settled"]),
        touches=tuple(touch_from(touch) for touch in raw["touches"]),
    )


def state_json(params: Params, state: State) -> Json:
    """The file of a state."""
    return {
        "format": "tacit.state.1",
        "params": params.name,
        "root": hex_word(state_root(params, state)),
        "leaves": [{"index": index, "leaf": leaf_json(leaf)} for index, leaf in sorted(state.leaves.items())],
    }


def state_from(raw: Json) -> State:
    return State({entry["index"]: leaf_from(entry["leaf"]) for entry in raw["leaves"]})


def row_ref_json(ref: RowRef) -> Json:
    """The row an order looked up; `index` among the rows of its kind, null for the sentinel."""
    return {"kind": ref.kind.value, "index": None if ref.kind == RowKind.SENTINEL else ref.index}


def cleared_order_json(cleared: ClearedOrder) -> Json:
    return {
        "sequence": cleared.sequence,
        "row": row_ref_json(cleared.row),
        "reason": int(cleared.reason),
        "survived": cleared.survived,
        "admitted": cleared.admitted,
        "fill": str(cleared.fill),
        "fee": str(cleared.fee),
    }


def cleared_touch_json(params: Params, cleared: ClearedTouch) -> Json:
    """Everything a touch gives but its Merkle path, which its roots imply."""
    margin = cleared.admission.margin
    return {
        "index": cleared.touch.index,
        "touch_hash": hex_word(cleared.touch_hash),
        "orders": [cleared_order_json(order) for order in cleared.orders],
        "epoch": cleared.admission.epoch,
        "claims": [str(claim) for claim in margin.claims],
        "x_mark": str(margin.net_mark),
        "expiry_value": str(cleared.expiry.value),
        "expired": list(cleared.expiry.flags),
        "short_requirement": str(margin.short_requirement),
        "withdrawal": str(cleared.admission.withdrawal),
        "paid": str(cleared.paid),
        "recipient": address(cleared.recipient),
        "fee_credit": str(cleared.fee_credit),
        "iv": hex_word(cleared.iv),
        "cipher": hex_words(cleared.cipher),
        "new": None if cleared.new is None else leaf_json(cleared.new),
        "new_hash": hex_word(leaf_hash(params, cleared.new)),
        "root": hex_word(cleared.root),
        "words": hex_words(cleared.words),
    }


def result_json(result: Result) -> Json:
    """Every output of a batch; `auctions` one a risk row, in its order."""
    return {
        "start_root": hex_word(result.start_root),
        "end_root": hex_word(result.end_root),
        "risk_root": hex_word(result.risk_root),
        "seal_root": "0x" + result.seal_root.hex(),
        "active_orders": result.active,
        "fees": str(result.fees),
        "auctions": [
            {
                "price": str(auction.price),
                "cut": auction.cut,
                "cut_side": auction.cut_side.name.lower(),
                "volume": str(auction.volume),
                "count": str(auction.count),
            }
            for auction in result.auctions
        ],
        "touches": [cleared_touch_json(result.params, touch) for touch in result.touches],
        "closing_words": hex_words(result.closing_words),
    }


def settlement_json(header: Header, blinding: Blinding, settlement: Settlement) -> Json:
    """Public inputs in their order, with what was chosen (header, blinding) and what leads to them."""
    return {
        "header": {
            "deposit_end": header.deposit_end,
            "exit_end": header.exit_end,
            "beneficiary": address(header.beneficiary),
        },
        "blinding": {
            "segments": hex_words(blinding.segments),
            "sums": hex_words(blinding.sums),
            "closing": hex_word(blinding.closing),
            "auction": hex_word(blinding.auction),
        },
        "data": [segment_data_json(data, settlement.challenges.z) for data in settlement.data],
        "closing_hash": "0x" + settlement.closing_hash.hex(),
        "data_hash": "0x" + data_hash([data.hash for data in settlement.data], settlement.closing_hash).hex(),
        "r1": "0x" + settlement.r1.hex(),
        "r2": "0x" + settlement.r2.hex(),
        "challenges": challenges_json(settlement.challenges),
        "segment_inputs": [hex_words(list(vars(inputs).values())) for inputs in settlement.segments],
        "closing_inputs": hex_words(list(vars(settlement.closing).values())),
        "sums": [hex_words(list(vars(sums).values())) for sums in settlement.sums],
    }


def segment_data_json(data: SegmentData, z: int) -> Json:
    """What the contract takes of a segment's words: h_j, and of the encrypted ones a hash and their value at z."""
    return {
        "hash": "0x" + data.hash.hex(),
        "encrypted_hash": "0x" + words_hash(data.encrypted).hex(),
        "encrypted_value": hex_word(data.encrypted_value(z)),
    }


def challenges_json(at: Challenges) -> Json:
    return {name: hex_word(value) for name, value in vars(at).items()}


def dump(document: Json) -> str:
    """One canonical text: keys as written, one space of indentation, a final newline."""
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def load(path: Path) -> Json:
    document: Json = json.loads(path.read_text(encoding="ascii"))
    return document
