"""What is a valid order: the forecast says what clearing says, reasons come in the protocol's order, and no answer repeats an order."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from prover.batch import Leaf, Position, Reason, SealedBatch, SettledRow, State
from prover.errors import BatchError
from prover.hashing import sponge
from prover.orders import NO_ADDRESS, Order, Touch
from prover.tree import Tree
from prover.wire import element
from relayer.intake import rules
from relayer.intake.book import Standing
from relayer.intake.refusal import Code, Issue
from relayer.intake.rules import Place, Room
from relayer.intake.view import View
from tests.relayer.intake.scene import (
    DOLLAR,
    DOMAIN,
    EPOCH_AGE,
    FEE_RATE,
    ROWS,
    SETTLED_INSTRUMENT,
    SETTLED_VALUE,
    TERMS,
    UNIT,
    UNKNOWN_INSTRUMENT,
    table,
    trader,
    view_of,
)

ACCOUNT = 1
SOMEBODY = "0x" + "ab" * 20
PLACES = 4
CODES = {
    Reason.NO_ACCOUNT: Code.UNKNOWN_ACCOUNT,
    Reason.WINDOW: Code.EXPIRED,
    Reason.NONCE: Code.NONCE_USED,
    Reason.UNKNOWN_INSTRUMENT: Code.UNKNOWN_INSTRUMENT,
    Reason.SETTLED_INSTRUMENT: Code.UNKNOWN_INSTRUMENT,
    Reason.FEE_RATE: Code.INVALID_ORDER,
    Reason.TOO_MANY_POSITIONS: Code.INVALID_ORDER,
    Reason.OUT_OF_RANGE: Code.INVALID_ORDER,
    Reason.NOT_COVERED: Code.INSUFFICIENT_MARGIN,
    Reason.MARGIN: Code.INSUFFICIENT_MARGIN,
}
"""What the batch's reasons are called at intake."""
ROOM = Room(10, 10, 10)


def state_with(leaf: Leaf) -> State:
    """A settled state in which the account is as given."""
    places = [(0, 0)] * (PLACES - len(leaf.positions)) + [tuple(each) for each in leaf.positions]
    packed = sum(number + 2**27 * (quantity + 2**35) << 63 * i for i, (number, quantity) in enumerate(places))
    numbers = leaf.cash + 2**91 + (leaf.epoch << 92) + (leaf.bitmap << 124)
    fund = State.genesis("dev", trader(0).holder, DOMAIN)
    first = fund.leaf(0)
    assert first is not None
    empty = sum(2**62 << 63 * i for i in range(PLACES))
    hashes = {
        0: sponge(1, [first.owner, 2**91, first.updates, first.salt, empty]),
        ACCOUNT: sponge(1, [leaf.owner, numbers, leaf.updates, leaf.salt, packed]),
    }
    document = {
        "format": "tacit.state.1",
        "params": "dev",
        "root": element(Tree.empty("dev").updated(hashes).root),
        "leaves": [{"index": at, "leaf": json.loads(each.to_json())} for at, each in ((0, first), (ACCOUNT, leaf))],
    }
    return State.from_json(json.dumps(document))


def a_leaf(rng: random.Random) -> Leaf:
    """An account that is rich, poor or in debt, with positions in open and settled instruments."""
    known = [row.instrument for row in ROWS] + [SETTLED_INSTRUMENT]
    held = sorted(rng.sample(known, rng.randint(0, PLACES)))
    positions = tuple(Position(i, rng.choice((-1, 1)) * rng.choice((1, 10**4, 10**6, 2**30))) for i in held)
    cash = rng.choice((0, 10**8 * DOLLAR, 10**11 * DOLLAR, 10**13 * DOLLAR, -(10**8) * DOLLAR, rng.randrange(2**80)))
    return Leaf(trader(ACCOUNT).holder.owner, cash, rng.choice((0, 3)), rng.choice((0, 1, 6)), 1, 7, positions)


