"""Pages of lists that can grow: an opaque cursor says where the next one begins, so that what is added meanwhile moves nothing."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

from fastapi import Query

from relayer.api.forms import LARGEST_PAGE, PAGE, Cursor
from relayer.api.problems import Refusal

BYTES: Final = 9
"""A letter for the list and eight bytes for the place."""

Limit = Annotated[
    int, Query(ge=1, le=LARGEST_PAGE, description="Entries of a page, at most; the service may give fewer.")
]
After = Annotated[Cursor | None, Query(description="`next_cursor` of the page before.")]
DEFAULT: Final = PAGE


def cursor(kind: str, place: int) -> str:
    """Where a list goes on. ``kind`` is a letter: a cursor of one list is none of another."""
    return base64.urlsafe_b64encode(kind.encode() + place.to_bytes(BYTES - 1, "big")).decode().rstrip("=")


def place(kind: str, text: str | None) -> int | None:
    """What :func:`cursor` wrote; None for the first page."""
    if text is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raw = b""
    if (
        len(raw) != BYTES
        or raw[:1] != kind.encode()
        or cursor(kind, int.from_bytes(raw[1:], "big")) != text
        or raw[1] > 127
    ):
        raise Refusal(
            "INVALID_REQUEST", "query.cursor: take it from next_cursor of the page before", {"place": "query.cursor"}
        )
    return int.from_bytes(raw[1:], "big")
