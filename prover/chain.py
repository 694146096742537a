"""Reads an option chain and says exactly what is wrong with one that cannot be trusted.

Guarantees of a :class:`Chain`: every quote is complete and finite, no instrument is listed twice,
none has expired, one forward an expiry, marks cross no strike beyond the tolerance, a stated
volatility does not contradict its mark, and every quote has a volatility. Floats live here and in
:mod:`prover.black76` only; :mod:`prover.risk` turns them into integers, once.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, DecimalException
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from prover import black76
from prover.errors import ChainError

Kind = Literal["C", "P"]
QuotedIn = Literal["underlying", "quote"]
Unpriced = Literal["error", "skip"]
ChainPath = str | os.PathLike[str]

UNIT: Final = 10**6  # price units in one of the quote currency
SECONDS_A_YEAR: Final = 365 * 86_400
MAX_PRICE: Final = 2**42
MIN_VOLATILITY: Final = 1e-4  # 0.01 % a year
MAX_VOLATILITY: Final = 20.0  # 2 000 % a year
NAME_LENGTH: Final = 32

REQUIRED: Final = ("expiry_utc", "strike", "type")
FORWARD_COLUMNS: Final = ("underlying_price_implied", "underlying_price")
_ALTERNATIVES: Final = (FORWARD_COLUMNS, ("instrument_name", "currency"))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"
_KINDS: Final[Mapping[str, Kind]] = {"C": "C", "CALL": "C", "P": "P", "PUT": "P"}

# What a chain may contradict itself by: marks of neighbouring strikes and a mark and its own
# volatility, as shares of the forward; the forwards stated for one expiry; the times of valuation.
CROSSING_TOLERANCE: Final = 1e-3
CONTRADICTION_TOLERANCE: Final = 5e-3
FORWARD_TOLERANCE: Final = 1e-2
VALUATION_TOLERANCE: Final = timedelta(hours=1)
# The time value, as a share of the forward, below which a price holds no volatility.
TIME_VALUE_RESOLUTION: Final = 1e-8


@dataclass(frozen=True, slots=True)
class Quote:
    """One instrument of a chain.

    ``expiry``: seconds since 1970 UTC. ``strike``: 10⁻⁶ of the quote currency. ``forward``,
    ``mark``: quote currency a contract. ``spread``: ask − bid where the mark is their mid, else 0.
    ``volatility``: fraction a year, None where the chain states none. ``line``: in the file.
    """

    line: int
    name: str
    expiry: int
    strike: int
    kind: Kind
    forward: float
    mark: float
    spread: float
    volatility: float | None

    @property
    def place(self) -> str:
        """For messages: its name and line."""
        return f"{self.name} (line {self.line})"

    @property
    def key(self) -> tuple[int, int, Kind]:
        """What makes it this instrument, and its place in the order of ids."""
        return self.expiry, self.strike, self.kind

    def time_value(self) -> float:
        """The mark less intrinsic value, in the quote currency."""
        return self.mark - float(black76.intrinsic(self.forward, self.strike / UNIT, self.kind == "C"))


@dataclass(frozen=True, slots=True)
class _Listing:
    """One line of the file, parsed; what the line leaves out is None. Prices are as quoted."""

    line: int
    name: str
    expiry: int
    strike: int
    kind: Kind
    forward: float | None
    mark: float | None
    bid: float | None
    ask: float | None
    volatility: float | None
    index: float | None
    valuation: datetime | None

    @property
    def place(self) -> str:
        return f"{self.name} (line {self.line})"


@dataclass(frozen=True, slots=True)
class Skipped:
    """An instrument left out because nothing in the chain prices it."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chain:
    """A validated chain: quotes by (expiry, strike, type), all with a volatility.

    ``valuation``: microseconds since 1970 UTC. ``index``: quote currency. ``skipped``: what nothing
    prices.
    """

    quotes: tuple[Quote, ...]
    valuation: int
    index: float
    skipped: tuple[Skipped, ...]


