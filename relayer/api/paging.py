"""Pages of lists that can grow: an opaque cursor says where the next one begins, so that what is added meanwhile moves nothing.

The place in a public list is public. An owner's list goes by numbers that count everybody's orders: :class:`OwnPages` seals them.
"""

from __future__ import annotations

import base64
import binascii
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from fastapi import Query

from relayer.api.forms import LARGEST_PAGE, PAGE, Cursor
from relayer.api.problems import Refusal

if TYPE_CHECKING:
    from relayer.store.crypt import Sealer

PLACE_BYTES: Final = 8
BYTES: Final = 1 + PLACE_BYTES
"""A letter for the list and eight bytes for the place."""
SEALED_BYTES: Final = 16 + PLACE_BYTES
PURPOSE: Final = "cursors"

Limit = Annotated[
    int, Query(ge=1, le=LARGEST_PAGE, description="Entries of a page, at most; the service may give fewer.")
]
After = Annotated[Cursor | None, Query(description="`next_cursor` of the page before.")]
DEFAULT: Final = PAGE


def cursor(kind: str, place: int) -> str:
    """Where a list goes on. ``kind`` is a letter: a cursor of one list is none of another."""
    return _written(kind.encode() + place.to_bytes(PLACE_BYTES, "big"))


def place(kind: str, text: str | None) -> int | None:
    """What :func:`cursor` wrote; None for the first page."""
    if text is None:
        return None
    raw = _read(text)
    if len(raw) != BYTES or raw[:1] != kind.encode() or raw[1] > 127:
        raise _refused()
    return int.from_bytes(raw[1:], "big")


class OwnPages:
    """Cursors of an owner's list that show nothing but that they are cursors, and are of that list and owner alone.

    Deterministic, under a key derived from the database's: every process of the service takes what another gave.
    """

    def __init__(self, sealer: Sealer, kind: str) -> None:
        self._sealer, self._kind = sealer, kind.encode()

    def cursor(self, owner: bytes, place: int) -> str:
        """Where the owner's list goes on."""
        return _written(AESSIV(self._key).encrypt(place.to_bytes(PLACE_BYTES, "big"), [self._kind, owner]))

    def place(self, owner: bytes, text: str | None) -> int | None:
        """What :meth:`cursor` wrote; None for the first page."""
        if text is None:
            return None
        raw = _read(text)
        if len(raw) != SEALED_BYTES:
            raise _refused()
        try:
            return int.from_bytes(AESSIV(self._key).decrypt(raw, [self._kind, owner]), "big")
        except InvalidTag:
            raise _refused() from None

    @cached_property
    def _key(self) -> bytes:
        return self._sealer.derived(PURPOSE)


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _read(text: str) -> bytes:
    """The bytes of a cursor; none of what nobody wrote."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return b""
    return raw if _written(raw) == text else b""


def _refused() -> Refusal:
    return Refusal(
        "INVALID_REQUEST", "query.cursor: take it from next_cursor of the page before", {"place": "query.cursor"}
    )
