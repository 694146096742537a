"""A trader's whole way in the browser, against an API that opens and judges what the page sends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from prover import Context, SealedBatch, Touch
from relayer.keystore import open_keystore, seal_seed
from relayer.receipts import SignedReceipt
from relayer.seed import Seed
from tests.web.market import TRADER_SEED, Market
from tests.web.standin import StandIn

WORDS = "correct horse battery staple"
STRANGER = bytes(range(101, 133))
RECIPIENT = "0x" + "c0ffee" * 6 + "c0ff"


def open_keys(page: Page, seed: bytes = TRADER_SEED) -> None:
    """Opens a seed in the trader's view."""
    page.get_by_role("link", name="Trade").click()
    page.get_by_label("or a seed").fill(seed.hex())
    page.get_by_role("button", name="Open", exact=True).click()


def fill_in(page: Page, side: str, name: str, contracts: str, limit: str) -> None:
    """Fills in a trade."""
    page.get_by_label(side, exact=True).check()
    option = page.locator("#order-instrument option").filter(has_text=name)
    page.get_by_label("Instrument", exact=True).select_option(option.get_attribute("value"))
    page.get_by_label("Contracts", exact=True).fill(contracts)
    page.get_by_label("Limit price").fill(limit)


def send(page: Page) -> None:
    """Reviews and sends what is filled in."""
    page.get_by_role("button", name="Review order").click()
    page.get_by_role("button", name="Sign and send").click()


def test_an_order_arrives_as_it_was_meant_and_its_receipt_is_checked(page: Page, stand_in: StandIn) -> None:
    open_keys(page)
    fill_in(page, "Sell", "BTC-26JUN26-95000-C", "1.25", "13,000.5")
    page.get_by_role("button", name="Review order").click()
    review = page.locator("#review")
    expect(review).to_contain_text("Sell 1.25 BTC-26JUN26-95000-C at 13,000.50 or better")
    expect(review).to_contain_text("premium at least 16,250.62, fee 48.75")
    page.get_by_role("button", name="Sign and send").click()
    expect(review).to_contain_text("Receipt checked: number 1 in batch #5")
    sent = stand_in.orders[0]["order"]
    name = stand_in.name(sent.instrument)
    assert (name, sent.buy, sent.quantity, sent.limit) == ("BTC-26JUN26-95000-C", False, 12_500, 13_000_500_000)
    assert (sent.first_batch, sent.last_batch, sent.survives_void, sent.max_fee_rate) == (5, 7, True, 30)
    row = page.get_by_role("row").filter(has_text="sell BTC-26JUN26-95000-C").filter(has_text="receipted")
    expect(row).to_contain_text("#5·1")


def test_each_order_takes_a_nonce_of_its_own(page: Page, stand_in: StandIn) -> None:
    open_keys(page)
    for limit in ("1000", "1001", "1002"):
        fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", limit)
        send(page)
        expect(page.locator("#review")).to_contain_text("Receipt checked")
    used = {(each["order"].epoch, each["order"].slot) for each in stand_in.orders}
    assert used == {(0, 3), (0, 4), (0, 5)}  # 0, 1 and 2 stand in the account as used


def test_a_receipt_that_binds_to_another_account_is_called_none(page: Page, stand_in: StandIn) -> None:
    stand_in.lie = "receipt"
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    send(page)
    expect(page.locator("#review")).to_contain_text("The receipt does not hold: the receipt is for another account")
    expect(page.get_by_role("row").filter(has_text="does not hold")).to_be_visible()


def test_nothing_is_encrypted_to_a_key_that_the_receipt_signer_does_not_vouch_for(
    page: Page, stand_in: StandIn
) -> None:
    open_keys(page)
    stand_in.lie = "key"
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    send(page)
    expect(page.locator("#review")).to_contain_text("the encryption key is not signed by the vault's receipt key")
    assert stand_in.orders == []
    assert not [each for each in stand_in.requests if each.startswith("POST /v1/orders")]


