"""What an owner is told of the account is of one block, whatever is settled while it is looked at, and leaves out nobody who is owed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest
from eth_abi.abi import encode

from prover.hashing import keccak256
from relayer.account_cli import _account, _report, next_step
from relayer.errors import LedgerError, RpcError
from relayer.escape import WayOut
from relayer.sender import UnlockedSender
from tests.relayer.scene import ADDRESSES, DOLLAR, OPERATOR, Scene, risk_row

NOBODY: Final = "0x" + 40 * "0"
NOW, BEFORE, ASKED = (f"0x{number:040x}" for number in (0xC1, 0xC2, 0xC3))
"""Whom the owner leaves to now, had a withdrawal credited to, and asked to be paid."""
ROOT: Final = keccak256(b"root()")[:4].hex()
CLAIMABLE: Final = keccak256(b"claimable(address)")[:4].hex()


class Venue(Scene):
    """A vault whose endpoint says by block what its root was, and by payee what can be claimed."""

    def __init__(self) -> None:
        super().__init__()
        self.chain.answers["Vault", "frozenAt"] = 0
        self.chain.answers["Vault", "delays"] = (0,) * 8
        self.chain.answers["Vault", "escapes"] = (NOBODY, 0, False, False)
        self.claimable: dict[str, int] = {}
        self.kept = 0
        """The oldest block whose state the endpoint has."""
        self.roots = {0: self.state.root}
        self._fixed = self.chain.answer_eth_call
        self.chain.answer_eth_call = self._call  # type: ignore[method-assign]
        self.post_epoch((risk_row(7, 40 * DOLLAR),))

    def _call(self, query: Mapping[str, str], _at: str) -> str:
        asked, to = query["data"][2:10], query["to"]
        block = self.head if _at == "latest" else int(_at, 16)
        if block < self.kept:
            raise RpcError("missing trie node")
        if (to, asked) == (ADDRESSES["vault"], ROOT):
            root = self.roots[max(number for number in self.roots if number <= block)]
            return "0x" + encode(["uint256"], [root]).hex()
        if (to, asked) == (ADDRESSES["vault"], CLAIMABLE):
            return "0x" + encode(["uint256"], [self.claimable.get("0x" + query["data"][-40:], 0)]).hex()
        return self._fixed(query, _at)

    @property
    def head(self) -> int:
        """Number of the newest block."""
        return len(self.chain.blocks) - 1

    def settle(self, index: int, deposit: int) -> None:
        """A batch that touches one account."""
        self.run([(self.person(index), deposit, ())])
        self.roots[self.head] = self.state.root

    def way(self) -> WayOut:
        """Account 1 looks."""

        def no_keys() -> None:
            raise AssertionError("nothing is proven here")

        return WayOut(self.vault, self.person(1).seed, NOW, UnlockedSender(NOBODY), no_keys)  # type: ignore[arg-type]


@pytest.fixture
def venue() -> Venue:
    made = Venue()
    for index in (1, 2):
        made.open_account(index)
        made.settle(index, 1_000 * DOLLAR)
    return made


def test_a_batch_that_settles_meanwhile_changes_nothing_of_what_is_told(venue: Venue) -> None:
    way = venue.way()
    venue.settle(1, 500 * DOLLAR)
    told = _report(way, way.standing())
    assert (told["batch"], told["equity"]) == (1, str(1_000 * DOLLAR))
    again = _account(venue.way())
    assert (again["batch"], again["equity"]) == (3, str(1_500 * DOLLAR))


def test_a_root_that_is_not_that_of_the_batches_is_refused(venue: Venue) -> None:
    venue.roots[venue.head] += 1
    way = venue.way()
    with pytest.raises(LedgerError, match="run this again, or ask another endpoint"):
        way.statement()


def test_an_endpoint_that_keeps_no_old_states_is_asked_for_the_newest_root(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("relayer.escape.Ledger.head", property(lambda _: venue.head - 1))
    venue.kept = venue.head
    way = venue.way()
    way.tell = told.append
    assert way.statement().equity == 1_000 * DOLLAR


def test_a_vault_that_was_frozen_after_it_was_read_is_read_again(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    way = venue.way()
    venue.settle(1, 500 * DOLLAR)
    venue.happen(venue.log("Frozen", root=venue.state.root, epoch=1, windowEnd=9))
    venue.chain.answers["Vault", "frozenAt"] = 5
    registered: list[int] = []
    monkeypatch.setattr(WayOut, "_register", lambda self: registered.append(self.statement().equity))
    monkeypatch.setattr(WayOut, "_return_deposits", lambda _: None)
    way.leave()
    assert registered == [1_500 * DOLLAR]


def test_whoever_was_credited_for_the_account_is_told_and_paid(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    other = f"0x{0xD1:040x}"
    venue.happen(venue.log("WithdrawalCredited", batch=2, index=1, recipient=BEFORE, amount=5))
    venue.happen(venue.log("WithdrawalCredited", batch=2, index=2, recipient=other, amount=5))
    venue.happen(venue.log("ExitRequested", entry=0, index=1, recipient=ASKED, amount=7, deadline=9))
    venue.chain.answers["Vault", "frozenAt"] = 5
    venue.chain.answers["Vault", "escapes"] = (NOW, 1_000, True, True)
    way = venue.way()
    assert next_step(way, way.standing()) == "nothing: all that the account was owed has been paid"
    venue.claimable = {BEFORE: 5, ASKED: 7, other: 5, OPERATOR.lower(): 9}
    standing = way.standing()
    assert standing.claimable == {NOW: 0, BEFORE: 5, ASKED: 7}
    assert "is claimable" in next_step(way, standing)
    claimed: list[str] = []
    monkeypatch.setattr(way, "_claim", claimed.append)
    venue.happen(venue.log("Frozen", root=venue.state.root, epoch=1, windowEnd=9))
    way.leave()
    assert claimed == [BEFORE, ASKED]
