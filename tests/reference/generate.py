"""Random runs of batches: `random_run` grows a state over several batches from one seed.

Prices stand close together and quantities are small, so that books cross, tie and are cut; every
reason of refusal, every kind of touch and the ranges' ends come up with a stated probability.
Counted by `features`; run `python -m tests.reference.generate 200` to see the counts.
"""

import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .account import Leaf
from .batch import Batch, Result, State
from .features import WANTED, features
from .order import Kind, Side
from .params import BY_NAME, DEV, TOP, Params
from .scene import BUY, SELL, Scene, scene

MARK = 1_000_000
TICK = 1_000
CASH = 10**13
"""Cash of a typical account: enough for some thousand lots at the typical mark."""
RECIPIENT_BITS = 160


@dataclass(frozen=True)
class Case:
    """A batch with the state it starts from and what the reference makes of it."""

    name: str
    params: Params
    state: State
    batch: Batch
    result: Result


@dataclass(frozen=True)
class Shape:
    """How large a run's batches are: accounts it may touch, most touches a batch, instruments open at once."""

    accounts: int
    touches: int
    instruments: int


SHAPES = {"dev": Shape(9, 6, 5), "standard": Shape(18, 14, 24), "large": Shape(30, 28, 40)}


class Run:
    """The world of one run: open instruments with their marks, settlement values, the state, the batch number."""

    def __init__(self, params: Params, seed: int | str) -> None:
        self.params = params
        self.rng = random.Random(f"tacit {params.name} {seed}")
        self.shape = SHAPES[params.name]
        self.state = scene(params).state
        self.batch = self.rng.randrange(1, 1000)
        self.last_void = self.rng.randrange(self.batch)
        self.marks: dict[int, int] = {}
        self.settlements: dict[int, int] = {}
        self.indices = self.choose_indices()
        while len(self.marks) < self.shape.instruments:
            self.list_instrument()
        if self.rng.random() < 0.8:
            self.furnish()

    def choose_indices(self) -> list[int]:
        near = list(range(1, self.shape.accounts))
        return [*near, self.rng.randrange(self.shape.accounts, self.params.capacity)]

    def list_instrument(self) -> None:
        """Opens an instrument whose id was never used."""
        instrument = self.rng.choice((self.rng.randrange(1, 60), self.rng.randrange(1, 60), self.rng.randrange(1, TOP)))
        if instrument not in self.marks and instrument not in self.settlements:
            self.marks[instrument] = MARK + TICK * self.rng.randrange(-3, 4)

    def furnish(self) -> None:
        """Gives most accounts cash and positions, as if they had traded before."""
        s = Scene(self.params, self.state)
        for index in self.indices:
            if self.rng.random() < 0.8:
                count = self.rng.choice((0, 1, 2, self.params.positions - 1, self.params.positions))
                ids = self.rng.sample(sorted(self.marks), min(count, len(self.marks)))
                positions = [(instrument, self.rng.choice((-1, 1)) * self.rng.randrange(1, 60)) for instrument in ids]
                bitmap = self.rng.choice((0, 0, self.rng.randrange(2**64)))
                s.account(index, self.cash(), positions, self.rng.randrange(4), bitmap, self.rng.randrange(5))
        self.state = s.state

    def cash(self) -> int:
        kind = self.rng.random()
        if kind < 0.06:
            return -self.rng.randrange(1, CASH)
        if kind < 0.12:
            return 2**77 * 10**4 + self.rng.randrange(-(10**20), 10**20)
        if kind < 0.22:
            return self.rng.randrange(CASH // 100)
        return self.rng.randrange(CASH, 40 * CASH)

    # Tables

    def expire_some(self) -> None:
        """Settles an instrument now and then, as long as the settled rows can hold all that may be needed."""
        while len(self.settlements) < self.params.settled and len(self.marks) > 1 and self.rng.random() < 0.45:
            instrument = self.rng.choice(sorted(self.marks))
            mark = self.marks.pop(instrument)
            self.settlements[instrument] = self.rng.choice((0, mark, self.rng.randrange(2 * MARK)))
        while (
            len(self.marks) < self.shape.instruments and len(self.marks) < self.params.rows and self.rng.random() < 0.7
        ):
            self.list_instrument()

    def set_tables(self, s: Scene) -> None:
        for instrument in sorted(self.marks):
            self.marks[instrument] = max(0, self.marks[instrument] + TICK * self.rng.randrange(-1, 2))
            mark = self.marks[instrument]
            values = [mark * self.rng.randrange(70, 140) // 100 for _ in range(self.params.scenarios)]
            s.row(instrument, mark, values, minimum=self.rng.choice((0, mark // 10)))
        needed = {p.instrument for index in s.plans for p in s.state.leaves.get(index, Leaf(0)).positions}
        for instrument, value in self.settlements.items():
            if instrument in needed or self.rng.random() < 0.7:
                s.settle(instrument, value)

    # Touches

    def fill_touch(self, s: Scene, index: int) -> None:
        kind = self.rng.random()
        exists = index in s.state.leaves
        if kind < 0.08 and index:
            cash = s.state.leaves[index].cash if exists else 0
            whole = max(cash // 10**8, 1)
            s.exit(
                index,
                min(2**64 - 1, self.rng.choice((0, 1, whole // 2, whole // 2, whole + 1, self.rng.randrange(2**64)))),
            )
            return
        if kind < (0.2 if exists else 0.7):
            s.deposit(index, self.deposit(s.state.leaves.get(index, Leaf(0)).cash))
        count = self.rng.choice((0, 1, *[self.params.orders] * 4))
        withdrawn = False
        for _ in range(count):
            if not withdrawn and self.rng.random() < 0.12:
                self.add_withdrawal(s, index)
                withdrawn = True
            elif self.rng.random() < 0.05:
                s.cancel(index, self.epoch(s, index))
            else:
                self.add_trade(s, index, signed=exists or bool(s.plans[index].deposit) or self.rng.random() < 0.5)

    def deposit(self, cash: int) -> int:
        """A deposit; the largest only where the cash stays in its range."""
        if abs(cash) < 10**20 and self.rng.random() < 0.06:
            return self.rng.randrange(2**64 - 2**32, 2**64)
        return self.rng.choice(
            (self.rng.choice((1, CASH // 10**8)), 4 * CASH // 10**8, self.rng.randrange(40 * CASH // 10**8))
        )

    def epoch(self, s: Scene, index: int) -> int:
        leaf = s.state.leaves.get(index, Leaf(0))
        return min(max(0, leaf.epoch + self.rng.choice((*[0] * 20, 1, -1))), 2**32 - 1)

    def slot(self, s: Scene, index: int) -> int:
        leaf = s.state.leaves.get(index, Leaf(0))
        free = [slot for slot in range(64) if not leaf.bitmap >> slot & 1]
        return self.rng.choice(free) if free and self.rng.random() < 0.95 else self.rng.randrange(64)

    def add_withdrawal(self, s: Scene, index: int) -> None:
        leaf = s.state.leaves.get(index, Leaf(0))
        whole = max(leaf.cash // 10**8, 1)
        limit = self.rng.choice((1, 7, 10_000, 0))
        quantity = min(max(1, self.rng.choice((1, whole // 7, whole // 3, 2 * whole)) // max(limit, 1)), 2**32 - 1)
        s.order(
            index,
            0,
            BUY,
            quantity,
            limit,
            epoch=leaf.epoch,
            slot=self.slot(s, index),
            kind=Kind.WITHDRAW,
            recipient=self.rng.randrange(2**RECIPIENT_BITS),
        )

    def instrument(self, s: Scene, index: int) -> int:
        """Mostly one of two busy instruments, often one the account holds, sometimes settled or unknown."""
        kind = self.rng.random()
        held = [p.instrument for p in s.state.leaves.get(index, Leaf(0)).positions]
        fresh = sorted(set(self.marks) - set(held))
        if kind < 0.04:
            return self.rng.randrange(1, 60)
        if kind < 0.08 and self.settlements:
            return self.rng.choice(sorted(self.settlements))
        if kind < (0.4 if len(held) == self.params.positions else 0.14) and fresh:
            return self.rng.choice(fresh)
        if kind < 0.3 and held:
            return self.rng.choice(held)
        return self.busiest()

    def busiest(self) -> int:
        """The instrument most accounts hold: in it most orders meet, and positions are closed again."""
        holders = Counter(
            p.instrument for leaf in self.state.leaves.values() for p in leaf.positions if p.instrument in self.marks
        )
        return max(sorted(self.marks), key=lambda instrument: holders[instrument])

    def add_trade(self, s: Scene, index: int, *, signed: bool) -> None:
        rng, batch = self.rng, self.batch
        plan = s.plans[index]
        trades = [sealed.order for sealed in plan.orders if sealed.order.kind == Kind.TRADE]
        instrument = trades[0].instrument if trades and rng.random() < 0.3 else self.instrument(s, index)
        mark = self.marks.get(instrument, MARK)
        side = Side(rng.randrange(2))
        eager = 1 if side == BUY else -1
        limit = max(0, min(mark + TICK * eager * rng.choice((-2, -1, 0, 0, 0, 1, 1, 2, 3)), 2**42 - 1))
        quantity = rng.choice((rng.randrange(1, 9), rng.randrange(1, 50), 10, 10, rng.randrange(1, 100)))
        held = {p.instrument: p.quantity for p in s.state.leaves.get(index, Leaf(0)).positions}
        if instrument in held and rng.random() < 0.75:
            side, quantity = (BUY if held[instrument] < 0 else SELL), abs(held[instrument])
            limit = max(0, mark + (3 if side == BUY else -3) * TICK)
        if rng.random() < 0.015:
            quantity = rng.choice((2**32 - 1, rng.randrange(1, 2**32)))
        if rng.random() < 0.02:
            limit = rng.choice((0, 2**42 - 1, rng.randrange(2**42)))
        first, last = batch - rng.choice((0, 0, 1, 2)), batch + rng.choice((0, 0, 1, 5))
        if rng.random() < 0.04:
            first, last = rng.choice(((batch + 1, batch + 2), (batch - 1, batch - 1), (batch, batch - 1)))
        survives = rng.random() < 0.3
        if survives and rng.random() < 0.5:
            first = rng.randrange(self.last_void + 1)
        taken = plan.orders[0].order.slot if plan.orders and rng.random() < 0.04 else self.slot(s, index)
        s.order(
            index,
            instrument,
            side,
            quantity,
            limit,
            fee=max(0, min(s.context.fee_rate + rng.choice((-1, *[0, 1, 5, 50] * 3)), 9_999)),
            epoch=self.epoch(s, index),
            slot=taken,
            first=max(0, first),
            last=max(0, last),
            survives=survives,
            signed=signed,
        )

    def next_batch(self) -> Case:
        """Sets, clears and applies the run's next batch."""
        rng = self.rng
        start = self.state
        if rng.random() < 0.2:
            self.last_void, self.batch = self.batch, self.batch + 1
        self.expire_some()
        s = Scene(self.params, start)
        den = rng.choice((1, 1, 2, 3, 4, 4, 4))
        s.context = replace(
            s.context,
            batch=self.batch,
            last_void=self.last_void,
            time=rng.randrange(2**40),
            fee_rate=rng.choice((0, 1, 5, 5, 30, 30, 9_999 if rng.random() < 0.1 else 100)),
            num=rng.choice((den, min(den + 1, 5), min(den + 1, 5))),
            den=den,
        )
        most = self.shape.touches - 1
        count = rng.choice((1, most - 1, most, most, rng.randrange(most)))
        chosen = rng.sample(self.indices, min(count, len(self.indices)))
        for index in chosen:
            s.plan(index)
        order = [*chosen, 0] if rng.random() < 0.2 else chosen
        rng.shuffle(order)
        for index in order:
            self.fill_touch(s, index)
        self.set_tables(s)
        interleave(rng, s)
        result = s.run()
        name = f"{self.params.name} batch {self.batch}"
        self.state, self.batch = result.state, self.batch + 1
        return Case(name, self.params, start, s.batch(), result)


def interleave(rng: random.Random, s: Scene) -> None:
    """Mixes the sequence numbers 1 … n over the touches, increasing in each."""
    turns = [index for index, plan in s.plans.items() for _ in plan.orders]
    rng.shuffle(turns)
    served: Counter[int] = Counter()
    for sequence, index in enumerate(turns, 1):
        orders = s.plans[index].orders
        orders[served[index]] = replace(orders[served[index]], sequence=sequence)
        served[index] += 1


def random_run(params: Params, seed: int | str, batches: int = 4) -> Iterator[Case]:
    """The batches of one run, each starting from the state the one before left."""
    run = Run(params, seed)
    for _ in range(batches):
        yield run.next_batch()


def random_cases(count: int, standard: int = 0, first_seed: int = 0) -> Iterator[Case]:
    """`count` batches in runs of four, the last `standard` of them at `standard`."""
    left, seed = count, first_seed
    while left > 0:
        params = DEV if left > standard else BY_NAME["standard"]
        size = min(4, left - standard if params == DEV else left)
        yield from random_run(params, seed, size)
        left, seed = left - size, seed + 1


def main(count: int, standard: int) -> None:
    """Prints how often each feature occurs in so many random batches."""
    total: Counter[str] = Counter()
    for case in random_cases(count, standard):
        total += features(case.result)
    for name, times in sorted(total.items()):
        print(f"{times:6} {name}")
    for name in WANTED:
        if total[name] < 10:
            print(f"only {total[name]} times: {name}")


if __name__ == "__main__":
    main(*(int(argument) for argument in [*sys.argv[1:], "200", "0"][:2]))
