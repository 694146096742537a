"""The page's cryptography gives what the protocol's vectors say, in a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.web.site import Stage

VECTORS = Path(__file__).resolve().parents[1] / "vectors"


@pytest.fixture(scope="module")
def page(browser: Browser, stage: tuple[Stage, str]) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(f"{stage[1]}/web/crypto/field.js")
    yield page
    page.close()


def held(page: Page, check: str, vectors: object) -> int:
    """How many cases of the vectors held."""
    call = "async ([name, vectors]) => (await import('/tests/vectors.js'))[name](vectors)"
    return int(page.evaluate(call, [check, vectors]))


def read(name: str) -> object:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("check", "name", "least"),
    [
        ("poseidonVectors", "external/poseidon_bn254.json", 10),
        ("spongeVectors", "encodings.json", 5),
        ("signatureVectors", "external/eddsa_poseidon_babyjub.json", 50),
        ("seedVectors", "seeds.json", 12),
        ("orderVectors", "encodings.json", 4),
        ("readingVectors", "batches_dev.json", 30),
        ("readingVectors", "batches_standard.json", 4),
        ("hpkeVectors", "external/hpke_rfc9180.json", 1),
        ("clientVectors", "client.json", 4),
        ("riskVectors", "encodings.json", 4),
        ("marginVectors", "batches_dev.json", 10),
    ],
)
def test_vectors_hold_in_the_browser(page: Page, check: str, name: str, least: int) -> None:
    assert held(page, check, read(name)) >= least