def test_a_receipt_can_be_saved_and_is_what_a_challenge_needs(page: Page, stand_in: StandIn, market: Market) -> None:
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    send(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the receipt 1 of batch 5").click()
    receipt = SignedReceipt.from_wire(json.loads(Path(saved.value.path()).read_text(encoding="utf-8")))
    order = stand_in.orders[0]["order"].hash(market.domain)
    receipt.check(market.signer.address, market.separator, domain=market.domain, order=order, account=1, batch=5)


def test_fills_are_saved_whole_as_csv(page: Page) -> None:
    open_keys(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save fills as CSV").click()
    lines = Path(saved.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "order,batch,quantity,price"
    assert [line.split(",")[0] for line in lines[1:]] == ["old-0", "old-1", "old-2"]


def test_a_waiting_order_is_cancelled_by_a_signature(page: Page, stand_in: StandIn) -> None:
    stand_in.open_batch = None
    page.reload()
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    send(page)
    expect(page.locator("#review")).to_contain_text("it waits for a batch and has no receipt yet")
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="cancelled").first).to_be_visible()
    assert stand_in.orders[0]["state"] == "cancelled"


def test_a_refusal_says_its_code_and_why(page: Page) -> None:
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "201", "1000")
    page.get_by_role("button", name="Review order").click()
    page.get_by_role("button", name="Only check").click()
    expect(page.locator("#review")).to_contain_text("INSUFFICIENT_MARGIN: initial margin is short")
    page.get_by_role("button", name="Sign and send").click()
    expect(page.locator("#review")).to_contain_text("INSUFFICIENT_MARGIN (short by 1,234.00 in +13.5 % up)")


def test_an_unanswered_order_is_sent_again_as_the_same_order(page: Page, stand_in: StandIn, address: str) -> None:
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route(f"{address}/v1/orders", lose_the_answer, times=1)
    send(page)
    expect(page.locator("#review")).to_contain_text("the relayer does not answer")
    page.get_by_role("button", name="Sign and send").click()
    expect(page.locator("#review")).to_contain_text("Receipt checked: number 1")
    assert len(stand_in.orders) == 1


def told(code: str, status: int) -> tuple[int, str]:
    """An answer of the relayer's that is a problem."""
    return status, json.dumps({"code": code, "title": code, "detail": "as it was told", "status": status})


NO_ANSWERS = {
    "a proxy's own page": (504, "<html>gateway timeout</html>"),
    "a proxy's refusal": (403, "<html>forbidden</html>"),
    "a failure after the commit": told("INTERNAL", 500),
    "a session that is over": told("UNAUTHENTICATED", 401),
    "too many at once": told("RATE_LIMITED", 429),
    "another key in force": told("UNKNOWN_KEY", 422),
}


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_an_order_whose_answer_judges_nothing_is_sent_again_as_the_same_order(
    page: Page, stand_in: StandIn, address: str, answer: str
) -> None:
    status, body = NO_ANSWERS[answer]
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")

    def store_and_answer(route: Route) -> None:
        route.fetch()
        route.fulfill(status=status, body=body)

    page.route(f"{address}/v1/orders", store_and_answer, times=1)
    send(page)
    expect(page.locator("#review")).to_contain_text("Whether it was taken is not known")
    page.request.post(f"{address}/tests-advance")
    expect(page.get_by_role("row").filter(has_text="receipted")).to_have_count(1)
    page.get_by_role("button", name="Sign and send").click()
    expect(page.locator("#review")).to_contain_text("Receipt checked: number 1")
    assert len(stand_in.orders) == 1


def test_an_order_that_is_refused_is_made_anew(page: Page, stand_in: StandIn, address: str) -> None:
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    status, body = told("NONCE_USED", 409)
    page.route(f"{address}/v1/orders", lambda route: route.fulfill(status=status, body=body), times=1)
    send(page)
    expect(page.locator("#review")).to_contain_text("NONCE_USED: as it was told")
    expect(page.locator("#review")).not_to_contain_text("not known")
    with page.expect_request(f"{address}/v1/orders") as again:
        page.get_by_role("button", name="Sign and send").click()
    expect(page.locator("#review")).to_contain_text("Receipt checked: number 1")
    assert again.value.headers["idempotency-key"]
    assert len(stand_in.orders) == 1


def test_a_withdrawal_pays_what_was_typed_to_whom_was_named(page: Page, stand_in: StandIn) -> None:
    open_keys(page)
    page.get_by_label("Withdraw", exact=True).check()
    for amount, units in (("1,234.5", 1_234_500_000), ("5000000", 5_000_000_000_000)):
        page.get_by_label("Amount").fill(amount)
        page.get_by_label("To the address").fill(RECIPIENT)
        send(page)
        expect(page.locator("#review")).to_contain_text("Receipt checked")
        order = stand_in.orders[-1]["order"]
        assert (order.kind, order.quantity * order.limit, order.recipient) == ("withdraw", units, RECIPIENT)


