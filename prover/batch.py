"""Sealed batches, the state they are cleared on, and what comes out.

A :class:`SealedBatch` is what a seal commits to with the tables that value it; a :class:`State` holds
all accounts under one root; :meth:`State.clear` goes from both to a :class:`Cleared` batch with the
state after it. Same input, same bytes. Proving is left to :mod:`prover.proof`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from prover import _native
from prover.auction import AUCTION_DTYPE, Array
from prover.errors import BatchError
from prover.orders import Holder, Touch
from prover.risk import RiskTable
from prover.wire import Json, element, file_errors, read_text, write_whole

BATCH_FORMAT: Final = "tacit.batch.1"
RISK_FORMAT: Final = "tacit.risk.1"
ID_BITS: Final = 27
PRICE_BITS: Final = 42
VALUES_A_WORD: Final = 6


class Reason(IntEnum):
    """Why an order came to nothing: the first that applies."""

    NONE = 0
    NO_ACCOUNT = 1
    WINDOW = 2
    NONCE = 3
    UNKNOWN_INSTRUMENT = 4
    SETTLED_INSTRUMENT = 5
    FEE_RATE = 6
    TOO_MANY_POSITIONS = 7
    OUT_OF_RANGE = 8
    NOT_COVERED = 9
    MARGIN = 10

    @property
    def text(self) -> str:
        """For people."""
        return _REASONS[self]


_REASONS: Final = {
    Reason.NONE: "",
    Reason.NO_ACCOUNT: "the account does not exist",
    Reason.WINDOW: "the batch is outside the order's window",
    Reason.NONCE: "its nonce is used or outdated",
    Reason.UNKNOWN_INSTRUMENT: "the instrument is unknown",
    Reason.SETTLED_INSTRUMENT: "the instrument is settled",
    Reason.FEE_RATE: "the batch's fee rate is above what the order accepts",
    Reason.TOO_MANY_POSITIONS: "the account has no place for another position",
    Reason.OUT_OF_RANGE: "account and orders together are beyond the range of margin",
    Reason.NOT_COVERED: "the withdrawal is not covered by cash",
    Reason.MARGIN: "initial margin",
}


class Params(NamedTuple):
    """The numbers of a parameter set: levels of the state tree, touches a segment, orders a touch, positions an
    account, scenarios, risk rows, settled rows, data words a touch.
    """

    depth: int
    touches: int
    orders: int
    positions: int
    scenarios: int
    rows: int
    settled: int
    words: int

    @classmethod
    def named(cls, name: str) -> Params:
        """The set ``dev``, ``standard`` or ``large`` (:class:`prover.errors.ParamsError` for another name)."""
        return cls(*_native.params(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What seal and contract fix: ``domain``, ``batch`` number from 1, ``last_void`` batch (0: none), ``time`` in
    seconds since 1970, ``fee_rate`` in basis points of the premium, initial margin ratio ``num``/``den``; the
    last three are terms of the contract, the same for every batch.
    """

    domain: int
    batch: int
    last_void: int
    time: int
    fee_rate: int
    num: int
    den: int

    def to_wire(self) -> Json:
        """As in docs/formats.md."""
        return {
            "domain": element(self.domain),
            "batch": self.batch,
            "last_void": self.last_void,
            "time": self.time,
            "fee_rate": self.fee_rate,
            "num": self.num,
            "den": self.den,
        }

    @classmethod
    def from_wire(cls, wire: Json) -> Context:
        """What :meth:`to_wire` wrote."""
        return cls(**(wire | {"domain": int(wire["domain"], 16)}))


