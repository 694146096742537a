"""Proving on a Ray cluster (``pip install 'tacit-prover[ray]'``): every segment a task, taken up elsewhere when its machine dies.

What a machine is given and what it keeps is in :mod:`.node`. Here tasks are handed out and what comes back is checked: a proof that
does not hold, or an error of one machine, costs another try, and after ``task_retries`` of them the run ends with
:class:`relayer.errors.ExecutorError`, which the next run takes up where it was. A machine that dies costs what it was doing.

The cluster is its operator's: which machines belong to it, and that only they reach its ports (Ray has no passwords; TLS by
RAY_USE_TLS), is not decided here. Without an address a cluster of this machine alone is started, on the loopback address.
"""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from prover.errors import BatchError
from prover.keys import Keys
from prover.proof import Number, Work
from prover.proof import prove as prove_batch
from prover.settlement import Proof, Settlement
from relayer.errors import ExecutorError
from relayer.executor import node
from relayer.executor.node import Made, Task
from relayer.executor.protocol import ProgressHook, ProofJob
from relayer.store.crypt import KEY_BYTES, Sealer

STORE_LEAST: Final = 128 * 2**20
STORE_ROOM: Final = 64 * 2**20
GLANCE: Final = 0.2
Holds = Callable[[Number, Proof], bool]
MadeElsewhere = tuple[Number, Proof, Sequence[tuple[str, float]]]


class RayExecutor:
    """Proves on a cluster. ``address`` is HOST:PORT of its head, ``own_address`` where the cluster reaches this machine, if Ray is not
    to find out; without an address a cluster is started here with ``workers`` cores.

    ``shipped`` counts, by machine, how often keys were brought to it.
    """

    def __init__(
        self,
        keys: Path | None = None,
        *,
        address: str = "",
        own_address: str = "",
        workers: int = 1,
        task_cpus: int = 1,
        task_retries: int = 3,
    ) -> None:
        if workers < 1:
            raise BatchError(f"{workers} workers prove nothing: give at least 1", {"workers": workers})
        self._folder, self._address, self._own, self._workers = keys, address, own_address, workers
        self._cpus, self._retries = task_cpus, task_retries
        self._ray: Any = None
        self._stored: dict[str, tuple[Keys, str, Any]] = {}
        self.shipped: Counter[str] = Counter()

    def prove(self, job: ProofJob, progress: ProgressHook | None = None) -> Settlement:
        """The settlement of a job, from what an earlier run has left of it."""
        keys, digest, files = self._keys_of(job.batch.params)

        def maker(work: Work, numbers: Sequence[Number], holds: Holds) -> Iterator[MadeElsewhere]:
            return self._make(work, numbers, holds, digest, files)

        return prove_batch(
            job.batch,
            keys,
            state=job.state,
            directory=job.directory,
            deposit_end=job.deposit_end,
            exit_end=job.exit_end,
            beneficiary=job.beneficiary,
            progress=progress,
            maker=maker,
        )

    def close(self) -> None:
        """Leaves the cluster; one that was started here ends."""
        self._stored.clear()
        if self._ray is not None:
            self._ray.shutdown()
        self._ray = None

    def _keys_of(self, params: str) -> tuple[Keys, str, Any]:
        """Keys, what they are known by, and where the cluster has them."""
        if params not in self._stored:
            keys = Keys.load(self._folder, params)
            files = node.key_files(keys.folder)
            ray = self._connected(sum(map(len, files.values())))
            self._stored[params] = (keys, node.digest_of(files), ray.put(files))
        return self._stored[params]

    def _connected(self, key_bytes: int) -> Any:  # noqa: ANN401 - the module ray
        if self._ray is None:
            self._ray = _connect(self._address, self._own, self._workers, max(STORE_LEAST, 2 * key_bytes + STORE_ROOM))
        return self._ray

    def _make(
        self, work: Work, numbers: Sequence[Number], holds: Holds, digest: str, files: object
    ) -> Iterator[MadeElsewhere]:
        """Hands out tasks and checks what comes back; when the caller stops listening, what is left is cancelled."""
        ray, secret = self._ray, secrets.token_bytes(KEY_BYTES)
        job = secrets.token_hex(16)
        sealed = ray.put(node.pack(work, Sealer(secret)))
        remote = ray.remote(num_cpus=self._cpus, max_retries=self._retries, retry_exceptions=False)(run_task)

        def hand_out(number: Number) -> object:
            return remote.remote(Task(job, number, work.params, digest, secret), [sealed], [files])

        tries: Counter[Number] = Counter()
        waiting = {hand_out(number): number for number in numbers}
        try:
            while waiting:
                done, _ = ray.wait(list(waiting), num_returns=1, timeout=GLANCE)
                for reference in done:
                    number = waiting.pop(reference)
                    made = self._taken(ray, reference)
                    if made.proof is not None and _is_proof(made.proof) and holds(number, made.proof):
                        yield number, made.proof, made.phases
                        continue
                    tries[number] += 1
                    if tries[number] > self._retries:
                        raise _given_up(number, made)
                    waiting[hand_out(number)] = number
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)

    def _taken(self, ray: Any, reference: object) -> Made:  # noqa: ANN401 - the module ray
        """What a task answered; a cluster that has lost it for good answers with an error of its own."""
        try:
            made: Made = ray.get(reference)
        except ray.exceptions.RayError as error:
            return Made("", shipped=False, error=type(error).__name__)
        if made.shipped:
            self.shipped[made.node] += 1
        return made


def run_task(task: Task, sealed: list[Any], files: list[Any]) -> Made:
    """What the cluster runs. References come in lists, so that what they are of is only brought where it is missing."""
    import ray

    def bring_work() -> bytes:
        return bytes(ray.get(sealed[0]))

    def bring_keys() -> Mapping[str, bytes]:
        found: Mapping[str, bytes] = ray.get(files[0])
        return found

    return node.prove(task, ray.get_runtime_context().get_node_id(), bring_work, bring_keys)


def _is_proof(proof: object) -> bool:
    return isinstance(proof, tuple) and all(isinstance(word, int) and not isinstance(word, bool) for word in proof)


def _given_up(number: Number, made: Made) -> ExecutorError:
    name = "the closing proof" if number is None else f"segment {number + 1}"
    why = f"its tasks end with {made.error}" if made.error else "the proofs that come back do not hold"
    what = f"the cluster does not prove {name}: {why}; look after its machines, the run goes on where it was"
    return ExecutorError(what, {"number": -1 if number is None else number, "error": made.error})


def _connect(address: str, own: str, workers: int, store_bytes: int) -> Any:  # noqa: ANN401 - the module ray
    """Joins a cluster or starts one. Ray's usage reports are off, its logs stay where they are, SIGTERM is left to this process."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ModuleNotFoundError:
        raise ExecutorError(
            "proving.executor is ray, and Ray is not installed: pip install 'tacit-prover[ray]'"
        ) from None
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    common: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "namespace": "tacit"}
    here: dict[str, Any] = {
        "address": "local",
        "num_cpus": workers,
        "include_dashboard": False,
        "object_store_memory": store_bytes,
        "_node_ip_address": "127.0.0.1",
    }
    there = {"address": address} | ({"_node_ip_address": own} if own else {})
    try:
        ray.init(**common, **(there if address else here))
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ExecutorError(
            f"the Ray cluster at {address or 'this machine'} cannot be joined: {type(error).__name__}"
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return ray