def an_order(rng: random.Random) -> Order:
    """An order that may be wrong in any way that the state decides."""
    kind = rng.choice(("trade", "trade", "trade", "withdraw", "cancel"))
    window: dict[str, Any] = {"first_batch": rng.choice((1, 2, 2, 3)), "last_batch": rng.choice((2, 9, 9))}
    common: dict[str, Any] = {
        "account": ACCOUNT,
        "kind": kind,
        "epoch": rng.choice((0, 3, 3, 3)),
        "slot": rng.randrange(4),
        "survives_void": rng.random() < 0.8,
        "quantity": rng.choice((1, 10**4, 10**6, 2**32 - 1)),
        "limit": rng.choice((0, 1, 900 * UNIT, 1_100 * UNIT, 2**42 - 1)),
    }
    if kind == "withdraw":
        return Order(**common, **window, recipient=SOMEBODY)
    if kind == "cancel":
        return Order(**common, **window)
    known = [row.instrument for row in ROWS]
    instrument = rng.choice((*known, *known, SETTLED_INSTRUMENT, UNKNOWN_INSTRUMENT))
    rate = rng.choice((FEE_RATE, FEE_RATE, FEE_RATE + 1, FEE_RATE - 1))
    return Order(**common, **window, instrument=instrument, buy=rng.random() < 0.5, max_fee_rate=rate)


def reasons(view: View, orders: Sequence[Order], deposit: int) -> list[Reason]:
    """What clearing says of the account's orders, nobody else trading."""
    assert view.state is not None
    own = trader(ACCOUNT)
    sealed = tuple(order.sealed(own.seed, DOMAIN, at) for at, order in enumerate(orders, start=1))
    touches = (Touch(0, trader(0).holder), Touch(ACCOUNT, own.holder, deposit=deposit, orders=sealed))
    settled = tuple(SettledRow(number, value) for number, value in view.settled.items())
    batch = SealedBatch("dev", replace(view.context, time=1), ROWS, touches, settled)
    return [each.reason for each in view.state.clear(batch).touches[1].orders]


@pytest.mark.parametrize("seed", range(4))
def test_the_forecast_says_of_an_order_what_clearing_says_of_it(seed: int) -> None:
    rng = random.Random(f"forecast {seed}")
    met: set[Reason] = set()
    for _ in range(150):
        deposit = rng.choice((0, 0, 10**9 * DOLLAR))
        view = view_of(1, state=state_with(a_leaf(rng)), last_void=rng.choice((0, 1)), deposits={ACCOUNT: deposit})
        before = [order for order in [an_order(rng)] if rng.random() < 0.5 and not issues(view, order)]
        order = an_order(rng)
        if order.kind == "withdraw":
            before = [each for each in before if each.kind != "withdraw"]
        found = issues(view, order, Standing(batch=tuple(before)))
        told = reasons(view, [*before, order], deposit)
        met |= set(told)
        # An order of a later epoch ends those before it: that is what its owner wants.
        harmed = any(told[:-1]) and told[0] is not Reason.NONCE
        assert bool(found) == (harmed or told[-1] is not Reason.NONE), (found, told)
        if told[-1]:
            assert found[0].code == CODES[told[-1]], (found, told)
    assert len(met) >= 8


def issues(view: View, order: Order, standing: Standing | None = None) -> list[Issue]:
    """Everything that stands against an order by the state."""
    return list(rules.state_issues(view, order, standing or Standing()))


def good(**changes: Any) -> Order:  # noqa: ANN401 - fields of an order
    """An order of the account."""
    return trader(ACCOUNT).order(**changes)


# ---- whatever the state


def test_kinds_that_do_not_go_together_are_those_that_the_core_refuses() -> None:
    rng = random.Random("kinds")
    for _ in range(500):
        order = replace(
            good(),
            kind=rng.choice(("trade", "withdraw", "cancel")),
            instrument=rng.choice((0, 1)),
            quantity=rng.choice((0, 1)),
            buy=rng.random() < 0.5,
            recipient=rng.choice((NO_ADDRESS, SOMEBODY)),
        )
        found = rules.kind_issue(order)
        try:
            order.hash(DOMAIN)
        except BatchError:
            assert found is not None
            assert found.code is Code.INVALID_ORDER
        else:
            assert found is None