def expiry_code(expiry: int) -> str:
    """The day of an expiry as exchanges write it: ``6DEC25``."""
    day = _EPOCH + timedelta(seconds=expiry)
    return f"{day.day}{_MONTHS[4 * day.month - 4 : 4 * day.month - 1]}{day.year % 100:02d}"


def instrument_name(currency: str, expiry: int, strike: int, kind: Kind) -> str:
    """The name in Deribit's form: ``BTC-26DEC25-60000-C``; ``d`` stands for the decimal point of a
    strike.
    """
    whole, fraction = divmod(strike, UNIT)
    decimals = f"d{fraction:06d}".rstrip("0") if fraction else ""
    return f"{currency}-{expiry_code(expiry)}-{whole}{decimals}-{kind}"


def years_to(expiry: int, valuation: int) -> float:
    """Time to expiry in years, ACT/365, from seconds and microseconds since 1970."""
    return (expiry * 1_000_000 - valuation) / (SECONDS_A_YEAR * 1_000_000)


def read_chain(
    path: ChainPath,
    *,
    valuation: datetime | None = None,
    quoted_in: QuotedIn = "underlying",
    unpriced: Unpriced = "error",
) -> Chain:
    """Read and validate a chain CSV; columns and rows in any order.

    ``valuation`` replaces the column ``valuation_utc``. ``quoted_in`` says whether mark, bid and
    ask are in the underlying (then they are multiplied by the forward) or in the quote currency.
    ``unpriced`` says what becomes of an instrument that nothing prices: ``error`` refuses the
    chain, ``skip`` leaves it out and reports it in ``Chain.skipped``. Raises :class:`ChainError`.
    """
    if quoted_in not in ("underlying", "quote") or unpriced not in ("error", "skip"):
        raise ChainError(f"quoted_in {quoted_in!r} (underlying, quote) or unpriced {unpriced!r} (error, skip)")
    listings = [_listing(line, cells) for line, cells in _records(Path(path))]
    _refuse_duplicates(listings)
    moment = _valuation(listings, valuation)
    _refuse_expired(listings, moment)
    forwards = _forwards(listings)
    priced = [_quote(listing, forwards[listing.expiry], quoted_in, moment) for listing in listings]
    solved = _with_volatility([quote for quote in priced if isinstance(quote, Quote)], moment)
    skipped = [each for each in [*priced, *solved] if isinstance(each, Skipped)]
    quotes = [each for each in solved if isinstance(each, Quote)]
    _report_skipped(skipped, len(quotes), unpriced)
    _refuse_crossed(quotes)
    _refuse_contradictions(quotes, moment)
    return Chain(
        tuple(quotes),
        moment,
        _index(listings, forwards),
        tuple(sorted(skipped, key=lambda each: each.name)),
    )


# --- from text to listings ------------------------------------------------------------------------


