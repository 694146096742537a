"""Real proofs of both circuits, settled by the contract on anvil: two batches in a row, and everything that is not them refused."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from demo.chain import FIELD_ORDER, LocalChain, Receipt, Reverted, local_chain
from prover.batch import Cleared, RiskRow, SealedBatch, SettledRow, State
from prover.keys import setup
from prover.orders import Touch
from prover.settlement import ClosingPart, SegmentPart, Settlement
from tests.contracts.venue import Trader, Venue, arguments, attempt

DOLLAR = 10**6  # token units, and price units a contract
CONTRACT = 10**4  # lots
RECIPIENT = "0x00000000000000000000000000000000000c0ffe"


def risk_row(instrument: int, mark: int) -> RiskRow:
    """An option that loses or gains a tenth in the scenarios."""
    values = (mark * 9 // 10, mark * 95 // 100, mark * 105 // 100, mark * 11 // 10)
    return RiskRow(instrument, mark, mark // 10, 0, values)


ROWS = (risk_row(3, 100 * DOLLAR), risk_row(7, 40 * DOLLAR), risk_row(9, 5 * DOLLAR))


@dataclass
class Settled:
    """A batch that is sealed on chain, proven, and not settled yet; or settled, with the receipt."""

    sealed: SealedBatch
    cleared: Cleared
    settlement: Settlement
    receipt: Receipt | None = None


@dataclass
class Story:
    """A venue whose first batch is settled and whose second is sealed and proven."""

    venue: Venue
    traders: list[Trader]
    first: Settled
    second: Settled


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with local_chain() as running:
        yield running


@pytest.fixture(scope="module")
def story(chain: LocalChain) -> Story:
    """Batch 1: three traders deposit and two of them trade. Batch 2: an expiry, a withdrawal, an exit."""
    venue = Venue(chain, setup("dev"))
    venue.post_epoch(ROWS)
    traders = [venue.deposit(Trader(name), 10_000 * DOLLAR) for name in ("alice", "bob", "carol")]
    alice, bob, carol = traders
    buy = venue.order(alice, instrument=7, buy=True, quantity=3 * CONTRACT, limit=41 * DOLLAR)
    sell = venue.order(bob, instrument=7, buy=False, quantity=2 * CONTRACT, limit=39 * DOLLAR)
    touches = [
        Touch(alice.index, alice.holder, 10_000 * DOLLAR, None, (buy,)),
        Touch(bob.index, bob.holder, 10_000 * DOLLAR, None, (sell,)),
        Touch(carol.index, carol.holder, 10_000 * DOLLAR),
    ]
    first = proven(venue, touches)
    first.receipt = venue.settle(first.settlement, first.cleared)

    expired = SettledRow(7, 55 * DOLLAR)
    venue.post_epoch((ROWS[0], ROWS[2]), [expired])
    venue.contract.send("requestExit", carol.index, 20_000 * DOLLAR, RECIPIENT)
    withdrawal = venue.order(alice, kind="withdraw", quantity=100, limit=10 * DOLLAR, recipient=RECIPIENT, slot=1)
    bid = venue.order(bob, instrument=9, buy=True, quantity=CONTRACT, limit=5 * DOLLAR, slot=1)
    touches = [
        Touch(alice.index, alice.holder, orders=(withdrawal,)),
        Touch(bob.index, bob.holder, orders=(bid,)),
        Touch(carol.index, carol.holder, exit=20_000 * DOLLAR),
    ]
    return Story(venue, traders, first, proven(venue, touches, [expired]))


def proven(venue: Venue, touches: list[Touch], settled: list[SettledRow] | None = None) -> Settled:
    """Seals, clears and proves."""
    sealed = venue.seal(touches, settled or [])
    cleared = venue.clear(sealed)
    return Settled(sealed, cleared, venue.prove(cleared))


@pytest.fixture
def venue(story: Story) -> Iterator[Venue]:
    """The venue with its second batch sealed, on a chain that forgets what the test does."""
    kept = story.venue
    snapshot, memory = kept.chain.rpc("evm_snapshot"), vars(kept).copy()
    yield kept
    vars(kept).update(memory)
    assert kept.chain.rpc("evm_revert", snapshot)


def refused(venue: Venue, settlement: Settlement, name: str) -> None:
    """The contract refuses the settlement with that error."""
    with pytest.raises(Reverted) as refusal:
        attempt(venue.contract, settlement)
    assert refusal.value.name == name, refusal.value


# ---------------------------------------------------------------------------------------------------------- honest


def test_the_first_batch_moved_the_root_to_the_cleared_state(story: Story) -> None:
    assert story.first.receipt is not None
    events = {event.name: event.values for event in story.venue.contract.events(story.first.receipt)}
    assert events["BatchSettled"]["rootBefore"] == story.first.cleared.start_root
    assert events["BatchSettled"]["rootAfter"] == story.first.cleared.end_root


def test_the_first_batch_traded_at_one_price(story: Story) -> None:
    fills = [[outcome.fill for outcome in touch.orders] for touch in story.first.cleared.touches]
    assert fills == [[], [2 * CONTRACT], [2 * CONTRACT], []]


def test_the_second_batch_settles_from_the_first_ones_root(story: Story, venue: Venue) -> None:
    assert venue.contract.call("root") == story.second.settlement.start_root == story.first.cleared.end_root
    venue.contract.send("settle", *arguments(story.second.settlement))
    assert venue.contract.call("root") == story.second.cleared.end_root


def test_a_withdrawal_and_an_exit_become_claimable(story: Story, venue: Venue) -> None:
    receipt = venue.contract.send("settle", *arguments(story.second.settlement))
    paid = [touch.paid for touch in story.second.cleared.touches]
    assert paid == [0, 1_000 * DOLLAR, 0, 10_000 * DOLLAR]
    assert venue.contract.call("claimable", RECIPIENT) == sum(paid)
    answers = [event.values for event in venue.contract.events(receipt) if event.name == "ExitAnswered"]
    assert [(answer["requested"], answer["paid"]) for answer in answers] == [(20_000 * DOLLAR, 10_000 * DOLLAR)]


def test_anyone_can_settle(story: Story, venue: Venue) -> None:
    venue.contract.send("settle", *arguments(story.second.settlement), sender=venue.chain.accounts[5])


def test_public_data_can_be_read_from_the_chain_alone(story: Story, venue: Venue) -> None:
    receipt = venue.contract.send("settle", *arguments(story.second.settlement))
    assert story.second.settlement.calldata_words in venue.chain.calldata(receipt.transaction)


# --------------------------------------------------------------------------------------------------------- changed


def test_a_changed_byte_of_public_data_is_refused(story: Story, venue: Venue) -> None:
    settlement = story.second.settlement
    segments, closing, words, beneficiary = arguments(settlement)
    draw = random.Random(7)
    for position in [*range(0, len(words), 32), *draw.sample(range(len(words)), 30)]:
        changed = bytearray(words)
        changed[position] ^= draw.randrange(1, 256)
        with pytest.raises(Reverted):
            venue.contract.call("settle", segments, closing, bytes(changed), beneficiary)


def test_each_word_of_each_proof_is_bound(story: Story, venue: Venue) -> None:
    settlement = story.second.settlement
    for number in range(len(settlement.segments) + 1):
        for word in range(8):
            with pytest.raises(Reverted) as refusal:
                attempt(venue.contract, with_proof_word(settlement, number, word))
            assert refusal.value.name in {"NotOnCurve", "ProofsRefused"}


def with_proof_word(settlement: Settlement, number: int, word: int) -> Settlement:
    """The settlement with one bit of a proof flipped."""
    parts: list[SegmentPart | ClosingPart] = [*settlement.segments, settlement.closing]
    proof = list(parts[number].proof or ())
    proof[word] ^= 1
    if number == len(settlement.segments):
        return replace(settlement, closing=replace(settlement.closing, proof=tuple(proof)))
    return with_segment(settlement, number, replace(settlement.segments[number], proof=tuple(proof)))


def with_segment(settlement: Settlement, number: int, part: SegmentPart) -> Settlement:
    """The settlement with another segment part."""
    segments = list(settlement.segments)
    segments[number] = part
    return replace(settlement, segments=tuple(segments))


@pytest.mark.parametrize("name", ["root", "sums", "tau"])
def test_each_number_of_a_segment_is_bound(story: Story, venue: Venue, name: str) -> None:
    settlement = story.second.settlement
    for number, part in enumerate(settlement.segments):
        value = getattr(part, name)
        changed = with_segment(settlement, number, replace(part, **{name: (value + 1) % FIELD_ORDER}))
        refused(venue, changed, "ProofsRefused")
        raised = with_segment(settlement, number, replace(part, **{name: value + FIELD_ORDER}))
        refused(venue, raised, "InputNotReduced")


@pytest.mark.parametrize("name", ["auction_root", "tau"])
def test_each_number_of_the_closing_part_is_bound(story: Story, venue: Venue, name: str) -> None:
    closing = story.second.settlement.closing
    value = getattr(closing, name)
    changed = replace(closing, **{name: (value + 1) % FIELD_ORDER})
    refused(venue, replace(story.second.settlement, closing=changed), "ProofsRefused")
    raised = replace(closing, **{name: value + FIELD_ORDER})
    refused(venue, replace(story.second.settlement, closing=raised), "InputNotReduced")


def test_segments_in_another_order_are_refused(story: Story, venue: Venue) -> None:
    settlement = story.second.settlement
    refused(venue, replace(settlement, segments=settlement.segments[::-1]), "ProofsRefused")


def test_a_copied_settlement_with_another_beneficiary_is_refused(story: Story, venue: Venue) -> None:
    refused(venue, replace(story.second.settlement, beneficiary=bytes(20)), "ProofsRefused")


def test_a_settled_batch_does_not_settle_again(story: Story, venue: Venue) -> None:
    venue.contract.send("settle", *arguments(story.second.settlement))
    refused(venue, story.second.settlement, "NoSeal")


def test_an_old_settlement_is_refused(story: Story, venue: Venue) -> None:
    refused(venue, story.first.settlement, "SealMismatch")


# ----------------------------------------------------------------------------------------- honest, of something else


def test_the_same_batch_on_another_state_is_refused(story: Story, venue: Venue) -> None:
    venue.void()
    heads = (venue.contract.call("depositQueue")[0], venue.contract.call("exitQueue")[0])
    sealed = venue.seal([story.second.sealed.touches[0]], ends=heads)
    genesis = State.genesis("dev", venue.fund.holder, venue.domain)
    refused(venue, venue.prove(genesis.clear(sealed)), "ProofsRefused")
    attempt(venue.contract, venue.prove(venue.clear(sealed)))


def test_a_void_batch_does_not_settle(story: Story, venue: Venue) -> None:
    venue.void()
    refused(venue, story.second.settlement, "NoSeal")
    venue.seal(story.second.sealed.touches, story.second.sealed.settled)
    refused(venue, story.second.settlement, "SealMismatch")


def test_the_same_batch_under_another_epochs_marks_is_refused(story: Story, venue: Venue) -> None:
    sealed = story.second.sealed
    marks = (replace(sealed.risk[0], mark=sealed.risk[0].mark + 1), *sealed.risk[1:])
    elsewhere = venue.prove(venue.clear(replace(sealed, risk=marks)))
    refused(venue, elsewhere, "ProofsRefused")


def test_the_same_batch_at_another_settlement_value_is_refused(story: Story, venue: Venue) -> None:
    sealed = replace(story.second.sealed, settled=(SettledRow(7, 56 * DOLLAR),))
    refused(venue, venue.prove(venue.clear(sealed)), "WrongSettledRow")


def test_the_same_batch_at_another_time_is_refused(story: Story, venue: Venue) -> None:
    sealed = story.second.sealed
    later = replace(sealed, context=replace(sealed.context, time=sealed.context.time + 1))
    refused(venue, venue.prove(venue.clear(later)), "ProofsRefused")


def test_a_batch_without_one_of_its_orders_is_refused(story: Story, venue: Venue) -> None:
    sealed = story.second.sealed
    fewer = tuple(replace(touch, orders=()) if touch.index == 2 else touch for touch in sealed.touches)
    refused(venue, venue.prove(venue.clear(replace(sealed, touches=fewer))), "SealMismatch")


def test_a_batch_that_ignores_an_exit_request_is_refused(story: Story, venue: Venue) -> None:
    sealed = story.second.sealed
    silent = replace(sealed, touches=sealed.touches[:-1])
    refused(venue, venue.prove(venue.clear(silent)), "WrongTouch")
