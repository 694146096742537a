"""What the stand-in for the API answers with: refusals, times, and a memory of what it was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

NOW: Final = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
Json = dict[str, Any]


class Refused(Exception):  # noqa: N818 - it is an answer
    """A problem."""

    def __init__(self, status: int, code: str, detail: str, **values: object) -> None:
        super().__init__(detail)
        self.status, self.code, self.values = status, code, values


def when(seconds: float) -> str:
    """A time so many seconds after the venue's morning."""
    return (NOW + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def problem(_: Request, error: Exception) -> JSONResponse:
    """A refusal as RFC 9457 has it."""
    if isinstance(error, Refused):
        document = {
            "code": error.code,
            "title": error.code,
            "detail": str(error),
            "status": error.status,
            "values": error.values,
        }
        return JSONResponse(document | {"type": "about:blank"}, error.status, media_type="application/problem+json")
    status = error.status_code if isinstance(error, HTTPException) else 500
    document = {
        "type": "about:blank",
        "code": "NOT_FOUND",
        "title": "NOT_FOUND",
        "detail": "nothing here",
        "status": status,
    }
    return JSONResponse(document, status, media_type="application/problem+json")


class Recorder:
    """Remembers address, headers and body of every request."""

    def __init__(self, app: Any, kept: list[str]) -> None:  # noqa: ANN401 - ASGI
        self.app, self.kept = app, kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        head = f"{scope['method']} {scope['path']}?{scope['query_string'].decode()} {scope['headers']}"
        self.kept.append(head)

        async def listened() -> Message:
            message = await receive()
            self.kept.append(message.get("body", b"").decode("utf-8", "replace"))
            return message

        await self.app(scope, listened, send)
