"""Black-76 with rate 0, vectorised and the same to the last bit on every machine.

Prices, Greeks and implied volatility of European options on a forward. Only ``+ − × ÷ √`` and
scaling by powers of two are used on floats: IEEE 754 rounds these exactly, so two posters of one
epoch get the same bytes, which ``exp``, ``log`` and ``erfc`` of a system's mathematics library do
not promise. Prices are within 10⁻¹⁵ of the larger of forward and strike (tests hold them to 10⁻¹²,
against sixty-digit references). Rounding to integers is left to :mod:`prover.risk`.

Units: forward, strike and price in the quote currency, time in years (ACT/365), volatility as a
fraction a year (0.5 = 50 %).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# ln 2 in two parts; the product of the upper one with a small integer is exact.
_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_LOG2_E: Final = 1.4426950408889634
_SQRT_HALF: Final = 0.7071067811865476
_INVERSE_SQRT_PI: Final = 0.5641895835477563
_INVERSE_SQRT_2PI: Final = 0.3989422804014327

# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969):
# coefficients of erf on [0, 0.46875], of erfc on (0.46875, 4] and beyond 4, highest power first.
_NEAR_TOP: Final = (
    1.85777706184603153e-1,
    3.16112374387056560e0,
    1.13864154151050156e2,
    3.77485237685302021e2,
    3.20937758913846947e3,
)
_NEAR_BOTTOM: Final = (
    1.0,
    2.36012909523441209e1,
    2.44024637934444173e2,
    1.28261652607737228e3,
    2.84423683343917062e3,
)
_MIDDLE_TOP: Final = (
    2.15311535474403846e-8,
    5.64188496988670089e-1,
    8.88314979438837594e0,
    6.61191906371416295e1,
    2.98635138197400131e2,
    8.81952221241769090e2,
    1.71204761263407058e3,
    2.05107837782607147e3,
    1.23033935479799725e3,
)
_MIDDLE_BOTTOM: Final = (
    1.0,
    1.57449261107098347e1,
    1.17693950891312499e2,
    5.37181101862009858e2,
    1.62138957456669019e3,
    3.29079923573345963e3,
    4.36261909014324716e3,
    3.43936767414372164e3,
    1.23033935480374942e3,
)
_FAR_TOP: Final = (
    1.63153871373020978e-2,
    3.05326634961232344e-1,
    3.60344899949804439e-1,
    1.25781726111229246e-1,
    1.60837851487422766e-2,
    6.58749161529837803e-4,
)
_FAR_BOTTOM: Final = (
    1.0,
    2.56852019228982242e0,
    1.87295284992346725e0,
    5.27905102951428412e-1,
    6.05183413124413191e-2,
    2.33520497626869185e-3,
)

_LARGEST_DEVIATION: Final = 40.0  # volatility · √years beyond which the price no longer moves in a double
_SOLVER_STEPS: Final = 200  # bisection alone needs about 60; Newton about 6


def _polynomial(x: Floats, coefficients: tuple[float, ...]) -> Floats:
    """Horner's rule, highest power first."""
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


def exp(x: Floats) -> Floats:
    """eˣ to within two units in the last place; 0 below −745, infinity above 709."""
    x = np.asarray(x, dtype=np.float64)
    bounded = np.clip(x, -745.0, 709.0)
    whole = np.rint(bounded * _LOG2_E)
    rest = (bounded - whole * _LN2_HIGH) - whole * _LN2_LOW
    taylor = np.ones_like(rest)
    for divisor in range(14, 0, -1):
        taylor = taylor * rest / divisor + 1.0
    value = np.ldexp(taylor, whole.astype(np.int32))
    return np.where(x < -745.0, 0.0, np.where(x > 709.0, np.inf, value))


