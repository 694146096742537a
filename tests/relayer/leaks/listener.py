"""Takes whatever is sent to it, and keeps it: a collector of traces, and an address of a webhook."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Listener:
    """What came, by path: heads and bodies one after another."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._lock = threading.Lock()
        self._came: dict[str, bytes] = {}

    def take(self, path: str, content: bytes) -> None:
        """Keeps a request."""
        with self._lock:
            self._came[path] = self._came.get(path, b"") + content + b"\n"

    def came(self, path: str) -> bytes:
        """All that came to a path."""
        with self._lock:
            return self._came.get(path, b"")


@contextmanager
def listener() -> Iterator[Listener]:
    """One that listens until the context is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.take(self.path, str(self.headers).encode() + body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Listener(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
