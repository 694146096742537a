"""A prover in a process of its own that is killed at a place, by SIGKILL: `python -m tests.relayer.service.killed` with a JSON on stdin.

`test.PHASE` is the place where the executor says that a phase has ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from prover.keys import Keys
from prover.proof import Progress
from prover.settlement import Settlement
from relayer import points
from relayer.chain import Chain
from relayer.executor.local import LocalExecutor
from relayer.executor.protocol import ProgressHook, ProofJob
from relayer.pipeline.desk import Desk
from relayer.pipeline.policy import Policy
from relayer.pipeline.proving import Prover
from relayer.store.chain import StoredChain
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.vault import Vault
from tests.relayer.venue import Owner


class Listening:
    """An executor whose progress somebody hears."""

    def __init__(self, keys: Path, hear: Callable[[Progress], object]) -> None:
        self._local, self._hear = LocalExecutor(keys, workers=1), hear

    def prove(self, job: ProofJob, progress: ProgressHook | None = None) -> Settlement:
        """As the local one."""

        def both(said: Progress) -> None:
            self._hear(said)
            if progress is not None:
                progress(said)

        return self._local.prove(job, both)

    def close(self) -> None:
        """As the local one."""
        self._local.close()


def main() -> None:
    """Proves until it is killed."""
    given = json.load(sys.stdin)
    keys, database, vault = Path(given["keys"]), Database.open(given["database"]), given["vault"]
    found = Vault(Chain(given["rpc"]), vault)
    desk = Desk(
        database=database,
        sealer=Sealer(bytes.fromhex(given["key"])),
        vault=found,
        fund=Owner("fund", domain=found.domain).holder,
        policy=Policy(directory=Path(given["directory"])),
        history=StoredChain(database).history,
    )

    def die(reached: str) -> None:
        if reached == given["place"]:
            os.kill(os.getpid(), signal.SIGKILL)

    points.install(die)
    executor = Listening(keys, lambda said: points.reached(f"test.{said.phase}"))
    Prover(desk=desk, leases=Leases(database, "killed"), executor=executor, keys=Keys.load(keys, "dev")).step()


if __name__ == "__main__":
    main()
