"""What follows from the records of a vault: who owns which account, which tables and values were in force, what waits, what was settled.

A :class:`History` is a fold over records; it looks nothing up. After a reorganisation it is made again from the records that are
left, which :class:`relayer.ledger.Ledger` holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from prover.batch import SettledRow
from prover.settlement import LockedDeposit
from relayer.errors import LedgerError
from relayer.records import (
    AccountAssigned,
    BatchOpened,
    BatchSealed,
    BatchSettled,
    BatchVoided,
    Claimed,
    DepositQueued,
    DepositReturned,
    EpochPosted,
    EscapePaid,
    EscapeRegistered,
    ExitAnswered,
    ExitRequested,
    Frozen,
    Genesis,
    OpeningExpired,
    PotFixed,
    Record,
    Retiring,
    SegmentsChecked,
    WithdrawalCredited,
)

T = TypeVar("T")
UNTOLD: Final = (SegmentsChecked, WithdrawalCredited, Claimed)
"""Records that leave a :class:`History` as it was."""


@dataclass
class History:
    """The state of a vault as its records tell it; ``assigned``: the block that gave an account its index.

    It has of a settlement or an epoch what the records have: those that a service holds are without words, and without rows nobody asks
    for any more (:mod:`relayer.store.holding`).
    """

    genesis: Genesis | None = None
    owners: dict[int, int] = field(default_factory=dict)
    accounts: dict[int, int] = field(default_factory=dict)
    assigned: dict[int, int] = field(default_factory=dict)
    epochs: dict[int, EpochPosted] = field(default_factory=dict)
    values: dict[int, tuple[int, int]] = field(default_factory=dict)
    openings: dict[int, BatchOpened] = field(default_factory=dict)
    expired: dict[int, OpeningExpired] = field(default_factory=dict)
    seals: dict[int, BatchSealed] = field(default_factory=dict)
    voided: dict[int, BatchVoided] = field(default_factory=dict)
    settlements: list[BatchSettled] = field(default_factory=list)
    deposits: dict[int, DepositQueued] = field(default_factory=dict)
    returned: set[int] = field(default_factory=set)
    exits: dict[int, ExitRequested] = field(default_factory=dict)
    answered: dict[int, ExitAnswered] = field(default_factory=dict)
    retiring: Retiring | None = None
    frozen: Frozen | None = None
    escapes: dict[int, EscapeRegistered] = field(default_factory=dict)
    pot: PotFixed | None = None
    escape_payments: dict[int, EscapePaid] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Record]) -> History:
        """The history that records tell."""
        history = cls()
        for record in records:
            history.add(record)
        return history

    def add(self, record: Record) -> None:
        """Takes the next record in."""
        match record:
            case Genesis():
                self.genesis = record
                self._assign(0, int(record.config.fundOwner), record.at.block)
            case AccountAssigned():
                self._assign(record.index, record.owner, record.at.block)
            case DepositQueued():
                self.deposits[record.entry] = record
            case DepositReturned():
                self.returned.add(record.entry)
            case ExitRequested():
                self.exits[record.entry] = record
            case ExitAnswered():
                self.answered[record.entry] = record
            case EpochPosted():
                self.epochs[record.epoch] = record
                self.values |= {each.instrument: (each.value, record.epoch) for each in record.settled}
            case BatchOpened():
                self.openings[record.batch] = record
            case OpeningExpired():
                self.expired[record.batch] = record
            case BatchSealed():
                self.seals[record.batch] = record
            case BatchVoided():
                self.voided[record.batch] = record
            case BatchSettled():
                self.settlements.append(record)
            case Retiring():
                self.retiring = record
            case Frozen():
                self.frozen = record
            case EscapeRegistered():
                self.escapes[record.index] = record
            case PotFixed():
                self.pot = record
            case EscapePaid():
                self.escape_payments[record.index] = record

    def _assign(self, index: int, owner: int, block: int) -> None:
        self.owners[index], self.assigned[index] = owner, block
        self.accounts.setdefault(owner, index)

    def owner_of(self, index: int) -> int:
        """The owner word that an account was assigned to (:class:`LedgerError`: to none)."""
        return _known(self.owners, index, "account")

    def opened_in(self, batch: int) -> int | None:
        """The block of a batch's opening; None where there is none."""
        return self.openings[batch].at.block if batch in self.openings else None

    @property
    def last_epoch(self) -> EpochPosted | None:
        """The epoch of the last settled batch, whose marks an escape is valued at; None before the first."""
        if not self.settlements:
            return None
        return self.epoch_of(self.settlements[-1].batch)

    def seal_of(self, batch: int) -> BatchSealed:
        """What a batch was sealed with."""
        return _known(self.seals, batch, "the seal of batch")

    def epoch_of(self, batch: int) -> EpochPosted:
        """The risk table that a sealed batch was cleared with."""
        return _known(self.epochs, self.seal_of(batch).seal.epoch, "epoch")

    def settled_values(self, epoch: int) -> tuple[SettledRow, ...]:
        """Instruments that had left the table at an epoch, with their values, by id."""
        return tuple(
            SettledRow(number, value) for number, (value, since) in sorted(self.values.items()) if since <= epoch
        )

    def locked(self, batch: int) -> dict[int, LockedDeposit]:
        """Deposits that a batch credits: their sum by account, with the owner."""
        locked: dict[int, LockedDeposit] = {}
        for entry in self._below(batch, "deposit_end"):
            deposit = _known(self.deposits, entry, "deposit")
            if entry not in self.returned:
                before = locked[deposit.index].amount if deposit.index in locked else 0
                locked[deposit.index] = LockedDeposit(before + deposit.amount, self.owner_of(deposit.index))
        return locked

    def requested(self, batch: int) -> dict[int, int]:
        """Exit requests that a batch answers, by account."""
        exits = (_known(self.exits, entry, "exit request") for entry in self._below(batch, "exit_end"))
        return {each.index: each.amount for each in exits}

    def waiting_deposits(self, index: int) -> list[DepositQueued]:
        """Deposits of an account that no settled batch has credited and nobody has taken back, by entry."""
        end = self._last_end("deposit_end")
        waiting = (each for entry, each in sorted(self.deposits.items()) if entry >= end and entry not in self.returned)
        return [each for each in waiting if each.index == index]

    def waiting_exits(self, index: int) -> list[ExitRequested]:
        """Exit requests of an account that no settled batch has answered, by entry."""
        return [
            each for entry, each in sorted(self.exits.items()) if entry not in self.answered and each.index == index
        ]

    def _below(self, batch: int, end: str) -> Iterator[int]:
        """Queue entries that a batch consumes: from where the settled batch before it ended."""
        before = [each.batch for each in self.settlements if each.batch < batch]
        first = getattr(self.seal_of(before[-1]).seal, end) if before else 0
        return iter(range(first, getattr(self.seal_of(batch).seal, end)))

    def _last_end(self, end: str) -> int:
        return int(getattr(self.seal_of(self.settlements[-1].batch).seal, end)) if self.settlements else 0


def _known(entries: Mapping[int, T], number: int, what: str) -> T:
    """An entry that must have been told."""
    if number not in entries:
        raise LedgerError(
            f"the events that the endpoint gave lack {what} {number}: ask another endpoint", {what: number}
        )
    return entries[number]
