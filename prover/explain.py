"""To an owner: what became of each order and why, and the account's margin in every scenario.

Everything is read from public data with the account's own key: the settlement's words, which only this
key opens, and the epoch's risk table, which must hash to the settlement's risk root. The owner's own orders,
where they are at hand, add what was asked for and why margin was short.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from prover import _native
from prover.batch import Leaf, MarginFailure, Reason, RiskRow, read_touch, risk_root, risk_rows, risk_text
from prover.eddsa import Point
from prover.errors import BatchError, ParamsError, ReadingError, RiskTableError
from prover.orders import Holder, Order
from prover.risk import FORMAT as TABLE_FORMAT
from prover.risk import RiskTable
from prover.settlement import Settlement
from prover.wire import Json, Reader, decimal, dump, read_text, write_whole

ACCOUNT_FORMAT: Final = "tacit.account.1"
CASH_A_QUOTE: Final = 10**14
CASH_A_VALUE: Final = 10**4
PRICE_BITS: Final = 42
ID_BITS: Final = 27
TRADED_BIT: Final = 69


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its owner knows it: index, holder with the viewing key, and the orders sent, by sequence number."""

    index: int
    holder: Holder
    orders: tuple[Order, ...] = field(default=(), repr=False)

    def to_json(self) -> str:
        """The file ``tacit.account.1``. It holds the viewing key: a secret."""
        holder = self.holder.to_wire()
        orders = [order.to_wire() for order in self.orders]
        return dump({"format": ACCOUNT_FORMAT, "index": self.index, "holder": holder, "orders": orders})

    @classmethod
    def from_json(cls, text: str) -> Account:
        """What :meth:`to_json` wrote; anything malformed is refused (:class:`ReadingError`)."""
        reader = Reader.parse(text, "the account", ReadingError)
        reader.format(ACCOUNT_FORMAT)
        index, holder = reader.integer("index", 21), _holder(reader.object("holder"))
        orders = tuple(_order(wire, reader) for wire in reader.list("orders"))
        reader.end()
        return cls(index, holder, orders)

    @classmethod
    def load(cls, path: str | Path) -> Account:
        """The account of a file."""
        return cls.from_json(read_text(Path(path)))

    def save(self, path: str | Path) -> None:
        """Writes the file, readable by its owner alone."""
        write_whole(Path(path), self.to_json(), private=True)


def _holder(reader: Reader) -> Holder:
    point = reader.read("key", _point, "two numbers in strings")
    holder = Holder(point, reader.element("viewing_key"), reader.integer("subaccount", 32))
    reader.end()
    return holder


def _point(wire: object) -> Point | None:
    if not isinstance(wire, list) or len(wire) != 2:
        return None
    x, y = (decimal(coordinate, 254) for coordinate in wire)
    return None if x is None or y is None else Point(x, y)


def _order(wire: object, reader: Reader) -> Order:
    if not isinstance(wire, dict):
        reader.refuse("an order is not an object")
    try:
        _native.order_hash(json.dumps(wire), 0)  # Rust decides what an order is
    except BatchError:
        reader.refuse("an order is not of its format, or out of range")
    return Order.from_wire(wire)


@dataclass(frozen=True, slots=True)
class Epoch:
    """The risk table of the batch's epoch, and names for people where the table has them."""

    rows: tuple[RiskRow, ...]
    names: dict[int, str]
    scenarios: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> Epoch:
        """The epoch of a file: a table of ``prover risk``, or a ``tacit.risk.1``."""
        text = read_text(path)
        if f'"{TABLE_FORMAT}"' in text[:200]:
            table = RiskTable.from_json(text)
            names = {int(row["id"]): str(row["name"]) for row in table.rows}
            return cls(risk_rows(table), names, tuple(scenario.label for scenario in table.scenarios))
        try:
            _native.risk_root(text)  # Rust decides what a risk table is
        except (BatchError, ParamsError) as error:
            raise RiskTableError(f"{path} is no risk table: {error}", {"path": str(path)}) from error
        return cls(tuple(RiskRow.from_wire(row) for row in json.loads(text)["rows"]), {}, ())

    def name(self, instrument: int) -> str:
        """What people call an instrument."""
        return self.names.get(instrument, f"instrument {instrument}")

    def label(self, scenario: int, count: int) -> str:
        """What people call a scenario; the last of ``count`` is the mark."""
        if scenario == count - 1:
            return "mark"
        return self.scenarios[scenario] if scenario < len(self.scenarios) else f"scenario {scenario}"


