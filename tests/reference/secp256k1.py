"""ECDSA over secp256k1 as Ethereum writes it: deterministic (RFC 6979, SHA-256), s in the lower half, r ‖ s ‖ v with v 27 or 28."""

import hmac

from .keccak import keccak

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Affine = tuple[int, int]


def add(a: Affine | None, b: Affine | None) -> Affine | None:
    """The group law; None is the point at infinity."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = (3 * a[0] * a[0] * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(scalar: int, point: Affine) -> Affine:
    total, power = None, point
    while scalar:
        total = add(total, power) if scalar & 1 else total
        power = add(power, power) or power
        scalar >>= 1
    if total is None:
        raise ValueError("a multiple at infinity")
    return total


def address(key: int) -> bytes:
    x, y = multiply(key, G)
    return keccak(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:]


def nonce(key: int, digest: bytes) -> int:
    """RFC 6979, section 3.2."""
    seed = key.to_bytes(32, "big") + (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    k, v = bytes(32), b"\1" * 32
    for separator in (b"\0", b"\1"):
        k = hmac.digest(k, v + separator + seed, "sha256")
        v = hmac.digest(k, v, "sha256")
    while True:
        v = hmac.digest(k, v, "sha256")
        found = int.from_bytes(v, "big")
        if 0 < found < N:
            return found
        k = hmac.digest(k, v + b"\0", "sha256")
        v = hmac.digest(k, v, "sha256")


def sign(key: int, digest: bytes) -> bytes:
    k = nonce(key, digest)
    x, y = multiply(k, G)
    s = pow(k, -1, N) * (int.from_bytes(digest, "big") + x % N * key) % N
    odd = y & 1
    if s > N // 2:
        s, odd = N - s, odd ^ 1
    return (x % N).to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])
