"""What a client does, apart from how it waits: the rules are generators that yield effects, and two small loops carry these out, one
that blocks and one that awaits. So both clients have the same rules because they run the same ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


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
                return _answer(http.request(effect.method, effect.path, **_arguments(effect)))
            except httpx.TransportError as error:
                return NoAnswer(_reason(error))


async def _done_async(effect: Effect, http: httpx.AsyncClient) -> Any:  # noqa: ANN401
    match effect:
        case Pause(seconds):
            return await asyncio.sleep(seconds)
        case Work(call):
            return await asyncio.to_thread(call)
        case Ask():
            try:
                return _answer(await http.request(effect.method, effect.path, **_arguments(effect)))
            except httpx.TransportError as error:
                return NoAnswer(_reason(error))


def _arguments(ask: Ask) -> dict[str, Any]:
    body = {} if ask.body is None else {"json": ask.body}
    return {"params": dict(ask.query), "headers": dict(ask.headers), **body}


def _answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content)


def _reason(error: httpx.TransportError) -> str:
    return "it took too long" if isinstance(error, httpx.TimeoutException) else type(error).__name__
