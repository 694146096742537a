"""The story of the two batches: real flow, and among it a few people whose orders show what tacit promises.

150 signed orders, 75 a batch. What happens to the flow's orders is not known here; what the scripted people
are after is named by their ``scene``, and the run ends well only if each of these really happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from demo.flow import LOTS, SIZE_STEP, TICK, Draft, Flow, read_adds, sizes
from demo.market import Market
from demo.traders import NAMES, secret, secret_element
from prover.orders import Order

ORDERS: Final = 150
ORDERS_A_BATCH: Final = ORDERS // 2
BATCHES: Final = 2
ORDERS_A_TOUCH: Final = 4
FEE_RATE: Final = 30
HIGHEST_FEE_RATE: Final = 50
MARGIN: Final = (5, 4)

TOKEN: Final = 10**6  # token units in one of the quote currency
COVER: Final = 20_000 * TOKEN  # deposited for each contract that a trader will order in either batch
LEAST_DEPOSIT: Final = 5_000 * TOKEN
DEPOSIT_STEP: Final = 1_000 * TOKEN
EVERYTHING: Final = 10**7 * TOKEN  # an exit asks for more than there is and gets what there is
UNLISTED: Final = 999
UNSIZED: Final = (
    7  # two withdrawals, a cancel, an order with an old nonce and the watched ones have no size from the flow
)
QUIET_FIRST: Final = ("Nora", "Max", "Elif", "Rosa")
QUIET_SECOND: Final = ("Nora", "Max", "Elif", "Rosa", "Carl")  # in these batches, the script's orders are all they send

NETTED = "position netted to nothing"
MARGIN_REFUSED = "refused for margin"
WITHIN_MARGIN = "comes back with an order that its margin carries"
LEAVES = "exit with everything, after an expiry"
FILLED_ONCE = "filled in batch 1"
REPLAYED = "another order with the nonce of one that was filled"
SETTLED = "an instrument that has expired"
WINDOW = "an order that was good for batch 1 only"
FEE = "an order with too low a fee limit"
UNKNOWN = "an instrument that is not listed"
CANCELLED = "an order cancelled by a later one"
CANCELS = "the cancel"
WITHDRAWS = "a withdrawal"
UNCOVERED = "a withdrawal of more than there is"
WATCHED = "an order whose numbers stand nowhere else"

DOOR: Final = {
    REPLAYED: "NONCE_USED",
    SETTLED: "UNKNOWN_INSTRUMENT",
    WINDOW: "EXPIRED",
    FEE: "INVALID_ORDER",
    UNKNOWN: "UNKNOWN_INSTRUMENT",
}
"""Scenes that an honest relayer refuses when they arrive, and its code: none of them is in a batch."""

WATCHED_QUANTITIES: Final = 187_654_329, 264_197_531, 319_283_746
WATCHED_LIMITS: Final = 1_187_236_543, 3_987_612_345_679, 1_254_876_319
"""What the watched orders ask for, in lots and price units: bought far below the mark, sold far above it, never filled."""
WATCHED_DEPOSIT: Final = 6_543_210_987_654_000
"""What their owner deposits, in token units: a number that is public."""


@dataclass(frozen=True, slots=True)
class Request:
    """An order that arrives for a batch. ``scene`` says what it is to show, "" for the flow's."""

    order: Order
    scene: str = ""

    @property
    def account(self) -> int:
        """Index of the account that it is for."""
        return self.order.account


@dataclass(frozen=True)
class Story:
    """What arrives: for each batch the orders in the order of arrival, deposits and exit requests (token units) by account."""

    batches: tuple[tuple[Request, ...], ...]
    deposits: tuple[dict[int, int], ...]
    exits: tuple[dict[int, int], ...]

    @property
    def requests(self) -> list[Request]:
        """All orders."""
        return [request for batch in self.batches for request in batch]

    @property
    def turned_away(self) -> tuple[Request, ...]:
        """The orders that the relayer does not take."""
        return tuple(request for request in self.requests if request.scene in DOOR)

    def taken(self, place: int) -> tuple[Request, ...]:
        """The orders of a batch that the relayer takes."""
        return tuple(request for request in self.batches[place] if request.scene not in DOOR)


@dataclass
class _Desk:
    """Hands out nonces and salts, and the sizes that nobody has taken yet."""

    market: Market
    sizes: list[int]
    slots: Counter[int] = field(default_factory=Counter)

    def order(self, account: int, draft: Draft) -> Order:
        """A draft as the order of an account, with a nonce and a salt of its own."""
        slot = self.slots[account]
        self.slots[account] += 1
        return Order(
            account=account,
            instrument=draft.instrument,
            buy=draft.buy,
            quantity=draft.quantity,
            limit=draft.limit,
            max_fee_rate=HIGHEST_FEE_RATE,
            slot=slot,
            last_batch=BATCHES,
            salt=secret_element("order salt", account, slot),
        )

    def trade(self, name: str, side: str, size: int, instrument: str, keen: int = 0) -> Order:
        """A person's order for one of the sizes, ``keen`` per cent through the mark."""
        self.sizes.remove(size)
        number, buy = self.market.id(instrument), side == "buys"
        limit = self.market.marks[number] * (100 + keen if buy else 100 - keen) // 100 // TICK * TICK
        return self.order(index_of(name), Draft(number, buy, size, limit))

    def watched(self, number: int, side: str, instrument: str) -> Request:
        """One of the orders whose numbers stand nowhere else."""
        draft = Draft(self.market.id(instrument), side == "buys", WATCHED_QUANTITIES[number], WATCHED_LIMITS[number])
        return Request(self.order(index_of("Rosa"), draft), WATCHED)

    def withdrawal(self, name: str, amount: int) -> Order:
        """A withdrawal of so many units of the quote currency, to an address of the person's."""
        plain = self.order(index_of(name), Draft(0, True, amount, TOKEN))
        return replace(plain, kind="withdraw", recipient=address_of(name))


