"""Receipts against a vault on anvil: whoever holds one for an order that the batch lacks takes the operator's bond; an honest operator
answers every one of them, whatever the batch, and keeps its bond.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from demo.chain import Contract, LocalChain, Receipt, Reverted, Value, local_chain
from demo.vault import BONDS
from prover.batch import Cleared, SealedBatch
from prover.keys import setup
from prover.orders import Order, SealedOrder, Touch
from relayer.errors import AnswerError
from relayer.receipts import Challenge, Evidence, Intake, SignedReceipt
from relayer.signing import Signer
from tests.contracts.market import CONTRACT, DOLLAR, ROWS
from tests.contracts.venue import TERMS, Trader, Venue

PARAMS = "dev"
ORDERS_A_TOUCH = 2
CHALLENGER, STRANGER = 6, 7
BURN = "0x000000000000000000000000000000000000dEaD"
ANSWER_GAS = 500_000
LOST, RELEASED = 4, 5


@dataclass
class Taken:
    """An order with its owner and the receipt that the owner holds."""

    trader: Trader
    order: SealedOrder
    receipt: SignedReceipt


class Desk:
    """The operator of a venue as traders meet it: it takes orders into the open batch and gives receipts."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.vault = venue.vault
        self.signer = Signer(bytes(venue.vault.receipt_signer.key))
        self.taken: list[Taken] = []
        self._intake: Intake | None = None

    def open(self) -> None:
        """Opens the next batch."""
        number = self.venue.open()
        self._intake = Intake(self.vault.domain, number, self.vault.separator, self.signer)
        self.taken = []

    def take(self, trader: Trader, **fields: Value) -> Taken:
        """Takes an order and gives its receipt, which the trader checks."""
        assert self._intake is not None, "open first"
        order = Order(account=trader.index, max_fee_rate=TERMS.fee_rate, **fields)
        digest = order.hash(self.vault.domain)
        receipt = self._intake.take(digest, trader.index).check(
            self.signer.address,
            self.vault.separator,
            domain=self.vault.domain,
            order=digest,
            account=trader.index,
            batch=self.venue.batch,
        )
        signed = order.sealed(trader.seed, self.vault.domain, receipt.receipt.sequence)
        self.taken.append(Taken(trader, signed, receipt))
        return self.taken[-1]

    def seal(self, orders: Sequence[Taken]) -> Evidence:
        """Seals these orders, and what is needed to answer for them."""
        sealed = self.venue.seal(touches_of(orders))
        return Evidence(sealed)

    # ---- what others do with receipts

    @property
    def bonds(self) -> Contract:
        """The vault's bonds."""
        return self.vault.bonds

    def challenge(self, receipt: SignedReceipt, before: bool = False) -> int:
        """Somebody asks for the order of a receipt, or the one before; the challenge's number."""
        given = receipt.receipt.plain, receipt.signature, before
        sent = self.bonds.send("challenge", *given, sender=self.challenger, value=BONDS.stake)
        return int(self.bonds.event(sent, "Challenged")["challenge"])

    def kept(self, number: int) -> Challenge:
        """A challenge as the contract keeps it."""
        return Challenge(*self.bonds.call("challenges", number))

    def answer(self, evidence: Evidence, number: int) -> Receipt:
        """The operator shows what a challenge asks for."""
        return self.bonds.send("answer", number, evidence.answer(self.kept(number)))

    def bond(self, batch: int | None = None) -> tuple[Any, ...]:
        """Amount, stage, end of the window, open challenges, orders."""
        return tuple(self.bonds.call("bonds", batch or self.venue.batch))

    @property
    def challenger(self) -> str:
        """Who challenges: anybody who was given a receipt."""
        return self.vault.chain.accounts[CHALLENGER]


def touches_of(orders: Sequence[Taken]) -> list[Touch]:
    """One touch a trader, by increasing index."""
    owners = {each.trader.index: each.trader for each in orders}
    return [
        Touch(index, owners[index].holder, orders=tuple(each.order for each in orders if each.trader.index == index))
        for index in sorted(owners)
    ]


def without(orders: Sequence[Taken], missing: Taken) -> list[Taken]:
    """A batch that lacks an order, numbered without a gap as a seal must be."""
    rest = [each for each in orders if each is not missing]
    return [replace(each, order=replace(each.order, sequence=at)) for at, each in enumerate(rest, start=1)]


def bonded(orders: int) -> int:
    """What a sealed batch locks, in wei."""
    return BONDS.base + orders * BONDS.per_order


def refused(error: str, contract: Contract, function: str, *arguments: Value) -> tuple[Any, ...]:
    """Values of the error that a contract refuses a call with."""
    with pytest.raises(Reverted) as refusal:
        contract.call(function, *arguments)
    assert refusal.value.name == error
    return refusal.value.values


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with local_chain() as running:
        yield running


