"""``/v1/ws``: events as they happen. JSON messages of text; the session's token stands in a message, never in the address.

A client says ``{"subscribe": {"batches": null, "orders": 17}, "token": "…"}``: each channel from after a number, null for what comes
from now on. It is answered ``{"type": "subscribed", "channel", "seq"}`` and then, number by number without a gap, ``{"type": "event",
"channel", "seq", "at", "data"}``. ``reset`` says that events up to a number are not kept any more: look at the present by HTTP, and go on
from there. ``{"ping": "…"}`` is answered, ``{"unsubscribe": ["batches"]}`` ends a channel.

A connection ends with a code: 4400 malformed message, 4401 no such session (any more), 4403 a channel that the token may not have, 4408
nothing was subscribed in time, 4413 too slow (resume), 4429 too many connections or messages, 1012 the service stops. Messages are taken
out of the same bucket as the requests of their address.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from relayer.api.forms import Asked
from relayer.api.hub import Hub, Message, Stream, Subscriber
from relayer.api.limits import CALLER, Buckets
from relayer.api.services import ApiSettings, Watching

PATH: Final = "/v1/ws"
MALFORMED: Final = 4400
UNAUTHENTICATED: Final = 4401
FORBIDDEN: Final = 4403
SILENT: Final = 4408
SLOW: Final = 4413
CROWDED: Final = 4429
FIRST_SECONDS: Final = 10.0
CHECK_SECONDS: Final = 15.0
SEND_SECONDS: Final = 20.0
LONGEST: Final = 4_096
REPLAY_COST: Final = 4
"""What a channel that begins after a number takes out of the bucket, beside its message."""

Number = Annotated[int, Field(ge=0, lt=2**63)]
Entitled = Callable[[str | None, str], Stream | None]
"""The stream that a token (None: no token) may have of a channel; None for one that it may not. :class:`Ended` for no token of ours."""


class Ended(Exception):  # noqa: N818 - it is how a connection ends
    """Ends a connection with a code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Said(Asked):
    """What a client says."""

    subscribe: Annotated[dict[str, Number | None], Field(max_length=8)] | None = None
    unsubscribe: Annotated[list[str], Field(max_length=8)] | None = None
    token: Annotated[str, Field(max_length=128)] | None = None
    ping: Annotated[str, Field(max_length=64)] | None = None


class Connections:
    """The connections of an application."""

    def __init__(
        self, hub: Hub, entitled: Entitled, settings: ApiSettings, buckets: Buckets, watching: Watching
    ) -> None:
        self.hub, self.settings, self.watching = hub, settings, watching
        self._entitled, self._buckets = entitled, buckets
        self._open: Counter[str] = Counter()

    async def __call__(self, socket: WebSocket) -> None:
        """One connection, from beginning to end."""
        address = str(socket.scope.get(CALLER, ""))
        if not same_origin(socket.headers, self.settings.cors_origins):
            await socket.close(FORBIDDEN)
            return
        await socket.accept()
        most, each = self.settings.most_connections, self.settings.most_connections_an_address
        if self._open.total() >= most or self._open[address] >= each or self._buckets.take(address):
            await end(socket, CROWDED, "too many connections")
            return
        self._open[address] += 1
        self.watching.connected(1)
        try:
            await Connection(socket, self.hub, self._entitled, lambda cost: self._buckets.take(address, cost)).run()
        finally:
            self._open[address] -= 1
            self._open += Counter()
            self.watching.connected(-1)


class Connection:
    """One connection: what it has subscribed, and the token that it showed. ``take`` charges its address: seconds until there is enough."""

    def __init__(self, socket: WebSocket, hub: Hub, entitled: Entitled, take: Callable[[float], float]) -> None:
        self.socket, self.hub, self._entitled, self._take = socket, hub, entitled, take
        self.subscriber = Subscriber()
        self.token: str | None = None
        self.channels: dict[str, Stream] = {}

    async def run(self) -> None:
        """Until either side ends it."""
        work = {
            asyncio.ensure_future(each)
            for each in (self._listen(), self._send(), self._watch(), self._first(), self._too_slow())
        }
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_EXCEPTION)
            error = next((each.exception() for each in done if each.exception() is not None), None)
        finally:
            for each in work:
                each.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            self.hub.leave(self.subscriber)
        if isinstance(error, Ended):
            await end(self.socket, error.code, error.reason)
        elif error is not None and not isinstance(error, WebSocketDisconnect):
            await end(self.socket, 1011, "the service failed")

    async def _listen(self) -> None:
        while True:
            said = self._read(await self.socket.receive())
            if self._take(1 + REPLAY_COST * sum(after is not None for after in (said.subscribe or {}).values())):
                raise Ended(CROWDED, "too many messages")
            if said.token is not None:
                self.token = said.token
            if said.ping is not None:
                await self.subscriber.queue.put({"type": "pong", "ping": said.ping})
            for channel in said.unsubscribe or ():
                stream = self.channels.pop(channel, None)
                if stream is not None:
                    self.hub.leave(self.subscriber, stream)
            for channel, after in (said.subscribe or {}).items():
                await self._subscribe(channel, after)

    def _read(self, received: Mapping[str, Any]) -> Said:
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1000))
        text = received.get("text")
        if text is None or len(text) > LONGEST:
            raise Ended(MALFORMED, f"a message is text of at most {LONGEST} characters")
        try:
            return Said.model_validate_json(text)
        except ValidationError:
            raise Ended(MALFORMED, "a message is an object of subscribe, unsubscribe, token, ping") from None

    async def _subscribe(self, channel: str, after: int | None) -> None:
        if channel in self.channels:
            raise Ended(MALFORMED, "the channel is subscribed already")
        stream = await run_in_threadpool(self._entitled, self.token, channel)
        if stream is None:
            raise Ended(FORBIDDEN, "there is no such channel for this token")
        self.channels[channel] = stream
        await self.hub.subscribe(self.subscriber, stream, after)

    async def _send(self) -> None:
        while True:
            message: Message = await self.subscriber.queue.get()
            text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self.socket.send_text(text)
            except TimeoutError:
                raise Ended(SLOW, "too slow: resume from the last seq") from None

    async def _too_slow(self) -> None:
        await self.subscriber.slow.wait()
        raise Ended(SLOW, "too slow: resume from the last seq")

    async def _watch(self) -> None:
        """A session that ends, ends its connections."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for channel, stream in list(self.channels.items()):
                if await run_in_threadpool(self._entitled, self.token, channel) != stream:
                    raise Ended(UNAUTHENTICATED, "the session is over")

    async def _first(self) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        if not self.channels:
            raise Ended(SILENT, "nothing was subscribed")


async def end(socket: WebSocket, code: int, reason: str) -> None:
    """Closes a connection, unless it is over."""
    if socket.application_state is WebSocketState.CONNECTED and socket.client_state is WebSocketState.CONNECTED:
        with suppress(RuntimeError, WebSocketDisconnect, TimeoutError, OSError):
            async with asyncio.timeout(SEND_SECONDS):
                await socket.close(code, reason)


def same_origin(headers: Mapping[str, str], allowed: tuple[str, ...]) -> bool:
    """Whether a browser's page, if it is one, was served from here, or from where it may be."""
    origin = headers.get("origin")
    return origin is None or origin in allowed or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