def test_cancelling_all_raises_the_nonce_epoch(page: Page, stand_in: StandIn) -> None:
    open_keys(page)
    page.get_by_label("Cancel all older orders").check()
    send(page)
    expect(page.locator("#review")).to_contain_text("Receipt checked")
    order = stand_in.orders[0]["order"]
    assert (order.kind, order.epoch, order.instrument) == ("cancel", 1, 0)


MISTAKES = (
    ("", "1000", "The number of contracts is a number with at most 4 decimals"),
    ("0.00001", "1000", "The number of contracts is a number with at most 4 decimals"),
    ("0", "1000", "At least one lot"),
    ("429497", "1000", "The number of contracts is too large for an order"),
    ("1", "-3", "The limit is a number with at most 6 decimals"),
    ("1", "1.2345678", "The limit is a number with at most 6 decimals"),
    ("1,5", "1000", "The number of contracts is a number .*; commas stand between groups of three digits"),
    ("0,500", "1000", "The number of contracts is a number .*; commas stand between groups of three digits"),
    ("1", "1,0000", "The limit is a number .*; commas stand between groups of three digits"),
    ("1", "12,34,567", "The limit is a number .*; commas stand between groups of three digits"),
    ("1", "1,234'567", "The limit is a number .*; commas stand between groups of three digits"),
)


def test_what_is_wrong_stands_at_its_field_and_nothing_is_signed(page: Page, stand_in: StandIn) -> None:
    open_keys(page)
    for contracts, limit, what in MISTAKES:
        fill_in(page, "Buy", "BTC-6DEC25-92000-C", contracts, limit)
        page.get_by_role("button", name="Review order").click()
        expect(page.locator("[aria-invalid=true]")).to_have_count(1)
        expect(page.locator("[aria-invalid=true]")).to_be_focused()
        expect(page.locator("[aria-invalid=true]")).to_have_accessible_description(re.compile(what))
        expect(page.get_by_role("button", name="Sign and send")).to_have_count(0)
    assert stand_in.orders == []


def test_the_account_is_decrypted_here_and_valued_as_the_core_values_it(page: Page, market: Market) -> None:
    open_keys(page)
    expect(page.get_by_text("Decrypted here from the public words of batch 2.")).to_be_visible()
    trader, context = market.trader, market.published[-1].cleared.batch.context
    following = Context(
        domain=context.domain, batch=3, last_void=0, time=context.time, fee_rate=30, num=context.num, den=context.den
    )
    touches = (Touch(0, market.fund.holder), Touch(trader.index, trader.holder))
    cleared = market.state.clear(SealedBatch("standard", following, market.rows, touches)).touches[1]
    page.get_by_text("Exact numbers").click()
    shown = page.locator("details[open] tbody tr")
    labels = [scenario.label.replace("-", "−") for scenario in market.table.scenarios] + ["the mark"]
    excess = [claim * 10**4 // context.den for claim in cleared.claims]
    assert len(excess) == 25
    expect(shown).to_have_text([label + exact(value) for label, value in zip(labels, excess, strict=True)])
    binds = labels[excess.index(min(excess))]
    expect(page.get_by_text(f"What binds is {binds}").first).to_be_visible()


def exact(value: int) -> str:
    """Cash as the page writes it in full."""
    whole, part = divmod(abs(value), 10**14)
    decimals = f"{part:014d}".rstrip("0").ljust(2, "0")
    return f"{'−' if value < 0 else ''}{whole:,}.{decimals}"


def test_an_account_that_the_relayer_tells_otherwise_is_shown_as_it_was_proven(page: Page, stand_in: StandIn) -> None:
    stand_in.told_updates = 1
    open_keys(page)
    expect(page.get_by_text("The relayer tells another account than batch 2 holds.")).to_be_visible()


def test_a_new_risk_table_renews_what_can_be_traded_and_keeps_what_was_chosen(
    page: Page, stand_in: StandIn, address: str
) -> None:
    open_keys(page)
    fill_in(page, "Buy", "BTC-7DEC25-92000-C", "0.5", "1000")
    stand_in.epoch, stand_in.delisted = 2, {1}
    page.request.post(f"{address}/tests-advance")
    expect(page.locator("#order-instrument option").filter(has_text="BTC-6DEC25-92000-C")).to_have_count(0)
    send(page)
    expect(page.locator("#review")).to_contain_text("Receipt checked")
    assert stand_in.name(stand_in.orders[0]["order"].instrument) == "BTC-7DEC25-92000-C"


def test_keys_closed_while_something_is_asked_are_closed(page: Page, address: str) -> None:
    open_keys(page)
    expect(page.get_by_role("heading", name="Account 1")).to_be_visible()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/fills?limit=50", hold)
    with page.expect_request("**/fills?limit=50"):
        page.request.post(f"{address}/tests-advance")
    page.get_by_role("button", name="Close keys").click()
    held[0].continue_()
    expect(page.get_by_role("heading", name="Open your keys")).to_be_visible()
    expect(page.get_by_role("heading", name="Account 1")).to_have_count(0)


def test_words_are_compared_with_a_node_of_the_traders_own(page: Page, address: str) -> None:
    open_keys(page)
    page.get_by_label("Your own node").fill(f"{address}/node")
    page.get_by_role("button", name="Compare").click()
    expect(
        page.get_by_text("Its words, and the risk table, are those that the vault's events on your node's chain name.")
    ).to_be_visible()


def test_words_that_are_not_the_chains_are_not_believed(page: Page, stand_in: StandIn, address: str) -> None:
    stand_in.lie = "words"
    open_keys(page)
    page.get_by_label("Your own node").fill(f"{address}/node")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("are not those on chain: do not believe what is shown")).to_be_visible()
    expect(page.get_by_text("Its words, and")).to_have_count(0)


