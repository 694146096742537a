"""The deletion score and the tables of `docs/assurance.md` say what the records say: a hole in either is a fault."""

import json
from pathlib import Path

import pytest

from tests.assurance import deletion, document, protocol
from tests.assurance.protocol import Promise
from tests.assurance.records import Freed, Records, RecordsError, Refusal, Unit, read

RANGE = Unit("segment", "fill", "circuits/src/gadgets/range.rs:28:7")
SECOND = Unit("segment", "fill", "circuits/src/gadgets/range.rs:134:15")
PRODUCT = Unit("closing", "product", "circuits/src/closing.rs:9:1/1")
ALL = {RANGE: 4, SECOND: 9, PRODUCT: 2}


def refused(*units: Unit, others: tuple[str, ...] = ()) -> Refusal:
    return Refusal("holes::some", frozenset(units), frozenset(others))


def records(*refusals: Refusal, freed: tuple[Unit, ...] = ()) -> Records:
    return Records(dict(ALL), set(refusals), {Freed("deletion::free", unit) for unit in freed})


def test_a_deletion_is_noticed_by_a_witness_that_nothing_else_refuses() -> None:
    result = deletion.score(records(refused(RANGE), refused(RANGE, SECOND)))
    assert [result.notices(unit) for unit in ALL] == [True, False, False]


def test_a_witness_that_the_contract_refuses_too_notices_no_deletion() -> None:
    result = deletion.score(records(refused(RANGE, others=("contract",)), refused(others=("tau",))))
    assert not any(map(result.notices, ALL))


def test_a_wire_that_is_free_without_them_notices_the_deletion() -> None:
    result = deletion.score(records(freed=(PRODUCT,)))
    assert [unit for unit in ALL if result.notices(unit)] == [PRODUCT]


def test_a_call_is_noticed_under_whatever_check() -> None:
    other = Unit("gadget", "in range", SECOND.place)
    assert deletion.score(records(refused(SECOND, other))).places == {SECOND.place}


def test_survivors_need_an_explanation_and_explanations_a_survivor() -> None:
    some = records(refused(RANGE), refused(SECOND))
    known = {"closing, product, closing.rs, 1": "why", "closing, product, closing.rs, 2": "gone"}
    goal = "only 66.7% of 3 deletions are noticed, 95% is the goal"
    gone = "survivors.toml explains what is noticed or gone: closing, product, closing.rs, 2"
    assert deletion.faults(deletion.score(some), some, known) == [gone, goal]
    assert deletion.faults(deletion.score(some), some, known, full=True) == [goal]
    unexplained = "no test notices that this is missing: closing, product, closing.rs, 1"
    assert deletion.faults(deletion.score(some), some, {}) == [unexplained, goal]


def test_names_of_deletions_outlive_moved_lines() -> None:
    def named(line: int) -> list[str]:
        calls = [RANGE, SECOND._replace(place=f"circuits/src/gadgets/range.rs:{line}:15")]
        return list(deletion.names(calls).values())

    assert named(134) == named(135) == ["segment, fill, gadgets/range.rs, 1", "segment, fill, gadgets/range.rs, 2"]


def test_section_12_names_every_check_once_and_twins_that_exist() -> None:
    good = Promise("segment", "a", ("fill",), "`tacit_core::auction::clear_book`")
    assert protocol.faults([good], [RANGE]) == []
    twice = Promise("segment", "b", ("fill", "gone"), "`tacit_core::auction::nobody`")
    assert protocol.faults([good, twice], [RANGE, Unit("segment", "new", "a:1:1")]) == [
        "section 12 does not name `new` of the segment circuit",
        "section 12 names `gone`, no check of the segment circuit",
        "section 12 names `fill` (segment) in 2 rows",
        "section 12 names the twin `tacit_core::auction::nobody`, which does not exist",
    ]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("tacit_core::auction::clear_book", True),
        ("tacit_core::tree::StateTree::path", True),
        ("tacit_circuits::gadgets::lookup::term_plain", True),
        ("tacit_core::nowhere::clear_book", False),
        ("tacit_core", False),
        ("elsewhere::auction::clear_book", False),
    ],
)
def test_a_twin_is_looked_for_in_the_sources(path: str, there: bool) -> None:
    assert protocol.exists(path) is there


def test_a_promise_without_an_attack_of_its_own_is_a_fault() -> None:
    promise = Promise("segment", "fills are in range", ("fill",), "`tacit_core::auction::clear_book`")
    bare = "no attack is refused by the checks of this promise alone: fills are in range"
    assert bare in document.unattacked(records(refused(RANGE, PRODUCT)), [promise])
    assert bare not in document.unattacked(records(refused(RANGE, SECOND)), [promise])


def test_only_what_stands_between_marks_is_made_anew() -> None:
    text = "by hand\n<!-- made: a -->\nold\n<!-- end -->\nby hand\n<!-- made: b c -->\n<!-- end -->\n"
    made = document.made(text, {"a": "new\n", "b c": "table\n"})
    assert made == text.replace("old", "new").replace("b c -->\n", "b c -->\ntable\n")
    with pytest.raises(ValueError, match="has places for"):
        document.made(text, {"a": "new\n"})


def test_records_of_half_a_run_are_refused(tmp_path: Path) -> None:
    line = {"kind": "inventory", "test": "t", "circuit": "segment", "units": [[list(RANGE), 4]]}
    (tmp_path / "deletion.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    with pytest.raises(RecordsError, match="make test-rust"):
        read(tmp_path)
