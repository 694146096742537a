"""Every error that the package raises on purpose, in one tree.

Each says what was wrong, with the offending value, and what to do about it; ``values`` holds the
offending values by name, and each class has a stable ``code`` that programs can match on. Messages
and values never hold a secret or the content of an order. The Rust side raises these same classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar


class TacitError(Exception):
    """The root: anything that tacit refuses, whatever the reason."""

    code: ClassVar[str] = "TACIT"

    def __init__(self, message: str, values: Mapping[str, object] = MappingProxyType({})) -> None:
        super().__init__(message)
        self.values: Mapping[str, object] = MappingProxyType(dict(values))


class ChainError(TacitError):
    """An option chain that cannot become a risk table: a malformed file, a contradiction in it, or
    a selection it lacks.
    """

    code: ClassVar[str] = "CHAIN"


class RiskTableError(TacitError):
    """A risk table that is malformed, or a request that it cannot answer (an unknown instrument, a
    value out of range).
    """

    code: ClassVar[str] = "RISK_TABLE"


class FieldError(TacitError):
    """A number that is no element of the field, or a wrong number of them."""

    code: ClassVar[str] = "FIELD"


class PointError(TacitError):
    """Coordinates or bytes that are no point of the curve, or no signature."""

    code: ClassVar[str] = "POINT"


class ParamsError(TacitError):
    """A parameter set that does not exist, or not the one at hand."""

    code: ClassVar[str] = "PARAMS"


class AuctionError(TacitError):
    """Arrays of orders and marks that cannot be cleared."""

    code: ClassVar[str] = "AUCTION"


class BatchError(TacitError):
    """A batch that is malformed, statically wrong, or does not belong to the state it is cleared on."""

    code: ClassVar[str] = "BATCH"


class StateError(TacitError):
    """Stored state that is damaged, or an account outside it."""

    code: ClassVar[str] = "STATE"


class ReadingError(TacitError):
    """Public data that an account's key does not open."""

    code: ClassVar[str] = "READING"


class OwnerError(TacitError):
    """An exit request or an escape that is not the owner's to make, or that its own data contradict."""

    code: ClassVar[str] = "OWNER"


class KeyFileError(TacitError):
    """A proving or verifying key, or its manifest, that is damaged or unsafe to use."""

    code: ClassVar[str] = "KEY_FILE"


class WrongCircuitError(KeyFileError):
    """A key made for another circuit than this program's."""

    code: ClassVar[str] = "WRONG_CIRCUIT"


class CeremonyError(TacitError):
    """A file of powers, a transcript or keys of a ceremony that must not be used; ``fault`` among its values names the
    kind of fault.
    """

    code: ClassVar[str] = "CEREMONY"


class ProvingError(TacitError):
    """A proof that was not made."""

    code: ClassVar[str] = "PROVING"


class CancelledError(ProvingError):
    """Proving stopped because it was asked to."""

    code: ClassVar[str] = "CANCELLED"


class SettlementError(TacitError):
    """A settlement that is malformed: not even looked at."""

    code: ClassVar[str] = "SETTLEMENT"


class VerificationError(TacitError):
    """A settlement that does not hold, or is another one than was expected."""

    code: ClassVar[str] = "VERIFICATION"


class FileError(TacitError):
    """A file that cannot be read or written; what was there before is as it was."""

    code: ClassVar[str] = "FILE"


class InternalError(TacitError):
    """A bug in tacit."""

    code: ClassVar[str] = "INTERNAL"