@pytest.fixture(scope="module")
def venue(chain: LocalChain) -> Venue:
    """A vault with a risk table; accounts of traders need not exist for their orders to be sealed."""
    made = Venue(chain, setup(PARAMS))
    made.post_epoch(ROWS)
    return made


@pytest.fixture
def desk(venue: Venue) -> Iterator[Desk]:
    with venue.forgotten():
        yield Desk(venue)


def fill(desk: Desk, rng: random.Random, traders: int) -> None:
    """Orders of some traders arrive in any order, at most as many of each as a touch holds."""
    desk.open()
    arrivals = [index for index in range(1, traders + 1) for _ in range(rng.randint(0, ORDERS_A_TOUCH))]
    rng.shuffle(arrivals)
    for slot, index in enumerate(arrivals):
        trader = Trader(f"trader {index}", index=index)
        desk.take(trader, instrument=3, quantity=CONTRACT, limit=100 * DOLLAR, slot=slot, buy=bool(index % 2))


# ------------------------------------------------------------------------------------------------- the honest operator


@pytest.mark.parametrize("seed", range(4))
def test_an_honest_operator_answers_every_receipt_of_any_batch(desk: Desk, seed: int) -> None:
    rng = random.Random(f"honest {seed}")
    fill(desk, rng, traders=rng.randint(1, 6))
    desk.take(Trader("last", index=9), instrument=7, quantity=CONTRACT, limit=DOLLAR)
    evidence, count = desk.seal(desk.taken), len(desk.taken)
    free = desk.bonds.call("free")
    asked = [desk.challenge(each.receipt) for each in desk.taken]
    asked += [desk.challenge(each.receipt, before=True) for each in desk.taken[1:]]
    assert desk.bond()[3] == len(asked)
    for number in rng.sample(asked, len(asked)):
        assert desk.answer(evidence, number).gas < ANSWER_GAS
    assert desk.bond()[0] == bonded(count)
    assert desk.bond()[3] == 0
    assert desk.bonds.call("free") == free + len(asked) * BONDS.stake


def test_no_two_receipts_of_an_honest_operator_contradict_each_other_or_the_seal(desk: Desk) -> None:
    fill(desk, random.Random("consistent"), traders=3)
    evidence = desk.seal(desk.taken)
    given = [(each.receipt.receipt.plain, each.receipt.signature) for each in desk.taken]
    for first in given:
        refused("NoContradiction", desk.bonds, "contradictSeal", *first, evidence.seal_root, evidence.receipts_hash)
        for second in given:
            refused("NoContradiction", desk.bonds, "contradict", *first, *second)


def test_the_bond_of_a_settled_batch_comes_back_with_the_stakes_of_its_challengers(desk: Desk) -> None:
    free = desk.bonds.call("free")
    desk.open()
    orders = [
        desk.take(Trader("alice", index=1), instrument=3, quantity=CONTRACT, limit=100 * DOLLAR, slot=at)
        for at in (0, 1)
    ]
    evidence = desk.seal(orders)
    early = desk.challenge(orders[0].receipt)
    settle(desk, evidence.batch)
    late = desk.challenge(orders[1].receipt, before=True)
    for number in (late, early):
        desk.answer(evidence, number)
    refused("NotReleasable", desk.bonds, "release", desk.venue.batch)
    desk.vault.chain.pass_time(BONDS.challenge_time + 1)
    desk.bonds.send("release", desk.venue.batch)
    assert desk.bond()[:2] == (0, RELEASED)
    assert desk.bonds.call("free") == free + 2 * BONDS.stake


def settle(desk: Desk, sealed: SealedBatch) -> Cleared:
    """Proves and settles the sealed batch."""
    cleared = desk.venue.clear(sealed)
    desk.venue.settle(desk.venue.prove(cleared), cleared)
    return cleared


# ---------------------------------------------------------------------------------------------------- the missing order


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_an_order_with_a_receipt_whose_batch_lacks_it_costs_the_operator_its_bond(desk: Desk, missing: int) -> None:
    desk.open()
    for index in (1, 2, 3):
        desk.take(Trader(f"trader {index}", index=index), instrument=3, quantity=CONTRACT, limit=100 * DOLLAR)
    left_out = desk.taken[missing]
    evidence = desk.seal(without(desk.taken, left_out))
    number = desk.challenge(left_out.receipt)
    with pytest.raises(AnswerError):
        evidence.answer(desk.kept(number))
    # Whatever the operator shows of its batch instead is refused.
    for sequence in (1, 2):
        shown = evidence.answer(of_order(desk, evidence, sequence))
        (what,) = refused("WrongAnswer", desk.bonds, "answer", number, shown)
        assert what.rstrip(b"\0") == b"order"
    refused("StillOpen", desk.bonds, "close", number)
    desk.vault.chain.pass_time(BONDS.answer_time + 1)
    desk.bonds.send("close", number, sender=desk.vault.chain.accounts[STRANGER])
    assert desk.bond()[:2] == (0, LOST)
    assert desk.bonds.call("owed", desk.challenger) == BONDS.stake + bonded(2) // 2
    assert desk.bonds.call("owed", BURN) == bonded(2) - bonded(2) // 2
    before = desk.vault.chain.balance(desk.challenger)
    desk.bonds.send("pay", desk.challenger, sender=desk.vault.chain.accounts[STRANGER])
    assert desk.vault.chain.balance(desk.challenger) == before + BONDS.stake + bonded(2) // 2


