"""Clearing on arrays: the reference's books, the types, and books of many instruments."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import prover
from prover import AUCTION_DTYPE, MARK_DTYPE, ORDER_DTYPE
from prover.errors import AuctionError, BatchError, TacitError

BOOKS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors" / "clearing.json").read_text())["books"]
INSTRUMENT = 5

Array = npt.NDArray[Any]


def book_orders(book: dict[str, Any]) -> Array:
    rows = [
        (INSTRUMENT, order["side"] == "buy", int(order["quantity"]), int(order["limit"]), order["sequence"])
        for order in book["orders"]
    ]
    return np.array(rows, ORDER_DTYPE)


def marks(*prices: int) -> Array:
    return np.array([(INSTRUMENT + at, price) for at, price in enumerate(prices)], MARK_DTYPE)


def one_order(**changes: int) -> Array:
    orders = np.array([(INSTRUMENT, True, 10, 100, 1)], [(name, np.int64) for name in ORDER_DTYPE.names or ()])
    for name, value in changes.items():
        orders[name] = value
    return orders


@pytest.mark.parametrize("at", range(len(BOOKS)))
def test_every_book_of_the_reference_clears_the_same(at: int) -> None:
    book = BOOKS[at]
    cleared = prover.clear(book_orders(book), marks(int(book["mark"])), count=book["active_orders"])
    (auction,) = cleared.auctions
    assert auction["price"] == int(book["price"])
    assert auction["cut"] == book["cut"]
    assert auction["cut_buy"] == (book["cut_side"] == "buy")
    assert auction["volume"] == int(book["volume"])
    assert auction["count"] == int(book["count"])
    assert cleared.fills.tolist() == [int(order["fill"]) for order in book["orders"]]


def test_instruments_do_not_touch_each_other() -> None:
    orders = np.array([(5, True, 10, 100, 1), (6, False, 10, 90, 2)], ORDER_DTYPE)
    cleared = prover.clear(orders, marks(100, 90))
    assert cleared.fills.tolist() == [0, 0]
    assert cleared.auctions.dtype == AUCTION_DTYPE
    assert cleared.auctions["instrument"].tolist() == [5, 6]


def test_no_orders_at_all_clear_at_the_mark() -> None:
    cleared = prover.clear(np.empty(0, ORDER_DTYPE), marks(77))
    assert cleared.auctions["price"].tolist() == [77]
    assert cleared.fills.size == 0


def test_any_layout_of_the_fields_will_do() -> None:
    wide = np.array(
        [(1, 100, 10, 1, INSTRUMENT, 9)],
        [("sequence", "i8"), ("limit", "i4"), ("quantity", ">u2"), ("buy", "u1"), ("instrument", "i8"), ("x", "f8")],
    )
    assert prover.clear(wide, marks(100)).fills.tolist() == [0]


def test_as_much_is_bought_as_sold_of_a_hundred_thousand_orders_over_a_thousand_instruments() -> None:
    rng, count = np.random.default_rng(1), 100_000
    orders = np.empty(count, ORDER_DTYPE)
    orders["instrument"] = rng.integers(1, 1001, count)
    orders["buy"] = rng.integers(0, 2, count)
    orders["quantity"] = rng.integers(1, 10_000, count)
    orders["limit"] = rng.integers(900, 1100, count)
    orders["sequence"] = np.arange(1, count + 1)
    table = np.array([(number, 1000) for number in range(1, 1001)], MARK_DTYPE)
    cleared = prover.clear(orders, table)
    bought, sold = (cleared.fills[orders["buy"] == side].sum() for side in (True, False))
    assert 0 < bought == sold == cleared.auctions["volume"].sum()


@pytest.mark.parametrize(
    ("orders", "offender"),
    [
        (one_order(quantity=0), "0"),
        (one_order(quantity=2**32), str(2**32)),
        (one_order(quantity=-1), "-1"),
        (one_order(limit=2**42), str(2**42)),
        (one_order(instrument=0), "0"),
        (one_order(instrument=6), "6"),
        (one_order(sequence=0), "0"),
        (one_order(buy=2), "2"),
        (np.zeros(1, [("instrument", "u4")]), "buy"),
        (np.zeros(3), "float64"),
        (np.zeros((1, 1), ORDER_DTYPE), "2"),
        (np.zeros(1, [(name, "f8") for name in ORDER_DTYPE.names or ()]), "float64"),
    ],
)
def test_bad_orders_are_refused_with_the_offending_value(orders: Array, offender: str) -> None:
    with pytest.raises(TacitError, match=offender):
        prover.clear(orders, marks(100))


def test_marks_out_of_order_are_refused() -> None:
    twice = np.array([(5, 1), (5, 1)], MARK_DTYPE)
    with pytest.raises(AuctionError, match="5"):
        prover.clear(np.empty(0, ORDER_DTYPE), twice)


def test_a_sequence_number_above_the_count_is_refused() -> None:
    with pytest.raises(BatchError, match="9"):
        prover.clear(one_order(sequence=9), marks(100), count=8)
