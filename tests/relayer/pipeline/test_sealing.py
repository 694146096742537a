"""What an open batch waits for before it closes."""

from __future__ import annotations

from relayer.pipeline.batching import Deposit, Queues
from relayer.pipeline.sealing import unopened

LAST_BLOCK = 10


def deposit(entry: int, account: int, block: int, *, returned: bool = False) -> Deposit:
    return Deposit(entry, account, account, 10, (block, 0), returned)


def unopened_by(*deposits: Deposit) -> set[int]:
    return set(unopened(Queues(0, 0, deposits), LAST_BLOCK))


def test_an_account_whose_only_deposit_is_not_deep_enough_is_waited_for() -> None:
    assert unopened_by(deposit(0, 1, LAST_BLOCK), deposit(1, 2, LAST_BLOCK + 1)) == {2}


def test_who_goes_on_depositing_keeps_no_batch_open() -> None:
    """The first deposit is deep enough to open the account; a new one every second block changes nothing of that."""
    later = [deposit(entry, 1, LAST_BLOCK + entry) for entry in range(1, 6)]
    assert unopened_by(*later) == {1}
    assert unopened_by(deposit(0, 1, LAST_BLOCK), *later) == set()


def test_a_deposit_that_was_returned_opens_no_account_and_is_not_waited_for() -> None:
    assert unopened_by(deposit(0, 1, LAST_BLOCK - 1, returned=True), deposit(1, 1, LAST_BLOCK + 1)) == {1}
    assert unopened_by(deposit(0, 1, LAST_BLOCK + 1, returned=True)) == set()
