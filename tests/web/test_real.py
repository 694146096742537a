"""The page against the relayer's own applications: real routes, real intake, real sessions, over a real database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import BaseModel

from prover import Order
from relayer.api import schemas
from relayer.envelope import SignedOrder, seal_order
from relayer.hpke import PublicKey
from relayer.intake.refusal import Unready
from relayer.store import events
from relayer.store.models import Batch, BatchState
from relayer.store.models import Order as OrderRow
from tests.web.market import VAULT, Market
from tests.web.real import OPERATOR, Real, real_service
from tests.web.standin import StandIn
from tests.web.test_access import found
from tests.web.test_trader import fill_in, open_keys, send
from tests.web.watch import Watch


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, market: Market) -> Iterator[Real]:
    with real_service(tmp_path_factory.mktemp("real"), market) as real:
        yield real


@pytest.fixture
def real_page(browser: Browser, real: Real) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1180, "height": 900})
    watch = Watch(page)
    page.goto(f"{real.url}/")
    yield page
    watch.check(real.url)
    page.close()


def test_the_trader_trades_at_the_real_service(real_page: Page, real: Real) -> None:
    open_keys(real_page)
    expect(real_page.get_by_text("Decrypted here from the public words of batch 2.")).to_be_visible()
    fill_in(real_page, "Buy", "BTC-26JUN26-95000-C", "0.75", "12345.678901")
    real_page.get_by_role("button", name="Review order").click()
    real_page.get_by_role("button", name="Only check").click()
    expect(real_page.locator("#review")).to_contain_text("Nothing stands against it now.")
    real_page.get_by_role("button", name="Sign and send").click()
    expect(real_page.locator("#review")).to_contain_text("Receipt checked: number 1 in batch #3")
    row = real_page.get_by_role("row").filter(has_text="buy BTC-26JUN26-95000-C").filter(has_text="receipted")
    expect(row).to_contain_text("12,345.678901")
    with real.database.read() as session:
        assert session.query(OrderRow).count() == 1


def test_an_order_sent_from_elsewhere_appears_by_itself(real_page: Page, real: Real, market: Market) -> None:
    open_keys(real_page)
    expect(real_page.get_by_role("heading", name="Account 1")).to_be_visible()
    expect(real_page.locator("#link-text")).to_have_text("live")
    order = Order(
        account=1, instrument=market.ids()[0], limit=77_654_321, max_fee_rate=30, epoch=0, slot=40, first_batch=3
    )
    signed = SignedOrder.sign(market.trader.seed.signing_key, market.trader.holder.owner, order, market.domain)
    key = PublicKey(bytes.fromhex(httpx.get(f"{real.url}/v1/keys").json()["keys"][0]["public"][2:]))
    sealed = seal_order(key, market.domain, VAULT, signed).to_wire()
    assert httpx.post(f"{real.url}/v1/orders", json=sealed).status_code == 201
    expect(real_page.get_by_role("row").filter(has_text="77.654321")).to_contain_text("receipted")
    expect(real_page.locator("#link-text")).to_have_text("live")


def test_what_margin_refuses_is_said_with_its_scenario(real_page: Page) -> None:
    open_keys(real_page)
    fill_in(real_page, "Sell", "BTC-25SEP26-95000-C", "500", "100")
    send(real_page)
    expect(real_page.locator("#review")).to_contain_text(re.compile(r"INSUFFICIENT_MARGIN \(short by [0-9,.]+ in .+\)"))


def test_a_stranger_registers_at_the_real_service(real_page: Page) -> None:
    open_keys(real_page, bytes(range(7, 39)))
    real_page.get_by_role("button", name="Register this account").click()
    expect(real_page.get_by_text("No batch has touched this account.")).to_be_visible()


def test_a_batch_that_moves_moves_on_the_page(real_page: Page, real: Real) -> None:
    row = real_page.get_by_role("row").filter(has_text="#3")
    expect(row).to_contain_text("open")
    expect(real_page.locator("#link-text")).to_have_text("live")
    with real.database.write() as session:
        batch = session.get(Batch, 3)
        assert batch is not None
        batch.state, batch.sealed_time, batch.touches = BatchState.SEALED, 1_800_000_000, 9
        events.append(session, "batches", {"batch": 3, "state": "sealed"})
    expect(row).to_contain_text("sealed")
    expect(row).to_contain_text("9")


def test_the_operator_sees_transactions_and_policies_with_a_token_kept_in_memory(browser: Browser, real: Real) -> None:
    real.watching.missing = [Unready("lease_lost", "no lease of the pipeline is held")]
    page = browser.new_page(viewport={"width": 1180, "height": 900})
    watch = Watch(page)
    page.goto(f"{real.admin_url}/")
    page.get_by_label("Admin token").fill("wrong")
    page.get_by_role("button", name="Show the service").click()
    expect(page.get_by_role("alert").filter(has_text="token")).to_be_visible()
    page.get_by_label("Admin token").fill(OPERATOR)
    page.get_by_role("button", name="Show the service").click()
    expect(page.get_by_text("no lease of the pipeline is held")).to_be_visible()
    page.get_by_role("button", name="seal:3").click()
    expect(page.get_by_role("region", name="Transaction seal:3")).to_contain_text("0x5fbdb2")
    expect(page.get_by_text("intake paused")).to_be_visible()
    expect(page.get_by_text("critical: CHAIN_SILENT")).to_be_visible()
    for check in ("unnamed", "tooWide"):
        assert found(page, check) == []
    assert found(page, "faint")["found"] == []
    assert OPERATOR not in watch.shown()
    assert watch.kept()["local"] == watch.kept()["session"] == {}
    page.get_by_role("button", name="Forget the token").click()
    expect(page.get_by_label("Admin token")).to_be_visible()
    expect(page.get_by_role("button", name="seal:3")).not_to_be_visible()
    watch.check(real.admin_url)
    page.close()


def test_the_public_page_knows_nothing_of_the_operators(real: Real) -> None:
    assert httpx.get(f"{real.url}/v1/relayer/status").status_code == 404
    assert "operator.js" not in httpx.get(f"{real.url}/").text


FORMS: dict[str, type[BaseModel]] = {
    "v1/state": schemas.State,
    "v1/batches": schemas.Batches,
    "v1/batches/2": schemas.BatchDetail,
    "v1/batches/4": schemas.BatchDetail,
    "v1/risk": schemas.Risk,
    "v1/instruments": schemas.Instruments,
    "v1/keys": schemas.Keys,
}


@pytest.mark.parametrize("path", FORMS)
def test_the_stand_in_answers_in_the_forms_of_the_service(stand_in: StandIn, address: str, path: str) -> None:
    FORMS[path].model_validate(httpx.get(f"{address}/{path}").json())
    assert stand_in.requests


def test_files_come_with_the_policy_and_nothing_else_is_served(real: Real) -> None:
    for path, kind in (("", "text/html"), ("web/app/main.js", "text/javascript"), ("web/style.css", "text/css")):
        answer = httpx.get(f"{real.url}/{path}")
        assert answer.headers["content-type"].split(";")[0] == kind
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert httpx.get(f"{real.url}/web/app/main.js").headers["cache-control"] == "no-cache"
    assert "max-age" in httpx.get(f"{real.url}/web/vendor/hashes/sha2.js").headers["cache-control"]
    for path in ("web/../__init__.py", "web/%2e%2e/__init__.py", "web/nothing.js", "web/", "web/app"):
        assert httpx.get(f"{real.url}/{path}").status_code == 404, path


def test_what_is_shipped_names_no_place_elsewhere() -> None:
    static = Path(__file__).resolve().parents[2] / "relayer" / "web" / "static"
    ours = [path for path in static.rglob("*") if path.is_file() and "vendor" not in path.parts]
    assert len(ours) > 25
    allowed = ("http://www.w3.org/2000/svg", "http://127.0.0.1:8545")
    for path in ours:
        text = path.read_text(encoding="utf-8")
        for address in allowed:
            text = text.replace(address, "")
        assert "http://" not in text, path
        assert "https://" not in text, path
        assert not any(
            word in text for word in ("innerHTML", "localStorage", "sessionStorage", "document.cookie", "eval(")
        ), path
