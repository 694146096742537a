"""HTTP exchanges that are over at a time by the clock, however slowly the other side speaks.

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
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import SplitResult

Addresses = Callable[[str, int], Sequence[str]]
"""The addresses of a host, as text, for a port; :class:`OSError` where it has none that may be connected to."""

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
    link = Link(url)
    try:
        link.begin(seconds, largest)
        link.request(method, url.path.rstrip("/") + path, body, {"Content-Type": "application/json"})
        answer = link.getresponse()
        return answer.status, answer.read(largest)
    finally:
        link.end()


def resolved(host: str, port: int) -> Sequence[str]:
    """What the system resolves a host to."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Link(http.client.HTTPConnection):
    """A connection to a URL's host, with TLS where the URL wants it; certificates are those of its name. It may be kept for several
    exchanges: :meth:`begin` before each says when that one is over, and :meth:`end` closes the connection.
    """

    def __init__(self, url: SplitResult, addresses: Addresses = resolved) -> None:
        self.default_port = PORTS[url.scheme]
        super().__init__(url.hostname or "", url.port or self.default_port)
        self._secure, self._addresses, self._limits = url.scheme == "https", addresses, _Limits()
        self._open: socket.socket | None = None

    def begin(self, seconds: float, largest: int) -> None:
        """From now on: an exchange of so many seconds, with an answer whose body has at most ``largest`` bytes."""
        self._limits.end, self._limits.bytes = time.monotonic() + seconds, largest + BESIDE

    def connect(self) -> None:
        """Connects."""
        self._disconnect()
        self._open = _connected(self._addresses(self.host, self.port), self.port, self._limits)
        self._open.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._secure:
            context = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            self._open.settimeout(self._limits.seconds())
            self._open = context.wrap_socket(self._open, server_hostname=self.host)
        self.sock = _Timed(self._open, self._limits)

    def end(self) -> None:
        """Closes it, whatever has become of the answer."""
        self.close()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._open is not None:
            self._open.close()


class _Limits:
    """What an exchange has left: time by the clock, and bytes of its answer."""

    end = 0.0
    bytes = 0

    def seconds(self) -> float:
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("it takes too long")
        return left

    def take(self, read: int) -> None:
        self.bytes -= read
        if self.bytes < 0:
            raise http.client.HTTPException("it sends more than an answer has")


class _Timed:
    """What :mod:`http.client` uses of a socket, each operation within what is left of the time."""

    def __init__(self, link: socket.socket, limits: _Limits) -> None:
        self._link, self._limits = link, limits

    def sendall(self, data: bytes) -> None:
        """Sends all of it."""
        rest = memoryview(data)
        while rest:
            self._link.settimeout(self._limits.seconds())
            rest = rest[self._link.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What comes in."""
        return io.BufferedReader(_Incoming(self._link, self._limits))

    def close(self) -> None:
        """Nothing: an answer is still read from it when its connection is told to close; :meth:`Link.end` closes it."""


class _Incoming(io.RawIOBase):
    def __init__(self, link: socket.socket, limits: _Limits) -> None:
        self._link, self._limits = link, limits

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The next bytes."""
        self._link.settimeout(self._limits.seconds())
        read = self._link.recv_into(buffer)
        self._limits.take(read)
        return read


def _connected(addresses: Sequence[str], port: int, limits: _Limits) -> socket.socket:
    """A connection to the first address that takes one. Each is given its part of the time, since one may swallow what is sent to it."""
    failure = OSError("no address")
    for place, address in enumerate(addresses):
        try:
            return socket.create_connection((address, port), limits.seconds() / (len(addresses) - place))
        except OSError as error:
            failure = error
    raise failure
