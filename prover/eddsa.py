"""EdDSA-Poseidon on Baby Jubjub: the signatures of orders, equal to circomlib's and zk-kit's.

Keys and signatures come in circomlib's two forms: coordinates, as integers or decimal text, and the
packed form, as bytes or hexadecimal text. A key is ``(x, y)`` or 32 bytes, a signature
``((x, y), S)`` or 64 bytes, a seed (circomlib's private key) 32 bytes. Malformed input raises
:class:`prover.errors.PointError` or :class:`prover.errors.FieldError`; a well-formed signature that
does not hold is ``False``.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from prover import _native
from prover.errors import FieldError, PointError
from prover.hashing import FieldLike

PACKED_POINT = 32
PACKED_SIGNATURE = 64
SUBGROUP_ORDER: Final = 2736030358979909402780800718157159386076813972158567259200215660948447373041


class Point(NamedTuple):
    """Affine coordinates in the form of EIP-2494."""

    x: int
    y: int


class Signature(NamedTuple):
    """R8 and S of a signature."""

    r8: Point
    s: int


Packed = bytes | str
PointLike = tuple[FieldLike, FieldLike] | Packed
SignatureLike = tuple[PointLike, FieldLike] | Packed


def public_key(seed: Packed) -> Point:
    """The public key of a seed."""
    return Point(*_native.eddsa_public_key(_bytes(seed, PACKED_POINT, "a seed")))


def sign(seed: Packed, message: FieldLike) -> Signature:
    """The deterministic signature of a message, a field element, under a seed."""
    r8, s = _native.eddsa_sign(_bytes(seed, PACKED_POINT, "a seed"), message)
    return Signature(Point(*r8), s)


def verify(key: PointLike, message: FieldLike, signature: SignatureLike) -> bool:
    """Whether the signature of the message holds under the key.

    False also for points off the curve, keys of low order, and S not below the order of the group.
    """
    r8, s = _halves(signature)
    return _native.eddsa_verify(_coordinates(key), message, _coordinates(r8), s)


def pack(point: PointLike) -> bytes:
    """The 32 bytes of a point."""
    return bytes(_native.point_pack(_coordinates(point)))


def unpack(packed: Packed) -> Point:
    """The point of 32 bytes."""
    return Point(*_native.point_unpack(_bytes(packed, PACKED_POINT, "a packed point")))


def pack_signature(signature: SignatureLike) -> bytes:
    """The 64 bytes of a signature: R8 packed, then S, least significant byte first."""
    r8, s = _halves(signature)
    return pack(r8) + _scalar(s).to_bytes(PACKED_POINT, "little")


def unpack_signature(packed: Packed) -> Signature:
    """The signature of 64 bytes; S is below the order of the group, or it would have a second form."""
    raw = _bytes(packed, PACKED_SIGNATURE, "a packed signature")
    s = int.from_bytes(raw[PACKED_POINT:], "little")
    if s >= SUBGROUP_ORDER:
        raise PointError("S of the packed signature is not below the order of the Baby Jubjub subgroup")
    return Signature(unpack(raw[:PACKED_POINT]), s)


def _halves(signature: SignatureLike) -> tuple[PointLike, FieldLike]:
    if isinstance(signature, bytes | str):
        packed = _bytes(signature, PACKED_SIGNATURE, "a packed signature")
        return packed[:PACKED_POINT], int.from_bytes(packed[PACKED_POINT:], "little")
    r8, s = signature
    return r8, s


def _coordinates(point: PointLike) -> tuple[FieldLike, FieldLike]:
    if isinstance(point, bytes | str):
        return unpack(point)
    x, y = point
    return x, y


def _scalar(s: FieldLike) -> int:
    """S as a number: it need not be an element of the field, but has 32 bytes at most."""
    if isinstance(s, str):
        if re.fullmatch("0x[0-9a-fA-F]{1,64}|0|[1-9][0-9]{0,77}", s) is None:
            raise FieldError("S is an integer, or its decimal or 0x text")
        s = int(s, 0)
    if not 0 <= s < 2 ** (8 * PACKED_POINT):
        raise FieldError("S does not lie from 0 to 2^256 − 1")
    return s


def _bytes(packed: Packed, length: int, what: str) -> bytes:
    """The bytes of a packed form; their content is not repeated, it may be a secret."""
    try:
        raw = bytes.fromhex(packed.removeprefix("0x")) if isinstance(packed, str) else packed
    except ValueError as error:
        raise PointError(f"{what} is bytes or hexadecimal text; the text is not hexadecimal") from error
    if len(raw) != length:
        raise PointError(f"{what} has {length} bytes, not {len(raw)}", {"bytes": len(raw)})
    return raw
