"""Keys of the chain's own kind: signatures over 32-byte digests, as contracts check them, and who made one.

A signature is 65 bytes r ‖ s ‖ v, v 27 or 28, s in the lower half of its range, so that it has one form. What is signed, domain and
type included, is the digest's business (EIP-712, docs/protocol.md).
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from relayer.chain import Address
from relayer.seed import read_secret

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 65
V_OFFSET: Final = 27
ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class Signer:
    """A private key and its address; the key is never shown."""

    def __init__(self, key: bytes) -> None:
        self._key = PrivateKey(key)
        self.address: Address = self._key.public_key.to_checksum_address().lower()

    @classmethod
    def random(cls) -> Signer:
        """A new one, from the system's randomness."""
        while not 0 < int.from_bytes(key := secrets.token_bytes(KEY_BYTES), "big") < ORDER:
            continue
        return cls(key)

    @classmethod
    def load(cls, path: Path) -> Signer:
        """The key of a file: 64 hexadecimal digits, readable by its owner alone."""
        return cls(read_secret(path, KEY_BYTES))

    @property
    def key(self) -> bytes:
        """The private key, for who signs transactions with it."""
        return bytes(self._key.to_bytes())

    def sign(self, digest: bytes) -> bytes:
        """The signature of a digest, the same each time."""
        signature = self._key.sign_msg_hash(digest)
        return bytes(signature.to_bytes()[:-1]) + bytes([signature.v + V_OFFSET])

    def __repr__(self) -> str:
        return f"Signer({self.address})"


def signer_of(digest: bytes, signature: bytes) -> Address | None:
    """Who signed a digest; None for what is no signature in its one form."""
    if len(signature) != SIGNATURE_BYTES or signature[-1] - V_OFFSET not in (0, 1):
        return None
    if int.from_bytes(signature[32:64], "big") > HALF_ORDER:
        return None
    try:
        made = Signature(signature[:-1] + bytes([signature[-1] - V_OFFSET]))
        return str(made.recover_public_key_from_msg_hash(digest).to_checksum_address()).lower()
    except (BadSignature, ValidationError):
        return None
