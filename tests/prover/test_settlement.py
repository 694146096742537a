"""A settlement is verified as it is, and refused when anything in it, or anything trusted, is another."""

import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

import prover
from prover import ClosingPart, Expected, Keys, LockedDeposit, SegmentPart, Settlement, TacitError
from prover.errors import FileError, SettlementError, VerificationError
from prover.hashing import FIELD_ORDER
from tests.prover.material import Proven

Change = Callable[[Settlement], Settlement]


def refused(settlement: Settlement, keys: Keys, expected: Expected) -> bool:
    try:
        prover.verify(settlement, keys, expected)
    except (VerificationError, SettlementError):
        return True
    return False


@pytest.fixture(params=["busy", "deposits", "withdrawn"])
def proven(request: pytest.FixtureRequest) -> Proven:
    found: Proven = request.getfixturevalue(request.param)
    return found


def test_an_honest_settlement_ends_at_the_cleared_root(proven: Proven, keys: Keys) -> None:
    assert prover.verify(proven.settlement, keys, proven.expected) == proven.cleared.end_root
    assert proven.settlement.end_root == proven.cleared.end_root


def test_files_are_read_back(proven: Proven, tmp_path: Path) -> None:
    proven.settlement.save(tmp_path / "settlement.json")
    proven.expected.save(tmp_path / "expected.json")
    assert Settlement.load(tmp_path) == proven.settlement
    assert Expected.load(tmp_path / "expected.json") == proven.expected


def test_what_a_settlement_claims_of_itself_is_what_was_sealed(proven: Proven) -> None:
    claimed = Expected.claimed_by(proven.settlement)
    assert replace(claimed, deposits={}) == replace(proven.expected, deposits={}, settled=claimed.settled)
    assert claimed.settled.items() <= proven.expected.settled.items()
    assert {at: each.amount for at, each in claimed.deposits.items()} == {
        at: each.amount for at, each in proven.expected.deposits.items()
    }


def test_the_owners_words_are_found_by_account(proven: Proven) -> None:
    for touch in proven.cleared.touches:
        assert proven.settlement.touch_words(touch.index) == touch.words
    with pytest.raises(SettlementError, match="511"):
        proven.settlement.touch_words(511)


# --- changed settlements


def bump(value: int) -> int:
    return (value + 1) % FIELD_ORDER


def with_segment(settlement: Settlement, at: int, part: SegmentPart) -> Settlement:
    return replace(settlement, segments=(*settlement.segments[:at], part, *settlement.segments[at + 1 :]))


def changed_numbers(settlement: Settlement) -> Iterator[tuple[str, Settlement]]:
    for name in ("start_root", "active_orders", "deposit_end", "exit_end", "risk_root"):
        yield name, replace(settlement, **{name: getattr(settlement, name) + 1})
    for field in fields(settlement.context):
        value = getattr(settlement.context, field.name)
        yield field.name, replace(settlement, context=replace(settlement.context, **{field.name: value + 1}))
    yield "seal root", replace(settlement, seal_root=bytes(32))
    yield "beneficiary", replace(settlement, beneficiary=bytes(20))


def changed_links(settlement: Settlement) -> Iterator[tuple[str, Settlement]]:
    for at, part in enumerate(settlement.segments):
        yield f"root {at}", with_segment(settlement, at, replace(part, root=bump(part.root)))
        yield f"sums {at}", with_segment(settlement, at, replace(part, sums=bump(part.sums)))
        yield f"tau {at}", with_segment(settlement, at, replace(part, tau=bump(part.tau)))
    closing = settlement.closing
    yield "auction root", replace(settlement, closing=replace(closing, auction_root=bump(closing.auction_root)))
    yield "closing tau", replace(settlement, closing=replace(closing, tau=bump(closing.tau)))


