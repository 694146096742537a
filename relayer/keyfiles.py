"""Files of keys as commands take them: a keystore, or plain hexadecimal digits, both readable by their owner alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from prover.wire import read_text, write_whole
from relayer.errors import KeystoreError, SeedError
from relayer.keystore import COST, SECRET_BYTES, Kind, Secret, is_keystore, open_keystore, seal
from relayer.passphrase import Passphrase
from relayer.seed import OTHERS, Seed, read_secret
from relayer.signing import Signer

PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        dir_okay=False,
        help="File of the keystore's passphrase; else TACIT_PASSPHRASE_FILE, TACIT_PASSPHRASE or a prompt.",
    ),
]
NAMES: Final[dict[Kind, str]] = {"seed": "a trader's seed", "ethereum": "a key of the chain's kind"}


def asked(file: Path | None) -> Passphrase:
    """The passphrase of a command: of a file, the environment or the terminal."""
    return Passphrase(file, ask=True)


def load_seed(path: Path, passphrase: Passphrase) -> Seed:
    """The seed in a file (:class:`KeystoreError`, :class:`SeedError`)."""
    return Seed(read_key(path, "seed", passphrase))


def load_signer(path: Path, passphrase: Passphrase) -> Signer:
    """The key of the chain's kind in a file (:class:`KeystoreError`, :class:`SeedError`)."""
    return Signer(read_key(path, "ethereum", passphrase))


def read_key(path: Path, kind: Kind, passphrase: Passphrase) -> bytes:
    """The 32 bytes in a file that should hold this kind of key; plain digits have no kind."""
    text = read_text(path)
    if not is_keystore(text):
        return read_secret(path, SECRET_BYTES)
    found = open_private(path, text, passphrase)
    if found.kind != kind:
        what = f"{path} holds {NAMES[found.kind]}, not {NAMES[kind]}"
        raise KeystoreError(what, {"path": str(path), "kind": found.kind})
    return found.raw


def open_private(path: Path, text: str, passphrase: Passphrase) -> Secret:
    """What a keystore file holds, if its owner alone can read it."""
    if path.stat().st_mode & OTHERS:
        raise SeedError(
            f"{path} can be read by others: chmod 600 {path}, and change its passphrase", {"path": str(path)}
        )
    return open_keystore(text, lambda: passphrase.get(str(path)))


def write_key(path: Path, secret: Secret, passphrase: str, *, replace: bool = False, cost: int = COST) -> None:
    """Writes a keystore for its owner alone; an existing file only where ``replace`` says so."""
    if path.exists() and not replace:
        raise KeystoreError(f"{path} exists: a key is never overwritten", {"path": str(path)})
    write_whole(path, seal(secret, passphrase, cost), private=True)
