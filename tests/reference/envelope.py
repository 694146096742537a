"""Section 4, "Envelopes": what is encrypted to the operator, and what an owner signs besides orders."""

import hashlib
import json

from . import hpke
from .account import Holder
from .babyjub import Point
from .eddsa import Signature
from .exchange import Json, hex_word, holder_json, order_json
from .field import MODULUS
from .order import Order
from .params import TAG_AUTH, TAG_CANCEL
from .poseidon import sponge

PLAIN = 1024


def pack_point(point: Point) -> bytes:
    """circomlib's packed form: y, least significant byte first, its top bit set if x is in the upper half."""
    raw = bytearray(point.y.to_bytes(32, "little"))
    raw[31] |= 0x80 if point.x > MODULUS // 2 else 0
    return bytes(raw)


def pack_signature(signature: Signature) -> bytes:
    return pack_point(signature.r8) + signature.s.to_bytes(32, "little")


def key_id(public: bytes) -> bytes:
    """The first 8 bytes of SHA-256."""
    return hashlib.sha256(public).digest()[:8]


def info(purpose: bytes, domain: int, vault: int, first: int, last: int, public: bytes) -> bytes:
    """Purpose ‖ domain (32) ‖ vault (20) ‖ first batch (4) ‖ last batch (4) ‖ key id (8)."""
    window = first.to_bytes(4, "big") + last.to_bytes(4, "big")
    return purpose + domain.to_bytes(32, "big") + vault.to_bytes(20, "big") + window + key_id(public)


def pad(content: bytes) -> bytes:
    """Length (2 bytes) ‖ content ‖ zeros, 1,024 bytes."""
    return (len(content).to_bytes(2, "big") + content).ljust(PLAIN, b"\0")


def unpad(plain: bytes) -> bytes:
    end = 2 + int.from_bytes(plain[:2], "big")
    if len(plain) != PLAIN or end > PLAIN or any(plain[end:]):
        raise ValueError("not padded")
    return plain[2:end]


def order_content(owner: int, order: Order, signature: Signature) -> bytes:
    packed = "0x" + pack_signature(signature).hex()
    return compact({"owner": hex_word(owner), "order": order_json(order), "signature": packed})


def holder_content(holder: Holder) -> bytes:
    return compact({"holder": holder_json(holder)})


def compact(document: Json) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def seal(public: bytes, ephemeral: bytes, bound: bytes, first: int, last: int, content: bytes) -> Json:
    """An envelope as JSON carries it."""
    encapsulated, context = hpke.sender(ephemeral, public, bound)
    return {
        "key_id": key_id(public).hex(),
        "first_batch": first,
        "last_batch": last,
        "encapsulated": "0x" + encapsulated.hex(),
        "ciphertext": "0x" + context.seal(pad(content)).hex(),
    }


def challenge_message(domain: int, challenge: int) -> int:
    """S(12; domain, challenge)."""
    return sponge(TAG_AUTH, domain, challenge)


def cancel_message(domain: int, order: int) -> int:
    """S(11; domain, o)."""
    return sponge(TAG_CANCEL, domain, order)