def ln(x: Floats) -> Floats:
    """The natural logarithm of positive finite numbers, to within two units in the last place away
    from 1.
    """
    mantissa, exponent = np.frexp(np.asarray(x, dtype=np.float64))
    low = mantissa < _SQRT_HALF
    mantissa = np.where(low, mantissa * 2.0, mantissa)
    powers = exponent - low
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = np.zeros_like(ratio)
    for odd in range(25, 1, -2):
        series = (series + 1.0 / odd) * square
    return powers * _LN2_HIGH + (powers * _LN2_LOW + 2.0 * (ratio + ratio * series))


def power(base: Floats, exponent: float) -> Floats:
    """base^exponent for positive bases and moderate results."""
    return exp(exponent * ln(base))


def _gaussian(x: Floats) -> Floats:
    """e^(−x²) without losing digits to the rounding of x²."""
    coarse = np.trunc(x * 16.0) / 16.0
    return exp(-coarse * coarse) * exp(-(x - coarse) * (x + coarse))


def erfc(x: Floats) -> Floats:
    """The complementary error function (Cody), relative error about 10⁻¹⁵ wherever the result is a
    normal number.
    """
    x = np.asarray(x, dtype=np.float64)
    size = np.abs(x)
    near = np.minimum(size, 0.46875)
    square = near * near
    small = 1.0 - near * _polynomial(square, _NEAR_TOP) / _polynomial(square, _NEAR_BOTTOM)
    middle = np.clip(size, 0.46875, 4.0)
    medium = _polynomial(middle, _MIDDLE_TOP) / _polynomial(middle, _MIDDLE_BOTTOM)
    far = np.clip(size, 4.0, 40.0)
    inverse = 1.0 / (far * far)
    tail = (_INVERSE_SQRT_PI - inverse * _polynomial(inverse, _FAR_TOP) / _polynomial(inverse, _FAR_BOTTOM)) / far
    large = _gaussian(np.minimum(size, 40.0)) * np.where(size <= 4.0, medium, tail)
    value = np.where(size <= 0.46875, small, large)
    return np.where(x < 0.0, 2.0 - value, value)


def normal_cdf(x: Floats) -> Floats:
    """The standard normal distribution function."""
    return 0.5 * erfc(-np.asarray(x, dtype=np.float64) * _SQRT_HALF)


def normal_pdf(x: Floats) -> Floats:
    """The standard normal density."""
    return _INVERSE_SQRT_2PI * _gaussian(np.asarray(x, dtype=np.float64) * _SQRT_HALF)


def _scores(forward: Floats, strike: Floats, deviation: Floats) -> tuple[Floats, Floats]:
    """d₁ and d₂; for a deviation of 0 their limits, ±∞ or 0."""
    moneyness = ln(forward / strike)
    positive = deviation > 0.0
    spread = np.where(positive, deviation, 1.0)
    limit = np.where(moneyness == 0.0, 0.0, np.copysign(np.inf, moneyness))
    centre = np.where(positive, moneyness / spread, limit)
    return centre + 0.5 * deviation, centre - 0.5 * deviation


def _out_of_the_money(forward: Floats, strike: Floats, deviation: Floats) -> Floats:
    """The price of the out-of-the-money one of call and put: the time value of both."""
    d1, d2 = _scores(forward, strike, deviation)
    side = np.where(forward <= strike, 1.0, -1.0)
    value = side * (forward * normal_cdf(side * d1) - strike * normal_cdf(side * d2))
    return np.maximum(value, 0.0)


def _arrays(*values: npt.ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.asarray(value, dtype=np.float64) for value in np.broadcast_arrays(*values))


def _sides(call: npt.ArrayLike) -> Floats:
    return np.where(np.asarray(call, dtype=np.bool_), 1.0, -1.0)


def intrinsic(forward: npt.ArrayLike, strike: npt.ArrayLike, call: npt.ArrayLike) -> Floats:
    """max(0, F − K) for a call, max(0, K − F) for a put."""
    forward, strike, side = _arrays(forward, strike, _sides(call))
    return np.maximum(side * (forward - strike), 0.0)


