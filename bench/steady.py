"""The steady state from end to end: ``python -m bench.steady [--full] [--out FILE]``.

How many orders a second can be received, proven and settled for as long as one likes. First the service is given about twice what it can
take, and the batches that it settles one after another tell the rate that it keeps up; not many times as much, since whoever answers a
flood has less time to prove in. Then it is given nine tenths of that rate, and what is acknowledged and not settled must not grow; then
half as much again, and what is too much must be refused or lapse, and nothing that was acknowledged may be missing. A measurement in
which that does not hold ends with 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from bench import machine
from bench.book import FEE_RATE, instruments
from bench.machine import Machine
from bench.steady_scene import Scene, scene
from bench.text import digits, said, table, whole
from prover.orders import Order
from relayer.envelope import SignedOrder, seal_order

SENDERS: Final = 16
SLOTS: Final = 64
WINDOW: Final = 2
"""Batches that an order is valid for, as a client has it by default."""
TAKEN: Final = "acknowledged"
BUSY: Final = ("BATCH_FULL", "BUSY")
GLANCE: Final = 0.5
LIGHT, HEAVY = 0.9, 1.5
GROWTH: Final = 0.1
"""A queue grows when, once it has had time to fill, a batch after the other adds more than this share of what arrives."""
PATIENCE: Final = 3_600.0


@dataclass(frozen=True)
class Extent:
    """How much: accounts beside the fund's, batches that the rate is found by, batches that each rate must last for, seconds after which a
    batch closes, ``saturating``: orders a second that are sent while the rate is found.
    """

    params: str
    accounts: int
    finding: int = 3
    batches: int = 3
    close_seconds: float = 5.0
    workers: int = 1
    saturating: float = 20.0


TINY: Final = Extent("dev", 3, close_seconds=2.0)
FULL: Final = (
    Extent("dev", 7, finding=6, batches=9, saturating=5.0),
    Extent("standard", 119, finding=4, batches=7, workers=2, saturating=18.0),
)


@dataclass
class Run:
    """A rate and what came of it. ``queue``: orders that were acknowledged and not settled, at the end of each batch;
    ``settled``: (seconds, orders) of its batches, when each was mined.
    """

    rate: float
    answers: Counter[str] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    queue: list[int] = field(default_factory=list)
    settled: list[tuple[float, int]] = field(default_factory=list)
    fates: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def shed(self) -> int:
        """Orders that were refused for want of room."""
        return sum(self.answers[code] for code in BUSY)

    @property
    def otherwise(self) -> dict[str, int]:
        """Answers that are neither a receipt nor a refusal for want of room."""
        return {code: count for code, count in sorted(self.answers.items()) if code not in (TAKEN, *BUSY)}


@dataclass(frozen=True)
class Figures:
    """What was measured of a parameter set."""

    machine: Machine
    extent: Extent
    capacity: int
    period: float
    highest: float
    light: Run
    heavy: Run
    busy: float

    @property
    def faults(self) -> list[str]:
        """Promises that did not hold."""
        lost = self.light.fates["missing"] + self.heavy.fates["missing"]
        checks = (
            (not grows(self.light.queue, self.light.rate * self.period), f"the queue grows: {self.light.queue}"),
            (
                self.light.answers.keys() <= {TAKEN},
                f"at nine tenths of the rate the answers were {dict(self.light.answers)}",
            ),
            (not self.light.fates["lapsed"], f"{self.light.fates['lapsed']} orders lapsed at nine tenths of the rate"),
            (
                bool(
                    self.heavy.shed
                    or self.heavy.fates["lapsed"]
                    or grows(self.heavy.queue, self.heavy.rate * self.period)
                ),
                "half as much again was kept up with: the rate that was found is too low",
            ),
            (not lost, f"{lost} acknowledged orders are missing"),
        )
        return [f"{self.extent.params}: {text}" for holds, text in checks if not holds]


def sustained(settled: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Orders a second that batches settled one after another come to, and seconds between two of them: (seconds, orders) of each, in
    time. What the first settled came before its time, so it only starts the clock. ``ValueError`` for fewer than two.
    """
    if len(settled) < 2 or settled[-1][0] <= settled[0][0]:
        raise ValueError(f"a rate is told by two settled batches at least, not by {len(settled)}")
    elapsed = settled[-1][0] - settled[0][0]
    return sum(orders for _, orders in settled[1:]) / elapsed, elapsed / (len(settled) - 1)