@dataclass(frozen=True, slots=True)
class OrderStory:
    """What became of an order place: lots filled, clearing price in price units where it is public, reason, and the order
    itself where the owner has it.
    """

    place: int
    fill: int
    reason: Reason
    order: Order | None
    price: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an owner can know of a batch: the account after it, the orders, margin by scenario (what is left of the
    requirement, in 10⁻¹⁴ quote, the mark last), and why margin refused the orders, if it did.
    """

    index: int
    batch: int
    leaf: Leaf
    orders: tuple[OrderStory, ...]
    excess: tuple[int, ...]
    failure: MarginFailure | None
    epoch: Epoch

    def to_wire(self) -> Json:
        """For programs: amounts as decimal strings."""
        count = len(self.excess)
        return {
            "account": self.index,
            "batch": self.batch,
            "cash": str(self.leaf.cash),
            "positions": [
                {
                    "instrument": each.instrument,
                    "name": self.epoch.name(each.instrument),
                    "quantity": str(each.quantity),
                }
                for each in self.leaf.positions
            ],
            "orders": [_story_to_wire(story, self.epoch) for story in self.orders],
            "margin": [
                {"scenario": self.epoch.label(at, count), "excess": str(excess)}
                for at, excess in enumerate(self.excess)
            ],
            "failure": _failure_to_wire(self.failure, self.epoch, count),
        }


def _story_to_wire(story: OrderStory, epoch: Epoch) -> Json:
    order = story.order
    asked = None if order is None else order.to_wire() | {"name": epoch.name(order.instrument)}
    return {
        "place": story.place,
        "fill": str(story.fill),
        "price": None if story.price is None else str(story.price),
        "reason": int(story.reason),
        "why": story.reason.text,
        "order": asked,
    }


def _failure_to_wire(failure: MarginFailure | None, epoch: Epoch, count: int) -> Json | None:
    if failure is None:
        return None
    scenario = count - 1 if failure.scenario is None else failure.scenario
    return {
        "scenario": epoch.label(scenario, count),
        "shortfall": str(failure.shortfall),
        "worst_loss": str(failure.worst_loss),
    }


def explain(settlement: Settlement, account: Account, epoch: Epoch) -> Explanation:
    """What a settled batch did to an account. Raises :class:`ReadingError` if the key does not open its words, and
    :class:`RiskTableError` if the table is not the epoch's.
    """
    if epoch.rows and risk_root(settlement.params, epoch.rows) != settlement.risk_root:
        raise RiskTableError("the risk table is not that of the batch's epoch: its root is another")
    words = settlement.touch_words(account.index)
    leaf, outcomes = read_touch(settlement.params, words, account.holder, settlement.context.domain, account.index)
    stories = _stories(outcomes, account.orders, clearing_prices(settlement))
    refused = [story.order for story in stories if story.order is not None and story.reason is Reason.MARGIN]
    excess, failure = _margin(settlement, leaf, epoch, refused)
    return Explanation(account.index, settlement.context.batch, leaf, stories, excess, failure, epoch)


def clearing_prices(settlement: Settlement) -> dict[int, int]:
    """Clearing prices of the instruments that traded, in price units, from the public words."""
    prices = {}
    for word in settlement.closing_words:
        if word >> TRADED_BIT == 1:
            prices[word % 2**ID_BITS] = (word >> ID_BITS) % 2**PRICE_BITS
    return prices


def _stories(
    outcomes: tuple[tuple[int, Reason], ...], orders: tuple[Order, ...], prices: dict[int, int]
) -> tuple[OrderStory, ...]:
    """Order places that are known to have held an order: the owner's, or those with an outcome to tell."""
    stories = []
    for place, (fill, reason) in enumerate(outcomes):
        order = orders[place] if place < len(orders) else None
        if order is not None or fill or reason:
            stories.append(OrderStory(place, fill, reason, order, prices.get(order.instrument) if order else None))
    return tuple(stories)


