"""The instruments that tests of the vault trade: three options that lose or gain a tenth in the scenarios of `dev`."""

from __future__ import annotations

from prover.batch import RiskRow

DOLLAR = 10**6
"""Token units of a dollar, and price units a contract."""
CONTRACT = 10**4
"""Lots."""


def risk_row(instrument: int, mark: int) -> RiskRow:
    """An instrument at a mark, in price units."""
    values = (mark * 9 // 10, mark * 95 // 100, mark * 105 // 100, mark * 11 // 10)
    return RiskRow(instrument, mark, mark // 10, 0, values)


ROWS = (risk_row(3, 100 * DOLLAR), risk_row(7, 40 * DOLLAR), risk_row(9, 5 * DOLLAR))
