"""Orders from what people say: an instrument by name, contracts and quote currency as decimal numbers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Final, Literal

from relayer.client.problems import ClientError

LOTS: Final = 10**4
PRICE_UNITS: Final = 10**6
TOKEN_UNITS: Final = 10**6
DIGITS: Final = 60
"""Of a number in its units."""
Number = Decimal | int | str
"""A decimal number. A float is none: it is not what was typed."""
Side = Literal["buy", "sell"]


@dataclass(frozen=True, slots=True)
class Window:
    """Batches an order may be executed in."""

    first: int
    last: int


def lots(contracts: Number) -> int:
    """Contracts as lots of 10⁻⁴."""
    return _units(contracts, LOTS, 32, "a quantity", "contracts")


def price(quote: Number) -> int:
    """A price a contract as price units of 10⁻⁶."""
    return _units(quote, PRICE_UNITS, 42, "a price", "of the quote currency")


def token_units(tokens: Number) -> int:
    """Tokens as units of 10⁻⁶."""
    return _units(tokens, TOKEN_UNITS, 64, "an amount", "tokens")


def _units(number: Number, unit: int, bits: int, what: str, name: str) -> int:
    if isinstance(number, float | bool):
        raise ClientError(f"{what} is a decimal number in text, an integer or a Decimal, not a {type(number).__name__}")
    try:
        # Exactly: what does not fit is refused and not rounded, to nothing perhaps.
        units = Context(prec=DIGITS, traps=[Inexact, InvalidOperation, Overflow]).multiply(Decimal(number), unit)
    except (ArithmeticError, ValueError, TypeError):
        raise ClientError(f"{what} is a decimal number of {name}") from None
    if not units.is_finite() or units != units.to_integral_value():
        raise ClientError(f"{what} has steps of 1/{unit} {name}")
    if not 0 <= units < 2**bits:
        raise ClientError(f"{what} lies from 0 to {Decimal(2**bits - 1) / unit} {name}")
    return int(units)
