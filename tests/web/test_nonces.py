"""Which nonce the page puts into an order, and how far it believes the relayer about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.site import Stage
from tests.web.standin import StandIn
from tests.web.test_trader import fill_in, open_keys, send

Json = dict[str, Any]
NEXT: Final = 5
TRADE: Final = {"kind": "trade"}
CANCEL_ALL: Final = {"kind": "cancel", "raises_epoch": True}
PLACED: Final = """async ([order, own, next]) => {
    const { placed } = await import("/web/app/nonces.js");
    if (own.reading) own.reading.leaf.bitmap = BigInt(own.reading.leaf.bitmap);
    own.signed = new Map(own.signed.map((sent, i) => [BigInt(i), { ...sent, hash: BigInt(i) }]));
    try {
        const { epoch, slot } = placed(order, own, next);
        return [epoch, slot];
    } catch (error) {
        return error.message;
    }
}"""


@pytest.fixture(scope="module")
def blank(browser: Browser, stage: tuple[Stage, str]) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(f"{stage[1]}/web/app/nonces.js")
    yield page
    page.close()


def sent(epoch: int, slot: int = 0, *, kind: str = "trade", last: int = 2**32 - 1, **more: bool) -> Json:
    """An order that was sent from the page."""
    order = {"kind": kind, "epoch": epoch, "slot": slot, "first_batch": 3, "last_batch": last}
    return {"order": order, "answered": True, "ended": False} | more


def told(epoch: int, slot: int, state: str = "receipted", **more: object) -> Json:
    """An order as the relayer lists it."""
    return {"state": state, "content": {"epoch": epoch, "slot": slot}, "hash": "0x99", "compared": False} | more


def own(
    epoch: int, *signed: Json, orders: tuple[Json, ...] = (), proven: int = 0, leaf: int | None = None, bitmap: int = 0
) -> Json:
    """What the page knows: the epoch that the relayer names, or with ``leaf`` one that was read from words."""
    reading = None if leaf is None else {"leaf": {"epoch": leaf, "bitmap": str(bitmap)}}
    account = {"account": 1, "nonce": {"epoch": epoch, "bitmap": "0"}}
    known = {"account": account, "reading": reading, "proven": proven}
    return known | {"signed": list(signed), "orders": list(orders)}


GIVEN: Final[dict[str, tuple[Json, list[int]]]] = {
    "the first": (own(0), [0, 0]),
    "beside what is used": (own(0, leaf=0, bitmap=7), [0, 3]),
    "a little above what is known": (own(64), [64, 0]),
    "as high as a node has confirmed": (own(0, leaf=900, proven=900), [900, 0]),
    "beside an order that is told": (own(0, orders=(told(0, 0),)), [0, 1]),
    "beside an order that was acknowledged and is not told": (own(0, sent(0, 0)), [0, 1]),
    "in the place of one that nobody acknowledged": (own(0, sent(0, 0, answered=False)), [0, 0]),
    "in the place of one whose window is over": (own(0, sent(0, 0, last=NEXT - 1)), [0, 0]),
    "beside one that the relayer calls over": (
        own(0, sent(0, 0), orders=(told(0, 0, "lapsed", hash="0x0", compared=True),)),
        [0, 1],
    ),
    "after the own cancel, whatever was used before": (own(0, sent(1, 0, kind="cancel"), leaf=0, bitmap=7), [1, 1]),
    "after an own cancel that is told": (own(0, orders=(told(1, 0),), leaf=0, bitmap=7), [1, 1]),
    "a later epoch once the own cancel has ended what lived": (own(1, sent(0, 5), sent(1, 0, kind="cancel")), [1, 1]),
    "a later epoch once the own order's window is over": (own(1, sent(0, 5, last=NEXT - 1)), [1, 0]),
    "a later epoch once the own order was refused": (own(1, sent(0, 5, ended=True)), [1, 0]),
    "a later epoch that a node has confirmed": (own(0, sent(0, 5), leaf=1, proven=1), [1, 0]),
}


@pytest.mark.parametrize("case", GIVEN)
def test_an_order_gets_a_nonce_that_nothing_has_taken(blank: Page, case: str) -> None:
    known, nonce = GIVEN[case]
    assert blank.evaluate(PLACED, [TRADE, known, NEXT]) == nonce


REFUSED: Final[dict[str, tuple[Json, str]]] = {
    "far above all that is known": (own(65), "names nonce epoch 65, and this page knows none above 0 otherwise"),
    "the highest": (own(2**32 - 1), "names nonce epoch 4294967295, and this page knows none above 0 otherwise"),
    "by words that no node has confirmed": (own(0, leaf=65), "names nonce epoch 65"),
    "by an order that it lists": (own(0, orders=(told(65, 0),)), "names nonce epoch 65"),
    "above an own order that lives": (own(1, sent(0)), "would end an order of epoch 0 that was sent from here"),
    "by a listed order, above one that lives": (own(0, sent(0), orders=(told(1, 0),)), "would end an order of epoch 0"),
    "above one that nobody acknowledged": (own(1, sent(0, answered=False)), "would end an order of epoch 0"),
    "above one that was sent after the own cancel": (
        own(2, sent(0), sent(1, kind="cancel"), sent(1, 1)),
        "would end an order of epoch 1",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_no_epoch_is_signed_on_the_relayers_word_alone(blank: Page, case: str) -> None:
    known, why = REFUSED[case]
    assert why in blank.evaluate(PLACED, [TRADE, known, NEXT])


def test_an_own_cancel_may_end_own_orders_and_is_bounded_as_well(blank: Page) -> None:
    assert blank.evaluate(PLACED, [CANCEL_ALL, own(0, sent(0)), NEXT]) == [1, 0]
    assert blank.evaluate(PLACED, [CANCEL_ALL, own(3, sent(0)), NEXT]) == [4, 0]
    assert "names nonce epoch 65" in blank.evaluate(PLACED, [CANCEL_ALL, own(65), NEXT])


def test_a_trade_after_cancelling_all_is_of_the_later_epoch(page: Page, stand_in: StandIn) -> None:
    open_keys(page)
    page.get_by_label("Cancel all older orders").check()
    send(page)
    expect(page.locator("#review")).to_contain_text("Receipt checked")
    page.get_by_role("radio", name="Trade").check()
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    send(page)
    expect(page.locator("#review")).to_contain_text("Receipt checked: number 2")
    assert [each["order"].epoch for each in stand_in.orders] == [1, 1]


def test_an_epoch_that_only_the_relayer_names_is_not_signed(page: Page, stand_in: StandIn) -> None:
    stand_in.told_epoch, stand_in.batches = 2**32 - 1, stand_in.batches[-1:]
    page.reload()
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    page.get_by_role("button", name="Review order").click()
    for button in ("Only check", "Sign and send"):
        page.get_by_role("button", name=button).click()
        expect(page.locator("#review")).to_contain_text("the relayer names nonce epoch 4294967295")
    assert not [each for each in stand_in.requests if each.startswith("POST /v1/orders")]
