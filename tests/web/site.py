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
from starlette.types import ASGIApp, Receive, Scope, Send

from relayer.web import Page, mount

HERE = Path(__file__).parent


class Stage:
    """An ASGI application that is the one which is played: a server need not start anew for each test."""

    def __init__(self) -> None:
        self.playing: Starlette = with_page(Starlette())

    def play(self, app: Starlette, page: Page = "index.html") -> None:
        """Serves another API from now on."""
        self.playing = with_page(app, page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a connection on."""
        await self.playing(scope, receive, send)


def with_page(app: Starlette, page: Page = "index.html") -> Starlette:
    """The same with the page and test modules beside it."""
    mount(app, page)
    app.mount("/tests", StaticFiles(directory=HERE))
    return app


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serves an application on a free port, and gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="websockets-sansio"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + 60
            while not server.started:
                if time.monotonic() > deadline:
                    raise TimeoutError("the server of the page did not start")
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
