"""The life of a vault on anvil, with real proofs, from the first deposit until nothing but dust is left.

Each chapter is a function and leaves the vault to the next one. In the last one the operator is gone: everybody leaves with what
stands on the chain and a seed of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from demo.chain import Contract, LocalChain, Reverted, Value, local_chain
from demo.vault import DAY, HOUR
from prover.batch import Leaf, Params, RiskRow, SettledRow, read_touch
from prover.data import OPEN_WORDS, SegmentData, read_words
from prover.escape import Escape, EscapeStatement, leaf_path, prove_escape
from prover.keys import setup
from prover.orders import Touch
from tests.contracts.market import CONTRACT, DOLLAR, ROWS, risk_row
from tests.contracts.venue import BENEFICIARY, STRANGER, Trader, Venue

PARAMS = "dev"
DEPOSIT = 10_000 * DOLLAR
COFFEE = "0x00000000000000000000000000000000000c0ffe"
EXIT = "0x000000000000000000000000000000000000e817"
EXPIRED = SettledRow(7, 55 * DOLLAR)
STAGE_LOST = 4
TOUCH_INDICES = 2**21


@dataclass
class Life:
    """A vault, its traders by name, and where each leaves to."""

    venue: Venue
    traders: dict[str, Trader] = field(default_factory=dict)

    @property
    def chain(self) -> LocalChain:
        return self.venue.chain

    @property
    def vault(self) -> Contract:
        return self.venue.contract

    @property
    def stranger(self) -> str:
        return self.chain.accounts[STRANGER]

    def balance(self, account: str) -> int:
        return self.venue.vault.balance(account)

    def home(self, trader: Trader) -> str:
        """The address that an account leaves to."""
        return f"0x{0xACC000 + trader.index:040x}"

    def claimed(self, recipient: str) -> int:
        """What a stranger's call of `claim` brought an address."""
        before = self.balance(recipient)
        self.vault.send("claim", recipient, sender=self.stranger)
        return self.balance(recipient) - before


def refused(contract: Contract, name: str, function: str, *arguments: Value, **options: Value) -> None:
    """The contract refuses a call with that error."""
    with pytest.raises(Reverted) as refusal:
        contract.call(function, *arguments, **options)
    assert refusal.value.name == name, refusal.value


@pytest.fixture
def life() -> Iterator[Life]:
    with local_chain() as chain:
        yield Life(Venue(chain, setup(PARAMS)))


def test_the_life_of_a_vault(life: Life) -> None:
    deposits_come_in_and_one_is_returned(life)
    a_batch_is_settled_by_a_stranger_for_a_reward(life)
    a_withdrawal_and_an_exit_are_claimed_after_an_expiry(life)
    a_batch_nobody_settles_is_void_and_the_next_one_goes_on(life)
    an_unanswered_exit_request_freezes_the_vault(life)
    everybody_leaves_without_the_operator(life)


def deposits_come_in_and_one_is_returned(life: Life) -> None:
    venue, payer = life.venue, life.venue.payer
    for number, name in enumerate(("alice", "bob", "carol", "dave"), 1):
        life.traders[name] = venue.deposit(Trader(name), DEPOSIT)
        assert life.traders[name].index == number
    venue.deposit(Trader("erin"), DEPOSIT)
    assert life.vault.call("pendingDeposits") == life.balance(venue.vault.address) == 5 * DEPOSIT

    refused(life.vault, "ReturnTooEarly", "returnDeposit", 4, sender=life.stranger)
    life.vault.send("returnDeposit", 4)
    assert life.claimed(payer) == DEPOSIT
    assert life.vault.call("pendingDeposits") == life.balance(venue.vault.address) == 4 * DEPOSIT


