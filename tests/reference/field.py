"""The BN254 scalar field F, as integers modulo `MODULUS`, and its 32-byte words.

Elements are integers 0 … MODULUS − 1; every function reduces what it is given.
"""

MODULUS = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001

Word = bytes


def inverse(value: int) -> int:
    """1 / value in F. Raises ZeroDivisionError for zero, which no identity may divide by."""
    if value % MODULUS == 0:
        raise ZeroDivisionError("zero has no inverse in the BN254 scalar field")
    return pow(value, -1, MODULUS)


def horner(words: list[int], point: int) -> int:
    """Section 8: "Data value of words d_0 … d_{m−1} at z: Σ d_i z^{m−1−i} (Horner from the first)"."""
    value = 0
    for word in words:
        value = (value * point + word) % MODULUS
    return value


def word(number: int) -> Word:
    """Introduction: "every number in a keccak preimage is a 32-byte big-endian word"."""
    if not 0 <= number < 2**256:
        raise ValueError(f"{number} does not fit a 32-byte word")
    return number.to_bytes(32, "big")


def label(text: str) -> Word:
    """A string "as bytes32 right-padded"."""
    raw = text.encode("ascii")
    if len(raw) > 32:
        raise ValueError(f"{text!r} is longer than 32 bytes")
    return raw + bytes(32 - len(raw))
