"""A step that fails at every try is known to, by its name, since when; one that passes, or is another process's now, no more."""

import threading

import pytest

from relayer.errors import LeaseLost, RpcError
from relayer.roles import common
from relayer.roles.worker import Fared
from relayer.watching import measures
from relayer.watching.troubles import Troubles

SILENT = RpcError("nobody answers", {})


def test_a_step_fails_until_it_passes_and_since_the_first_time() -> None:
    times = iter([5, 6, 7])
    troubles = Troubles(lambda: next(times))
    troubles.failed("seal")
    troubles.failed("clear")
    troubles.failed("seal")
    assert troubles.failing() == {"seal": 5, "clear": 6}
    troubles.passed("seal")
    assert troubles.failing() == {"clear": 6}


def failed(step: str) -> float:
    return float(measures.STEPS.labels(step, "failed")._value.get())


def test_steps_of_the_pipeline_are_counted_by_name_and_fail_until_they_pass() -> None:
    troubles, before = Troubles(lambda: 5), failed("close")
    fared = Fared(troubles)

    def turn() -> bool:
        fared("seal", 0.1, SILENT)
        fared("close", 0.1, SILENT)
        fared("seal", 0.1, None)
        return True

    assert fared.during(turn)
    assert troubles.failing() == {"close": 5}
    assert failed("close") == before + 1


def test_a_step_of_a_pipeline_that_is_another_processs_now_fails_here_no_more() -> None:
    troubles = Troubles(lambda: 5)
    fared = Fared(troubles)
    fared("seal", 0.1, SILENT)
    fared.during(lambda: False)
    assert troubles.failing() == {}


def test_a_loop_notes_its_step_as_failing_until_it_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    troubles, stop, seen = Troubles(lambda: 5), threading.Event(), []
    monkeypatch.setattr(common, "TROUBLES", troubles)
    outcomes = iter([SILENT, SILENT, None, SILENT, LeaseLost("gone", {}), None])

    def step() -> bool:
        seen.append(troubles.failing())
        outcome = next(outcomes)
        if len(seen) == 6:
            stop.set()
        if outcome is not None:
            raise outcome
        return False

    common.repeat("prover", stop, step, 0.001)
    failing = {"prover": 5}
    assert seen == [{}, failing, failing, {}, failing, {}]