def a_batch_is_settled_by_a_stranger_for_a_reward(life: Life) -> None:
    venue, bonds, terms = life.venue, life.venue.vault.bonds, life.venue.vault.plan.bonds
    alice, bob = life.traders["alice"], life.traders["bob"]
    venue.post_epoch(ROWS)
    venue.open()
    buy = venue.order(alice, instrument=7, buy=True, quantity=3 * CONTRACT, limit=41 * DOLLAR)
    sell = venue.order(bob, instrument=7, buy=False, quantity=2 * CONTRACT, limit=39 * DOLLAR)
    orders = {alice.index: (buy,), bob.index: (sell,)}
    touches = [
        Touch(each.index, each.holder, DEPOSIT, None, orders.get(each.index, ())) for each in life.traders.values()
    ]
    cleared = venue.clear(venue.seal(touches))
    assert bonds.call("bonds", 1)[0] == terms.base + 2 * terms.per_order
    settlement = venue.prove(cleared)

    delays = venue.vault.plan.delays
    life.chain.next_block_at(life.vault.call("currentSeal")[8] + (delays.reward_start + delays.settle_time) // 2)
    venue.settle(settlement, cleared, sender=life.stranger)
    assert life.vault.call("root") == cleared.end_root
    assert life.vault.call("pendingDeposits") == 0

    beneficiary = life.chain.accounts[BENEFICIARY]
    reward, before = bonds.call("owed", beneficiary), life.chain.balance(beneficiary)
    # Half of the bond, reached with the last second: this is half of the way there.
    assert reward == pytest.approx((terms.base + 2 * terms.per_order) / 4, rel=1e-6)
    bonds.send("pay", beneficiary, sender=life.stranger)
    assert life.chain.balance(beneficiary) == before + reward


def a_withdrawal_and_an_exit_are_claimed_after_an_expiry(life: Life) -> None:
    venue, alice, carol = life.venue, life.traders["alice"], life.traders["carol"]
    venue.post_epoch((ROWS[0], ROWS[2]), [EXPIRED])
    venue.request_exit(carol, 2 * DEPOSIT, EXIT)
    venue.open()
    withdrawal = venue.order(alice, kind="withdraw", quantity=100, limit=10 * DOLLAR, recipient=COFFEE, slot=1)
    touches = [
        Touch(alice.index, alice.holder, orders=(withdrawal,)),
        Touch(life.traders["bob"].index, life.traders["bob"].holder),
        Touch(carol.index, carol.holder, exit=2 * DEPOSIT),
    ]
    cleared = venue.run(touches, [EXPIRED])
    assert [touch.expiry_value for touch in cleared.touches] == [
        0,
        *(s * 2 * CONTRACT * EXPIRED.value for s in (1, -1)),
        0,
    ]

    assert life.vault.call("totalClaimable") == 1_000 * DOLLAR + DEPOSIT
    assert life.claimed(COFFEE) == 1_000 * DOLLAR
    assert life.claimed(EXIT) == DEPOSIT
    refused(life.vault, "NothingToClaim", "claim", EXIT)
    assert life.balance(venue.vault.address) == 3 * DEPOSIT - 1_000 * DOLLAR


def a_batch_nobody_settles_is_void_and_the_next_one_goes_on(life: Life) -> None:
    venue, bonds = life.venue, life.venue.vault.bonds
    root = life.vault.call("root")
    late = venue.prove(venue.clear(venue.seal([])))
    life.chain.pass_time(venue.vault.plan.delays.settle_time + 1)
    with pytest.raises(Reverted, match="SealOver"):
        venue.attempt(late)
    life.vault.send("voidSeal", sender=life.stranger)
    assert (life.vault.call("root"), life.vault.call("lastVoid")) == (root, venue.batch)
    assert bonds.call("bonds", venue.batch)[1] == STAGE_LOST

    venue.post_epoch((ROWS[0], ROWS[2]))
    venue.open()
    bob, dave = life.traders["bob"], life.traders["dave"]
    bid = venue.order(bob, instrument=9, buy=True, quantity=CONTRACT, limit=6 * DOLLAR, slot=1, first_batch=venue.batch)
    ask = venue.order(dave, instrument=9, buy=False, quantity=CONTRACT, limit=4 * DOLLAR, first_batch=venue.batch)
    touches = [Touch(bob.index, bob.holder, orders=(bid,)), Touch(dave.index, dave.holder, orders=(ask,))]
    cleared = venue.run(touches)
    assert [outcome.fill for touch in cleared.touches for outcome in touch.orders] == [CONTRACT, CONTRACT]


def an_unanswered_exit_request_freezes_the_vault(life: Life) -> None:
    venue, payer, dave = life.venue, life.venue.payer, life.traders["dave"]
    deadline = venue.request_exit(dave, DEPOSIT, EXIT)
    venue.deposit(life.traders["carol"], DEPOSIT)
    refused(life.vault, "NoReasonToFreeze", "freeze", sender=life.stranger)
    life.chain.block_at(deadline + 1)
    life.vault.send("freeze", sender=life.stranger)

    refused(life.vault, "VaultFrozen", "open")
    refused(life.vault, "VaultFrozen", "deposit", 1, DEPOSIT, sender=payer)
    refused(life.vault, "VaultFrozen", "freeze")
    entry = life.vault.call("depositQueue")[0]
    life.vault.send("returnDeposit", entry, sender=life.stranger)
    assert life.claimed(payer) == DEPOSIT


def everybody_leaves_without_the_operator(life: Life) -> None:
    last = last_touches(life.venue)
    held = life.balance(life.venue.vault.address)
    owners = [life.venue.fund, *life.traders.values()]
    worth = {owner.name: escaped(life, last, owner) for owner in owners}
    assert sum(worth.values()) <= held < sum(worth.values()) + len(owners)
    assert worth["carol"] == 0 < worth["fund"] < worth["bob"]

    window = life.venue.vault.plan.delays.claim_window
    refused(life.vault, "WindowOpen", "payEscape", 1)
    life.chain.pass_time(window + 1)
    for owner in owners[1:]:
        life.vault.send("payEscape", owner.index, sender=life.stranger)
        refused(life.vault, "EscapeAlreadyPaid", "payEscape", owner.index)
    refused(life.vault, "WindowOpen", "payEscape", 0)
    life.chain.pass_time(window + 1)
    life.vault.send("payEscape", 0, sender=life.stranger)
    for owner in owners:
        if worth[owner.name]:
            assert life.claimed(life.home(owner)) == worth[owner.name]
    assert life.vault.call("totalClaimable") == 0
    assert life.balance(life.venue.vault.address) < len(owners)


def escaped(
    life: Life,
    last: dict[int, tuple[int, ...]],
    owner: Trader,
    risk: tuple[RiskRow, ...] = (ROWS[0], ROWS[2]),
    settled: tuple[SettledRow, ...] = (EXPIRED,),
) -> int:
    """Registers what an account is worth, from the words of all accounts' last touches, the last batch's marks and the owner's keys;
    token units.
    """
    vault, domain = life.vault, life.vault.call("domain")
    escape = Escape(
        params=PARAMS,
        domain=domain,
        index=owner.index,
        recipient=life.home(owner),
        holder=owner.holder,
        leaf=leaf_of(owner, last, domain),
        path=leaf_path(PARAMS, {index: words[2] for index, words in last.items()}, owner.index)[1],
        risk=risk,
        settled={row.instrument: row.value for row in settled},
    )
    inputs, proof = prove_escape(escape, life.venue.keys, seed=owner.seed)
    shown = EscapeStatement.from_inputs(inputs)
    assert shown.root == vault.call("root")
    claim = (owner.index, shown.recipient, shown.equity, shown.settled_words, proof)
    thief = (owner.index, life.stranger, shown.equity, shown.settled_words, proof)
    richer = (owner.index, shown.recipient, shown.equity + 1, shown.settled_words, proof)
    for changed in (thief, richer):
        refused(vault, "ProofsRefused", "escape", changed)
    vault.send("escape", claim, sender=life.stranger)
    refused(vault, "AlreadyEscaped", "escape", claim)
    return shown.equity


def leaf_of(owner: Trader, last: dict[int, tuple[int, ...]], domain: int) -> Leaf:
    """The account as its owner reads it from its last touch."""
    return read_touch(PARAMS, list(last[owner.index]), owner.holder, domain, owner.index).leaf


def last_touches(venue: Venue) -> dict[int, tuple[int, ...]]:
    """The public words of each account's last touch, from the calldata of all settlements; every batch touches leaf 0."""
    chain, sizes, last = venue.chain, Params.named(PARAMS), dict[int, tuple[int, ...]]()
    topic = venue.contract.topic("BatchSettled")
    logs = chain.rpc("eth_getLogs", {"address": venue.contract.address, "fromBlock": "0x0", "topics": [topic]})
    opened = sizes.touches * OPEN_WORDS
    for log in logs:
        _, part, _, _ = venue.contract.decoded("settle", chain.calldata(log["transactionHash"]))
        words = read_words(part[1])
        for at in range(0, len(words), sizes.touches * sizes.words):
            segment = words[at : at + sizes.touches * sizes.words]
            for touch in SegmentData(segment[:opened], segment[opened:]).touches:
                if touch[0]:
                    last[touch[0] % TOUCH_INDICES] = touch
    return last


# ------------------------------------------------------------------------------------------------------- other endings


def test_where_the_sum_demands_it_everybody_leaves_pro_rata(life: Life) -> None:
    """A debtor owes what two others are worth; who registers too late finds what is left of the shares: nothing."""
    venue, vault, window = life.venue, life.vault, life.venue.vault.plan.delays.claim_window
    debtor_owes_the_others(life)
    last, rich = last_touches(venue), (risk_row(7, 400 * DOLLAR),)
    alice, bob, carol = life.traders.values()
    worth = {each.name: escaped(life, last, each, rich, ()) for each in (alice, bob)}
    total, held = sum(worth.values()), life.balance(venue.vault.address)
    assert worth["bob"] == 0 < held < total

    life.chain.pass_time(window + 1)
    late = escaped(life, last, carol, rich, ())
    for owner in life.traders.values():
        vault.send("payEscape", owner.index, sender=life.stranger)
    assert vault.call("pot") == (held, total)
    assert life.claimed(life.home(alice)) == worth["alice"] * held // total < worth["alice"]
    assert late > 0
    for nobody in (bob, carol):
        refused(vault, "NothingToClaim", "claim", life.home(nobody))
    assert life.balance(venue.vault.address) < 2


def debtor_owes_the_others(life: Life) -> None:
    """Bob sells a contract to alice whose mark then rises tenfold, far beyond bob's cash; an exit request stays unanswered."""
    venue, row = life.venue, ROWS[1]
    amounts = {"alice": 50 * DOLLAR, "bob": 60 * DOLLAR, "carol": DOLLAR}
    for name, amount in amounts.items():
        life.traders[name] = venue.deposit(Trader(name), amount)
    alice, bob, carol = life.traders.values()
    venue.post_epoch([row])
    venue.open()
    buy = venue.order(alice, instrument=7, buy=True, quantity=CONTRACT, limit=40 * DOLLAR)
    sell = venue.order(bob, instrument=7, buy=False, quantity=CONTRACT, limit=40 * DOLLAR)
    orders = {alice.index: (buy,), bob.index: (sell,)}
    touches = [
        Touch(each.index, each.holder, amounts[name], None, orders.get(each.index, ()))
        for name, each in life.traders.items()
    ]
    cleared = venue.run(touches)
    assert [outcome.fill for touch in cleared.touches for outcome in touch.orders] == [CONTRACT, CONTRACT]
    venue.post_epoch([risk_row(7, 400 * DOLLAR)])
    venue.run([])
    life.chain.block_at(venue.request_exit(carol, DOLLAR, EXIT) + 1)
    life.vault.send("freeze", sender=life.stranger)


def test_a_retired_vault_ends_when_its_notice_has_passed(life: Life) -> None:
    vault, notice = life.vault, life.venue.vault.plan.delays.notice
    alice = life.traders["alice"] = life.venue.deposit(Trader("alice"), DEPOSIT)
    life.venue.post_epoch(ROWS)
    life.venue.run([Touch(alice.index, alice.holder, DEPOSIT)])
    refused(vault, "OnlyOperator", "retire", COFFEE, sender=life.stranger)
    vault.send("retire", COFFEE)
    refused(vault, "AlreadyRetiring", "retire", COFFEE)
    # Leaving costs nothing from the announcement on.
    proof = life.venue.exit_proof(alice, DEPOSIT, EXIT)
    fee = life.venue.vault.plan.limits.exit_fee
    refused(vault, "WrongFee", "requestExit", alice.index, DEPOSIT, EXIT, proof, value=fee)
    vault.send("requestExit", alice.index, DEPOSIT, EXIT, proof)
    life.venue.run([Touch(alice.index, alice.holder, exit=DEPOSIT)])
    assert life.claimed(EXIT) == DEPOSIT
    refused(vault, "NoReasonToFreeze", "freeze")
    life.chain.pass_time(notice)
    life.venue.post_epoch(ROWS)
    refused(vault, "Retired", "open")
    vault.send("freeze", sender=life.stranger)
    assert vault.call("frozenAt") == life.chain.time()


def test_a_freeze_waits_for_the_seal_in_force_and_voids_one_that_is_over(life: Life) -> None:
    vault, alice = life.vault, life.venue.deposit(Trader("alice"), DEPOSIT)
    life.venue.post_epoch(ROWS)
    life.venue.run([Touch(alice.index, alice.holder, DEPOSIT)])
    deadline = life.venue.request_exit(alice, DEPOSIT, EXIT)
    life.chain.block_at(deadline - HOUR)
    life.venue.post_epoch(ROWS)
    life.venue.seal([], ends=(1, 0))
    life.chain.block_at(deadline + 1)
    refused(vault, "SealInForce", "freeze")
    life.chain.pass_time(life.venue.vault.plan.delays.settle_time)
    vault.send("freeze", sender=life.stranger)
    assert vault.call("lastVoid") == life.venue.batch
    refused(vault, "NoSeal", "voidSeal")


def test_a_late_exit_request_must_be_in_the_next_seal(life: Life) -> None:
    vault, alice = life.vault, life.venue.deposit(Trader("alice"), DEPOSIT)
    life.venue.post_epoch(ROWS)
    life.venue.run([Touch(alice.index, alice.holder, DEPOSIT)])
    deadline = life.venue.request_exit(alice, DEPOSIT, EXIT)
    life.chain.block_at(deadline + 1)
    life.venue.post_epoch(ROWS)
    life.venue.open()
    refused(vault, "LateExitLeft", "seal", (b"\1" * 32, bytes(32), 2, 0, 1, 0))
    cleared = life.venue.run([Touch(alice.index, alice.holder, exit=DEPOSIT)])
    assert cleared.touches[1].paid == life.claimed(EXIT) == DEPOSIT
    refused(vault, "NoReasonToFreeze", "freeze")


def test_an_opening_that_is_not_sealed_is_used_up_and_no_void(life: Life) -> None:
    vault, venue = life.vault, life.venue
    venue.post_epoch(ROWS)
    assert venue.open() == 1
    refused(vault, "OpeningInForce", "open")
    life.chain.pass_time(venue.vault.plan.delays.open_time + 1)
    refused(vault, "OpeningOver", "seal", (b"\1" * 32, bytes(32), 1, 0, 0, 0))
    receipt = vault.send("open")
    assert vault.event(receipt, "OpeningExpired")["batch"] == 1
    assert (vault.call("batch"), vault.call("lastVoid")) == (2, 0)
    life.chain.pass_time(DAY)
    refused(vault, "OpeningOver", "seal", (b"\1" * 32, bytes(32), 1, 0, 0, 0))
