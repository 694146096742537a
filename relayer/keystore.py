"""Keys on disk under a passphrase: a trader's seed in a format of ours (docs/formats.md, "Keystore"), a key of the chain's kind as
Ethereum's keystore version 3, which every wallet reads.

What a file asks of this machine (memory, time) is bounded before anything is derived. A wrong passphrase and a changed file are one
error. Files are written for their owner alone. A passphrase is as good as it is hard to guess; nothing here can add to that.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from prover.wire import Json, Reader, dump, hexadecimal
from relayer.errors import KeystoreError
from relayer.signing import Signer
from relayer.wallet import Account, EthKeyfileValueError

Kind = Literal["seed", "ethereum"]
FORMAT: Final = "tacit.keystore.1"
SECRET_BYTES: Final = 32
SALT_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
R: Final = 8
COST: Final = 17
"""log₂ of scrypt's N for new files: 128 MiB, about half a second."""
COSTS: Final = range(14, 20)
LONGEST: Final = 16 * 1024
"""Characters of a keystore; a longer file is none."""

MAXIMUM_MEMORY: Final = 2**19
"""N · r / 8 of an Ethereum keystore: 512 MiB at most."""
MAXIMUM_WORK: Final = 2**21
"""N · r · p / 8."""
MAXIMUM_ROUNDS: Final = 10_000_000
"""Rounds of PBKDF2."""


class Secret(NamedTuple):
    """What a keystore holds: 32 bytes, and what they are."""

    kind: Kind
    raw: bytes


def is_keystore(text: str) -> bool:
    """Whether a text is meant as a keystore rather than as plain hexadecimal digits."""
    return text.lstrip().startswith("{")


def seal_seed(raw: bytes, passphrase: str, cost: int = COST) -> str:
    """A seed of 32 bytes as a keystore; ``cost`` is log₂ of scrypt's N, 14 … 19."""
    if len(raw) != SECRET_BYTES or cost not in COSTS:
        raise ValueError("32 bytes, and a cost of 14 to 19")
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    sealed = ChaCha20Poly1305(_key(passphrase, salt, cost)).encrypt(nonce, raw, FORMAT.encode())
    return dump(
        {
            "format": FORMAT,
            "scrypt": {"log_n": cost, "r": R, "p": 1, "salt": hexadecimal(salt)},
            "nonce": hexadecimal(nonce),
            "ciphertext": hexadecimal(sealed),
        }
    )


def seal_ethereum(raw: bytes, passphrase: str, cost: int = COST) -> str:
    """A secp256k1 key of 32 bytes as Ethereum's keystore version 3; ``cost`` as in :func:`seal_seed`."""
    if cost not in COSTS:
        raise ValueError("a cost of 14 to 19")
    return dump(Account.encrypt(raw, passphrase, kdf="scrypt", iterations=2**cost))


def seal(secret: Secret, passphrase: str, cost: int = COST) -> str:
    """A keystore of the secret's kind."""
    return {"seed": seal_seed, "ethereum": seal_ethereum}[secret.kind](secret.raw, passphrase, cost)


def open_keystore(text: str, passphrase: Callable[[], str]) -> Secret:
    """What a keystore holds; the passphrase is asked for once the file is known to be in order.

    :class:`KeystoreError` for a file that is none or asks too much, and for a passphrase that does not open it.
    """
    document = _parsed(text)
    return _open_ethereum(document, passphrase) if "crypto" in document else _open_seed(document, passphrase)


def address_of(text: str) -> str | None:
    """The address that an Ethereum keystore shows without its passphrase; None where there is none."""
    shown = _parsed(text).get("address")
    return "0x" + shown.lower().removeprefix("0x") if isinstance(shown, str) else None


def _parsed(text: str) -> Json:
    if len(text) > LONGEST:
        raise KeystoreError(f"a keystore has at most {LONGEST} characters, this file {len(text)}")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise KeystoreError("the file is no keystore: it is not a JSON object")
    # Wallets differ in the case of names ("Crypto"); version 3 does not settle it.
    return {
        str(name).lower() if "crypto" in str(name).lower() else str(name): value for name, value in document.items()
    }


def _open_seed(document: Json, passphrase: Callable[[], str]) -> Secret:
    reader = Reader(document, "the keystore", KeystoreError)
    reader.format(FORMAT)
    nonce, sealed = reader.bytes("nonce", NONCE_BYTES), reader.bytes("ciphertext", SECRET_BYTES + TAG_BYTES)
    scrypt = reader.object("scrypt")
    cost, salt = scrypt.integer("log_n", 8), scrypt.bytes("salt", SALT_BYTES)
    shape = scrypt.integer("r", 8), scrypt.integer("p", 8)
    scrypt.end()
    reader.end()
    if cost not in COSTS or shape != (R, 1):
        what = f"the keystore asks for scrypt with log_n {cost}, r and p {shape}: taken are {COSTS[0]} to {COSTS[-1]}, {R} and 1"
        raise KeystoreError(what, {"log_n": cost})
    try:
        raw = ChaCha20Poly1305(_key(passphrase(), salt, cost)).decrypt(nonce, sealed, FORMAT.encode())
    except InvalidTag:
        raise _closed() from None
    return Secret("seed", raw)


def _key(passphrase: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**cost, r=R, p=1).derive(passphrase.encode("utf-8"))


def _open_ethereum(document: Json, passphrase: Callable[[], str]) -> Secret:
    crypto = document["crypto"]
    try:
        _check_version_3(document, crypto)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise KeystoreError("the file is no Ethereum keystore of version 3 that is taken here") from None
    try:
        raw = bytes(Account.decrypt(document, passphrase()))
    except EthKeyfileValueError:
        raise _closed() from None
    signer, shown = Signer(raw), document.get("address")
    if isinstance(shown, str) and shown.lower().removeprefix("0x") != signer.address.removeprefix("0x"):
        raise KeystoreError("the keystore names another address than its key's", {"address": shown[:42]})
    return Secret("ethereum", raw)


def _check_version_3(document: Json, crypto: dict[str, Any]) -> None:
    """Refuses what is malformed or would take more memory or time than it may."""
    lengths = {"ciphertext": SECRET_BYTES, "mac": 32}
    found = {name: len(bytes.fromhex(crypto[name].removeprefix("0x"))) for name in lengths}
    given = crypto["kdfparams"]
    salt, iv = (
        bytes.fromhex(given["salt"].removeprefix("0x")),
        bytes.fromhex(crypto["cipherparams"]["iv"].removeprefix("0x")),
    )
    if document["version"] != 3 or found != lengths or crypto["cipher"] != "aes-128-ctr" or len(iv) != 16:
        raise ValueError
    if given["dklen"] != 32 or not 8 <= len(salt) <= 64:
        raise ValueError
    if crypto["kdf"] == "scrypt":
        n, r, p = (_count(given[name]) for name in ("n", "r", "p"))
        if n & (n - 1) or n < 2 or n * r > 8 * MAXIMUM_MEMORY or n * r * p > 8 * MAXIMUM_WORK:
            raise KeystoreError(f"the keystore asks for scrypt with N {n}, r {r}, p {p}: more than is taken", {"n": n})
    elif crypto["kdf"] != "pbkdf2" or given["prf"] != "hmac-sha256" or _count(given["c"]) > MAXIMUM_ROUNDS:
        raise ValueError


def _count(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError
    return value


def _closed() -> KeystoreError:
    return KeystoreError("the keystore does not open: another passphrase, or the file was changed")
