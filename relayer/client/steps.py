"""What a client does, apart from how it waits: the rules are generators that yield effects, and two small loops carry these out, one
that blocks and one that awaits. So both clients have the same rules because they run the same ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx

from relayer.client.problems import Nonsense

T = TypeVar("T")
LARGEST: Final = 2**26
"""Bytes of an answer; a longer one is none of the interface's."""
SLOWEST: Final = 300.0
"""Seconds in which an answer comes to its end, however much of it comes at a time."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: path below the relayer's URL, JSON body, headers. The headers may hold a token and are not shown."""

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing came back; why, without the URL."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Waiting, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Something that blocks: a call to the chain, a file. Its result is sent back, its exception raised."""

    call: Callable[[], Any]


Effect = Ask | Pause | Work
Steps = Generator[Effect, Any, T]


def work(call: Callable[[], T]) -> Steps[T]:
    """A blocking call as a step."""
    result: T = yield Work(call)
    return result


def run(steps: Steps[T], http: httpx.Client) -> T:
    """Carries steps out, blocking."""
    return _drive(steps, lambda effect: _done(effect, http))


async def run_async(steps: Steps[T], http: httpx.AsyncClient) -> T:
    """Carries steps out, awaiting; blocking calls run in threads."""
    result: Any = None
    failure: Exception | None = None
    while True:
        try:
            effect = steps.send(result) if failure is None else steps.throw(failure)
        except StopIteration as end:
            value: T = end.value
            return value
        result, failure = None, None
        try:
            result = await _done_async(effect, http)
        except Exception as error:  # noqa: BLE001 - it is raised where the rules asked for the call
            failure = error


def _drive(steps: Steps[T], do: Callable[[Effect], Any]) -> T:
    result: Any = None
    failure: Exception | None = None
    while True:
        try:
            effect = steps.send(result) if failure is None else steps.throw(failure)
        except StopIteration as end:
            value: T = end.value
            return value
        result, failure = None, None
        try:
            result = do(effect)
        except Exception as error:  # noqa: BLE001 - it is raised where the rules asked for the call
            failure = error


def _done(effect: Effect, http: httpx.Client) -> Any:  # noqa: ANN401 - what the effect gives
    match effect:
        case Pause(seconds):
            return time.sleep(seconds)
        case Work(call):
            return call()
        case Ask():
            try:
                with http.stream(effect.method, effect.path, **_arguments(effect)) as response:
                    coming = _Coming(response)
                    for part in response.iter_bytes():
                        coming.take(part)
                    return coming.answer()
            except httpx.RequestError as error:
                return NoAnswer(_reason(error))


async def _done_async(effect: Effect, http: httpx.AsyncClient) -> Any:  # noqa: ANN401
    match effect:
        case Pause(seconds):
            return await asyncio.sleep(seconds)
        case Work(call):
            return await asyncio.to_thread(call)
        case Ask():
            try:
                async with http.stream(effect.method, effect.path, **_arguments(effect)) as response:
                    coming = _Coming(response)
                    async for part in response.aiter_bytes():
                        coming.take(part)
                    return coming.answer()
            except httpx.RequestError as error:
                return NoAnswer(_reason(error))


def _arguments(ask: Ask) -> dict[str, Any]:
    body = {} if ask.body is None else {"json": ask.body}
    # Not packed: a few bytes could unpack to more than there is memory.
    return {"params": dict(ask.query), "headers": {**ask.headers, "Accept-Encoding": "identity"}, **body}


class _Coming:
    """An answer as it comes, within bounds (:class:`Nonsense`)."""

    def __init__(self, response: httpx.Response) -> None:
        self._response, self._body, self._end = response, bytearray(), time.monotonic() + SLOWEST
        packed = response.headers.get("content-encoding", "identity")
        if packed != "identity":
            raise Nonsense(f"the relayer's answer is packed ({packed[:20]}), which was not asked for")

    def take(self, part: bytes) -> None:
        self._body += part
        if len(self._body) > LARGEST:
            raise Nonsense(f"the relayer's answer has more than {LARGEST} bytes", {"most": LARGEST})
        if time.monotonic() > self._end:
            raise Nonsense(f"the relayer's answer has not ended after {SLOWEST:.0f} s", {"seconds": SLOWEST})

    def answer(self) -> Answer:
        headers = {name.lower(): value for name, value in self._response.headers.items()}
        return Answer(self._response.status_code, headers, bytes(self._body))


def _reason(error: httpx.RequestError) -> str:
    return "it took too long" if isinstance(error, httpx.TimeoutException) else type(error).__name__
