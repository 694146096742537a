"""The public view: what everybody may see, kept up to date, in a real Chromium."""

from playwright.sync_api import Page, expect

from tests.web.market import Market
from tests.web.standin import StandIn


def test_batches_stand_in_their_states_with_gas_and_cost(page: Page) -> None:
    row = page.get_by_role("row").filter(has_text="#2")
    expect(row).to_contain_text("final")
    expect(row).to_contain_text("1,582,318")
    expect(row).to_contain_text("0.002304")
    expect(page.get_by_role("row").filter(has_text="#3")).to_contain_text("void")


def test_a_proof_moves_on_the_page_without_being_asked(page: Page, address: str) -> None:
    row = page.get_by_role("row").filter(has_text="#4")
    expect(row.get_by_role("progressbar")).to_have_accessible_name("3 of 6 proofs")
    expect(page.locator("#link-text")).to_have_text("live")
    page.request.post(f"{address}/tests-advance")
    expect(row.get_by_role("progressbar")).to_have_accessible_name("4 of 6 proofs")


def test_clearing_prices_are_read_from_the_public_words(page: Page, stand_in: StandIn) -> None:
    page.get_by_role("button", name="#2").click()
    region = page.get_by_role("region", name="Batch 2")
    auctions = [each for each in stand_in.market.published[1].cleared.auctions if each["volume"]]
    assert len(auctions) == 3
    for each in auctions:
        line = region.get_by_role("row").filter(has_text=stand_in.name(int(each["instrument"])))
        units = int(each["price"])
        expect(line).to_contain_text(f"{units // 10**6:,}.{units % 10**6:06d}".rstrip("0"))


def test_root_and_fingerprints_are_shown_in_full(page: Page, stand_in: StandIn) -> None:
    page.get_by_role("link", name="Vault").click()
    expect(page.get_by_text(f"{stand_in.market.state.root:#066x}")).to_be_visible()
    expect(page.get_by_text("Circuit: escape")).to_be_visible()


def test_instruments_are_named_as_deribit_does_and_can_be_looked_for(page: Page, market: Market) -> None:
    page.get_by_role("link", name="Instruments").click()
    names = [str(name) for name in market.table.rows["name"]]
    expect(page.get_by_role("rowheader")).to_have_text(names)
    page.get_by_label("Name contains").fill("26jun26")
    expect(page.get_by_role("rowheader")).to_have_text([name for name in names if "26JUN26" in name])


def test_the_page_asks_by_itself_where_no_socket_stands(page: Page, stand_in: StandIn, address: str) -> None:
    stand_in.sockets_allowed = False
    page.clock.install()
    page.reload()
    expect(page.locator("#link-text")).to_have_text("asking every 5 s")
    expect(page.get_by_role("progressbar")).to_have_accessible_name("3 of 6 proofs")
    page.request.post(f"{address}/tests-advance")
    page.clock.fast_forward(6_000)
    expect(page.get_by_role("progressbar")).to_have_accessible_name("4 of 6 proofs")


def test_what_is_missing_of_the_service_is_said(page: Page, stand_in: StandIn) -> None:
    stand_in.reasons = ["rpc_behind"]
    page.reload()
    expect(page.get_by_text("it does not hear from the chain, or is behind it")).to_be_visible()


def test_a_batch_that_is_looked_at_is_renewed_as_it_moves(page: Page, address: str) -> None:
    page.get_by_role("button", name="#4").click()
    region = page.get_by_role("region", name="Batch 4")
    expect(region).to_contain_text("is being proven")
    for _ in range(3):
        page.request.post(f"{address}/tests-advance")
    expect(region).to_contain_text("is proven")
    expect(page.get_by_role("button", name="#4")).to_be_focused()
