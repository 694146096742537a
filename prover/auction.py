"""The call auction on numpy arrays: clearing prices and fills of any number of orders at once.

The rule is section 5 of docs/protocol.md, the work is done in Rust with the GIL released. Nothing
here admits or refuses orders: :func:`clear` takes those that are admitted.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from prover import _native
from prover.errors import AuctionError

ORDER_DTYPE: Final = np.dtype(
    [
        ("instrument", np.uint32),
        ("buy", np.bool_),
        ("quantity", np.uint32),
        ("limit", np.uint64),
        ("sequence", np.uint32),
    ]
)
"""One order: ``instrument`` id 1 … 2²⁷ − 1; ``buy`` or sell; ``quantity`` in lots (10⁻⁴ contract), at least
1; ``limit`` in price units (10⁻⁶ of the quote currency) below 2⁴²; ``sequence`` from 1, each once.
"""

MARK_DTYPE: Final = np.dtype([("instrument", np.uint32), ("mark", np.uint64)])
"""One instrument and its mark in price units; ids strictly increasing."""

AUCTION_DTYPE: Final = np.dtype(
    [
        ("instrument", np.uint32),
        ("price", np.uint64),
        ("cut", np.uint32),
        ("cut_buy", np.bool_),
        ("volume", np.uint64),
        ("count", np.uint64),
    ]
)
"""One auction: clearing ``price`` in price units; ``cut``, the sequence number of the first order at the
price that is not filled in full (n + 1: none) and whether it buys; ``volume`` in lots; ``count`` of the
price rule in lots.
"""

Array = npt.NDArray[np.void]


class Clearing(NamedTuple):
    """``auctions``: one a mark, in their order (:data:`AUCTION_DTYPE`). ``fills``: lots, one an order."""

    auctions: Array
    fills: npt.NDArray[np.uint32]


def clear(orders: npt.NDArray[Any], marks: npt.NDArray[Any], *, count: int | None = None) -> Clearing:
    """Clears all instruments at one price each: the feasible price nearest the mark, better limits in
    full, then smaller sequence numbers first.

    ``orders`` has the fields of :data:`ORDER_DTYPE`, ``marks`` those of :data:`MARK_DTYPE`, in any
    layout. ``count`` is the number n of orders that the sequence numbers are out of; by default the
    largest of them. Raises :class:`AuctionError` for an instrument without a mark, marks out of
    order, or arrays of another shape, and :class:`prover.errors.BatchError` for a number out of range.
    """
    columns = _columns(orders, ORDER_DTYPE, "orders")
    sequences: npt.NDArray[np.uint32] = columns[-1]
    active = count if count is not None else int(sequences.max(initial=0))
    mark_columns = _columns(marks, MARK_DTYPE, "marks")
    cleared = _native.clear_columns(columns, mark_columns, active)
    auctions = np.empty(len(mark_columns[0]), AUCTION_DTYPE)
    auctions["instrument"] = mark_columns[0]
    for name, column in zip(("price", "cut", "cut_buy", "volume", "count"), cleared, strict=False):
        auctions[name] = column
    return Clearing(auctions, cleared[-1])


def _columns(array: npt.NDArray[Any], dtype: np.dtype[np.void], what: str) -> tuple[npt.NDArray[Any], ...]:
    """The fields of a structured array, each contiguous and of its type, with no value changed by it."""
    if array.ndim != 1 or array.dtype.names is None:
        raise AuctionError(f"{what} must be a structured array of one dimension, not {array.dtype} × {array.ndim}")
    return tuple(_column(array, name, dtype[name], what) for name in dtype.names or ())


def _column(array: npt.NDArray[Any], name: str, dtype: np.dtype[Any], what: str) -> npt.NDArray[Any]:
    if name not in (array.dtype.names or ()):
        raise AuctionError(f"{what} have no field {name!r}; they have {', '.join(array.dtype.names or ())}")
    column = array[name]
    if not np.can_cast(column.dtype, dtype, "same_kind") and column.dtype.kind not in "ui":
        raise AuctionError(f"{name!r} of the {what} is {column.dtype}, not {dtype}")
    converted = np.ascontiguousarray(column, dtype)
    if not np.array_equal(converted, column):
        worst = column[np.flatnonzero(converted != column)[0]]
        raise AuctionError(f"{name} {worst} of the {what} does not fit {dtype}", {name: int(worst)})
    return converted