def changed_order(settlement: Settlement) -> Iterator[tuple[str, Settlement]]:
    segments = settlement.segments
    yield "reversed", replace(settlement, segments=segments[::-1])
    yield (
        "proofs swapped",
        replace(
            settlement,
            segments=(
                replace(segments[0], proof=segments[1].proof),
                replace(segments[1], proof=segments[0].proof),
                *segments[2:],
            ),
        ),
    )
    yield "one less", replace(settlement, segments=segments[:-1])
    yield "one twice", replace(settlement, segments=(*segments, segments[-1]))
    yield "none", replace(settlement, segments=())
    size = (len(settlement.words) - len(settlement.closing_words)) // len(segments)
    first, second, rest = settlement.words[:size], settlement.words[size : 2 * size], settlement.words[2 * size :]
    yield "words swapped", replace(settlement, words=second + first + rest)
    yield (
        "all swapped",
        replace(settlement, segments=(segments[1], segments[0], *segments[2:]), words=second + first + rest),
    )


def test_every_number_counts(busy: Proven, keys: Keys) -> None:
    """Also where the verifier is made to expect the changed number: the proofs are of the old one."""
    for name, changed in changed_numbers(busy.settlement):
        assert refused(changed, keys, busy.expected) or name == "beneficiary"
        assert refused(changed, keys, Expected.claimed_by(changed)), name


def test_every_link_counts(busy: Proven, keys: Keys) -> None:
    for name, changed in changed_links(busy.settlement):
        assert refused(changed, keys, busy.expected), name


def test_the_order_of_segments_counts(busy: Proven, keys: Keys) -> None:
    for name, changed in changed_order(busy.settlement):
        assert refused(changed, keys, busy.expected), name


def test_every_word_of_public_data_counts(busy: Proven, keys: Keys) -> None:
    words = busy.settlement.words
    for at, word in enumerate(words):
        for other in {bump(word), word ^ 1 << 8 * (at % 31)} - {word}:
            changed = replace(busy.settlement, words=(*words[:at], other % FIELD_ORDER, *words[at + 1 :]))
            assert refused(changed, keys, busy.expected), at


def test_a_word_more_or_less_counts(busy: Proven, keys: Keys) -> None:
    for words in (busy.settlement.words[:-1], (*busy.settlement.words, 0), ()):
        assert refused(replace(busy.settlement, words=words), keys, busy.expected)


def test_every_word_of_every_proof_counts(busy: Proven, keys: Keys) -> None:
    for at, part in enumerate(busy.settlement.segments):
        for proof in changed_proofs(part.proof):
            assert refused(with_segment(busy.settlement, at, replace(part, proof=proof)), keys, busy.expected)
    closing = busy.settlement.closing
    for proof in changed_proofs(closing.proof):
        assert refused(replace(busy.settlement, closing=replace(closing, proof=proof)), keys, busy.expected)


def changed_proofs(proof: tuple[int, ...] | None) -> Iterator[tuple[int, ...] | None]:
    assert proof is not None
    yield None
    yield (0,) * 8
    yield (*proof[6:], *proof[2:6], *proof[:2])
    for at in range(8):
        yield (*proof[:at], proof[at] + 1, *proof[at + 1 :])


def test_a_closing_proof_is_no_segments_proof(busy: Proven, keys: Keys) -> None:
    part = replace(busy.settlement.segments[0], proof=busy.settlement.closing.proof)
    assert refused(with_segment(busy.settlement, 0, part), keys, busy.expected)


# --- other expectations


def test_an_honest_settlement_of_another_batch_is_refused(busy: Proven, deposits: Proven, keys: Keys) -> None:
    assert refused(busy.settlement, keys, deposits.expected)
    assert refused(deposits.settlement, keys, busy.expected)


@pytest.mark.parametrize("name", ["start_root", "active_orders", "deposit_end", "exit_end", "risk_root"])
def test_an_honest_settlement_of_another_number_is_refused_by_name(name: str, busy: Proven, keys: Keys) -> None:
    other = replace(busy.expected, **{name: getattr(busy.expected, name) + 1})
    with pytest.raises(VerificationError) as refusal:
        prover.verify(busy.settlement, keys, other)
    assert refusal.value.code == "VERIFICATION"
    assert {"what", "found", "expected"} <= set(refusal.value.values)


