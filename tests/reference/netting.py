"""Sections 4 and 6: expiry of positions into cash, fills netted into positions, the cash they move."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .account import Leaf, Position, slots
from .order import Order, Side, signed_quantity
from .params import CASH_PER_VALUE, Params
from .risk import SettledRow


@dataclass(frozen=True)
class Expiry:
    """What expiry makes of a leaf: E = Σ expired q·value, the flags of its P slots, the positions that stay."""

    value: int
    flags: tuple[bool, ...]
    held: tuple[Position, ...]


def expire(params: Params, leaf: Leaf, settled: Sequence[SettledRow]) -> Expiry:
    """Section 6: "a position in a settled row becomes cash, 10⁴·q·value, when its account is touched"."""
    values = {row.instrument: row.value for row in settled}
    flags = tuple(instrument in values for instrument, _ in slots(params, leaf))
    value = sum(
        position.quantity * values[position.instrument] for position in leaf.positions if position.instrument in values
    )
    return Expiry(value, flags, tuple(position for position in leaf.positions if position.instrument not in values))


def net(held: Sequence[Position], changes: Mapping[int, int]) -> tuple[Position, ...]:
    """Section 1: "positions are kept net, one entry an instrument"; what nets to nothing disappears."""
    totals = {position.instrument: position.quantity for position in held}
    for instrument, change in changes.items():
        totals[instrument] = totals.get(instrument, 0) + change
    return tuple(Position(instrument, totals[instrument]) for instrument in sorted(totals) if totals[instrument] != 0)


def position_changes(fills: Sequence[tuple[Order, int]]) -> dict[int, int]:
    """Σ ±fill by instrument."""
    changes: dict[int, int] = {}
    for order, fill in fills:
        changes[order.instrument] = changes.get(order.instrument, 0) + signed_quantity(order, fill)
    return changes


def premium(order: Order, fill: int, price: int) -> int:
    """Section 2: "Premium of a fill is fill · p* price·lots, hence 10⁴ · fill · p* cash units".

    + paid by a buyer, − received by a seller."""
    cash = CASH_PER_VALUE * fill * price
    return cash if order.side == Side.BUY else -cash


def fee(rate: int, fill: int, price: int) -> int:
    """Section 2: "its fee is rate · fill · p* cash units"."""
    return rate * fill * price
