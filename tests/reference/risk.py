"""Section 6: risk table, settled rows, and what orders look up in their union."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from . import tree
from .errors import UnprovableError
from .field import MODULUS
from .params import PRICE_BITS, TAG_RISK_ROW, TOP, Params
from .poseidon import sponge


@dataclass(frozen=True)
class RiskRow:
    """An open instrument; mark, short minimum and scenario values in price units, Greeks one opaque word."""

    instrument: int
    mark: int
    short_minimum: int
    greeks: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class SettledRow:
    """An instrument with a settlement value, in price units a contract."""

    instrument: int
    value: int


def row_hash(params: Params, row: RiskRow) -> int:
    """Section 6: "row = S(7; id + 2²⁷·mark + 2⁶⁹·minimum, greeks, Σ_{i<6} 2^{42i}·V_{6j+i} for j < ⌈S/6⌉)"."""
    head = row.instrument + 2**27 * row.mark + 2**69 * row.short_minimum
    packed = [
        sum(2 ** (42 * i) * v for i, v in enumerate(row.values[j : j + 6])) for j in range(0, params.scenarios, 6)
    ]
    return sponge(TAG_RISK_ROW, head, row.greeks, *packed)


def risk_root(params: Params, table: Sequence[RiskRow]) -> int:
    """Section 6: "arity-8 H_8 Merkle root over the rows from position 0, unused positions 0, with ⌈log₈ M⌉ levels"."""
    return tree.root({i: row_hash(params, row) for i, row in enumerate(table)}, params.risk_levels)


def check_tables(params: Params, table: Sequence[RiskRow], settled: Sequence[SettledRow]) -> None:
    """Section 6: at most M and K rows, ids strictly increasing and in no table twice, values in range."""
    if len(table) > params.rows:
        raise UnprovableError(f"{len(table)} risk rows, at most {params.rows}")
    if len(settled) > params.settled:
        raise UnprovableError(f"{len(settled)} settled rows, at most {params.settled}")
    for ids in ([row.instrument for row in table], [row.instrument for row in settled]):
        if any(not 1 <= instrument < TOP for instrument in ids):
            raise UnprovableError(f"an instrument id of {ids} is out of range")
        if any(left >= right for left, right in pairwise(ids)):
            raise UnprovableError(f"instrument ids {ids} are not strictly increasing")
    both = {row.instrument for row in table} & {row.instrument for row in settled}
    if both:
        raise UnprovableError(f"instruments {sorted(both)} stand in the risk table and among the settled rows")
    for row in table:
        if len(row.values) != params.scenarios:
            raise UnprovableError(
                f"instrument {row.instrument} has {len(row.values)} scenario values, not {params.scenarios}"
            )
        if any(not 0 <= price < 2**PRICE_BITS for price in (row.mark, row.short_minimum, *row.values)):
            raise UnprovableError(f"a price of instrument {row.instrument} is out of range")
        if not 0 <= row.greeks < MODULUS:
            raise UnprovableError(f"the Greeks of instrument {row.instrument} are not a field element")
    for line in settled:
        if not 0 <= line.value < 2**PRICE_BITS:
            raise UnprovableError(f"the settlement value of instrument {line.instrument} is out of range")


class RowKind(Enum):
    SENTINEL = "sentinel"
    RISK = "risk"
    SETTLED = "settled"


@dataclass(frozen=True)
class RowRef:
    """A row an order can look up; `index` counts within its kind, 0 for the sentinel."""

    kind: RowKind
    index: int = 0


SENTINEL = RowRef(RowKind.SENTINEL)


def union(table: Sequence[RiskRow], settled: Sequence[SettledRow]) -> list[tuple[int, RowRef]]:
    """All rows of both kinds by increasing id."""
    rows = [(row.instrument, RowRef(RowKind.RISK, i)) for i, row in enumerate(table)]
    rows += [(row.instrument, RowRef(RowKind.SETTLED, i)) for i, row in enumerate(settled)]
    return sorted(rows, key=lambda entry: entry[0])


def next_id(table: Sequence[RiskRow], settled: Sequence[SettledRow], instrument: int) -> int:
    """Section 7: "the least id above it in the union, TOP if none"; for instrument 0 this is a_0."""
    return min((other for other, _ in union(table, settled) if other > instrument), default=TOP)


def look_up(table: Sequence[RiskRow], settled: Sequence[SettledRow], instrument: int) -> RowRef:
    """Section 7: "the row with id = its instrument or, if there is none, the row with id < instrument < next"; for 0 the sentinel."""
    found = SENTINEL
    for other, ref in union(table, settled):
        if other <= instrument:
            found = ref
    return found


def row_id(table: Sequence[RiskRow], settled: Sequence[SettledRow], ref: RowRef) -> int:
    """The id of a row; section 7: the sentinel's is 0."""
    if ref.kind == RowKind.RISK:
        return table[ref.index].instrument
    if ref.kind == RowKind.SETTLED:
        return settled[ref.index].instrument
    return 0
