"""When a batch opens and closes, and what of the queues goes in: the vault's rules and the operator's choice, on plain values."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from prover.batch import Params
from prover.orders import Order
from relayer.errors import LedgerError
from relayer.history import History
from relayer.pipeline.aftermath import may_go_on
from relayer.pipeline.batching import (
    MOST_DEPOSITS,
    MOST_EXITS,
    MOST_WALKED,
    MOST_WITHDRAWALS,
    Choice,
    Deposit,
    Exit,
    Opened,
    Queues,
    Room,
    Selection,
    Vacant,
    anything_waits,
    close_reason,
    grace,
    not_opened_because,
    select,
)
from relayer.pipeline.policy import Policy
from relayer.records import AccountAssigned, At, BatchSealed, BatchVoided, DepositQueued, ExitRequested, Record, Seal

ROOM = Room(touches=128, orders=2, settled=4)
POLICY = Policy(interval=300, most_orders=100, open_margin=60, exit_margin=3_600)
LATER = 10**9
SOMEBODY = "0x" + "77" * 20
PLACE = At(1, 0, bytes(32), bytes(32))


def deposit(entry: int, account: int, came: int | None = None, *, returned: bool = False) -> Deposit:
    return Deposit(entry, account, account, 10, (entry if came is None else came, 0), returned)


def exit_(entry: int, account: int, came: int, deadline: int = LATER) -> Exit:
    return Exit(entry, account, 5, (came, 1), deadline)


def choice(**changes: object) -> Choice:
    base = Choice(
        ordering=frozenset(),
        room=ROOM,
        registered=lambda _: True,
        settled=lambda _: frozenset(),
        last_block=LATER,
        urgent=0,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def chosen(queues: Queues, **changes: object) -> Selection:
    return select(queues, choice(**changes))


def test_everything_that_may_go_in_does_and_deposits_of_an_account_are_one() -> None:
    queues = Queues(3, 7, (deposit(3, 1), deposit(4, 2), deposit(5, 1)), (exit_(7, 9, 1),))
    found = chosen(queues)
    assert (found.deposit_end, found.exit_end) == (6, 8)
    assert (found.deposits, found.exits) == ({1: 20, 2: 10}, {9: 5})


def test_a_queue_ends_before_the_first_owner_who_is_not_registered() -> None:
    found = chosen(Queues(0, 0, (deposit(0, 1), deposit(1, 2), deposit(2, 3))), registered=lambda owner: owner != 2)
    assert (found.deposit_end, set(found.deposits)) == (1, {1})


def test_deposits_end_before_an_account_with_orders_of_another_who_had_its_index() -> None:
    found = chosen(Queues(0, 0, (deposit(0, 1), deposit(1, 2), deposit(2, 3))), misplaced=frozenset({2}))
    assert (found.deposit_end, set(found.deposits)) == (1, {1})


def test_a_deposit_to_an_account_that_the_records_do_not_know_is_an_error_of_the_endpoint() -> None:
    history = History.of([DepositQueued(PLACE, 0, 5, SOMEBODY, 10)])
    with pytest.raises(LedgerError, match="account 5"):
        Queues.of(history)


def test_a_deposit_that_was_returned_counts_nothing_and_stops_nobody() -> None:
    queues = Queues(0, 0, (deposit(0, 1, returned=True), deposit(1, 2)))
    found = chosen(queues, registered=lambda owner: owner != 1)
    assert (found.deposit_end, found.deposits) == (2, {2: 10})


def test_never_a_deposit_and_an_exit_of_one_account_and_the_older_goes_first() -> None:
    older = chosen(Queues(0, 0, (deposit(0, 1, came=1),), (exit_(0, 1, came=2),)))
    assert (older.deposits, older.exits) == ({1: 10}, {})
    younger = chosen(Queues(0, 0, (deposit(0, 1, came=3),), (exit_(0, 1, came=2),)))
    assert (younger.deposits, younger.exits) == ({}, {1: 5})


def test_an_exit_whose_deadline_is_near_goes_before_everything_with_all_before_it() -> None:
    queues = Queues(0, 0, (deposit(0, 1, came=1), deposit(1, 2, came=2)), (exit_(0, 2, 5), exit_(1, 1, 6, deadline=50)))
    found = chosen(queues, urgent=60)
    assert (found.exits, found.deposits) == ({2: 5, 1: 5}, {})


def test_no_exit_of_an_account_with_orders_in_the_batch() -> None:
    found = chosen(Queues(0, 0, (), (exit_(0, 1, 1), exit_(1, 2, 2))), ordering=frozenset({1}))
    assert found.exit_end == 0


def test_what_is_not_deep_enough_in_the_chain_waits() -> None:
    queues = Queues(0, 0, (deposit(0, 1, came=10), deposit(1, 2, came=12)), (exit_(0, 3, came=12),))
    found = chosen(queues, last_block=11)
    assert (found.deposit_end, found.exit_end) == (1, 0)


def test_there_are_no_more_touches_than_there_is_room_for() -> None:
    queues = Queues(0, 0, tuple(deposit(number, number + 1) for number in range(10)))
    found = chosen(queues, room=replace(ROOM, touches=5), ordering=frozenset({100, 1}))
    assert set(found.deposits) == {1, 2, 3}, "the fund and two accounts with orders, one of which deposits, leave two"


def test_no_more_instruments_are_settled_than_there_are_rows_for() -> None:
    held = {1: frozenset({50, 51}), 2: frozenset({51, 52}), 3: frozenset({53, 54}), 9: frozenset({50})}
    queues = Queues(0, 0, tuple(deposit(number, number + 1) for number in range(3)))
    found = chosen(queues, settled=lambda account: held.get(account, frozenset()), ordering=frozenset({9}))
    assert set(found.deposits) == {1, 2}


def test_a_batch_takes_no_more_of_a_queue_than_one_transaction_settles() -> None:
    entries = tuple(deposit(number, 1, came=1) for number in range(MOST_DEPOSITS + 5))
    assert chosen(Queues(0, 0, entries)).deposit_end == MOST_DEPOSITS
    returned = tuple(replace(each, returned=True) for each in entries)
    assert chosen(Queues(7, 0, tuple(replace(e, entry=e.entry + 7) for e in returned))).deposit_end == 7 + MOST_DEPOSITS
    leaving = tuple(exit_(number, number + 1, came=1) for number in range(MOST_EXITS + 5))
    wide = Room(touches=448, orders=4, settled=16)
    assert (
        chosen(Queues(0, 3, (), tuple(replace(e, entry=e.entry + 3) for e in leaving)), room=wide).exit_end
        == 3 + MOST_EXITS
    )
    assert chosen(Queues(0, 0, (), leaving), room=wide, urgent=LATER).exit_end == MOST_EXITS


def test_all_that_a_batch_may_pay_and_book_fits_into_one_transaction() -> None:
    effects = 4_000 * MOST_DEPOSITS + 38_000 * MOST_EXITS + 26_000 * MOST_WITHDRAWALS
    others = 96 * 16 * (MOST_DEPOSITS + MOST_EXITS + MOST_WITHDRAWALS) + 21_000 + 4_500_000
    assert effects + others < 2**24


def test_where_the_vault_would_walk_too_many_deposits_of_one_who_leaves_one_queue_is_taken_alone() -> None:
    own = tuple(deposit(number, 5, came=9) for number in range(1, MOST_WALKED + 2))
    queues = Queues(0, 0, (deposit(0, 1, came=1), *own), (exit_(0, 5, came=2),))
    first = chosen(queues, last_block=5)
    assert (first.deposit_end, first.exit_end) == (1, 0), "the older deposit, and no exit beside it"
    urgent = chosen(queues, last_block=5, urgent=LATER)
    assert (urgent.deposit_end, urgent.exit_end) == (0, 1), "the exit that has no more time, and no deposit beside it"
    fewer = Queues(0, 0, queues.deposits[:-1], queues.exits)
    both = chosen(fewer, last_block=5)
    assert (both.deposit_end, both.exit_end) == (1, 1)


def test_walks_of_several_who_leave_add_up() -> None:
    half = MOST_WALKED // 2 + 1
    own = tuple(deposit(number, 5 + number % 2, came=9) for number in range(1, 2 * half + 1))
    exits = (exit_(0, 5, came=2), exit_(1, 6, came=3))
    found = chosen(Queues(0, 0, (deposit(0, 1, came=1), *own), exits), last_block=5)
    assert (found.deposit_end, found.exit_end) == (1, 1)


@pytest.mark.parametrize("seed", range(200))
def test_whatever_is_queued_a_selection_is_what_vault_and_core_take(seed: int) -> None:
    draw = random.Random(seed)
    accounts = range(1, 8)
    deposits = tuple(
        Deposit(n, a := draw.choice(accounts), a, draw.randint(1, 9), (draw.randint(0, 30), n), draw.random() < 0.2)
        for n in range(draw.randint(0, 12))
    )
    leaving = draw.sample(list(accounts), draw.randint(0, 5))
    exits = tuple(Exit(n, a, 5, (draw.randint(0, 30), n), draw.randint(0, 100)) for n, a in enumerate(leaving))
    unknown, held = set(draw.sample(list(accounts), 2)), {a: frozenset({a % 3}) for a in accounts}
    ordering = frozenset(draw.sample(list(accounts), draw.randint(0, 3)))
    room = Room(draw.randint(1 + len(ordering), 8), 2, 2)
    found = chosen(
        Queues(0, 0, deposits, exits),
        ordering=ordering,
        room=room,
        registered=lambda owner: owner not in unknown,
        settled=lambda account: held.get(account, frozenset()),
        last_block=20,
        urgent=draw.randint(0, 100),
    )
    taken = [each for each in deposits[: found.deposit_end] if not each.returned]
    assert found.deposits == {a: sum(e.amount for e in taken if e.account == a) for a in {e.account for e in taken}}
    assert found.exits == {each.account: each.amount for each in exits[: found.exit_end]}
    assert not found.deposits.keys() & found.exits.keys()
    assert not found.exits.keys() & ordering
    assert not unknown & found.deposits.keys()
    assert len({0, *ordering, *found.accounts}) <= room.touches
    rows = frozenset[int]().union(*(held[a] for a in found.accounts | ordering))
    assert len(rows) <= max(room.settled, len(frozenset[int]().union(*(held[a] for a in ordering))))
    came = [e.came for e in deposits[: found.deposit_end]] + [e.came for e in exits[: found.exit_end]]
    assert all(block <= 20 for block, _ in came)


OPENED = Opened(
    now=1_000, opened=900, open_time=3_600, orders=1, touches=2, requested=False, queued=False, next_deadline=None
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"now": 1_199}, None),
        ({"now": 1_200}, "time"),
        ({"now": 1_200, "orders": 0}, None),
        ({"now": 1_200, "orders": 0, "queued": True}, "time"),
        ({"orders": 100}, "size"),
        ({"touches": 112}, "size"),
        ({"touches": 111}, None),
        ({"requested": True, "orders": 0}, "request"),
        ({"next_deadline": 4_600}, "exit deadline"),
        ({"next_deadline": 4_601}, None),
        ({"now": 4_440}, "end of opening"),
        ({"now": 4_440, "orders": 0}, None),
        ({"now": 1_200, "requested": True, "orders": 100, "expecting": True}, None),
        ({"now": 4_440, "expecting": True}, "end of opening"),
        ({"next_deadline": 4_600, "expecting": True}, "exit deadline"),
        ({"now": 4_500, "requested": True}, None),
    ],
)
def test_a_batch_closes_by_time_size_request_and_deadline_and_not_when_it_is_too_late(
    changes: dict[str, Any], reason: str | None
) -> None:
    assert close_reason(replace(OPENED, **changes), POLICY, ROOM) == reason


def test_a_batch_closes_before_its_opening_runs_out_however_long_it_may_take_orders() -> None:
    patient = replace(POLICY, interval=LATER)
    assert close_reason(replace(OPENED, now=4_439), patient, ROOM) is None
    assert close_reason(replace(OPENED, now=4_440), patient, ROOM) == "end of opening"


def test_a_deposit_of_nobody_known_keeps_others_waiting_no_longer_than_a_batch_is_open() -> None:
    assert grace(POLICY, others_wait=False) == POLICY.unknown_deposit_grace
    assert grace(POLICY, others_wait=True) == POLICY.interval
    hasty = replace(POLICY, unknown_deposit_grace=10)
    assert grace(hasty, others_wait=True) == 10


VACANT = Vacant(
    now=1_000,
    frozen=False,
    retirement=None,
    epoch_time=900,
    epoch_age=300,
    open_time=100,
    settle_time=200,
    free_bond=10,
    base_bond=10,
    paused=False,
    waiting=False,
)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"paused": True}, "paused"),
        ({"frozen": True}, "the vault is frozen"),
        ({"retirement": 1_300}, "the vault retires"),
        ({"retirement": 1_301}, None),
        ({"epoch_time": None}, "no risk table is in force"),
        ({"epoch_time": 699}, "the risk table is too old"),
        ({"epoch_time": 700}, None),
        ({"free_bond": 9}, "the free bond does not cover an opening"),
    ],
)
def test_a_batch_is_opened_when_it_can_be_sealed_and_settled(changes: dict[str, object], why: str | None) -> None:
    assert not_opened_because(replace(VACANT, **changes), POLICY) == why  # type: ignore[arg-type]


def test_an_operator_that_is_not_eager_opens_for_somebody_only() -> None:
    waits = replace(POLICY, eager=False)
    assert not_opened_because(VACANT, waits) == "nothing waits for a batch"
    assert not_opened_because(replace(VACANT, waiting=True), waits) is None


def test_what_is_sealed_already_waits_for_no_other_batch() -> None:
    queues = Queues(3, 7, (deposit(3, 1), deposit(4, 2, returned=True)), (exit_(7, 9, 1),))
    assert queues.waiting(3, 8)
    assert queues.waiting(4, 7)
    assert not queues.waiting(4, 8), "a returned deposit waits for nothing"
    assert not Queues(3, 7).waiting(3, 7)


def test_a_batch_that_is_being_proven_makes_nobody_wait_for_the_next() -> None:
    records: list[Record] = [
        AccountAssigned(PLACE, 1, 11),
        DepositQueued(PLACE, 0, 1, SOMEBODY, 10),
        ExitRequested(PLACE, 0, 1, SOMEBODY, 5, LATER),
    ]
    assert anything_waits(History.of(records))
    records.append(BatchSealed(PLACE, 1, 7, Seal(bytes(32), 1, 2, 0, 1, 1, 0, 1, 0), bytes(32)))
    assert not anything_waits(History.of(records))
    assert anything_waits(History.of([*records, DepositQueued(PLACE, 1, 1, SOMEBODY, 10)]))
    assert anything_waits(History.of([*records, ExitRequested(PLACE, 1, 1, SOMEBODY, 5, LATER)]))
    assert anything_waits(History.of([*records, BatchVoided(PLACE, 1)])), "what was in a batch that is void waits again"


@pytest.mark.parametrize(
    ("fields", "void", "alive"),
    [
        ({}, True, True),
        ({"last_batch": 6}, True, True),
        ({"last_batch": 5}, True, False),
        ({"survives_void": False, "first_batch": 5}, True, False),
        ({"survives_void": False, "first_batch": 6}, True, True),
        ({"survives_void": False, "first_batch": 1}, False, True),
        ({"last_batch": 5}, False, False),
    ],
)
def test_an_order_of_a_lost_batch_goes_on_exactly_if_a_later_batch_could_execute_it(
    fields: dict[str, int], void: bool, alive: bool
) -> None:
    order = Order(account=1, **fields)  # type: ignore[arg-type]
    assert may_go_on(order, 6, void=void, batch=5) is alive


def test_the_room_of_a_batch_is_that_of_its_parameter_set() -> None:
    room = Room.of(Params.named("standard"))
    assert room == Room(touches=448, orders=4, settled=16)


def test_orders_leave_touches_for_those_who_want_to_leave() -> None:
    full = frozenset(range(100, 100 + ROOM.ordering))
    exits = tuple(exit_(number, number + 1, came=1) for number in range(ROOM.touches // 8))
    assert len(chosen(Queues(0, 0, (), exits), ordering=full).exits) == len(exits)
