"""What both clients do with their own orders where a relayer lies, is silent, or is late: nonces, cancels, receipts, sending again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from prover.wire import element
from relayer import trader_options
from relayer.cli import app
from relayer.client import (
    Busy,
    Client,
    ClientError,
    Distrusted,
    InsufficientMargin,
    NonceUsed,
    NoNonce,
    Patience,
    Seed,
    Standing,
    Unreachable,
    onchain,
)
from relayer.client.problems import Paused
from relayer.client.steps import Steps
from relayer.errors import ReceiptError
from relayer.receipts import SignedReceipt
from tests.relayer.client.both import FLAVOURS, client
from tests.relayer.client.scripted import DOMAIN, URL, Scripted, intake

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


def sent(make: Make, told: Scripted, name: str = "first", **window: int) -> Any:  # noqa: ANN401 - the client's own
    """An order that the relayer has."""
    own = make()
    order = own.trade(3, "buy", 1, 90, **window)
    acknowledge(told, order, name)
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


# ---- receipts that come later


def receipted(told: Scripted, order: Any, name: str = "first") -> SignedReceipt:  # noqa: ANN401 - the client's own
    """Has the relayer's list show a receipt for an order."""
    receipt = intake(order.first_batch).take(order.hash(DOMAIN), order.account)
    told.orders.clear()
    told.show(order, name, receipt=receipt)
    return receipt


def kept_receipts(own: Any) -> list[SignedReceipt]:  # noqa: ANN401 - either client
    return list(own.rules._book.receipts.values())


def test_a_receipt_that_a_list_of_orders_shows_is_checked_and_kept(make: Make, told: Scripted) -> None:
    receipt = receipted(told, sent(make, told))
    own = make()
    (shown,) = own.orders()
    assert shown.state == "receipted"
    assert kept_receipts(own) == [receipt]
    own = make()
    told.orders[0]["receipt"]["sequence"] = 2
    with pytest.raises(ReceiptError, match="signed by"):
        own.orders()
    assert kept_receipts(own) == [receipt]


def test_verifying_asks_for_the_receipts_that_came_later(
    make: Make, told: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsealed = SimpleNamespace(seals={}, expired=set())
    monkeypatch.setattr(onchain, "_history", lambda _: unsealed)
    order = sent(make, told)
    receipted(told, order)
    told.show(sent(make, told, "second"), "second")
    told.orders[0]["receipt"] = told.orders[1]["receipt"] | {"sequence": 5}  # binds nobody, and hides nothing
    own = make()
    own.rules.venue._vault = object()
    (verdict,) = own.verify_receipts()
    assert (verdict.id, verdict.standing) == ("first", Standing.UNSEALED)


def test_another_hash_or_id_under_an_own_order_is_not_believed(make: Make, told: Scripted) -> None:
    receipted(told, sent(make, told))
    right = dict(told.orders[0])
    told.orders[0]["hash"] = element(99)
    for ask in ("wait", "orders"):
        with pytest.raises(Distrusted, match="than it acknowledged under this id"):
            getattr(make(), ask)(*(("first", "receipted") if ask == "wait" else ()))
    told.orders[0] = right
    told.instead = right | {"id": "other"}
    with pytest.raises(Distrusted, match="than was asked for"):
        make().order("first")


# ---- orders that were not answered


def test_an_order_that_was_not_answered_is_named_and_kept(make: Make, told: Scripted) -> None:
    own = make()
    order = own.trade(3, "buy", 1, 90)
    digest = order.hash(DOMAIN)
    with pytest.raises(Unreachable, match=f"{element(digest)} is kept and may have arrived") as lost:
        own.send(order)
    assert lost.value.values["order"] == element(digest)
    again = make()
    assert again.unanswered() == [order]
    assert again.kept(digest) == order
    with pytest.raises(ClientError, match="holds no order"):
        again.kept(5)
    told.batch = order.last_batch + 1
    assert again.unanswered() == []
    told.batch = order.last_batch
    acknowledge(told, order)
    assert again.send(order).id == "first"
    assert make().unanswered() == []


def test_a_list_that_shows_an_order_answers_for_it(make: Make, told: Scripted) -> None:
    own = make()
    order = own.trade(3, "buy", 1, 90)
    with pytest.raises(Unreachable):
        own.send(order)
    told.show(order, "arrived", "waiting")
    own.orders()
    assert make().unanswered() == []


def refusal(code: str) -> tuple[int, dict[str, Any]]:
    return 422, {"code": code, "detail": "no"}


def test_a_refused_order_is_not_waited_for_and_one_that_was_lost_before_is(make: Make, told: Scripted) -> None:
    own = make()
    first, second, third = (own.trade(3, "buy", 1, 90) for _ in range(3))
    told.answers.append(refusal("INSUFFICIENT_MARGIN"))
    with pytest.raises(InsufficientMargin):
        own.send(first)
    with pytest.raises(Unreachable):
        own.send(second)
    told.answers += [refusal("PAUSED"), refusal("BUSY")]
    with pytest.raises(Paused):
        own.send(second)
    with pytest.raises(Busy):
        own.send(third)
    assert make().unanswered() == [second, third]
    # Of a refused one another version may have its nonce; of one that may have arrived none.
    own = make()
    acknowledge(told, other := replace(first, quantity=2))
    own.send(other)
    with pytest.raises(NonceUsed, match="same nonce"):
        own.send(replace(second, quantity=2))


NEW = ("order", "new", "--instrument", "3", "--side", "buy", "--quantity", "1", "--limit", "90", "--send")


def test_the_command_that_made_an_order_does_not_make_a_second_where_the_first_may_have_arrived(
    told: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = tmp_path / "seed"
    SEED.save(seed)
    monkeypatch.setattr(trader_options, "Client", partial(Client, transport=told.transport, patience=ONCE))

    def run(*arguments: str) -> Any:  # noqa: ANN401
        where = ("--relayer", URL, "--seed-file", str(seed), "--json")
        done = CliRunner().invoke(app, [*arguments, *where], catch_exceptions=False)
        return done.exit_code, json.loads(done.stdout)

    code, lost = run(*NEW)
    digest = lost["error"]["values"]["order"]
    assert (code, lost["error"]["code"]) == (1, "UNREACHABLE")
    assert f"relayer order send --kept {digest}" in lost["error"]["message"]
    code, refused = run(*NEW)
    assert (code, refused["error"]["values"]["hash"], told.posted) == (1, digest, 1)
    assert "--anew" in refused["error"]["message"]
    told.answers.append((202, {"id": "first", "hash": digest, "state": "waiting"}))
    assert run("order", "send", "--kept", digest)[1]["hash"] == digest
    assert run(*NEW)[1]["error"]["code"] == "UNREACHABLE"
    assert run(*NEW, "--anew")[1]["error"]["values"]["order"] != digest
    assert told.posted == 4
    # The cancel of all goes out whatever else is on its way.
    assert run("order", "cancel", "--all")[1]["error"]["code"] == "UNREACHABLE"
    assert told.posted == 5
    for wrong in ((), ("--kept", "hash"), ("--kept", digest, "--order", "file")):
        where = ("--relayer", URL, "--seed-file", str(seed))
        assert CliRunner().invoke(app, ["order", "send", *wrong, *where]).exit_code == 2
