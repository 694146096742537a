"""What the pipeline asks of whatever proves a batch.

An executor goes on where a killed run of the same job in the same directory ended, and gives out a settlement that it has verified
as the vault will. Which batch is to be proven, and what becomes of its settlement, is left to :mod:`relayer.pipeline`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from prover.batch import SealedBatch, State
from prover.orders import NO_ADDRESS
from prover.proof import Progress
from prover.settlement import Settlement

ProgressHook = Callable[[Progress], object]


@dataclass(frozen=True, slots=True)
class ProofJob:
    """A sealed batch and the state it is cleared on; queue ends as sealed; who is paid for settling; the folder of its proofs.

    Batch and state hold orders' contents, so neither is ever shown.
    """

    batch: SealedBatch = field(repr=False)
    state: State = field(repr=False)
    directory: Path
    deposit_end: int = 0
    exit_end: int = 0
    beneficiary: str = NO_ADDRESS


class Executor(Protocol):
    """Proves one job at a time."""

    def prove(self, job: ProofJob, progress: ProgressHook | None = None) -> Settlement:
        """The verified settlement of a job (:class:`prover.errors.TacitError` where it cannot be proven).

        ``progress`` is called in the calling thread; what it raises ends the run, which can be taken up again.
        """

    def close(self) -> None:
        """Gives back what the executor holds: processes, memory, connections."""