def _records(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Every line of the file as column → cell, with its number."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header)
            records = []
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise ChainError(f"line {reader.line_num}: {len(cells)} cells for {len(header)} columns")
                records.append((reader.line_num, dict(zip(header, cells, strict=True))))
    except OSError as error:
        raise ChainError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ChainError(f"{path} is not a CSV file in UTF-8: {error}") from error
    if not records:
        raise ChainError(f"{path} lists no instrument")
    return records


def _check_header(path: Path, header: Sequence[str]) -> None:
    if not header:
        raise ChainError(f"{path} is empty")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ChainError(f"{path} has column {twice[0]!r} twice")
    missing = [name for name in REQUIRED if name not in header]
    missing += [" or ".join(group) for group in _ALTERNATIVES if not any(name in header for name in group)]
    if missing:
        raise ChainError(f"{path} lacks the column {', '.join(missing)}; it has {', '.join(header)}")


def _listing(line: int, cells: Mapping[str, str]) -> _Listing:
    expiry = _moment(line, "expiry_utc", cells.get("expiry_utc", ""))
    if expiry is None:
        raise ChainError(f"line {line}: expiry_utc is empty")
    seconds = (expiry - _EPOCH) // timedelta(seconds=1)
    strike, kind = _strike(line, cells["strike"]), _kind(line, cells["type"])
    percent = _number(line, "mark_iv", cells)
    return _Listing(
        line=line,
        name=_name(line, cells, seconds, strike, kind),
        expiry=seconds,
        strike=strike,
        kind=kind,
        forward=_positive(line, "underlying_price_implied", cells) or _positive(line, "underlying_price", cells),
        mark=_number(line, "mark_price", cells),
        bid=_number(line, "bid_price", cells),
        ask=_number(line, "ask_price", cells),
        volatility=percent / 100.0 if percent else None,
        index=_positive(line, "index_price", cells),
        valuation=_moment(line, "valuation_utc", cells.get("valuation_utc", "")),
    )


def _number(line: int, column: str, cells: Mapping[str, str]) -> float | None:
    """A finite number not below 0; None where the column or the cell is missing."""
    text = cells.get(column, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise ChainError(f"line {line}: {column} {text!r} is not a number") from error
    if not math.isfinite(value):
        raise ChainError(f"line {line}: {column} {text!r} is not finite; leave it empty where there is no value")
    if value < 0:
        raise ChainError(f"line {line}: {column} {text} is negative")
    return value


def _positive(line: int, column: str, cells: Mapping[str, str]) -> float | None:
    value = _number(line, column, cells)
    if value == 0:
        raise ChainError(f"line {line}: {column} is 0")
    return value


def _moment(line: int, column: str, text: str) -> datetime | None:
    """A time in ISO 8601, in UTC where it names no zone; None where it is empty."""
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ChainError(f"line {line}: {column} {text!r} is not a time like 2025-12-26T08:00:00+00:00") from error


def _strike(line: int, text: str) -> int:
    try:
        units = Decimal(text.strip()) * UNIT
    except DecimalException as error:
        raise ChainError(f"line {line}: strike {text!r} is not a number") from error
    if not units.is_finite() or units != units.to_integral_value() or not 0 < units < MAX_PRICE:
        raise ChainError(f"line {line}: strike {text!r} is not a multiple of 0.000001 up to {MAX_PRICE // UNIT}")
    return int(units)


def _kind(line: int, text: str) -> Kind:
    kind = _KINDS.get(text.strip().upper())
    if kind is None:
        raise ChainError(f"line {line}: type {text!r} is neither C nor P")
    return kind


def _name(line: int, cells: Mapping[str, str], expiry: int, strike: int, kind: Kind) -> str:
    """The instrument's name, made where the chain has none; a name that contradicts its columns is
    refused.
    """
    name = cells.get("instrument_name", "").strip()
    currency = name.split("-")[0] if name else cells.get("currency", "").strip()
    if not currency:
        raise ChainError(f"line {line}: neither instrument_name nor currency is filled")
    expected = instrument_name(currency, expiry, strike, kind)
    if name and name != expected:
        raise ChainError(f"line {line}: instrument_name {name!r} contradicts its columns, which say {expected!r}")
    if len(expected) > NAME_LENGTH:
        raise ChainError(f"line {line}: instrument name {expected!r} is longer than {NAME_LENGTH}")
    return expected


# --- what holds for the chain as a whole ----------------------------------------------------------


def _refuse_duplicates(listings: Sequence[_Listing]) -> None:
    """One underlying, one line an instrument, one expiry a day."""
    names: dict[str, _Listing] = {}
    for listing in listings:
        if listing.name.split("-")[0] != listings[0].name.split("-")[0]:
            raise ChainError(f"{listings[0].name} and {listing.name} are of two underlyings; one chain has one")
        first = names.setdefault(listing.name, listing)
        if first is not listing:
            raise ChainError(f"{listing.name} is listed twice, in lines {first.line} and {listing.line}")


def _valuation(listings: Sequence[_Listing], given: datetime | None) -> int:
    """The time of valuation in microseconds: the one given, else the latest in the file."""
    stated = [given] if given else [listing.valuation for listing in listings if listing.valuation]
    if not stated:
        raise ChainError("the chain has no valuation_utc; give the time of valuation")
    moments = [moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment for moment in stated]
    if max(moments) - min(moments) > VALUATION_TOLERANCE:
        raise ChainError(f"valuation_utc runs from {min(moments)} to {max(moments)}; one chain is one moment")
    return (max(moments) - _EPOCH) // timedelta(microseconds=1)


def _refuse_expired(listings: Iterable[_Listing], moment: int) -> None:
    for listing in listings:
        if listing.expiry * 1_000_000 <= moment:
            at = (_EPOCH + timedelta(microseconds=moment)).isoformat()
            raise ChainError(f"{listing.place} has expired at the valuation {at}; remove it")


def _forwards(listings: Sequence[_Listing]) -> dict[int, float]:
    """The forward of each expiry: the middle one of those stated for it."""
    stated: dict[int, list[float]] = {}
    for listing in listings:
        stated.setdefault(listing.expiry, []).extend([listing.forward] if listing.forward else [])
    for expiry, values in stated.items():
        values.sort()
        if not values:
            raise ChainError(f"{expiry_code(expiry)} has no forward; fill {' or '.join(FORWARD_COLUMNS)}")
        if not 1 <= values[0] * UNIT <= values[-1] * UNIT < MAX_PRICE:
            raise ChainError(
                f"the forward {values[-1]} of {expiry_code(expiry)} is not from 0.000001 to {MAX_PRICE // UNIT}"
            )
        if values[-1] - values[0] > FORWARD_TOLERANCE * values[0]:
            raise ChainError(f"the expiry {expiry_code(expiry)} has forwards from {values[0]} to {values[-1]}")
    return {expiry: values[(len(values) - 1) // 2] for expiry, values in stated.items()}


def _index(listings: Sequence[_Listing], forwards: Mapping[int, float]) -> float:
    """The underlying's own price: ``index_price`` where stated (the middle one), else the forward
    of the nearest expiry.
    """
    stated = sorted(listing.index for listing in listings if listing.index)
    return stated[(len(stated) - 1) // 2] if stated else forwards[min(forwards)]


# --- prices and volatilities ----------------------------------------------------------------------


def _quote(listing: _Listing, forward: float, quoted_in: QuotedIn, moment: int) -> Quote | Skipped:
    """The listing with its mark in the quote currency: the mark price, else the value at its
    volatility, else the mid.
    """
    factor = forward if quoted_in == "underlying" else 1.0
    bid, ask, spread = listing.bid, listing.ask, 0.0
    if bid is not None and ask is not None and bid > ask:
        raise ChainError(f"{listing.place} is crossed: bid {bid} above ask {ask}")
    if listing.mark is not None:
        mark = listing.mark * factor
    elif listing.volatility is not None:
        years = years_to(listing.expiry, moment)
        mark = float(black76.price(forward, listing.strike / UNIT, years, listing.volatility, listing.kind == "C"))
    elif bid is not None and ask is not None:
        mark, spread = 0.5 * (bid + ask) * factor, (ask - bid) * factor
    else:
        return Skipped(listing.name, "neither mark_price, nor mark_iv, nor both bid_price and ask_price")
    if mark * UNIT >= MAX_PRICE - 1:
        raise ChainError(f"{listing.place} has the mark {mark}, above {MAX_PRICE // UNIT}")
    return Quote(
        line=listing.line,
        name=listing.name,
        expiry=listing.expiry,
        strike=listing.strike,
        kind=listing.kind,
        forward=forward,
        mark=mark,
        spread=spread,
        volatility=listing.volatility,
    )


def _with_volatility(quotes: Sequence[Quote], moment: int) -> list[Quote | Skipped]:
    """The quotes by (expiry, strike, type); one without a volatility takes the one its strike's
    prices imply.
    """
    ordered = sorted(quotes, key=lambda quote: quote.key)
    sources: dict[tuple[int, int], Quote] = {}
    for quote in sorted(ordered, key=_is_in_the_money):
        if quote.volatility is not None or quote.time_value() > TIME_VALUE_RESOLUTION * quote.forward:
            sources.setdefault((quote.expiry, quote.strike), quote)
    wanted = {(quote.expiry, quote.strike) for quote in ordered if quote.volatility is None}
    implied = _implied({strike: source for strike, source in sources.items() if strike in wanted}, moment)
    return [quote if quote.volatility is not None else _solved(quote, implied) for quote in ordered]


def _solved(quote: Quote, implied: Mapping[tuple[int, int], float]) -> Quote | Skipped:
    """The quote with the volatility of its strike.

    Call and put of one strike have one volatility (put-call parity), and the one out of the money
    shows it best: its price is all time value.
    """
    volatility = implied.get((quote.expiry, quote.strike))
    if volatility is None:
        return Skipped(
            quote.name,
            f"mark {quote.mark:.6f} has no time value, so no volatility can be solved from it",
        )
    return replace(quote, volatility=volatility)


def _is_in_the_money(quote: Quote) -> bool:
    return (quote.kind == "C") == (quote.strike < quote.forward * UNIT)


def _implied(sources: Mapping[tuple[int, int], Quote], moment: int) -> dict[tuple[int, int], float]:
    """The volatility of each strike: what its source states, else what its price implies."""
    quotes = list(sources.values())
    solutions = black76.implied_volatility(
        [quote.mark for quote in quotes],
        [quote.forward for quote in quotes],
        [quote.strike / UNIT for quote in quotes],
        [years_to(quote.expiry, moment) for quote in quotes],
        [quote.kind == "C" for quote in quotes],
    )
    volatilities: dict[tuple[int, int], float] = {}
    for strike, quote, solution in zip(sources, quotes, solutions.tolist(), strict=True):
        if quote.volatility is None and not MIN_VOLATILITY <= solution <= MAX_VOLATILITY:
            raise ChainError(
                f"{quote.place}: no volatility from {MIN_VOLATILITY:.2%} to {MAX_VOLATILITY:.0%} "
                f"gives the price {quote.mark:.6f} at the forward {quote.forward} "
                f"(intrinsic value {quote.mark - quote.time_value():.6f})"
            )
        volatilities[strike] = solution if quote.volatility is None else quote.volatility
    return volatilities


def _report_skipped(skipped: Sequence[Skipped], kept: int, unpriced: Unpriced) -> None:
    if skipped and (unpriced == "error" or not kept):
        first = min(skipped, key=lambda each: each.name)
        advice = "; skip unpriced instruments to leave them out" if kept else ""
        raise ChainError(f"{len(skipped)} instruments have no price, first {first.name}: {first.reason}{advice}")


def _refuse_contradictions(quotes: Sequence[Quote], moment: int) -> None:
    """A mark far from the value at its own volatility means a column in other units, or of another
    chain.
    """
    for quote in quotes:
        volatility = quote.volatility or 0.0
        if not MIN_VOLATILITY <= volatility <= MAX_VOLATILITY:
            raise ChainError(
                f"{quote.place}: mark_iv {100 * volatility:g} % does not lie from "
                f"{100 * MIN_VOLATILITY:g} % to {100 * MAX_VOLATILITY:g} %"
            )
        years = years_to(quote.expiry, moment)
        model = float(black76.price(quote.forward, quote.strike / UNIT, years, volatility, quote.kind == "C"))
        if abs(model - quote.mark) > CONTRADICTION_TOLERANCE * quote.forward + quote.spread:
            raise ChainError(
                f"{quote.place}: the mark {quote.mark:.6f} contradicts its volatility "
                f"{volatility:.4%}, which gives {model:.6f} at the forward {quote.forward}; "
                f"mark_iv is in percent"
            )


def _refuse_crossed(quotes: Sequence[Quote]) -> None:
    """A call must not be worth more than one of a lower strike, a put not less."""
    lines: dict[tuple[int, Kind], list[Quote]] = {}
    for quote in quotes:
        lines.setdefault((quote.expiry, quote.kind), []).append(quote)
    for line in lines.values():
        for low, high in pairwise(line):
            gap = high.mark - low.mark if low.kind == "C" else low.mark - high.mark
            if gap > CROSSING_TOLERANCE * low.forward + 0.5 * (low.spread + high.spread):
                raise ChainError(f"strikes cross: {low.place} is marked {low.mark:.6f}, {high.place} {high.mark:.6f}")
