"""What is promised behind a sealed batch: nothing that would have to be sealed sooner than that one can be out of the way."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from relayer.store.database import Database
from relayer.store.models import Batch, BatchState, BatchStep
from relayer.store.unsettled import Unsettled

HOUR = 3_600
SEALED = 1_700_000_000


def batch(database: Database, number: int, *states: BatchState, took: int = 0, sealed: bool = True) -> None:
    """A batch that came through these states, the last ``took`` seconds after the first."""
    with database.write() as session:
        time = SEALED if sealed else None
        row = Batch(number=number, state=states[-1], epoch=1, sealed_time=time, created_at=0, updated_at=0)
        session.merge(row)
        session.flush()
        for place, state in enumerate(states):
            session.add(BatchStep(batch=number, state=state, at=took * 1_000 if place == len(states) - 1 else 0))


def unsettled(database: Database) -> Unsettled:
    with database.read() as session:
        found = Unsettled.of(session)
    assert found is not None
    return found


def opens(database: Database, *ages: int) -> list[bool]:
    """Whether a batch is opened when the seal is so old."""
    return [unsettled(database).opens_behind(SEALED + age, HOUR) for age in ages]


@pytest.mark.parametrize(
    "state", [BatchState.MINED, BatchState.FINAL, BatchState.VOID, BatchState.EXPIRED, BatchState.OPEN]
)
def test_what_is_settled_or_given_up_is_in_nobodys_way(database: Database, state: BatchState) -> None:
    batch(database, 1, state)
    batch(database, 2, BatchState.FAILED, sealed=False)
    with database.read() as session:
        assert Unsettled.of(session) is None, "and what was never sealed ends by itself"


def test_whether_something_is_unsettled_is_known_without_what_was_sealed_and_proven(database: Database) -> None:
    batch(database, 1, BatchState.SEALED, BatchState.PROVED)
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert (unsettled(database).batch, unsettled(database).proven) == (1, True)
    assert [text for text in asked if "FROM batches" in text]
    assert not [text for text in asked if "batch_sealed" in text or "settlement" in text]


def test_before_any_was_settled_one_is_given_the_time_of_an_opening(database: Database) -> None:
    batch(database, 1, BatchState.SEALED, BatchState.PROVING)
    assert opens(database, 0, HOUR, HOUR + 1) == [True, True, False]
    assert [unsettled(database).late(SEALED + age, HOUR) for age in (HOUR, HOUR + 1)] == [False, True]


def test_where_proving_takes_long_a_batch_is_opened_when_the_last_is_nearly_out_of_the_way(database: Database) -> None:
    batch(database, 1, BatchState.SEALED, BatchState.PROVED, BatchState.MINED, took=60)
    batch(database, 2, BatchState.SEALED, BatchState.PROVED, BatchState.MINED, took=3 * HOUR)
    batch(database, 3, BatchState.SEALED, BatchState.PROVING)
    half = HOUR // 2
    assert opens(database, 0, 3 * HOUR - half - 1, 3 * HOUR - half, 3 * HOUR + half, 3 * HOUR + half + 1) == [
        False,
        False,
        True,
        True,
        False,
    ]
    batch(database, 3, BatchState.PROVED)
    assert opens(database, 0, 3 * HOUR + half + 1) == [True, False], "sending may take long too"


def test_nothing_is_opened_or_promised_behind_one_that_failed_though_it_is_tried_again(database: Database) -> None:
    batch(database, 1, BatchState.SEALED, BatchState.PROVING, BatchState.FAILED)
    assert opens(database, 0) == [False]
    batch(database, 1, BatchState.SEALED)
    for state in (BatchState.SEALED, BatchState.PROVED, BatchState.SUBMITTED):
        assert opens(database, 0) == [False]
        assert not unsettled(database).takes_receipts(SEALED, SEALED, HOUR)
        batch(database, 1, state)


def test_a_sealed_batch_of_which_another_database_has_the_content_counts_as_failed(database: Database) -> None:
    with database.write() as session:
        session.add(Batch(number=1, state=BatchState.FAILED, epoch=1, sealed_time=SEALED, created_at=0, updated_at=0))
    assert opens(database, 0) == [False]


def test_receipts_are_given_in_the_first_half_of_an_opening(database: Database) -> None:
    batch(database, 1, BatchState.SEALED)
    before = unsettled(database)
    assert [before.takes_receipts(age, 0, HOUR) for age in (0, HOUR // 2 - 1, HOUR // 2)] == [True, True, False]
    assert before.takes_receipts(10 * HOUR, 0, None)