@dataclass(frozen=True, slots=True)
class RiskRow:
    """An open instrument of the epoch: id, mark, short minimum, Greeks as one opaque word, value of one contract in each
    scenario; prices in price units.
    """

    instrument: int
    mark: int
    short_minimum: int
    greeks: int
    values: tuple[int, ...]

    @property
    def words(self) -> tuple[int, ...]:
        """What the row's hash is of, and how it is posted with an epoch: id, mark and short minimum, the Greeks, six values a word."""
        head = self.instrument + (self.mark << ID_BITS) + (self.short_minimum << ID_BITS + PRICE_BITS)
        groups = (self.values[at : at + VALUES_A_WORD] for at in range(0, len(self.values), VALUES_A_WORD))
        packed = (sum(value << PRICE_BITS * i for i, value in enumerate(group)) for group in groups)
        return (head, self.greeks, *packed)

    def to_wire(self) -> Json:
        """As in docs/formats.md."""
        return {
            "instrument": self.instrument,
            "mark": str(self.mark),
            "short_minimum": str(self.short_minimum),
            "greeks": element(self.greeks),
            "values": [str(value) for value in self.values],
        }

    @classmethod
    def from_wire(cls, wire: Json) -> RiskRow:
        """What :meth:`to_wire` wrote."""
        values = tuple(int(value) for value in wire["values"])
        return cls(wire["instrument"], int(wire["mark"]), int(wire["short_minimum"]), int(wire["greeks"], 16), values)


class SettledRow(NamedTuple):
    """An instrument that has its settlement value, in price units."""

    instrument: int
    value: int


def risk_rows(table: RiskTable) -> tuple[RiskRow, ...]:
    """The rows of a risk table as they are proven."""
    return tuple(
        RiskRow(int(row["id"]), int(row["mark"]), int(row["short_minimum"]), greeks, tuple(row["values"].tolist()))
        for row, greeks in zip(table.rows, table.greeks(), strict=True)
    )


def risk_root(params: str, rows: RiskTable | tuple[RiskRow, ...]) -> int:
    """The root of a risk table under a parameter set, which the contract holds for the epoch. A table that the set has
    no room for is refused.
    """
    return _native.risk_root(risk_text(params, rows))


def risk_text(params: str, rows: RiskTable | tuple[RiskRow, ...]) -> str:
    """The file ``tacit.risk.1`` of a risk table."""
    proven = risk_rows(rows) if isinstance(rows, RiskTable) else rows
    return json.dumps({"format": RISK_FORMAT, "params": params, "rows": [row.to_wire() for row in proven]})


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """A batch as sealed, with the tables that value it: touches by increasing index, leaf 0 first."""

    params: str
    context: Context
    risk: tuple[RiskRow, ...]
    touches: tuple[Touch, ...]
    settled: tuple[SettledRow, ...] = ()

    def to_json(self) -> str:
        """The file ``tacit.batch.1``, canonical. A number that does not fit its place is refused
        (:class:`BatchError`).
        """
        document = {
            "format": BATCH_FORMAT,
            "params": self.params,
            "context": self.context.to_wire(),
            "risk": {"rows": [row.to_wire() for row in self.risk]},
            "settled": [{"instrument": row.instrument, "value": str(row.value)} for row in self.settled],
            "touches": [touch.to_wire() for touch in self.touches],
        }
        return _native.canonical_batch(json.dumps(document))

    @classmethod
    def from_json(cls, text: str) -> SealedBatch:
        """What :meth:`to_json` wrote; anything malformed is refused (:class:`BatchError`)."""
        wire = json.loads(_native.canonical_batch(text))
        return cls(
            params=wire["params"],
            context=Context.from_wire(wire["context"]),
            risk=tuple(RiskRow.from_wire(row) for row in wire["risk"]["rows"]),
            touches=tuple(Touch.from_wire(touch) for touch in wire["touches"]),
            settled=tuple(SettledRow(row["instrument"], int(row["value"])) for row in wire["settled"]),
        )

    @classmethod
    def load(cls, path: str | Path) -> SealedBatch:
        """The batch of a file."""
        return cls.from_json(read_text(Path(path)))

    def save(self, path: str | Path) -> None:
        """Writes the file, readable by its owner alone: it holds everybody's orders."""
        write_whole(Path(path), self.to_json(), private=True)


