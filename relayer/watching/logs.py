"""Logs as one JSON object a line, through which nothing passes that is not known to be harmless.

A record has a time, a level, who says it, an event (the constant text of the call, without digits; a text that something is formatted into
names nothing, and is left out) and those of its ``extra`` fields that :data:`FIELDS` knows, each of its own form. Whatever else a record
carries is left out and counted. An exception leaves its class, its stable code, and where it was raised; its message only for errors of
this service's own doing (:data:`TOLD`), never for errors that may quote an order. Records of other packages keep their level and where
they are from.

    log = logging.getLogger(__name__)
    log.info("batch sealed", extra={"batch": 7, "seconds": 0.2})
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Any, Final, TextIO

from prover.errors import TacitError
from relayer import errors

OWN: Final = "relayer"
EVENT: Final = re.compile(r"[A-Za-z][A-Za-z_.,:;'() /-]{0,119}")
UNSTRUCTURED: Final = "unstructured"
FRAMES: Final = 12
WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:/{}-]{0,63}")
HASH: Final = re.compile(r"0x[0-9a-f]{64}")
ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
ID: Final = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")

Form = Callable[[Any], bool]


def _number(limit: float) -> Form:
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < limit


def _matching(pattern: re.Pattern[str]) -> Form:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


SMALL: Final = _number(2**31)
SECONDS: Final = _number(10**8)
A_WORD: Final = _matching(WORD)
FIELDS: Final[dict[str, Form]] = {
    "role": A_WORD,
    "request": _matching(ID),
    "route": _matching(re.compile(r"-|(/v1)?(/[A-Za-z_.{}-]+)*/?")),
    "method": A_WORD,
    "status": _number(1_000),
    "code": A_WORD,
    "state": A_WORD,
    "batch": SMALL,
    "epoch": SMALL,
    "orders": SMALL,
    "count": SMALL,
    "segments": SMALL,
    "done": SMALL,
    "total": SMALL,
    "block": SMALL,
    "blocks": SMALL,
    "nonce": SMALL,
    "attempt": SMALL,
    "pid": SMALL,
    "port": SMALL,
    "exit": _number(256),
    "signal": _number(65),
    "seq": SMALL,
    "endpoint": _number(1_000),
    "gas": SMALL,
    "seconds": SECONDS,
    "ms": SECONDS,
    "phase": A_WORD,
    "step": A_WORD,
    "purpose": A_WORD,
    "lease": A_WORD,
    "holder": A_WORD,
    "alert": A_WORD,
    "key": _matching(re.compile(r"[0-9a-f]{16}")),
    "transaction": _matching(ID),
    "hash": _matching(HASH),
    "root": _matching(HASH),
    "vault": _matching(ADDRESS),
    "sender": _matching(ADDRESS),
    "version": A_WORD,
}
"""Fields that pass, and what each looks like. None can hold an amount, a price, a quantity, a salt, a key or a token."""

TOLD: Final = (
    errors.ConfigError,
    errors.LedgerError,
    errors.RebuildError,
    errors.RevertedError,
    errors.RpcError,
    errors.TransactionError,
)
"""Errors whose message is logged: they are about the chain and the service itself."""

request: ContextVar[str | None] = ContextVar("request", default=None)
"""Id of the request that is being answered, set by the interface."""


@contextmanager
def during(request_id: str) -> Iterator[None]:
    """Every record inside carries the request's id."""
    token = request.set(request_id)
    try:
        yield
    finally:
        request.reset(token)


def configure(role: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Sends every record of this process through the filter to ``stream`` (stderr)."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(Lines(role))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OWN).setLevel(level.upper())
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = [], True
    logging.getLogger("uvicorn.access").disabled = True


class Lines(logging.Formatter):
    """Makes the JSON lines of a process."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        own = record.name.split(".")[0] == OWN
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "role": self.role,
            "logger": record.name if WORD.fullmatch(record.name) else UNSTRUCTURED,
            "event": _event(record) if own else UNSTRUCTURED,
        }
        if line["event"] == UNSTRUCTURED:
            line["line"] = record.lineno
        if request.get() is not None:
            line["request"] = request.get()
        if own:
            line |= _fields(record)
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = error_shown(record.exc_info[1], record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


@cache
def _standard(factory: Callable[..., logging.LogRecord]) -> frozenset[str]:
    """What every record has, before a call adds fields of its own. Other packages add theirs to the process's factory (Ray does)."""
    return frozenset(vars(factory("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


def _event(record: logging.LogRecord) -> str:
    """The constant text of a call; a text that was put together may hold anything, and shows it by its digits."""
    return record.msg if isinstance(record.msg, str) and EVENT.fullmatch(record.msg) else UNSTRUCTURED


def _fields(record: logging.LogRecord) -> dict[str, object]:
    standard = _standard(logging.getLogRecordFactory())
    given = {name: value for name, value in vars(record).items() if name not in standard}
    passed = {name: value for name, value in given.items() if name in FIELDS and FIELDS[name](value)}
    left_out = len(given) - len(passed)
    return passed | ({"left_out": left_out} if left_out else {})


def error_shown(error: BaseException, raised: TracebackType | None = None) -> dict[str, object]:
    """Class, code, and where: what may be said of any error. The message of those in :data:`TOLD` alone."""
    shown: dict[str, object] = {"class": type(error).__name__}
    if isinstance(error, TacitError):
        shown["code"] = error.code
    if isinstance(error, TOLD):
        shown["message"] = str(error)
    frames = traceback.extract_tb(raised if raised is not None else error.__traceback__)[-FRAMES:]
    shown["where"] = [f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno}" for frame in frames]
    if error.__cause__ is not None:
        shown["cause"] = error_shown(error.__cause__)
    return shown
