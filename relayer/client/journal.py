"""The file of a trader's book: a JSON object a line, appended and synced, by several processes in turn.

Who reads or writes holds the file's lock, and reads first what others have written since: so no line is cut that somebody has synced, and
nobody writes in ignorance of the lines before. A last line without its end was never acted on, and is taken away.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from prover.wire import file_errors
from relayer.errors import SeedError
from relayer.seed import OTHERS

PIECE = 1 << 20


@dataclass(slots=True)
class Open:
    """The file while its lock is held. ``news``: its whole lines since the last time, with their numbers."""

    handle: int = field(repr=False)
    news: list[tuple[int, str]] = field(repr=False)


@dataclass(slots=True)
class Journal:
    """Lines of a private file. :class:`prover.errors.FileError` where the system refuses; then nothing was added."""

    path: Path
    _file: tuple[int, int] | None = None
    _end: int = 0
    _lines: int = 0

    @contextmanager
    def held(self) -> Iterator[Open]:
        """The file, made if there is none, locked against other processes and other books of this one."""
        with file_errors(self.path, "open"):
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            with file_errors(self.path, "read"):
                fcntl.flock(handle, fcntl.LOCK_EX)
                news = self._news(handle)
            yield Open(handle, news)
        finally:
            os.close(handle)

    def append(self, held: Open, line: str) -> None:
        """Adds a line and syncs it, or leaves the file as it was."""
        data = line.encode() + b"\n"
        with file_errors(self.path, "write"):
            try:
                left = memoryview(data)
                while left:
                    left = left[os.write(held.handle, left) :]
                os.fsync(held.handle)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(held.handle, self._end)
                raise
        self._end += len(data)
        self._lines += 1

    def _news(self, handle: int) -> list[tuple[int, str]]:
        found = os.fstat(handle)
        if found.st_mode & OTHERS:
            what = f"{self.path} holds orders and can be read by others: chmod 600 it"
            raise SeedError(what, {"path": str(self.path)})
        if self._file != (found.st_dev, found.st_ino) or found.st_size < self._end:
            # Another file than the last time, or the first one.
            self._file, self._end, self._lines = (found.st_dev, found.st_ino), 0, 0
        whole, _, cut = _read(handle, self._end, found.st_size).rpartition(b"\n")
        if cut:
            os.ftruncate(handle, found.st_size - len(cut))
        texts = whole.decode().split("\n") if whole else []
        news = list(enumerate(texts, self._lines + 1))
        self._end, self._lines = found.st_size - len(cut), self._lines + len(texts)
        return news


def _read(handle: int, start: int, end: int) -> bytes:
    pieces: list[bytes] = []
    while start < end and (piece := os.pread(handle, min(PIECE, end - start), start)):
        pieces.append(piece)
        start += len(piece)
    return b"".join(pieces)
