"""``relayer keys admin-token``: tokens of the operator's interface, of which the file keeps only hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prover.wire import read_text, write_whole
from relayer.api import tokens
from relayer.errors import ConfigError
from relayer.telling import AsJson, tell, told

FileOption = Annotated[Path, typer.Option("--file", dir_okay=False, help="The file of hashes, admin.tokens_file.")]
NameOption = Annotated[str, typer.Option("--name", help="Who will use the token; a name is given once.")]
ScopeOption = Annotated[
    list[str] | None,
    typer.Option("--scope", help=f"What it may do, several times: {', '.join(tokens.SCOPES)}. None: all of it."),
]
RevokeOption = Annotated[bool, typer.Option("--revoke", help="Takes the token of this name away instead.")]


def admin_token_command(
    file: FileOption, name: NameOption, scope: ScopeOption = None, revoke: RevokeOption = False, as_json: AsJson = False
) -> None:
    """Makes a token for the operator's interface and shows it this once; the file gets its hash. Restart the service to use it."""
    if tokens.NAME.fullmatch(name) is None:
        raise typer.BadParameter(f"{name[:64]!r} is no name: letters, digits, dots and dashes, at most 64")
    for each in scope or ():
        if each not in tokens.SCOPES:
            raise typer.BadParameter(f"{each[:32]!r} is no scope: {', '.join(tokens.SCOPES)}")
    with told(as_json):
        text = read_text(file) if file.exists() else ""
        known = tokens.read(text)
        taken = any(each.name == name for each in known)
        if revoke:
            if not taken:
                raise ConfigError(f"{file} has no token {name}", {"name": name})
            kept = [line for line in text.splitlines() if line.partition("#")[0].split()[:1] != [name]]
            write_whole(file, "".join(f"{line}\n" for line in kept), private=True)
            tell(as_json, {"file": str(file), "name": name, "revoked": True}, f"{name} is taken away from {file}")
            return
        if taken:
            raise ConfigError(f"{file} has a token {name} already: choose another name, or --revoke it", {"name": name})
        token, kept_of_it = tokens.make(name, frozenset(scope or tokens.SCOPES))
        ending = "" if not text or text.endswith("\n") else "\n"
        write_whole(file, f"{text}{ending}{kept_of_it.line}\n", private=True)
        scopes = sorted(kept_of_it.scopes)
        document: dict[str, Any] = {"file": str(file), "name": name, "scopes": scopes, "token": token}
        lines = [token, f"{name}: {', '.join(scopes)}; shown this once, {file} has its hash"]
        tell(as_json, document, *lines)
