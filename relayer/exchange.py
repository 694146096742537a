"""One HTTP exchange that is over at a time by the clock, however slowly the other side speaks.

The timeout of a socket is one for each operation: who gives a byte just before it runs out is waited for without end. Here each operation
gets what is left of the time for the whole: connection, request, head and body of the answer. No more is read than an answer may have,
however it says how long it is. Names are resolved by the system, in its own time.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from typing import Final
from urllib.parse import SplitResult

PORTS: Final = {"http": 80, "https": 443}
BESIDE: Final = 2**18
"""Bytes that an answer may have beside its body: head, sizes of chunks."""


def exchange(
    url: SplitResult, method: str, path: str, body: bytes | None, *, seconds: float, largest: int
) -> tuple[int, bytes]:
    """Asks ``url`` for a path below it with a JSON body; status and body of the answer, at most ``largest`` bytes of it.

    :class:`OSError` (:class:`TimeoutError` after ``seconds``), :class:`http.client.HTTPException` or :class:`ValueError` for a host that
    cannot be reached, is too slow, sends too much, or does not speak HTTP.
    """
    link = _Link(url, time.monotonic() + seconds, largest + BESIDE)
    try:
        link.request(method, url.path.rstrip("/") + path, body, {"Content-Type": "application/json"})
        answer = link.getresponse()
        return answer.status, answer.read(largest)
    finally:
        link.end()


class _Link(http.client.HTTPConnection):
    """A connection for one exchange."""

    def __init__(self, url: SplitResult, end: float, most: int) -> None:
        self.default_port = PORTS[url.scheme]
        super().__init__(url.hostname or "", url.port or self.default_port)
        self._secure, self._end, self._most = url.scheme == "https", end, most
        self._open: socket.socket | None = None

    def connect(self) -> None:
        """Connects, with TLS where the URL wants it."""
        self._open = _connected(self.host, self.port, self._end)
        if self._secure:
            context = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            self._open.settimeout(_left(self._end))
            self._open = context.wrap_socket(self._open, server_hostname=self.host)
        self.sock = _Timed(self._open, self._end, self._most)

    def end(self) -> None:
        """Closes it, whatever has become of the answer."""
        self.close()
        if self._open is not None:
            self._open.close()


class _Timed:
    """What :mod:`http.client` uses of a socket, each operation within what is left of the time."""

    def __init__(self, link: socket.socket, end: float, most: int) -> None:
        self._link, self._end, self._most = link, end, most

    def sendall(self, data: bytes) -> None:
        """Sends all of it."""
        rest = memoryview(data)
        while rest:
            self._link.settimeout(_left(self._end))
            rest = rest[self._link.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What comes in."""
        return io.BufferedReader(_Incoming(self._link, self._end, self._most))

    def close(self) -> None:
        """Nothing: an answer is still read from it when its connection is told to close; :meth:`_Link.end` closes it."""


class _Incoming(io.RawIOBase):
    def __init__(self, link: socket.socket, end: float, most: int) -> None:
        self._link, self._end, self._left = link, end, most

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The next bytes."""
        self._link.settimeout(_left(self._end))
        read = self._link.recv_into(buffer)
        self._left -= read
        if self._left < 0:
            raise http.client.HTTPException("it sends more than an answer has")
        return read


def _connected(host: str, port: int, end: float) -> socket.socket:
    """A connection to the first address of a host that takes one."""
    failure = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        link = socket.socket(family, kind, protocol)
        try:
            link.settimeout(_left(end))
            link.connect(address)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            link.close()
            failure = error
        else:
            return link
    raise failure


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("it takes too long")
    return left
