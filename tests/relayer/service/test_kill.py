"""A prover that is killed in the middle of its work leaves what it has proven; another goes on from there, and proves nothing twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Final

import pytest

from prover.proof import Progress
from relayer.store.clock import now_ms
from relayer.store.leases import Leases
from relayer.store.models import BatchState
from tests.relayer.service.killed import Listening
from tests.relayer.service.venue import KEY, KEYS, ROOT, Service

KILL_SECONDS: Final = 60
LEASE_MS: Final = 15_000


def die_at(running: Service, place: str) -> int:
    """A prover in a process of its own that is killed at a place; its exit code."""
    given = {
        "place": place,
        "keys": str(KEYS),
        "database": running.database.url.render_as_string(hide_password=False),
        "vault": running.vault.address,
        "rpc": running.venue.url,
        "key": KEY.hex(),
        "directory": str(running.desk.policy.directory),
    }
    command = [sys.executable, "-m", "tests.relayer.service.killed"]
    done = subprocess.run(command, input=json.dumps(given), text=True, cwd=ROOT, timeout=KILL_SECONDS)
    return done.returncode


@pytest.mark.parametrize("place", ["test.done", "proving.before-store"])
def test_another_prover_goes_on_where_the_killed_one_was(running: Service, place: str) -> None:
    running.join("alice")
    running.join("bob")
    number = running.sealed()
    assert die_at(running, place) == -signal.SIGKILL
    heard: list[Progress] = []
    later = Leases(running.database, "next", clock=lambda: now_ms() + 2 * LEASE_MS)
    running.prover = replace(running.prover, executor=Listening(KEYS, heard.append), leases=later)
    running.until(number, BatchState.MINED)
    made = [said.name for said in heard if said.phase == "done"]
    kept = [said.name for said in heard if said.phase == "stored"]
    if place == "test.done":
        assert kept
        assert len(made) + len(kept) == (running.batch(number).segments or 0) + 1
    else:
        assert not made
    assert running.batch(number).proofs_done == running.batch(number).proofs_total
