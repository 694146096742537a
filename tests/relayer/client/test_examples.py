"""The examples and the trader's commands do what they say, against a relayer that runs by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from relayer.cli import app
from relayer.client import Client
from tests.relayer.client.relayer import Relayer, relayer

ROOT: Final = Path(__file__).resolve().parents[3]
LIMIT: Final = 180


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relayer]:
    with relayer(tmp_path_factory.mktemp("examples")) as running:
        for name in ("maker", "seller"):
            running.funded(name).save(running.folder / name)
        running.known("maker", "seller")
        running.opened()
        running.keep_going()
        yield running


def example(name: str, *arguments: object, folder: Path) -> str:
    """What an example prints, run as a user runs it."""
    command = [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_order_is_as_short_as_is_said() -> None:
    # What it does is shown by tests/test_local.py, beside the real command.
    assert len((ROOT / "examples" / "first_order.py").read_text().splitlines()) <= 30


def test_a_market_maker_quotes_two_sides_in_every_batch(venue: Relayer, tmp_path: Path) -> None:
    told = example("market_maker.py", venue.url, venue.rpc, venue.vault, venue.folder / "maker", 2, folder=tmp_path)
    assert told.count("filled 0 lots") + told.count("filled 20000 lots") == 4


def test_a_fund_reads_its_margin_by_scenario(venue: Relayer, tmp_path: Path) -> None:
    told = example("fund_margin.py", venue.url, venue.rpc, venue.vault, venue.folder / "seller", folder=tmp_path)
    assert "worst: scenario" in told
    assert told.count("excess margin") == 5


def command(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return dict(json.loads(result.stdout))


def test_the_commands_take_a_trader_from_a_seed_to_a_proven_receipt(venue: Relayer, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    command("account", "new", "--seed-file", seed, "--plain")
    where = ("--relayer", venue.url, "--rpc", venue.rpc, "--seed-file", seed)
    assert command("account", "register", *where)["account"] is None
    money = ("--tokens", "500", "--sender", venue.payer.address)
    deposited = command("account", "deposit", *where, "--vault", venue.vault, *money)
    assert deposited["amount"] == "500000000"
    order = ("--instrument", 7, "--side", "buy", "--quantity", "0.5", "--limit", "41", "--batches", 30)
    written = tmp_path / "order"
    made = command("order", "new", *where, *order, "--out", written)
    assert written.stat().st_mode & 0o777 == 0o600
    sent = command("order", "send", *where, "--order", written)
    assert sent["hash"] == made["hash"]
    assert command("order", "send", *where, "--order", written)["id"] == sent["id"]
    shown = command("order", "status", *where, "--id", sent["id"])["orders"]
    assert shown[0]["content"]["quantity"] == "5000"
    with Client(venue.url, _seed(seed), rpc=venue.rpc) as client:
        client.wait(sent["id"], "settled", "final", seconds=LIMIT)
    command("order", "status", *where, "--id", sent["id"])
    (receipt,) = command("receipts", "verify", *where)["receipts"]
    assert (receipt["order"], receipt["standing"]) == (sent["hash"], "proven")
    taken = command("account", "withdraw", *where, "--tokens", "7", "--recipient", "0x" + "12" * 20)
    assert taken["state"] in ("receipted", "waiting")
    assert command("order", "status", *where, "--id", "none", code=1)["error"]["code"] == "NOT_FOUND"
    assert command("order", "cancel", *where, "--all")["state"] in ("receipted", "waiting")


def _seed(path: Path) -> Any:  # noqa: ANN401
    from relayer.seed import Seed

    return Seed.load(path)


@pytest.mark.parametrize(
    "wrong",
    [
        ("order", "new", "--instrument", "3", "--side", "buy", "--quantity", "1", "--limit", "1"),
        ("order", "cancel"),
        ("order", "cancel", "--id", "a", "--all"),
        ("account", "withdraw", "--tokens", "1", "--recipient", "0x12"),
        ("account", "deposit", "--tokens", "1", "--sender", "0x" + "1" * 40, "--rpc", "http://127.0.0.1:1"),
    ],
    ids=lambda wrong: " ".join(wrong[:2]),
)
def test_wrong_use_ends_with_2(wrong: tuple[str, ...], tmp_path: Path) -> None:
    where = ("--relayer", "http://127.0.0.1:1", "--seed-file", str(tmp_path / "seed"))
    assert CliRunner().invoke(app, [*wrong, *where]).exit_code == 2
