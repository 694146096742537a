"""What stands before every route: size and time of bodies, methods, headers, the log of accesses and a span for each.

Plain ASGI, outermost first: :class:`Access` measures and logs, and answers what nobody foresaw without a trace; :class:`Headers` adds what
browsers should be told; :class:`relayer.api.limits.AddressRates` knows the caller and its rate; :class:`Crowd` bounds how many requests are
under way, of all and of one caller; :class:`Methods` answers HEAD and OPTIONS; :class:`Bodies` refuses a body over the limit before
anything parses it.
Log and span name route templates: never a path, a query, a body, an address or a token.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from starlette.datastructures import Headers as HeaderMap
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relayer.api.limits import CALLER, is_free
from relayer.api.problems import BUSY_SECONDS, Refusal, problem, refusal_of
from relayer.api.services import Watching
from relayer.watching import tracing
from relayer.watching.logs import during

logger = logging.getLogger("relayer.access")

LENGTH_DIGITS: Final = 12
REQUEST_BYTES: Final = 8
"""Of a request's random number, which its log lines and its answer carry."""
UNKNOWN: Final = "-"
"""Stands for the template of what matched no route."""

PLAIN_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
PERMISSIONS: Final = "camera=(), geolocation=(), microphone=(), payment=()"


class Access:
    """Numbers, measures and logs requests, and turns whatever still escapes into a problem."""

    def __init__(self, app: ASGIApp, watching: Watching) -> None:
        self.app, self.watching = app, watching

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number = secrets.token_hex(REQUEST_BYTES)
        with during(number), tracing.span("request", request=number, method=scope["method"]) as note:
            await self._request(number, note, scope, receive, send)

    async def _request(self, number: str, note: tracing.Note, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = number
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001 - the last place before the server, which would log a trace with its content
            refused = problem(refusal_of(error))
            if not status:
                await refused(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", None) or UNKNOWN
            self.watching.request(route, scope["method"], status, seconds)
            fields = {"route": route, "method": scope["method"], "status": status, "ms": round(1000 * seconds, 1)}
            logger.info("request answered", extra=fields)
            note(route=route, status=status)


class Places:
    """Those that requests under way hold: at most ``most``, and ``each`` of one caller, who holds one for as long as it cares to send."""

    def __init__(self, most: int, each: int) -> None:
        self.most, self.each = most, each
        self._taken = 0
        self._held: Counter[str] = Counter()

    def refusal(self, caller: str) -> Refusal | None:
        """Why a caller gets no place now, if so."""
        if self._held[caller] >= self.each:
            told = "too many requests of this address are under way: end one, or try again"
            return Refusal("RATE_LIMITED", told, {"retry_after": BUSY_SECONDS}, BUSY_SECONDS)
        if self._taken >= self.most:
            return Refusal("BUSY", "too many requests are under way: try again")
        return None

    @contextmanager
    def held(self, caller: str) -> Iterator[None]:
        """A place, until the end of the block."""
        self._taken += 1
        self._held[caller] += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]


class Crowd:
    """Refuses requests beyond those that may be under way at once. Those of ``apart``, which wait in a queue of their own, have places of
    their own; what is free needs none.
    """

    def __init__(self, app: ASGIApp, places: Places, apart: Collection[str], places_apart: Places) -> None:
        self.app, self.apart = app, frozenset(apart)
        self._places, self._places_apart = places, places_apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or is_free(scope):
            await self.app(scope, receive, send)
            return
        places = self._places_apart if scope["path"] in self.apart else self._places
        refusal = places.refusal(scope[CALLER])
        if refusal is not None:
            refused = problem(refusal)
            refused.headers["Connection"] = "close"  # its body is not waited for
            await refused(scope, receive, send)
            return
        with places.held(scope[CALLER]):
            await self.app(scope, receive, send)


class Headers:
    """Adds headers that are not there yet."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] = PLAIN_HEADERS) -> None:
        self.app, self.headers = app, {**headers, "Permissions-Policy": PERMISSIONS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    found.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, adding if scope["type"] == "http" else send)


class Methods:
    """HEAD is GET without its body; OPTIONS tells what a route knows."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        method = scope["method"] if scope["type"] == "http" else ""
        if method == "HEAD":
            inner = {**scope, "method": "GET"}
            await self.app(inner, receive, _without_body(send))
            scope["route"] = inner.get("route")
        elif method == "OPTIONS":
            await self.app(scope, receive, _allowing(send))
        else:
            await self.app(scope, receive, send)


class Bodies:
    """Reads a whole body, at most ``limit`` bytes in ``seconds``, then lets the route have it. ``larger``: other limits by
    (method, path).
    """

    def __init__(
        self, app: ASGIApp, limit: int, seconds: float, larger: Mapping[tuple[str, str], int] | None = None
    ) -> None:
        self.app, self.limit, self.seconds = app, limit, seconds
        self.larger = dict(larger or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.larger.get((scope["method"], scope["path"]), self.limit)
        try:
            body = await self._read(HeaderMap(scope=scope).get("content-length"), receive, limit)
        except Refusal as refusal:
            refused = problem(refusal)
            refused.headers["Connection"] = "close"
            await refused(scope, receive, send)
            return
        if body is not None:
            await self.app(scope, _replayed(body, receive), send)

    async def _read(self, length: str | None, receive: Receive, limit: int) -> bytes | None:
        """The body; None if the client has gone."""
        if length is not None and (not length.isdecimal() or len(length) > LENGTH_DIGITS or int(length) > limit):
            raise _too_large(limit)
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    chunks.append(message.get("body", b""))
                    size += len(chunks[-1])
                    if size > limit:
                        raise _too_large(limit)
                    if not message.get("more_body", False):
                        return b"".join(chunks)
        except TimeoutError:
            raise Refusal("TIMEOUT", f"a request arrives within {self.seconds:g} s") from None


def _too_large(limit: int) -> Refusal:
    return Refusal("TOO_LARGE", f"a request has at most {limit} bytes", {"limit": limit})


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Gives the body once, then what the connection tells."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _without_body(send: Send) -> Send:
    async def headers_only(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return headers_only


def _allowing(send: Send) -> Send:
    """A refused method becomes the list of methods; what does not exist stays that."""
    allowed = False

    async def answer(message: Message) -> None:
        nonlocal allowed
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if message["status"] == 405 and "allow" in headers:
                allowed = True
                methods = {each.strip() for each in headers["allow"].split(",")} | {"OPTIONS"}
                methods |= {"HEAD"} if "GET" in methods else set()
                kept = {"Allow": ", ".join(sorted(methods)), "Content-Length": "0"}
                raw = [(name.lower().encode(), value.encode()) for name, value in kept.items()]
                message = {**message, "status": 200, "headers": raw}
        elif allowed:
            message = {**message, "body": b""}
        await send(message)

    return answer
