"""Escapes in Python: an account is worth and proves what the specification says; what does not belong together is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prover import Keys, eddsa
from prover.batch import Leaf, Position
from prover.errors import OwnerError, ParamsError, RiskTableError, StateError, TacitError, VerificationError
from prover.escape import Escape, EscapeStatement, escape_statement, leaf_path, prove_escape, verify_escape
from prover.exit import OwnerProof
from tests.prover.owners import EscapeCase, escape_cases, secret

CASES = escape_cases("dev") | {f"standard {name}": case for name, case in escape_cases("standard").items()}
MIXED = CASES["mixed, long and short"]


@pytest.fixture(scope="module")
def proven(keys: Keys) -> OwnerProof:
    return prove_escape(MIXED.escape, keys, seed=secret())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_account_is_worth_and_says_what_the_specification_says(case: EscapeCase) -> None:
    assert case.escape.message == case.message
    statement = escape_statement(case.escape, seed=secret())
    assert statement.inputs == case.inputs
    assert EscapeStatement.from_inputs(case.inputs) == statement
    held = {position.instrument for position in case.escape.leaf.positions}
    listed = {row.instrument for row in case.escape.risk}  # type: ignore[union-attr]
    assert statement.settled == {i: case.escape.settled[i] for i in held - listed}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_path_is_that_of_the_leaf_hashes_which_chain_data_gives(case: EscapeCase) -> None:
    root, path = leaf_path(case.escape.params, case.leaves, case.escape.index)
    assert root == case.inputs[1]
    assert [tuple(children) for children in path] == list(case.escape.path)


def test_an_escape_is_proven_and_verified(proven: OwnerProof, keys: Keys) -> None:
    assert proven.inputs == MIXED.inputs
    verify_escape(proven, EscapeStatement.from_inputs(MIXED.inputs), keys)


def test_the_proof_of_an_escape_is_none_of_another(proven: OwnerProof, keys: Keys) -> None:
    honest = EscapeStatement.from_inputs(MIXED.inputs)
    for other in (replace(honest, equity=honest.equity + 1), replace(honest, index=2), replace(honest, root=5)):
        with pytest.raises(VerificationError):
            verify_escape(proven, other, keys)
        with pytest.raises(VerificationError):
            verify_escape(OwnerProof(other.inputs, proven.proof), other, keys)


def refused(escape: Escape) -> TacitError:
    with pytest.raises(TacitError) as caught:
        escape_statement(escape, signature=eddsa.sign(secret(), escape.message))
    return caught.value


def test_what_does_not_belong_together_is_refused_with_what_is_at_fault() -> None:
    honest, leaf = MIXED.escape, MIXED.escape.leaf
    listed, settled = leaf.positions[0].instrument, leaf.positions[1].instrument
    assert isinstance(honest.risk, tuple)
    cases: list[tuple[Escape, type[TacitError], str]] = [
        (replace(honest, holder=replace(honest.holder, subaccount=1)), OwnerError, "owner"),
        (replace(honest, leaf=replace(leaf, cash=leaf.cash + 1)), OwnerError, "path"),
        (replace(honest, path=honest.path[:-1]), OwnerError, "path"),
        (replace(honest, settled={}), OwnerError, str(settled)),
        (replace(honest, settled={**honest.settled, listed: 1}), OwnerError, str(listed)),
        (replace(honest, risk=tuple(reversed(honest.risk))), RiskTableError, "predecessor"),
        (replace(honest, leaf=replace(leaf, positions=tuple(reversed(leaf.positions)))), StateError, "order"),
    ]
    for escape, error, said in cases:
        found = refused(escape)
        assert type(found) is error, found
        assert said in str(found)
    with pytest.raises(OwnerError, match="signature"):
        escape_statement(honest, seed=bytes(32))


def test_numbers_out_of_range_are_refused_where_they_are_given() -> None:
    honest = MIXED.escape
    for wrong in (
        {"index": 512},
        {"domain": -1},
        {"recipient": "0x"},
        {"settled": {1: 2**42}},
        {"settled": {2**27: 1}},
        {"path": [[1, 2]]},
    ):
        with pytest.raises(OwnerError):
            replace(honest, **wrong)


def test_keys_of_another_parameter_set_prove_nothing(keys: Keys) -> None:
    standard = CASES["standard nothing at all"].escape
    with pytest.raises(ParamsError, match="standard"):
        prove_escape(standard, keys, seed=secret())


def test_nobody_leaves_with_an_account_that_nobody_opened() -> None:
    with pytest.raises(OwnerError, match="no leaf"):
        leaf_path("dev", MIXED.leaves, 400)


def test_no_error_and_no_record_repeats_what_is_secret() -> None:
    shown = repr(MIXED.escape) + str(refused(replace(MIXED.escape, settled={})))
    assert str(MIXED.escape.holder.viewing_key) not in shown
    assert str(MIXED.escape.leaf.cash) not in shown


def test_an_account_without_positions_needs_no_table() -> None:
    case = CASES["cash only"]
    bare = replace(case.escape, risk=())
    assert escape_statement(bare, seed=secret()).equity == case.inputs[5]
    assert isinstance(case.escape.leaf, Leaf)
    assert Position(1, 2) not in case.escape.leaf.positions
