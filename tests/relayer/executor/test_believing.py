"""What a cluster answers is not believed: a proof that does not hold is asked for again, and after some tries the run ends.

A stand-in for Ray answers here as a test wants; tests/relayer/executor/test_ray.py has a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import prover
from prover import Expected, Keys, Progress
from prover.errors import BatchError
from relayer.errors import ExecutorError
from relayer.executor import node
from relayer.executor.node import Made, Task
from relayer.executor.protocol import ProofJob
from relayer.executor.ray import RayExecutor
from tests.prover.material import Case

Answer = Callable[[int, Task, Callable[[], Made]], Made]
Make = Callable[[Answer], tuple[RayExecutor, "StandIn"]]


class Lost(Exception):  # noqa: N818 - stands for Ray's
    """The cluster has lost a task."""


class StandIn:
    """The part of Ray that the executor uses: tasks run when they are asked for."""

    class exceptions:  # noqa: N801 - as Ray names it
        """Errors of the cluster."""

        RayError = Lost

    def __init__(self, answer: Answer) -> None:
        self.answer, self.given, self.cancelled = answer, list[Task](), list[object]()

    def put(self, value: object) -> list[object]:
        return [value]

    def remote(self, **_options: object) -> Callable[[Any], Any]:
        def decorated(_function: object) -> Any:  # noqa: ANN401
            class Remote:
                @staticmethod
                def remote(task: Task, sealed: Any, files: Any) -> tuple[int, Task, Any, Any]:  # noqa: ANN401
                    self.given.append(task)
                    return (len(self.given), task, id(sealed), lambda: self._honest(task, sealed, files))

            return Remote

        return decorated

    def _honest(self, task: Task, sealed: Any, files: Any) -> Made:  # noqa: ANN401
        return node.prove(task, "here", lambda: sealed[0][0], lambda: files[0][0])

    def wait(self, references: Sequence[Any], **_options: object) -> tuple[list[Any], list[Any]]:
        return list(references[:1]), list(references[1:])

    def get(self, reference: tuple[int, Task, Any, Callable[[], Made]]) -> Made:
        return self.answer(reference[0], reference[1], reference[3])

    def cancel(self, reference: object, **_options: object) -> None:
        self.cancelled.append(reference)

    def shutdown(self) -> None:
        """Nothing to end."""


@pytest.fixture
def cluster(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Answer], tuple[RayExecutor, StandIn]]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(node, "_keys", {})
    monkeypatch.setattr(node, "_plans", {})

    def make(answer: Answer) -> tuple[RayExecutor, StandIn]:
        executor, ray = RayExecutor(keys.folder, task_retries=2), StandIn(answer)
        executor._ray = ray
        return executor, ray

    return make


def job(case: Case, directory: Path) -> ProofJob:
    return ProofJob(case.batch, case.state, directory, deposit_end=7, exit_end=3)


def test_a_proof_that_does_not_hold_is_asked_for_again(case: Case, keys: Keys, tmp_path: Path, cluster: Make) -> None:
    def lie_at_first(at: int, _task: Task, honest: Callable[[], Made]) -> Made:
        return Made("liar", shipped=False, proof=(1, 2, 3, 4, 5, 6, 7, 8)) if at == 1 else honest()

    executor, ray = cluster(lie_at_first)
    settlement = executor.prove(job(case, tmp_path / "proofs"))
    expected = Expected.of(case.cleared, deposit_end=7, exit_end=3)
    assert prover.verify(settlement, keys, expected) == case.cleared.end_root
    assert len(ray.given) == 4


@pytest.mark.parametrize(
    "answer",
    [
        Made("liar", shipped=False, proof=(1, 2, 3, 4, 5, 6, 7, 8)),
        Made("odd", shipped=False, proof="proof"),  # type: ignore[arg-type]
        Made("broken", shipped=False, error="MemoryError"),
    ],
)
def test_a_machine_that_never_proves_ends_the_run_and_stores_nothing(
    case: Case,
    tmp_path: Path,
    cluster: Make,
    answer: Made,
) -> None:
    executor, ray = cluster(lambda *_: answer)
    with pytest.raises(ExecutorError, match="does not prove"):
        executor.prove(job(case, tmp_path / "proofs"))
    assert list((tmp_path / "proofs" / "proofs").iterdir()) == []
    assert ray.cancelled


def test_a_task_that_the_cluster_has_lost_is_handed_out_again(case: Case, tmp_path: Path, cluster: Make) -> None:
    def lose_first(at: int, _task: Task, honest: Callable[[], Made]) -> Made:
        if at == 1:
            raise Lost
        return honest()

    executor, ray = cluster(lose_first)
    executor.prove(job(case, tmp_path / "proofs"))
    assert len(ray.given) == 4


def test_a_run_that_is_stopped_cancels_what_is_out_and_is_taken_up_again(
    case: Case,
    tmp_path: Path,
    cluster: Make,
) -> None:
    executor, ray = cluster(lambda _at, _task, honest: honest())

    def stop(event: Progress) -> None:
        if event.phase == "done":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor.prove(job(case, tmp_path / "proofs"), stop)
    assert len(ray.cancelled) == 2
    events: list[Progress] = []
    executor.prove(job(case, tmp_path / "proofs"), events.append)
    assert [event.name for event in events if event.phase == "stored"] != []
    assert len(ray.given) == 3 + 2


def test_no_workers_are_refused() -> None:
    with pytest.raises(BatchError, match="0 workers"):
        RayExecutor(workers=0)