class Position(NamedTuple):
    """Net lots of an instrument, negative if short."""

    instrument: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """An account: cash in 10⁻¹⁴ quote, nonce epoch and used slots, live touches so far, positions by instrument."""

    owner: int
    cash: int
    epoch: int
    bitmap: int
    updates: int
    salt: int
    positions: tuple[Position, ...]

    def to_json(self) -> str:
        """The leaf in the core's JSON."""
        positions = [{"instrument": each.instrument, "quantity": str(each.quantity)} for each in self.positions]
        numbers = {"cash": str(self.cash), "epoch": self.epoch, "bitmap": str(self.bitmap), "updates": self.updates}
        return json.dumps({"owner": element(self.owner), "salt": element(self.salt), "positions": positions} | numbers)

    @classmethod
    def from_json(cls, text: str) -> Leaf:
        """The leaf of the core's JSON."""
        wire = json.loads(text)
        positions = tuple(Position(each["instrument"], int(each["quantity"])) for each in wire["positions"])
        return cls(
            owner=int(wire["owner"], 16),
            cash=int(wire["cash"]),
            epoch=wire["epoch"],
            bitmap=int(wire["bitmap"]),
            updates=wire["updates"],
            salt=int(wire["salt"], 16),
            positions=positions,
        )


class State:
    """All accounts under one root. A state never changes: clearing a batch gives a new one, at little cost."""

    def __init__(self, native: _native.State) -> None:
        self._native = native

    @classmethod
    def genesis(cls, params: str, fund: Holder, domain: int) -> State:
        """Before the first batch: the fund's leaf 0 with nothing in it, all others empty."""
        return cls(_native.State.genesis(params, json.dumps(fund.to_wire()), domain))

    @classmethod
    def from_bytes(cls, params: str, raw: bytes) -> State:
        """The state of :meth:`to_bytes`, hashed again and compared (:class:`prover.errors.StateError`)."""
        return cls(_native.State.from_bytes(params, raw))

    @classmethod
    def from_json(cls, text: str) -> State:
        """The state of a file ``tacit.state.1``."""
        return cls(_native.State.from_json(text))

    @classmethod
    def load(cls, path: str | Path, params: str) -> State:
        """The state of a file, binary or JSON, for a parameter set."""
        path = Path(path)
        with file_errors(path, "read"):
            raw = path.read_bytes()
        state = cls.from_json(_text(raw, path)) if raw[:1].isspace() or raw[:1] == b"{" else cls.from_bytes(params, raw)
        if state.params != params:
            raise BatchError(f"{path} is of parameter set {state.params}, not {params}", {"params": state.params})
        return state

    def save(self, path: str | Path) -> None:
        """Writes the binary form, readable by its owner alone."""
        write_whole(Path(path), self.to_bytes(), private=True)

    def to_bytes(self) -> bytes:
        """The canonical form on disk."""
        return self._native.to_bytes()

    def to_json(self) -> str:
        """The file ``tacit.state.1``, which other programs read."""
        return self._native.to_json()

    @property
    def params(self) -> str:
        """Name of the parameter set."""
        return self._native.params

    @property
    def root(self) -> int:
        """Root of the tree, which the contract holds."""
        return self._native.root

    def __len__(self) -> int:
        return self._native.accounts

    def indices(self) -> list[int]:
        """Indices of the accounts that exist."""
        return self._native.indices()

    def leaf(self, index: int) -> Leaf | None:
        """An account, None if it does not exist."""
        text = self._native.leaf(index)
        return None if text is None else Leaf.from_json(text)

    def clear(self, batch: SealedBatch) -> Cleared:
        """Clears a batch. What is statically wrong or does not belong to this state is refused
        (:class:`BatchError`), and nothing has happened.
        """
        return Cleared(batch, self._native.clear(batch.to_json()))