def test_a_risk_table_that_is_not_its_roots_values_nothing(page: Page, stand_in: StandIn) -> None:
    stand_in.lie = "table"
    page.reload()
    open_keys(page)
    expect(
        page.get_by_text("The account cannot be valued: the risk table's rows are not those of its root.")
    ).to_be_visible()
    expect(page.get_by_text("Margin left")).to_have_count(0)


def test_a_risk_table_that_is_not_the_chains_is_not_believed(page: Page, stand_in: StandIn, address: str) -> None:
    stand_in.lie = "table and root"
    page.reload()
    open_keys(page)
    page.get_by_label("Your own node").fill(f"{address}/node")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("is not the one on chain: do not believe the margin that is shown")).to_be_visible()


def test_an_account_is_registered_and_its_viewing_key_arrives_encrypted(page: Page, stand_in: StandIn) -> None:
    open_keys(page, STRANGER)
    page.get_by_role("button", name="Register this account").click()
    expect(page.get_by_text("No batch has touched this account.")).to_be_visible()
    holder = Seed(STRANGER).holder(stand_in.market.domain)
    assert stand_in.holders[holder.owner] == holder


def test_a_keystore_of_the_command_line_opens_in_the_browser(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "keystore.json"
    file.write_text(seal_seed(TRADER_SEED, WORDS, 14), encoding="utf-8")
    page.get_by_role("link", name="Trade").click()
    page.get_by_label("Keystore or seed file").set_input_files(file)
    page.get_by_label("Passphrase of the keystore").fill("another passphrase")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_text("the keystore does not open")).to_be_visible()
    page.get_by_label("Passphrase of the keystore").fill(WORDS)
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("heading", name="Account 1")).to_be_focused()


def test_a_keystore_drawn_in_the_browser_opens_on_the_command_line(page: Page, market: Market) -> None:
    page.get_by_role("link", name="Trade").click()
    page.get_by_text("I have no keys yet").click()
    page.get_by_label("Passphrase", exact=True).fill(WORDS)
    page.get_by_label("Passphrase again").fill(WORDS)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Draw, save and open").click()
    text = Path(saved.value.path()).read_text(encoding="utf-8")
    secret = open_keystore(text, lambda: WORDS)
    owner = f"{Seed(secret.raw).holder(market.domain).owner:#066x}"
    expect(page.get_by_text(owner)).to_be_visible()


def test_a_relayer_that_names_a_foreign_domain_gets_no_signature(page: Page, address: str) -> None:
    def foreign(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"domain": "0x" + 63 * "0" + "1"})

    page.route(f"{address}/v1/state", foreign)
    page.reload()
    open_keys(page)
    expect(page.get_by_text("names a domain that is not its vault's")).to_be_visible()
