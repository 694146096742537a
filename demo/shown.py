"""Everything that the run was to show, looked for in what came of it. There is no result in which something is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from demo import margins, reading, scenes
from demo.batches import Batches
from demo.errors import NotShown
from demo.exchange import Exchange
from demo.record import Line
from demo.retraced import Settled
from demo.sending import Door
from demo.traders import Trader


@dataclass(frozen=True)
class Scenes:
    """What the run was to show, all of it found."""

    auctions: tuple[tuple[scenes.Auction, ...], ...]
    partial_fill: scenes.PartialFill
    margin: scenes.MarginRefusal
    netted: scenes.Netted
    expired: tuple[scenes.Expired, ...]
    refusals: tuple[scenes.Refused, ...]
    payments: tuple[scenes.Payment, ...]
    money: scenes.Money
    conservation: scenes.Conservation
    reading: reading.OwnReading
    margins: tuple[margins.Margins, ...]
    doors: tuple[Door, ...]


def look(batches: Batches, orders: Sequence[list[Line]], bonds: int) -> Scenes:
    """All scenes. ``orders``: of each batch; ``bonds``: wei that were locked and given back. Raises :class:`NotShown`."""
    exchange, market = batches.exchange, batches.market
    everything = [line for batch in orders for line in batch]
    cleared = [batch.cleared for batch in batches.settled]
    pairs = zip(cleared, orders, strict=True)
    kept = scenes.conservation(cleared)
    deposited, claimed = (sum(each.amount for each in moved) for moved in (exchange.deposits, exchange.claims))
    return Scenes(
        auctions=tuple(tuple(scenes.auctions(market, *pair)) for pair in pairs),
        partial_fill=scenes.partial_fill(market, cleared, everything),
        margin=scenes.margin_refusal(market, everything),
        netted=scenes.netted(market, cleared, everything),
        expired=tuple(scenes.expired(market, cleared[1])),
        refusals=tuple(scenes.refusals(everything)),
        payments=_claimed(exchange, scenes.withdrawal(everything), scenes.leaver(everything, cleared[1], market)),
        money=scenes.money(deposited, claimed, exchange.vault.balance(exchange.vault.address), bonds, kept),
        conservation=kept,
        reading=_read(exchange, batches.settled, orders[1]),
        margins=tuple(margins.margins(batches.told, everything, cleared)),
        doors=tuple(batches.doors),
    )


def _claimed(exchange: Exchange, *payments: scenes.Payment) -> tuple[scenes.Payment, ...]:
    """The payments, if each was claimed from the vault."""
    claimed = {(movement.who, movement.amount) for movement in exchange.claims}
    for payment in payments:
        if (payment.trader, payment.paid) not in claimed:
            raise NotShown(f"{payment.trader}'s recipient has not claimed {payment.paid} token units")
    return payments


def _read(exchange: Exchange, batches: Sequence[Settled], orders: Sequence[Line]) -> reading.OwnReading:
    """The account with most to tell, read by its owner."""
    owner, stranger = _storyteller(exchange, orders), exchange.traders[-1]
    transactions = tuple(batch.receipt.transaction for batch in batches)
    return reading.agrees(reading.read_own_account(exchange.contract, transactions, owner, stranger), exchange.state)


def _storyteller(exchange: Exchange, orders: Sequence[Line]) -> Trader:
    """A trader of the flow whose orders were filled in the last batch, with as many positions as can be."""
    filled = {line.trader.index for line in orders if line.outcome.fill and not line.request.scene}
    positions = {index: len(leaf.positions) for index in filled if (leaf := exchange.state.leaf(index))}
    return exchange.traders[max(sorted(positions), key=lambda index: positions[index])]
