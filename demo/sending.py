"""Orders on their way to the relayer: signed and encrypted by each trader's own client, sent by HTTP, and what came back looked at.

A receipt must be for the place in the batch that the order of sending gives; the client has checked its signature, its chain and its
promise before it says that there is one. What an honest relayer refuses must come back with its code.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from demo.errors import NotShown
from demo.exchange import Exchange
from demo.story import DOOR, Request
from relayer.client import Placed, Problem

OPEN_SECONDS: Final = 300.0
RECEIPT_SECONDS: Final = 300.0
GLANCE: Final = 0.1


@dataclass(frozen=True)
class Door:
    """An order that the relayer did not take, and its code."""

    trader: str
    what: str
    code: str
    detail: str


def opened(exchange: Exchange, number: int) -> None:
    """Waits until a batch takes orders."""
    end = time.monotonic() + OPEN_SECONDS
    while exchange.anybody.state().open_batch != number:
        if time.monotonic() > end:
            raise NotShown(f"the relayer has not opened batch {number} in {OPEN_SECONDS:.0f} s")
        time.sleep(GLANCE)


def send_all(exchange: Exchange, requests: Sequence[Request], number: int) -> tuple[list[Placed], list[Door]]:
    """Sends the orders of a batch: where those are that were taken, and those that were not, each as it must be."""
    placed: list[Placed] = []
    doors: list[Door] = []
    for request in requests:
        if request.scene in DOOR:
            doors.append(_refused(exchange, request))
        else:
            placed.append(_sent(exchange, request, number, len(placed) + 1))
    return placed, doors


def send_again(exchange: Exchange, request: Request, before: Placed) -> None:
    """Sends a signed order that has a receipt once more: it is the same order, and is answered as it was."""
    if exchange.clients[request.account].send(request.order) != before:
        raise NotShown("the same signed order sent again is acknowledged as before")


def _sent(exchange: Exchange, request: Request, number: int, sequence: int) -> Placed:
    client, end = exchange.clients[request.account], time.monotonic() + RECEIPT_SECONDS
    placed = client.send(request.order)
    while placed.receipt is None and time.monotonic() < end:
        # It waits, as intake does not see yet that the batch is open; sent again, it is answered as it stands then.
        time.sleep(GLANCE)
        placed = client.send(request.order)
    if (placed.batch, placed.sequence) != (number, sequence):
        found = f"{placed.sequence} of batch {placed.batch}" if placed.receipt else "none"
        raise NotShown(f"order {sequence} of batch {number} gets a receipt for that place, and got {found}")
    return placed


def _refused(exchange: Exchange, request: Request) -> Door:
    code = DOOR[request.scene]
    try:
        exchange.clients[request.account].send(request.order)
    except Problem as problem:
        if problem.problem != code:
            raise NotShown(f"{request.scene}: refused with {code}, and not {problem.problem}") from problem
        return Door(exchange.traders[request.account].name, request.scene, code, problem.detail)
    raise NotShown(f"{request.scene}: refused with {code}, and the relayer took it")
