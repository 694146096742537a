"""A way between a client and a relayer that breaks: connections for events are cut after some bytes, amid whatever they carry."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from relayer.client.stream import PATH

HEAD_END: Final = b"\r\n\r\n"
CHUNK: Final = 256


class Way:
    """Passes connections on. Of those for events, the first is cut after the first of ``cuts`` bytes behind its handshake, and so on; those
    after the last stay.
    """

    def __init__(self, url: str, cuts: Iterator[int]) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._cuts = cuts
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.cut = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Takes no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        asked = b""
        while HEAD_END not in asked and (chunk := near.recv(CHUNK)):
            asked += chunk
        far = socket.create_connection(self._target)
        far.sendall(asked)
        left = next(self._cuts, None) if PATH.encode() in asked.split(b"\r\n")[0] else None
        threading.Thread(target=self._up, args=(near, far), daemon=True).start()
        with suppress(OSError):
            self._down(near, far, left)
        for each in (near, far):  # closing alone does not wake who reads from it
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while chunk := near.recv(CHUNK):
                far.sendall(chunk)
            far.shutdown(socket.SHUT_WR)

    def _down(self, near: socket.socket, far: socket.socket, left: int | None) -> None:
        head = b""
        while left is not None and HEAD_END not in head and (chunk := far.recv(1)):
            head += chunk
        near.sendall(head)
        while chunk := far.recv(CHUNK):
            if left is not None and len(chunk) >= left:
                near.sendall(chunk[:left])
                self.cut += 1
                return
            near.sendall(chunk)
            left = None if left is None else left - len(chunk)


@contextmanager
def way(url: str, cuts: Iterator[int]) -> Iterator[Way]:
    """Such a way, until the end of the block."""
    made = Way(url, cuts)
    try:
        yield made
    finally:
        made.close()
