"""Records of the chain as bytes and back, so that a restart does not read the chain again.

JSON with tagged objects: ``{"x": …}`` bytes in base64, ``{"t": …}`` a tuple, ``{"s": …}`` a struct, ``{"c": name, "v": …}`` one of the
classes of :mod:`relayer.records` and what is in them. A record's place is left to the row's own columns. Nothing but these
classes is ever made of what is read; whatever else is there is a :class:`StoreError`.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import fields, is_dataclass
from typing import Any, Final

from prover.batch import RiskRow, SettledRow
from relayer.errors import StoreError
from relayer.interface import Struct
from relayer.records import At, Claim, Record, Seal, SegmentClaim, SegmentData

Json = Any

KINDS: Final = {kind.__name__: kind for kind in Record.__subclasses__()}
PARTS: Final = {kind.__name__: kind for kind in (Claim, Seal, SegmentClaim, SegmentData, RiskRow, SettledRow)}
PLACE: Final = "at"


def write_record(record: Record) -> bytes:
    """Everything of a record but the block, index and block hash of its place."""
    values = {name: _plain(value) for name, value in _parts(record).items() if name != PLACE}
    values[PLACE] = record.at.transaction.hex()
    return json.dumps(values, separators=(",", ":")).encode()


def read_record(kind: str, block: int, index: int, block_hash: bytes, payload: bytes) -> Record:
    """The record that was written."""
    made = KINDS.get(kind)
    try:
        values = {name: _read(value) for name, value in json.loads(payload).items()}
        at = At(block, index, block_hash, bytes.fromhex(values.pop(PLACE)))
        if made is not None:
            return made(at, **values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _unreadable(kind, block, index) from error
    raise _unreadable(kind, block, index)


def _parts(value: Any) -> dict[str, Any]:  # noqa: ANN401
    if isinstance(value, SettledRow):
        return value._asdict()
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _plain(value: Any) -> Json:  # noqa: ANN401
    if isinstance(value, bytes):
        return {"x": b64encode(value).decode()}
    if isinstance(value, Struct):
        return {"s": {name: _plain(each) for name, each in value.items()}}
    if isinstance(value, SettledRow) or is_dataclass(value):
        return {"c": type(value).__name__, "v": {name: _plain(each) for name, each in _parts(value).items()}}
    if isinstance(value, tuple):
        return {"t": [_plain(each) for each in value]}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, int | str):
        return value
    raise StoreError(f"a record holds a {type(value).__name__}, which cannot be kept")


def _read(value: Json) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_read(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "x" in value:
        return b64decode(value["x"], validate=True)
    if "t" in value:
        return tuple(_read(each) for each in value["t"])
    if "s" in value:
        return Struct({name: _read(each) for name, each in value["s"].items()})
    return PARTS[value["c"]](**{name: _read(each) for name, each in value["v"].items()})


def _unreadable(kind: str, block: int, index: int) -> StoreError:
    what = f"the stored record {kind} at {block}/{index} cannot be read: delete what is stored of the chain with `relayer db forget-chain`"
    return StoreError(what, {"kind": kind, "block": block, "index": index})
