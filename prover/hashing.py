"""Poseidon and Keccak, on plain integers.

A field element is an integer from 0 to p − 1, or its decimal or ``0x`` text; what is not below p is
refused (:class:`prover.errors.FieldError`), never reduced. Results are integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from prover import _native

FieldLike = int | str
"""An element of the BN254 scalar field: an integer below p, or its decimal or ``0x`` text."""

FIELD_ORDER: Final = 21888242871839275222246405745257275088548364400416034343698204186575808495617


def poseidon(inputs: Sequence[FieldLike]) -> int:
    """Circomlib's Poseidon of 1 to 16 field elements."""
    return _native.poseidon_hash(list(inputs))


def sponge(tag: int, inputs: Sequence[FieldLike]) -> int:
    """The protocol's S(tag; inputs …) of any number of field elements (docs/protocol.md)."""
    return _native.sponge(tag, list(inputs))


def keccak256(data: bytes) -> bytes:
    """Keccak-256, as Ethereum hashes."""
    return bytes(_native.keccak256(data))