def index_of(name: str) -> int:
    """The account of a trader."""
    return NAMES.index(name) + 1


def address_of(name: str) -> str:
    """Where a trader wants withdrawals."""
    return "0x" + secret("address", name)[-20:].hex()


def tell(market: Market) -> Story:
    """The story on a market; the same for the same market."""
    desk, flow = _Desk(market, sizes(ORDERS - UNSIZED)), Flow(market, read_adds())
    first = _first(desk)
    second = _second(desk, first)
    flow.random.shuffle(desk.sizes)
    split = ORDERS_A_BATCH - len(first)
    batches = (
        _arrivals(desk, flow, flow.drafts(market.table, desk.sizes[:split]), first, QUIET_FIRST),
        _arrivals(desk, flow, flow.drafts(market.next_table, desk.sizes[split:]), second, QUIET_SECOND),
    )
    return Story(batches, (_deposits(batches), {}), ({}, {index_of("Elif"): EVERYTHING}))


def _first(desk: _Desk) -> list[Request]:
    """What the scripted people send for batch 1."""
    return [
        Request(desk.trade("Nora", "buys", 3_000, "26DEC25-100000-C", keen=5), NETTED),
        Request(desk.trade("Max", "sells", max(desk.sizes), "26DEC25-85000-P"), MARGIN_REFUSED),
        Request(desk.trade("Elif", "buys", SIZE_STEP, "6DEC25-92000-C", keen=5), LEAVES),
        Request(desk.trade("Rosa", "buys", SIZE_STEP, "26DEC25-100000-C", keen=5), FILLED_ONCE),
        desk.watched(0, "buys", "26DEC25-88000-C"),
        desk.watched(1, "sells", "26DEC25-95000-C"),
    ]


def _second(desk: _Desk, first: Sequence[Request]) -> list[Request]:
    """What they send for batch 2, when the nearest expiry has passed."""
    sold = next(request.order for request in first if request.scene == FILLED_ONCE)
    dated, cheap, unlisted = (
        desk.trade(name, side, SIZE_STEP, "26DEC25-95000-C", keen=5)
        for name, side in (("Wanda", "buys"), ("Finn", "buys"), ("Olga", "sells"))
    )
    recalled = desk.trade("Carl", "sells", SIZE_STEP, "26DEC25-90000-P", keen=5)
    cancel = Order(account=recalled.account, kind="cancel", epoch=1, salt=secret_element("order salt", "cancel"))
    return [
        Request(desk.trade("Nora", "sells", 3_000, "26DEC25-100000-C", keen=5), NETTED),
        Request(desk.trade("Max", "sells", SIZE_STEP, "26DEC25-85000-P"), WITHIN_MARGIN),
        Request(replace(sold, salt=secret_element("order salt", "again")), REPLAYED),
        desk.watched(2, "buys", "26DEC25-88000-C"),
        Request(desk.trade("Sven", "buys", SIZE_STEP, "6DEC25-92000-C"), SETTLED),
        Request(replace(dated, last_batch=1), WINDOW),
        Request(replace(cheap, max_fee_rate=10), FEE),
        Request(replace(unlisted, instrument=UNLISTED), UNKNOWN),
        Request(recalled, CANCELLED),
        Request(cancel, CANCELS),
        Request(desk.withdrawal("Wim", 1_500), WITHDRAWS),
        Request(desk.withdrawal("Uma", 1_000_000), UNCOVERED),
    ]


def _arrivals(
    desk: _Desk, flow: Flow, drafts: Sequence[Draft], scripted: Sequence[Request], quiet: Iterable[str]
) -> tuple[Request, ...]:
    """The orders of a batch in the order of arrival: the scripted ones at random places among the flow's."""
    people = [index_of(name) for name in NAMES if name not in quiet]
    flow.random.shuffle(people)
    rest = [Request(desk.order(people[i % len(people)], draft)) for i, draft in enumerate(drafts)]
    count = len(rest) + len(scripted)
    places = set(flow.random.sample(range(count), len(scripted)))
    queues = iter(scripted), iter(rest)
    return tuple(next(queues[0] if place in places else queues[1]) for place in range(count))


def _deposits(batches: Iterable[Iterable[Request]]) -> dict[int, int]:
    """What each trader deposits: enough for all it will order, but for the one who is to be refused and the one who is watched."""
    lots: Counter[int] = Counter()
    for request in (request for batch in batches for request in batch):
        if request.order.kind == "trade" and request.scene not in (MARGIN_REFUSED, WATCHED):
            lots[request.account] += request.order.quantity
    amounts = {index_of(name): LEAST_DEPOSIT + COVER * lots[index_of(name)] // LOTS for name in NAMES}
    rounded = {index: -(-amount // DEPOSIT_STEP) * DEPOSIT_STEP for index, amount in amounts.items()}
    return rounded | {index_of("Rosa"): WATCHED_DEPOSIT}
