"""From a real option chain to the risk table of an epoch: the one place where floats become the
integers that are proven.

A :class:`RiskTable` holds the open instruments of an epoch, ids strictly increasing, each with
mark, Greeks, short minimum and the value of one contract in every scenario (docs/protocol.md
section 6, docs/margin.md). Same chain, same rule, same predecessor: same bytes, on any machine and
whatever the order of the chain's rows. Reading the chain is left to :mod:`prover.chain`, the model
to :mod:`prover.black76`, hashing the rows to the core; instruments with a settlement value live in
the settlement contract.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal, DecimalException
from fractions import Fraction
from itertools import zip_longest
from typing import Any, Final, NewType, NoReturn, cast

import numpy as np
import numpy.typing as npt

from prover import black76
from prover.chain import (
    MAX_PRICE,
    NAME_LENGTH,
    UNIT,
    Chain,
    ChainPath,
    Kind,
    Quote,
    QuotedIn,
    Skipped,
    Unpriced,
    expiry_code,
    instrument_name,
    read_chain,
    years_to,
)
from prover.errors import ChainError, RiskTableError
from prover.scenarios import BASIS, UNDAMPENED, MarginRule, Scenario, VolatilityMove, padded, scenario_set

Price = NewType("Price", int)
"""10⁻⁶ of the quote currency a contract, 0 … 2⁴² − 1."""

MAX_ID: Final = 2**27 - 1
DELTA_SCALE: Final = 10**6
GAMMA_SCALE: Final = 10**12
VEGA_SCALE: Final = 10**6
DELTA_OFFSET: Final = 2**40
GREEK_LIMIT: Final = 2**63
SAFE_INTEGER: Final = 2**53
FORMAT: Final = "tacit-risk-table-1"
DEFAULT_RULE: Final = MarginRule()

Rows = npt.NDArray[np.void]
_Floats = black76.Floats


def row_dtype(scenarios: int) -> np.dtype[np.void]:
    """The type of ``RiskTable.rows``.

    ``id`` 1 … 2²⁷ − 1; ``expiry`` seconds since 1970 UTC; ``strike``, ``mark``, ``short_minimum``
    and ``values`` (one a scenario) price units; ``type`` C or P; ``name`` as Deribit writes it;
    ``delta`` in 10⁻⁶; ``gamma`` in 10⁻¹² a unit of the quote currency; ``vega`` in 10⁻⁶ of the
    quote currency a volatility point.
    """
    return np.dtype(
        [
            ("id", np.uint32),
            ("expiry", np.int64),
            ("strike", np.uint64),
            ("type", "U1"),
            ("name", f"U{NAME_LENGTH}"),
            ("mark", np.uint64),
            ("delta", np.int64),
            ("gamma", np.uint64),
            ("vega", np.uint64),
            ("short_minimum", np.uint64),
            ("values", np.uint64, (scenarios,)),
        ]
    )


@dataclass(frozen=True, slots=True)
class Left:
    """An instrument of the previous epoch that has expired: the contract must hold its value."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the chain: instruments listed anew, gone since the previous epoch, and left
    out for want of a price.
    """

    added: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def to_price(amount: str | int | Decimal) -> Price:
    """An amount of the quote currency in price units, exactly; what is no multiple of 10⁻⁶ or out
    of range is refused.
    """
    try:
        units = Decimal(amount) * UNIT
    except DecimalException as error:
        raise RiskTableError(f"{amount!r} is not an amount") from error
    if not units.is_finite() or units != units.to_integral_value() or not 0 <= units < MAX_PRICE:
        raise RiskTableError(f"the price {amount} is not a multiple of 0.000001 from 0 to below {MAX_PRICE}/10^6")
    return Price(int(units))


def settle(kind: Kind, strike: Price, delivery_price: Price) -> Price:
    """The settlement value of one contract: its intrinsic value at the delivery price, exact, in
    price units.
    """
    if not (0 <= strike < MAX_PRICE and 0 <= delivery_price < MAX_PRICE):
        raise RiskTableError(f"strike {strike} or delivery price {delivery_price} is not from 0 to {MAX_PRICE - 1}")
    return Price(max(0, delivery_price - strike if kind == "C" else strike - delivery_price))


@dataclass(frozen=True, slots=True, eq=False)
class RiskTable:
    """The open instruments of one epoch.

    ``rows``: read-only structured array (:func:`row_dtype`), ids strictly increasing.
    ``valuation``: microseconds since 1970 UTC. ``index``: the underlying's price. ``last_id``: the
    largest id ever given, by this epoch or an earlier one. ``report`` is not part of the table's
    identity.
    """

    rows: Rows
    scenarios: tuple[Scenario, ...]
    rule: MarginRule
    valuation: int
    index: Price
    last_id: int
    report: Report = field(default=Report())

    @classmethod
    def from_chain(
        cls,
        path: ChainPath,
        *,
        expiries: Iterable[str] | None = None,
        instruments: Iterable[str] | None = None,
        max_rows: int | None = None,
        scenarios: str | Sequence[Scenario] = "standard",
        pad_to: int | None = None,
        rule: MarginRule = DEFAULT_RULE,
        previous: RiskTable | None = None,
        valuation: datetime | None = None,
        quoted_in: QuotedIn = "underlying",
        unpriced: Unpriced = "error",
    ) -> RiskTable:
        """The table of an epoch from a chain CSV with the column names of ``data/chains``, columns
        and rows in any order.

        ``expiries`` (``26DEC25``) and ``instruments`` (names) select, both: their union, none:
        everything. ``max_rows`` keeps those nearest the money, the expiries in turn. ``scenarios``:
        ``standard`` (24), ``span`` (16), ``dev`` (4) or a sequence; ``pad_to`` repeats them up to a
        circuit's number. ``previous`` keeps the ids of its instruments, all of which stay until
        they expire; new ones get ids above the largest ever given. ``valuation``, ``quoted_in`` and
        ``unpriced`` are those of :func:`prover.chain.read_chain`. Raises :class:`ChainError`.
        """
        chain = read_chain(path, valuation=valuation, quoted_in=quoted_in, unpriced=unpriced)
        moves = scenario_set(scenarios) if isinstance(scenarios, str) else tuple(scenarios)
        moves = padded(moves, pad_to) if pad_to is not None else moves
        carried, left = _carried(chain, previous)
        chosen = _chosen(chain, set(carried), expiries, instruments, max_rows)
        ids, last_id = _identified(chosen, carried, previous.last_id if previous else 0)
        report = Report(tuple(q.name for q in chosen if q.key not in carried), left, chain.skipped)
        return cls(
            rows=_valued(chain, chosen, ids, moves, rule),
            scenarios=moves,
            rule=rule,
            valuation=chain.valuation,
            index=Price(_nearest_unit(chain.index)),
            last_id=last_id,
            report=report,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RiskTable) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def row(self, instrument: str | int) -> np.void:
        """The row of an instrument, by name or id."""
        column = "name" if isinstance(instrument, str) else "id"
        found = np.flatnonzero(self.rows[column] == instrument)
        if not found.size:
            raise RiskTableError(f"the table has no instrument {instrument!r}")
        return cast(np.void, self.rows[int(found[0])])

    def settle(self, instrument: str | int, delivery_price: Price) -> Price:
        """The settlement value of an instrument at a delivery price, in price units."""
        row = self.row(instrument)
        return settle(_kind(str(row["type"])), Price(int(row["strike"])), delivery_price)

    def without(self, instruments: Iterable[str | int]) -> RiskTable:
        """The next epoch on the same market: these instruments have settled, all others stay."""
        gone = sorted({int(self.row(instrument)["id"]) for instrument in instruments})
        rows = self.rows[~np.isin(self.rows["id"], gone)]
        rows.flags.writeable = False
        left = tuple(Left(number, str(self.row(number)["name"])) for number in gone)
        return replace(self, rows=rows, report=Report(left=left))

    def greeks(self) -> list[int]:
        """Each row's Greeks as the one word that its hash absorbs: (delta + 2⁴⁰) + 2⁶⁴·gamma +
        2¹²⁸·vega.
        """
        return [greeks_word(int(row["delta"]), int(row["gamma"]), int(row["vega"])) for row in self.rows]

    def to_json(self) -> str:
        """Canonical JSON: keys sorted, no spaces, integers as numbers below 2⁵³ and as decimal
        strings from there.
        """
        table = {
            "format": FORMAT,
            "index": _wire(self.index),
            "last_id": self.last_id,
            "rows": [_row_to_wire(row) for row in self.rows],
            "rule": asdict(self.rule),
            "scenarios": [asdict(scenario) for scenario in self.scenarios],
            "valuation": _wire(self.valuation),
        }
        return json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RiskTable:
        """The table written by :meth:`to_json`; anything malformed or out of range is refused
        (:class:`RiskTableError`).
        """
        return _table_from_wire(text)


def greeks_word(delta: int, gamma: int, vega: int) -> int:
    """Three Greeks in one word of 64-bit slots; ranges make it injective."""
    if not -DELTA_OFFSET <= delta < DELTA_OFFSET or not 0 <= gamma < GREEK_LIMIT or not 0 <= vega < GREEK_LIMIT:
        raise RiskTableError(f"Greeks out of range: delta {delta}, gamma {gamma}, vega {vega}")
    return (delta + DELTA_OFFSET) + (gamma << 64) + (vega << 128)


# --- which instruments, under which ids -----------------------------------------------------------

_Key = tuple[int, int, Kind]


def _carried(chain: Chain, previous: RiskTable | None) -> tuple[dict[_Key, int], tuple[Left, ...]]:
    """Ids of the previous epoch's instruments that are still open, and those that have expired."""
    carried: dict[_Key, int] = {}
    left: list[Left] = []
    listed = {quote.key: quote.name for quote in chain.quotes}
    for row in previous.rows if previous else ():
        key = (int(row["expiry"]), int(row["strike"]), _kind(str(row["type"])))
        if key[0] * 1_000_000 <= chain.valuation:
            left.append(Left(int(row["id"]), str(row["name"])))
        elif listed.get(key) != row["name"]:
            raise ChainError(
                f"{row['name']} (id {row['id']}) stands in the previous epoch and has not expired, "
                "but the chain does not price it"
            )
        else:
            carried[key] = int(row["id"])
    if previous and chain.valuation < previous.valuation:
        raise ChainError(f"the valuation {chain.valuation} is before the last epoch's, {previous.valuation}")
    return carried, tuple(left)


