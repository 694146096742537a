"""Where the passphrase of a keystore comes from: a file, the environment, or the person at the terminal, in that order.

A file is named on the command line or by ``TACIT_PASSPHRASE_FILE`` and must be readable by its owner alone; its first line counts.
A service has no terminal, so nobody is asked there. Passphrases are Unicode in normal form C, as UTF-8.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from prover.wire import read_text
from relayer.errors import KeystoreError

OTHERS: Final = 0o077
VARIABLE: Final = "TACIT_PASSPHRASE"


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A source of one passphrase. ``variable`` and ``variable``\\ ``_FILE`` are what the environment may hold; ``ask`` allows a prompt."""

    file: Path | None = None
    ask: bool = False
    variable: str = VARIABLE

    def get(self, what: str, *, new: bool = False, environment: Mapping[str, str] | None = None) -> str:
        """The passphrase of ``what``; a new one is asked for twice. :class:`KeystoreError` where there is none."""
        found = self._given(os.environ if environment is None else environment)
        if found is None and self.ask and sys.stdin.isatty():
            found = typer.prompt(f"passphrase of {what}", hide_input=True, confirmation_prompt=new, err=True)
        if not found:
            raise KeystoreError(
                f"{what} needs a passphrase that is not empty: give --passphrase-file, {self.variable}_FILE or {self.variable}",
                {"variable": self.variable},
            )
        return unicodedata.normalize("NFC", found)

    def _given(self, environment: Mapping[str, str]) -> str | None:
        named = environment.get(f"{self.variable}_FILE")
        path = self.file or (Path(named) if named else None)
        return _first_line(path) if path is not None else environment.get(self.variable)


def _first_line(path: Path) -> str:
    text = read_text(path)
    mode = path.stat().st_mode
    if mode & OTHERS:
        what = f"{path} can be read by others (mode {mode & 0o777:o}): chmod 600 {path}, and take another passphrase"
        raise KeystoreError(what, {"path": str(path)})
    return text.split("\n", 1)[0].rstrip("\r")
