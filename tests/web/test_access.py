"""Usable by everybody: with the keyboard alone, on a phone, in the dark, without motion, by a screen reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.market import TRADER_SEED
from tests.web.standin import StandIn
from tests.web.test_trader import fill_in, open_keys, send
from tests.web.watch import Watch

VIEWS = ("venue", "instruments", "trade", "vault")
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1180, "height": 900}


CHECKS = (Path(__file__).parent / "access.js").read_text(encoding="utf-8").replace("export ", "")


def found(page: Page, check: str) -> Any:  # noqa: ANN401 - what the check gives
    """Runs a check of ``access.js`` in the page."""
    return page.evaluate(f"() => {{ {CHECKS}; return {check}(); }}")


def show(page: Page, address: str, view: str) -> None:
    """A view with as much on it as there can be."""
    page.goto(f"{address}/#{view}")
    expect(page.locator("#where")).to_contain_text("chain", use_inner_text=False)
    if view == "venue":
        page.get_by_role("button", name="#2").click()
        expect(page.get_by_role("region", name="Batch 2")).to_contain_text("BTC-")
    if view == "trade":
        page.get_by_text("I have no keys yet").click()
    if view == "vault":
        expect(page.get_by_role("heading", name="Encryption keys")).to_be_visible()
    if view == "instruments":
        expect(page.get_by_role("rowheader").first).to_be_visible()


def trade(page: Page, stand_in: StandIn) -> None:
    """An account with everything open: orders of every kind, a review, an error at a field, exact numbers."""
    open_keys(page)
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.1", "1000")
    send(page)
    stand_in.open_batch = None
    fill_in(page, "Sell", "BTC-6DEC25-92000-C", "0.1", "x")
    page.get_by_role("button", name="Review order").click()
    page.get_by_text("Exact numbers").click()
    expect(page.locator("[aria-invalid=true]")).to_be_visible()


@pytest.fixture(
    params=[("light", DESK), ("dark", DESK), ("light", PHONE), ("dark", PHONE)], ids=lambda p: f"{p[0]}-{p[1]['width']}"
)
def shown(request: pytest.FixtureRequest, browser: Browser, address: str) -> Any:  # noqa: ANN401 - a page
    scheme, size = request.param
    page = browser.new_page(viewport=size, color_scheme=scheme)
    watch = Watch(page)
    page.goto(f"{address}/")
    yield page
    watch.check(address)
    page.close()


def test_every_view_is_legible_named_and_fits(shown: Page, stand_in: StandIn, address: str) -> None:
    for view in (*VIEWS, "account"):
        if view == "account":
            shown.goto(f"{address}/")
            trade(shown, stand_in)
        else:
            show(shown, address, view)
        contrast = found(shown, "faint")
        assert contrast["count"] > 10, view
        assert contrast["found"] == [], view
        assert found(shown, "unnamed") == [], view
        assert found(shown, "tooWide") == [], view
        assert found(shown, "overlapping") == [], view


def test_the_checks_find_what_is_wrong(page: Page) -> None:
    page.evaluate(
        """() => {
            const main = document.getElementById("main");
            const faint = Object.assign(document.createElement("p"), { textContent: "faint" });
            faint.style.color = "#bbb";
            faint.style.width = "5000px";
            main.append(faint, document.createElement("input"), document.createElement("h5"));
            const button = document.createElement("button");
            button.id = "main";
            main.append(button);
        }"""
    )
    assert [each.split(": ")[1] for each in found(page, "faint")["found"]] == ["faint"]
    wrong = " ".join(found(page, "unnamed"))
    assert all(each in wrong for each in ("the id main twice", "no label", "no name"))
    assert any("faint" in each for each in found(page, "tooWide"))


def tab_to(page: Page, name: str, most: int = 80) -> list[str]:
    """Presses Tab until the focus is on what is named so; every stop on the way can be seen."""
    way = []
    for _ in range(most):
        page.keyboard.press("Tab")
        way.append(str(found(page, "focused")))
        assert found(page, "focusSeen"), way
        if name in way[-1]:
            return way
    raise AssertionError(f"no {name} among {way}")


def test_a_trader_needs_no_mouse(page: Page, stand_in: StandIn) -> None:
    expect(page.get_by_role("button", name="#5")).to_be_visible()
    assert tab_to(page, "Skip to content") == ["a Skip to content"]
    assert tab_to(page, "to-trade") == ["a to-venue", "a to-instruments", "a to-trade"]
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    expect(page.get_by_label("or a seed")).to_be_visible()
    tab_to(page, "key-seed")
    page.keyboard.type(TRADER_SEED.hex())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Account 1")).to_be_focused()
    tab_to(page, "input ")
    expect(page.get_by_role("radio", name="Trade")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Buy")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Sell")).to_be_checked()
    tab_to(page, "order-instrument")
    page.keyboard.type("BTC-26JUN26-95000-P")
    tab_to(page, "order-quantity")
    page.keyboard.type("0.5")
    tab_to(page, "order-limit")
    page.keyboard.type("13000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign and send")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#review")).to_contain_text("Receipt checked")
    order = stand_in.orders[0]["order"]
    assert (stand_in.name(order.instrument), order.buy, order.quantity) == ("BTC-26JUN26-95000-P", False, 5_000)


def test_focus_goes_through_the_page_in_order_and_out_again(page: Page) -> None:
    expect(page.get_by_role("button", name="#5")).to_be_visible()
    way = tab_to(page, "#1")
    assert way == ["a Skip to content", "a to-venue", "a to-instruments", "a to-trade", "a to-vault"] + [
        f"button #{number}" for number in (5, 4, 3, 2, 1)
    ]
    page.keyboard.press("Tab")
    assert found(page, "focused").startswith("body")


def test_the_skip_link_goes_to_the_content_of_the_view_that_is_shown(page: Page) -> None:
    page.get_by_role("link", name="Vault").click()
    expect(page.get_by_role("heading", name="Vault")).to_be_visible()
    page.get_by_role("link", name="Skip to content").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    expect(page.get_by_role("heading", name="Vault")).to_be_visible()


def test_live_news_moves_no_focus(page: Page, address: str) -> None:
    page.get_by_role("button", name="#4").focus()
    page.request.post(f"{address}/tests-advance")
    expect(page.get_by_role("progressbar")).to_have_accessible_name("4 of 6 proofs")
    expect(page.get_by_role("button", name="#4")).to_be_focused()


def test_nothing_moves_for_who_asked_for_stillness(browser: Browser, address: str) -> None:
    moving = {}
    for wish in ("no-preference", "reduce"):
        page = browser.new_page(reduced_motion=wish)
        page.goto(f"{address}/")
        expect(page.get_by_role("button", name="#5")).to_be_visible()
        moving[wish] = page.evaluate("document.getAnimations().length")
        page.close()
    assert moving["reduce"] == 0
    assert moving["no-preference"] > 0


def test_states_are_told_in_words_and_signs_not_by_colour(page: Page) -> None:
    marks = page.locator("#batches .state")
    expect(marks).to_have_count(5)
    signs = marks.evaluate_all(
        "(all) => all.map((each) => [getComputedStyle(each, '::before').content, each.textContent])"
    )
    assert [word for _, word in signs] == ["open", "proving", "void", "final", "final"]
    assert len({sign for sign, _ in signs}) == 3  # moving, wrong, done


def test_the_policy_of_the_page_forbids_what_is_not_its_own(browser: Browser, address: str) -> None:
    page = browser.new_page()
    watch = Watch(page)
    page.goto(f"{address}/")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            const style = document.createElement("style");
            try { script.textContent = "window.ran = true"; } catch (error) { window.refused = error.name; }
            style.textContent = "body { display: none }";
            document.head.append(script, style);
            try { document.body.innerHTML += "x"; } catch (error) { window.refused = error.name; }
            document.body.append(Object.assign(new Image(), { src: "https://elsewhere.invalid/x.png" }));
            return fetch("https://elsewhere.invalid/").catch(() => null);
        }"""
    )
    forbidden = {each.split()[0] for each in watch.violations()}
    assert {"style-src-elem", "img-src", "connect-src", "require-trusted-types-for"} <= forbidden
    assert page.evaluate("[window.ran, window.refused]") == [None, "TypeError"]
    page.close()
