"""Both batches, from the first deposit to the second settlement: what traders send, and the relayer followed while it does the rest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from demo import attempts, margins
from demo.attempts import Attempt
from demo.errors import NotShown
from demo.exchange import Exchange
from demo.following import Following
from demo.market import Market
from demo.progress import Watch
from demo.retraced import Settled, check, retrace
from demo.sending import Door, opened, send_again, send_all
from demo.service import CLOSE_SECONDS, CONFIRMATIONS
from demo.story import FILLED_ONCE, Request, Story
from prover.settlement import Settlement
from relayer.client import Placed

SEAL: Final = "batch {}: closed and sealed on chain"
CLEAR: Final = "batch {}: cleared"
PROVE: Final = "batch {}: proven"
SETTLE: Final = "batch {}: settled in the vault"
CHECK: Final = "batch {}: clear once more, verify against what the vault held"
STEPS: Final = {
    "close and seal": SEAL,
    "clear": CLEAR,
    "prove": PROVE,
    "check, send and settle": SETTLE,
    "audit": CHECK,
}
"""The steps of a batch, timed under these texts; the first four are the relayer's."""

SETTLING_TIME: Final = 300  # seconds from the expiry until its settlement values are posted


@dataclass
class Batches:
    """The two batches as they go: what was settled, what owners were told after each, what was refused on the way."""

    exchange: Exchange
    market: Market
    story: Story
    following: Following
    watch: Watch
    settled: list[Settled] = field(default_factory=list)
    told: list[dict[str, margins.Told]] = field(default_factory=list)
    doors: list[Door] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    def run(self) -> None:
        """Both of them, settled and retraced."""
        watch, market = self.watch, self.market
        watch.say("Batch 1")
        with watch.step("40 traders approve and deposit test dollars"):
            self.exchange.deposit(self.story.deposits[0])
        again = self._filled_once(self._batch(1))
        watch.say("The nearest expiry passes")
        self.exchange.chain.block_at(market.expiry + SETTLING_TIME)
        with watch.step("post 22 settlement values and the next epoch's risk table, signed by 2 of 3"):
            self.exchange.post_epoch(market.next_table, market.expiring)
        with watch.step("an owner proves an exit request and sends it"):
            self.exchange.request_exits(self.story.exits[1])
        watch.say("Batch 2, from the root of batch 1")
        self._batch(2, again)
        first, second = self.settled
        if second.cleared.start_root != first.cleared.end_root:
            raise NotShown("batch 2 starts at the root of batch 1")
        with watch.step("try settlements that are not honest, as the vault was when batch 2 was sealed"):
            self._attempt(first, second)

    def _batch(self, number: int, again: tuple[Request, Placed] | None = None) -> list[Placed]:
        """The orders of a batch, sent; what the relayer then does, followed and retraced."""
        exchange, place = self.exchange, number - 1
        requests, taken = self.story.batches[place], self.story.taken(place)
        with self.watch.step(f"the relayer opens batch {number}; {CONFIRMATIONS} blocks come over what it is to hold"):
            opened(exchange, number)
            exchange.deep(CONFIRMATIONS)
        with self.watch.step(f"send {len(requests)} signed orders, encrypted; check the receipts"):
            placed, doors = send_all(exchange, requests, number)
            if again is not None:
                send_again(exchange, *again)
        self.doors.extend(doors)
        if len(taken) < len(requests):
            exchange.chain.pass_time(CLOSE_SECONDS)
        self._follow(number)
        self.told.append(margins.ask(exchange, number))
        with self.watch.step(CHECK.format(number)):
            deposits, exits = self.story.deposits[place], self.story.exits[place]
            self.settled.append(retrace(exchange, number, taken, deposits, exits))
        return placed

    def _filled_once(self, placed: list[Placed]) -> tuple[Request, Placed]:
        """The order of the first batch that is sent again in the second, and where it was placed."""
        requests = self.story.taken(0)
        place = next(place for place, request in enumerate(requests) if request.scene == FILLED_ONCE)
        return requests[place], placed[place]

    def _follow(self, number: int) -> None:
        watch, following = self.watch, self.following
        with watch.console.status("the relayer closes, seals and clears …"):
            following.until(number, "proving")
        watch.took(SEAL.format(number), following.seconds(number, "closing", "sealed"))
        watch.took(CLEAR.format(number), following.seconds(number, "sealed", "proving"))
        with watch.proving(PROVE.format(number)):
            following.until(number, "proved", watch)
        with watch.console.status("the relayer checks and settles …"):
            following.until(number, "mined")
        watch.took(SETTLE.format(number), following.seconds(number, "proved", "mined"))

    def _attempt(self, first: Settled, second: Settled) -> None:
        exchange, vault = self.exchange, self.exchange.vault
        then = replace(vault, contract=vault.contract.at(second.sealed.receipt.block))

        def checked(settlement: Settlement) -> int:
            return check(exchange, settlement, second.sealed)

        self.attempts = attempts.try_tampered(then, checked, second.settlement)
        self.attempts.append(attempts.try_other_data(then, second.settlement))
        self.attempts.append(attempts.try_replay(then, checked, first))
        self.attempts.append(attempts.try_again(vault, second))
