"""Section 5: one instrument's call auction, by brute force over candidate prices.

Demand and supply change at limits only, so the ends of every feasible interval lie at limits;
trying each limit, its two neighbours and the mark finds the feasible price nearest to the mark.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .order import Side
from .params import PRICE_BITS


@dataclass(frozen=True)
class Bid:
    """An admitted order of one instrument, reduced to what its auction sees."""

    sequence: int
    side: Side
    quantity: int
    limit: int


@dataclass(frozen=True)
class Auction:
    """The outcome of one instrument; `fills` by sequence number, in lots."""

    price: int
    cut: int
    cut_side: Side
    volume: int
    count: int
    fills: dict[int, int]


def demand(bids: Sequence[Bid], price: int) -> int:
    """D(p): "admitted demand at limits ≥ p"."""
    return sum(bid.quantity for bid in bids if bid.side == Side.BUY and bid.limit >= price)


def supply(bids: Sequence[Bid], price: int) -> int:
    """S(p): "supply at limits ≤ p"."""
    return sum(bid.quantity for bid in bids if bid.side == Side.SELL and bid.limit <= price)


def feasible(bids: Sequence[Bid], price: int) -> bool:
    """Section 5: "{p : D(p+1) ≤ S(p), S(p−1) ≤ D(p)}"."""
    if demand(bids, price + 1) > supply(bids, price):
        return False
    return supply(bids, price - 1) <= demand(bids, price)


def clearing_price(bids: Sequence[Bid], mark: int) -> int:
    """Section 5: "p* is the feasible price nearest to the mark"."""
    candidates = {mark} | {bid.limit + step for bid in bids for step in (-1, 0, 1)}
    found = {price for price in candidates if 0 <= price < 2**PRICE_BITS and feasible(bids, price)}
    return min(found, key=lambda price: (abs(price - mark), price))


def strictly_better(bid: Bid, price: int) -> bool:
    return bid.limit > price if bid.side == Side.BUY else bid.limit < price


def fill_side(bids: Sequence[Bid], side: Side, price: int, volume: int) -> dict[int, int]:
    """Section 5: "a strictly better limit is filled in full … smaller sequence numbers fill first" at the price itself."""
    fills = {bid.sequence: bid.quantity for bid in bids if bid.side == side and strictly_better(bid, price)}
    left = volume - sum(fills.values())
    for bid in sorted((bid for bid in bids if bid.side == side and bid.limit == price), key=lambda bid: bid.sequence):
        fills[bid.sequence] = min(bid.quantity, left)
        left -= fills[bid.sequence]
    return fills


def find_cut(bids: Sequence[Bid], fills: dict[int, int], price: int, active: int) -> tuple[int, Side]:
    """Section 5: "side buy if D(p*) > S(p*), else sell if S(p*) > D(p*), and cut = the first at-price order of that side

    not filled in full; if D(p*) = S(p*): cut = n + 1, side buy"."""
    excess = demand(bids, price) - supply(bids, price)
    if excess == 0:
        return active + 1, Side.BUY
    side = Side.BUY if excess > 0 else Side.SELL
    at_price = [bid for bid in bids if bid.side == side and bid.limit == price]
    return min(bid.sequence for bid in at_price if fills[bid.sequence] < bid.quantity), side


def price_rule_count(bids: Sequence[Bid], fills: dict[int, int], price: int, mark: int) -> int:
    """Section 5, Price rule: "over admitted orders with limit = p*, let count = Σ (side = [p* > mark] ? quantity − fill : fill)"."""
    direction = Side.BUY if price > mark else Side.SELL
    at_price = [bid for bid in bids if bid.limit == price]
    return sum(bid.quantity - fills[bid.sequence] if bid.side == direction else fills[bid.sequence] for bid in at_price)


def clear(bids: Sequence[Bid], mark: int, active: int) -> Auction:
    """Clears the admitted orders of one instrument; `active` is n, the batch's number of active orders."""
    price = clearing_price(bids, mark)
    volume = min(demand(bids, price), supply(bids, price))
    fills = {bid.sequence: 0 for bid in bids}
    fills |= fill_side(bids, Side.BUY, price, volume) | fill_side(bids, Side.SELL, price, volume)
    cut, cut_side = find_cut(bids, fills, price, active)
    return Auction(price, cut, cut_side, volume, price_rule_count(bids, fills, price, mark), fills)
