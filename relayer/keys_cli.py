"""``relayer keys``: keystores, of traders and operators."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any, Final, cast, get_args

import typer

from prover import eddsa
from prover.wire import hexadecimal, read_text
from relayer.errors import KeystoreError
from relayer.keyfiles import NAMES, PassphraseOption, asked, open_private, write_key
from relayer.keystore import SECRET_BYTES, Kind, Secret, is_keystore
from relayer.passphrase import Passphrase
from relayer.seed import Seed, read_secret
from relayer.signing import Signer
from relayer.telling import AsJson, command_group, tell, told

app = command_group("Keystores: keys in files under a passphrase.")

NEW_VARIABLE: Final = "TACIT_NEW_PASSPHRASE"
FileOption = Annotated[Path, typer.Option("--file", dir_okay=False, help="The key's file, private to you.")]
KindOption = Annotated[str, typer.Option("--kind", help="seed (a trader's), or ethereum (operator, signers, gas).")]


@app.callback()
def group() -> None:
    """Keystores: keys in files under a passphrase."""


@app.command("new")
def new_command(
    file: FileOption, kind: KindOption = "seed", passphrase_file: PassphraseOption = None, as_json: AsJson = False
) -> None:
    """Draws a new key into a keystore. Keep a copy of the file, and the passphrase apart from it."""
    wanted = _kind(kind)
    with told(as_json):
        if file.exists():
            raise KeystoreError(f"{file} exists: a key is never overwritten", {"path": str(file)})
        passphrase = asked(passphrase_file).get(str(file), new=True)
        secret = Secret(wanted, Signer.random().key if wanted == "ethereum" else secrets.token_bytes(SECRET_BYTES))
        write_key(file, secret, passphrase)
        _show(as_json, file, secret, "keystore")


@app.command("show")
def show_command(
    file: FileOption, kind: KindOption = "seed", passphrase_file: PassphraseOption = None, as_json: AsJson = False
) -> None:
    """The public half of a key. --kind says what plain hexadecimal digits are."""
    wanted = _kind(kind)
    with told(as_json):
        secret, form = _load(file, wanted, asked(passphrase_file))
        _show(as_json, file, secret, form)


@app.command("change")
def change_command(
    file: FileOption,
    kind: KindOption = "seed",
    passphrase_file: PassphraseOption = None,
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--new-passphrase-file",
            dir_okay=False,
            help=f"File of the new passphrase; else {NEW_VARIABLE}_FILE, {NEW_VARIABLE} or a prompt.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Puts a key under another passphrase; plain hexadecimal digits become a keystore. Old copies keep the old one."""
    wanted = _kind(kind)
    with told(as_json):
        secret, _ = _load(file, wanted, asked(passphrase_file))
        new = Passphrase(new_passphrase_file, ask=True, variable=NEW_VARIABLE)
        write_key(file, secret, new.get(f"{file}, from now on", new=True), replace=True)
        _show(as_json, file, secret, "keystore")


def _kind(text: str) -> Kind:
    if text not in get_args(Kind):
        raise typer.BadParameter(f"{text[:20]!r} is none of {', '.join(get_args(Kind))}")
    return cast(Kind, text)


def _load(path: Path, kind: Kind, passphrase: Passphrase) -> tuple[Secret, str]:
    text = read_text(path)
    if is_keystore(text):
        return open_private(path, text, passphrase), "keystore"
    return Secret(kind, read_secret(path, SECRET_BYTES)), "plain"


def _show(as_json: bool, path: Path, secret: Secret, form: str) -> None:
    public = _public(secret)
    document: dict[str, Any] = {"file": str(path), "kind": secret.kind, "form": form, **public}
    lines = [f"{path}: {NAMES[secret.kind]}", *(f"{name} {value}" for name, value in public.items())]
    if form == "plain":
        lines.append("not encrypted: put it under a passphrase with relayer keys change")
    tell(as_json, document, *lines)


def _public(secret: Secret) -> dict[str, str]:
    if secret.kind == "ethereum":
        return {"address": Signer(secret.raw).address}
    return {"key": hexadecimal(eddsa.pack(eddsa.public_key(Seed(secret.raw).signing_key)))}
