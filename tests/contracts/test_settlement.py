"""Real proofs of both circuits, settled by the vault on anvil: two batches in a row, and everything that is not them refused."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from demo.chain import LocalChain, Receipt, Reverted, local_chain
from prover.batch import Cleared, SealedBatch, SettledRow, State
from prover.hashing import FIELD_ORDER
from prover.keys import setup
from prover.orders import Touch
from prover.posting import Claim, Posting
from prover.settlement import ClosingPart, Proof, SegmentPart, Settlement
from tests.contracts.market import CONTRACT, DOLLAR, ROWS
from tests.contracts.points import negated, scaled
from tests.contracts.venue import STRANGER, Trader, Venue

RECIPIENT = "0x00000000000000000000000000000000000c0ffe"


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
    venue.request_exit(carol, 20_000 * DOLLAR, RECIPIENT)
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
    with story.venue.forgotten():
        yield story.venue


def refused(venue: Venue, settlement: Settlement, name: str) -> None:
    """The vault refuses the settlement with that error."""
    with pytest.raises(Reverted) as refusal:
        venue.attempt(settlement)
    assert refusal.value.name == name, refusal.value


def settled(venue: Venue, story: Story) -> Receipt:
    """The second batch is settled."""
    return venue.settle(story.second.settlement, story.second.cleared)


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
    settled(venue, story)
    assert venue.contract.call("root") == story.second.cleared.end_root


def test_a_withdrawal_and_an_exit_become_claimable(story: Story, venue: Venue) -> None:
    receipt = settled(venue, story)
    paid = [touch.paid for touch in story.second.cleared.touches]
    assert paid == [0, 1_000 * DOLLAR, 0, 10_000 * DOLLAR]
    assert venue.contract.call("claimable", RECIPIENT) == sum(paid)
    answers = [event.values for event in venue.contract.events(receipt) if event.name == "ExitAnswered"]
    assert [(answer["requested"], answer["paid"]) for answer in answers] == [(20_000 * DOLLAR, 10_000 * DOLLAR)]


def test_anyone_can_settle(story: Story, venue: Venue) -> None:
    venue.settle(story.second.settlement, story.second.cleared, sender=venue.chain.accounts[STRANGER])


def test_public_data_can_be_read_from_the_chain_alone(story: Story, venue: Venue) -> None:
    calldata = venue.chain.calldata(settled(venue, story).transaction)
    assert b"".join(data.rollup for data in story.second.settlement.segment_data) in calldata
    assert Posting(story.second.settlement).closing_words in calldata


# --------------------------------------------------------------------------------------------------------- changed


def test_a_changed_byte_of_public_data_is_refused(story: Story, venue: Venue) -> None:
    claim, part, proof, closing = venue.vault.settle_arguments(Posting(story.second.settlement))
    draw = random.Random(7)
    for position in [*range(0, len(part.words), 32), *draw.sample(range(len(part.words)), 30)]:
        changed = bytearray(part.words)
        changed[position] ^= draw.randrange(1, 256)
        with pytest.raises(Reverted) as refusal:
            venue.contract.call("settle", claim, part._replace(words=bytes(changed)), proof, closing)
        # Known by its hash, or before that by what it says; no proof is looked at.
        assert refusal.value.name not in {"", "ProofsRefused"}
    for position in range(0, len(closing), 32):
        changed = bytearray(closing)
        changed[position + 31] ^= 1
        with pytest.raises(Reverted) as refusal:
            venue.contract.call("settle", claim, part, proof, bytes(changed))
        assert refusal.value.name == "WrongClosingHash"


def test_every_word_of_public_data_is_bound_by_the_proofs(story: Story, venue: Venue) -> None:
    """Also where the claim has the changed data's hash: what is not refused for what the vault knows is refused by the proofs."""
    settlement, by_proofs = story.second.settlement, 0
    for at, word in enumerate(settlement.words):
        words = (*settlement.words[:at], word ^ 1, *settlement.words[at + 1 :])
        with pytest.raises(Reverted) as refusal:
            venue.attempt(replace(settlement, words=words))
        by_proofs += refusal.value.name == "ProofsRefused"
    assert by_proofs >= len(settlement.words) // 2


def test_each_word_of_each_proof_is_bound(story: Story, venue: Venue) -> None:
    settlement = story.second.settlement
    for number in range(len(settlement.segments) + 1):
        for word in range(8):
            with pytest.raises(Reverted) as refusal:
                venue.attempt(with_proof_word(settlement, number, word))
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


def other_forms(value: int) -> range:
    """What is the same element and fits a word: x + k·r, k = 1 … 4 or 5."""
    return range(value + FIELD_ORDER, 2**256, FIELD_ORDER)


