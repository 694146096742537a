"""From a chain to the integers of an epoch, as docs/margin.md and docs/protocol.md section 6 promise."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import random
import tempfile
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover import black76
from prover.chain import expiry_code, read_chain
from prover.errors import ChainError, RiskTableError, TacitError
from prover.risk import MAX_ID, Price, RiskTable, greeks_word, settle, to_price
from prover.scenarios import CORE, DEV, TAILS, MarginRule, Scenario, padded, scenario_set

CHAIN = Path(__file__).parents[2] / "data" / "chains" / "btc_2025-12-05.csv"
THREE = ("12DEC25", "26DEC25", "27MAR26")
REAL_TABLE_SHA256 = "94e8b2c7087bfd28afc3fcfe33acbb798cc00e8f56c2f4e4e6a81c6121bd5b77"

Row = dict[str, str]


@pytest.fixture(scope="module")
def table() -> RiskTable:
    return RiskTable.from_chain(CHAIN)


def real_rows() -> list[Row]:
    with CHAIN.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[Row], columns: list[str] | None = None) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def without(rows: list[Row], *columns: str) -> list[Row]:
    return [{name: cell for name, cell in row.items() if name not in columns} for row in rows]


# --- the real chain


def test_the_real_chain_makes_a_table_of_all_its_instruments(table: RiskTable) -> None:
    assert len(table) == 676
    assert table.rows["id"].tolist() == list(range(1, 677))
    order = list(zip(table.rows["expiry"], table.rows["strike"], table.rows["type"], strict=True))
    assert order == sorted(order)
    assert table.rows["values"].shape == (676, 24)
    assert int(table.rows["values"].max()) < 2**42


def test_marks_recomputed_from_volatility_agree_with_the_exchange() -> None:
    chain = read_chain(CHAIN)
    errors = []
    for quote in chain.quotes:
        years = (quote.expiry * 1_000_000 - chain.valuation) / (365 * 86_400 * 1_000_000)
        model = black76.price(quote.forward, quote.strike / 1e6, years, quote.volatility or 0.0, quote.kind == "C")
        errors.append(abs(float(model) - quote.mark) / quote.forward)
    assert np.median(errors) < 1e-6
    assert max(errors) < 2e-5


def test_marks_are_mark_price_times_forward_to_the_nearest_unit(table: RiskTable) -> None:
    for row in real_rows():
        exact = float(row["mark_price"]) * float(row["underlying_price_implied"]) * 1e6
        assert abs(int(table.row(row["instrument_name"])["mark"]) - exact) <= 0.5 + 1e-3


def test_greeks_agree_with_those_added_to_the_chain(table: RiskTable) -> None:
    for row in real_rows():
        mine = table.row(row["instrument_name"])
        assert int(mine["delta"]) == pytest.approx(float(row["delta_b76"]) * 1e6, abs=0.6)
        assert int(mine["gamma"]) == pytest.approx(float(row["gamma_b76"]) * 1e12, abs=0.6, rel=1e-6)
        assert int(mine["vega"]) == pytest.approx(float(row["vega_b76_per_volpt"]) * 1e6, abs=0.6, rel=1e-6)


def test_the_same_chain_makes_the_same_bytes_everywhere(table: RiskTable) -> None:
    text = RiskTable.from_chain(CHAIN).to_json()
    assert text == table.to_json()
    assert hashlib.sha256(text.encode()).hexdigest() == REAL_TABLE_SHA256


def test_order_of_columns_and_rows_does_not_matter(table: RiskTable, tmp_path: Path) -> None:
    rows = real_rows()
    columns = list(rows[0])
    random.Random(1).shuffle(rows)
    random.Random(2).shuffle(columns)
    assert RiskTable.from_chain(write(tmp_path / "shuffled.csv", rows, columns)) == table


def test_greeks_and_other_columns_may_be_missing(table: RiskTable, tmp_path: Path) -> None:
    spare = ("delta_b76", "gamma_b76", "vega_b76_per_volpt", "theta_b76_per_day", "T_years", "expiry_code")
    rows = without(real_rows(), *spare, "open_interest", "underlying_price", "currency")
    assert RiskTable.from_chain(write(tmp_path / "plain.csv", rows)) == table


def test_without_volatilities_the_table_is_the_same_to_the_rounding_of_the_quotes(
    table: RiskTable, tmp_path: Path
) -> None:
    solved = RiskTable.from_chain(write(tmp_path / "chain.csv", without(real_rows(), "mark_iv")))
    assert solved.rows["name"].tolist() == table.rows["name"].tolist()
    assert solved.rows["mark"].tolist() == table.rows["mark"].tolist()
    difference = np.abs(solved.rows["values"].astype(np.float64) - table.rows["values"].astype(np.float64))
    assert np.median(difference) < 1_000_000
    assert difference.max() < 20_000_000


def test_bid_and_ask_alone_price_what_they_can(tmp_path: Path) -> None:
    rows = without(real_rows(), "mark_iv", "mark_price")
    path = write(tmp_path / "book.csv", rows)
    with pytest.raises(ChainError, match="instruments have no price, first BTC-12DEC25-55000-C"):
        RiskTable.from_chain(path)
    table = RiskTable.from_chain(path, unpriced="skip")
    assert len(table) + len(table.report.skipped) == 676
    assert len(table) > 500


# --- values of scenarios


def slow_black76(forward: float, strike: float, years: float, volatility: float, kind: str) -> float:
    """The formula as a textbook writes it."""
    deviation = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    n1, n2 = (0.5 * math.erfc(-d / math.sqrt(2)) for d in (d1, d1 - deviation))
    call = forward * n1 - strike * n2
    return call if kind == "C" else call - forward + strike


def slow_value(row: Row, scenario: Scenario) -> float:
    """A scenario value straight from docs/margin.md."""
    forward, strike = float(row["underlying_price_implied"]), float(row["strike"])
    volatility, years = float(row["mark_iv"]) / 100, float(row["T_years"])
    days = years * 365
    size = (30 / max(days, 1)) ** (0.3 if days <= 30 else 0.13)
    up = max(volatility * (1 + 0.5 * size), 0.4)
    shocked = up if scenario.volatility == "up" else volatility * max(0.0, 1 - 0.3 * size)
    value = slow_black76(forward * (1 + scenario.price / 10_000), strike, years, shocked, row["type"])
    mark = float(row["mark_price"]) * forward
    return mark + scenario.damping / 100_000 * (value - mark)


def test_every_value_of_the_real_table_follows_the_published_rule(table: RiskTable) -> None:
    for row in real_rows():
        values = table.row(row["instrument_name"])["values"]
        expected = [slow_value(row, scenario) * 1e6 for scenario in table.scenarios]
        # T_years in the file has ten digits; the rest is exact to a unit.
        assert np.abs(values.astype(np.float64) - expected).max() < 5


def test_the_sixteen_core_and_eight_tail_scenarios_are_those_of_the_protocol() -> None:
    moves = [(scenario.price, scenario.volatility) for scenario in CORE]
    pairs = {(price, way) for price in (0, 450, -450, 900, -900, 1350, -1350) for way in ("up", "down")}
    assert set(moves) == pairs | {(1800, "up"), (-1800, "up")}
    assert len(moves) == 16
    assert [scenario.price for scenario in TAILS] == [-6600, -3300, 5000, 10000, 20000, 30000, 40000, 50000]
    for tail in TAILS:
        assert tail.volatility == "up"
        assert tail.damping == pytest.approx(0.1386 / abs(tail.price) * 1e9, abs=0.5)


def test_a_dampened_value_lies_between_mark_and_full_value(table: RiskTable) -> None:
    full = RiskTable.from_chain(CHAIN, scenarios=[replace(tail, damping=100_000) for tail in TAILS])
    mark = table.rows["mark"][:, None]
    low, high = np.minimum(mark, full.rows["values"]), np.maximum(mark, full.rows["values"])
    tails = table.rows["values"][:, 16:]
    assert bool(np.all((low <= tails) & (tails <= high)))


def test_the_span_like_mode_is_the_first_sixteen_scenarios(table: RiskTable) -> None:
    span = RiskTable.from_chain(CHAIN, scenarios="span")
    assert span.scenarios == table.scenarios[:16]
    assert np.array_equal(span.rows["values"], table.rows["values"][:, :16])


def test_padding_repeats_scenarios_and_so_changes_no_margin(table: RiskTable) -> None:
    wide = RiskTable.from_chain(CHAIN, scenarios="span", pad_to=24)
    assert np.array_equal(wide.rows["values"][:, :16], table.rows["values"][:, :16])
    assert np.array_equal(wide.rows["values"][:, 16:], table.rows["values"][:, :8])
    with pytest.raises(RiskTableError, match="24 scenarios cannot be padded to 16"):
        RiskTable.from_chain(CHAIN, pad_to=16)


def test_dev_takes_four_telling_scenarios(table: RiskTable) -> None:
    dev = RiskTable.from_chain(CHAIN, scenarios="dev", expiries=THREE, max_rows=8)
    assert len(dev) == 8
    assert [scenario.label for scenario in dev.scenarios] == [
        "+13.5 % up",
        "-13.5 % up",
        "-66 % up × 0.21",
        "+500 % up × 0.02772",
    ]
    for row in dev.rows:
        assert row["values"].tolist() == table.row(str(row["name"]))["values"][[0, 2, 16, 23]].tolist()


def test_an_unknown_scenario_set_is_refused() -> None:
    with pytest.raises(RiskTableError, match="unknown scenario set 'big'; there are standard, span, dev"):
        RiskTable.from_chain(CHAIN, scenarios="big")


@pytest.mark.parametrize("wrong", [{"price": -10_000}, {"damping": 0}, {"damping": 100_001}, {"volatility": "flat"}])
def test_a_scenario_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"price": 0, "volatility": "up", "damping": 1}
    with pytest.raises(RiskTableError, match="is no scenario"):
        Scenario(**(right | wrong))


@pytest.mark.parametrize(
    "wrong",
    [{"volatility_up": -1}, {"short_power": 10_001}, {"shortest_days": 0}, {"short_minimum": 200_000}],
)
def test_a_rule_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(RiskTableError, match="is no margin rule"):
        MarginRule(**wrong)


def test_the_short_minimum_is_one_per_cent_of_the_index_rounded_up(table: RiskTable) -> None:
    assert table.index == 92_529_927_030
    assert set(table.rows["short_minimum"].tolist()) == {925_299_271}


def test_a_value_beyond_the_range_of_prices_is_refused(tmp_path: Path) -> None:
    rows = [{**row, "underlying_price_implied": "800000", "underlying_price": "800000"} for row in real_rows()[:2]]
    path = write(tmp_path / "dear.csv", without(rows, "mark_price", "bid_price", "ask_price"))
    undampened = Scenario(50_000, "up")
    with pytest.raises(ChainError, match=r"BTC-6DEC25-80000-C is worth .* in the scenario \+500 % up, above"):
        RiskTable.from_chain(path, scenarios=[undampened])


# --- docs/margin.md


def documented(marker: str) -> list[list[str]]:
    """The cells of each table line of docs/margin.md that begins with the marker."""
    lines = (Path(__file__).parents[2] / "docs" / "margin.md").read_text().splitlines()
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines if line.startswith(marker)]


def units(text: str) -> int:
    """A documented amount in price units."""
    return int(text.replace("−", "-").replace(",", "").replace(".", ""))


def test_the_worked_example_of_the_documentation_is_computed(table: RiskTable) -> None:
    row = table.row("BTC-26DEC25-100000-C")
    found = {}
    for cells in documented("| "):
        if cells[0].isdigit() and len(cells) == 4:
            found[int(cells[0])] = (cells[1].replace("−", "-"), units(cells[2]), units(cells[3]))
    assert found == {
        number: (scenario.label, int(value), int(value) - int(row["mark"]))
        for number, (scenario, value) in enumerate(zip(table.scenarios, row["values"], strict=True))
    }


def test_the_margins_of_the_documentation_are_computed(table: RiskTable) -> None:
    lines = documented("| short 1 ")
    assert len(lines) == 5
    for position, worst_core, core, worst_all, every in lines:
        legs = [
            (table.row(f"BTC-26DEC25-{leg.split('`')[1]}"), -1 if leg.startswith("short") else 1)
            for leg in position.split(", ")
        ]
        changes = sum(q * (row["values"].astype(np.int64) - int(row["mark"])) for row, q in legs)
        minimum = sum(int(row["short_minimum"]) for row, q in legs if q < 0)
        for number, label, margin in ((16, worst_core, core), (24, worst_all, every)):
            worst = int(np.argmin(changes[:number]))
            assert table.scenarios[worst].label == label.replace("−", "-")
            assert units(margin) == math.ceil(-5 * int(changes[worst]) / 4) + minimum


# --- selection


def test_sixty_four_instruments_over_three_expiries(table: RiskTable) -> None:
    chosen = RiskTable.from_chain(CHAIN, expiries=THREE, max_rows=64)
    assert len(chosen) == 64
    by_expiry = [sum(f"-{code}-" in str(name) for name in chosen.rows["name"]) for code in THREE]
    assert by_expiry == [22, 21, 21]
    assert chosen.rows["id"].tolist() == list(range(1, 65))
    for row in chosen.rows:
        assert row["values"].tolist() == table.row(str(row["name"]))["values"].tolist()


def test_expiries_and_instruments_select_their_union() -> None:
    chosen = RiskTable.from_chain(CHAIN, expiries=["7DEC25"], instruments=["BTC-26DEC25-60000-C"])
    assert len(chosen) == 29
    assert str(chosen.rows["name"][-1]) == "BTC-26DEC25-60000-C"


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"expiries": ["1JAN30"]}, "no expiry '1JAN30'; it has 6DEC25, 7DEC25"),
        ({"instruments": ["BTC-26DEC25-60001-C"]}, "no instrument 'BTC-26DEC25-60001-C'"),
        ({"expiries": []}, "the selection is empty"),
        ({"max_rows": 0}, "max_rows 0 is too few"),
        ({"expiries": "26DEC25"}, "not one string"),
        ({"unpriced": "guess"}, "unpriced 'guess'"),
    ],
)
def test_a_selection_that_the_chain_cannot_meet_is_refused(selection: dict[str, Any], message: str) -> None:
    with pytest.raises(ChainError) as refusal:
        RiskTable.from_chain(CHAIN, **selection)
    assert message in str(refusal.value)


# --- ids across epochs


def later_chain(path: Path, *, days: int = 1, drop: str = "6DEC25") -> Path:
    """The real chain valued some days later, without the expiry that has passed."""
    rows = [row for row in real_rows() if row["expiry_code"] != drop]
    moment = datetime(2025, 12, 5, 9, tzinfo=UTC) + timedelta(days=days)
    return write(path, [{**row, "mark_price": "", "valuation_utc": moment.isoformat()} for row in rows])


def test_the_next_epoch_keeps_ids_and_adds_new_ones_above(tmp_path: Path) -> None:
    first = RiskTable.from_chain(CHAIN, expiries=["6DEC25", "26DEC25"])
    second = RiskTable.from_chain(later_chain(tmp_path / "b.csv"), expiries=["7DEC25"], previous=first)
    assert first.last_id == 172
    assert second.last_id == 200
    for row in second.rows:
        if "-26DEC25-" in str(row["name"]):
            assert row["id"] == first.row(str(row["name"]))["id"]
        else:
            assert row["id"] > first.last_id
    assert bool(np.all(np.diff(second.rows["id"].astype(np.int64)) > 0))


def test_expired_instruments_leave_and_are_named(tmp_path: Path) -> None:
    first = RiskTable.from_chain(CHAIN, expiries=["6DEC25", "26DEC25"])
    second = RiskTable.from_chain(later_chain(tmp_path / "b.csv"), expiries=[], previous=first)
    assert len(second) == 132
    assert [left.id for left in second.report.left] == list(range(1, 41))
    assert second.report.left[0].name == "BTC-6DEC25-80000-C"
    assert second.report.added == ()


def test_an_id_is_not_reused_after_the_largest_has_left(tmp_path: Path) -> None:
    first = RiskTable.from_chain(CHAIN, expiries=["6DEC25"])
    second = RiskTable.from_chain(later_chain(tmp_path / "b.csv"), expiries=["7DEC25"], previous=first)
    assert int(second.rows["id"].min()) == first.last_id + 1


def test_an_open_instrument_cannot_be_dropped(tmp_path: Path) -> None:
    first = RiskTable.from_chain(CHAIN, expiries=["7DEC25"])
    path = later_chain(tmp_path / "b.csv", drop="7DEC25")
    rows = [row for row in csv.DictReader(path.read_text().splitlines()) if row["expiry_code"] != "6DEC25"]
    with pytest.raises(ChainError, match=r"BTC-7DEC25-86000-C \(id 1\) stands in the previous epoch"):
        RiskTable.from_chain(write(path, rows), previous=first)


def test_carried_instruments_count_towards_max_rows() -> None:
    first = RiskTable.from_chain(CHAIN, expiries=["7DEC25"])
    both = RiskTable.from_chain(CHAIN, max_rows=30, previous=first)
    assert len(both) == 30
    assert both.rows["id"].tolist() == list(range(1, 31))
    with pytest.raises(ChainError, match="max_rows 27 is too few: 28 of the previous epoch are open"):
        RiskTable.from_chain(CHAIN, max_rows=27, previous=first)


def test_time_does_not_run_backwards(tmp_path: Path) -> None:
    later = RiskTable.from_chain(later_chain(tmp_path / "b.csv"), expiries=["26DEC25"])
    with pytest.raises(ChainError, match="is before the last epoch's"):
        RiskTable.from_chain(CHAIN, previous=later)


def test_ids_end_at_their_limit() -> None:
    full = replace(RiskTable.from_chain(CHAIN, expiries=["7DEC25"]), last_id=MAX_ID)
    with pytest.raises(ChainError, match="instrument id 134218375 is above the limit"):
        RiskTable.from_chain(CHAIN, previous=full)


def test_settled_instruments_can_leave_on_the_same_market() -> None:
    first = RiskTable.from_chain(CHAIN, expiries=["6DEC25", "26DEC25"], max_rows=8)
    second = first.without(["BTC-6DEC25-92000-P", 1, 1])
    assert len(second) == 6
    assert second.last_id == 8
    assert {left.id for left in second.report.left} == {1, 2}
    with pytest.raises(RiskTableError, match="no instrument 'BTC-1JAN30-1-C'"):
        first.without(["BTC-1JAN30-1-C"])


# --- integers


def test_settlement_is_the_intrinsic_value_to_the_unit(table: RiskTable) -> None:
    delivery = to_price("91234.567891")
    assert table.settle("BTC-26DEC25-90000-C", delivery) == 1_234_567_891
    assert table.settle("BTC-26DEC25-90000-P", delivery) == 0
    assert table.settle(int(table.row("BTC-26DEC25-92000-P")["id"]), delivery) == 765_432_109
    assert settle("C", Price(5), Price(5)) == 0


@pytest.mark.parametrize("price", [-1, 2**42])
def test_a_delivery_price_out_of_range_is_refused(price: int) -> None:
    with pytest.raises(RiskTableError, match=str(price)):
        settle("C", Price(1), Price(price))


@pytest.mark.parametrize("amount", ["0.0000001", "-1", "nan", "x", "4398046.511104", "1e999999"])
def test_an_amount_that_is_no_price_is_refused(amount: str) -> None:
    with pytest.raises(RiskTableError, match=amount):
        to_price(amount)


def test_the_greeks_of_a_row_fill_three_slots_of_one_word(table: RiskTable) -> None:
    for row, word in zip(table.rows, table.greeks(), strict=True):
        assert word % 2**64 - 2**40 == row["delta"]
        assert word >> 64 & 2**64 - 1 == row["gamma"]
        assert word >> 128 == row["vega"]
    with pytest.raises(RiskTableError, match="Greeks out of range"):
        greeks_word(0, 2**63, 0)


def test_rows_cannot_be_changed(table: RiskTable) -> None:
    with pytest.raises(ValueError, match="read-only"):
        table.rows["mark"][0] = 1


# --- JSON


@pytest.fixture(scope="module")
def small() -> RiskTable:
    return RiskTable.from_chain(CHAIN, expiries=["26DEC25"], max_rows=2, scenarios="dev")


def test_json_keeps_every_integer(table: RiskTable) -> None:
    again = RiskTable.from_json(table.to_json())
    assert again == table
    assert np.array_equal(again.rows, table.rows)
    assert again.scenarios == table.scenarios
    assert again.rule == table.rule


def test_integers_from_2_to_the_53_are_strings(small: RiskTable) -> None:
    rows = small.rows.copy()
    rows["gamma"][0], rows["gamma"][1] = 2**53 - 1, 2**53
    wide = replace(small, rows=rows)
    wires = json.loads(wide.to_json())["rows"]
    assert [wires[0]["gamma"], wires[1]["gamma"]] == [2**53 - 1, "9007199254740992"]
    assert RiskTable.from_json(wide.to_json()) == wide


def test_json_is_canonical(small: RiskTable) -> None:
    text = small.to_json()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) + "\n"
    assert RiskTable.from_json(json.dumps(json.loads(text), indent=2)).to_json() == text


def spoilt(text: str, path: tuple[str | int, ...], value: object) -> str:
    table = json.loads(text)
    place = table
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(table)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("format",), "other", "the format is 'other'"),
        (("rows",), ..., "the table has no 'rows'"),
        (("rows",), 5, "rows is not a list"),
        (("rows", 0), 5, "row 0 has no 'values'"),
        (("rows", 0, "mark"), 2**42, "row 0, mark: 4398046511104 does not lie from 0"),
        (("rows", 0, "mark"), 1.5, "1.5 is not an integer"),
        (("rows", 0, "mark"), "1e3", "'1e3' is not an integer"),
        (("rows", 0, "mark"), "007", "'007' does not lie"),
        (("rows", 0, "mark"), True, "True is not an integer"),
        (("rows", 0, "mark"), None, "None is not an integer"),
        (("rows", 0, "id"), 0, "row 0, id: 0 does not lie from 1"),
        (("rows", 1, "id"), 1, "row 1 has id 1, not above the id before it, 1"),
        (("rows", 0, "values", 3), -1, "row 0, values: -1 does not lie"),
        (("rows", 0, "values", 3), ..., "row 0 has 3 values for 4 scenarios"),
        (("rows", 0, "type"), "X", "type 'X'"),
        (("rows", 0, "strike"), 1, "contradicts its columns"),
        (("rows", 0, "delta"), 1_000_001, "delta: 1000001 does not lie"),
        (("last_id",), 1, "last_id 1 is below the largest id, 2"),
        (("scenarios", 0, "volatility"), "flat", "is no scenario"),
        (("rule", "short_power"), ..., "the rule has no 'short_power'"),
        (("index",), 0, "index: 0 does not lie from 1"),
    ],
)
def test_a_malformed_table_is_refused(
    small: RiskTable, path: tuple[str | int, ...], value: object, message: str
) -> None:
    with pytest.raises(RiskTableError) as refusal:
        RiskTable.from_json(spoilt(small.to_json(), path, value))
    assert message in str(refusal.value)


def test_a_text_that_lists_much_and_says_little_takes_little_room(small: RiskTable) -> None:
    table = json.loads(small.to_json())
    table["scenarios"] *= 5_000
    table["rows"] = [{"values": []}] * 20_000
    text = json.dumps(table)
    tracemalloc.start()
    try:
        with pytest.raises(RiskTableError, match="row 0 has 0 values for 20000 scenarios"):
            RiskTable.from_json(text)
        assert tracemalloc.get_traced_memory()[1] < 50 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format":1,"format":2}', '{"a":NaN}', "[" * 100_000])
def test_a_text_that_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(TacitError):
        RiskTable.from_json(text)


# --- what holds for every chain

SECOND = timedelta(seconds=1)
NOW = datetime(2025, 12, 5, tzinfo=UTC)


@st.composite
def chains(draw: st.DrawFn) -> list[Row]:
    """A chain of one or two expiries with one volatility a strike, priced by Black-76."""
    base = draw(st.floats(10.0, 300_000.0))
    rows: list[Row] = []
    hours = draw(st.lists(st.integers(1, 800), min_size=1, max_size=2, unique=True))
    for days in hours:
        expiry = NOW + timedelta(days=days, hours=8)
        forward = round(base * draw(st.floats(0.9, 1.1)), 5)
        level = draw(st.floats(0.15, 2.0))
        years = (expiry - NOW) / timedelta(days=365)
        for ratio in draw(
            st.lists(st.sampled_from([0.4, 0.7, 0.9, 0.97, 1.0, 1.05, 1.2, 2.0]), min_size=2, unique=True)
        ):
            strike = round(forward * ratio, 2)
            for kind in "CP":
                mark = float(black76.price(forward, strike, years, level, kind == "C")) / forward
                rows.append(
                    {
                        "currency": "BTC",
                        "expiry_utc": expiry.isoformat(),
                        "strike": repr(strike),
                        "type": kind,
                        "valuation_utc": NOW.isoformat(),
                        "underlying_price": repr(forward),
                        "mark_price": repr(mark),
                        "mark_iv": repr(100 * level),
                    }
                )
    return rows


def table_of(rows: list[Row], **arguments: Any) -> RiskTable:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as folder:
        return RiskTable.from_chain(write(Path(folder) / "chain.csv", rows), **arguments)


def pairs(table: RiskTable) -> Iterator[tuple[np.void, np.void]]:
    """Call and put of each strike; C stands before P."""
    for call, put in zip(table.rows[0::2], table.rows[1::2], strict=True):
        assert (call["strike"], call["type"], put["type"]) == (put["strike"], "C", "P")
        yield call, put


@settings(max_examples=60, deadline=None)
@given(chains())
def test_a_call_gains_and_a_put_loses_with_the_price(rows: list[Row]) -> None:
    table = table_of(rows)
    for way in ("up", "down"):
        steps = [
            number
            for number, scenario in sorted(enumerate(CORE), key=lambda each: each[1].price)
            if scenario.volatility == way
        ]
        for call, put in pairs(table):
            assert bool(np.all(np.diff(call["values"][steps].astype(np.int64)) >= 0))
            assert bool(np.all(np.diff(put["values"][steps].astype(np.int64)) <= 0))


@settings(max_examples=60, deadline=None)
@given(chains())
def test_call_less_put_is_the_dampened_forward_in_every_scenario(rows: list[Row]) -> None:
    table = table_of(rows)
    forwards = {
        (expiry_code(int(datetime.fromisoformat(row["expiry_utc"]).timestamp()))): float(row["underlying_price"])
        for row in rows
    }
    for call, put in pairs(table):
        forward = forwards[str(call["name"]).split("-")[1]]
        strike = int(call["strike"]) / 1e6
        parity = int(call["mark"]) - int(put["mark"])
        for number, scenario in enumerate(table.scenarios):
            full = (forward * (1 + scenario.price / 10_000) - strike) * 1e6
            expected = parity + scenario.damping / 100_000 * (full - parity)
            difference = int(call["values"][number]) - int(put["values"][number])
            assert difference == pytest.approx(expected, abs=3.0, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(chains())
def test_values_lie_between_nothing_and_their_bound(rows: list[Row]) -> None:
    table = table_of(rows)
    largest = max(float(row["underlying_price"]) for row in rows) * 1e6
    for call, put in pairs(table):
        for scenario, value in zip(table.scenarios, call["values"].tolist(), strict=True):
            assert 0 <= value <= largest * max(1, 1 + scenario.price / 10_000) + 1
        assert int(put["values"].max()) <= int(put["strike"]) + 1
        assert 0 <= int(call["delta"]) <= 1_000_000
        assert -1_000_000 <= int(put["delta"]) <= 0


@settings(max_examples=40, deadline=None)
@given(chains(), st.randoms(use_true_random=False))
def test_the_table_does_not_depend_on_the_order_of_rows(rows: list[Row], shuffle: random.Random) -> None:
    mixed = list(rows)
    shuffle.shuffle(mixed)
    assert table_of(mixed) == table_of(rows)


@settings(max_examples=40, deadline=None)
@given(chains(), st.randoms(use_true_random=False), st.data())
def test_ids_survive_epochs_whatever_joins(rows: list[Row], shuffle: random.Random, data: st.DataObject) -> None:
    names = [str(name) for name in table_of(rows).rows["name"]]
    listed = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    first = table_of(rows, instruments=listed)
    shuffle.shuffle(rows)
    second = table_of(rows, previous=first)
    for row in first.rows:
        assert second.row(str(row["name"]))["id"] == row["id"]
    joined = [int(second.row(name)["id"]) for name in names if name not in listed]
    assert joined == list(range(first.last_id + 1, second.last_id + 1))
    assert second.last_id == len(names)


@settings(max_examples=40, deadline=None)
@given(chains())
def test_json_returns_every_table(rows: list[Row]) -> None:
    table = table_of(rows, scenarios="dev")
    assert RiskTable.from_json(table.to_json()) == table


def test_named_sets_have_their_sizes() -> None:
    assert [len(scenario_set(name)) for name in ("standard", "span", "dev")] == [24, 16, 4]
    assert padded(DEV, 8) == DEV + DEV