def _margin(
    settlement: Settlement, leaf: Leaf, epoch: Epoch, refused: list[Order]
) -> tuple[tuple[int, ...], MarginFailure | None]:
    """Margin of the account as it stands, and the failure of the orders that margin refused: they were refused together,
    so the account was tested as it stands.
    """
    if not epoch.rows:
        return (), None
    terms = leaf.to_json(), risk_text(settlement.params, epoch.rows), json.dumps(settlement.context.to_wire())
    claims, _, _ = _native.account_margin(*terms, [])
    excess = tuple(claim * CASH_A_VALUE // settlement.context.den for claim in claims)
    failure = _native.account_margin(*terms, [json.dumps(order.to_wire()) for order in refused])[2] if refused else None
    return excess, None if failure is None else MarginFailure(*failure)


# --- for people -----------------------------------------------------------------------------------


def quote(cash: int) -> str:
    """Cash in the quote currency, to six digits, towards −∞."""
    units = cash // (CASH_A_QUOTE // 10**6)
    return f"{'-' if units < 0 else ''}{abs(units) // 10**6}.{abs(units) % 10**6:06d}"


def contracts(lots: int) -> str:
    """Lots as contracts."""
    return f"{'-' if lots < 0 else ''}{abs(lots) // 10**4}.{abs(lots) % 10**4:04d}"


def show(explanation: Explanation, console: Console) -> None:
    """Prints an explanation as tables."""
    leaf, epoch = explanation.leaf, explanation.epoch
    console.print(f"account {explanation.index} after batch {explanation.batch}: cash {quote(leaf.cash)}")
    positions = Table("instrument", "contracts", title="positions")
    for each in leaf.positions:
        positions.add_row(epoch.name(each.instrument), contracts(each.quantity))
    orders = Table("place", "order", "filled", "clearing price", "outcome", title="orders")
    for story in explanation.orders:
        orders.add_row(*_story_row(story, epoch))
    margin = Table("scenario", "left of the requirement", title="margin")
    for at, excess in enumerate(explanation.excess):
        margin.add_row(epoch.label(at, len(explanation.excess)), quote(excess))
    for table in (orders, positions, margin):
        if table.row_count:
            console.print(table)
    if explanation.failure is not None:
        console.print(_failure_line(explanation))


def _story_row(story: OrderStory, epoch: Epoch) -> tuple[str, str, str, str, str]:
    price = "" if story.price is None else quote(story.price * 10**8)
    outcome = story.reason.text or ("filled" if story.fill else "not filled")
    return str(story.place), _asked(story.order, epoch), contracts(story.fill), price, outcome


def _asked(order: Order | None, epoch: Epoch) -> str:
    if order is None:
        return ""
    if order.kind != "trade":
        return order.kind
    side = "buy" if order.buy else "sell"
    return f"{side} {contracts(order.quantity)} {epoch.name(order.instrument)} at {quote(order.limit * 10**8)}"


def _failure_line(explanation: Explanation) -> str:
    failure = explanation.failure
    count = len(explanation.excess)
    at = count - 1 if failure is None or failure.scenario is None else failure.scenario
    shortfall = quote(-(-failure.shortfall // 10**8) * 10**8) if failure is not None else ""
    return f"margin refused the orders: it was short by {shortfall} in {explanation.epoch.label(at, count)}"
