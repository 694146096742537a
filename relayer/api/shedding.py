"""What a flood of orders meets: while the queue of intake is full, a refusal made beforehand, before anything of the request is read.

It costs a fraction of what looking at a request costs, so a flood takes little from those whose orders are in the queue. Everything else
goes on to the application. Refusals are counted by the engine's measure, and leave no line in the log of accesses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from relayer.api.problems import Refusal, problem

PATHS: Final = ("/v1/orders", "/v1/orders/check", "/v1/orders/bulk")


class Shedding:
    """Answers BUSY while ``full`` says so; ``count`` is told of each."""

    def __init__(self, app: ASGIApp, full: Callable[[], bool], count: Callable[[], object]) -> None:
        self.app, self._full, self._count = app, full, count
        self._answer = problem(Refusal("BUSY", "the queue is full: nothing was looked at, try again in a second"))
        self._answer.headers["Cache-Control"] = "no-store"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in PATHS and self._full():
            self._count()
            await self._answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)
