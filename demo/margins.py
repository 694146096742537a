"""What the relayer tells some owners of their own accounts, to each who has proven to be the owner: cash, and margin after each batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from demo.errors import NotShown
from demo.exchange import Exchange
from demo.record import Line, touch_of
from demo.story import index_of
from prover.batch import Cleared
from relayer.api import schemas

OWNERS: Final = ("Ada", "Max", "Nora", "Zoe")
PATIENCE: Final = 60.0
GLANCE: Final = 0.1


@dataclass(frozen=True)
class Told:
    """An account as its owner is told, and how much of its orders was filled, in all, by batch and sequence."""

    account: schemas.Account
    fills: tuple[schemas.Fill, ...]


@dataclass(frozen=True)
class Margin:
    """After a batch, in cash units: cash, and the least excess over the initial margin with the scenario in which it is."""

    batch: int
    cash: int
    excess: int
    scenario: str
    fills: int


@dataclass(frozen=True)
class Margins:
    """An owner's margin before and after the second batch."""

    trader: str
    after: tuple[Margin, ...]


def ask(exchange: Exchange, batch: int) -> dict[str, Told]:
    """What the relayer tells these owners, once it tells of a batch."""
    clients, end = {name: exchange.clients[index_of(name)] for name in OWNERS}, time.monotonic() + PATIENCE
    while any(client.account().batch < batch for client in clients.values()):
        if time.monotonic() > end:
            raise NotShown(f"the relayer tells owners of batch {batch} once it is settled")
        time.sleep(GLANCE)
    return {name: Told(client.account(), tuple(client.fills())) for name, client in clients.items()}


def margins(told: Sequence[dict[str, Told]], orders: Sequence[Line], cleared: Sequence[Cleared]) -> list[Margins]:
    """The margins after each batch. Cash and fills must be those of the batches."""
    return [
        Margins(name, tuple(_margin(name, place + 1, told[place][name], orders, cleared[place]) for place in range(2)))
        for name in OWNERS
    ]


def _margin(name: str, batch: int, told: Told, orders: Sequence[Line], cleared: Cleared) -> Margin:
    account, leaf = told.account, touch_of(cleared, index_of(name)).new
    if account.batch != batch or account.cash is None or leaf is None or int(account.cash) != leaf.cash:
        raise NotShown(f"the relayer tells {name} the cash that batch {batch} left")
    mine = [line for line in orders if line.trader.name == name and line.batch <= batch and line.outcome.fill]
    if sorted(int(fill.quantity) for fill in told.fills) != sorted(line.outcome.fill for line in mine):
        raise NotShown(f"the relayer tells {name} the fills of all batches up to {batch}")
    worst = min(account.margin, key=lambda each: int(each.excess))
    now = sum(fill.batch == batch for fill in told.fills)
    return Margin(batch, leaf.cash, int(worst.excess), worst.label, now)
