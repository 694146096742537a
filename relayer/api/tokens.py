"""The operator's tokens: random, with scopes, of which only hashes are kept.

A line each: name, scopes separated by commas, SHA-256 of the token in hexadecimal; ``#`` begins a comment. Whoever reads the file can use
none of them. Comparing takes the same time for every token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final

from relayer.errors import ConfigError

SCOPES: Final = ("status", "metrics", "transactions", "policies", "batches", "risk", "webhooks")
TOKEN_BYTES: Final = 32
PREFIX: Final = "tacit_admin_"
NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
HASH: Final = re.compile(r"[0-9a-f]{64}")
LONGEST: Final = 128


@dataclass(frozen=True, slots=True)
class Token:
    """A token by its hash, and what it may be used for."""

    name: str
    scopes: frozenset[str]
    digest: bytes

    @property
    def line(self) -> str:
        """As it stands in the file."""
        return f"{self.name} {','.join(sorted(self.scopes))} {self.digest.hex()}"


def read(text: str) -> tuple[Token, ...]:
    """The tokens of a file (:class:`ConfigError` with the number of a line that is none)."""
    found: list[Token] = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.partition("#")[0].split()
        if not parts:
            continue
        scopes = frozenset(parts[1].split(",")) if len(parts) == 3 else frozenset()
        if not scopes or not NAME.fullmatch(parts[0]) or not HASH.fullmatch(parts[2]):
            what = f"line {number} of the admin tokens is not: name, scopes separated by commas, SHA-256 in hexadecimal"
            raise ConfigError(what, {"line": number})
        unknown = sorted(scopes - set(SCOPES))
        if unknown:
            what = f"line {number} of the admin tokens has no scope {unknown[0][:32]!r}: there are {', '.join(SCOPES)}"
            raise ConfigError(what, {"line": number})
        if any(each.name == parts[0] for each in found):
            raise ConfigError(f"line {number} of the admin tokens repeats the name {parts[0]}", {"line": number})
        found.append(Token(parts[0], scopes, bytes.fromhex(parts[2])))
    return tuple(found)


def make(name: str, scopes: frozenset[str]) -> tuple[str, Token]:
    """A new token: what its user gets, and what is kept of it."""
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    return token, Token(name, scopes, digest(token))


def find(tokens: tuple[Token, ...], given: str) -> Token | None:
    """The token that was given, if it is one."""
    if len(given) > LONGEST:
        return None
    seen, found = digest(given), None
    for each in tokens:
        if hmac.compare_digest(each.digest, seen):
            found = each
    return found


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