def test_an_honest_settlement_of_another_seal_is_refused(busy: Proven, keys: Keys) -> None:
    with pytest.raises(VerificationError, match="seal"):
        prover.verify(busy.settlement, keys, replace(busy.expected, seal_root=bytes(32)))


@pytest.mark.parametrize("name", ["domain", "batch", "last_void", "time", "fee_rate", "num", "den"])
def test_an_honest_settlement_of_another_context_is_refused(name: str, busy: Proven, keys: Keys) -> None:
    context = replace(busy.expected.context, **{name: getattr(busy.expected.context, name) - 1})
    assert refused(busy.settlement, keys, replace(busy.expected, context=context))


def test_deposits_must_be_those_that_are_locked(deposits: Proven, keys: Keys) -> None:
    locked = dict(deposits.expected.deposits)
    index, (amount, owner) = next(iter(locked.items()))
    for other in (
        locked | {index: LockedDeposit(amount + 1, owner)},
        {at: each for at, each in locked.items() if at != index},
        locked | {77: LockedDeposit(1, 1)},
    ):
        assert refused(deposits.settlement, keys, replace(deposits.expected, deposits=other))


def test_an_account_opens_for_the_locked_owner_alone(deposits: Proven, keys: Keys) -> None:
    others = {at: each._replace(owner=bump(each.owner)) for at, each in deposits.expected.deposits.items()}
    assert refused(deposits.settlement, keys, replace(deposits.expected, deposits=others))


def test_exits_must_be_those_requested(withdrawn: Proven, keys: Keys) -> None:
    ((index, amount),) = withdrawn.expected.exits.items()
    for other in ({}, {index: amount + 1}, {index: amount, index + 1: 1}):
        assert refused(withdrawn.settlement, keys, replace(withdrawn.expected, exits=other))


def test_settlement_values_must_be_the_contracts(busy: Proven, keys: Keys) -> None:
    assert busy.expected.settled
    for other in ({}, {each: value + 1 for each, value in busy.expected.settled.items()}):
        assert refused(busy.settlement, keys, replace(busy.expected, settled=other))


# --- malformed files


def damaged(text: str) -> Iterator[tuple[str, str]]:
    document = json.loads(text)
    yield "settlement", text[:-40]
    yield "settlement", "[]"
    yield "settlement", "\x00"
    yield "format", json.dumps(document | {"format": "tacit.settlement.2"})
    yield "unknown", json.dumps(document | {"unknown": 1})
    yield "start_root", json.dumps({name: value for name, value in document.items() if name != "start_root"})
    yield "start_root", json.dumps(document | {"start_root": hex(FIELD_ORDER)})
    yield "words", json.dumps(document | {"words": [*document["words"], 5]})
    yield "seal_root", json.dumps(document | {"seal_root": "0x" + 64 * "A"})
    yield "active_orders", json.dumps(document | {"active_orders": True})
    yield "deposit_end", json.dumps(document | {"deposit_end": "07"})
    yield "proof", json.dumps(document | {"closing": document["closing"] | {"proof": []}})
    yield "JSON", text.replace('"params"', '"format": 1, "params"', 1)


def test_malformed_files_are_refused_with_the_place(busy: Proven) -> None:
    for place, text in damaged(busy.settlement.to_json()):
        with pytest.raises(SettlementError, match=place):
            Settlement.from_json(text)


def test_an_unfinished_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="not proven to its end"):
        Settlement.load(tmp_path)


def test_parts_of_a_wrong_type_are_refused(busy: Proven, keys: Keys) -> None:
    for changed in (
        replace(busy.settlement, seal_root=bytes(31)),
        replace(busy.settlement, active_orders=2**32),
        replace(busy.settlement, deposit_end=-1),
        replace(busy.settlement, params="huge"),
        replace(busy.settlement, words=(FIELD_ORDER,)),
        replace(busy.settlement, closing=ClosingPart(FIELD_ORDER, 0)),
    ):
        with pytest.raises(TacitError):
            prover.verify(changed, keys, busy.expected)