def of_order(desk: Desk, evidence: Evidence, sequence: int) -> Challenge:
    """A challenge that the sealed batch answers with its order of that number."""
    intake = Intake(desk.vault.domain, desk.venue.batch, desk.vault.separator, desk.signer)
    sealed = sorted(
        (each.sequence, each.order.hash(desk.vault.domain), touch.index)
        for touch in evidence.batch.touches
        for each in touch.orders
    )
    own = [intake.take(order, account).receipt for _, order, account in sealed][sequence - 1]
    return Challenge(desk.challenger, own.batch, own.sequence, 0, own.account, own.order, own.chained)


def test_a_settled_batch_is_no_shelter(desk: Desk) -> None:
    desk.open()
    for index in (1, 2):
        desk.take(Trader(f"trader {index}", index=index), instrument=3, quantity=CONTRACT, limit=100 * DOLLAR)
    evidence = desk.seal(without(desk.taken, desk.taken[0]))
    settle(desk, evidence.batch)
    number = desk.challenge(desk.taken[0].receipt)
    desk.vault.chain.pass_time(BONDS.answer_time + 1)
    desk.bonds.send("close", number)
    assert desk.bond()[:2] == (0, LOST)


def test_an_order_slipped_in_before_costs_the_operator_its_bond(desk: Desk) -> None:
    desk.open()
    for index in (1, 2, 3):
        desk.take(Trader(f"trader {index}", index=index), instrument=3, quantity=CONTRACT, limit=100 * DOLLAR)
    first, second, third = desk.taken
    # The operator exchanges the second order for its own; the third still has its number.
    own = Order(account=4, max_fee_rate=TERMS.fee_rate, instrument=3, quantity=CONTRACT, limit=101 * DOLLAR)
    trader = Trader("the operator's friend", index=4)
    slipped = replace(second, trader=trader, order=own.sealed(trader.seed, desk.vault.domain, 2))
    evidence = desk.seal([first, slipped, third])
    with pytest.raises(AnswerError):
        evidence.answer(desk.kept(desk.challenge(third.receipt, before=True)))
    # The last receipt contradicts the seal at once: its chain is another one.
    sent = third.receipt.receipt.plain, third.receipt.signature, evidence.seal_root, evidence.receipts_hash
    desk.bonds.send("contradictSeal", *sent, sender=desk.challenger)
    assert desk.bond()[:2] == (0, LOST)


def test_receipts_of_a_batch_that_was_never_sealed_cost_the_base(desk: Desk) -> None:
    desk.open()
    left = desk.take(Trader("alice", index=1), instrument=3, quantity=CONTRACT, limit=100 * DOLLAR)
    opened = desk.venue.batch
    desk.vault.chain.pass_time(desk.vault.plan.delays.open_time + 1)
    desk.open()
    number = desk.challenge(left.receipt)
    desk.vault.chain.pass_time(BONDS.answer_time + 1)
    desk.bonds.send("close", number)
    assert desk.bond(opened)[:2] == (0, LOST)
    assert desk.bonds.call("owed", desk.challenger) == BONDS.stake + BONDS.base // 2


def test_two_orders_under_one_number_cost_the_bond_at_once(desk: Desk) -> None:
    desk.open()
    taken = desk.take(Trader("alice", index=1), instrument=3, quantity=CONTRACT, limit=100 * DOLLAR)
    twice = replace(taken.receipt.receipt, order=b"\x01" * 32).signed(desk.signer, desk.vault.separator)
    desk.seal([taken])
    both = [part for each in (taken.receipt, twice) for part in (each.receipt.plain, each.signature)]
    desk.bonds.send("contradict", *both, sender=desk.challenger)
    assert desk.bonds.call("owed", desk.challenger) == bonded(1) // 2


def test_a_void_batch_gives_stakes_back_and_burns_the_bond(desk: Desk) -> None:
    desk.open()
    taken = desk.take(Trader("alice", index=1), instrument=3, quantity=CONTRACT, limit=100 * DOLLAR)
    desk.seal([taken])
    number = desk.challenge(taken.receipt)
    desk.venue.void()
    desk.bonds.send("close", number)
    assert desk.bonds.call("owed", desk.challenger) == BONDS.stake
    assert desk.bonds.call("owed", BURN) == bonded(1)
