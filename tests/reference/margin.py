"""Section 6: the margin claims C_s of an account and the test they decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .account import Position
from .errors import UnprovableError
from .order import Order, Side, signed_quantity
from .params import CASH_PER_VALUE, CLAIM_OFFSET
from .risk import RiskRow


@dataclass(frozen=True)
class Ratio:
    """The initial margin ratio num/den and the batch's fee rate in basis points."""

    num: int
    den: int
    rate: int


@dataclass(frozen=True)
class Margin:
    """Claims and differences by scenario, the mark last; all in price unit × lot, times num or den as section 6 says.

    `net_mark` is X_mark − ⌊cash/10⁴⌋ and `short_requirement` is R."""

    claims: tuple[int, ...]
    differences: tuple[int, ...]
    net_values: tuple[int, ...]
    net_mark: int
    short_requirement: int

    def holds(self) -> bool:
        """Section 6: "for every s and for s = mark: C_s ≥ 0 or D_s = 0"."""
        return all(c >= 0 or d == 0 for c, d in zip(self.claims, self.differences, strict=True))


def order_weights(row: RiskRow, ratio: Ratio) -> list[int]:
    """Section 6: "W_s = num·V_s − (num − den)·mark, W_mark = den·mark"; the mark last."""
    weights = [ratio.num * value - (ratio.num - ratio.den) * row.mark for value in row.values]
    return [*weights, ratio.den * row.mark]


def fee_bound(ratio: Ratio, limit: int) -> int:
    """Section 6: "f_i = ⌈den·rate·l_i/10⁴⌉"."""
    return -(-ratio.den * ratio.rate * limit // 10**4)


def differences(
    table: Mapping[int, RiskRow], ratio: Ratio, scenarios: int, trades: Sequence[Order], withdrawal: int
) -> list[int]:
    """Section 6: "D_s = Σ_i min(0, ±Q_i·(W_{i,s} − den·l_i) − Q_i·f_i) − den·(10⁴·withdrawal + Σ_{sells} Q_i·minimum_i)"."""
    minimums = sum(
        order.quantity * table[order.instrument].short_minimum for order in trades if order.side == Side.SELL
    )
    totals = [-ratio.den * (10**4 * withdrawal + minimums)] * (scenarios + 1)
    for order in trades:
        for s, weight in enumerate(order_weights(table[order.instrument], ratio)):
            gain = signed_quantity(order, order.quantity) * (weight - ratio.den * order.limit)
            totals[s] += min(0, gain - order.quantity * fee_bound(ratio, order.limit))
    return totals


def margin(
    table: Mapping[int, RiskRow],
    ratio: Ratio,
    scenarios: int,
    cash: int,
    held: Sequence[Position],
    trades: Sequence[Order],
    withdrawal: int,
) -> Margin:
    """Section 6: "C_s = num·X_s − (num − den)·X_mark − den·R + D_s" and "C_mark = den·X_mark − den·R + D_mark".

    `cash` after expiry and deposit, `held` the unexpired positions, `trades` the survivors of tests 1 to 9."""
    for position in held:
        if position.instrument not in table:
            raise UnprovableError(f"instrument {position.instrument} is held, but stands in neither table")
    whole = cash // CASH_PER_VALUE
    net_values = [sum(p.quantity * table[p.instrument].values[s] for p in held) for s in range(scenarios)]
    net_mark = sum(p.quantity * table[p.instrument].mark for p in held)
    requirement = sum(-p.quantity * table[p.instrument].short_minimum for p in held if p.quantity < 0)
    d = differences(table, ratio, scenarios, trades, withdrawal)
    num, den = ratio.num, ratio.den
    x_mark = whole + net_mark
    claims = [num * (whole + x) - (num - den) * x_mark - den * requirement + d[s] for s, x in enumerate(net_values)]
    claims.append(den * x_mark - den * requirement + d[scenarios])
    for claim in claims:
        if not -CLAIM_OFFSET <= claim < CLAIM_OFFSET:
            raise UnprovableError(f"claim {claim} is out of range")
    return Margin(tuple(claims), tuple(d), tuple(net_values), net_mark, requirement)
