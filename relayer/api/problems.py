"""Refusals: problems after RFC 9457, with a stable code, from one handler.

Whatever goes wrong below an application arrives here, and leaves as a status, a code and the offending values, never as a trace and never
with the content of an order. What nobody foresaw is logged by its type alone and answered as ``INTERNAL``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from prover.errors import TacitError

logger = logging.getLogger("relayer.api")

MEDIA: Final = "application/problem+json"
BUSY_SECONDS: Final = 1
READY_SECONDS: Final = 5


class Kind(NamedTuple):
    """A kind of refusal: its status, and what it means to whoever is refused."""

    status: int
    title: str


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "INVALID_REQUEST": Kind(400, "The request is not of its form"),
        "DECRYPTION_FAILED": Kind(400, "The envelope does not open"),
        "UNAUTHENTICATED": Kind(401, "Say who you are"),
        "FORBIDDEN": Kind(403, "This token may not do that"),
        "NOT_FOUND": Kind(404, "There is no such thing"),
        "METHOD_NOT_ALLOWED": Kind(405, "The route does not know this method"),
        "TIMEOUT": Kind(408, "The request took too long to arrive"),
        "CONFLICT": Kind(409, "It is not in a state for that"),
        "NONCE_USED": Kind(409, "The order's nonce is used"),
        "BATCH_FULL": Kind(409, "The batch has no room for the order"),
        "IDEMPOTENCY_MISMATCH": Kind(409, "The idempotency key belongs to another request"),
        "TOO_LARGE": Kind(413, "The request is too large"),
        "INVALID_SIGNATURE": Kind(422, "The signature does not hold"),
        "INVALID_ORDER": Kind(422, "The order is malformed or statically wrong"),
        "EXPIRED": Kind(422, "The order's window is over"),
        "UNKNOWN_INSTRUMENT": Kind(422, "There is no such instrument to trade"),
        "INSUFFICIENT_MARGIN": Kind(422, "The account's margin does not allow it"),
        "UNKNOWN_ACCOUNT": Kind(422, "The account is not registered"),
        "UNKNOWN_KEY": Kind(422, "There is no such encryption key in force"),
        "OUTGOING": Kind(422, "The address may not be sent to"),
        "RISK_TABLE": Kind(422, "The risk table is not one"),
        "RATE_LIMITED": Kind(429, "Too many requests"),
        "INTERNAL": Kind(500, "Something failed here"),
        "PAUSED": Kind(503, "Intake is paused"),
        "STALE_RISK": Kind(503, "The risk table is too old"),
        "BUSY": Kind(503, "The queue is full"),
        "NOT_LEADER": Kind(503, "Another process does this now"),
        "NOT_READY": Kind(503, "The service is not ready"),
    }
)
"""Every code that an answer can have."""

_WAITS: Final = {"BUSY": BUSY_SECONDS, "NOT_LEADER": BUSY_SECONDS, "RATE_LIMITED": BUSY_SECONDS}


class Problem(BaseModel):
    """A refusal (RFC 9457). ``values`` are what was wrong, by name; never the content of an order."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    values: dict[str, Any] = Field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - it is an answer
    """Ends a request with a problem."""

    def __init__(
        self, code: str, detail: str, values: Mapping[str, Any] = MappingProxyType({}), retry_after: int | None = None
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.values = code, detail, dict(values)
        self.retry_after = retry_after


def not_found() -> Refusal:
    """The one answer for what does not exist and for what is somebody else's."""
    return Refusal("NOT_FOUND", "there is nothing here under this name, or it is not yours")


def problem(refusal: Refusal) -> JSONResponse:
    """The answer that a refusal is."""
    kind = KINDS[refusal.code]
    content = Problem(
        type=f"urn:tacit:problem:{refusal.code.lower().replace('_', '-')}",
        title=kind.title,
        status=kind.status,
        detail=refusal.detail,
        code=refusal.code,
        values=refusal.values,
    )
    headers = {}
    wait = refusal.retry_after or _WAITS.get(refusal.code, READY_SECONDS if kind.status == 503 else None)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    if kind.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(content.model_dump(), kind.status, headers=headers, media_type=MEDIA)


def refusal_of(error: Exception) -> Refusal:
    """What an exception is to whoever asked."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        return _malformed(error)
    if isinstance(error, HTTPException):
        return _plain(error)
    code = getattr(error, "code", None)
    if isinstance(error, TacitError) and code in KINDS and code != "INTERNAL":
        return Refusal(str(code), str(error), sayable(error.values))
    # Type only: a message may quote what it should not.
    logger.error("unforeseen error", extra={"code": type(error).__name__})
    return Refusal("INTERNAL", "the request was not carried out, or not to its end; ask for what became of it")


def install(app: FastAPI) -> None:
    """Makes every error of an application a problem."""

    async def answer(_: Request, error: Exception) -> JSONResponse:
        refusal = refusal_of(error)
        response = problem(refusal)
        if isinstance(error, HTTPException) and error.headers and "allow" in {name.lower() for name in error.headers}:
            response.headers["Allow"] = {name.lower(): value for name, value in error.headers.items()}["allow"]
        return response

    for kind in (Refusal, RequestValidationError, HTTPException, TacitError):
        app.add_exception_handler(kind, answer)


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The part ``responses`` of a route that may refuse with these codes."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        status: {
            "description": "; ".join(f"{code}: {KINDS[code].title}" for code in listed),
            "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, listed in sorted(by_status.items())
    }


def _malformed(error: RequestValidationError) -> Refusal:
    """Where it is wrong and what was expected; what stood there is not repeated."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])[:120]
    expected = str(first["msg"])[:200]
    return Refusal("INVALID_REQUEST", f"{place}: {expected}", {"place": place, "errors": len(error.errors())})


def _plain(error: HTTPException) -> Refusal:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return not_found()
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return Refusal("METHOD_NOT_ALLOWED", "the header Allow says which methods it knows")
        case HTTPStatus.BAD_REQUEST:
            return Refusal("INVALID_REQUEST", "the body is not JSON")
        case _:
            return Refusal("INTERNAL", "the request was not carried out")


def sayable(values: Mapping[str, object]) -> dict[str, Any]:
    """Values as JSON takes them; numbers that JavaScript would round are text."""
    return {name: _value(value) for name, value in values.items()}


def _value(value: object) -> Any:  # noqa: ANN401 - JSON
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, list | tuple):
        return [_value(each) for each in value]
    return str(value)
