"""One Chromium for all tests of the page; a venue and pages that are watched."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.web.market import Market
from tests.web.site import Stage, serving
from tests.web.standin import StandIn
from tests.web.watch import Watch

CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 20_000
"""How long something may take to be seen: a machine may be busy."""
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium without a window."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def market() -> Market:
    """Accounts and batches, made once: no test changes them."""
    return Market()


@pytest.fixture
def stand_in(market: Market) -> StandIn:
    """An API of the test's own."""
    return StandIn(market)


@pytest.fixture(scope="session")
def stage() -> Iterator[tuple[Stage, str]]:
    """One server for all tests, and where it is."""
    stage = Stage()
    with serving(stage) as address:
        yield stage, address


@pytest.fixture
def address(stage: tuple[Stage, str], stand_in: StandIn) -> str:
    """Where the test's API is served."""
    stage[0].play(stand_in.app())
    return stage[1]


@pytest.fixture(scope="session")
def desk(browser: Browser) -> Iterator[BrowserContext]:
    """A desktop's window, whose cache all tests share."""
    context = browser.new_context(viewport={"width": 1180, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(desk: BrowserContext, address: str) -> Iterator[Page]:
    """The page at its first view. That it broke no policy, and that nothing failed in it, is checked when the test is over."""
    page = desk.new_page()
    watch = Watch(page)
    page.goto(f"{address}/")
    yield page
    watch.check(address)
    page.close()