def _chosen(
    chain: Chain,
    carried: set[_Key],
    expiries: Iterable[str] | None,
    instruments: Iterable[str] | None,
    max_rows: int | None,
) -> list[Quote]:
    """The selected quotes and all carried ones, by (expiry, strike, type)."""
    wanted = _selected(chain, expiries, instruments)
    fresh = [quote for quote in wanted if quote.key not in carried]
    if max_rows is not None:
        room = max_rows - len(carried)
        if max_rows < 1 or room < 0:
            raise ChainError(f"max_rows {max_rows} is too few: {len(carried)} of the previous epoch are open")
        fresh = _nearest_the_money(fresh)[:room]
    keys = carried | {quote.key for quote in fresh}
    chosen = [quote for quote in chain.quotes if quote.key in keys]
    if not chosen:
        raise ChainError("the selection is empty")
    return chosen


def _selected(chain: Chain, expiries: Iterable[str] | None, instruments: Iterable[str] | None) -> list[Quote]:
    if isinstance(expiries, str) or isinstance(instruments, str):
        raise ChainError("expiries and instruments are collections of names, not one string")
    if expiries is None and instruments is None:
        return list(chain.quotes)
    codes, names = set(expiries or ()), set(instruments or ())
    _refuse_unknown("expiry", codes, (expiry_code(quote.expiry) for quote in chain.quotes))
    _refuse_unknown("instrument", names, (quote.name for quote in chain.quotes))
    return [quote for quote in chain.quotes if quote.name in names or expiry_code(quote.expiry) in codes]


