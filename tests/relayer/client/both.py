"""Both clients behind one face, so that one suite holds them to the same promises; and a way between client and relayer that lies."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import httpx

from relayer.client import AsyncClient, Client, Patience, Seed

FLAVOURS: Final = ("blocking", "awaiting")
SHORT: Final = Patience(seconds=3.0, first=0.01, longest=0.05)
LIMIT: Final = 60.0


class Awaited:
    """An :class:`AsyncClient` whose methods are called as those of a :class:`Client` are: each runs on a loop in a thread."""

    def __init__(self, url: str, seed: Seed, **settings: Any) -> None:  # noqa: ANN401 - the client's own
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.client = AsyncClient(url, seed, **settings)
        self.rules, self.http = self.client.rules, self.client.http

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)
        return lambda *given, **named: self._do(method(*given, **named))

    def subscribe(self, *channels: str, **named: Any) -> Iterator[Any]:  # noqa: ANN401
        """One event after another."""
        events = self.client.subscribe(*channels, **named)
        try:
            while True:
                yield self._do(events.__anext__())
        finally:
            self._do(events.aclose())  # type: ignore[attr-defined]

    def close(self) -> None:
        """Ends the client and its loop."""
        self._do(self.client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Awaitable[Any]) -> Any:  # noqa: ANN401
        async def whole() -> Any:  # noqa: ANN401
            return await work

        return asyncio.run_coroutine_threadsafe(whole(), self._loop).result(LIMIT)


def client(flavour: str, url: str, seed: Seed, **settings: Any) -> Any:  # noqa: ANN401 - either client
    """A client of this flavour."""
    settings.setdefault("patience", SHORT)
    return Client(url, seed, **settings) if flavour == "blocking" else Awaited(url, seed, **settings)


Alter = Callable[[httpx.Request, int, Any], tuple[int, Any] | None]
"""What becomes of an answer: its status and its JSON. None: the answer is lost."""


class Liar(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Passes requests on and changes answers."""

    def __init__(self, alter: Alter) -> None:
        self._alter, self._through = alter, httpx.HTTPTransport()
        self.seen: list[tuple[str, str, dict[str, str]]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Of the client that blocks."""
        request.read()
        self.seen.append((request.method, request.url.path, dict(request.headers)))
        response = self._through.handle_request(request)
        response.read()
        document = json.loads(response.content) if response.content else None
        altered = self._alter(request, response.status_code, document)
        if altered is None:
            raise httpx.ReadError("the connection was lost")
        if altered == (response.status_code, document):
            return response
        status, changed = altered
        kind = "application/json" if status < 400 else "application/problem+json"
        return httpx.Response(status, content=json.dumps(changed), headers={"Content-Type": kind}, request=request)

    def close(self) -> None:
        """Closes the connections."""
        self._through.close()

    async def aclose(self) -> None:
        """Closes the connections."""
        self._through.close()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Of the one that awaits."""
        await request.aread()
        answer = await asyncio.to_thread(
            self.handle_request,
            httpx.Request(request.method, request.url, headers=request.headers, content=request.content),
        )
        return httpx.Response(
            answer.status_code, content=answer.content, headers={"Content-Type": answer.headers["content-type"]}
        )


def at(path: str, change: Callable[[Any], Any], method: str = "GET") -> Liar:
    """Changes the successful answers of one route."""

    def alter(request: httpx.Request, status: int, document: Any) -> tuple[int, Any]:  # noqa: ANN401
        wanted = (request.method, request.url.path) == (method, path)
        return (status, change(document)) if wanted and status < 300 else (status, document)

    return Liar(alter)
