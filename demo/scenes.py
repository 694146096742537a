"""What the demo promises to show, found in what really happened. A promise that did not come true is an error.

Each function looks for one thing in the settled batches and raises :class:`demo.errors.NotShown` if it is not there or not as the
protocol has it. Quantities in lots, prices in price units, cash in cash units (10⁻¹⁴ quote), all integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from demo import story
from demo.errors import NotShown
from demo.market import Market
from demo.record import CASH_A_TOKEN, CASH_A_VALUE, Line, premium, touch_of
from demo.traders import NAMES
from prover.batch import Cleared, ClearedTouch, Position, Reason
from prover.risk import RiskTable


@dataclass(frozen=True)
class Auction:
    """An instrument that has traded: ``buyers`` and ``sellers`` are filled orders."""

    batch: int
    instrument: str
    mark: int
    price: int
    volume: int
    buyers: int
    sellers: int


@dataclass(frozen=True)
class BookEntry:
    """An order of an auction."""

    sequence: int
    trader: str
    buy: bool
    limit: int
    quantity: int
    filled: int


@dataclass(frozen=True)
class PartialFill:
    """An auction in which the cut, the one order with this ``sequence``, is filled in part; ``book``: buys, then sells, both by
    priority.
    """

    batch: int
    instrument: str
    mark: int
    price: int
    sequence: int
    book: tuple[BookEntry, ...]


@dataclass(frozen=True)
class MarginRefusal:
    """An order refused for margin: the scenario that is worst for it, and the cash missing in it."""

    trader: str
    instrument: str
    quantity: int
    limit: int
    cash: int
    scenario: str
    shortfall: int
    scenarios_failed: int
    scenarios: int


@dataclass(frozen=True)
class Netted:
    """A position that was opened in batch 1 and is nothing after batch 2."""

    trader: str
    instrument: str
    quantity: int
    bought_at: int
    sold_at: int
    gain: int


@dataclass(frozen=True)
class Expired:
    """A position that became cash."""

    trader: str
    instrument: str
    quantity: int
    value: int
    cash: int


@dataclass(frozen=True)
class Refused:
    """An order that the second batch refused, and why."""

    trader: str
    what: str
    code: int
    reason: str


@dataclass(frozen=True)
class Payment:
    """Cash that left an account for its owner's address: asked and paid in token units."""

    trader: str
    what: str
    asked: int
    paid: int


@dataclass(frozen=True)
class Money:
    """Token units that came into the vault and left it, what it holds, and wei of bonds that were locked and given back."""

    deposited: int
    claimed: int
    held: int
    bonds: int


@dataclass(frozen=True)
class Conservation:
    """Cash of all accounts against what came in and went out, all in cash units."""

    deposited: int
    paid: int
    cash: int
    fees: int


def auctions(market: Market, cleared: Cleared, orders: Sequence[Line]) -> list[Auction]:
    """Every instrument that traded, with its clearing price against its mark."""
    found = []
    for row in cleared.auctions:
        number, price, volume = int(row["instrument"]), int(row["price"]), int(row["volume"])
        if not volume:
            continue
        filled = [line for line in orders if line.request.order.instrument == number and line.outcome.fill]
        sides = [[line for line in filled if line.request.order.buy is buy] for buy in (True, False)]
        if any(sum(line.outcome.fill for line in side) != volume for side in sides):
            raise NotShown(f"buys and sells of {market.names[number]} do not both add up to its volume")
        if any(line.request.order.limit < price for line in sides[0]) or any(
            line.request.order.limit > price for line in sides[1]
        ):
            raise NotShown(f"an order in {market.names[number]} was filled past its limit")
        name = market.names[number]
        found.append(
            Auction(number_of(cleared), name, market.marks[number], price, volume, len(sides[0]), len(sides[1]))
        )
    if not found:
        raise NotShown(f"nothing traded in batch {number_of(cleared)}")
    return found


