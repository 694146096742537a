"""ChaCha20-Poly1305 (RFC 8439), written out."""

import hmac
import struct

MASK = 2**32 - 1
ROUNDS = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)
PRIME = 2**130 - 5
CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


def quarter(state: list[int], a: int, b: int, c: int, d: int) -> None:
    """Section 2.1."""
    for to, by, turned, left in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[to] = (state[to] + state[by]) & MASK
        mixed = state[turned] ^ state[to]
        state[turned] = (mixed << left | mixed >> (32 - left)) & MASK


def block(key: bytes, counter: int, nonce: bytes) -> bytes:
    """Section 2.3."""
    start = [
        *struct.unpack("<4I", b"expand 32-byte k"),
        *struct.unpack("<8I", key),
        counter,
        *struct.unpack("<3I", nonce),
    ]
    state = list(start)
    for _ in range(10):
        for places in ROUNDS:
            quarter(state, *places)
    return struct.pack("<16I", *((x + y) & MASK for x, y in zip(state, start, strict=True)))


def cipher(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Section 2.4, from counter 1."""
    stream = b"".join(block(key, 1 + i, nonce) for i in range(-(-len(data) // 64)))
    return bytes(x ^ y for x, y in zip(data, stream, strict=False))


def poly1305(key: bytes, message: bytes) -> bytes:
    """Section 2.5."""
    r, s, total = int.from_bytes(key[:16], "little") & CLAMP, int.from_bytes(key[16:], "little"), 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at : at + 16] + b"\1", "little")) * r % PRIME
    return ((total + s) % 2**128).to_bytes(16, "little")


def tag(key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
    """Section 2.8."""
    padded = b"".join(part + bytes(-len(part) % 16) for part in (aad, ciphertext))
    return poly1305(block(key, 0, nonce)[:32], padded + struct.pack("<2Q", len(aad), len(ciphertext)))


def seal(key: bytes, nonce: bytes, aad: bytes, plain: bytes) -> bytes:
    ciphertext = cipher(key, nonce, plain)
    return ciphertext + tag(key, nonce, aad, ciphertext)


def open_sealed(key: bytes, nonce: bytes, aad: bytes, sealed: bytes) -> bytes:
    """Raises ValueError if the tag does not hold."""
    ciphertext, found = sealed[:-16], sealed[-16:]
    if not hmac.compare_digest(tag(key, nonce, aad, ciphertext), found):
        raise ValueError("the tag does not hold")
    return cipher(key, nonce, ciphertext)
