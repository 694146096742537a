"""What the caller of ``prover verify`` trusts, as the command line states it: numbers, roots, locked entries.

Each reader turns the text of an option into a value, or refuses it with the offending text (wrong use, exit
code 2). :class:`Trusted` puts the values over what a file says, or over what the settlement claims of itself,
and names what was then compared with nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

import typer

from prover.hashing import FIELD_ORDER
from prover.orders import domain
from prover.settlement import Expected, LockedDeposit, Settlement
from prover.wire import ADDRESS_BYTES, HASH_BYTES, read_bytes

SHOWN: Final = 80
ROOTS: Final = {"start_root": "--start-root", "seal_root": "--seal", "risk_root": "--risk-root"}


def misuse(message: str) -> NoReturn:
    """Refuses a use of the command line."""
    raise typer.BadParameter(message)


def at_least(least: int) -> Callable[[int | None], int | None]:
    """Checks a number of the command line."""

    def check(value: int | None) -> int | None:
        if value is not None and value < least:
            misuse(f"{value} is below {least}")
        return value

    return check


def number(text: str) -> int:
    """A number, decimal or 0x."""
    try:
        value = int(text, 16 if text.lower().startswith("0x") else 10)
    except ValueError:
        value = -1
    return value if value >= 0 else misuse(f"{text[:SHOWN]!r} is no number, decimal or 0x")


def field_element(text: str) -> int:
    """A field element, decimal or 0x."""
    value = number(text)
    return value if value < FIELD_ORDER else misuse(f"{text[:SHOWN]} is not below the order of the field")


def hash_value(text: str) -> bytes:
    """32 bytes, decimal or 0x."""
    value = number(text)
    if value >= 2 ** (8 * HASH_BYTES):
        misuse(f"{text[:SHOWN]} has more than {HASH_BYTES} bytes")
    return value.to_bytes(HASH_BYTES, "big")


def contract_address(text: str) -> str:
    """A contract's address."""
    if read_bytes(text.lower(), ADDRESS_BYTES) is None:
        misuse(f"{text[:SHOWN]!r} is no address: 0x and {2 * ADDRESS_BYTES} digits")
    return text.lower()


@dataclass(frozen=True, slots=True)
class Ratio:
    """An initial margin ratio."""

    num: int | None = None
    den: int | None = None


def ratio(text: str) -> Ratio:
    """NUM/DEN."""
    parts = text.split("/")
    if len(parts) != 2:
        misuse(f"{text[:SHOWN]!r} is not NUM/DEN, as 5/4")
    return Ratio(number(parts[0]), number(parts[1]))


def pair(text: str) -> tuple[int, int]:
    """ID:VALUE."""
    parts = text.split(":")
    if len(parts) != 2:
        misuse(f"{text[:SHOWN]!r} is not two numbers, ID:VALUE")
    return number(parts[0]), number(parts[1])


def locked_deposit(text: str) -> tuple[int, LockedDeposit]:
    """INDEX:AMOUNT:OWNER."""
    parts = text.split(":")
    if len(parts) != 3:
        misuse(f"{text[:SHOWN]!r} is not three numbers, INDEX:AMOUNT:OWNER")
    return number(parts[0]), LockedDeposit(number(parts[1]), field_element(parts[2]))


def domain_of(stated: int | None, chain_id: int | None, contract: str | None) -> int | None:
    """The domain: stated, or of a contract on a chain."""
    if (chain_id is None) != (contract is None) or (stated is not None and contract is not None):
        misuse("give --domain, or --chain-id and --contract together")
    return stated if chain_id is None or contract is None else domain(chain_id, contract)


@dataclass(frozen=True, slots=True)
class Trusted:
    """Values of :class:`Expected` and of its context by name, None where the caller stated none."""

    values: dict[str, Any]
    context: dict[str, Any]

    def require_roots(self) -> None:
        """Without its three roots a settlement could be of any state, seal or epoch."""
        missing = [option for name, option in ROOTS.items() if self.values[name] is None]
        if missing:
            misuse(f"what do you trust? give {', '.join(missing)}, or --expected FILE")

    def over(self, base: Expected) -> Expected:
        """What is stated, and the base's for the rest."""
        context = replace(base.context, **_stated(self.context))
        return replace(base, context=context, **_stated(self.values))

    def over_claims(self, settlement: Settlement) -> tuple[Expected, list[str]]:
        """What is stated, the settlement's own word for the rest, and the names of that rest."""
        unchecked = [name for name, value in (self.values | self.context).items() if value is None]
        return self.over(Expected.claimed_by(settlement)), unchecked


def _stated(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
