"""What chains, miners, tokens and recipients do to a vault, on a real anvil: reorgs, fees, copies, hostile code, deadlines.

Nothing is proven here but two batches: a chain that forgets a block is given the same proofs again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from demo.chain import ChainError, Contract, LocalChain, Receipt, Reverted, Value, local_chain
from prover.batch import Cleared, SealedBatch, SettledRow
from prover.hashing import keccak256
from prover.keys import setup
from prover.orders import Touch
from prover.posting import Posting
from prover.settlement import Settlement
from tests.contracts.market import CONTRACT, DOLLAR, ROWS
from tests.contracts.venue import BENEFICIARY, STRANGER, Trader, Venue

DEPTHS = range(1, 13)
SECONDS = itertools.count(1)
DEPOSIT = 10_000 * DOLLAR
RECIPIENT = "0x00000000000000000000000000000000000c0ffe"
EXPIRED = SettledRow(7, 55 * DOLLAR)
SEAL_DELAY = 1800
"""Seconds from the opening to the seal, so that the seal can be made again at its time."""

# Code that answers every call: with a mebibyte of zeros, by reverting with one, by using all its gas.
RETURNS_MUCH = "0x621000005ff3"
REVERTS_WITH_MUCH = "0x621000005ffd"
USES_ALL_GAS = "0x5b5f56"
HOSTILE = pytest.mark.parametrize("code", [RETURNS_MUCH, REVERTS_WITH_MUCH, USES_ALL_GAS])
GAS = 20_000_000
"""Gas of a transaction whose callee may use all but a 64th of it."""

LIBRARY_ERRORS = {keccak256(f"{name}()".encode())[:4]: name for name in ("TransferFailed", "TransferFromFailed")}

ANSWERS_NOTHING, ANSWERS_FALSE, TAKES_A_FEE, MOVES_NOTHING, MOVES_TWICE = range(1, 6)
"""Habits of the test token (`TestToken.Habit`)."""


@dataclass
class Story:
    """A venue whose second batch is opened; what it will be sealed with at `time`, cleared and proven then."""

    venue: Venue
    touches: list[Touch]
    time: int
    cleared: Cleared
    settlement: Settlement

    @property
    def vault(self) -> Contract:
        return self.venue.contract

    @property
    def chain(self) -> LocalChain:
        return self.venue.chain

    def seal(self, time: int | None = None) -> SealedBatch:
        """Seals the second batch at its time, or another."""
        self.chain.next_block_at(time or self.time)
        return self.venue.seal(self.touches, [EXPIRED])

    def settle(self, sender: str | None = None) -> Receipt:
        """Settles the second batch."""
        return self.venue.vault.settle(Posting(self.settlement), sender)

    def refused(self, name: str) -> None:
        """The vault refuses the settlement of the second batch with that error."""
        refused(self.vault, name, "settle", *self.venue.vault.settle_arguments(Posting(self.settlement)))

    def mine(self, blocks: int) -> None:
        """Blocks with nothing in them."""
        for _ in range(blocks):
            self.chain.rpc("evm_mine")

    def reorg(self, depth: int) -> None:
        """The chain takes back its last blocks and goes on with as many empty ones."""
        height = int(self.chain.rpc("eth_blockNumber"), 16)
        self.chain.rpc("anvil_reorg", depth, [])
        assert int(self.chain.rpc("eth_blockNumber"), 16) == height

    def owed(self, account: str) -> int:
        """Wei that the bonds owe an account."""
        return int(self.venue.vault.bonds.call("owed", account))


def refused(contract: Contract, name: str, function: str, *arguments: Value, **options: Value) -> None:
    """The contract refuses a call with that error, its own or of the library that moves tokens."""
    with pytest.raises(Reverted) as refusal:
        contract.call(function, *arguments, **options)
    assert name in {refusal.value.name, LIBRARY_ERRORS.get(refusal.value.data)}, refusal.value


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """Batch 1: three deposits and a trade. Batch 2: an expiry, a withdrawal and an exit to one recipient."""
    with local_chain() as chain:
        venue = Venue(chain, setup("dev"))
        venue.post_epoch(ROWS)
        alice, bob, carol = (venue.deposit(Trader(name), DEPOSIT) for name in ("alice", "bob", "carol"))
        buy = venue.order(alice, instrument=7, buy=True, quantity=3 * CONTRACT, limit=41 * DOLLAR)
        sell = venue.order(bob, instrument=7, buy=False, quantity=2 * CONTRACT, limit=39 * DOLLAR)
        orders = {alice.index: (buy,), bob.index: (sell,)}
        venue.run(
            [Touch(each.index, each.holder, DEPOSIT, None, orders.get(each.index, ())) for each in (alice, bob, carol)]
        )

        venue.post_epoch((ROWS[0], ROWS[2]), [EXPIRED])
        venue.request_exit(carol, 2 * DEPOSIT, RECIPIENT)
        venue.open()
        withdrawal = venue.order(alice, kind="withdraw", quantity=100, limit=10 * DOLLAR, recipient=RECIPIENT, slot=1)
        touches = [
            Touch(0, venue.fund.holder),
            Touch(alice.index, alice.holder, orders=(withdrawal,)),
            Touch(bob.index, bob.holder),
            Touch(carol.index, carol.holder, exit=2 * DEPOSIT),
        ]
        time = chain.time() + SEAL_DELAY
        with venue.forgotten():
            chain.next_block_at(time)
            cleared = venue.clear(venue.seal(touches, [EXPIRED]))
            settlement = venue.prove(cleared)
        # Blocks that no test takes back lie below those that a test makes.
        yield Story(venue, touches, time, cleared, settlement)


@pytest.fixture
def opened(story: Story) -> Iterator[Story]:
    """The second batch opened, on a chain that forgets what the test does.

    The block that all others of the test follow has a time of its own: anvil takes a block that it has had before, and forgotten, for
    an old one whose state it may drop.
    """
    with story.venue.forgotten():
        story.chain.pass_time(next(SECONDS))
        yield story


# -------------------------------------------------------------------------------------------------------------- reorgs


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_deposit_that_a_reorg_drops_is_gone_whole_and_can_be_made_again(opened: Story, depth: int) -> None:
    venue, vault = opened.venue, opened.vault
    held, dave = venue.vault.balance(venue.payer), Trader("dave")
    first = venue.deposit(dave, DEPOSIT)
    opened.mine(depth - 1)
    opened.reorg(depth)
    assert venue.vault.balance(venue.payer) == held
    assert (vault.call("depositQueue"), vault.call("pendingDeposits")) == ((3, 3), 0)
    assert vault.call("accountOf", dave.holder.owner) == (False, 0)
    assert venue.deposit(dave, DEPOSIT) == first
    assert venue.vault.balance(venue.payer) == held - DEPOSIT


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_seal_that_a_reorg_drops_is_no_seal_until_it_is_made_again(opened: Story, depth: int) -> None:
    opened.seal()
    opened.mine(depth - 1)
    opened.reorg(depth)
    opened.refused("NoSeal")
    assert opened.vault.call("opening")[0] == opened.venue.batch
    opened.seal()
    opened.settle()
    assert opened.vault.call("root") == opened.cleared.end_root


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_seal_made_again_at_another_time_needs_other_proofs(opened: Story, depth: int) -> None:
    opened.seal()
    opened.mine(depth - 1)
    opened.reorg(depth)
    sealed = opened.seal(opened.time + 1)
    assert sealed.context.time == opened.time + 1
    opened.refused("ProofsRefused")


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_settlement_that_a_reorg_drops_settles_again_by_the_same_proofs_and_pays_once(
    opened: Story, depth: int
) -> None:
    vault, root = opened.vault, opened.vault.call("root")
    opened.seal()
    opened.settle()
    opened.mine(depth - 1)
    opened.reorg(depth)
    assert (vault.call("root"), vault.call("claimable", RECIPIENT), vault.call("exitQueue")[0]) == (root, 0, 0)
    opened.settle(opened.chain.accounts[STRANGER])
    assert vault.call("root") == opened.cleared.end_root
    assert vault.call("claimable", RECIPIENT) == vault.call("totalClaimable") == sum_paid(opened)
    opened.refused("NoSeal")


def sum_paid(story: Story) -> int:
    """Token units that leave accounts in the second batch."""
    return sum(touch.paid for touch in story.cleared.touches)


@pytest.mark.parametrize("depth", range(2, 13))
def test_a_claim_that_a_reorg_drops_with_its_settlement_is_paid_once(opened: Story, depth: int) -> None:
    venue, vault = opened.venue, opened.vault
    held = venue.vault.balance(venue.vault.address)
    opened.seal()
    opened.settle()
    vault.send("claim", RECIPIENT)
    assert venue.vault.balance(RECIPIENT) == sum_paid(opened)
    opened.mine(depth - 2)
    opened.reorg(depth)
    assert (venue.vault.balance(RECIPIENT), venue.vault.balance(venue.vault.address)) == (0, held)
    refused(vault, "NothingToClaim", "claim", RECIPIENT)
    opened.settle()
    vault.send("claim", RECIPIENT)
    refused(vault, "NothingToClaim", "claim", RECIPIENT)
    assert venue.vault.balance(RECIPIENT) == sum_paid(opened) == held - venue.vault.balance(venue.vault.address)


def test_a_deposit_that_was_credited_and_then_dropped_is_credited_nowhere(opened: Story) -> None:
    """The batch that credited it is dropped as well, and cannot be sealed or settled without it."""
    venue, vault = opened.venue, opened.vault
    root = vault.call("root")
    dave = venue.deposit(Trader("dave"), DEPOSIT)
    touches = [*opened.touches, Touch(dave.index, dave.holder, DEPOSIT)]
    opened.chain.next_block_at(opened.time)
    cleared = venue.clear(venue.seal(touches, [EXPIRED]))
    request = (cleared.seal_root, b"\1" * 32, len(touches), cleared.active_orders, 4, 1)
    settlement = venue.prove(cleared)
    posting = Posting(settlement)
    arguments = venue.vault.settle_arguments(posting)
    venue.vault.settle(posting)
    assert vault.call("root") == cleared.end_root

    opened.reorg(3)
    assert vault.call("root") == root
    assert vault.call("accountOf", dave.holder.owner) == (False, 0)
    refused(vault, "QueueEndOutOfRange", "seal", request)
    opened.chain.next_block_at(opened.time)
    vault.send("seal", (*request[:4], 3, 1))
    refused(vault, "ProofsRefused", "settle", *arguments)


# -------------------------------------------------------------------------------------------------------- fees, copies


def test_a_base_fee_ten_times_higher_stops_no_call(opened: Story) -> None:
    chain = opened.chain
    fee = int(chain.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    for action in (opened.seal, opened.settle, lambda: opened.venue.deposit(Trader("dave"), DEPOSIT)):
        fee *= 10
        chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(fee))
        action()
        assert int(chain.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16) == fee
    assert opened.vault.call("root") == opened.cleared.end_root


def test_a_settlement_too_cheap_for_a_fee_spike_settles_when_the_fee_has_fallen(opened: Story) -> None:
    chain, vault = opened.chain, opened.vault
    opened.seal()
    fee = int(chain.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    data = vault.encoded("settle", *opened.venue.vault.settle_arguments(Posting(opened.settlement)))
    transaction = {
        "from": chain.accounts[STRANGER],
        "to": vault.address,
        "data": "0x" + data.hex(),
        "gas": hex(GAS),
        "maxFeePerGas": hex(2 * fee),
        "maxPriorityFeePerGas": "0x0",
    }
    chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(10 * fee))
    with pytest.raises(ChainError, match="fee"):
        chain.rpc("eth_sendTransaction", transaction)
    assert vault.call("root") == opened.settlement.start_root
    opened.mine(1)
    chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(fee))
    opened.settle(chain.accounts[STRANGER])
    assert vault.call("root") == opened.cleared.end_root


def test_who_copies_a_settlement_pays_for_it_and_the_beneficiary_is_rewarded_once(opened: Story) -> None:
    chain, delays = opened.chain, opened.venue.vault.plan.delays
    opened.seal()
    chain.next_block_at(opened.time + (delays.reward_start + delays.settle_time) // 2)
    copier, beneficiary = chain.accounts[STRANGER], chain.accounts[BENEFICIARY]
    opened.settle(copier)
    reward = opened.owed(beneficiary)
    assert reward > 0
    assert opened.owed(copier) == 0
    opened.refused("NoSeal")
    assert opened.owed(beneficiary) == reward


# ----------------------------------------------------------------------------------------------------------- elsewhere


def test_a_settlement_is_refused_on_a_chain_of_another_number(opened: Story) -> None:
    opened.seal()
    opened.chain.rpc("anvil_setChainId", opened.chain.chain_id + 1)
    try:
        opened.refused("WrongChain")
    finally:
        opened.chain.rpc("anvil_setChainId", opened.chain.chain_id)
    opened.settle()


def test_a_settlement_is_refused_by_a_vault_that_sealed_the_same(opened: Story) -> None:
    """Same keys, numbers, queues and seal; only the domain and what follows from it differ."""
    other = Venue(opened.chain, opened.venue.keys)
    other.post_epoch(ROWS)
    for name in ("alice", "bob", "carol"):
        other.deposit(Trader(name), DEPOSIT)
    other.open()
    here = opened.settlement
    request = (opened.cleared.seal_root, b"\1" * 32, len(opened.touches), opened.cleared.active_orders, 3, 0)
    opened.chain.next_block_at(opened.time)
    other.contract.send("seal", request)
    refused(other.contract, "WrongInstruments", "settle", *other.vault.settle_arguments(Posting(here)))
    opened.chain.next_block_at(opened.time + 1)
    other.contract.send("voidSeal")
    other.post_epoch((ROWS[0], ROWS[2]), [EXPIRED])
    other.open()
    other.contract.send("seal", request)
    refused(other.contract, "ProofsRefused", "settle", *other.vault.settle_arguments(Posting(here)))


# --------------------------------------------------------------------------------------------------------- hostile code


@HOSTILE
def test_a_hostile_token_holds_up_no_batch(opened: Story, code: str) -> None:
    vault, token = opened.vault, opened.venue.vault.token
    opened.chain.rpc("anvil_setCode", token.address, code)
    opened.seal()
    opened.settle()
    assert vault.call("root") == opened.cleared.end_root
    assert vault.call("claimable", RECIPIENT) == sum_paid(opened)
    with pytest.raises((Reverted, ChainError)):
        vault.send("deposit", 1, DEPOSIT, sender=opened.venue.payer, gas=GAS)
    with pytest.raises((Reverted, ChainError)):
        vault.send("claim", RECIPIENT, gas=GAS)
    assert (vault.call("claimable", RECIPIENT), vault.call("depositQueue")) == (sum_paid(opened), (3, 3))


@HOSTILE
def test_a_hostile_recipient_of_tokens_is_never_called(opened: Story, code: str) -> None:
    opened.chain.rpc("anvil_setCode", RECIPIENT, code)
    opened.seal()
    opened.settle()
    opened.vault.send("claim", RECIPIENT)
    assert opened.venue.vault.balance(RECIPIENT) == sum_paid(opened)


@HOSTILE
def test_a_hostile_beneficiary_holds_up_neither_the_settlement_nor_others_coins(opened: Story, code: str) -> None:
    chain, bonds, delays = opened.chain, opened.venue.vault.bonds, opened.venue.vault.plan.delays
    beneficiary = chain.accounts[BENEFICIARY]
    chain.rpc("anvil_setCode", beneficiary, code)
    opened.seal()
    chain.next_block_at(opened.time + (delays.reward_start + delays.settle_time) // 2)
    opened.settle()
    owed = opened.owed(beneficiary)
    assert owed > 0
    if code == RETURNS_MUCH:
        bonds.send("pay", beneficiary, gas=GAS)
        assert opened.owed(beneficiary) == 0
    else:
        with pytest.raises((Reverted, ChainError)):
            bonds.send("pay", beneficiary, gas=GAS)
        assert opened.owed(beneficiary) == owed
    free = bonds.call("free")
    bonds.send("withdraw", free)
    assert bonds.call("free") == 0


@pytest.mark.parametrize(
    ("habit", "error"),
    [
        (ANSWERS_FALSE, "TransferFromFailed"),
        (TAKES_A_FEE, "WrongTransfer"),
        (MOVES_NOTHING, "WrongTransfer"),
        (MOVES_TWICE, "WrongTransfer"),
    ],
)
def test_a_deposit_in_a_token_that_lies_is_refused(opened: Story, habit: int, error: str) -> None:
    venue = opened.venue
    venue.vault.token.send("setHabit", habit)
    refused(opened.vault, error, "deposit", 1, DEPOSIT, sender=venue.payer)


@pytest.mark.parametrize(
    ("habit", "error"),
    [(ANSWERS_FALSE, "TransferFailed"), (MOVES_NOTHING, "WrongTransfer"), (MOVES_TWICE, "WrongTransfer")],
)
def test_a_claim_in_a_token_that_lies_is_refused_and_stays_claimable(opened: Story, habit: int, error: str) -> None:
    venue, vault = opened.venue, opened.vault
    opened.seal()
    opened.settle()
    venue.vault.token.send("setHabit", habit)
    refused(vault, error, "claim", RECIPIENT)
    venue.vault.token.send("setHabit", 0)
    vault.send("claim", RECIPIENT)
    assert venue.vault.balance(RECIPIENT) == sum_paid(opened)


def test_a_token_that_answers_nothing_is_taken_as_one_that_answers_yes(opened: Story) -> None:
    venue = opened.venue
    venue.vault.token.send("setHabit", ANSWERS_NOTHING)
    venue.deposit(Trader("dave"), DEPOSIT)
    assert opened.vault.call("pendingDeposits") == DEPOSIT


def test_a_token_that_calls_back_gets_in_nowhere(opened: Story) -> None:
    """While it moves tokens it tries everything that moves some: each is refused, and the outer call does what it does."""
    venue, vault = opened.venue, opened.vault
    token, posting = venue.vault.token, Posting(opened.settlement)
    opened.seal()
    attempts = {
        "deposit": (2, DEPOSIT),
        "returnDeposit": (3,),
        "claim": (RECIPIENT,),
        "requestExit": (1, DEPOSIT, RECIPIENT, (0,) * 8),
        "settle": venue.vault.settle_arguments(posting),
        "payEscape": (1,),
    }
    for number, (name, arguments) in enumerate(attempts.items(), 1):
        token.send("setCallBack", vault.address, vault.encoded(name, *arguments))
        venue.deposit(Trader(f"trader {name}"), DEPOSIT)
        assert vault.call("pendingDeposits") == number * DEPOSIT, name
        assert token.call("refusal") == keccak256(b"Reentered()")[:4], name
    assert vault.call("currentSeal")[1] == venue.batch


def test_a_rebase_that_takes_deposits_is_noticed_before_the_next_one(opened: Story) -> None:
    venue = opened.venue
    venue.vault.token.send("burn", venue.vault.address, 1)
    refused(opened.vault, "TokenMissing", "deposit", 1, DEPOSIT, sender=venue.payer)


# ----------------------------------------------------------------------------------------------------------- deadlines


def test_a_batch_settles_in_the_last_second_of_its_time(opened: Story) -> None:
    opened.seal()
    opened.chain.next_block_at(opened.time + opened.venue.vault.plan.delays.settle_time)
    opened.settle()
    assert opened.vault.call("root") == opened.cleared.end_root


def test_a_batch_does_not_settle_one_second_later_and_anyone_voids_it(opened: Story) -> None:
    opened.seal()
    last = opened.time + opened.venue.vault.plan.delays.settle_time
    stranger = opened.chain.accounts[STRANGER]
    opened.chain.block_at(last)
    refused(opened.vault, "SealNotOver", "voidSeal", sender=stranger)
    opened.chain.block_at(last + 1)
    opened.refused("SealOver")
    opened.vault.send("voidSeal", sender=stranger)
    opened.refused("NoSeal")
    assert opened.vault.call("lastVoid") == opened.venue.batch
