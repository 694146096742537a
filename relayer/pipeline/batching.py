"""When a batch is opened and closed, and which deposits and exit requests go in: pure rules over plain values.

The contract refuses a seal that holds a deposit and an exit request of one account, or leaves a late exit request out; the core
refuses a batch with more settled rows than its parameter set has. So both queues are walked in the order in which their
entries came, exit requests whose deadline is near first, and each ends at the first entry that cannot be in this batch. Both are bounded by
what a transaction can do, or traders could have a batch sealed that nobody can settle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import Final, TypeVar

from prover.batch import Params, State
from relayer.history import History
from relayer.pipeline.policy import Policy

MOST_SEGMENTS: Final = 64
MOST_DEPOSITS, MOST_EXITS, MOST_WITHDRAWALS = 384, 96, 160
"""Queue entries and withdrawals of a batch. What they change is written by a settlement's last transaction, however many parts came before
it: at most 4,000, 38,000 and 26,000 gas each, 9.4 million in all, beside some 4 million for all else; a transaction may use 2²⁴.
"""
MOST_WALKED: Final = 1_024
"""Deposits of accounts with an exit request that a seal of both queues may walk, at 2,500 gas each (IVault.seal)."""
FUND: Final = 0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Room:
    """What a batch has room for: touches, the fund's included, orders of one account, instruments with settlement values."""

    touches: int
    orders: int
    settled: int

    @property
    def ordering(self) -> int:
        """Accounts that may have orders in it: an eighth is left for exit requests, which the vault does not let a seal leave out once
        they are late, and for deposits.
        """
        return self.touches - 1 - self.touches // 8

    @classmethod
    def of(cls, params: Params) -> Room:
        """Of a parameter set."""
        return cls(MOST_SEGMENTS * params.touches, params.orders, params.settled)


@dataclass(frozen=True, slots=True)
class Deposit:
    """A queued deposit: its account, its owner's word, token units, when it came (block, log). ``returned``: it counts 0."""

    entry: int
    account: int
    owner: int
    amount: int
    came: tuple[int, int]
    returned: bool = False


@dataclass(frozen=True, slots=True)
class Exit:
    """An exit request that no settled batch has answered; ``deadline`` in seconds of the block clock."""

    entry: int
    account: int
    amount: int
    came: tuple[int, int]
    deadline: int


@dataclass(frozen=True, slots=True)
class Queues:
    """Both queues from their heads on, without a gap."""

    deposit_head: int = 0
    exit_head: int = 0
    deposits: tuple[Deposit, ...] = ()
    exits: tuple[Exit, ...] = ()

    @classmethod
    def of(cls, history: History) -> Queues:
        """What the vault's records say is queued and not settled."""
        ends = history.seal_of(history.settlements[-1].batch).seal if history.settlements else None
        deposit_head, exit_head = (0, 0) if ends is None else (ends.deposit_end, ends.exit_end)
        deposits = [
            Deposit(
                each.entry,
                each.index,
                history.owner_of(each.index),
                each.amount,
                (each.at.block, each.at.index),
                each.entry in history.returned,
            )
            for each in _from(history.deposits, deposit_head)
        ]
        exits = [
            Exit(each.entry, each.index, each.amount, (each.at.block, each.at.index), each.deadline)
            for each in _from(history.exits, exit_head)
        ]
        return cls(deposit_head, exit_head, tuple(deposits), tuple(exits))

    def waiting(self, deposit_end: int, exit_end: int) -> bool:
        """Whether anything waits for a batch beyond what is in a seal already, which ends at these entries."""
        deposits = (each for each in self.deposits if each.entry >= deposit_end and not each.returned)
        return any(deposits) or any(each.entry >= exit_end for each in self.exits)


def anything_waits(history: History) -> bool:
    """Whether a deposit or exit request waits for a batch: what a seal in force holds waits for no other."""
    seals = [each.seal for number, each in history.seals.items() if number not in history.voided]
    ends = max((seal.deposit_end for seal in seals), default=0), max((seal.exit_end for seal in seals), default=0)
    return Queues.of(history).waiting(*ends)


def _from(entries: Mapping[int, T], head: int) -> Iterator[T]:
    """The entries of a queue from its head on: what was settled before is not looked at, however much it is."""
    return (entries[number] for number in takewhile(entries.__contains__, count(head)))


@dataclass(frozen=True, slots=True)
class Selection:
    """Ends of both queues, and what lies below them by account, in token units."""

    deposit_end: int
    exit_end: int
    deposits: Mapping[int, int] = field(default_factory=dict)
    exits: Mapping[int, int] = field(default_factory=dict)

    @property
    def accounts(self) -> set[int]:
        """Accounts that a deposit or exit request touches."""
        return set(self.deposits) | set(self.exits)


