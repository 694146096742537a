"""No key of a trader leaves the browser: not in a request, a storage, a message, the console, the document or a file."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from relayer.seed import Seed
from tests.reference.blake512 import blake512
from tests.web.market import TRADER_SEED, Market
from tests.web.standin import StandIn
from tests.web.test_trader import fill_in, open_keys, send
from tests.web.watch import Watch

WORDS = "a passphrase that nobody else has"


def forms(name: str, secret: bytes) -> dict[str, str]:
    """The ways in which a page could write bytes."""
    listed = ",".join(str(byte) for byte in secret)
    number, reversed_ = int.from_bytes(secret, "big"), int.from_bytes(secret, "little")
    texts = {
        "hex": secret.hex(),
        "decimal": str(number),
        "decimal, least first": str(reversed_),
        "hexadecimal number": f"{number:x}",
        "base64": base64.b64encode(secret).decode().rstrip("="),
        "base64, for addresses": base64.urlsafe_b64encode(secret).decode().rstrip("="),
        "list": listed,
        "spaced list": listed.replace(",", ", "),
    }
    return {f"{name} in {form}": text for form, text in texts.items()}


def secrets_of(seed: bytes, domain: int) -> dict[str, str]:
    """Everything that must stay: seed, signing key, its expansion, secret scalar, viewing key."""
    own = Seed(seed)
    expanded = blake512(own.signing_key)
    low = bytearray(expanded[:32])
    low[0], low[31] = low[0] & 0xF8, (low[31] & 0x7F) | 0x40
    scalar = int.from_bytes(low, "little")
    held = {
        "seed": seed,
        "signing key": own.signing_key,
        "expansion": expanded[:32],
        "prefix": expanded[32:],
        "scalar": bytes(low),
        "scalar over 8": (scalar >> 3).to_bytes(32, "big"),
        "viewing key": own.viewing_key(domain).to_bytes(32, "big"),
    }
    found: dict[str, str] = {"passphrase": WORDS}
    for name, secret in held.items():
        found |= forms(name, secret)
    return found


def leaks(secrets: dict[str, str], places: dict[str, str]) -> list[str]:
    """Which secret stands where."""
    return [
        f"{name} in {place}"
        for place, text in places.items()
        for name, each in secrets.items()
        if each.lower() in text.lower()
    ]


def places_of(watch: Watch, stand_in: StandIn) -> dict[str, str]:
    """Everything that left the page, or is kept or shown by it."""
    return {
        "what the page sent": "\n".join(watch.sent),
        "what the server got": "\n".join(stand_in.requests),
        "what the browser keeps": json.dumps(watch.kept()),
        "the console": "\n".join([*watch.said, *watch.errors]),
        "the document": watch.shown(),
    }


@pytest.fixture
def watched(browser: Browser, address: str) -> tuple[Page, Watch]:
    page = browser.new_page()
    watch = Watch(page)
    page.goto(f"{address}/")
    return page, watch


def test_a_trading_session_with_a_seed_leaves_no_key_anywhere(
    watched: tuple[Page, Watch], stand_in: StandIn, market: Market, address: str
) -> None:
    (page, watch), secrets = watched, secrets_of(TRADER_SEED, market.domain)
    open_keys(page)
    expect(page.get_by_text("Decrypted here")).to_be_visible()
    fill_in(page, "Buy", "BTC-6DEC25-92000-C", "0.5", "1200")
    send(page)
    expect(page.locator("#review")).to_contain_text("Receipt checked")
    page.get_by_label("Your own node").fill(f"{address}/node")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Its words, and")).to_be_visible()
    open_now = places_of(watch, stand_in)
    page.get_by_role("button", name="Close keys").click()
    expect(page.get_by_role("heading", name="Open your keys")).to_be_visible()
    assert len(watch.sent) > 20
    assert len(stand_in.orders) == 1
    assert leaks(secrets, open_now) == []
    assert leaks(secrets, places_of(watch, stand_in)) == []
    assert watch.kept() == {
        "local": {},
        "session": {},
        "cookies": "",
        "databases": [],
        "caches": [],
        "workers": 0,
        "history": None,
    }


def test_drawing_and_registering_a_seed_leaves_no_key_anywhere(
    watched: tuple[Page, Watch], stand_in: StandIn, market: Market
) -> None:
    page, watch = watched
    # The seed is random: here it is known, so that it can be looked for. Nonce and salt are drawn from the same source, and differ.
    page.evaluate(
        """() => {
            const drawn = crypto.getRandomValues.bind(crypto);
            let first = true;
            crypto.getRandomValues = (bytes) => (first && bytes.length === 32 ? ((first = false), bytes.fill(0x5a)) : drawn(bytes));
        }"""
    )
    seed = bytes([0x5A]) * 32
    page.get_by_role("link", name="Trade").click()
    page.get_by_text("I have no keys yet").click()
    page.get_by_label("Passphrase", exact=True).fill(WORDS)
    page.get_by_label("Passphrase again").fill(WORDS)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Draw, save and open").click()
    page.get_by_role("button", name="Register this account").click()
    expect(page.get_by_text("No batch has touched this account.")).to_be_visible()
    assert Seed(seed).holder(market.domain).owner in stand_in.holders
    places = places_of(watch, stand_in) | {"the keystore": Path(saved.value.path()).read_text(encoding="utf-8")}
    assert leaks(secrets_of(seed, market.domain), places) == []


def test_the_search_finds_a_key_that_does_leave(watched: tuple[Page, Watch], stand_in: StandIn, market: Market) -> None:
    page, watch = watched
    page.evaluate(
        "async (seed) => { await fetch('/v1/state?x=' + seed); localStorage.kept = seed; console.log(seed); }",
        TRADER_SEED.hex(),
    )
    page.evaluate("(seed) => document.body.setAttribute('data-x', seed)", TRADER_SEED.hex())
    found = leaks(secrets_of(TRADER_SEED, market.domain), places_of(watch, stand_in))
    assert {each.split(" in ")[-1] for each in found} == set(places_of(watch, stand_in))


def test_keys_are_gone_when_the_page_is_left(watched: tuple[Page, Watch]) -> None:
    page, _ = watched
    open_keys(page)
    expect(page.get_by_role("heading", name="Account 1")).to_be_visible()
    page.reload()
    page.get_by_role("link", name="Trade").click()
    expect(page.get_by_role("heading", name="Open your keys")).to_be_visible()
    expect(page.get_by_role("heading", name="Account 1")).to_have_count(0)
