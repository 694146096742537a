"""What orders say is hidden from whoever reads the database, a backup of it or its disk.

ChaCha20-Poly1305 under one key of 32 bytes, kept in a file apart from the database, with a nonce drawn anew each time and the row's place
as associated data, so that nothing sealed can be moved to another row unseen. 2³² messages under one key leave two equal nonces less
likely than 2⁻³²; what is deleted is left to :mod:`.retention`, who reads the key file to the operating system.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from prover.wire import write_whole
from relayer.errors import StoreError
from relayer.seed import read_secret

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
DERIVED: Final = b"tacit.derived.1:"


class Sealer:
    """Seals what is stored, and opens it again. May be used from several threads."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise StoreError(f"a database key has {KEY_BYTES} bytes, not {len(key)}", {"bytes": len(key)})
        self._key, self._cipher = key, ChaCha20Poly1305(key)

    @classmethod
    def load(cls, path: Path) -> Sealer:
        """The key of a file: 64 hexadecimal digits, readable by its owner alone (:class:`relayer.errors.SeedError`)."""
        return cls(read_secret(path, KEY_BYTES))

    @classmethod
    def create(cls, path: Path) -> Sealer:
        """Draws a key and writes its file; never over one that is there: what it sealed would be lost."""
        if path.exists():
            raise StoreError(
                f"{path} is there already, and opens what was sealed with it: choose another name", {"path": str(path)}
            )
        key = secrets.token_bytes(KEY_BYTES)
        write_whole(path, key.hex() + "\n", private=True)
        return cls(key)

    def seal(self, place: str, plain: bytes) -> bytes:
        """Nonce and ciphertext, for a place such as ``orders.content:ID``."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """What was sealed for this place with this key; :class:`StoreError` for anything else."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError):
            what = f"{place} does not open: it was sealed with another database key, or changed since; is the key file the right one?"
            raise StoreError(what, {"place": place}) from None

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for another purpose, the same wherever the database key is the same; it tells nothing of that one."""
        return HKDF(SHA256(), KEY_BYTES, None, DERIVED + purpose.encode()).derive(self._key)

    def __repr__(self) -> str:
        return "Sealer()"
