"""Every error that the package raises on purpose, in one tree.

Each says what was wrong, with the offending value, and what to do about it; each class has a stable
``code`` that programs can match on. Messages never hold a secret or the content of an order.
"""

from __future__ import annotations

from typing import ClassVar


class TacitError(Exception):
    """The root: anything that tacit refuses, whatever the reason."""

    code: ClassVar[str] = "TACIT"


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
