"""The wire forms of docs/formats.md, written and read in one place.

Amounts are decimal strings, field elements and hashes ``0x`` and hexadecimal digits, counters and
indices numbers. What is read is canonical or refused: one text a value, no unknown and no missing
name, and the message names the place, never a value that may be secret.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar

from prover.errors import FileError, TacitError
from prover.hashing import FIELD_ORDER

Json = dict[str, Any]
T = TypeVar("T")

ADDRESS_BYTES = 20
HASH_BYTES = 32


def element(value: int) -> str:
    """A field element, or any number below 2²⁵⁶, as 0x and 64 digits."""
    return f"0x{value:064x}"


def hexadecimal(value: bytes) -> str:
    """Bytes as 0x and digits."""
    return "0x" + value.hex()


def dump(document: Mapping[str, Any]) -> str:
    """JSON as this package writes it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


class Reader:
    """An object of a document: hands out its values by name, and refuses what is not of the format."""

    def __init__(self, document: object, place: str, error: type[TacitError]) -> None:
        self.place, self.error = place, error
        if not isinstance(document, dict):
            self.refuse("it is not an object")
        self._rest: dict[str, object] = dict(document)

    @classmethod
    def parse(cls, text: str | bytes, place: str, error: type[TacitError]) -> Self:
        """The object of a JSON text; a name that stands twice is refused."""
        try:
            document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as problem:
            at = f", line {problem.lineno}" if isinstance(problem, json.JSONDecodeError) else ""
            raise error(f"{place}{at}: it is not JSON as docs/formats.md describes it") from problem
        return cls(document, place, error)

    def refuse(self, what: str) -> NoReturn:
        """Raises the error of this document."""
        raise self.error(f"{self.place}: {what}; docs/formats.md describes the format", {"place": self.place})

    def take(self, name: str) -> object:
        """The value of a name, once."""
        if name not in self._rest:
            self.refuse(f"it has no {name!r}")
        return self._rest.pop(name)

    def end(self) -> None:
        """Refuses names that were not asked for."""
        for name in self._rest:
            self.refuse(f"it has an unknown name {name[:40]!r}")

    def format(self, expected: str) -> None:
        """Checks the name of the format."""
        found = self.take("format")
        if found == expected:
            return
        # Of another file of ours the name helps; what else stands there may be anybody's order.
        ours = isinstance(found, str) and found.startswith("tacit.")
        self.refuse(
            f"its format is {str(found)[:40]!r}, not {expected!r}" if ours else f"its format is not {expected!r}"
        )

    def text(self, name: str) -> str:
        """A string."""
        value = self.take(name)
        return value if isinstance(value, str) else self.refuse(f"{name!r} is not a string")

    def integer(self, name: str, bits: int) -> int:
        """A number of at most ``bits`` bits."""
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**bits:
            self.refuse(f"{name!r} is not a number of at most {bits} bits")
        return value

    def amount(self, name: str, bits: int) -> int:
        """A number of at most ``bits`` bits, as decimal digits in a string."""
        return self.read(name, lambda value: decimal(value, bits), f"a number of at most {bits} bits in a string")

    def element(self, name: str) -> int:
        """A field element."""
        return self.read(name, read_element, "0x and 64 digits below the field's order")

    def bytes(self, name: str, length: int) -> bytes:
        """A number of bytes."""
        return self.read(name, lambda value: read_bytes(value, length), f"0x and {2 * length} digits")

    def read(self, name: str, convert: Callable[[object], T | None], expected: str) -> T:
        """A value as ``convert`` reads it; None of it is refused."""
        converted = convert(self.take(name))
        return converted if converted is not None else self.refuse(f"{name!r} is not {expected}")

    def list(self, name: str) -> list[object]:
        """A list."""
        value = self.take(name)
        return value if isinstance(value, list) else self.refuse(f"{name!r} is not a list")

    def object(self, name: str) -> Reader:
        """An object within this one."""
        return Reader(self.take(name), f"{self.place}, {name}", self.error)

    def elements(self) -> dict[str, int]:
        """Everything that is left, as field elements by name."""
        return {name: self.element(name) for name in list(self._rest)}

    def objects(self, name: str) -> Iterator[Reader]:
        """The objects of a list."""
        for at, item in enumerate(self.list(name)):
            yield Reader(item, f"{self.place}, {name}[{at}]", self.error)


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name stands twice")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def decimal(value: object, bits: int) -> int | None:
    """The number of canonical decimal digits, if it has at most ``bits`` bits."""
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > bits:
        return None
    number = int(value)
    return number if str(number) == value and number < 2**bits else None


def read_bytes(value: object, length: int) -> bytes | None:
    """The bytes of 0x and lower-case digits."""
    if not isinstance(value, str) or len(value) != 2 + 2 * length or value[:2] != "0x":
        return None
    if not set(value[2:]) <= set("0123456789abcdef"):
        return None
    return bytes.fromhex(value[2:])


def read_element(value: object) -> int | None:
    """The field element of 0x and 64 digits."""
    raw = read_bytes(value, HASH_BYTES)
    number = int.from_bytes(raw, "big") if raw is not None else FIELD_ORDER
    return number if number < FIELD_ORDER else None


# --- files ----------------------------------------------------------------------------------------


def read_text(path: Path) -> str:
    """The text of a file (:class:`FileError` if it cannot be read or is no text)."""
    with file_errors(path, "read"):
        return path.read_text(encoding="utf-8")


def write_whole(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Replaces a file at once: written beside it, synced, renamed. On any failure the old one stays.

    ``private`` files are readable by their owner alone.
    """
    raw = content.encode("utf-8") if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    with file_errors(path, "write"):
        try:
            with os.fdopen(
                os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644), "wb"
            ) as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            sync_directory(path.parent)
        finally:
            with suppress(FileNotFoundError):
                beside.unlink()


def sync_directory(path: Path) -> None:
    """Makes renames in a folder last."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def file_errors(path: Path, action: str) -> Iterator[None]:
    """Turns what the system says of a file into :class:`FileError`."""
    try:
        yield
    except OSError as error:
        raise FileError(f"cannot {action} {path}: {error.strerror or error}", {"path": str(path)}) from error
    except UnicodeDecodeError as error:
        raise FileError(f"cannot {action} {path}: it is not UTF-8 text", {"path": str(path)}) from error