def partial_fill(market: Market, batches: Sequence[Cleared], orders: Sequence[Line]) -> PartialFill:
    """The largest partial fill at the cut, of any batch."""
    cuts = {
        (number_of(batch), int(row["instrument"])): (int(row["cut"]), bool(row["cut_buy"]))
        for batch in batches
        for row in batch.auctions
    }
    partial = [line for line in orders if 0 < line.outcome.fill < line.request.order.quantity]
    for line in sorted(partial, key=lambda each: -each.outcome.fill):
        order = line.request.order
        if order.limit != line.price or cuts[line.batch, order.instrument] != (line.sequence, order.buy):
            raise NotShown(f"order {line.sequence} of batch {line.batch} is filled in part and is not the cut")
    if not partial:
        raise NotShown("no order was filled in part")
    line = max(partial, key=lambda each: each.outcome.fill)
    number = line.request.order.instrument
    book = [each for each in orders if each.batch == line.batch and each.request.order.instrument == number]
    return PartialFill(
        batch=line.batch,
        instrument=market.names[number],
        mark=market.marks[number],
        price=line.request.order.limit,
        sequence=line.sequence,
        book=tuple(_entry(each) for each in sorted(book, key=_priority)),
    )


def _priority(line: Line) -> tuple[bool, int, int]:
    """Buys before sells, better limits before worse, then the order of arrival."""
    order = line.request.order
    return not order.buy, -order.limit if order.buy else order.limit, line.sequence


def _entry(line: Line) -> BookEntry:
    order = line.request.order
    return BookEntry(line.sequence, line.trader.name, order.buy, order.limit, order.quantity, line.outcome.fill)


