"""A Ray cluster of two machines proves what one would, goes on when one of them dies, and is believed nothing.

Both machines are processes here, on the loopback address. A cluster takes seconds to start: one for all tests.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import prover
from prover import Expected, Keys, Progress
from relayer.executor.protocol import ProofJob
from relayer.executor.ray import RayExecutor
from tests.prover.material import Case

HEAD, OTHER = "127.0.0.2", "127.0.0.3"
"""Ray takes 127.0.0.1 for an address of another network."""
SIZE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}


class Machines:
    """A cluster of a head and one more machine, of one core each."""

    def __init__(self) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster

        head = {"node_ip_address": HEAD, "include_dashboard": False}
        self.cluster: Any = Cluster(initialize_head=True, head_node_args=SIZE | head)
        self.other: Any = self.add()

    def add(self) -> Any:  # noqa: ANN401 - Ray's own
        """One machine more."""
        return self.cluster.add_node(**SIZE, node_ip_address=OTHER)

    def kill_other(self) -> None:
        """The second machine dies."""
        self.cluster.remove_node(self.other, allow_graceful=False)


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Machines()
    yield made
    made.cluster.shutdown()


@pytest.fixture
def cluster(machines: Machines, keys: Keys) -> Iterator[RayExecutor]:
    made = RayExecutor(keys.folder, address=machines.cluster.address, own_address=HEAD)
    yield made
    made.close()


def job(case: Case, directory: Path) -> ProofJob:
    return ProofJob(case.batch, case.state, directory, deposit_end=7, exit_end=3, beneficiary="0x" + 20 * "5a")


def test_a_cluster_proves_with_keys_brought_once_a_machine_and_goes_on_when_one_dies(
    case: Case, keys: Keys, machines: Machines, cluster: RayExecutor, tmp_path: Path
) -> None:
    expected = Expected.of(case.cleared, deposit_end=7, exit_end=3)
    for at in range(2):
        settlement = cluster.prove(job(case, tmp_path / f"whole{at}"))
        assert prover.verify(settlement, keys, expected) == case.cleared.end_root
    assert len(cluster.shipped) == 2
    assert set(cluster.shipped.values()) == {1}

    events: list[Progress] = []

    def kill(event: Progress) -> None:
        events.append(event)
        if event.phase == "done" and event.done == 1:
            machines.kill_other()

    settlement = cluster.prove(job(case, tmp_path / "halved"), kill)
    assert prover.verify(settlement, keys, expected) == case.cleared.end_root
    assert [event.name for event in events if event.phase == "done"] != []
    assert sum(event.phase == "done" for event in events) == 3
    machines.other = machines.add()
