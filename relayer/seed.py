"""All keys of a trader from one seed of 32 bytes (docs/protocol.md, "Keys from a seed").

HKDF-SHA256 with the salt ``tacit.keys.1``; its info says what a key is for. The signing key is the same in every vault; the
viewing key is another one for each vault and subaccount, so that an operator who holds it reads one account and no other.
Whoever has the seed has everything, and nothing else needs to be kept.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from prover.hashing import FIELD_ORDER
from prover.orders import Holder
from prover.wire import read_text, write_whole
from relayer.errors import SeedError

SEED_BYTES: Final = 32
SALT: Final = b"tacit.keys.1"
SIGNING: Final = b"signing"
VIEWING: Final = b"viewing"
SIGNING_BYTES: Final = 32
VIEWING_BYTES: Final = 64
OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class Seed:
    """A trader's secret, from which all its keys follow."""

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.raw) != SEED_BYTES:
            raise SeedError(f"a seed has {SEED_BYTES} bytes, not {len(self.raw)}", {"bytes": len(self.raw)})

    @classmethod
    def random(cls) -> Seed:
        """A new one, from the system's randomness."""
        return cls(secrets.token_bytes(SEED_BYTES))

    @classmethod
    def load(cls, path: Path) -> Seed:
        """The seed of a file: 64 hexadecimal digits, readable by its owner alone (:class:`SeedError`)."""
        return cls(read_secret(path, SEED_BYTES))

    def save(self, path: Path) -> None:
        """Writes a new file, readable by its owner alone; one that exists may be all that is left of an account (:class:`SeedError`)."""
        if path.exists():
            raise SeedError(f"{path} exists: a seed is never overwritten", {"path": str(path)})
        write_whole(path, self.raw.hex() + "\n", private=True)

    @property
    def signing_key(self) -> bytes:
        """The EdDSA private key, as circomlib and zk-kit expand it."""
        return self._derive(SIGNING, SIGNING_BYTES)

    def viewing_key(self, domain: int, subaccount: int = 0) -> int:
        """The viewing key in a vault, of a subaccount below 2³²."""
        if not 0 <= subaccount < 2**32:
            raise SeedError(f"a subaccount is a number below 2^32, not {subaccount}", {"subaccount": subaccount})
        info = VIEWING + domain.to_bytes(32, "big") + subaccount.to_bytes(4, "big")
        return int.from_bytes(self._derive(info, VIEWING_BYTES), "big") % FIELD_ORDER

    def holder(self, domain: int, subaccount: int = 0) -> Holder:
        """Who owns the account: public key, viewing key, subaccount."""
        return Holder.from_seed(self.signing_key, self.viewing_key(domain, subaccount), subaccount)

    def _derive(self, info: bytes, length: int) -> bytes:
        return HKDF(algorithm=SHA256(), length=length, salt=SALT, info=info).derive(self.raw)


def read_secret(path: Path, length: int) -> bytes:
    """The bytes of a file of hexadecimal digits that nobody but its owner can read; its content is never repeated."""
    text = read_text(path).strip().removeprefix("0x")
    mode = path.stat().st_mode
    if mode & OTHERS:
        what = f"{path} can be read by others (mode {mode & 0o777:o}): chmod 600 {path}, and think of it as known"
        raise SeedError(what, {"path": str(path)})
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != length:
        raise SeedError(f"{path} does not hold {2 * length} hexadecimal digits", {"path": str(path)})
    return raw
