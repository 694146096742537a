"""The prover: proves the batch that is due, alone in its process, so that it may take all cores and be killed without harm."""

from __future__ import annotations

import signal
from typing import Final, NoReturn

from relayer.config import Settings
from relayer.executor.local import LocalExecutor
from relayer.executor.protocol import Executor
from relayer.pipeline import assembly
from relayer.roles.common import Process, repeat
from relayer.watching.measured import Measured

EVERY: Final = 1.0


class Told(BaseException):
    """The process is told to stop: proofs under way are given up, those that are stored are kept."""


def run(process: Process) -> None:
    """Proves until the process is told to stop."""
    executor = Measured(executor_of(process.settings))

    def told(_number: int, _frame: object) -> NoReturn:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        process.stop.set()
        raise Told

    try:
        with process.desk() as desk:
            prover = assembly.prover(process.settings, desk, process.leases, executor)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, told)
            repeat("prover", process.stop, prover.step, EVERY)
    except Told:
        return
    finally:
        executor.close()


def executor_of(settings: Settings) -> Executor:
    """Where proofs are made."""
    given, keys = settings.proving, settings.keys.proving
    if given.executor == "local":
        return LocalExecutor(keys, given.workers)
    from relayer.executor.ray import RayExecutor

    return RayExecutor(
        keys,
        address=given.ray_address,
        own_address=given.ray_own_address,
        workers=given.workers,
        task_cpus=given.task_cpus,
        task_retries=given.task_retries,
    )
