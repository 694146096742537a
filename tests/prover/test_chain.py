"""What a chain must be, and that a bad one is refused with the offending value."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.chain import expiry_code, instrument_name, read_chain, years_to
from prover.errors import ChainError, TacitError
from prover.risk import RiskTable

CHAIN = Path(__file__).parents[2] / "data" / "chains" / "btc_2025-12-05.csv"
EXPIRY = int(datetime(2025, 12, 26, 8, tzinfo=UTC).timestamp())

Row = dict[str, str]


def real_rows() -> list[Row]:
    """Two neighbouring strikes of one expiry: four options."""
    wanted = ("BTC-26DEC25-90000-", "BTC-26DEC25-92000-")
    with CHAIN.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["instrument_name"].startswith(wanted)]


def write(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_real_chain_is_read_whole() -> None:
    chain = read_chain(CHAIN)
    assert len(chain.quotes) == 676
    assert chain.skipped == ()
    assert chain.index == 92529.92703
    keys = [quote.key for quote in chain.quotes]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("mark_price", "nan", "mark_price 'nan' is not finite"),
        ("mark_price", "inf", "mark_price 'inf' is not finite"),
        ("mark_price", "-0.1", "mark_price -0.1 is negative"),
        ("mark_price", "0,1", "mark_price '0,1' is not a number"),
        ("mark_iv", "-3", "mark_iv -3 is negative"),
        ("mark_iv", "1e9", "mark_iv 1e+09 % does not lie from 0.01 % to 2000 %"),
        ("mark_iv", "0.4", "contradicts its volatility"),
        ("mark_price", "0.5", "contradicts its volatility"),
        ("mark_price", "1e9", "above 4398046"),
        ("bid_price", "0.9", "is crossed: bid 0.9 above ask"),
        ("strike", "abc", "strike 'abc' is not a number"),
        ("strike", "0", "strike '0' is not a multiple"),
        ("strike", "-90000", "strike '-90000' is not a multiple"),
        ("strike", "90000.0000001", "is not a multiple of 0.000001"),
        ("strike", "nan", "strike 'nan' is not a multiple"),
        ("strike", "1e999999", "strike '1e999999' is not a"),
        ("expiry_utc", "0001-01-01T00:00:00+14:00", "is not a time"),
        ("underlying_price_implied", "1e-30", "is not from 0.000001 to 4398046"),
        ("strike", "91000", "contradicts its columns, which say 'BTC-26DEC25-91000-C'"),
        ("type", "X", "type 'X' is neither C nor P"),
        ("type", "P", "contradicts its columns"),
        ("expiry_utc", "soon", "expiry_utc 'soon' is not a time"),
        ("expiry_utc", "", "expiry_utc is empty"),
        ("valuation_utc", "2025-13-05", "valuation_utc '2025-13-05' is not a time"),
        ("valuation_utc", "2025-12-04T01:00:00+00:00", "one chain is one moment"),
        ("underlying_price_implied", "0", "underlying_price_implied is 0"),
        ("underlying_price_implied", "80000", "has forwards from 80000.0 to"),
        ("instrument_name", "ETH-26DEC25-90000-C", "are of two underlyings"),
        ("instrument_name", "B" * 30 + "-26DEC25-90000-C", "longer than 32"),
    ],
)
def test_a_bad_cell_is_refused_with_its_value(tmp_path: Path, column: str, value: str, message: str) -> None:
    rows = real_rows()
    rows[0][column] = value
    with pytest.raises(ChainError) as refusal:
        read_chain(write(tmp_path / "chain.csv", rows))
    assert message in str(refusal.value)


def _without(column: str) -> Callable[[list[Row]], None]:
    def drop(rows: list[Row]) -> None:
        for row in rows:
            del row[column]

    return drop


def _expire(rows: list[Row]) -> None:
    for row in rows:
        row["valuation_utc"] = "2025-12-26T08:00:00+00:00"


def _cross(rows: list[Row]) -> None:
    for row in rows:
        row["mark_iv"] = ""
        if row["instrument_name"] == "BTC-26DEC25-92000-C":
            row["mark_price"] = "0.09"


def _below_intrinsic(rows: list[Row]) -> None:
    rows[:] = [row for row in rows if row["instrument_name"] == "BTC-26DEC25-90000-C"]
    rows[0].update(mark_iv="", mark_price="0.01")


def _impossible(rows: list[Row]) -> None:
    rows[:] = [row for row in rows if row["instrument_name"] == "BTC-26DEC25-92000-C"]
    rows[0].update(mark_iv="", mark_price="1.2")


def _no_name(rows: list[Row]) -> None:
    for row in rows:
        row.update(instrument_name="", currency="")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without("strike"), "lacks the column strike"),
        (_without("type"), "lacks the column type"),
        (_without("expiry_utc"), "lacks the column expiry_utc"),
        (_without("valuation_utc"), "no valuation_utc; give the time of valuation"),
        (_expire, "has expired at the valuation 2025-12-26T08:00:00+00:00"),
        (_cross, "strikes cross: BTC-26DEC25-90000-C"),
        (_below_intrinsic, "has no time value"),
        (_impossible, "no volatility from 0.01% to 2000% gives the price"),
        (_no_name, "neither instrument_name nor currency is filled"),
        (lambda rows: rows.append(rows[0]), "is listed twice, in lines 2 and 6"),
    ],
)
def test_a_bad_chain_is_refused(tmp_path: Path, spoil: Callable[[list[Row]], None], message: str) -> None:
    rows = real_rows()
    spoil(rows)
    with pytest.raises(ChainError) as refusal:
        read_chain(write(tmp_path / "chain.csv", rows))
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty"),
        (b"strike,type,expiry_utc,underlying_price,currency\n", "lists no instrument"),
        (b"strike,strike\n", "has column 'strike' twice"),
        (b"strike,type,expiry_utc,underlying_price,currency\n1,C\n", "line 2: 2 cells for 5"),
        (b"\xff\xfe\x00", "is not a CSV file in UTF-8"),
        (b"strike,type,expiry_utc,currency\n", "underlying_price_implied or underlying_price"),
    ],
)
def test_a_file_that_is_no_chain_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "chain.csv"
    path.write_bytes(text)
    with pytest.raises(ChainError) as refusal:
        read_chain(path)
    assert message in str(refusal.value)


def test_a_missing_file_is_refused_as_a_tacit_error(tmp_path: Path) -> None:
    with pytest.raises(TacitError, match="cannot be read"):
        read_chain(tmp_path / "none.csv")


def test_an_instrument_that_nothing_prices_is_refused_or_left_out(tmp_path: Path) -> None:
    rows = real_rows()
    for column in ("mark_price", "mark_iv", "bid_price"):
        rows[0][column] = ""
    path = write(tmp_path / "chain.csv", rows)
    name = rows[0]["instrument_name"]
    with pytest.raises(ChainError, match=f"1 instruments have no price, first {name}"):
        read_chain(path)
    chain = read_chain(path, unpriced="skip")
    assert [skip.name for skip in chain.skipped] == [name]
    assert len(chain.quotes) == 3


def test_a_missing_mark_is_the_value_at_its_volatility(tmp_path: Path) -> None:
    rows = real_rows()
    exact = {quote.name: quote.mark for quote in read_chain(CHAIN).quotes}
    for row in rows:
        row["mark_price"] = ""
    for quote in read_chain(write(tmp_path / "chain.csv", rows)).quotes:
        assert quote.mark == pytest.approx(exact[quote.name], abs=1e-5 * quote.forward)


def test_without_mark_and_volatility_the_mid_is_the_mark(tmp_path: Path) -> None:
    rows = real_rows()
    for row in rows:
        row["mark_price"] = row["mark_iv"] = ""
    mids = {row["instrument_name"]: float(row["bid_price"]) + float(row["ask_price"]) for row in rows}
    for quote in read_chain(write(tmp_path / "chain.csv", rows)).quotes:
        assert quote.mark == pytest.approx(0.5 * mids[quote.name] * quote.forward)
        assert quote.volatility == pytest.approx(0.45, abs=0.05)


def test_call_and_put_of_a_strike_share_the_solved_volatility(tmp_path: Path) -> None:
    rows = real_rows()
    for row in rows:
        row["mark_iv"] = ""
    quotes = read_chain(write(tmp_path / "chain.csv", rows)).quotes
    assert quotes[0].volatility == quotes[1].volatility
    assert quotes[0].volatility != quotes[2].volatility


def test_prices_in_the_quote_currency_are_not_multiplied(tmp_path: Path) -> None:
    rows = real_rows()
    for row in rows:
        factor = float(row["underlying_price_implied"])
        for column in ("mark_price", "bid_price", "ask_price"):
            row[column] = repr(float(row[column]) * factor)
    quoted = read_chain(write(tmp_path / "chain.csv", rows), quoted_in="quote").quotes
    marks = {quote.name: quote.mark for quote in read_chain(CHAIN).quotes}
    assert [q.mark for q in quoted] == pytest.approx([marks[q.name] for q in quoted])


def test_the_index_is_the_stated_one_else_the_nearest_forward(tmp_path: Path) -> None:
    rows = real_rows()
    assert read_chain(write(tmp_path / "chain.csv", rows)).index == 92726.48004
    for row in rows:
        row["index_price"] = "92500.5"
    assert read_chain(write(tmp_path / "chain.csv", rows)).index == 92500.5


def test_names_are_those_of_deribit() -> None:
    assert expiry_code(EXPIRY) == "26DEC25"
    assert instrument_name("BTC", EXPIRY, 60_000_000_000, "C") == "BTC-26DEC25-60000-C"
    assert instrument_name("XRP_USDC", EXPIRY, 625_000, "P") == "XRP_USDC-26DEC25-0d625-P"


def test_a_year_has_365_days() -> None:
    assert years_to(EXPIRY, (EXPIRY - 365 * 86_400) * 1_000_000) == 1.0


def test_lower_case_types_and_times_without_a_zone_are_understood(tmp_path: Path) -> None:
    rows = real_rows()
    for row in rows:
        row["type"] = {"C": "call", "P": "put"}[row["type"]]
        row["expiry_utc"] = row["expiry_utc"].removesuffix("+00:00")
    assert len(read_chain(write(tmp_path / "chain.csv", rows)).quotes) == 4


CELLS = st.one_of(
    st.sampled_from(
        ["", "0", "-0", "1e308", "1e-308", "nan", "-inf", "C", "P", "9" * 400, "٣", "0x10", "1_0", "\u0000"]
    ),
    st.text(max_size=12),
    st.floats(allow_nan=True).map(repr),
)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_whatever_a_cell_holds_the_chain_is_read_or_refused(data: st.DataObject) -> None:
    rows = real_rows()
    for _ in range(data.draw(st.integers(1, 3))):
        row = data.draw(st.sampled_from(rows))
        row[data.draw(st.sampled_from(list(row)))] = data.draw(CELLS)
    with tempfile.TemporaryDirectory() as folder, suppress(ChainError):
        path = write(Path(folder) / "chain.csv", rows)
        assert RiskTable.from_chain(path, unpriced="skip").rows.size
