"""What the page says of a receipt: no bond stands for a batch that the vault did not have open for the order."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.web.standin import StandIn
from tests.web.test_trader import fill_in, open_keys, send


def review(page: Page) -> None:
    """Fills in an order that is good until cancelled, and reviews it."""
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    page.get_by_label("Good for").select_option("0")
    page.get_by_role("button", name="Review order").click()


def refused(page: Page, why: str) -> None:
    """Sends what is reviewed; its receipt is called none, where it is told and in the list."""
    page.get_by_role("button", name="Sign and send").click()
    expect(page.locator("#review")).to_contain_text(f"The receipt does not hold: {why}")
    expect(page.locator("#review")).not_to_contain_text("bond stands")
    expect(page.get_by_role("row").filter(has_text="does not hold")).to_be_visible()


FAULTS = {
    4_000_000_000: "the vault has not opened batch 4000000000",
    6: "the vault has not opened batch 6",
    4: "its batch is outside of the order's window",
}


@pytest.mark.parametrize("batch", FAULTS)
def test_a_receipt_for_a_batch_that_is_not_open_is_called_none(page: Page, stand_in: StandIn, batch: int) -> None:
    stand_in.receipt_batch = batch
    open_keys(page)
    review(page)
    refused(page, FAULTS[batch])


def test_a_receipt_for_a_batch_that_was_over_when_the_order_was_sent_is_called_none(
    page: Page, stand_in: StandIn
) -> None:
    open_keys(page)
    review(page)
    stand_in.open_batch = 6
    refused(page, "it is for batch 5, and none before 6 was open when the order was sent")


def test_a_batch_that_only_the_relayer_calls_open_is_not_believed_beside_a_node(
    page: Page, stand_in: StandIn, address: str
) -> None:
    stand_in.open_batch = stand_in.receipt_batch = 6
    page.reload()
    open_keys(page)
    page.get_by_label("Your own node").fill(f"{address}/node")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Its words, and the risk table, are those")).to_be_visible()
    review(page)
    refused(page, "the vault has not opened batch 6")


def test_the_receipt_of_an_order_from_elsewhere_is_not_called_compared(page: Page) -> None:
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    send(page)
    row = page.get_by_role("row").filter(has_text="#5·1")
    expect(row).to_be_visible()
    expect(row).not_to_contain_text("not compared")
    page.reload()
    open_keys(page)
    expect(row).to_contain_text("#5·1 not compared")
    expect(page.get_by_role("button", name="Save the receipt 1 of batch 5")).to_be_visible()


def test_a_receipt_beside_another_order_than_was_signed_does_not_hold(
    page: Page, stand_in: StandIn, address: str
) -> None:
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    send(page)
    expect(page.get_by_role("row").filter(has_text="#5·1")).to_be_visible()
    stand_in.orders[0]["told"]["content"]["limit"] = "999000000"
    page.request.post(f"{address}/tests-advance")
    expect(page.get_by_role("row").filter(has_text="999.00")).to_contain_text("does not hold")
