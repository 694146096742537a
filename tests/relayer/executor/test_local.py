"""The local executor gives out a settlement that holds, and goes on where a killed run of the job ended."""

from pathlib import Path

import pytest

import prover
from prover import Expected, Keys, Progress
from prover.errors import BatchError
from relayer.executor.local import LocalExecutor
from relayer.executor.protocol import ProofJob
from tests.prover.material import Case


class StoppedError(Exception):
    """Raised by a progress hook."""


def job(case: Case, directory: Path) -> ProofJob:
    return ProofJob(case.batch, case.state, directory, deposit_end=7, exit_end=3, beneficiary="0x" + 20 * "5a")


def stop(event: Progress) -> None:
    if event.phase == "done":
        raise StoppedError


def test_a_stopped_job_is_taken_up_again_and_its_settlement_holds(case: Case, keys: Keys, tmp_path: Path) -> None:
    executor = LocalExecutor(keys.folder)
    with pytest.raises(StoppedError):
        executor.prove(job(case, tmp_path), stop)
    events: list[Progress] = []
    settlement = executor.prove(job(case, tmp_path), events.append)
    expected = Expected.of(case.cleared, deposit_end=7, exit_end=3)
    assert prover.verify(settlement, keys, expected) == case.cleared.end_root
    assert [event.name for event in events if event.phase == "stored"]
    executor.close()


def test_no_workers_are_refused() -> None:
    with pytest.raises(BatchError, match="0 workers"):
        LocalExecutor(workers=0)


def test_a_job_shows_no_order(case: Case, tmp_path: Path) -> None:
    assert "batch" not in repr(job(case, tmp_path))
    assert "state" not in repr(job(case, tmp_path))
