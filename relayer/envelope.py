"""What a trader sends: an order, or the opening of an owner word, encrypted to the operator (docs/protocol.md, "Envelopes").

An envelope is bound by HPKE's ``info`` to its purpose, vault, batch window and key: moved to another it does not open. All
envelopes of a kind are of one length. Everything that does not open is one error, :class:`DecryptionError`; what opens and is no order
is :class:`OrderError`. Whether a signature holds, a nonce is free or a batch has room is intake's to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from prover import eddsa
from prover.eddsa import PACKED_SIGNATURE, Point, Signature
from prover.errors import PointError
from prover.hashing import FIELD_ORDER
from prover.orders import Holder, Order
from prover.wire import ADDRESS_BYTES, Json, decimal, element, hexadecimal, read_bytes, read_element
from relayer.chain import Address
from relayer.errors import DecryptionError, EnvelopeError, OrderError
from relayer.hpke import ENCAPSULATED_BYTES, KEY_ID_BYTES, TAG_BYTES, PrivateKey, PublicKey

ORDER_INFO: Final = b"tacit.order.1"
ACCOUNT_INFO: Final = b"tacit.account.1"
PLAIN_BYTES: Final = 1024
LENGTH_BYTES: Final = 2
CIPHERTEXT_BYTES: Final = PLAIN_BYTES + TAG_BYTES
BATCH_BITS: Final = 32
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Encrypted content: name of the key it is for (8 bytes), batch window, encapsulated key (32 bytes), ciphertext (1,040 bytes)."""

    key_id: bytes
    first_batch: int
    last_batch: int
    encapsulated: bytes
    ciphertext: bytes

    def to_wire(self) -> Json:
        """As JSON carries it."""
        return {
            "key_id": self.key_id.hex(),
            "first_batch": self.first_batch,
            "last_batch": self.last_batch,
            "encapsulated": hexadecimal(self.encapsulated),
            "ciphertext": hexadecimal(self.ciphertext),
        }

    @classmethod
    def from_wire(cls, wire: object) -> Envelope:
        """What :meth:`to_wire` wrote; :class:`EnvelopeError` for anything else."""
        if not isinstance(wire, Mapping) or wire.keys() != _ENVELOPE:
            raise EnvelopeError(f"an envelope has the names {', '.join(sorted(_ENVELOPE))} and no others")
        named = wire["key_id"]
        parts = (
            read_bytes(f"0x{named}" if isinstance(named, str) else None, KEY_ID_BYTES),
            _number(wire["first_batch"], BATCH_BITS),
            _number(wire["last_batch"], BATCH_BITS),
            read_bytes(wire["encapsulated"], ENCAPSULATED_BYTES),
            read_bytes(wire["ciphertext"], CIPHERTEXT_BYTES),
        )
        key, first, last, encapsulated, ciphertext = parts
        if key is None or first is None or last is None or encapsulated is None or ciphertext is None:
            name = ("key_id", "first_batch", "last_batch", "encapsulated", "ciphertext")[parts.index(None)]
            raise EnvelopeError(f"the envelope's {name} is not of its form in docs/formats.md", {"name": name})
        return cls(key, first, last, encapsulated, ciphertext)


_ENVELOPE: Final = frozenset(("key_id", "first_batch", "last_batch", "encapsulated", "ciphertext"))


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order, the owner word of its account, and the owner's signature of the order's hash."""

    owner: int
    order: Order
    signature: Signature

    @classmethod
    def sign(cls, key: bytes, owner: int, order: Order, domain: int) -> SignedOrder:
        """Signs with the owner's EdDSA key (32 bytes); :class:`prover.errors.BatchError` for an order out of range."""
        return cls(owner, order, eddsa.sign(key, order.hash(domain)))

    def holds(self, key: Point, domain: int) -> bool:
        """Whether the signature is the key's."""
        return eddsa.verify(key, self.order.hash(domain), self.signature)

    def to_wire(self) -> Json:
        """As it is encrypted."""
        signature = hexadecimal(eddsa.pack_signature(self.signature))
        return {"owner": element(self.owner), "order": self.order.to_wire(), "signature": signature}

    @classmethod
    def from_wire(cls, wire: object) -> SignedOrder:
        """What :meth:`to_wire` wrote, every value in its range and only form (:class:`OrderError`)."""
        names = _object(wire, _SIGNED, "the content")
        owner = _part(names, "owner", read_element)
        packed = _part(names, "signature", lambda value: read_bytes(value, PACKED_SIGNATURE))
        order = read_order(names["order"])
        try:
            return cls(owner, order, eddsa.unpack_signature(packed))
        except PointError as error:
            raise OrderError("the signature is none: its bytes are no point and number of the curve") from error


_SIGNED: Final = frozenset(("owner", "order", "signature"))


def seal_order(key: PublicKey, domain: int, vault: Address, signed: SignedOrder) -> Envelope:
    """A signed order, encrypted for the operator of a vault."""
    order = signed.order
    return _seal(key, ORDER_INFO, domain, vault, order.first_batch, order.last_batch, signed.to_wire())


def open_order(envelope: Envelope, key: PrivateKey, domain: int, vault: Address) -> SignedOrder:
    """The order in an envelope: :class:`DecryptionError` if it does not open, :class:`OrderError` if what is in it is no order of
    the envelope's window.
    """
    signed = SignedOrder.from_wire(_open(envelope, key, ORDER_INFO, domain, vault))
    if (signed.order.first_batch, signed.order.last_batch) != (envelope.first_batch, envelope.last_batch):
        raise OrderError("the order's batch window is not the envelope's")
    return signed


def seal_registration(key: PublicKey, domain: int, vault: Address, holder: Holder) -> Envelope:
    """The opening of an owner word, encrypted for the operator of a vault."""
    return _seal(key, ACCOUNT_INFO, domain, vault, 0, 0, {"holder": holder.to_wire()})