def claim_refused(venue: Venue, settlement: Settlement, claim: Claim, name: str) -> None:
    """The vault refuses the settlement under another claim with that error."""
    _, *rest = venue.vault.settle_arguments(Posting(settlement))
    with pytest.raises(Reverted) as refusal:
        venue.contract.call("settle", claim, *rest)
    assert refusal.value.name == name, refusal.value


@pytest.mark.parametrize(("name", "said"), [("root", "root"), ("sums", "sums"), ("tau", "transcript")])
def test_each_number_of_a_segment_is_bound_and_has_one_form(story: Story, venue: Venue, name: str, said: str) -> None:
    settlement, claim = story.second.settlement, Posting(story.second.settlement).claim
    for number, part in enumerate(settlement.segments):
        value = getattr(part, name)
        changed = with_segment(settlement, number, replace(part, **{name: (value + 1) % FIELD_ORDER}))
        refused(venue, changed, "ProofsRefused")
        for raised in other_forms(value):
            segments = list(claim.segments)
            changed_number: dict[str, Any] = {said: raised}
            segments[number] = segments[number]._replace(**changed_number)
            claim_refused(venue, settlement, claim._replace(segments=tuple(segments)), "InputNotReduced")


@pytest.mark.parametrize(("name", "said"), [("auction_root", "auction_root"), ("tau", "closing_transcript")])
def test_each_number_of_the_closing_part_is_bound_and_has_one_form(
    story: Story, venue: Venue, name: str, said: str
) -> None:
    closing, claim = story.second.settlement.closing, Posting(story.second.settlement).claim
    value = getattr(closing, name)
    changed = replace(closing, **{name: (value + 1) % FIELD_ORDER})
    refused(venue, replace(story.second.settlement, closing=changed), "ProofsRefused")
    for raised in other_forms(value):
        changed_number: dict[str, Any] = {said: raised}
        claim_refused(venue, story.second.settlement, claim._replace(**changed_number), "InputNotReduced")


def test_segments_in_another_order_are_refused(story: Story, venue: Venue) -> None:
    settlement = story.second.settlement
    refused(venue, replace(settlement, segments=settlement.segments[::-1]), "ProofsRefused")


def test_a_copied_settlement_with_another_beneficiary_is_refused(story: Story, venue: Venue) -> None:
    refused(venue, replace(story.second.settlement, beneficiary=bytes(20)), "ProofsRefused")


def test_a_settled_batch_does_not_settle_again(story: Story, venue: Venue) -> None:
    settled(venue, story)
    refused(venue, story.second.settlement, "NoSeal")


def test_an_old_settlement_is_refused(story: Story, venue: Venue) -> None:
    refused(venue, story.first.settlement, "SealMismatch")


def test_other_proofs_of_a_settled_batch_do_not_settle_it_again(story: Story, venue: Venue) -> None:
    """Malleated and re-randomised: they hold as well as the first ones, so what refuses them is that the batch is settled."""
    others = [with_proofs(story.second.settlement, negated), with_proofs(story.second.settlement, scaled)]
    for other in others:
        assert other.segments[0].proof != story.second.settlement.segments[0].proof
        venue.attempt(other)
    settled(venue, story)
    for other in others:
        refused(venue, other, "NoSeal")
    heads = (venue.contract.call("depositQueue")[0], venue.contract.call("exitQueue")[0])
    venue.seal([story.second.sealed.touches[0]], ends=heads)
    for other in others:
        refused(venue, other, "WrongSegments")
    venue.contract.send("voidSeal")
    venue.seal([replace(touch, exit=None, orders=()) for touch in story.second.sealed.touches], ends=heads)
    for other in others:
        refused(venue, other, "SealMismatch")


def with_proofs(settlement: Settlement, change: Callable[[Proof], Proof]) -> Settlement:
    """The settlement with every proof changed."""
    segments = tuple(replace(part, proof=change(part.proof or ())) for part in settlement.segments)
    closing = replace(settlement.closing, proof=change(settlement.closing.proof or ()))
    return replace(settlement, segments=segments, closing=closing)


# -------------------------------------------------------------------------------------------------------- in parts


