"""What a relayer refuses, and what it should not have answered, as exceptions with the code of the interface.

Each code of a problem (RFC 9457) has a class, so that callers catch what they mean; a code that this version does not know is the
plain :class:`Problem`. ``values`` are the offending values as the relayer tells them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

from prover.errors import TacitError
from relayer.errors import ReceiptError


class ClientError(TacitError):
    """Anything that goes wrong between a trader and a relayer."""

    code: ClassVar[str] = "CLIENT"


class Unreachable(ClientError):  # noqa: N818 - the word that says what happened
    """The relayer did not answer in time, after all attempts. What was sent may have arrived: the same call again is safe."""

    code: ClassVar[str] = "UNREACHABLE"


class Nonsense(ClientError):  # noqa: N818 - the word that says what happened
    """An answer that is none of the interface's: another server, another version, or a proxy in between."""

    code: ClassVar[str] = "NONSENSE"


class Distrusted(ClientError):  # noqa: N818 - the word that says what happened
    """The relayer says something that the vault contradicts. Nothing of it is used."""

    code: ClassVar[str] = "DISTRUSTED"


class FalseReceipt(Distrusted, ReceiptError):  # noqa: N818 - the word that says what happened
    """What the relayer gives as a receipt does not bind the operator to the order. Nothing of it is kept."""

    code: ClassVar[str] = "FALSE_RECEIPT"


class NoNonce(ClientError):  # noqa: N818 - the word that says what happened
    """All 64 nonces of the account's epoch are used or taken by orders that live."""

    code: ClassVar[str] = "NO_NONCE"


class ContradictionError(ClientError):
    """Two statements signed by the operator that cannot both be kept: whoever shows them to the contract `Bonds` is paid from its bond.

    ``evidence`` is the document of docs/formats.md ("Evidence"), stored where the message says.
    """

    code: ClassVar[str] = "CONTRADICTION"

    def __init__(self, message: str, evidence: Mapping[str, Any], values: Mapping[str, object]) -> None:
        super().__init__(message, values)
        self.evidence = evidence


class Problem(ClientError):  # noqa: N818 - RFC 9457's word
    """A refusal by the relayer. ``problem``: its code; ``status``: of HTTP; ``retry_after``: seconds, if it said so."""

    code: ClassVar[str] = "PROBLEM"

    def __init__(
        self,
        problem: str,
        status: int,
        detail: str,
        values: Mapping[str, object] = MappingProxyType({}),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail, values)
        self.problem, self.status, self.detail, self.retry_after = problem, status, detail, retry_after


class InvalidRequest(Problem):
    """Not of its form."""

    code = "INVALID_REQUEST"


class InvalidSignature(Problem):
    """A signature does not hold."""

    code = "INVALID_SIGNATURE"


class DecryptionFailed(Problem):
    """The envelope does not open."""

    code = "DECRYPTION_FAILED"


class InvalidOrder(Problem):
    """An order that could never be executed."""

    code = "INVALID_ORDER"


class NonceUsed(Problem):
    """The order's nonce is used, or taken by another order that lives."""

    code = "NONCE_USED"


class Expired(Problem):
    """The order's window has passed."""

    code = "EXPIRED"


class UnknownInstrument(Problem):
    """Not in the risk table, or settled."""

    code = "UNKNOWN_INSTRUMENT"


class InsufficientMargin(Problem):
    """The account's own orders alone would fail margin; ``values`` name scenario and shortfall, to the owner."""

    code = "INSUFFICIENT_MARGIN"


class BatchFull(Problem):
    """No room for the order."""

    code = "BATCH_FULL"


class StaleRisk(Problem):
    """The risk table is too old for a batch to open."""

    code = "STALE_RISK"


class Paused(Problem):
    """The operator takes no orders now."""

    code = "PAUSED"


class RateLimited(Problem):
    """Too many requests; ``retry_after``."""

    code = "RATE_LIMITED"


class UnknownAccount(Problem):
    """The owner is not registered, or has no account yet."""

    code = "UNKNOWN_ACCOUNT"


class UnknownKey(Problem):
    """The envelope is for a key that is not in force."""

    code = "UNKNOWN_KEY"


class NotFound(Problem):
    """There is no such thing, or it is somebody else's."""

    code = "NOT_FOUND"


class Unauthenticated(Problem):
    """No session, or one that is over."""

    code = "UNAUTHENTICATED"


class Forbidden(Problem):
    """The token may not do that."""

    code = "FORBIDDEN"


class Conflict(Problem):
    """Not in a state for that: an order with a receipt is not cancelled by a request."""

    code = "CONFLICT"


class IdempotencyMismatch(Problem):
    """The idempotency key belongs to another order."""

    code = "IDEMPOTENCY_MISMATCH"


class TooLarge(Problem):
    """The request is too large."""

    code = "TOO_LARGE"


class Busy(Problem):
    """The queue is full, after all attempts."""

    code = "BUSY"


class NotLeader(Problem):
    """Another process takes orders, after all attempts."""

    code = "NOT_LEADER"


class NotReady(Problem):
    """The service is starting, or misses something."""

    code = "NOT_READY"


BY_CODE: Final[Mapping[str, type[Problem]]] = MappingProxyType({each.code: each for each in Problem.__subclasses__()})
PASSING: Final = frozenset(("BUSY", "NOT_LEADER", "NOT_READY", "RATE_LIMITED", "TIMEOUT", "INTERNAL"))
"""Codes after which the same request may be answered in a moment."""


def problem(status: int, document: Mapping[str, Any], retry_after: float | None = None) -> Problem:
    """The exception of a problem document."""
    code = str(document.get("code", ""))
    values = document.get("values")
    made = BY_CODE.get(code, Problem)
    detail = str(document.get("detail") or document.get("title") or f"refused with status {status}")
    return made(code, status, detail, values if isinstance(values, dict) else {}, retry_after)
