"""How every command speaks: its result on stdout, for people or with ``--json`` for programs, and everything else on stderr.

Exit codes: 0 done, 1 refused or failed, 2 wrong use, 130 interrupted. A failure is one message with the
offending value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, NoReturn

import typer

from prover.errors import FileError, TacitError

INTERRUPTED: Final = 130
REFUSED: Final = 1
WRONG_USE: Final = 2

AsJson = Annotated[bool, typer.Option("--json", help="The result as JSON, on stdout.")]


def say(message: str) -> None:
    """A line on stderr."""
    typer.echo(message, err=True)


@contextmanager
def told(as_json: bool) -> Iterator[None]:
    """Turns a refusal into one message and an exit code."""
    try:
        yield
    except TacitError as error:
        _fail(as_json, error.code, str(error), dict(error.values))
    except OSError as error:
        _fail(as_json, FileError.code, f"{error.filename or 'a file'}: {error.strerror or error}", {})
    except MemoryError:
        _fail(as_json, "MEMORY", "there is not enough memory for this; close other programs, or lower --workers", {})
    except KeyboardInterrupt:
        say("interrupted; what was finished is kept, what was not has left nothing behind")
        raise typer.Exit(INTERRUPTED) from None


def _fail(as_json: bool, code: str, message: str, values: dict[str, object]) -> NoReturn:
    if as_json:
        show_json({"error": {"code": code, "message": message, "values": values}})
    say(f"error: {message}")
    raise typer.Exit(REFUSED) from None


def show_json(document: object) -> None:
    """A document on stdout."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def show(as_json: bool, document: dict[str, Any], *lines: str) -> None:
    """The result: as JSON, or its lines for people."""
    if as_json:
        show_json(document)
    for line in () if as_json else lines:
        typer.echo(line)
