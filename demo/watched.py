"""What an observer is to look for: numbers of orders that nobody but owner and operator may know, and numbers that are public."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from demo.errors import NotShown
from demo.observer import Number
from demo.record import Line
from demo.scenes import Auction
from demo.story import WATCHED, WATCHED_DEPOSIT, Request
from prover.orders import Order

QUANTITY_BITS: Final = 32
LIMIT_BITS: Final = 42
SALT_BITS: Final = 254
PRICE_BITS: Final = 42
AMOUNT_BITS: Final = 64
WATCHED_ORDERS: Final = 3


def secret(orders: Sequence[Line], turned_away: Sequence[Request]) -> list[Number]:
    """Limits, quantities and salts of the watched orders, both numbers side by side, and the salts of all other unfilled orders, those
    that the relayer did not take among them.
    """
    watched = [line for line in orders if line.request.scene == WATCHED]
    if len(watched) != WATCHED_ORDERS or any(line.outcome.fill or not line.outcome.admitted for line in watched):
        raise NotShown("the watched orders were admitted and not filled")
    unfilled = [line for line in orders if not line.outcome.fill]
    return [
        *(number for line in watched for number in _numbers(line.request.order, _name(line))),
        *(Number(f"salt of {_name(line)}", line.request.order.salt, SALT_BITS) for line in unfilled),
        *(Number(f"salt of {request.scene}", request.order.salt, SALT_BITS) for request in turned_away),
    ]


def known(auctions: Iterable[Iterable[Auction]]) -> list[Number]:
    """A deposit, and the dearest clearing price of each batch."""
    dearest = [max(batch, key=lambda auction: auction.price) for batch in auctions]
    return [
        Number("the deposit of the watched orders' owner", WATCHED_DEPOSIT, AMOUNT_BITS),
        *(Number(f"the price of {each.instrument} in batch {each.batch}", each.price, PRICE_BITS) for each in dearest),
    ]


def _numbers(order: Order, name: str) -> list[Number]:
    quantity, limit, both = order.quantity, order.limit, QUANTITY_BITS + LIMIT_BITS
    return [
        Number(f"limit of {name}", limit, limit.bit_length()),
        Number(f"quantity of {name}", quantity, quantity.bit_length()),
        Number(f"quantity and limit, packed, of {name}", quantity << LIMIT_BITS | limit, both),
        Number(f"limit and quantity, packed, of {name}", limit << QUANTITY_BITS | quantity, both),
    ]


def _name(line: Line) -> str:
    return f"order {line.sequence} of batch {line.batch}"
