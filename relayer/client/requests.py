"""Requests with patience: what may pass is tried again, what is refused is raised, what needs a session gets one.

Every request of the interface may be sent twice: orders carry an idempotency key and their own hash. A session is begun when it is first
needed and again when the relayer does not know it any more, once.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from relayer.client.problems import PASSING, Distrusted, Nonsense, Problem, Unauthenticated, Unreachable, problem
from relayer.client.steps import Answer, Ask, NoAnswer, Pause, Steps

M = TypeVar("M", bound=BaseModel)
PAGE: Final = 100
PAGES: Final = 10_000
"""Of a list; a million items is more than an account or a market has."""
GATEWAY: Final = (502, 503, 504)
PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on: ``seconds`` altogether, pauses from ``first`` doubled up to ``longest``, each shortened by chance."""

    seconds: float = 30.0
    first: float = 0.2
    longest: float = 5.0

    def pause(self, attempt: int, asked: float | None) -> float:
        """Seconds before attempt ``attempt + 1``; at least what the relayer asked for."""
        own = min(self.longest, self.first * 2.0**attempt)
        return max(asked or 0.0, own * random.uniform(0.5, 1.0))  # noqa: S311 - spreads clients, keeps no secret


@dataclass
class Requests:
    """Requests to one relayer by one owner. ``login`` are the steps that give a bearer token; without them there are no sessions."""

    login: Callable[[], Steps[str]] | None = None
    patience: Patience = field(default_factory=Patience)
    clock: Callable[[], float] = time.monotonic
    token: str | None = field(default=None, repr=False)
    lost: int = 0
    """Requests so far that may have arrived and were not answered."""

    def get(self, model: type[M], path: str, *, own: bool = False, **query: object) -> Steps[M]:
        """A document of the interface."""
        asked = {name: str(value) for name, value in query.items() if value is not None}
        answer = yield from self.ask(Ask("GET", path, query=asked), own=own)
        return read(model, answer)

    def pages(self, model: type[BaseModel], path: str, *, own: bool = False, **query: object) -> Steps[list[Any]]:
        """The items of all pages of a list. A list without an end is :class:`Distrusted`."""
        found: list[Any] = []
        seen: set[str | None] = {None}
        cursor: str | None = None
        for _ in range(PAGES):
            page: Any = yield from self.get(model, path, own=own, limit=PAGE, cursor=cursor, **query)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found
            if cursor in seen or len(page.items) > PAGE:
                break
            seen.add(cursor)
        raise Distrusted(f"the relayer's list at {path} has no end, or pages that were not asked for", {"path": path})

    def post(self, model: type[M], path: str, body: Mapping[str, Any], *, own: bool = False) -> Steps[M]:
        """What a request with a body is answered with."""
        answer = yield from self.ask(Ask("POST", path, body), own=own)
        return read(model, answer)

    def ask(self, ask: Ask, *, own: bool = False, if_known: bool = False) -> Steps[Answer]:
        """The answer to a request, of status 2xx. ``own``: with a session; ``if_known``: with one if there is one already."""
        if own or (if_known and self.token is not None):
            try:
                return (yield from self._with_token(ask))
            except Unauthenticated:
                self.token = None
            return (yield from self._with_token(ask))
        return (yield from self._patiently(ask))

    def session(self) -> Steps[str]:
        """The bearer token of a session, begun if there is none."""
        if self.token is None:
            if self.login is None:
                raise Unauthenticated("UNAUTHENTICATED", 0, "there is no owner to begin a session for")
            self.token = yield from self.login()
        return self.token

    def _with_token(self, ask: Ask) -> Steps[Answer]:
        headers = {**ask.headers, "Authorization": f"Bearer {yield from self.session()}"}
        return (yield from self._patiently(Ask(ask.method, ask.path, ask.body, ask.query, headers)))

    def _patiently(self, ask: Ask) -> Steps[Answer]:
        end = self.clock() + self.patience.seconds
        attempt = 0
        while True:
            answer: Answer | NoAnswer = yield ask
            refused = _refusal(ask, answer)
            if refused is None and isinstance(answer, Answer):
                return answer
            self.lost += isinstance(answer, NoAnswer) or answer.status in GATEWAY
            wait = self.patience.pause(attempt, getattr(refused, "retry_after", None))
            if refused is None or not _passes(answer, refused) or self.clock() + wait > end:
                raise refused or Nonsense("no answer")
            yield Pause(wait)
            attempt += 1


def read(model: type[M], answer: Answer) -> M:
    """A document of the interface (:class:`Nonsense` for anything else)."""
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        # The first place alone: what stands there may be an order's.
        place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        what = f"the answer is no {model.__name__} of this version of the interface, at {place or 'its start'}"
        raise Nonsense(what, {"place": place}) from None


def _refusal(ask: Ask, answer: Answer | NoAnswer) -> Problem | Unreachable | Nonsense | None:
    if isinstance(answer, NoAnswer):
        return Unreachable(f"the relayer does not answer {ask.method} {ask.path}: {answer.reason}", {"path": ask.path})
    if 200 <= answer.status < 300:
        return None
    if answer.headers.get("content-type", "").startswith(PROBLEM):
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            return problem(answer.status, document, _seconds(answer.headers.get("retry-after")))
    return Nonsense(
        f"the relayer answers {ask.method} {ask.path} with status {answer.status}", {"status": answer.status}
    )


def _passes(answer: Answer | NoAnswer, refused: Exception) -> bool:
    if isinstance(refused, Problem):
        return refused.problem in PASSING
    return isinstance(answer, NoAnswer) or answer.status in GATEWAY


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
