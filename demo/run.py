"""The run from beginning to end: open, two batches with an expiry between them, every promise looked for, one result.

It ends with a result or with :class:`prover.errors.TacitError`, :class:`demo.errors.NotShown` or
:class:`demo.chain.Reverted`: there is no result in which something is missing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from demo import attempts, reading, scenes
from demo.attempts import Attempt
from demo.chain import CONTRACTS, TOOLS, LocalChain, local_chain
from demo.errors import NotReady, NotShown
from demo.exchange import FIRST_TRADER, PROVE, Exchange, Sealed, Settled
from demo.market import PARAMS, Market, load_market
from demo.observer import Mempool, Observed, gather, observe
from demo.progress import Watch
from demo.record import Line, lines
from demo.story import Story, address_of, tell
from demo.traders import Trader, make_traders
from demo.watched import known, secret
from prover.batch import Cleared
from prover.errors import FileError, TacitError
from prover.keys import Keys, inspect
from prover.settlement import Settlement

HOUR: Final = 3600
SEAL: Final = "open and seal batch {} on chain"
CLEAR: Final = "clear batch {}"
VERIFY: Final = "verify batch {} against what the vault holds"
SETTLE: Final = "settle batch {} in the vault"
STEPS: Final = {"seal": SEAL, "clear": CLEAR, "prove": PROVE, "verify without a chain": VERIFY, "settle": SETTLE}
"""The steps of a batch, timed under these texts."""

SETTLING_TIME: Final = 300  # seconds from the expiry until its settlement values are posted


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


@dataclass(frozen=True)
class Gas:
    """What the steps cost that are no batch's: of each kind the transactions in order."""

    deployments: dict[str, int]
    epochs: tuple[int, ...]
    deposits: tuple[int, ...]
    exits: tuple[int, ...]
    claims: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """A run that ended well. ``constraints`` as ``prover inspect`` has them; ``phases``: seconds of all proofs by phase."""

    market: Market
    story: Story
    batches: tuple[Settled, ...]
    lines: tuple[tuple[Line, ...], ...]
    scenes: Scenes
    attempts: tuple[Attempt, ...]
    observed: Observed
    gas: Gas
    constraints: dict[str, dict[str, object]]
    seconds: dict[str, float]
    phases: dict[str, float]
    total_seconds: float


def ready() -> Keys:
    """The keys, if all that the demo needs is there. Raises :class:`NotReady`."""
    for tool in (TOOLS / "anvil", CONTRACTS / "tools" / "solc", TOOLS.parent / "solc"):
        if not tool.exists():
            raise NotReady(f"{tool} is missing: run `make node`")
    try:
        keys = Keys.load(params=PARAMS)
        fits = keys.fits() and keys.account_fits()
    except TacitError as error:
        hint = "" if isinstance(error, FileError) else "; run `make keys`"
        raise NotReady(f"{error}{hint}") from error
    if not fits:
        raise NotReady(f"the keys in {keys.folder} are of other circuits than this program's: run `make keys`")
    return keys


def run(keys: Keys, watch: Watch, workers: int) -> Result:
    """Runs the demo; ``workers`` proofs are made at a time."""
    start = time.monotonic()
    watch.say("A real option chain, 40 traders, 150 signed orders")
    with watch.step("make the risk table, the traders' keys and their orders"):
        market, traders = load_market(), make_traders()
        story = tell(market)
    with watch.step("read the proving keys"):
        keys.proving  # noqa: B018 - reading it loads it
    with (
        local_chain(start=market.valuation, accounts=FIRST_TRADER + len(traders)) as chain,
        Mempool(chain) as mempool,
    ):
        with watch.step("start a local chain, compile and deploy the verifiers, a test dollar and the vault"):
            exchange = Exchange.open(chain, keys, traders, watch)
        first = _first_batch(exchange, market, story, workers)
        _expiry(exchange, chain, market, story)
        second, refused = _second_batch(exchange, market, story, workers, first)
        batches = first, second
        watch.say("The way out")
        bonds = _pay(exchange, story, second)
        with watch.step("look for everything that was to be shown"):
            orders = tuple(lines(batch.cleared, story.batches[place], traders) for place, batch in enumerate(batches))
            found = _look(exchange, market, batches, orders, bonds)
        with watch.step("an observer looks through all that is public"):
            hidden = secret([line for batch in orders for line in batch])
            observed = observe(gather(chain, mempool), mempool, hidden, known(found.auctions))
    return Result(
        market=market,
        story=story,
        batches=batches,
        lines=tuple(tuple(each) for each in orders),
        scenes=found,
        attempts=tuple(refused),
        observed=observed,
        gas=_gas(exchange),
        constraints=inspect(PARAMS),
        seconds=watch.seconds,
        phases=watch.phases,
        total_seconds=time.monotonic() - start,
    )


