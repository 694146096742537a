"""Section 4: an order, its one-word encoding, its hash, and what makes it statically wrong."""

from dataclasses import dataclass
from enum import IntEnum

from .eddsa import Signature
from .errors import UnprovableError
from .field import MODULUS, label, word
from .keccak import keccak
from .params import (
    COUNTER_BITS,
    FEE_RATE_BITS,
    INDEX_BITS,
    INSTRUMENT_BITS,
    PRICE_BITS,
    QUANTITY_BITS,
    SLOTS,
    TAG_ORDER,
)
from .poseidon import poseidon


class Side(IntEnum):
    SELL = 0
    BUY = 1


class Kind(IntEnum):
    TRADE = 0
    WITHDRAW = 1
    CANCEL = 2


@dataclass(frozen=True)
class Order:
    """Section 4, the table of fields. Quantity in lots, limit in price units, fee rate in basis points."""

    account: int
    instrument: int
    side: Side
    quantity: int
    limit: int
    max_fee_rate: int
    epoch: int
    slot: int
    first_batch: int
    last_batch: int
    survives_void: bool
    kind: Kind
    recipient: int
    salt: int


@dataclass(frozen=True)
class SealedOrder:
    """An order with its owner's signature and its sequence number in the batch."""

    order: Order
    signature: Signature
    sequence: int


def fields_word(order: Order) -> int:
    """Section 4, the column "offset in fields"."""
    return (
        order.account
        + 2**21 * order.instrument
        + 2**48 * order.side
        + 2**49 * order.quantity
        + 2**81 * order.limit
        + 2**123 * order.max_fee_rate
        + 2**137 * order.epoch
        + 2**169 * order.slot
        + 2**175 * order.first_batch
        + 2**207 * order.last_batch
        + 2**239 * order.survives_void
        + 2**240 * order.kind
    )


def order_hash(domain: int, order: Order) -> int:
    """Section 4: "o = H_4(domain, fields, recipient + 2¹⁶⁰·2, salt)"."""
    return poseidon(domain, fields_word(order), order.recipient + 2**160 * TAG_ORDER, order.salt)


def domain_of(chain_id: int, contract: int) -> int:
    """Section 4: "domain = keccak("tacit.domain.1" as bytes32 right-padded, chain id, contract address) mod p"."""
    return int.from_bytes(keccak(label("tacit.domain.1") + word(chain_id) + word(contract)), "big") % MODULUS


def amount(order: Order) -> int:
    """Section 4: "A withdrawal of quantity · limit token units"."""
    return order.quantity * order.limit


def signed_quantity(order: Order, quantity: int) -> int:
    """+ for a buy, − for a sell."""
    return quantity if order.side == Side.BUY else -quantity


def check_fields(order: Order) -> None:
    """Section 4, "Statically wrong": a field out of range, an instrument that does not fit the kind."""
    if not 0 <= order.account < 2**INDEX_BITS:
        raise UnprovableError(f"account {order.account} is out of range")
    if not 0 <= order.instrument < 2**INSTRUMENT_BITS:
        raise UnprovableError(f"instrument {order.instrument} is out of range")
    if (order.kind == Kind.TRADE) != (order.instrument != 0):
        raise UnprovableError(f"instrument {order.instrument} does not fit kind {order.kind.name}")
    if not 1 <= order.quantity < 2**QUANTITY_BITS:
        raise UnprovableError(f"quantity {order.quantity} is out of range")
    if not 0 <= order.limit < 2**PRICE_BITS:
        raise UnprovableError(f"limit {order.limit} is out of range")
    if not 0 <= order.max_fee_rate < 2**FEE_RATE_BITS:
        raise UnprovableError(f"highest fee rate {order.max_fee_rate} is out of range")
    if not 0 <= order.slot < SLOTS:
        raise UnprovableError(f"nonce slot {order.slot} is out of range")
    for name, counter in (("epoch", order.epoch), ("first batch", order.first_batch), ("last batch", order.last_batch)):
        if not 0 <= counter < 2**COUNTER_BITS:
            raise UnprovableError(f"{name} {counter} is out of range")
    if not 0 <= order.recipient < 2**160:
        raise UnprovableError(f"recipient {order.recipient:#x} is out of range")
    if order.kind != Kind.WITHDRAW and order.recipient != 0:
        raise UnprovableError(f"an order of kind {order.kind.name} has no recipient")
    if order.kind == Kind.WITHDRAW and order.side != Side.BUY:
        raise UnprovableError("a withdrawal's side is buy")
    if not 0 <= order.salt < MODULUS:
        raise UnprovableError(f"salt {order.salt:#x} is not a field element")
