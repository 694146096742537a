"""Only a symbolic test that ran, followed every path and found nothing has passed."""

from typing import Any

from tests.check_symbolic import CONTRACTS, expected, failures

PASSED: dict[str, Any] = {"name": "check_sum(uint256,uint256)", "exitcode": 0, "num_bounded_loops": 0}
WANTED = {("Sum.t.sol", "check_sum")}


def of(*results: dict[str, Any]) -> list[str]:
    return list(failures({"test_results": {"test/symbolic/Sum.t.sol:SumTest": list(results)}}, WANTED))


def test_a_test_that_passed_passes() -> None:
    assert of(PASSED) == []


def test_a_counterexample_or_an_unanswered_question_fails() -> None:
    assert len(of(PASSED | {"exitcode": 1})) == 1
    assert len(of(PASSED | {"exitcode": 2})) == 1


def test_a_loop_that_was_cut_short_fails() -> None:
    (said,) = of(PASSED | {"num_bounded_loops": 1})
    assert "not all paths were followed" in said


def test_a_test_that_did_not_run_fails() -> None:
    assert of() == ["Sum.t.sol: check_sum did not run"]


def test_every_file_of_symbolic_tests_has_some() -> None:
    folder = CONTRACTS / "test" / "symbolic"
    files = {path.name for path in folder.rglob("*.t.sol")}
    assert files
    assert {file for file, _ in expected(folder)} == files
