"""Keccak-256 as Ethereum uses it (original padding 0x01, not that of SHA3-256)."""

from functools import cache

from .field import Word

RATE_BYTES = 136
MASK = 2**64 - 1


@cache
def round_constants() -> tuple[int, ...]:
    """The 24 iota constants from the LFSR x⁸ + x⁶ + x⁵ + x⁴ + 1."""
    register, constants = 1, []
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << (2**j - 1)
            register <<= 1
            if register & 0x100:
                register ^= 0x171
        constants.append(constant)
    return tuple(constants)


@cache
def walk() -> tuple[tuple[int, int, int], ...]:
    """rho and pi together: (from lane, to lane, left rotation), lanes numbered x + 5y."""
    moves, x, y = [(0, 0, 0)], 1, 0
    for t in range(24):
        source = x + 5 * y
        rotation = (t + 1) * (t + 2) // 2 % 64
        moves.append((source, y + 5 * ((2 * x + 3 * y) % 5), rotation))
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(moves)


def rotate(lane: int, left: int) -> int:
    return ((lane << left) | (lane >> (64 - left))) & MASK


def permute(a: list[int]) -> list[int]:
    """keccak-f[1600] on 25 lanes."""
    for constant in round_constants():
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ rotate(c[(x + 1) % 5], 1) for x in range(5)]
        b = [0] * 25
        for source, target, rotation in walk():
            b[target] = rotate(a[source] ^ d[source % 5], rotation)
        a = [b[i] ^ (~b[i - i % 5 + (i + 1) % 5] & b[i - i % 5 + (i + 2) % 5]) & MASK for i in range(25)]
        a[0] ^= constant
    return a


def keccak(message: bytes) -> Word:
    """Introduction: "keccak is Keccak-256 over bytes"."""
    padded = bytearray(message + b"\x01" + bytes(-(len(message) + 1) % RATE_BYTES))
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), RATE_BYTES):
        for i in range(RATE_BYTES // 8):
            lanes[i] ^= int.from_bytes(padded[start + 8 * i : start + 8 * i + 8], "little")
        lanes = permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])
