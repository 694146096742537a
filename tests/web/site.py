"""A server of the page for tests: the static files as the relayer mounts them, test modules, and an API to talk to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from relayer.web import Page, mount

HERE = Path(__file__).parent


@contextmanager
def serving(app: Starlette, page: Page = "index.html") -> Iterator[str]:
    """Serves an API with the page beside it on a free port, and gives its address."""
    mount(app, page)
    app.mount("/tests", StaticFiles(directory=HERE))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="websockets-sansio"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + 10
            while not server.started:
                if time.monotonic() > deadline:
                    raise TimeoutError("the server of the page did not start")
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
