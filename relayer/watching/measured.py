"""An executor whose phases and proofs are counted."""

from __future__ import annotations

from prover.proof import Progress
from prover.settlement import Settlement
from relayer.executor.protocol import Executor, ProgressHook, ProofJob
from relayer.watching import measures


class Measured:
    """Hands jobs on and counts what is told of them."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def prove(self, job: ProofJob, progress: ProgressHook | None = None) -> Settlement:
        """As the executor does."""

        def heard(event: Progress) -> None:
            measures.proved(event.phase, event.seconds, event.name)
            if progress is not None:
                progress(event)

        return self._executor.prove(job, heard)

    def close(self) -> None:
        """As the executor does."""
        self._executor.close()