def price(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    call: npt.ArrayLike,
) -> Floats:
    """Undiscounted Black-76 prices; all arguments broadcast. A volatility or time of 0 gives the
    intrinsic value.
    """
    forward, strike, years, volatility, side = _arrays(forward, strike, years, volatility, _sides(call))
    deviation = volatility * np.sqrt(years)
    return intrinsic(forward, strike, side > 0.0) + _out_of_the_money(forward, strike, deviation)


def delta(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    volatility: npt.ArrayLike,
    call: npt.ArrayLike,
) -> Floats:
    """∂price/∂forward, from −1 to 1."""
    forward, strike, years, volatility, side = _arrays(forward, strike, years, volatility, _sides(call))
    d1, _ = _scores(forward, strike, volatility * np.sqrt(years))
    return side * normal_cdf(side * d1)


def gamma(forward: npt.ArrayLike, strike: npt.ArrayLike, years: npt.ArrayLike, volatility: npt.ArrayLike) -> Floats:
    """∂²price/∂forward², the same for call and put; time and volatility must be positive."""
    forward, strike, years, volatility = _arrays(forward, strike, years, volatility)
    deviation = volatility * np.sqrt(years)
    d1, _ = _scores(forward, strike, deviation)
    return normal_pdf(d1) / (forward * deviation)


def vega(forward: npt.ArrayLike, strike: npt.ArrayLike, years: npt.ArrayLike, volatility: npt.ArrayLike) -> Floats:
    """∂price/∂volatility for a change of 1.0, that is of 100 points; the same for call and put."""
    forward, strike, years, volatility = _arrays(forward, strike, years, volatility)
    root = np.sqrt(years)
    d1, _ = _scores(forward, strike, volatility * root)
    return forward * normal_pdf(d1) * root


def implied_volatility(
    price: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    years: npt.ArrayLike,
    call: npt.ArrayLike,
) -> Floats:
    """The volatility at which Black-76 gives ``price``; NaN where none does.

    None does when the price is not above intrinsic value, or reaches its bound (the forward for a
    call, the strike for a put). Newton's method inside a bracket that every step shrinks; a step
    that would leave it, or that falls too slowly, bisects.
    """
    price, forward, strike, years, side = _arrays(price, forward, strike, years, _sides(call))
    target = price - intrinsic(forward, strike, side > 0.0)
    solvable = (target > 0.0) & (target < np.minimum(forward, strike)) & (years > 0.0)
    deviation = _implied_deviation(np.where(solvable, target, 0.0), forward, strike)
    return np.where(solvable, deviation / np.sqrt(np.where(solvable, years, 1.0)), np.nan)


def _implied_deviation(target: Floats, forward: Floats, strike: Floats) -> Floats:
    """The deviation (volatility · √years) at which the time value is ``target``."""
    low, high = np.zeros_like(target), np.full_like(target, _LARGEST_DEVIATION)
    inflection = np.sqrt(2.0 * np.abs(ln(forward / strike)))
    guess = np.clip(inflection, 1e-3, 0.5 * _LARGEST_DEVIATION)
    last = high - low
    for _ in range(_SOLVER_STEPS):
        excess = _out_of_the_money(forward, strike, guess) - target
        low, high = np.where(excess < 0.0, guess, low), np.where(excess >= 0.0, guess, high)
        slope = forward * normal_pdf(_scores(forward, strike, guess)[0])
        step = excess / np.where(slope > 0.0, slope, 1.0)
        newton = guess - step
        trusted = (slope > 0.0) & (newton > low) & (newton < high) & (2.0 * np.abs(step) <= last)
        following = np.where(trusted, newton, 0.5 * (low + high))
        last = np.abs(following - guess)
        guess = following
        if bool(np.all(last <= 1e-15 * guess)):
            break
    return guess