def open_registration(envelope: Envelope, key: PrivateKey, domain: int, vault: Address) -> Holder:
    """The holder in an envelope: errors as in :func:`open_order`."""
    if (envelope.first_batch, envelope.last_batch) != (0, 0):
        raise DecryptionError
    return read_holder(_object(_open(envelope, key, ACCOUNT_INFO, domain, vault), {"holder"}, "the content")["holder"])


def info(purpose: bytes, domain: int, vault: Address, first_batch: int, last_batch: int, key_id: bytes) -> bytes:
    """What an envelope is bound to."""
    place = domain.to_bytes(32, "big") + bytes.fromhex(vault.removeprefix("0x"))
    return purpose + place + first_batch.to_bytes(4, "big") + last_batch.to_bytes(4, "big") + key_id


def pad(content: bytes) -> bytes:
    """1,024 bytes that hold ``content`` (:class:`OrderError` if it has more than 1,022)."""
    if len(content) > PLAIN_BYTES - LENGTH_BYTES:
        raise OrderError(f"content of {len(content)} bytes does not fit an envelope", {"bytes": len(content)})
    return (len(content).to_bytes(LENGTH_BYTES, "big") + content).ljust(PLAIN_BYTES, b"\0")


def unpad(plain: bytes) -> bytes:
    """What :func:`pad` took; :class:`DecryptionError` for anything else."""
    length = int.from_bytes(plain[:LENGTH_BYTES], "big")
    end = LENGTH_BYTES + length
    if len(plain) != PLAIN_BYTES or end > PLAIN_BYTES or any(plain[end:]):
        raise DecryptionError
    return plain[LENGTH_BYTES:end]


def _seal(
    key: PublicKey, purpose: bytes, domain: int, vault: Address, first: int, last: int, content: Json
) -> Envelope:
    plain = pad(json.dumps(content, separators=(",", ":")).encode("ascii"))
    encapsulated, ciphertext = key.seal(plain, info(purpose, domain, vault, first, last, key.id))
    return Envelope(key.id, first, last, encapsulated, ciphertext)


def _open(envelope: Envelope, key: PrivateKey, purpose: bytes, domain: int, vault: Address) -> object:
    """The JSON in an envelope. The key must be the one that it names."""
    if envelope.key_id != key.public.id:
        raise DecryptionError
    bound = info(purpose, domain, vault, envelope.first_batch, envelope.last_batch, envelope.key_id)
    content = unpad(key.open(envelope.encapsulated, envelope.ciphertext, bound))
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        # The parser quotes what it read.
        raise OrderError("the content is not JSON, or a name stands in it twice") from None


# ---- reading what was decrypted: every value in its one form, and none of them repeated in an error


def read_order(wire: object) -> Order:
    """An order of docs/formats.md, in the ranges of the protocol (:class:`OrderError`). That kind, instrument, side and recipient
    go together is intake's to check.
    """
    names = _object(wire, _ORDER, "the order")
    return Order(
        account=_part(names, "account", lambda v: _number(v, 21)),
        instrument=_part(names, "instrument", lambda v: _number(v, 27)),
        buy=_part(names, "side", lambda v: {"buy": True, "sell": False}.get(v) if isinstance(v, str) else None),
        quantity=_part(names, "quantity", lambda v: decimal(v, 32)),
        limit=_part(names, "limit", lambda v: decimal(v, 42)),
        max_fee_rate=_part(names, "max_fee_rate", lambda v: _number(v, 14)),
        epoch=_part(names, "epoch", lambda v: _number(v, 32)),
        slot=_part(names, "slot", lambda v: _number(v, 6)),
        first_batch=_part(names, "first_batch", lambda v: _number(v, BATCH_BITS)),
        last_batch=_part(names, "last_batch", lambda v: _number(v, BATCH_BITS)),
        survives_void=_part(names, "survives_void", lambda v: v if isinstance(v, bool) else None),
        kind=_part(names, "kind", lambda v: v if v in ("trade", "withdraw", "cancel") else None),
        recipient=_part(names, "recipient", lambda v: v if read_bytes(v, ADDRESS_BYTES) is not None else None),
        salt=_part(names, "salt", read_element),
    )


_ORDER: Final = frozenset(Order(account=0, salt=0).to_wire())


def read_holder(wire: object) -> Holder:
    """A holder of docs/formats.md (:class:`OrderError`)."""
    names = _object(wire, _HOLDER, "the holder")
    x, y = _part(names, "key", _coordinates)
    return Holder(
        Point(x, y),
        _part(names, "viewing_key", read_element),
        _part(names, "subaccount", lambda v: _number(v, 32)),
    )


_HOLDER: Final = frozenset(("key", "viewing_key", "subaccount"))


def _coordinates(value: object) -> tuple[int, int] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    x, y = (decimal(each, 254) for each in value)
    return None if x is None or y is None or max(x, y) >= FIELD_ORDER else (x, y)


def _object(wire: object, names: frozenset[str] | set[str], what: str) -> Mapping[str, Any]:
    """An object of exactly these names; a name that should not be there may be content, and is not repeated."""
    if not isinstance(wire, dict) or wire.keys() != names:
        raise OrderError(f"{what} is not an object of the names {', '.join(sorted(names))}")
    return wire


def _part(names: Mapping[str, Any], name: str, read: Callable[[Any], T | None]) -> T:
    value = read(names[name])
    if value is None:
        raise OrderError(f"{name!r} is not of its form and range in docs/formats.md", {"name": name})
    return value


def _number(value: object, bits: int) -> int | None:
    return value if type(value) is int and 0 <= value < 2**bits else None


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name stands twice")
    return document