def _text(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BatchError(f"{path} is no state: neither binary nor UTF-8 text") from error


class Outcome(NamedTuple):
    """What became of an order: lots filled, the reason if it was refused, whether it passed tests 1 to 9, whether it was
    admitted.
    """

    fill: int
    reason: Reason
    survived: bool
    admitted: bool


class MarginFailure(NamedTuple):
    """The first scenario (None: the mark) in which margin failed; cash that was missing and cash that the orders lose in
    it at worst, in 10⁻¹⁴ quote.
    """

    scenario: int | None
    shortfall: int
    worst_loss: int


@dataclass(frozen=True, slots=True)
class ClearedTouch:
    """What became of a touch.

    ``cash`` is the account's after expiry and deposit, before its orders, in 10⁻¹⁴ quote; ``claims`` and
    ``losses`` are C and D of docs/protocol.md section 6, the mark last; ``withdrawal`` asked and ``paid`` in
    token units; ``expiry_value`` in price unit × lot; ``words`` are the public ones.
    """

    index: int
    old: Leaf | None
    new: Leaf | None
    cash: int
    claims: list[int]
    losses: list[int]
    failure: MarginFailure | None
    withdrawal: int
    paid: int
    admitted: bool
    fee_credit: int
    expiry_value: int
    orders: tuple[Outcome, ...]
    words: list[int]

    @classmethod
    def from_native(cls, result: dict[str, Any]) -> ClearedTouch:
        """The touch of the extension's dictionary."""
        old, new = (None if result[name] is None else Leaf.from_json(result[name]) for name in ("old", "new"))
        failure = None if result["failure"] is None else MarginFailure(*result["failure"])
        orders = tuple(Outcome(fill, Reason(code), *rest) for fill, code, *rest in result["orders"])
        return cls(**(result | {"old": old, "new": new, "failure": failure, "orders": orders}))


class Cleared:
    """A batch after clearing: fills, prices, new leaves, public words, the state after."""

    def __init__(self, batch: SealedBatch, native: _native.Cleared) -> None:
        self.batch = batch
        self.native = native
        summary = native.summary
        self.start_root: int = summary["start_root"]
        self.end_root: int = summary["end_root"]
        self.risk_root: int = summary["risk_root"]
        self.seal_root: bytes = bytes(summary["seal_root"])
        self.active_orders: int = summary["active_orders"]
        self.segments: int = summary["segments"]

    @cached_property
    def state(self) -> State:
        """The state after the batch."""
        return State(self.native.state)

    @cached_property
    def touches(self) -> tuple[ClearedTouch, ...]:
        """The touches, in the batch's order."""
        return tuple(ClearedTouch.from_native(result) for result in self.native.touches)

    @cached_property
    def auctions(self) -> Array:
        """One auction a risk row (:data:`prover.auction.AUCTION_DTYPE`)."""
        auctions = np.empty(len(self.batch.risk), AUCTION_DTYPE)
        auctions["instrument"] = [row.instrument for row in self.batch.risk]
        for name, column in zip(("price", "cut", "cut_buy", "volume", "count"), self.native.auctions, strict=True):
            auctions[name] = column
        return auctions


class Reading(NamedTuple):
    """What an owner reads of a touch: the account after it, and (lots filled, reason) of each order place."""

    leaf: Leaf
    outcomes: tuple[tuple[int, Reason], ...]


def read_touch(params: str, words: list[int], holder: Holder, domain: int, index: int) -> Reading:
    """Reads the public words of a touch with the account's own key; what does not open is refused
    (:class:`prover.errors.ReadingError`).
    """
    leaf, outcomes = _native.read_touch(params, words, json.dumps(holder.to_wire()), domain, index)
    return Reading(Leaf.from_json(leaf), tuple((fill, Reason(code)) for fill, code in outcomes))
