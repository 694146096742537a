"""What intake says no with: a stable code, what is wrong, and values that give away nothing of an order.

Whoever holds a copy of a ciphertext can send it again, so an answer never repeats what stands in it. ``private`` holds what the order's
owner alone may be told; showing it to nobody else is left to who answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from prover.errors import TacitError


class Code(StrEnum):
    """Why a request is refused."""

    INVALID_REQUEST = "INVALID_REQUEST"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    DECRYPTION_FAILED = "DECRYPTION_FAILED"
    INVALID_ORDER = "INVALID_ORDER"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    INVALID_SIGNATURE = "INVALID_SIGNATURE"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    PAUSED = "PAUSED"
    STALE_RISK = "STALE_RISK"
    EXPIRED = "EXPIRED"
    NONCE_USED = "NONCE_USED"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    INSUFFICIENT_MARGIN = "INSUFFICIENT_MARGIN"
    BATCH_FULL = "BATCH_FULL"
    CONFLICT = "CONFLICT"
    NOT_FOUND = "NOT_FOUND"
    NOT_LEADER = "NOT_LEADER"
    NOT_READY = "NOT_READY"
    RATE_LIMITED = "RATE_LIMITED"


class Unready(NamedTuple):
    """Why the service, or a part of it, cannot do its work: a stable code for everybody, and words with names and numbers that are the
    operator's alone.
    """

    code: str
    message: str


def _nothing() -> Mapping[str, object]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that stands against a request. ``values`` may be told to anybody, ``private`` to the owner alone."""

    code: Code
    detail: str
    values: Mapping[str, object] = field(default_factory=_nothing)
    private: Mapping[str, object] = field(default_factory=_nothing, repr=False)


class Refused(TacitError):  # noqa: N818 - the word that says what happened
    """A request that is not done. ``owner`` is whose order it was, once that is known: who may see ``issue.private``."""

    code: Code  # type: ignore[misc]  # each refusal has its own

    def __init__(self, issue: Issue, owner: int | None = None) -> None:
        super().__init__(issue.detail, issue.values)
        self.code, self.issue, self.owner = issue.code, issue, owner


class Busy(TacitError):  # noqa: N818 - the same
    """The queue is full; nothing was looked at. Come again in ``seconds``."""

    code = "BUSY"

    def __init__(self, waiting: int, seconds: int = 1) -> None:
        super().__init__(f"{waiting} requests are waiting already: try again in {seconds} s", {"waiting": waiting})
        self.seconds = seconds
