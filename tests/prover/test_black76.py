"""Black-76 against sixty-digit references, and what must hold for any option."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover import black76

VECTORS = Path(__file__).parents[1] / "vectors" / "external"
CASES = json.loads((VECTORS / "black_scholes.json").read_text())["cases"]
TABLES = json.loads((VECTORS / "normcdf_exp_ln.json").read_text())

Floats = npt.NDArray[np.float64]


def column(cases: list[dict[str, str]], name: str) -> Floats:
    return np.array([float(case[name]) for case in cases])


SPOT, STRIKE, YEARS, VOLATILITY = (column(CASES, name) for name in ("S", "K", "T", "sigma"))
DISCOUNT = np.exp(-column(CASES, "r") * YEARS)
CARRY = np.exp(-column(CASES, "q") * YEARS)
FORWARD = SPOT * CARRY / DISCOUNT


@pytest.mark.parametrize("side", ["call", "put"])
def test_every_reference_price_is_met_within_1e_12(side: str) -> None:
    value = DISCOUNT * black76.price(FORWARD, STRIKE, YEARS, VOLATILITY, side == "call")
    error = np.abs(value - column(CASES, side)) / np.maximum(SPOT, STRIKE)
    assert len(CASES) == 251
    assert error.max() < 1e-12


@pytest.mark.parametrize("side", ["call", "put"])
def test_every_reference_delta_is_met(side: str) -> None:
    value = CARRY * black76.delta(FORWARD, STRIKE, YEARS, VOLATILITY, side == "call")
    assert np.abs(value - column(CASES, f"delta_{side}")).max() < 1e-12


def test_every_reference_gamma_is_met() -> None:
    value = DISCOUNT * (FORWARD / SPOT) ** 2 * black76.gamma(FORWARD, STRIKE, YEARS, VOLATILITY)
    assert value == pytest.approx(column(CASES, "gamma"), rel=1e-11, abs=1e-300)


def test_every_reference_vega_is_met() -> None:
    value = DISCOUNT * black76.vega(FORWARD, STRIKE, YEARS, VOLATILITY)
    assert value == pytest.approx(column(CASES, "vega"), rel=1e-11, abs=1e-300)


def test_the_normal_distribution_meets_its_table() -> None:
    table = TABLES["norm_cdf"]
    x = column(table, "x")
    assert black76.normal_cdf(x) == pytest.approx(column(table, "cdf"), rel=1e-13)
    assert black76.normal_pdf(x) == pytest.approx(column(table, "pdf"), rel=1e-13)


def test_exp_and_ln_meet_their_tables() -> None:
    exp, ln = TABLES["exp"], TABLES["ln"]
    assert black76.exp(column(exp, "x")) == pytest.approx(column(exp, "y"), rel=1e-15)
    assert black76.ln(column(ln, "x")) == pytest.approx(column(ln, "y"), rel=1e-15, abs=1e-300)


def test_erfc_agrees_with_the_system_library_over_its_whole_range() -> None:
    x = np.linspace(-8.0, 26.0, 20_001)
    assert black76.erfc(x) == pytest.approx([math.erfc(each) for each in x.tolist()], rel=4e-15)


def test_exp_ends_in_zero_and_infinity() -> None:
    assert black76.exp(np.array([-800.0, 0.0, 800.0])).tolist() == [0.0, 1.0, np.inf]


def test_no_function_of_a_mathematics_library_is_called() -> None:
    """Only correctly rounded operations, so that every machine computes the same bytes."""
    allowed = {"abs", "arange", "asarray", "broadcast_arrays", "clip", "copysign", "frexp"}
    allowed |= {"full_like", "ldexp", "maximum", "minimum", "ones_like", "rint", "sqrt", "trunc"}
    allowed |= {"where", "zeros_like", "all", "float64", "int32", "bool_", "inf", "nan"}
    tree = ast.parse(Path(black76.__file__).read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np"
    }
    assert used <= allowed
    assert not any(isinstance(node, ast.Pow | ast.MatMult) for node in ast.walk(tree))
    assert "import math" not in ast.unparse(tree)


@pytest.mark.parametrize(("years", "volatility"), [(0.0, 0.5), (0.5, 0.0)])
def test_without_time_or_volatility_an_option_is_worth_its_intrinsic_value(years: float, volatility: float) -> None:
    strikes = [80.0, 100.0, 120.0]
    assert black76.price(100.0, strikes, years, volatility, True).tolist() == [20.0, 0.0, 0.0]
    assert black76.price(100.0, strikes, years, volatility, False).tolist() == [0.0, 0.0, 20.0]


forwards = st.floats(1e-3, 1e6)
ratios = st.floats(0.05, 20.0)
times = st.floats(1e-5, 5.0)
volatilities = st.floats(0.01, 5.0)


@settings(deadline=None)
@given(forwards, ratios, times, volatilities)
def test_call_less_put_is_forward_less_strike(forward: float, ratio: float, years: float, volatility: float) -> None:
    strike = forward * ratio
    call = float(black76.price(forward, strike, years, volatility, True))
    put = float(black76.price(forward, strike, years, volatility, False))
    assert call - put == pytest.approx(forward - strike, abs=1e-12 * max(forward, strike))


@settings(deadline=None)
@given(forwards, ratios, times, volatilities, st.booleans())
def test_a_price_lies_between_intrinsic_value_and_its_bound(
    forward: float, ratio: float, years: float, volatility: float, call: bool
) -> None:
    strike = forward * ratio
    value = float(black76.price(forward, strike, years, volatility, call))
    bound = forward if call else strike
    assert float(black76.intrinsic(forward, strike, call)) <= value <= bound * (1 + 1e-15)


@settings(deadline=None)
@given(forwards, ratios, times, volatilities, st.booleans())
def test_the_volatility_implied_by_a_price_gives_that_price(
    forward: float, ratio: float, years: float, volatility: float, call: bool
) -> None:
    strike = forward * ratio
    value = float(black76.price(forward, strike, years, volatility, call))
    implied = float(black76.implied_volatility(value, forward, strike, years, call))
    if math.isnan(implied):
        time_value = value - float(black76.intrinsic(forward, strike, call))
        assert time_value <= 0.0 or time_value >= min(forward, strike)
    else:
        again = float(black76.price(forward, strike, years, implied, call))
        assert again == pytest.approx(value, abs=1e-13 * max(forward, strike))


@settings(deadline=None)
@given(forwards, st.floats(0.5, 2.0), st.floats(0.02, 2.0), st.floats(0.2, 3.0), st.booleans())
def test_the_solver_recovers_the_volatility_where_the_price_depends_on_it(
    forward: float, ratio: float, years: float, volatility: float, call: bool
) -> None:
    strike = forward * ratio
    slope = float(black76.vega(forward, strike, years, volatility)) / max(forward, strike)
    value = float(black76.price(forward, strike, years, volatility, call))
    implied = float(black76.implied_volatility(value, forward, strike, years, call))
    if slope > 1e-4:
        assert implied == pytest.approx(volatility, rel=1e-9)


@pytest.mark.parametrize(("price", "call"), [(0.0, True), (-1.0, True), (100.0, True), (120.0, False), (20.0, False)])
def test_a_price_that_no_volatility_gives_has_none(price: float, call: bool) -> None:
    assert math.isnan(float(black76.implied_volatility(price, 100.0, 120.0, 0.5, call)))


def test_the_solver_handles_arrays_with_and_without_solutions() -> None:
    solved = black76.implied_volatility([5.0, 0.0, 1e-9], 100.0, [100.0, 100.0, 150.0], 0.25, True)
    assert np.isnan(solved).tolist() == [False, True, False]
