"""A receipt is worth its bond: from the trader's own book, by the commands that a trader has, to an answer or to a slashed bond."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from demo.vault import BONDS
from relayer.cli import app
from relayer.client import Client
from relayer.pipeline.challenges import LOST_STAGE
from relayer.receipts import chain_start, chained
from relayer.store import batches
from relayer.store.models import BondChallenge, OrderState
from relayer.store.models import Order as Row
from tests.contracts.venue import STRANGER
from tests.relayer.client.relayer import Relayer, relayer


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Relayer]:
    """A relayer with two traders, whose seeds are files."""
    with relayer(tmp_path) as running:
        for name in ("alice", "bob"):
            running.funded(name).save(tmp_path / name)
        running.known("alice", "bob")
        yield running


def sent(running: Relayer, name: str, side: Any) -> str:  # noqa: ANN401 - buy or sell
    """An order by HTTP, its receipt checked and kept in the book beside the seed; its id."""
    with Client(running.url, running.seed(name), rpc=running.rpc, book=running.folder / f"{name}.book") as client:
        placed = client.send(client.trade(3, side, 1, 100))
    assert placed.receipt is not None
    return placed.id


def run(running: Relayer, command: str, *options: object) -> dict[str, Any]:
    """`relayer receipts COMMAND` of a stranger, who needs nothing of the relayer's; its document."""
    place = "--rpc", running.rpc, "--vault", running.vault, "--sender", running.service.venue.chain.accounts[STRANGER]
    result = CliRunner().invoke(app, ["receipts", command, *place, *map(str, options), "--json"])
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def verified(running: Relayer, name: str) -> tuple[int, dict[str, Any]]:
    """`relayer receipts verify`: how it ends, and its document."""
    place = "--relayer", running.url, "--rpc", running.rpc, "--seed-file", str(running.folder / name)
    result = CliRunner().invoke(app, ["receipts", "verify", *place, "--json"])
    return result.exit_code, json.loads(result.stdout)


def states(running: Relayer) -> dict[int, str]:
    with running.service.database.read() as session:
        return {row.id: row.state for row in session.scalars(select(BondChallenge))}


def test_an_honest_service_answers_a_traders_challenge_by_itself(venue: Relayer) -> None:
    venue.opened()
    sent(venue, "alice", "buy")
    sent(venue, "bob", "sell")
    number, bonds = venue.service.sealed(), venue.service.venue.vault.bonds
    assert verified(venue, "bob")[1]["receipts"][0]["standing"] == "shown"
    free = bonds.call("free")
    book = "--book", venue.folder / "bob.book", "--batch", number, "--sequence", 2
    asked = [run(venue, "challenge", *book), run(venue, "challenge", *book, "--before")]
    assert [(each["challenge"], each["known"]) for each in asked] == [(1, False), (2, False)]
    again = run(venue, "challenge", *book)
    assert (again["challenge"], again["known"]) == (1, True), "nobody stakes twice for one question"
    venue.service.run(lambda: bonds.call("bonds", number)[3] == 0, prove=False)
    venue.service.finalize()
    venue.service.run(lambda: states(venue) == {1: "over", 2: "over"}, prove=False)
    assert bonds.call("free") == free + 2 * BONDS.stake


def test_an_order_with_a_receipt_whose_batch_lacks_it_costs_the_operator_its_bond(venue: Relayer) -> None:
    service, chain, bonds = venue.service, venue.service.venue.chain, venue.service.venue.vault.bonds
    number = venue.opened()
    drop(venue, number, sent(venue, "alice", "buy"), [sent(venue, "bob", "sell"), sent(venue, "bob", "sell")])
    service.sealed()
    code, document = verified(venue, "alice")
    assert (code, document["receipts"][0]["standing"]) == (0, "unshown")
    stranger, before = chain.accounts[STRANGER], chain.rpc("evm_snapshot")

    asked = run(venue, "challenge", "--book", venue.folder / "alice.book", "--batch", number, "--sequence", 1)
    service.run(lambda: states(venue) == {asked["challenge"]: "unanswerable"}, prove=False)
    assert "challenge_unanswerable" in service.alerts()
    service.pass_time(BONDS.answer_time + 1)
    bond = bonds.call("bonds", number)[0]
    assert bond == BONDS.base + 2 * BONDS.per_order
    balance = chain.balance(stranger)
    ended = run(venue, "close", "--number", asked["challenge"])
    assert ended == {"slashed": True, "paid": str(bond // 2 + BONDS.stake), "to": stranger.lower()}
    assert chain.balance(stranger) > balance + bond // 2, "less the gas"
    assert bonds.call("bonds", number)[1] == LOST_STAGE

    assert chain.rpc("evm_revert", before)
    code, document = verified(venue, "bob")
    assert (code, document["error"]["code"]) == (1, "CONTRADICTION"), (
        "the seal has two orders, and bob holds the third receipt"
    )
    ended = run(venue, "convict", "--evidence", document["error"]["values"]["evidence"])
    assert ended == {"slashed": True, "paid": str(bond // 2), "to": stranger.lower()}
    assert bonds.call("bonds", number)[1] == LOST_STAGE


def drop(running: Relayer, number: int, gone: str, left: list[str]) -> None:
    """What an operator does that breaks a receipt: the first order is left out, the others move up."""
    with running.service.database.write() as session:
        first, previous = session.get_one(Row, gone), chain_start(running.vault_domain, number)
        first.state, first.batch, first.sequence, first.previous = OrderState.LAPSED, None, None, None
        session.flush()
        for place, name in enumerate(left, 1):
            row = session.get_one(Row, name)
            row.sequence, row.previous = place, previous
            previous = chained(previous, row.hash)
            session.flush()
        batches.require(session, number).receipts_hash = None
