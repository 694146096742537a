"""Hosts that do with a connection what a script says: answer at once, a little at a time without end, or not at all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SHORT: Final = 0.5
"""Seconds that a request has where a test waits for its end."""
PATIENCE: Final = 60.0
"""Seconds until a busy machine has done what takes none."""

Script = Callable[[socket.socket, threading.Event], None]


@contextmanager
def speaking(script: Script) -> Iterator[str]:
    """A host that does with every connection what a script says, until the event is set."""
    over, threads = threading.Event(), []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(link: socket.socket) -> None:
        with link:
            try:
                script(link, over)
            except OSError:
                return  # whoever asked has gone

    def accept() -> None:
        while not over.is_set():
            try:
                link, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(link,), daemon=True))
            threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (accepting, *threads):
            thread.join(PATIENCE)
            assert not thread.is_alive()


def heard(link: socket.socket) -> None:
    """Reads one request, body and all."""
    with link.makefile("rb") as read:
        length = 0
        while (line := read.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        read.read(length)


def answering(body: bytes, head: bytes = b"", status: bytes = b"200 OK") -> Script:
    """Answers at once."""

    def script(link: socket.socket, _over: threading.Event) -> None:
        heard(link)
        link.sendall(b"HTTP/1.1 " + status + b"\r\n" + (head or b"Content-Length: %d\r\n" % len(body)) + b"\r\n" + body)

    return script


def dribbling(start: bytes, piece: bytes) -> Script:
    """Begins an answer and then gives a little now and then, for ever."""

    def script(link: socket.socket, over: threading.Event) -> None:
        heard(link)
        link.sendall(start)
        while not over.wait(SHORT / 10):
            link.sendall(piece)

    return script


def sipping(link: socket.socket, over: threading.Event) -> None:
    """Takes a request a little at a time, for ever."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    while not over.wait(SHORT / 10):
        link.recv(1_024)


def silent(_link: socket.socket, over: threading.Event) -> None:
    """Takes a connection, and that is all."""
    over.wait()


HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n"
DRIBBLES: Final = {
    "body": (HEAD + b"\r\n", b"["),
    "head": (HEAD, b"X"),
    "heads": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "status": (b"", b"H"),
    "chunks": (HEAD[:17] + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n[\r\n"),
    "trailer": (HEAD[:17] + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X: 1\r\n"),
}
