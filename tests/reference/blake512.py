"""BLAKE-512, the SHA-3 finalist (not BLAKE2b), with which circomlib expands EdDSA keys.

Its constants are the first 1,024 fraction bits of π, its initial value that of SHA-512 (fractions
of the square roots of the first eight primes); both are computed.
"""

from functools import cache
from math import isqrt

MASK = 2**64 - 1
ROUNDS = 16
BLOCK_BYTES = 128
SIGMA = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
LANES = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip


@cache
def pi_words() -> tuple[int, ...]:
    """16 words of 64 bits of the fraction of π, by Machin's formula with 64 guard bits."""
    one = 1 << (1024 + 64)

    def arctangent_of_inverse(n: int) -> int:
        power, total, k = one // n, 0, 0
        while power:
            total += (-power if k % 2 else power) // (2 * k + 1)
            power //= n * n
            k += 1
        return total

    pi = 4 * (4 * arctangent_of_inverse(5) - arctangent_of_inverse(239))
    fraction = (pi - 3 * one) >> 64
    return tuple((fraction >> (1024 - 64 * (i + 1))) & MASK for i in range(16))


def initial_value() -> list[int]:
    return [isqrt(prime << 128) & MASK for prime in (2, 3, 5, 7, 11, 13, 17, 19)]


def rotate_right(value: int, bits: int) -> int:
    return ((value >> bits) | (value << (64 - bits))) & MASK


def compress(h: list[int], block: bytes, message_bits: int) -> list[int]:
    """One block; `message_bits` counts message bits up to here, 0 if the block holds none."""
    u = pi_words()
    m = [int.from_bytes(block[8 * i : 8 * i + 8], "big") for i in range(16)]
    low, high = message_bits & MASK, message_bits >> 64
    v = [*h, u[0], u[1], u[2], u[3], low ^ u[4], low ^ u[5], high ^ u[6], high ^ u[7]]
    for number in range(ROUNDS):
        sigma = SIGMA[number % 10]
        for i, (a, b, c, d) in enumerate(LANES):
            j, k = sigma[2 * i], sigma[2 * i + 1]
            for first, second, r1, r2 in ((j, k, 32, 25), (k, j, 16, 11)):
                v[a] = (v[a] + v[b] + (m[first] ^ u[second])) & MASK
                v[d] = rotate_right(v[d] ^ v[a], r1)
                v[c] = (v[c] + v[d]) & MASK
                v[b] = rotate_right(v[b] ^ v[c], r2)
    return [h[i] ^ v[i] ^ v[i + 8] for i in range(8)]


def blake512(message: bytes) -> bytes:
    """The 64-byte digest of a message, without salt."""
    bits = 8 * len(message)
    zeros = -(len(message) + 17) % BLOCK_BYTES
    padding = bytearray(b"\x80" + bytes(zeros))
    padding[-1] |= 0x01
    padded = message + bytes(padding) + bits.to_bytes(16, "big")
    h = initial_value()
    for start in range(0, len(padded), BLOCK_BYTES):
        counted = min(bits, 8 * (start + BLOCK_BYTES)) if 8 * start < bits else 0
        h = compress(h, padded[start : start + BLOCK_BYTES], counted)
    return b"".join(value.to_bytes(8, "big") for value in h)
