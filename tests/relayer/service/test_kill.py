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
from relayer import points
from relayer.store.clock import now_ms
from relayer.store.leases import Leases
from relayer.store.models import BatchState
from tests.relayer.service.killed import Listening
from tests.relayer.service.venue import KEY, KEYS, ROOT, Service
from tests.relayer.venue import CONTRACT

KILL_SECONDS: Final = 60
LEASE_MS: Final = 15_000


class Killed(BaseException):
    """The end of a process, as far as what is stored goes."""


WAY: Final = (
    "open.before-queue",
    "open.after-queue",
    "close.before-commit",
    "close.after-commit",
    "seal.before-queue",
    "seal.after-queue",
    "clear.before-commit",
    "clear.after-commit",
    "proving.before-take",
    "proving.after-take",
    "proving.progress",
    "proving.after-proof",
    "proving.before-store",
    "proving.after-store",
    "settle.before-queue",
    "settle.after-queue",
    "watcher.before-commit",
    "watcher.after-commit",
)


def test_whoever_dies_at_any_place_of_a_batchs_way_is_followed_by_another_and_nothing_is_done_twice(
    running: Service,
) -> None:
    left = set(WAY)

    def die(reached: str) -> None:
        if reached in left:
            left.discard(reached)
            raise Killed

    def until(number: int, state: BatchState) -> None:
        while running.state(number) is not state:
            try:
                running.until(number, state)
            except Killed:
                running.restart(f"after {len(left)}")

    alice, bob = running.join("alice"), running.join("bob")
    points.install(die)
    try:
        until(1, BatchState.OPEN)
        orders = running.cross(alice, bob)
        running.request_close(1)
        until(1, BatchState.MINED)
    finally:
        points.install(None)
    assert not left
    running.until(2, BatchState.OPEN)
    assert sorted(running.transactions()) == ["open:1", "open:2", "seal:1", "settle:1"]
    assert [running.result(order)["fill"] for order in orders] == [str(CONTRACT)] * 2
    assert running.venue.contract.call("root") == int.from_bytes(running.batch(1).end_root or b"", "big")


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