def test_an_account_is_its_owners() -> None:
    view = view_of(3)
    own, other = trader(1), trader(2)
    assert rules.account_issue(view, own.holder.owner, own.order()) is None
    for owner, order in ((other.holder.owner, own.order()), (own.holder.owner, other.order()), (7, own.order())):
        found = rules.account_issue(view, owner, order)
        assert found is not None
        assert found.code is Code.UNKNOWN_ACCOUNT


def test_paused_and_stale_services_say_so() -> None:
    view, now = view_of(2), table().time
    assert rules.service_issue(view, now) is None
    late = replace(view, open=None, table=table(time=now - EPOCH_AGE - 1))
    for changed, code in (
        (replace(view, paused=True), Code.PAUSED),
        (late, Code.STALE_RISK),
        (replace(view, table=None), Code.STALE_RISK),
    ):
        found = rules.service_issue(changed, now)
        assert found is not None
        assert found.code is code
    assert rules.service_issue(replace(late, open=2), now) is None, "an open batch keeps its epoch"


# ---- nonces


def test_of_two_orders_with_one_nonce_the_first_acknowledged_has_it() -> None:
    view, first = view_of(2), good(slot=5)
    for standing in (Standing(batch=(first,)), Standing(sealed=(first,)), Standing(waiting=(first,))):
        assert [each.code for each in issues(view, good(slot=5), standing)] == [Code.NONCE_USED]
        assert issues(view, good(slot=6), standing) == []
        assert issues(view, good(slot=5, epoch=1), standing) == []


def test_an_order_of_an_epoch_that_the_account_has_left_is_refused() -> None:
    view = view_of(2)
    raised = good(epoch=2, kind="cancel", instrument=0)
    assert [each.code for each in issues(view, good(epoch=1), Standing(batch=(raised,)))] == [Code.NONCE_USED]
    assert issues(view, good(epoch=2, slot=raised.slot), Standing(batch=(raised,))) == []


def test_two_orders_each_fine_and_together_not_are_refused_at_the_second() -> None:
    view = view_of(2)
    half = {"quantity": 3_000_000, "buy": False, "limit": 1_000 * UNIT}
    first, second = good(**half, slot=1), good(**half, slot=2)
    assert issues(view, first) == issues(view, second) == []
    found = issues(view, second, Standing(batch=(first,)))
    assert [each.code for each in found] == [Code.INSUFFICIENT_MARGIN]
    assert set(found[0].private) == {"scenario", "shortfall"}
    assert int(str(found[0].private["shortfall"])) > 0
    assert not found[0].values, "scenario and shortfall are the owner's alone to know"


# ---- places


def placed(
    order: Order,
    standing: Standing | None = None,
    room: Room = ROOM,
    **changes: Any,  # noqa: ANN401 - fields of a view
) -> Place | Code:
    """Where an order goes."""
    where = rules.place(view_of(2, **changes), order, standing or Standing(), room)
    return where.code if isinstance(where, Issue) else where


def test_a_touch_takes_so_many_orders_one_withdrawal_and_none_beside_an_exit() -> None:
    two = Standing(batch=(good(slot=1), good(slot=2)))
    withdrawal = good(kind="withdraw", instrument=0, recipient=SOMEBODY)
    assert placed(good()) is Place.RECEIPT
    assert placed(good(), two) is Place.WAIT
    assert placed(good(last_batch=2), two) is Code.BATCH_FULL
    assert placed(replace(withdrawal, slot=1), Standing(batch=(withdrawal,))) is Place.WAIT
    assert placed(good(), exiting=frozenset({ACCOUNT})) is Place.WAIT
    assert placed(good(), open=None) is Place.WAIT


def test_a_full_batch_makes_orders_wait_and_a_full_queue_refuses_them() -> None:
    assert placed(good(), room=Room(0, 5, 5)) is Place.WAIT
    assert placed(good(), room=Room(5, 0, 5)) is Place.WAIT
    assert placed(good(slot=2), Standing(batch=(good(),)), room=Room(5, 0, 5)) is Place.RECEIPT
    assert placed(good(), room=Room(0, 5, 0)) is Code.BATCH_FULL
    many = Standing(waiting=tuple(good(slot=at) for at in range(rules.WAITING_AN_ACCOUNT)))
    assert placed(good(), many, room=Room(0, 5, 5)) is Code.BATCH_FULL