def test_a_settlement_in_parts_changes_nothing_before_its_last_call(story: Story, venue: Venue) -> None:
    before = venue.contract.call("root")
    posting, claim = Posting(story.second.settlement), Posting(story.second.settlement).claim
    progress = venue.contract.call("beginSettlement", claim)
    venue.contract.send("beginSettlement", claim)
    for first in range(len(posting.data)):
        part = venue.vault.part(posting, first, 1)
        following = venue.contract.call("advanceSettlement", claim, progress, part)
        receipt = venue.contract.send("advanceSettlement", claim, progress, part)
        assert venue.contract.event(receipt, "SegmentsChecked")["first"] == first
        progress = following
        assert venue.contract.call("root") == before
        assert venue.contract.call("claimable", RECIPIENT) == 0
        assert venue.contract.call("exitQueue")[0] == 0
    receipt = venue.contract.send("finishSettlement", claim, progress, posting.closing_proof, posting.closing_words)
    event = venue.contract.event(receipt, "BatchSettled")
    assert event["rootAfter"] == venue.contract.call("root") == story.second.cleared.end_root
    assert (event["r1"], event["dataHash"]) == (posting.digest.r1, posting.digest.data_hash)
    assert venue.contract.call("claimable", RECIPIENT) == 11_000 * DOLLAR


def test_parts_do_what_one_call_does(story: Story, venue: Venue) -> None:
    posting = Posting(story.second.settlement)
    with venue.forgotten():
        whole = venue.contract.event(venue.vault.settle(posting), "BatchSettled")
    parts = venue.contract.event(venue.vault.settle_in_parts(posting)[-1], "BatchSettled")
    assert whole == parts


def test_a_settlement_in_parts_is_of_one_settlement_and_in_order(story: Story, venue: Venue) -> None:
    posting = Posting(story.second.settlement)
    progress = venue.contract.call("beginSettlement", posting.claim)

    def fails(name: str, function: str, *arguments: object) -> None:
        with pytest.raises(Reverted) as refusal:
            venue.contract.call(function, *arguments)
        assert refusal.value.name == name, refusal.value

    first, second = (venue.vault.part(posting, at, 1) for at in range(2))
    fails("NoSuchProgress", "advanceSettlement", posting.claim, progress, first)
    venue.contract.send("beginSettlement", posting.claim)
    fails("FundMissing", "advanceSettlement", posting.claim, progress, second)
    skipped = (*progress[:2], 1, *progress[3:])
    fails("NoSuchProgress", "advanceSettlement", posting.claim, skipped, second)
    elsewhere = posting.claim._replace(beneficiary=venue.chain.accounts[STRANGER])
    fails("WrongProgress", "advanceSettlement", elsewhere, progress, first)
    closing = posting.closing_proof, posting.closing_words
    fails("WrongProgress", "finishSettlement", posting.claim, progress, *closing)
    fails("ProofsRefused", "advanceSettlement", posting.claim, progress, first._replace(proofs=second.proofs))


def test_a_void_batch_ends_what_was_checked_of_it(story: Story, venue: Venue) -> None:
    posting = Posting(story.second.settlement)
    progress = venue.contract.call("beginSettlement", posting.claim)
    venue.contract.send("beginSettlement", posting.claim)
    part = venue.vault.part(posting, 0, 1)
    venue.void()
    with pytest.raises(Reverted, match="NoSeal"):
        venue.contract.call("advanceSettlement", posting.claim, progress, part)
    venue.seal(story.second.sealed.touches, story.second.sealed.settled)
    with pytest.raises(Reverted, match="NoSuchProgress"):
        venue.contract.call("advanceSettlement", posting.claim, progress, part)


# ----------------------------------------------------------------------------------------- honest, of something else


def test_the_same_batch_on_another_state_is_refused(story: Story, venue: Venue) -> None:
    venue.void()
    heads = (venue.contract.call("depositQueue")[0], venue.contract.call("exitQueue")[0])
    sealed = venue.seal([story.second.sealed.touches[0]], ends=heads)
    genesis = State.genesis("dev", venue.fund.holder, venue.domain)
    refused(venue, venue.prove(genesis.clear(sealed)), "ProofsRefused")
    venue.attempt(venue.prove(venue.clear(sealed)))


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
    refused(venue, venue.prove(venue.clear(sealed)), "WrongSettlementValue")


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


# ------------------------------------------------------------------------------------------------------------- seals


def test_a_seal_does_not_lock_a_deposit_and_an_exit_request_of_one_account(story: Story, venue: Venue) -> None:
    """Section 11, duties of who seals: a touch holds one of them."""
    venue.void()
    carol = venue.deposit(story.traders[2], DOLLAR)
    venue.open()
    ends = venue.queue_ends()
    with pytest.raises(Reverted) as refusal:
        venue.contract.call("seal", (b"\1" * 32, bytes(32), 2, 0, *ends))
    assert (refusal.value.name, refusal.value.values) == ("DepositBesideExit", (carol.index,))
    for fewer in ((ends[0] - 1, ends[1]), (ends[0], ends[1] - 1)):
        venue.contract.call("seal", (b"\1" * 32, bytes(32), 2, 0, *fewer))