def _refuse_unknown(what: str, wanted: set[str], present: Iterable[str]) -> None:
    listed = list(dict.fromkeys(present))
    unknown = sorted(wanted - set(listed))
    if unknown:
        some = ", ".join(listed[:12]) + (", …" if len(listed) > 12 else "")
        raise ChainError(f"the chain has no {what} {unknown[0]!r}; it has {some}")


def _nearest_the_money(quotes: Sequence[Quote]) -> list[Quote]:
    """The quotes by distance of strike from forward within each expiry, the expiries in turn."""
    ladders: dict[int, list[Quote]] = {}
    for quote in sorted(
        quotes,
        key=lambda each: (
            each.expiry,
            abs(each.strike / UNIT - each.forward),
            each.strike,
            each.kind,
        ),
    ):
        ladders.setdefault(quote.expiry, []).append(quote)
    return [quote for rung in zip_longest(*ladders.values()) for quote in rung if quote is not None]


def _identified(chosen: Sequence[Quote], carried: Mapping[_Key, int], last_id: int) -> tuple[list[int], int]:
    """An id for every quote: its old one, or the next above the largest ever given; and that
    largest.
    """
    ids: list[int] = []
    for quote in chosen:
        if quote.key not in carried:
            last_id += 1
        ids.append(carried.get(quote.key, last_id))
    if last_id > MAX_ID:
        raise ChainError(f"instrument id {last_id} is above the limit {MAX_ID}")
    return ids, last_id


