"""The orders that have been acknowledged and not yet settled, in memory, by account: what a new order of the account is judged beside.

A mirror of the table of orders, changed only after a commit, so a lost process loses nothing: it is read back. Content stands in it in the
clear, as it must in the memory of whoever clears batches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from prover.orders import Order

WITHDRAWAL: Final = "withdraw"


@dataclass(frozen=True, slots=True)
class Held:
    """An acknowledged order: with its batch once it has a receipt. ``position`` is its place among all orders, by arrival."""

    id: str
    hash: bytes
    owner: bytes
    order: Order = field(repr=False)
    batch: int | None
    position: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Orders of one account beside a new one: those in the batch it is for, those in batches that are not settled yet, those that wait."""

    batch: tuple[Order, ...] = ()
    sealed: tuple[Order, ...] = ()
    waiting: tuple[Order, ...] = ()

    @property
    def all(self) -> tuple[Order, ...]:
        """All of them."""
        return self.batch + self.sealed + self.waiting


class Book:
    """Acknowledged orders that are not settled."""

    def __init__(self, held: Iterable[Held] = ()) -> None:
        self._accounts: dict[int, dict[str, Held]] = defaultdict(dict)
        self._batches: dict[int, set[int]] = defaultdict(set)
        self._waiting: dict[str, Held] = {}
        self._counts: dict[int, int] = defaultdict(int)
        self._withdrawals: dict[int, int] = defaultdict(int)
        for each in sorted(held, key=lambda each: each.position):
            self.put(each)

    def put(self, held: Held) -> None:
        """Takes an order in, or over the form it had before its receipt."""
        account = held.order.account
        self._waiting.pop(held.id, None)
        self._accounts[account][held.id] = held
        if held.batch is None:
            self._waiting[held.id] = held
        else:
            self._batches[held.batch].add(account)
            self._counts[held.batch] += 1
            self._withdrawals[held.batch] += held.order.kind == WITHDRAWAL

    def drop(self, held: Held) -> None:
        """Forgets an order that was cancelled or lapsed, or was never stored."""
        account = held.order.account
        self._waiting.pop(held.id, None)
        own = self._accounts.get(account, {})
        own.pop(held.id, None)
        if held.batch is not None:
            self._counts[held.batch] -= 1
            self._withdrawals[held.batch] -= held.order.kind == WITHDRAWAL
            if all(each.batch != held.batch for each in own.values()):
                self._batches[held.batch].discard(account)
        if not own:
            self._accounts.pop(account, None)

    def settle(self, batch: int) -> None:
        """Forgets the orders of all batches up to this one: their effect is in the state now."""
        for number in [number for number in self._batches if number <= batch]:
            for account in self._batches.pop(number):
                own = self._accounts[account]
                for each in [each for each in own.values() if each.batch == number]:
                    del own[each.id]
                if not own:
                    del self._accounts[account]
            self._counts.pop(number, None)
            self._withdrawals.pop(number, None)

    def standing(self, account: int, batch: int | None) -> Standing:
        """The orders of an account beside one for ``batch`` (None: for one that is not open yet)."""
        own = self._accounts.get(account)
        if not own:
            return Standing()
        held = tuple(own.values())
        return Standing(
            batch=tuple(each.order for each in held if each.batch is not None and each.batch == batch),
            sealed=tuple(each.order for each in held if each.batch is not None and each.batch != batch),
            waiting=tuple(each.order for each in held if each.batch is None),
        )

    def orders(self, batch: int) -> int:
        """How many orders have a receipt of a batch."""
        return self._counts.get(batch, 0)

    def withdrawals(self, batch: int) -> int:
        """How many of them are withdrawals."""
        return self._withdrawals.get(batch, 0)

    def accounts(self, batch: int) -> set[int]:
        """Accounts with a receipt of a batch."""
        return self._batches.get(batch, set())

    def turns(self, batch: int, behind: int) -> list[Held]:
        """Orders without a receipt that came after the place ``behind``, by rounds: the first of each account by arrival, then the second
        of each. Those that an account has in ``batch`` had their turn.
        """
        had: dict[int, int] = {}
        rounds: list[tuple[int, Held]] = []
        for held in self._waiting.values():
            if held.position <= behind:
                continue
            account = held.order.account
            turn = had.get(account)
            if turn is None:
                turn = sum(each.batch == batch for each in self._accounts[account].values())
            had[account] = turn + 1
            rounds.append((turn, held))
        return [held for _, held in sorted(rounds, key=lambda each: (each[0], each[1].position))]

    def find_waiting(self, order: str) -> Held | None:
        """A waiting order by its id."""
        return self._waiting.get(order)

    @property
    def waiting_count(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def __len__(self) -> int:
        return sum(len(own) for own in self._accounts.values())
