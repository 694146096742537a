"""What strangers leave to be returned is theirs to multiply: a turn and the queue of transactions take the same however much it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import pytest

from relayer.history import History
from relayer.pipeline.desk import Turn
from relayer.pipeline.duties import MOST_RETURNS, return_deposits
from relayer.pipeline.policy import Policy
from relayer.records import AccountAssigned, At, DepositQueued, DepositReturned, Record
from relayer.store import transactions
from relayer.store.database import Database
from relayer.store.models import ChainTransaction, Holder, TransactionState

ADDRESS: Final = "0x" + "11" * 20
GRACE: Final = 1_000
INTERVAL: Final = 100
MANY: Final = 60


@dataclass
class Queue:
    """A vault's queue of deposits, one a second, each of an owner of its own that is entry plus 100; the operator's desk before it."""

    database: Database
    times: list[int] = field(default_factory=lambda: list(range(MANY)))
    returned: set[int] = field(default_factory=set)
    now: int = 0
    asked: list[int] = field(default_factory=list)

    def history(self) -> History:
        """What the records tell."""
        records: list[Record] = []
        for entry in range(len(self.times)):
            at = At(entry + 1, 0, bytes(32), bytes(32))
            records.append(AccountAssigned(at, entry + 1, entry + 100))
            records.append(DepositQueued(at, entry, entry + 1, ADDRESS, 10))
        back = At(len(self.times) + 1, 0, bytes(32), bytes(32))
        records += [DepositReturned(back, entry, entry + 1, ADDRESS, 10) for entry in sorted(self.returned)]
        return History.of(records)

    def call(self, _name: str, entry: int) -> Any:  # noqa: ANN401 - as the function has it
        """The vault's word on an entry."""
        self.asked.append(entry)
        return SimpleNamespace(time=self.times[entry])

    def register(self, entry: int) -> None:
        """The owner of an entry registers."""
        owner = (entry + 100).to_bytes(32, "big")
        with self.database.write() as session:
            session.add(Holder(owner=owner, key=owner, subaccount=0, account=None, holder_sealed=b"", created_at=0))

    def look(self) -> list[int]:
        """A turn of the duty: the entries that it asked the vault about."""
        self.asked.clear()
        desk: Any = SimpleNamespace(
            database=self.database,
            history=self.history,
            policy=Policy(unknown_deposit_grace=GRACE, interval=INTERVAL),
            fund=SimpleNamespace(owner=1),
            now=self.now,
            operator=ADDRESS,
            vault=SimpleNamespace(address=ADDRESS, contract=SimpleNamespace(call=self.call)),
            call=lambda name, entry: f"{name}({entry})".encode(),
        )
        return_deposits(desk, Turn())
        return list(self.asked)

    def wanted(self) -> list[int]:
        """Entries whose return was queued, in that order."""
        with self.database.read() as session:
            rows = session.query(ChainTransaction).order_by(ChainTransaction.position)
            return [int(row.purpose.removeprefix("return:")) for row in rows]

    def become(self, state: TransactionState, *entries: int) -> None:
        """What became of returns."""
        with self.database.write() as session:
            for entry in entries:
                row = transactions.find(session, f"return:{entry}")
                assert row is not None
                row.state = state


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


def test_of_many_late_deposits_a_few_are_returned_at_a_time_and_the_vault_is_asked_about_no_more(queue: Queue) -> None:
    queue.now = GRACE + MANY
    first = list(range(MOST_RETURNS))
    assert queue.look() == first
    assert queue.wanted() == first
    assert queue.look() == [], "those are under way"
    queue.become(TransactionState.SENT, *first)
    assert queue.look() == []
    queue.become(TransactionState.MINED, 0, 1, 2)
    queue.returned = {0, 1}
    assert queue.look() == [MOST_RETURNS + each for each in range(3)]
    assert queue.wanted() == list(range(MOST_RETURNS + 3))


def test_a_return_that_failed_keeps_no_other_from_going_back(queue: Queue) -> None:
    queue.now = GRACE + MANY
    queue.look()
    queue.become(TransactionState.FAILED, *range(MOST_RETURNS))
    assert queue.look() == list(range(MOST_RETURNS, 2 * MOST_RETURNS))


def test_nothing_is_asked_about_those_behind_the_first_that_is_still_waited_for(queue: Queue) -> None:
    assert queue.look() == [0]
    queue.now = GRACE + 2
    assert queue.look() == [0, 1, 2, 3]
    assert queue.wanted() == [0, 1, 2]


def test_those_who_keep_somebody_waiting_go_back_sooner_and_those_behind_do_not(queue: Queue) -> None:
    queue.register(2)
    queue.now = INTERVAL + 5
    assert queue.look() == [0, 1, 3]
    assert queue.wanted() == [0, 1]