def grows(looked: Sequence[int], arriving: float) -> bool:
    """Whether a queue looked at after each batch grows: its least-squares slope is more than a tenth of what arrives a batch. The first
    half of the looks is left out: a load begins with an empty queue and small batches, and each batch takes what came during the one
    before it, so that both rise to their steady size by ever smaller steps, also at a rate that is kept up with.
    """
    queue = looked[len(looked) // 2 :]
    count = len(queue)
    if count < 2:
        return False
    middle, mean = (count - 1) / 2, sum(queue) / count
    slope = sum((at - middle) * (length - mean) for at, length in enumerate(queue))
    return slope / sum((at - middle) ** 2 for at in range(count)) > GROWTH * arriving


class Generator:
    """Sends orders at a rate, round the accounts, each with a nonce that none of its own in flight has."""

    def __init__(self, made: Scene) -> None:
        self._scene, self._rows = made, instruments(made.params)
        self._sent = 0
        self._client = made.client
        self._lock = threading.Lock()
        self._free = threading.Semaphore(2 * SENDERS)
        """Requests that may be under way: a service that is slow is not sent a flood when it is well again."""

    def send(self, rate: float, batches: int) -> Run:
        """Sends until so many batches have been settled since; then what became of all that was acknowledged."""
        made, run, first = self._scene, Run(rate), len(self._scene.mined())
        start, begun, number = time.monotonic(), self._sent, made.next_batch()
        with ThreadPoolExecutor(SENDERS) as pool:
            seen, looked = first, start
            while len(run.settled) < batches + 1:
                if (now := time.monotonic()) - looked >= GLANCE:
                    made.check()
                    looked, number, mined = now, made.next_batch(), list(made.mined().values())
                    if len(mined) > seen:
                        run.queue.append(made.pending())
                        run.settled += mined[seen:]
                        seen = len(mined)
                    if now - start > PATIENCE:
                        raise TimeoutError(f"{batches} batches were not settled within {PATIENCE:.0f} s")
                while self._sent - begun < int((now - start) * rate) + 1:
                    self._free.acquire()
                    pool.submit(self._one, run, self._sent, number)
                    self._sent += 1
                time.sleep(min(0.02, 1 / rate))
            run.seconds = time.monotonic() - start
        self._drain()
        run.fates = made.fates(run.acknowledged)
        return run

    def _drain(self) -> None:
        end = time.monotonic() + PATIENCE
        while self._scene.pending():
            self._scene.check()
            if time.monotonic() > end:
                raise TimeoutError(f"what was acknowledged was not settled within {PATIENCE:.0f} s")
            time.sleep(GLANCE)

    def _one(self, run: Run, number: int, batch: int) -> None:
        try:
            self._send(run, number, batch)
        except (httpx.HTTPError, ValueError) as error:
            with self._lock:
                run.answers[type(error).__name__] += 1
        finally:
            self._free.release()

    def _send(self, run: Run, number: int, batch: int) -> None:
        made = self._scene
        own, turn = made.accounts[number % len(made.accounts)], number // len(made.accounts)
        row = self._rows[number % len(self._rows)]
        order = Order(
            account=own.index,
            instrument=row.instrument,
            buy=True,
            quantity=1 + number % 100,
            limit=max(1, row.mark // 2),  # nobody sells so low: its nonce is free again when its batch has settled
            max_fee_rate=FEE_RATE,
            slot=turn % SLOTS,
            first_batch=batch,
            last_batch=batch + WINDOW - 1,
        )
        signed = SignedOrder.sign(own.seed.signing_key, own.owner, order, made.vault.domain)
        sealed = seal_order(made.key, made.vault.domain, made.vault.address, signed)
        answer = self._client.post("/v1/orders", json=sealed.to_wire())
        document = answer.json()
        with self._lock:
            if answer.is_success:
                run.answers[TAKEN] += 1
                run.acknowledged.add(str(document["id"]))
            else:
                run.answers[str(document["code"])] += 1


def measure(extent: Extent, say: bool = True) -> Figures:
    """Finds the rate and holds it against both others."""
    with tempfile.TemporaryDirectory(prefix="tacit-steady-") as name:
        _say(say, f"{extent.params}: starting the service with {extent.accounts} accounts")
        with scene(Path(name), extent.params, extent.accounts, extent.close_seconds, extent.workers) as made:
            sender = Generator(made)
            _say(
                say,
                f"{extent.params}: {extent.saturating:g} orders a second, until {extent.finding} batches are settled",
            )
            highest, period = sustained(sender.send(extent.saturating, extent.finding).settled)
            _say(
                say,
                f"{extent.params}: {highest:.2f} orders a second, a batch each {period:.1f} s; now {LIGHT:.0%} of it",
            )
            light = sender.send(LIGHT * highest, extent.batches)
            _say(say, f"{extent.params}: now {HEAVY:.0%} of it")
            heavy = sender.send(HEAVY * highest, extent.batches)
            return Figures(machine.describe(), extent, made.capacity, period, highest, light, heavy, machine.load())


def document(figures: Sequence[Figures]) -> str:
    """The figures for people."""
    here = figures[0].machine
    rows = [
        ("machine", f"{here.processor}, {here.cores} cores, {here.memory:.1f} GiB, {here.system}"),
        ("date", here.date),
        ("commit", here.commit),
        ("load of the machine after it", ", ".join(f"{each.busy:.1f}" for each in figures)),
    ]
    names = [each.extent.params for each in figures]
    lines = [
        "<!-- Written by `make bench`. Do not edit: run it again. -->",
        "",
        "# The steady state",
        "",
        *said(
            "`relayer serve` with all its processes, a local chain with a block a second, and the generator of orders, on the same cores;",
            "SQLite. The rate is that of batches settled one after another while more orders come than fit.",
            "At nine tenths of it the queue must not grow; at half as much again what is too much is refused or lapses, and",
            "nothing that was acknowledged is missing.",
        ),
        *table(("what", "on"), rows, left=2),
        *table(("", *names), [(name, *cells) for name, *cells in _rows(figures)]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _rows(figures: Sequence[Figures]) -> list[tuple[str, ...]]:
    def row(name: str, *cells: str) -> tuple[str, ...]:
        return name, *cells

    rows = [
        row("accounts", *(whole(each.extent.accounts) for each in figures)),
        row("orders that a batch holds of them", *(whole(each.capacity) for each in figures)),
        row("orders a second sent while the rate was found", *(digits(each.extent.saturating) for each in figures)),
        row("seconds from batch to batch", *(digits(each.period) for each in figures)),
        row("**orders a second received, proven and settled**", *(f"**{digits(each.highest)}**" for each in figures)),
    ]
    for name, runs in (
        (f"at {LIGHT:.0%}", [each.light for each in figures]),
        (f"at {HEAVY:.0%}", [each.heavy for each in figures]),
    ):
        rows += [
            row(f"{name}: orders acknowledged", *(whole(len(run.acknowledged)) for run in runs)),
            row(f"{name}: refused for want of room", *(whole(run.shed) for run in runs)),
            row(f"{name}: answered otherwise", *(_codes(run.otherwise) for run in runs)),
            row(f"{name}: lapsed", *(whole(run.fates["lapsed"]) for run in runs)),
            row(f"{name}: missing", *(whole(run.fates["missing"]) for run in runs)),
            row(f"{name}: queue after each batch", *(", ".join(map(whole, run.queue)) for run in runs)),
        ]
    return rows


def _codes(counted: dict[str, int]) -> str:
    return ", ".join(f"{whole(count)} {code}" for code, count in counted.items()) or "0"


def _say(say: bool, text: str) -> None:
    if say:
        print(f"{time.strftime('%H:%M:%S')} steady: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Measures; 1 if a promise did not hold."""
    parser = argparse.ArgumentParser(prog="bench.steady", description="Measures the steady state from end to end.")
    parser.add_argument("--full", action="store_true", help="parameter sets dev and standard, full batches")
    parser.add_argument("--out", type=Path, help="file to write; default: standard output")
    options = parser.parse_args()
    figures = [measure(extent) for extent in (FULL if options.full else (TINY,))]
    if options.out is None:
        sys.stdout.write(document(figures))
    else:
        options.out.write_text(document(figures), encoding="utf-8")
    faults = [fault for each in figures for fault in each.faults]
    for fault in faults:
        print(f"bench.steady: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
