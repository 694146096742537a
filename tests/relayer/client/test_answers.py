"""Answers that would keep a client for ever, fill its memory or end it: each is an error of the client's own, in both clients."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from relayer.api import schemas
from relayer.client import Distrusted, Nonsense, Patience, RateLimited, requests, steps
from relayer.client.requests import Requests
from relayer.client.steps import Ask, run, run_async

BOTH = ("blocking", "awaiting")


def asked(flavour: str, steps: Any, answer: Callable[[httpx.Request], httpx.Response]) -> Any:  # noqa: ANN401
    """What steps come to with somebody who answers so."""
    if flavour == "blocking":
        with httpx.Client(base_url="http://relayer", transport=httpx.MockTransport(answer)) as client:
            return run(steps, client)

    async def awaited() -> Any:  # noqa: ANN401
        async with httpx.AsyncClient(base_url="http://relayer", transport=httpx.MockTransport(answer)) as client:
            return await run_async(steps, client)

    return asyncio.run(awaited())


FILL = {
    "order": "a",
    "hash": "0x" + "0" * 64,
    "batch": 1,
    "state": "final",
    "instrument": 3,
    "name": None,
    "side": "buy",
}
FILL |= dict.fromkeys(("quantity", "price", "premium", "fee"), "1")


def page(cursor: str | None, fills: int = 0) -> httpx.Response:
    """A page of fills."""
    return httpx.Response(200, json={"items": [FILL] * fills, "next_cursor": cursor})


LISTS: dict[str, Callable[[int], httpx.Response]] = {
    "the same cursor": lambda _: page("a"),
    "cursors in a circle": lambda number: page("abc"[number % 3]),
    "ever new cursors": lambda number: page(f"c{number}"),
    "a page of any length": lambda number: page(f"c{number}", 101),
}


@pytest.mark.parametrize("flavour", BOTH)
@pytest.mark.parametrize("how", LISTS)
def test_a_list_without_an_end_is_distrusted(how: str, flavour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PAGES", 20)
    count = itertools.count()
    with pytest.raises(Distrusted, match="/v1/fills has no end"):
        asked(flavour, Requests().pages(schemas.Fills, "/v1/fills"), lambda _: LISTS[how](next(count)))
    assert next(count) <= 20


@pytest.mark.parametrize("flavour", BOTH)
def test_a_list_is_read_to_its_end(flavour: str) -> None:
    pages = iter([page("a", 100), page("b"), page(None, 7)])
    assert len(asked(flavour, Requests().pages(schemas.Fills, "/v1/fills"), lambda _: next(pages))) == 107


@pytest.mark.parametrize("flavour", BOTH)
def test_an_answer_has_bounds(flavour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    state = Ask("GET", "/v1/state")
    monkeypatch.setattr(steps, "LARGEST", 1_000)
    assert (
        asked(flavour, Requests().ask(state), lambda _: httpx.Response(200, content=b" " * 1_000)).body == b" " * 1_000
    )
    with pytest.raises(Nonsense, match="more than 1000 bytes"):
        asked(flavour, Requests().ask(state), lambda _: httpx.Response(200, content=b" " * 1_001))
    monkeypatch.setattr(steps, "SLOWEST", -1.0)
    with pytest.raises(Nonsense, match="has not ended"):
        asked(flavour, Requests().ask(state), lambda _: httpx.Response(200, content=b" "))


@pytest.mark.parametrize("flavour", BOTH)
@pytest.mark.parametrize("packed", [gzip.compress(b"{}"), b"no gzip at all"], ids=["packed", "said to be packed"])
def test_no_answer_is_unpacked(packed: bytes, flavour: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "identity"
        return httpx.Response(200, stream=httpx.ByteStream(packed), headers={"Content-Encoding": "gzip"})

    with pytest.raises(Nonsense, match="gzip"):
        asked(flavour, Requests().ask(Ask("GET", "/v1/state")), answer)


@pytest.mark.parametrize("after", ["²", "-1", "soon", "9" * 400])
def test_a_time_to_come_again_that_is_none_is_the_relayers_refusal_all_the_same(after: str) -> None:
    headers = [(b"Retry-After", after.encode()), (b"Content-Type", b"application/problem+json")]
    limited = httpx.Response(429, content=b'{"code": "RATE_LIMITED"}', headers=headers)
    with pytest.raises(RateLimited):
        asked("blocking", Requests(patience=Patience(seconds=0.0)).ask(Ask("GET", "/v1/state")), lambda _: limited)


def test_a_refusal_that_no_parser_can_follow_is_nonsense() -> None:
    deep = httpx.Response(400, content=b"[" * 100_000, headers={"Content-Type": "application/problem+json"})
    with pytest.raises(Nonsense):
        asked("blocking", Requests().ask(Ask("GET", "/v1/state")), lambda _: deep)
