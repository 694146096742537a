"""The margin rule: which moves of price and volatility an account must survive, as published
integers.

Sizes, dampening and the volatility shock are those of a published portfolio margin (docs/margin.md
cites it); everything here is an integer in a stated unit, so that a rule has one encoding. Turning
a rule into values of instruments is left to :mod:`prover.risk`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from prover.errors import RiskTableError

VolatilityMove = Literal["up", "down"]
ScenarioSet = Literal["standard", "span", "dev"]

BASIS: Final = 10_000  # basis points in one
UNDAMPENED: Final = 100_000  # the unit of `Scenario.damping`


@dataclass(frozen=True, slots=True)
class Scenario:
    """One joint move.

    ``price``: move of every forward, in basis points (−1350 = −13.5 %), above −10 000.
    ``volatility``: which way implied volatility moves. ``damping``: the part of the gain or loss
    that counts, in 1/100 000.
    """

    price: int
    volatility: VolatilityMove
    damping: int = UNDAMPENED

    def __post_init__(self) -> None:
        if self.price <= -BASIS or self.volatility not in ("up", "down") or not 0 < self.damping <= UNDAMPENED:
            limits = f"price above -{BASIS}, volatility up or down, damping 1 to {UNDAMPENED}"
            raise RiskTableError(f"{self!r} is no scenario: {limits}")

    @property
    def label(self) -> str:
        """For people: ``-13.5 % up``, and for a tail its damping: ``+500 % up × 0.02772``."""
        move = f"{self.price / 100:+g} %" if self.price else "0 %"
        tail = f" × {self.damping / UNDAMPENED:g}" if self.damping != UNDAMPENED else ""
        return f"{move} {self.volatility}{tail}"


@dataclass(frozen=True, slots=True)
class MarginRule:
    """The constants of the rule, as integers.

    The volatility σ of an option with ``d`` days to expiry becomes ``σ·(1 + up·m)``, at least
    ``floor``, or ``σ·max(0, 1 − down·m)``, with ``m = (reference_days / max(d, shortest_days)) ^
    power``, the power ``short_power`` for d ≤ reference_days and ``long_power`` beyond. A short
    contract costs ``short_minimum`` of the index on top.
    """

    volatility_up: int = 5_000  # basis points
    volatility_down: int = 3_000  # basis points
    volatility_floor: int = 4_000  # basis points: 40 %, for moves up only
    reference_days: int = 30
    shortest_days: int = 1
    short_power: int = 3_000  # ten-thousandths
    long_power: int = 1_300  # ten-thousandths
    short_minimum: int = 100  # basis points of the index

    def __post_init__(self) -> None:
        powers = (self.short_power, self.long_power)
        moves = (
            self.volatility_up,
            self.volatility_down,
            self.volatility_floor,
            self.short_minimum,
        )
        if min(moves + powers) < 0 or max(moves) > 10 * BASIS or max(powers) > BASIS:
            raise RiskTableError(f"{self!r} is no margin rule: moves up to {10 * BASIS}, powers up to {BASIS}")
        if not 0 < self.shortest_days <= self.reference_days <= 3650:
            raise RiskTableError(f"{self!r} is no margin rule: 0 < shortest_days ≤ reference_days ≤ 3650")


_SHOCKED: Final = tuple(
    Scenario(sign * size, move)
    for size, signs in ((1350, (1, -1)), (900, (1, -1)), (450, (1, -1)), (0, (1,)))
    for sign in signs
    for move in ("up", "down")
)
CORE: Final[tuple[Scenario, ...]] = (*_SHOCKED, Scenario(1800, "up"), Scenario(-1800, "up"))
"""The 16 scenarios of the SPAN-like mode."""

TAILS: Final[tuple[Scenario, ...]] = (
    Scenario(-6600, "up", 21_000),
    Scenario(-3300, "up", 42_000),
    Scenario(5_000, "up", 27_720),
    Scenario(10_000, "up", 13_860),
    Scenario(20_000, "up", 6_930),
    Scenario(30_000, "up", 4_620),
    Scenario(40_000, "up", 3_465),
    Scenario(50_000, "up", 2_772),
)
"""The eight tails: dampening 0.1386 / |move|."""

DEV: Final[tuple[Scenario, ...]] = (CORE[0], CORE[2], TAILS[0], TAILS[-1])
"""Four telling ones for the `dev` parameter set: ±13.5 % with volatility up, −66 % and +500 %
dampened.
"""

SCENARIO_SETS: Final[dict[str, tuple[Scenario, ...]]] = {
    "standard": (*CORE, *TAILS),
    "span": CORE,
    "dev": DEV,
}


def scenario_set(name: str) -> tuple[Scenario, ...]:
    """The scenarios by name: ``standard`` (24; parameter sets standard and large), ``span`` (16) or
    ``dev`` (4).
    """
    if name not in SCENARIO_SETS:
        raise RiskTableError(f"unknown scenario set {name!r}; there are {', '.join(SCENARIO_SETS)}")
    return SCENARIO_SETS[name]


def padded(scenarios: tuple[Scenario, ...], count: int) -> tuple[Scenario, ...]:
    """The scenarios repeated from the first until there are ``count``; repeating one changes no
    margin.
    """
    if not scenarios or count < len(scenarios):
        raise RiskTableError(f"{len(scenarios)} scenarios cannot be padded to {count}")
    return tuple(scenarios[i % len(scenarios)] for i in range(count))
