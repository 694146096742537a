"""What both clients do with their own orders where a relayer lies, is silent, or is late: nonces, cancels, receipts, sending again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from prover.wire import element
from relayer.client import Distrusted, NoNonce, Patience, Seed, Unreachable
from relayer.client.steps import Steps
from tests.relayer.client.both import FLAVOURS, client
from tests.relayer.client.scripted import DOMAIN, URL, Scripted

Make = Callable[..., Any]
SEED = Seed.random()
ONCE = Patience(seconds=0.0)


@pytest.fixture
def told() -> Scripted:
    return Scripted()


@pytest.fixture(params=FLAVOURS)
def make(request: pytest.FixtureRequest, told: Scripted, tmp_path: Path) -> Iterator[Make]:
    """Makes clients of one seed and one book; each is as after a restart."""
    made: list[Any] = []

    def one() -> Any:  # noqa: ANN401 - either client
        settings = {"book": tmp_path / "book", "patience": ONCE, "transport": told.transport}
        made.append(client(request.param, URL, SEED, **settings))
        return made[-1]

    yield one
    for each in made:
        each.close()


def acknowledge(told: Scripted, order: Any, name: str = "first") -> None:  # noqa: ANN401 - the client's own
    """Has the relayer take an order, for a later batch."""
    told.answers.append((202, {"id": name, "hash": element(order.hash(DOMAIN)), "state": "waiting"}))


def sent(make: Make, told: Scripted, **window: int) -> Any:  # noqa: ANN401 - the client's own
    """An order that the relayer has."""
    own = make()
    order = own.trade(3, "buy", 1, 90, **window)
    acknowledge(told, order)
    own.send(order)
    return order


def chain_says(own: Any, epoch: int) -> None:  # noqa: ANN401 - either client
    """Has the account's nonce epoch read from a chain."""

    def settled(_rules: object) -> Steps[int]:
        yield from ()
        return epoch

    own.rules.settled_epoch = settled.__get__(own.rules)


# ---- nonces


def test_no_order_is_signed_that_would_end_a_living_one_by_an_epoch_that_the_relayer_names(
    make: Make, told: Scripted
) -> None:
    sent(make, told)
    told.epoch = 1
    own = make()
    with pytest.raises(Distrusted, match=r"would end own orders of epoch 0.*relayer order cancel --all"):
        own.trade(3, "buy", 1, 90)


def test_an_order_that_is_only_made_yet_is_not_ended_either(make: Make, told: Scripted) -> None:
    own = make()
    own.trade(3, "buy", 1, 90)
    told.epoch = 1
    with pytest.raises(Distrusted, match="would end own orders of epoch 0"):
        own.trade(3, "buy", 1, 90)


def test_an_epoch_on_the_relayers_list_of_orders_is_no_better(make: Make, told: Scripted) -> None:
    order = sent(make, told)
    told.show(make().cancel_order(), "elsewhere")
    assert order.epoch == 0
    with pytest.raises(Distrusted, match="would end own orders of epoch 0"):
        make().trade(3, "buy", 1, 90)


def test_orders_go_on_in_the_epoch_that_the_own_cancel_raised(make: Make, told: Scripted) -> None:
    sent(make, told)
    own = make()
    cancel = own.cancel_order()
    acknowledge(told, cancel, "cancel")
    own.send(cancel)
    for told.epoch in (0, 1):  # before the cancel is in a batch, and after
        order = make().trade(3, "buy", 1, 90)
        assert (order.epoch, order.slot) == (1, 0)


def test_what_to_do_after_another_clients_cancel_is_done(make: Make, told: Scripted) -> None:
    sent(make, told)
    told.epoch = 1
    own = make()
    cancel = own.cancel_order()
    assert cancel.epoch == 2
    acknowledge(told, cancel, "cancel")
    own.send(cancel)
    assert own.trade(3, "buy", 1, 90).epoch == 2


def test_an_epoch_that_the_chain_knows_is_signed_for_though_older_orders_are_not_over(
    make: Make, told: Scripted
) -> None:
    sent(make, told)
    told.epoch = 1
    own = make()
    chain_says(own, 1)
    order = own.trade(3, "buy", 1, 90)
    assert (order.epoch, order.slot) == (1, 0)


def test_with_a_chain_no_epoch_is_the_relayers(make: Make, told: Scripted) -> None:
    told.epoch = 1
    own = make()
    chain_says(own, 0)
    with pytest.raises(Distrusted, match="none above 0"):
        own.trade(3, "buy", 1, 90)


def test_an_epoch_is_taken_again_once_no_own_order_can_be_ended(make: Make, told: Scripted) -> None:
    order = sent(make, told, batches=2)
    told.epoch, told.batch = 1, order.last_batch + 1
    assert make().trade(3, "buy", 1, 90).epoch == 1


def test_an_epoch_below_the_own_one_is_not_signed_for(make: Make, told: Scripted) -> None:
    told.epoch = 5
    order = sent(make, told)
    told.epoch, told.batch = 0, order.last_batch + 1
    assert make().trade(3, "buy", 1, 90).epoch == 5
    assert make().cancel_order().epoch == 6


def test_a_relayer_that_hides_an_order_does_not_get_its_nonce_signed_again(make: Make, told: Scripted) -> None:
    order = sent(make, told)
    again = make().trade(3, "buy", 1, 90)
    assert (order.epoch, order.slot) == (0, 0)
    assert (again.epoch, again.slot) == (0, 1)
    told.batch = order.last_batch + 1
    later = make().trade(3, "buy", 1, 90)
    assert (later.epoch, later.slot) == (0, 0)


def test_batches_that_a_relayer_makes_up_do_not_free_a_nonce_of_the_present_ones(make: Make, told: Scripted) -> None:
    own = make()
    first = own.trade(3, "buy", 1, 90)
    told.batch += 1_000
    own.trade(3, "buy", 1, 90)
    told.batch -= 1_000
    again = own.trade(3, "buy", 1, 90)
    assert (again.epoch, again.slot) != (first.epoch, first.slot)


def test_a_cancel_of_all_is_made_where_every_nonce_is_taken_and_takes_none(make: Make, told: Scripted) -> None:
    own = make()
    given = {own.trade(3, "buy", 1, 90).slot for _ in range(64)}
    assert given == set(range(64))
    with pytest.raises(NoNonce, match="cancel_order"):
        own.trade(3, "buy", 1, 90)
    cancel = own.cancel_order()
    assert (cancel.kind, cancel.epoch, cancel.first_batch) == ("cancel", 1, told.batch)
    with pytest.raises(Unreachable):
        own.send(cancel)
    for slot in range(3):
        assert own.trade(3, "buy", 1, 90).slot == slot
