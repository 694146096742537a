"""The service is struck on PostgreSQL; see striking.py. A file of its own, so that the databases are tried side by side."""

from __future__ import annotations

from pathlib import Path

from tests.postgres import Cluster
from tests.relayer.kill.striking import FULL, PLACES, SAMPLE, holds, striking


def test_nothing_is_lost_or_done_twice_wherever_a_process_is_killed(tmp_path: Path, postgres: Cluster) -> None:
    with striking(tmp_path, postgres.empty()) as service:
        holds(service, PLACES if FULL else SAMPLE[:1])
