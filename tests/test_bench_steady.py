"""The measurement of the steady state: its arithmetic on figures that are known, and all of it at its smallest."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bench import machine
from bench.steady import TINY, Extent, Figures, Run, document, grows, measure, sustained


@pytest.fixture(scope="module")
def figures() -> Figures:
    """In a thread of its own, since a browser that other tests drive holds this one's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(measure, replace(TINY, finding=1, batches=1), say=False).result()


def test_the_rate_is_that_of_batches_after_the_first() -> None:
    rate, period = sustained([(100.0, 999), (110.0, 30), (120.0, 50), (140.0, 40)])
    assert rate == pytest.approx(3.0)
    assert period == pytest.approx(40 / 3)


@pytest.mark.parametrize("settled", [[], [(1.0, 5)], [(1.0, 5), (1.0, 5)]])
def test_no_rate_is_told_of_too_few_batches(settled: list[tuple[float, int]]) -> None:
    with pytest.raises(ValueError, match="two settled batches"):
        sustained(settled)


@pytest.mark.parametrize(
    ("queue", "growing"),
    [
        ([0, 30, 30, 30], False),
        ([7, 11, 11], False),
        ([0, 28, 30, 29, 31], False),
        ([0, 15, 23, 27, 29, 30, 30, 31], False),
        ([0, 30, 45, 60], True),
        ([0, 15, 23, 27, 32, 37, 42, 47], True),
        ([0, 5, 9], True),
    ],
)
def test_a_queue_grows_when_each_batch_adds_a_tenth_of_what_arrives(queue: list[int], growing: bool) -> None:
    assert grows(queue, arriving=30) is growing


def run(**changes: object) -> Run:
    """Nine orders that were taken and settled."""
    kept = Run(1.0, Counter(acknowledged=9), set(map(str, range(9))), [5, 5, 5], fates=Counter(final=9))
    return replace(kept, **changes)  # type: ignore[arg-type]


def found(light: Run, heavy: Run) -> list[str]:
    """What is said to have failed of two runs, at a batch each ten seconds."""
    return Figures(machine.describe(), Extent("dev", 3), 6, 10.0, 1.1, light, heavy, 0.0).faults


FLOODED = run(answers=Counter(acknowledged=9, BATCH_FULL=4))


def test_nothing_is_said_of_runs_that_held_their_promises() -> None:
    assert found(run(), FLOODED) == []
    assert found(run(), run(queue=[5, 20, 40])) == []


@pytest.mark.parametrize(
    ("light", "heavy", "said"),
    [
        (run(queue=[5, 9, 14]), FLOODED, "the queue grows"),
        (run(answers=Counter(acknowledged=9, BUSY=1)), FLOODED, "the answers were"),
        (run(fates=Counter(final=8, lapsed=1)), FLOODED, "lapsed at nine tenths"),
        (run(fates=Counter(final=8, missing=1)), FLOODED, "are missing"),
        (run(), replace(FLOODED, fates=Counter(missing=2)), "2 acknowledged orders are missing"),
        (run(), run(), "too low"),
    ],
)
def test_every_promise_that_does_not_hold_is_told(light: Run, heavy: Run, said: str) -> None:
    (fault,) = found(light, heavy)
    assert said in fault


def test_what_the_service_acknowledged_under_load_is_settled_or_lapsed_and_never_missing(figures: Figures) -> None:
    assert figures.highest > 0
    for each in (figures.light, figures.heavy):
        assert each.fates.total() == len(each.acknowledged) == each.answers["acknowledged"]
        assert each.fates.keys() <= {"settled", "final", "lapsed"}
        assert len(each.settled) > 1
        assert sum(orders for _, orders in each.settled) > 0
    assert figures.light.seconds > 0
    assert all(orders <= figures.capacity for _, orders in (*figures.light.settled, *figures.heavy.settled))


def test_answers_that_are_neither_a_receipt_nor_for_want_of_room_are_told_by_their_codes() -> None:
    odd = run(answers=Counter(acknowledged=9, BATCH_FULL=4, NONCE_USED=2, ReadTimeout=1))
    assert odd.otherwise == {"NONCE_USED": 2, "ReadTimeout": 1}
    written = document([Figures(machine.describe(), Extent("dev", 3), 6, 10.0, 1.1, run(), odd, 0.0)])
    assert "2 NONCE_USED, 1 ReadTimeout" in written


def test_the_document_names_machine_and_rate(figures: Figures) -> None:
    written = document([figures])
    assert figures.machine.processor in written
    assert "orders a second received, proven and settled" in written
