"""A sealed batch with an order for every reason of refusal, settled by the vault with real proofs: the root becomes the reference's.

The accounts are laid out before genesis, so that one batch reaches what takes many to come by: a full account, cash at the bound of
test 8. What becomes of each order is said by hand. And a seal that nobody can prove costs no more than itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

import prover
from demo.chain import Contract, LocalChain, local_chain
from demo.vault import ETHER, Plan, Terms, Vault
from prover import RiskRow, SealedBatch, SettledRow, State
from prover.errors import BatchError
from prover.keys import Keys, setup
from prover.posting import Posting
from tests.reference import batch as reference
from tests.reference.account import owner
from tests.reference.admission import Reason
from tests.reference.exchange import batch_json, state_json
from tests.reference.order import Kind, Side
from tests.reference.params import DEV
from tests.reference.scene import Scene, holder_of

QUOTE = 10**14  # cash units
MARK = 10**6
OPEN, OTHER, SETTLED = 10, 20, 15
FILLING = (31, 32, 33, 34)
MOST_LOTS, MOST_PRICE = 2**32 - 1, 2**42 - 1
TERMS = Terms(fee_rate=5, num=5, den=4)
VOID, SEALED = 1, 2
"""Numbers of the batch that is given up and of the one with everything in it."""

EXPECTED: dict[int, list[int]] = {
    0: [],
    1: [1, 1],  # nobody: an order without a signature, and a withdrawal
    2: [0, 0],  # trades
    3: [2, 2],  # before the void batch; after this one
    4: [3, 3],  # a used slot; an old epoch
    5: [4, 5],  # unknown; settled
    6: [0, 0],  # trades
    7: [6, 7],  # fee rate; a full account
    8: [8, 8],  # beyond the range, and the withdrawal with it
    9: [9, 10],  # more than there is; margin
    10: [0, 3],  # cancelled by the touch itself
}


def lay_out(domain: int) -> Scene:
    """The accounts and both tables, in a context without a time."""
    scene = Scene(DEV, reference.genesis(DEV, domain, holder_of(0)))
    scene.context = reference.Context(domain, SEALED, VOID, 0, *TERMS)
    scene.row(OPEN, MARK)
    scene.row(OTHER, 2 * MARK)
    for instrument in FILLING:
        scene.row(instrument, MARK)
    scene.settle(SETTLED, 300_000)
    for index in (2, 3, 6, 9):
        scene.account(index, 1_000 * QUOTE)
    scene.account(4, 1_000 * QUOTE, epoch=2, bitmap=1 << 9)
    scene.account(5, 1_000 * QUOTE, [(SETTLED, 4)])
    scene.account(7, 1_000 * QUOTE, [(instrument, 5) for instrument in FILLING])
    scene.account(8, 10**4 * (2**77 - 100 * 2**43))
    scene.account(10, 1_000 * QUOTE)
    return scene


def place_orders(scene: Scene) -> None:
    """One touch after the other; those refused have the best prices of all."""
    best = (100, MARK + 100_000)
    scene.order(1, OPEN, Side.BUY, *best, signed=False)
    scene.withdraw(1, 1, 5)
    scene.order(2, OPEN, Side.BUY, 60, MARK + 10)
    scene.order(2, OTHER, Side.SELL, 10, 2 * MARK - 5)
    scene.order(3, OPEN, Side.BUY, *best, first=VOID)
    scene.order(3, OPEN, Side.BUY, *best, first=SEALED + 1, last=SEALED + 1)
    scene.order(4, OPEN, Side.BUY, *best, epoch=2, slot=9)
    scene.order(4, OPEN, Side.SELL, 100, 1, epoch=1)
    scene.order(5, OPEN + 1, Side.BUY, *best)
    scene.order(5, SETTLED, Side.BUY, *best)
    scene.order(6, OPEN, Side.SELL, 40, MARK - 10)
    scene.order(6, OTHER, Side.BUY, 10, 2 * MARK + 5)
    scene.order(7, OPEN, Side.BUY, *best, fee=4)
    scene.order(7, OPEN, Side.SELL, 100, 1)
    scene.order(8, OPEN, Side.BUY, *best)
    scene.withdraw(8, 1, 5)
    scene.withdraw(9, MOST_LOTS, MOST_PRICE)
    scene.order(9, OPEN, Side.SELL, 50_000_000, 1)
    scene.order(10, 0, Side.SELL, 1, 0, kind=Kind.CANCEL, epoch=7)
    scene.order(10, OPEN, Side.BUY, *best, epoch=6)


@dataclass
class Exchange:
    """A vault whose genesis is the laid-out state, under the epoch in which one instrument has been settled."""

    chain: LocalChain
    keys: Keys
    vault: Vault
    scene: Scene

    @property
    def contract(self) -> Contract:
        return self.vault.contract

    @property
    def state(self) -> State:
        return State.from_json(json.dumps(state_json(DEV, self.scene.state)))

    def seal(self, sealed_root: bytes, touches: int, orders: int) -> None:
        self.contract.send("open")
        self.contract.send("seal", (sealed_root, bytes(32), touches, orders, 0, 0))


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    keys = setup("dev")
    with local_chain() as chain:
        vault = Vault.deploy(
            chain,
            keys,
            lambda domain: reference.state_root(DEV, lay_out(domain).state),
            owner(holder_of(0)),
            Plan(terms=TERMS),
        )
        vault.fund_bonds(10 * ETHER)
        scene = lay_out(vault.domain)
        rows = [
            RiskRow(row.instrument, row.mark, row.short_minimum, row.greeks, tuple(row.values))
            for row in scene.batch().risk
        ]
        leaving = replace(rows[0], instrument=SETTLED)
        vault.post_epoch(sorted([*rows, leaving], key=lambda row: row.instrument))
        vault.post_epoch(rows, [SettledRow(SETTLED, scene.settled[SETTLED])])
        yield Exchange(chain, keys, vault, scene)


@pytest.fixture(autouse=True)
def forgotten(exchange: Exchange) -> Iterator[None]:
    """The chain forgets what a test does."""
    snapshot = exchange.chain.rpc("evm_snapshot")
    yield
    assert exchange.chain.rpc("evm_revert", snapshot)


def test_every_reason_in_one_sealed_batch_is_settled_at_the_reference_root(exchange: Exchange) -> None:
    contract, scene = exchange.contract, lay_out(exchange.scene.context.domain)
    exchange.seal(b"\1" * 32, 1, 0)
    contract.send("voidSeal")
    place_orders(scene)
    drawn = scene.run()
    exchange.seal(drawn.seal_root, len(EXPECTED), drawn.active)
    scene.context = replace(scene.context, time=contract.call("currentSeal")[8])
    result = scene.run()
    assert {reason for reasons in EXPECTED.values() for reason in reasons} == {reason.value for reason in Reason}
    found = {touch.touch.index: [order.reason.value for order in touch.orders] for touch in result.touches}
    assert found == EXPECTED
    assert [auction.volume for auction in result.auctions] == [40, 10, 0, 0, 0, 0]

    cleared = exchange.state.clear(SealedBatch.from_json(json.dumps(batch_json(DEV, scene.batch()))))
    assert [[order.reason.value for order in touch.orders] for touch in cleared.touches] == list(EXPECTED.values())
    settlement = prover.prove(cleared, exchange.keys, beneficiary=exchange.chain.accounts[2])
    exchange.vault.settle(Posting(settlement))
    assert contract.call("root") == result.end_root == cleared.end_root
    assert contract.call("totalClaimable") == 0


def test_a_seal_of_what_must_not_be_sealed_costs_a_void_and_nothing_else(exchange: Exchange) -> None:
    # Statically wrong: an order of an account that exists, not signed by its owner. Nobody can clear it, hence nobody proves it.
    contract, scene = exchange.contract, lay_out(exchange.scene.context.domain)
    scene.context = replace(scene.context, batch=1, last_void=0)
    scene.order(3, OPEN, Side.BUY, 1, MARK, signed=False)
    root = contract.call("root")
    with pytest.raises(BatchError, match="must not be sealed"):
        exchange.state.clear(SealedBatch.from_json(json.dumps(batch_json(DEV, scene.batch()))))
    exchange.seal(b"\1" * 32, 2, 1)
    contract.send("voidSeal")
    assert contract.call("root") == root
    exchange.seal(b"\2" * 32, 1, 0)
    assert contract.call("currentSeal")[1] == SEALED
