"""A relayer takes orders to a settled batch by itself, on either database, one batch after another."""

from __future__ import annotations

from pathlib import Path

import pytest

from relayer.errors import RpcError
from relayer.store import batches
from relayer.store.database import Database
from relayer.store.models import BatchState, OrderState, Snapshot
from tests.relayer.service.venue import POLICY, Service, service
from tests.relayer.venue import CONTRACT, DOLLAR

WAY = ["opening", "open", "closing", "sealed", "proving", "proved", "submitted", "mined", "final"]


def filled(running: Service, order: str) -> int:
    fill = running.result(order)["fill"]
    assert isinstance(fill, str)
    return int(fill)


def test_deposits_and_orders_become_a_final_batch(database: Database, tmp_path: Path) -> None:
    with service(database, tmp_path) as running:
        alice, bob = running.join("alice"), running.join("bob")
        running.opened()
        bought, sold = running.cross(alice, bob, 2)
        number = running.settle()
        assert running.steps(number) == WAY
        assert running.venue.contract.call("root") == int.from_bytes(running.batch(number).end_root or b"", "big")
        assert [running.order(each).state for each in (bought, sold)] == [OrderState.FINAL] * 2
        assert running.result(bought) == {"fill": str(2 * CONTRACT), "reason": 0, "price": str(100 * DOLLAR)}
        assert not running.alerts()


def test_the_next_batch_takes_orders_while_the_last_is_proven_and_is_sealed_after_it(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    running.opened()
    first = running.cross(alice, bob)
    before = running.sealed()
    running.run(lambda: running.open_batch() == before + 1, prove=False)
    second = running.cross(alice, bob, slot=1)
    running.request_close(before + 1)
    with pytest.raises(AssertionError, match="nothing happens"):
        running.run(lambda: running.state(before + 1) is not BatchState.OPEN, prove=False)
    running.until(before + 1, BatchState.MINED)
    assert running.state(before) is BatchState.MINED
    assert [filled(running, each) for each in (*first, *second)] == [CONTRACT] * 4


def test_where_nothing_traded_nobody_is_told_a_price(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    running.opened()
    size = {"instrument": 3, "quantity": CONTRACT}
    wanted = running.send(alice, buy=True, limit=137 * DOLLAR, **size)
    looking = running.send(bob, buy=True, limit=DOLLAR, **size)
    running.sealed()
    for order in (wanted, looking):
        assert (running.result(order)["fill"], running.result(order)["price"]) == ("0", None), "it is another's limit"


def test_a_withdrawal_is_credited_to_its_recipient(running: Service) -> None:
    alice = running.join("alice")
    running.opened()
    running.send(alice, kind="withdraw", buy=True, quantity=5 * DOLLAR, limit=1, recipient=alice.address)
    running.settle()
    assert running.venue.contract.call("claimable", alice.address) == 5 * DOLLAR


def test_an_exit_request_is_answered_by_the_next_batch(running: Service) -> None:
    alice = running.join("alice", 50 * DOLLAR)
    running.settle()
    running.venue.request_exit(alice, 20 * DOLLAR, alice.address)
    running.settle()
    assert running.venue.contract.call("claimable", alice.address) == 20 * DOLLAR


def test_a_batch_that_is_too_large_for_one_transaction_is_settled_in_parts(running: Service) -> None:
    running.change_policy(settle_bytes=2_000)
    for name in ("alice", "bob", "carol"):
        running.join(name)
    number = running.settle()
    assert running.batch(number).segments == 2
    purposes = sorted(purpose for purpose in running.transactions() if purpose.startswith("settle"))
    assert purposes == [f"settle:{number}:{part}" for part in range(4)]


@pytest.mark.parametrize("most", [250_000, 600_000], ids=["none-to-check-proofs", "too-little-to-check-proofs"])
def test_a_batch_that_needs_more_gas_than_a_block_holds_is_settled_in_parts(running: Service, most: int) -> None:
    for name in ("alice", "bob", "carol"):
        running.join(name)
    number = running.opened()
    running.request_close(number)
    running.until(number, BatchState.PROVED)
    chain = running.venue.chain
    chain.rpc("evm_setBlockGasLimit", hex(most))
    chain.rpc("evm_mine")
    with running.sender.pausing():
        running.run(lambda: f"settle:{number}:0" in running.transactions())
    chain.rpc("evm_setBlockGasLimit", hex(1_000_000_000))
    running.until(number, BatchState.MINED)
    assert f"settle:{number}" not in running.transactions()


def test_nobody_is_asked_what_gas_a_batch_takes_that_has_too_many_bytes_for_one_transaction(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gas(*_: object) -> int:
        raise RpcError("refuses eth_estimateGas: oversized data")

    monkeypatch.setattr(running.endpoint, "gas", gas)
    running.change_policy(settle_bytes=2_000)
    for name in ("alice", "bob", "carol"):
        running.join(name)
    number = running.settle()
    assert f"settle:{number}:3" in running.transactions()


def test_accounts_are_read_from_the_chain_again_where_their_snapshot_is_lost(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    running.opened()
    running.cross(alice, bob)
    number = running.settle()
    with running.database.write() as session:
        kept = session.get_one(Snapshot, number).root
        session.query(Snapshot).delete()
    sold, bought = running.cross(bob, alice, slot=1)
    running.settle()
    assert running.venue.contract.call("root") != int.from_bytes(kept, "big")
    assert filled(running, sold) == filled(running, bought) == CONTRACT


def test_a_batch_that_holds_nothing_is_left_open(running: Service) -> None:
    running.opened()
    running.pass_time(POLICY.interval + 1)
    with pytest.raises(AssertionError, match="nothing happens"):
        running.run(lambda: running.open_batch() is None)
    running.join("alice")
    running.until(1, BatchState.MINED)
    with running.database.read() as session:
        assert batches.require(session, 1).touches == 2
