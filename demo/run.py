"""The run from beginning to end: open, two batches with an expiry between them, every promise looked for, one result.

It ends with a result or with :class:`prover.errors.TacitError`, :class:`demo.errors.NotShown` or
:class:`demo.chain.Reverted`: there is no result in which something is missing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from demo.attempts import Attempt
from demo.batches import Batches
from demo.chain import CONTRACTS, TOOLS, local_chain
from demo.errors import NotReady
from demo.exchange import BENEFICIARY, FIRST_TRADER, Exchange
from demo.following import Following
from demo.market import PARAMS, Market, load_market
from demo.observer import Mempool, Observed, gather, observe
from demo.progress import Watch
from demo.record import Line, lines
from demo.retraced import Settled
from demo.service import Relayer, serving
from demo.shown import Scenes, look
from demo.story import Story, address_of, tell
from demo.traders import NAMES
from demo.watched import known, secret
from prover.errors import FileError, TacitError
from prover.keys import Keys, inspect

BLOCK_SECONDS: Final = 1
EPOCH: Final = 4
"""The chain mines on by itself as chains do, besides a block for every transaction: what waits for blocks over something gets them.
A block is final two epochs later, and bonds go home once their batch is."""


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
    """A run that ended well. ``constraints`` as ``prover inspect`` has them."""

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
    """Runs the demo; the relayer makes ``workers`` proofs at a time."""
    start = time.monotonic()
    watch.say("A real option chain, 40 traders, 150 signed orders")
    with watch.step("make the risk table and the traders' orders"):
        market = load_market()
        story = tell(market)
    accounts = FIRST_TRADER + len(NAMES) + 1
    with (
        local_chain(start=market.valuation, accounts=accounts, epoch=EPOCH, every=BLOCK_SECONDS) as chain,
        Mempool(chain) as mempool,
    ):
        with watch.step("start a local chain, compile and deploy the verifiers, a test dollar and the vault"):
            exchange = Exchange.open(chain, keys)
            exchange.post_epoch(market.table, {})
        with _relayer(exchange, watch, workers) as relayer:
            batches = Batches(exchange, market, story, Following(relayer, exchange.anybody), watch)
            batches.run()
            watch.say("The way out")
            bonds = _pay(batches)
            with watch.step("look for everything that was to be shown"):
                orders = [lines(b.cleared, story.taken(n), exchange.traders) for n, b in enumerate(batches.settled)]
                found = look(batches, orders, bonds)
            with watch.step("an observer looks through all that is public"):
                heard = batches.following.heard
                public = gather(chain, mempool, relayer.url, len(batches.settled), heard, exchange.envelopes)
                everything = [line for batch in orders for line in batch]
                observed = observe(public, mempool, secret(everything, story.turned_away), known(found.auctions))
    return Result(
        market=market,
        story=story,
        batches=tuple(batches.settled),
        lines=tuple(tuple(each) for each in orders),
        scenes=found,
        attempts=tuple(batches.attempts),
        observed=observed,
        gas=_gas(exchange),
        constraints=inspect(PARAMS),
        seconds=watch.seconds,
        total_seconds=time.monotonic() - start,
    )


@contextmanager
def _relayer(exchange: Exchange, watch: Watch, workers: int) -> Iterator[Relayer]:
    """A relayer that knows all traders."""
    beneficiary = exchange.chain.accounts[BENEFICIARY]
    service = serving(exchange.vault, exchange.traders[0], exchange.keys.folder.parent, beneficiary, workers)
    with ExitStack() as stack:
        with watch.step("start the relayer: `relayer serve`"):
            relayer = stack.enter_context(service)
        stack.callback(exchange.leave)
        with watch.step("40 traders register, their keys encrypted to the relayer"):
            exchange.join(relayer.url)
        yield relayer


def _pay(batches: Batches) -> int:
    """Whoever was credited claims; then the bonds are given back. Wei that were locked."""
    exchange, leavers = batches.exchange, batches.story.exits[1]
    with batches.watch.step("claim the withdrawal and the exit"):
        for touch in batches.settled[1].cleared.touches:
            if touch.paid:
                trader = exchange.traders[touch.index]
                recipient = exchange.account(trader) if touch.index in leavers else address_of(trader.name)
                exchange.claim(trader.name, recipient, touch.paid)
    with batches.watch.step("the time for challenges passes, and the relayer takes its bonds home"):
        return exchange.bonds_home()


def _gas(exchange: Exchange) -> Gas:
    return Gas(
        deployments={name: receipt.gas for name, receipt in exchange.vault.deployments.items()},
        epochs=tuple(receipt.gas for receipt in exchange.epochs),
        deposits=tuple(movement.gas for movement in exchange.deposits),
        exits=tuple(receipt.gas for receipt in exchange.exits),
        claims=tuple(movement.gas for movement in exchange.claims),
    )
