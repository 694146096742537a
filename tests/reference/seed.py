"""Keys from a seed (protocol, "Keys from a seed"): HKDF-SHA256 of RFC 5869, written out."""

import hmac

from .account import Holder
from .eddsa import public_key
from .field import MODULUS

SALT = b"tacit.keys.1"


def derive(seed: bytes, info: bytes, length: int) -> bytes:
    """HKDF: extract under the salt, then expand block by block."""
    key, block, out = hmac.digest(SALT, seed, "sha256"), b"", b""
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:length]


def signing_key(seed: bytes) -> bytes:
    """ "signing": 32 bytes, an EdDSA private key as circomlib expands it."""
    return derive(seed, b"signing", 32)


def viewing_key(seed: bytes, domain: int, subaccount: int) -> int:
    """ "viewing" ‖ domain ‖ subaccount: 64 bytes as a big-endian number mod p."""
    info = b"viewing" + domain.to_bytes(32, "big") + subaccount.to_bytes(4, "big")
    return int.from_bytes(derive(seed, info, 64), "big") % MODULUS


def holder(seed: bytes, domain: int, subaccount: int) -> Holder:
    return Holder(public_key(signing_key(seed)), viewing_key(seed, domain, subaccount), subaccount)
