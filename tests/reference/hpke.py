"""HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, written from the RFC."""

import hmac
from dataclasses import dataclass

from . import chacha
from .x25519 import public_key, x25519

KEM_SUITE = b"KEM" + (0x0020).to_bytes(2, "big")
SUITE = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x0020, 0x0001, 0x0003))
BASE_MODE = b"\0"


def extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    """Section 4: LabeledExtract."""
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """Section 4: LabeledExpand."""
    labeled, block, out = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, b"", b""
    while len(out) < length:
        block = hmac.digest(key, block + labeled + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:length]


def shared_secret(dh: bytes, encapsulated: bytes, recipient: bytes) -> bytes:
    """Section 4.1: ExtractAndExpand. Section 7.1.4: an all-zero DH value is refused."""
    if not any(dh):
        raise ValueError("a point of low order")
    key = extract(KEM_SUITE, b"", b"eae_prk", dh)
    return expand(KEM_SUITE, key, b"shared_secret", encapsulated + recipient, 32)


@dataclass(frozen=True)
class Context:
    """Section 5.1: what both sides derive."""

    key: bytes
    base_nonce: bytes

    def nonce(self, sequence: int) -> bytes:
        """Section 5.2."""
        return (int.from_bytes(self.base_nonce, "big") ^ sequence).to_bytes(12, "big")

    def seal(self, plain: bytes, aad: bytes = b"", sequence: int = 0) -> bytes:
        return chacha.seal(self.key, self.nonce(sequence), aad, plain)

    def open(self, sealed: bytes, aad: bytes = b"", sequence: int = 0) -> bytes:
        return chacha.open_sealed(self.key, self.nonce(sequence), aad, sealed)


def schedule(secret: bytes, info: bytes) -> Context:
    """Section 5.1: KeySchedule of the base mode."""
    names = extract(SUITE, b"", b"psk_id_hash", b""), extract(SUITE, b"", b"info_hash", info)
    context = BASE_MODE + b"".join(names)
    own = extract(SUITE, secret, b"secret", b"")
    return Context(expand(SUITE, own, b"key", context, 32), expand(SUITE, own, b"base_nonce", context, 12))


def sender(ephemeral: bytes, recipient: bytes, info: bytes) -> tuple[bytes, Context]:
    """SetupBaseS with a given ephemeral private key: the encapsulated key and the context."""
    encapsulated = public_key(ephemeral)
    return encapsulated, schedule(shared_secret(x25519(ephemeral, recipient), encapsulated, recipient), info)


def receiver(encapsulated: bytes, private: bytes, info: bytes) -> Context:
    """SetupBaseR."""
    return schedule(shared_secret(x25519(private, encapsulated), encapsulated, public_key(private)), info)