# --- from quotes to integers ----------------------------------------------------------------------


def _valued(
    chain: Chain,
    quotes: Sequence[Quote],
    ids: Sequence[int],
    scenarios: tuple[Scenario, ...],
    rule: MarginRule,
) -> Rows:
    """The rows of the table, by id."""
    forward, strike, mark, volatility, years, call = _columns(quotes, chain.valuation)
    rows = np.zeros(len(quotes), row_dtype(len(scenarios)))
    rows["id"] = ids
    rows["expiry"] = [quote.expiry for quote in quotes]
    rows["strike"] = [quote.strike for quote in quotes]
    rows["type"] = [quote.kind for quote in quotes]
    rows["name"] = [quote.name for quote in quotes]
    rows["mark"] = np.rint(mark * UNIT)
    rows["delta"] = np.rint(black76.delta(forward, strike, years, volatility, call) * DELTA_SCALE)
    rows["gamma"] = _greek("gamma", black76.gamma(forward, strike, years, volatility) * GAMMA_SCALE, quotes)
    rows["vega"] = _greek("vega", black76.vega(forward, strike, years, volatility) / 100.0 * VEGA_SCALE, quotes)
    rows["short_minimum"] = _short_minimum(chain.index, rule)
    for number, scenario in enumerate(scenarios):
        shocked = _shocked_volatility(volatility, years, scenario, rule)
        moved = forward * (BASIS + scenario.price) / BASIS
        value = black76.price(moved, strike, years, shocked, call)
        dampened = mark + (value - mark) * scenario.damping / UNDAMPENED
        rows["values"][:, number] = _bounded(dampened * UNIT, quotes, scenario)
    rows.sort(order="id")
    rows.flags.writeable = False
    return rows


def _columns(
    quotes: Sequence[Quote], valuation: int
) -> tuple[_Floats, _Floats, _Floats, _Floats, _Floats, black76.Flags]:
    forward = np.array([quote.forward for quote in quotes])
    strike = np.array([quote.strike / UNIT for quote in quotes])
    mark = np.array([quote.mark for quote in quotes])
    volatility = np.array([quote.volatility for quote in quotes], dtype=np.float64)
    years = np.array([years_to(quote.expiry, valuation) for quote in quotes])
    call = np.array([quote.kind == "C" for quote in quotes])
    return forward, strike, mark, volatility, years, call


def _shocked_volatility(volatility: _Floats, years: _Floats, scenario: Scenario, rule: MarginRule) -> _Floats:
    """Volatility after the scenario's move, larger the nearer the expiry (docs/margin.md)."""
    days = years * 365.0
    ratio = rule.reference_days / np.maximum(days, float(rule.shortest_days))
    short = black76.power(ratio, rule.short_power / BASIS)
    long = black76.power(ratio, rule.long_power / BASIS)
    size = np.where(days <= rule.reference_days, short, long)
    if scenario.volatility == "up":
        return np.maximum(volatility * (1.0 + rule.volatility_up / BASIS * size), rule.volatility_floor / BASIS)
    return volatility * np.maximum(0.0, 1.0 - rule.volatility_down / BASIS * size)