def margin_refusal(market: Market, orders: Sequence[Line]) -> MarginRefusal:
    """The order too large for its account: refused in batch 1; a smaller one was admitted in batch 2."""
    line = _scene(orders, story.MARGIN_REFUSED)
    order, touch, den = line.request.order, line.touch, story.MARGIN[1]
    claims = list(zip(touch.claims, touch.losses, strict=True))
    failed = [place for place, (claim, loss) in enumerate(claims) if claim < 0 and loss < 0]
    if line.outcome.reason is not Reason.MARGIN or touch.failure is None or not failed:
        raise NotShown("the order that was to be refused for margin was not")
    short = {place: -(touch.claims[place] // den) * CASH_A_VALUE for place in failed}
    if short.get(failed[0]) != touch.failure.shortfall:
        raise NotShown("the shortfall computed from the claims is not the core's")
    worst = max(failed, key=lambda place: short[place])
    if not _scene(orders, story.WITHIN_MARGIN).outcome.admitted:
        raise NotShown("the order within margin was refused too")
    return MarginRefusal(
        trader=line.trader.name,
        instrument=market.names[order.instrument],
        quantity=order.quantity,
        limit=order.limit,
        cash=touch.cash,
        scenario=scenario_label(market.table, worst),
        shortfall=short[worst],
        scenarios_failed=len(failed),
        scenarios=len(claims),
    )


def netted(market: Market, batches: Sequence[Cleared], orders: Sequence[Line]) -> Netted:
    """The position bought in batch 1 and sold in batch 2: its entry is gone."""
    bought, sold = (line for line in orders if line.request.scene == story.NETTED)
    order = bought.request.order
    held = Position(order.instrument, order.quantity)
    before, after = (_leaf(touch_of(batch, bought.trader.index)) for batch in batches)
    if held not in before or any(position.instrument == order.instrument for position in after):
        raise NotShown(f"{bought.trader.name}'s position was not netted to nothing")
    return Netted(
        trader=bought.trader.name,
        instrument=market.names[order.instrument],
        quantity=order.quantity,
        bought_at=bought.price or 0,
        sold_at=sold.price or 0,
        gain=-premium(bought) - premium(sold),
    )


def expired(market: Market, cleared: Cleared) -> list[Expired]:
    """Every position that became cash in a batch; over all accounts they cancel out."""
    found = []
    names = dict(enumerate(("the fund", *NAMES)))
    for touch in cleared.touches:
        gone = [each for each in touch.old.positions if each.instrument in market.expiring] if touch.old else []
        parts = [CASH_A_VALUE * each.quantity * market.expiring[each.instrument] for each in gone]
        if sum(parts) != CASH_A_VALUE * touch.expiry_value or any(each in _leaf(touch) for each in gone):
            raise NotShown(f"the expiry of account {touch.index} is not what its positions are worth")
        found += [
            Expired(
                names[touch.index], market.names[each.instrument], each.quantity, market.expiring[each.instrument], cash
            )
            for each, cash in zip(gone, parts, strict=True)
        ]
    if not any(each.cash for each in found):
        raise NotShown("no position expired into cash")
    if sum(each.cash for each in found) != 0:
        raise NotShown("what the expired positions bring and what they cost differ")
    return sorted(found, key=lambda each: -each.cash)


WANTED = {story.CANCELLED: Reason.NONCE, story.UNCOVERED: Reason.NOT_COVERED}
"""Scenes of the second batch that end in a refusal by the batch, and its reason."""


def refusals(orders: Sequence[Line]) -> list[Refused]:
    """The orders that the second batch refused, each for the reason it was written for."""
    if not _scene(orders, story.FILLED_ONCE).outcome.fill:
        raise NotShown("the order whose nonce is used again was not filled")
    found = []
    for scene, reason in WANTED.items():
        line = _scene(orders, scene)
        if line.outcome.reason is not reason or line.outcome.fill:
            raise NotShown(f"{scene}: the outcome was {line.outcome.reason.name}, not {reason.name}")
        found.append(Refused(line.trader.name, scene, int(reason), reason.text))
    return found


def leaver(orders: Sequence[Line], cleared: Cleared, market: Market) -> Payment:
    """The exit: after its only position expired into cash the account pays out all it has."""
    bought = _scene(orders, story.LEAVES)
    touch = touch_of(cleared, bought.trader.index)
    value = bought.outcome.fill * market.expiring[bought.request.order.instrument]
    if not value or touch.expiry_value != value:
        raise NotShown("the account that leaves had no position that expired into cash")
    if not touch.paid or touch.new is None or touch.new.cash >= CASH_A_TOKEN or touch.new.positions:
        raise NotShown("the exit did not pay out all there was")
    asked = next(each.exit for each in cleared.batch.touches if each.index == touch.index)
    return Payment(bought.trader.name, "exit, asked of the vault", asked or 0, touch.paid)


def withdrawal(orders: Sequence[Line]) -> Payment:
    """The withdrawal that was signed, covered and made."""
    line = _scene(orders, story.WITHDRAWS)
    asked = line.request.order.quantity * line.request.order.limit
    if line.touch.paid != asked:
        raise NotShown("the withdrawal was not made")
    return Payment(line.trader.name, "withdrawal, signed", asked, line.touch.paid)


def conservation(batches: Sequence[Cleared]) -> Conservation:
    """The cash of all accounts is what was deposited less what was paid out, to the last unit."""
    deposited = sum(touch.deposit for batch in batches for touch in batch.batch.touches)
    paid = sum(touch.paid for batch in batches for touch in batch.touches)
    state = batches[-1].state
    leaves = [leaf for index in state.indices() if (leaf := state.leaf(index))]
    cash = sum(leaf.cash for leaf in leaves)
    if cash != CASH_A_TOKEN * (deposited - paid):
        raise NotShown("cash was made or lost")
    fund = state.leaf(0)
    return Conservation(CASH_A_TOKEN * deposited, CASH_A_TOKEN * paid, cash, fund.cash if fund else 0)


def money(deposited: int, claimed: int, held: int, bonds: int, kept: Conservation) -> Money:
    """The vault holds the cash of all accounts, in test dollars, to the unit."""
    if (deposited * CASH_A_TOKEN, claimed * CASH_A_TOKEN) != (kept.deposited, kept.paid):
        raise NotShown("the test dollars that moved are not those that the batches credited and paid")
    if held * CASH_A_TOKEN != kept.cash:
        raise NotShown(f"the vault holds {held} token units, which are not the cash of all accounts")
    return Money(deposited, claimed, held, bonds)


def number_of(cleared: Cleared) -> int:
    """The batch's number."""
    return cleared.batch.context.batch


def scenario_label(table: RiskTable, place: int) -> str:
    """A scenario in words; the one after the last is the mark."""
    return table.scenarios[place].label if place < len(table.scenarios) else "at the mark"


def _scene(orders: Sequence[Line], scene: str) -> Line:
    return next(line for line in orders if line.request.scene == scene)


def _leaf(touch: ClearedTouch) -> tuple[Position, ...]:
    return touch.new.positions if touch.new else ()