def _first_batch(exchange: Exchange, market: Market, story: Story, workers: int) -> Settled:
    exchange.watch.say("Batch 1")
    with exchange.watch.step("post the epoch's risk table, signed by 2 of 3"):
        exchange.post_epoch(market.table, {})
    with exchange.watch.step("40 traders approve and deposit test dollars"):
        exchange.deposit(story.deposits[0])
    sealed, cleared, settlement = _prepared(exchange, story, 0, market.valuation + HOUR, workers)
    return _settled(exchange, sealed, cleared, settlement)


def _expiry(exchange: Exchange, chain: LocalChain, market: Market, story: Story) -> None:
    exchange.watch.say("The nearest expiry passes")
    chain.block_at(market.expiry + SETTLING_TIME)
    with exchange.watch.step("post 22 settlement values and the next epoch's risk table"):
        exchange.post_epoch(market.next_table, market.expiring)
    with exchange.watch.step("an owner proves an exit request and sends it"):
        exchange.request_exits(story.exits[1])


def _second_batch(
    exchange: Exchange, market: Market, story: Story, workers: int, first: Settled
) -> tuple[Settled, list[Attempt]]:
    watch, vault = exchange.watch, exchange.vault
    watch.say("Batch 2, from the root of batch 1")
    sealed, cleared, settlement = _prepared(exchange, story, 1, market.expiry + HOUR, workers)
    if cleared.start_root != first.cleared.end_root:
        raise NotShown("batch 2 does not start at the root of batch 1")
    with watch.step("try settlements that are not honest"):
        refused = attempts.try_tampered(vault, exchange.check, settlement)
        refused.append(attempts.try_other_data(vault, settlement))
        refused.append(attempts.try_replay(vault, exchange.check, first))
    settled = _settled(exchange, sealed, cleared, settlement)
    refused.append(attempts.try_again(vault, settled))
    return settled, refused


def _prepared(
    exchange: Exchange, story: Story, place: int, at: int, workers: int
) -> tuple[Sealed, Cleared, Settlement]:
    """A batch sealed at a time, then cleared, proven and checked."""
    watch, number = exchange.watch, place + 1
    with watch.step(SEAL.format(number)):
        sealed = exchange.seal(story.batches[place], story.deposits[place], story.exits[place], at)
    with watch.step(CLEAR.format(number)):
        cleared = exchange.clear(sealed)
    settlement = exchange.prove(sealed, cleared, workers)
    with watch.step(VERIFY.format(number)):
        if exchange.check(settlement) != cleared.end_root:
            raise NotShown("the settlement leads to the root that clearing led to")
    return sealed, cleared, settlement


def _settled(exchange: Exchange, sealed: Sealed, cleared: Cleared, settlement: Settlement) -> Settled:
    with exchange.watch.step(SETTLE.format(sealed.number)):
        return exchange.settle(sealed, cleared, settlement)


def _pay(exchange: Exchange, story: Story, second: Settled) -> int:
    """Whoever was credited claims; then the bonds are given back. Wei that were locked."""
    with exchange.watch.step("claim the withdrawal and the exit"):
        for touch in second.cleared.touches:
            if touch.paid:
                trader = exchange.traders[touch.index]
                leaves = touch.index in story.exits[1]
                recipient = exchange.account(trader) if leaves else address_of(trader.name)
                exchange.claim(trader.name, recipient, touch.paid)
    with exchange.watch.step("the time for challenges passes, and the operator's bonds are given back"):
        return exchange.release_bonds()


def _gas(exchange: Exchange) -> Gas:
    return Gas(
        deployments={name: receipt.gas for name, receipt in exchange.vault.deployments.items()},
        epochs=tuple(receipt.gas for receipt in exchange.epochs),
        deposits=tuple(movement.gas for movement in exchange.deposits),
        exits=tuple(receipt.gas for receipt in exchange.exits),
        claims=tuple(movement.gas for movement in exchange.claims),
    )


def _look(
    exchange: Exchange, market: Market, batches: Sequence[Settled], orders: Sequence[list[Line]], bonds: int
) -> Scenes:
    everything = [line for batch in orders for line in batch]
    cleared = [batch.cleared for batch in batches]
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
        reading=_read(exchange, batches, orders[1]),
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