def test_the_last_places_to_wait_are_kept_for_accounts_of_which_few_orders_wait() -> None:
    one, two = (Standing(waiting=tuple(good(slot=at) for at in range(count))) for count in (1, 2))
    assert TERMS.sizes.orders == 2
    assert placed(good(slot=5), two, room=Room(0, 5, 6, kept=5)) is Place.WAIT
    assert placed(good(slot=5), two, room=Room(0, 5, 5, kept=5)) is Code.BATCH_FULL
    assert placed(good(slot=5), one, room=Room(0, 5, 5, kept=5)) is Place.WAIT
    assert placed(good(), room=Room(0, 5, 1, kept=5)) is Place.WAIT
    assert placed(good(), room=Room(0, 5, 0, kept=5)) is Code.BATCH_FULL


def test_a_batch_takes_no_more_withdrawals_than_it_can_settle() -> None:
    withdrawal = good(kind="withdraw", instrument=0, recipient=SOMEBODY)
    full = Room(5, 5, 5, paying=False)
    assert placed(withdrawal, room=full) is Place.WAIT
    assert placed(replace(withdrawal, last_batch=2), room=full) is Code.BATCH_FULL
    assert placed(good(), room=full) is Place.RECEIPT, "who withdraws nothing has a place"
    assert placed(withdrawal, room=replace(full, paying=True)) is Place.RECEIPT


# ---- nothing of an order in an answer


def unique_orders() -> Iterator[Order]:
    """Orders of unique numbers that are refused for every reason there is."""
    numbers = {"quantity": 1_234_567_891, "limit": 987_654_321_123, "salt": 314_159_265_358_979_323}
    yield good(**numbers, buy=False)
    yield good(**numbers)
    yield good(**numbers, first_batch=7)
    yield good(**numbers, epoch=0, slot=1)
    yield good(**numbers, instrument=123_456_78)
    yield good(**numbers, instrument=SETTLED_INSTRUMENT)
    yield good(**numbers, max_fee_rate=1)
    yield good(**numbers | {"quantity": 0})
    yield good(**numbers, kind="withdraw", instrument=0, recipient="0x" + "7e" * 20)


def test_no_answer_repeats_what_an_order_says() -> None:
    view = view_of(2)
    codes = set()
    for order in unique_orders():
        wire = order.to_wire()
        secrets = [
            wire["quantity"],
            wire["limit"],
            wire["salt"],
            str(order.salt),
            str(order.instrument),
            wire["recipient"],
        ]
        secrets = [text for text in secrets if len(text) > 6]
        taken = Standing(batch=(good(slot=1),))
        malformed = rules.kind_issue(order)
        for found in [malformed] if malformed else issues(view, order, taken):
            codes.add(found.code)
            text = f"{found.detail} {dict(found.values)} {found!r}"
            assert not [secret for secret in secrets if secret in text]
    assert codes >= {
        Code.INSUFFICIENT_MARGIN,
        Code.EXPIRED,
        Code.NONCE_USED,
        Code.UNKNOWN_INSTRUMENT,
        Code.INVALID_ORDER,
    }


def test_a_settled_position_counts_at_its_value() -> None:
    leaf = Leaf(trader(ACCOUNT).holder.owner, 0, 0, 0, 1, 7, (Position(SETTLED_INSTRUMENT, 10**4),))
    view = view_of(1, state=state_with(leaf))
    worth = 10**4 * SETTLED_VALUE // 10**4
    asked = {"kind": "withdraw", "instrument": 0, "recipient": SOMEBODY, "quantity": 1}
    assert issues(view, good(**asked, limit=worth)) == []
    assert [each.code for each in issues(view, good(**asked, limit=worth + 1))] == [Code.INSUFFICIENT_MARGIN]
