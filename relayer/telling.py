"""How every command of this package speaks: the result on stdout, as lines or with ``--json``, everything else on stderr.

Exit codes are those of ``prover``: 0 done, 1 refused or failed, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from prover.telling import say, told
from prover.trusted import contract_address

__all__ = [
    "AsJson",
    "FollowTag",
    "KeysOption",
    "RpcOption",
    "VaultOption",
    "command_group",
    "misused",
    "say",
    "tell",
    "told",
]

TOKEN_UNIT: Final = 10**6
CASH_UNIT: Final = 10**14

AsJson = Annotated[bool, typer.Option("--json", help="The result as JSON, on stdout.")]
RpcOption = Annotated[str, typer.Option("--rpc", help="JSON-RPC endpoint of the chain.", envvar="TACIT_RPC")]
VaultOption = Annotated[str, typer.Option("--vault", parser=contract_address, help="Address of the vault.")]
FollowTag = Annotated[str, typer.Option("--at", help="Newest block that counts: latest, safe or finalized.")]
KeysOption = Annotated[
    Path | None, typer.Option("--keys", help="Folder of keys; else $TACIT_KEYS, else ./keys.", file_okay=False)
]


def command_group(help_: str) -> typer.Typer:
    """A group of commands that behave alike."""
    return typer.Typer(
        help=help_, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )


def tell(as_json: bool, document: dict[str, Any], *lines: str) -> None:
    """The result: as JSON, or its lines for people."""
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))
    for line in () if as_json else lines:
        typer.echo(line)


def misused(check: Callable[[str], bool], message: str) -> Callable[[str], str]:
    """A callback that refuses what ``check`` does not hold for."""

    def refuse(value: str) -> str:
        if not check(value):
            raise typer.BadParameter(message.format(value))
        return value

    return refuse


def tokens(units: int) -> str:
    """Token units as a decimal number of tokens."""
    return decimal(units, TOKEN_UNIT)


def cash(units: int) -> str:
    """Cash units as a decimal number of the quote currency."""
    return decimal(units, CASH_UNIT)


def decimal(units: int, unit: int) -> str:
    """A number of units without a float in between."""
    whole, rest = divmod(abs(units), unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0")
    return f"{'-' if units < 0 else ''}{whole}" + (f".{digits}" if digits else "")