def held_settled(state: State, account: int, values: Mapping[int, int]) -> frozenset[int]:
    """The instruments with settlement values that an account holds: each needs a settled row when the account is touched."""
    leaf = state.leaf(account)
    held = {position.instrument for position in leaf.positions} if leaf else set()
    return frozenset(held & values.keys())


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What :func:`select` goes by: accounts with orders in the batch, what there is room for, owners that are registered, instruments
    that each account needs rows for, the last block that is deep enough, and the deadline up to which an exit is urgent. ``misplaced``:
    accounts with orders of an owner whose index they are no more; their orders come to nothing as long as no deposit opens the account.
    """

    ordering: frozenset[int]
    room: Room
    registered: Callable[[int], bool]
    settled: Callable[[int], frozenset[int]]
    last_block: int
    urgent: int
    misplaced: frozenset[int] = frozenset()


def select(queues: Queues, choice: Choice) -> Selection:
    """Which queue entries a batch takes: a run of each queue from its head."""
    taking = _Taking(queues, choice)
    urgent = [number for number, each in enumerate(queues.exits) if each.deadline <= choice.urgent]
    first = queues.exits[: urgent[-1] + 1] if urgent else ()
    for each in first:
        taking.exit(each)
    entries: list[Deposit | Exit] = [*queues.deposits, *queues.exits[len(first) :]]
    rest = sorted(entries, key=lambda entry: entry.came)
    for entry in rest:
        if isinstance(entry, Deposit):
            taking.deposit(entry)
        else:
            taking.exit(entry)
    return Selection(taking.deposit_end, taking.exit_end, taking.deposits, taking.exits)


class _Taking:
    """Takes entries one after another; the first of a queue that cannot be taken ends it. Where the vault would have to walk too many
    deposits of those who leave it takes one queue alone, which the vault does not walk.
    """

    def __init__(self, queues: Queues, choice: Choice) -> None:
        self._choice = choice
        self._heads = queues.deposit_head, queues.exit_head
        self.deposit_end, self.exit_end = self._heads
        self.deposits: dict[int, int] = {}
        self.exits: dict[int, int] = {}
        self._queued = Counter(each.account for each in queues.deposits)
        self._walked = 0
        self._touched = {FUND, *choice.ordering}
        self._rows = frozenset[int]().union(*(choice.settled(account) for account in self._touched))

    def deposit(self, entry: Deposit) -> None:
        taken = self.deposit_end - self._heads[0]
        if entry.entry != self.deposit_end or taken >= MOST_DEPOSITS or not self._deep(entry.came):
            return
        if self._walked > MOST_WALKED:
            return
        if not entry.returned:
            if entry.account in self.exits or entry.account in self._choice.misplaced:
                return
            if not self._choice.registered(entry.owner) or not self._fits(entry.account):
                return
            self.deposits[entry.account] = self.deposits.get(entry.account, 0) + entry.amount
        self.deposit_end += 1

    def exit(self, entry: Exit) -> None:
        taken = self.exit_end - self._heads[1]
        if entry.entry != self.exit_end or taken >= MOST_EXITS or not self._deep(entry.came):
            return
        walked = self._walked + self._queued[entry.account]
        if walked > MOST_WALKED and self.deposit_end != self._heads[0]:
            return
        if entry.account in self.deposits or entry.account in self._choice.ordering or not self._fits(entry.account):
            return
        self.exits[entry.account] = entry.amount
        self.exit_end, self._walked = self.exit_end + 1, walked

    def _deep(self, came: tuple[int, int]) -> bool:
        return came[0] <= self._choice.last_block

    def _fits(self, account: int) -> bool:
        """Takes the account in, if there is room."""
        touched, rows = self._touched | {account}, self._rows | self._choice.settled(account)
        if len(touched) > self._choice.room.touches or len(rows) > self._choice.room.settled:
            return False
        self._touched, self._rows = touched, rows
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open batch as the rule of closing sees it; times of the block clock. ``expecting``: a few blocks more, and an account whose
    orders it holds is opened by its deposit; without, they would come to nothing.
    """

    now: int
    opened: int
    open_time: int
    orders: int
    touches: int
    requested: bool
    queued: bool
    next_deadline: int | None
    expecting: bool = False


def close_reason(batch: Opened, policy: Policy, room: Room) -> str | None:
    """Why a batch is closed now; None while it stays open. One that holds nothing is left to run out."""
    age = batch.now - batch.opened
    if batch.now >= batch.opened + batch.open_time:
        return None  # too late: the vault would refuse the seal
    if batch.next_deadline is not None and batch.next_deadline - batch.now <= policy.exit_margin:
        return "exit deadline"
    if age >= batch.open_time - policy.open_margin and (batch.orders or batch.queued):
        return "end of opening"
    if batch.expecting:
        return None
    if batch.requested:
        return "request"
    if batch.orders >= policy.most_orders or batch.touches > room.ordering:
        return "size"
    if age >= policy.interval and (batch.orders or batch.queued):
        return "time"
    return None


def grace(policy: Policy, *, others_wait: bool) -> int:
    """How long a deposit waits for its owner to register, in seconds: no longer than a batch stays open while it keeps others waiting."""
    return min(policy.unknown_deposit_grace, policy.interval) if others_wait else policy.unknown_deposit_grace


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacant:
    """A vault without an opening as the rule of opening sees it; times of the block clock."""

    now: int
    frozen: bool
    retirement: int | None
    epoch_time: int | None
    epoch_age: int
    open_time: int
    settle_time: int
    free_bond: int
    base_bond: int
    paused: bool
    waiting: bool


def not_opened_because(vault: Vacant, policy: Policy) -> str | None:
    """Why no batch is opened now; None if one is."""
    if vault.paused:
        return "paused"
    if vault.frozen:
        return "the vault is frozen"
    if vault.retirement is not None and vault.now + vault.open_time + vault.settle_time >= vault.retirement:
        return "the vault retires"
    if vault.epoch_time is None:
        return "no risk table is in force"
    if vault.now - vault.epoch_time > vault.epoch_age:
        return "the risk table is too old"
    if vault.free_bond < vault.base_bond:
        return "the free bond does not cover an opening"
    if not policy.eager and not vault.waiting:
        return "nothing waits for a batch"
    return None
