"""Who signs receipts: an interface that a key in this process and one in a key management service can both stand behind.

A receipt's signature binds the operator to a bond, so the key is the vault's receipt key and no other, and nothing is signed but digests
that are about to be stored (:mod:`.acceptance`, :mod:`.keys`). A :class:`Voucher` signs with it the keys that orders are encrypted to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from coincurve import PrivateKey

from relayer.chain import Address
from relayer.signing import V_OFFSET, Signer
from relayer.vouching import KeyInTime

COMPACT_BYTES: Final = 64


class ReceiptSigner(Protocol):
    """Signs many digests at once, in their order: 65 bytes r ‖ s ‖ v each, as :mod:`relayer.signing` has them. May wait on a network."""

    @property
    def address(self) -> Address:
        """Whose signatures they are."""

    def sign_all(self, digests: Sequence[bytes]) -> list[bytes]:
        """A signature of each 32-byte digest."""


class LocalSigner:
    """The receipt key in this process. May be used from several threads."""

    def __init__(self, signer: Signer) -> None:
        self.address = signer.address
        self._key = PrivateKey(signer.key)

    def sign_all(self, digests: Sequence[bytes]) -> list[bytes]:
        """The same each time: nonces follow RFC 6979, s is in the lower half."""
        return [self._sign(each) for each in digests]

    def _sign(self, digest: bytes) -> bytes:
        raw = self._key.sign_recoverable(digest, hasher=None)
        return raw[:COMPACT_BYTES] + bytes([raw[COMPACT_BYTES] + V_OFFSET])

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"


@dataclass(frozen=True, slots=True)
class Voucher:
    """Vouches for encryption keys of one vault, by its domain separator."""

    signer: ReceiptSigner
    separator: bytes

    def vouch(self, key: KeyInTime) -> bytes:
        """The signature of a key: 65 bytes. May wait on a network."""
        return self.signer.sign_all([key.digest(self.separator)])[0]

    def vouched(self, key: KeyInTime, signature: bytes) -> bool:
        """Whether a signature is the one that traders of this vault want now: not so after the receipt signer was changed."""
        return key.is_vouched(signature, self.signer.address, self.separator)
