"""EdDSA-Poseidon on Baby Jubjub, exactly as circomlib and zk-kit compute it."""

from dataclasses import dataclass

from .babyjub import BASE8, SUBGROUP_ORDER, Point, add, low_order, multiply, on_curve
from .blake512 import blake512
from .field import MODULUS
from .poseidon import poseidon


@dataclass(frozen=True)
class Signature:
    """R8 a point, s a number below the subgroup order."""

    r8: Point
    s: int


def expand(secret: bytes) -> tuple[int, bytes]:
    """The scalar (pruned, a multiple of 8) and the nonce seed of a 32-byte secret."""
    digest = blake512(secret)
    scalar = bytearray(digest[:32])
    scalar[0] &= 0xF8
    scalar[31] &= 0x7F
    scalar[31] |= 0x40
    return int.from_bytes(scalar, "little"), digest[32:]


def public_key(secret: bytes) -> Point:
    return multiply(expand(secret)[0] >> 3, BASE8)


def sign(secret: bytes, message: int) -> Signature:
    """The deterministic signature of a message in F."""
    if not 0 <= message < MODULUS:
        raise ValueError(f"message {message} is not a field element")
    scalar, seed = expand(secret)
    nonce = int.from_bytes(blake512(seed + message.to_bytes(32, "little")), "little") % SUBGROUP_ORDER
    key = multiply(scalar >> 3, BASE8)
    r8 = multiply(nonce, BASE8)
    challenge = poseidon(r8.x, r8.y, key.x, key.y, message)
    return Signature(r8, (nonce + challenge * scalar) % SUBGROUP_ORDER)


def key_is_valid(key: Point) -> bool:
    """Section 4: nothing verifies under "a key off the curve or of low order"."""
    return on_curve(key) and not low_order(key)


def verify(key: Point, message: int, signature: Signature) -> bool:
    """S · B8 = R8 + 8 · H(R8, A, M) · A, with S below the subgroup order and both points on the curve."""
    if not key_is_valid(key):
        return False
    if not on_curve(signature.r8):
        return False
    if not 0 <= signature.s < SUBGROUP_ORDER:
        return False
    if not 0 <= message < MODULUS:
        return False
    challenge = poseidon(signature.r8.x, signature.r8.y, key.x, key.y, message)
    right = add(signature.r8, multiply(challenge, multiply(8, key)))
    return multiply(signature.s, BASE8) == right
