"""Proving in the calling process, on as many threads as there are workers.

The keys are loaded once, with the first job. Everything that makes a run resumable is :func:`prover.proof.prove`'s.
"""

from __future__ import annotations

from pathlib import Path

from prover.errors import BatchError
from prover.keys import Keys
from prover.proof import prove
from prover.settlement import Settlement
from relayer.executor.protocol import ProgressHook, ProofJob


class LocalExecutor:
    """The default: this process, this machine. ``keys`` is a folder of keys, None for ``$TACIT_KEYS`` or ``./keys``."""

    def __init__(self, keys: Path | None = None, workers: int = 1) -> None:
        if workers < 1:
            raise BatchError(f"{workers} workers prove nothing: give at least 1", {"workers": workers})
        self._folder, self._workers = keys, workers
        self._keys: dict[str, Keys] = {}

    def prove(self, job: ProofJob, progress: ProgressHook | None = None) -> Settlement:
        """The settlement of a job, from what an earlier run has left of it."""
        return prove(
            job.batch,
            self._keys_of(job.batch.params),
            state=job.state,
            directory=job.directory,
            workers=self._workers,
            deposit_end=job.deposit_end,
            exit_end=job.exit_end,
            beneficiary=job.beneficiary,
            progress=progress,
        )

    def close(self) -> None:
        """Lets go of the keys."""
        self._keys.clear()

    def _keys_of(self, params: str) -> Keys:
        if params not in self._keys:
            self._keys[params] = Keys.load(self._folder, params)
        return self._keys[params]
