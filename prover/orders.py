"""Who trades and what they sign: holders, orders, touches.

The records of a sealed batch as docs/protocol.md section 4 has them, with plain integers in the
units of its section 2. Encoding and hashing are done in Rust; nothing here is checked against a
state, that is clearing's.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Literal

from prover import _native, eddsa
from prover.eddsa import Point, Signature
from prover.hashing import FIELD_ORDER
from prover.wire import Json, element

Kind = Literal["trade", "withdraw", "cancel"]

NO_ADDRESS = "0x" + 40 * "0"


def random_element() -> int:
    """A uniformly random field element: a fresh salt or viewing key."""
    return secrets.randbelow(FIELD_ORDER)


def domain(chain_id: int, contract: str) -> int:
    """The domain of a settlement contract (``0x`` address) on a chain: what orders, salts and pads are bound to."""
    return _native.domain(chain_id, bytes.fromhex(contract.removeprefix("0x")))


@dataclass(frozen=True, slots=True)
class Holder:
    """Who an account belongs to: public key, viewing key (secret, shared with the operator), subaccount below 2³²."""

    key: Point
    viewing_key: int = field(repr=False)
    subaccount: int = 0

    @classmethod
    def from_seed(cls, seed: bytes, viewing_key: int, subaccount: int = 0) -> Holder:
        """The holder who signs with a 32-byte seed."""
        return cls(eddsa.public_key(seed), viewing_key, subaccount)

    @property
    def owner(self) -> int:
        """The owner word of the account's leaf, which a deposit names."""
        return _native.holder_owner(json.dumps(self.to_wire()))

    def to_wire(self) -> Json:
        """As in docs/formats.md."""
        key = [str(self.key.x), str(self.key.y)]
        return {"key": key, "viewing_key": element(self.viewing_key), "subaccount": self.subaccount}

    @classmethod
    def from_wire(cls, wire: Json) -> Holder:
        """What :meth:`to_wire` wrote."""
        x, y = wire["key"]
        return cls(Point(int(x), int(y)), int(wire["viewing_key"], 16), wire["subaccount"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order, as its owner signs it.

    ``quantity`` in lots (10⁻⁴ contract), ``limit`` in price units (10⁻⁶ quote), ``max_fee_rate`` in basis
    points of the premium. ``epoch`` and ``slot`` (0 … 63) are its nonce, ``first_batch`` … ``last_batch`` its
    window. A withdrawal pays ``quantity · limit`` token units to ``recipient``, and its side is buy; a
    cancel only raises the epoch. ``salt`` hides the order behind its hash.
    """

    account: int
    instrument: int = 0
    buy: bool = True
    quantity: int = 1
    limit: int = 0
    max_fee_rate: int = 0
    epoch: int = 0
    slot: int = 0
    first_batch: int = 0
    last_batch: int = 2**32 - 1
    survives_void: bool = True
    kind: Kind = "trade"
    recipient: str = NO_ADDRESS
    salt: int = field(default_factory=random_element, repr=False)

    def hash(self, domain: int) -> int:
        """What the owner signs; an order out of range is refused (:class:`prover.errors.BatchError`)."""
        return _native.order_hash(json.dumps(self.to_wire()), domain)

    def sealed(self, seed: bytes, domain: int, sequence: int) -> SealedOrder:
        """The order signed with its owner's seed, in its place of the queue."""
        return SealedOrder(self, eddsa.sign(seed, self.hash(domain)), sequence)

    def to_wire(self) -> Json:
        """As in docs/formats.md."""
        return {
            "account": self.account,
            "instrument": self.instrument,
            "side": "buy" if self.buy else "sell",
            "quantity": str(self.quantity),
            "limit": str(self.limit),
            "max_fee_rate": self.max_fee_rate,
            "epoch": self.epoch,
            "slot": self.slot,
            "first_batch": self.first_batch,
            "last_batch": self.last_batch,
            "survives_void": self.survives_void,
            "kind": self.kind,
            "recipient": self.recipient.lower(),
            "salt": element(self.salt),
        }

    @classmethod
    def from_wire(cls, wire: Json) -> Order:
        """What :meth:`to_wire` wrote."""
        own = {"quantity": int(wire["quantity"]), "limit": int(wire["limit"]), "salt": int(wire["salt"], 16)}
        rest = {name: value for name, value in wire.items() if name != "side"}
        return cls(buy=wire["side"] == "buy", **(rest | own))


@dataclass(frozen=True, slots=True)
class SealedOrder:
    """An order in a seal: signed, with its sequence number from 1."""

    order: Order
    signature: Signature
    sequence: int

    def to_wire(self) -> Json:
        """As in docs/formats.md."""
        r8 = [str(self.signature.r8.x), str(self.signature.r8.y)]
        signature = {"r8": r8, "s": str(self.signature.s)}
        return {"order": self.order.to_wire(), "signature": signature, "sequence": self.sequence}

    @classmethod
    def from_wire(cls, wire: Json) -> SealedOrder:
        """What :meth:`to_wire` wrote."""
        x, y = wire["signature"]["r8"]
        signature = Signature(Point(int(x), int(y)), int(wire["signature"]["s"]))
        return cls(Order.from_wire(wire["order"]), signature, wire["sequence"])


@dataclass(frozen=True, slots=True)
class Touch:
    """One account in a batch: at most one of a deposit and an exit request (token units, 10⁻⁶ quote), and its orders
    in increasing sequence number.
    """

    index: int
    holder: Holder
    deposit: int = 0
    exit: int | None = None
    orders: tuple[SealedOrder, ...] = ()

    def to_wire(self) -> Json:
        """As in docs/formats.md."""
        return {
            "index": self.index,
            "holder": self.holder.to_wire(),
            "deposit": str(self.deposit),
            "exit": None if self.exit is None else str(self.exit),
            "orders": [order.to_wire() for order in self.orders],
        }

    @classmethod
    def from_wire(cls, wire: Json) -> Touch:
        """What :meth:`to_wire` wrote."""
        return cls(
            wire["index"],
            Holder.from_wire(wire["holder"]),
            int(wire["deposit"]),
            None if wire["exit"] is None else int(wire["exit"]),
            tuple(SealedOrder.from_wire(order) for order in wire["orders"]),
        )