def _bounded(value: _Floats, quotes: Sequence[Quote], scenario: Scenario) -> npt.NDArray[np.uint64]:
    """Values rounded to the nearest price unit (ties to even), each within the protocol's range."""
    rounded = np.rint(value)
    beyond = np.flatnonzero(~((rounded >= 0) & (rounded < MAX_PRICE)))
    if beyond.size:
        first = int(beyond[0])
        raise ChainError(
            f"{quotes[first].name} is worth {rounded[first] / UNIT:.6f} in the scenario "
            f"{scenario.label}, above {MAX_PRICE - 1} price units; list it in a larger unit"
        )
    return rounded.astype(np.uint64)


def _greek(name: str, value: _Floats, quotes: Sequence[Quote]) -> npt.NDArray[np.uint64]:
    """A Greek rounded to the nearest of its units, within its slot."""
    beyond = np.flatnonzero(~(value < GREEK_LIMIT))
    if beyond.size:
        first = int(beyond[0])
        raise ChainError(f"{quotes[first].name} has the {name} {value[first]:g} units, above {GREEK_LIMIT}")
    return np.rint(value).astype(np.uint64)


def _short_minimum(index: float, rule: MarginRule) -> int:
    """The charge on a short contract: a share of the index as the chain writes it, rounded up to a
    price unit.
    """
    exact = Fraction(repr(index)) * UNIT * rule.short_minimum / BASIS
    charge = -(-exact.numerator // exact.denominator)
    if charge >= MAX_PRICE:
        raise ChainError(f"the short minimum {charge} at the index {index} is above {MAX_PRICE - 1} price units")
    return charge


def _nearest_unit(amount: float) -> int:
    units = round(Fraction(repr(amount)) * UNIT)
    if not 0 < units < MAX_PRICE:
        raise ChainError(f"the index {amount} lies outside the protocol's range of prices")
    return units


def _kind(text: str) -> Kind:
    return "C" if text == "C" else "P"


# --- the wire -------------------------------------------------------------------------------------

_INTEGERS: Final = ("id", "expiry", "strike", "mark", "delta", "gamma", "vega", "short_minimum")
_PRICES: Final = ("strike", "mark", "short_minimum")
_RANGES: Final = {"id": (1, MAX_ID), "expiry": (0, 2**36 - 1), "delta": (-DELTA_SCALE, DELTA_SCALE)}


def _wire(value: int) -> int | str:
    return value if abs(value) < SAFE_INTEGER else str(value)


def _row_to_wire(row: np.void) -> dict[str, Any]:
    wire: dict[str, Any] = {name: _wire(int(row[name])) for name in _INTEGERS}
    wire.update(
        name=str(row["name"]),
        type=str(row["type"]),
        values=[_wire(int(value)) for value in row["values"]],
    )
    return wire


def _table_from_wire(text: str) -> RiskTable:
    try:
        table = json.loads(text, object_pairs_hook=_object, parse_float=_refuse_float, parse_constant=_refuse_float)
    except (ValueError, RecursionError) as error:
        raise RiskTableError(f"the risk table is not JSON: {error}") from error
    if _get(table, "the table", "format") != FORMAT:
        raise RiskTableError(f"the format is {_get(table, 'the table', 'format')!r}, not {FORMAT!r}")
    moves = tuple(_scenario_from_wire(wire) for wire in _list(_get(table, "the table", "scenarios"), "scenarios"))
    rows = _rows_from_wire(_list(_get(table, "the table", "rows"), "rows"), len(moves))
    last_id = _integer(_get(table, "the table", "last_id"), "last_id", 0, MAX_ID)
    if len(rows) and last_id < int(rows["id"][-1]):
        raise RiskTableError(f"last_id {last_id} is below the largest id, {rows['id'][-1]}")
    return RiskTable(
        rows=rows,
        scenarios=moves,
        rule=_rule_from_wire(_get(table, "the table", "rule")),
        valuation=_integer(_get(table, "the table", "valuation"), "valuation", 0, GREEK_LIMIT - 1),
        index=Price(_integer(_get(table, "the table", "index"), "index", 1, MAX_PRICE - 1)),
        last_id=last_id,
    )


def _rows_from_wire(wires: Sequence[object], scenarios: int) -> Rows:
    # Counted before room is made: a short text that lists many empty rows and scenarios must not cost rows · scenarios.
    values = [_values_from_wire(wire, f"row {place}", scenarios) for place, wire in enumerate(wires)]
    rows = np.zeros(len(wires), row_dtype(scenarios))
    before = 0
    for place, wire in enumerate(wires):
        where = f"row {place}"
        for name in _INTEGERS:
            rows[name][place] = _integer(_get(wire, where, name), f"{where}, {name}", *_range(name))
        rows["values"][place] = [_integer(value, f"{where}, values", 0, MAX_PRICE - 1) for value in values[place]]
        expiry, strike = int(rows["expiry"][place]), int(rows["strike"][place])
        rows["type"][place], rows["name"][place] = _identity(wire, where, expiry, strike)
        if rows["id"][place] <= before:
            raise RiskTableError(f"{where} has id {rows['id'][place]}, not above the id before it, {before}")
        before = int(rows["id"][place])
    rows.flags.writeable = False
    return rows


def _values_from_wire(wire: object, where: str, scenarios: int) -> Sequence[object]:
    values = _list(_get(wire, where, "values"), f"{where}, values")
    if len(values) != scenarios:
        raise RiskTableError(f"{where} has {len(values)} values for {scenarios} scenarios")
    return values


def _identity(wire: object, where: str, expiry: int, strike: int) -> tuple[Kind, str]:
    """Type and name of a row, which must say the same as its expiry and strike."""
    kind, name = _get(wire, where, "type"), _get(wire, where, "name")
    if not isinstance(kind, str) or kind not in ("C", "P"):
        raise RiskTableError(f"{where}: type {kind!r} is neither C nor P")
    if not isinstance(name, str) or len(name) > NAME_LENGTH:
        raise RiskTableError(f"{where}: {name!r} is no name of at most {NAME_LENGTH} characters")
    expected = instrument_name(name.split("-")[0], expiry, strike, _kind(kind))
    if name != expected:
        raise RiskTableError(f"{where}: name {name!r} contradicts its columns, which say {expected!r}")
    return _kind(kind), name


def _range(name: str) -> tuple[int, int]:
    if name in _PRICES:
        return 0, MAX_PRICE - 1
    return _RANGES.get(name, (0, GREEK_LIMIT - 1))


def _scenario_from_wire(wire: object) -> Scenario:
    return Scenario(
        price=_integer(_get(wire, "a scenario", "price"), "a scenario's price", -BASIS, SAFE_INTEGER),
        volatility=cast(VolatilityMove, _get(wire, "a scenario", "volatility")),
        damping=_integer(_get(wire, "a scenario", "damping"), "a scenario's damping", 1, UNDAMPENED),
    )


def _rule_from_wire(wire: object) -> MarginRule:
    names = [each.name for each in fields(MarginRule)]
    return MarginRule(
        **{name: _integer(_get(wire, "the rule", name), f"the rule's {name}", 0, SAFE_INTEGER) for name in names}
    )


def _get(wire: object, where: str, name: str) -> object:
    if not isinstance(wire, dict) or name not in wire:
        raise RiskTableError(f"{where} has no {name!r}")
    return wire[name]


def _list(wire: object, where: str) -> list[object]:
    if not isinstance(wire, list):
        raise RiskTableError(f"{where} is not a list")
    return wire


def _integer(wire: object, where: str, low: int, high: int) -> int:
    """An integer, a number or a decimal string, within its range."""
    if isinstance(wire, bool) or not isinstance(wire, int | str):
        raise RiskTableError(f"{where}: {wire!r} is not an integer")
    try:
        value = int(wire)
    except ValueError as error:
        raise RiskTableError(f"{where}: {wire!r} is not an integer") from error
    if str(value) != str(wire) or not low <= value <= high:
        raise RiskTableError(f"{where}: {wire!r} does not lie from {low} to {high}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise RiskTableError(f"the key {max(names, key=names.count)!r} stands twice in one object")
    return dict(pairs)


def _refuse_float(text: str) -> NoReturn:
    raise RiskTableError(f"{text} is not an integer")
