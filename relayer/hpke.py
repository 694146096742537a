"""Hybrid public key encryption: RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, one message a key
exchange and no associated data.

The arithmetic is the package cryptography's; the RFC's vectors and an implementation written from the RFC alone
(``tests/reference/hpke.py``) hold it to the standard. What is encrypted, and the ``info`` that binds it to its place, are
:mod:`relayer.envelope`'s.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from relayer.errors import DecryptionError, EncryptionKeyError

KEY_BYTES: Final = 32
ENCAPSULATED_BYTES: Final = 32
TAG_BYTES: Final = 16
KEY_ID_BYTES: Final = 8

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def key_id(public: bytes) -> bytes:
    """Name of a public key: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(public).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True)
class PublicKey:
    """A key to encrypt to: 32 bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        _sized(self.raw)

    @property
    def id(self) -> bytes:
        """Its name, 8 bytes."""
        return key_id(self.raw)

    def seal(self, plain: bytes, info: bytes) -> tuple[bytes, bytes]:
        """The encapsulated key (32 bytes) and the ciphertext, 16 bytes longer than ``plain``; others each time.

        :class:`EncryptionKeyError` for a public key under which nothing is secret, one of low order.
        """
        try:
            sealed = _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(self.raw), info)
        except ValueError as error:
            raise EncryptionKeyError("the public key is of low order: nothing encrypted to it is secret") from error
        return sealed[:ENCAPSULATED_BYTES], sealed[ENCAPSULATED_BYTES:]


@dataclass(frozen=True)
class PrivateKey:
    """A key that opens: 32 bytes, never shown."""

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _sized(self.raw)

    @classmethod
    def generate(cls) -> PrivateKey:
        """A new one, from the system's randomness."""
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    @cached_property
    def public(self) -> PublicKey:
        """The key to encrypt to."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    @cached_property
    def _key(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.raw)

    def open(self, encapsulated: bytes, ciphertext: bytes, info: bytes) -> bytes:
        """What was sealed; :class:`DecryptionError`, without a reason, for everything that does not open."""
        if len(encapsulated) != ENCAPSULATED_BYTES or len(ciphertext) < TAG_BYTES:
            raise DecryptionError
        try:
            return _SUITE.decrypt(encapsulated + ciphertext, self._key, info)
        except (InvalidTag, ValueError):
            # What was wrong is told to nobody: an answer that depends on it is an oracle.
            raise DecryptionError from None


def _sized(raw: bytes) -> None:
    if len(raw) != KEY_BYTES:
        raise EncryptionKeyError(f"an X25519 key has {KEY_BYTES} bytes, not {len(raw)}", {"bytes": len(raw)})
