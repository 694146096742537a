"""The demo's story before anything is proven: always the same, made of what it says, and showing what it promises."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from demo import scenes, story
from demo.__main__ import main
from demo.chain import ChainError, Reverted
from demo.errors import NotReady, NotShown
from demo.flow import LOTS, limit_price, read_adds, sizes
from demo.market import EXPIRIES, PARAMS, Market
from demo.record import Line
from demo.run import ready
from demo.seal import seal_root
from demo.story import Story, tell
from demo.traders import NAMES, Trader
from prover.batch import Cleared, Params
from prover.chain import expiry_code
from prover.errors import ProvingError
from tests.demo_stage import DOMAIN, both_cleared, orders_of, the_market, the_story, the_traders


@pytest.fixture(scope="module")
def market() -> Market:
    return the_market()


@pytest.fixture(scope="module")
def told() -> Story:
    return the_story()


@pytest.fixture(scope="module")
def traders() -> tuple[Trader, ...]:
    return the_traders()


@pytest.fixture(scope="module")
def cleared() -> tuple[Cleared, ...]:
    return both_cleared()


@pytest.fixture(scope="module")
def orders() -> list[Line]:
    return [*orders_of(0), *orders_of(1)]


def test_the_market_is_64_instruments_over_three_expiries(market: Market) -> None:
    assert len(market.table) == Params.named(PARAMS).rows == 64
    assert {expiry_code(int(row["expiry"])) for row in market.table.rows} == set(EXPIRIES)
    assert len(market.next_table) + len(market.expiring) == 64


def test_the_story_is_the_same_each_time(market: Market, told: Story) -> None:
    assert tell(market) == told


def test_40_traders_send_150_orders_in_two_batches(told: Story) -> None:
    assert [len(batch) for batch in told.batches] == [75, 75]
    assert len(NAMES) == len(set(NAMES)) == 40
    assert {request.account for request in told.requests} == set(range(1, 41))
    for batch in told.batches:
        assert max(Counter(request.account for request in batch).values()) <= Params.named(PARAMS).orders


def test_every_account_is_touched_in_both_batches(cleared: tuple[Cleared, ...]) -> None:
    for batch in cleared:
        assert [touch.index for touch in batch.touches] == list(range(41))


@pytest.mark.parametrize(
    ("share", "contracts"), [(0.40, 0.1), (0.50, 0.4), (0.75, 1.5), (0.90, 5.7), (0.99, 25), (1.0, 100)]
)
def test_sizes_have_the_quantiles_of_real_trades(share: float, contracts: float) -> None:
    found = sizes(1000)
    assert sum(size <= contracts * LOTS for size in found) == share * 1000
    assert found[0] == LOTS // 10


def test_the_sizes_of_the_story_are_those(told: Story) -> None:
    sent = [request for request in told.requests if request.scene not in (story.REPLAYED, story.WATCHED)]
    traded = sorted(request.order.quantity for request in sent if request.order.kind == "trade")
    assert traded == sizes(story.ORDERS - story.UNSIZED)


def test_offsets_are_those_of_the_real_flow() -> None:
    offsets = sorted(add.offset for add in read_adds())
    assert len(offsets) == 12_000
    assert offsets[6_000] // 1000 == 4  # median 5 bp, to the nearest
    assert offsets[10_800] // 1000 == 26  # 90th percentile 27 bp


def test_a_limit_is_off_the_mark_by_the_delta_of_the_offset(market: Market) -> None:
    row = market.table.row("BTC-26DEC25-92000-C")
    index, basis_points = int(market.table.index), 10_000
    move = index * 10 * int(row["delta"]) / (basis_points * 10**6)
    bid, offer = (limit_price(row, index, buy, 10_000 if buy else -10_000) for buy in (True, False))
    assert bid == pytest.approx(int(row["mark"]) + move, abs=10**6)
    assert offer == pytest.approx(int(row["mark"]) + move, abs=10**6)


def test_the_seal_needs_nothing_but_the_orders(cleared: tuple[Cleared, ...]) -> None:
    for number, batch in enumerate(cleared, 1):
        assert seal_root(batch.batch.touches, DOMAIN, number) == batch.seal_root


def test_settled_rows_fit_the_parameter_set(cleared: tuple[Cleared, ...]) -> None:
    assert 0 < len(cleared[1].batch.settled) <= Params.named(PARAMS).settled


def test_the_story_shows_what_it_promises(market: Market, cleared: tuple[Cleared, ...], orders: list[Line]) -> None:
    for number, batch in enumerate(cleared, 1):
        assert scenes.auctions(market, batch, [line for line in orders if line.batch == number])
    assert scenes.partial_fill(market, cleared, orders).book
    assert scenes.margin_refusal(market, orders).shortfall > 0
    assert scenes.netted(market, cleared, orders).quantity > 0
    assert scenes.expired(market, cleared[1])
    assert len(scenes.refusals(orders)) == len(scenes.WANTED)
    assert scenes.leaver(orders, cleared[1], market).paid > 0
    assert scenes.conservation(cleared).cash > 0


def test_a_promise_that_does_not_come_true_is_an_error(market: Market, cleared: tuple[Cleared, ...]) -> None:
    with pytest.raises(NotShown, match="no position expired"):
        scenes.expired(market, cleared[0])


def test_what_is_missing_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACIT_KEYS", str(tmp_path))
    with pytest.raises(NotReady, match=r"no standard keys in .* make them with"):
        ready()
    monkeypatch.setattr("demo.run.TOOLS", tmp_path / "node_modules" / ".bin")
    with pytest.raises(NotReady, match="anvil is missing: run `make node`"):
        ready()


def test_what_is_missing_ends_the_demo_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TACIT_KEYS", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["demo"])
    assert main() == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert "there are no standard keys" in shown.err


@pytest.mark.parametrize(
    ("ending", "code", "message"),
    [
        (
            NotShown("a position netted to nothing"),
            1,
            "was to be shown and did not happen: a position netted to nothing",
        ),
        (Reverted("SealMismatch", (1, 2), b""), 1, "the vault refused an honest call: SealMismatch(1, 2)"),
        (ChainError("anvil did not start", None), 2, "the local chain: anvil did not start"),
        (ProvingError("no proof"), 1, "no proof [PROVING]"),
    ],
)
def test_an_ending_that_is_not_good_is_an_exit_code_and_a_message(
    ending: Exception, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ending

    monkeypatch.setattr("demo.__main__.ready", fail)
    monkeypatch.setattr("sys.argv", ["demo"])
    assert main() == code
    shown = capsys.readouterr()
    assert not shown.out
    assert message in " ".join(shown.err.split())
