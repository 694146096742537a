"""The forms in which values cross the wire: one text a value, checked before anything else looks at it.

Amounts are decimal strings, hashes, keys and ciphertexts ``0x`` and lower-case digits, times RFC 3339 in UTC. Requests take no unknown
field; answers have every field they declare.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LARGEST_BATCH: Final = 2**32 - 1
PAGE: Final = 50
LARGEST_PAGE: Final = 200

Word = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$", max_length=66)]
"""32 bytes: a hash or a field element."""
Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{40}$", max_length=42)]
Bytes = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-f]{2})*$", max_length=8_192)]
Signature = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{128}$", max_length=130)]
"""64 bytes: an EdDSA signature, packed."""
ReceiptSignature = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{130}$", max_length=132)]
KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$", max_length=16)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$", max_length=64)]
Amount = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]*)$", max_length=78)]
"""A number that is not negative, in the unit that its place says."""
Signed = Annotated[str, StringConstraints(pattern=r"^(0|-?[1-9][0-9]*)$", max_length=79)]
Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$", max_length=128)]
BatchNumber = Annotated[int, Field(ge=0, le=LARGEST_BATCH)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339, UTC, milliseconds."""


class Asked(BaseModel):
    """Something asked for: exact types, no unknown field."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Told(BaseModel):
    """Something answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def at(ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def at_second(seconds: int) -> str:
    """Seconds since 1970, as chains count, as RFC 3339."""
    return at(seconds * 1000)


def maybe_at(ms: int | None) -> str | None:
    """The same of a time that may not have come."""
    return None if ms is None else at(ms)


def word(raw: bytes) -> str:
    """Bytes as ``0x`` and digits."""
    return "0x" + raw.hex()


def maybe_word(raw: bytes | None) -> str | None:
    """The same of bytes that may not be there."""
    return None if raw is None else word(raw)


def plain(text: str) -> bytes:
    """The bytes of a form that was checked."""
    return bytes.fromhex(text[2:])
