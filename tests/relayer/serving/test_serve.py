"""The real command takes traders' orders by HTTP and brings them into the chain by itself; it stops in order and comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from relayer.store.models import Lease
from relayer.store.models import Order as OrderRow
from tests.relayer.serving.relayer import CONTRACT, DOLLAR, RELAYER, ROOT, Relayer, alive, relayer
from tests.relayer.venue import Owner

FULL = bool(os.environ.get("TACIT_FULL"))
NAMES = ("alice", "bob", "carol")
OPEN_SECONDS = 3_700
"""Longer than an opening of the vault lasts."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relayer]:
    folder = tmp_path_factory.mktemp("serve")
    with relayer(folder, f"sqlite:///{folder / 'tacit.sqlite'}") as made:
        made.start()
        yield made


def joined(running: Relayer, name: str) -> Owner:
    owner = running.venue.owner(name)
    assert running.register(owner).status_code == 201
    made = running.venue.deposit(owner, 10_000 * DOLLAR)
    assert isinstance(made, Owner)
    return made


def test_orders_by_http_are_settled_on_chain_by_the_service_alone(running: Relayer) -> None:
    alice, bob = up(running)
    running.until(running.ready)
    ids = [running.send(alice, buy=True, limit=101 * DOLLAR), running.send(bob, buy=False, limit=99 * DOLLAR)]

    def settled() -> bool:
        with running.looking() as session:
            return all(session.get_one(OrderRow, each).state.value in ("settled", "final") for each in ids)

    running.until(settled)
    state = running.get("/v1/state").json()
    assert state["batch"] >= 1

    status = running.run("status")
    assert {process["role"] for process in status["processes"]} == {"api", "worker", "prover"}
    assert status["last_settled"] >= 1
    assert status["cost"]["gas_per_order"] > 0
    assert [alert["name"] for alert in status["alerts"]] == []


def test_a_killed_process_is_started_again_while_the_port_stays_open(running: Relayer) -> None:
    up(running)
    pid = next(p["pid"] for p in running.run("status")["processes"] if p["role"] == "api")
    os.kill(pid, signal.SIGKILL)
    assert running.get("/healthz").json() == {"live": True}
    running.until(running.ready)


def test_pause_refuses_orders_and_resume_takes_them_again(running: Relayer) -> None:
    up(running)
    carol = joined(running, "carol")
    size = {"instrument": 3, "quantity": CONTRACT, "buy": True, "limit": 90 * DOLLAR}

    def code() -> str:
        answer = running.post("/v1/orders", running.order(carol, **size))
        return "" if answer.status_code in (201, 202) else str(answer.json()["code"])

    running.until(lambda: code() == "")
    assert running.run("pause")["paused"]["intake"]
    size["limit"] = 91 * DOLLAR
    running.until(lambda: code() == "PAUSED")
    running.run("resume")
    running.until(lambda: code() == "")


def test_every_line_of_the_log_is_an_object_without_a_secret(running: Relayer) -> None:
    for line in running.log.splitlines():
        assert {"at", "level", "role", "event"} <= json.loads(line).keys(), line
    secrets = [(running.folder / name).read_text().strip() for name in ("database-key", "operator", "fund-seed")]
    assert not [each for each in secrets if each in running.log]


def test_it_stops_in_order_and_leaves_its_leases_to_others(running: Relayer) -> None:
    up(running)
    pids = [process["pid"] for process in running.run("status")["processes"]]
    assert running.stop() == 0
    assert not any(alive(pid) for pid in pids)
    with running.looking() as session:
        assert {lease.name: lease.holder for lease in session.query(Lease) if lease.holder} == {}


def another_batch_settles(running: Relayer, owners: list[Owner], slot: int) -> None:
    """The service takes orders of owners that it knows, and settles them."""
    ids = [
        running.send(owners[0], buy=True, limit=101 * DOLLAR, slot=slot),
        running.send(owners[1], buy=False, limit=99 * DOLLAR, slot=slot),
    ]

    def settled() -> bool:
        with running.looking() as session:
            return all(session.get_one(OrderRow, each).state.value in ("settled", "final") for each in ids)

    running.until(settled)


def up(running: Relayer) -> list[Owner]:
    """The service runs, and alice and bob have accounts in the vault."""
    if running.process is None or running.process.poll() is not None:
        running.start()
    running.until(running.live)
    owners = []
    for name in ("alice", "bob"):
        owner = running.venue.owner(name)
        with running.venue.reading() as vault:
            found = vault.contract.call("accountOf", owner.holder.owner)
        owners.append(replace(owner, index=found.index) if found.assigned else joined(running, name))
    return owners


def standby_takes_over(running: Relayer) -> None:
    """Two supervisors on one database; all processes of the one that leads are killed."""
    owners = up(running)
    running.until(running.ready)
    standby = replace(running, process=None, started={})
    standby.start(TACIT_LEASES_HOLDER="standby")
    try:
        standby.until(standby.live)
        refused = standby.post("/v1/orders", standby.order(owners[0], instrument=3, slot=60))
        assert (refused.status_code, refused.json()["code"]) == (503, "NOT_LEADER")
        running.kill()
        standby.until(standby.ready)
        another_batch_settles(standby, owners, 20)
        assert standby.stop() == 0
    finally:
        if standby.process is not None and standby.process.poll() is None:
            standby.kill()


def backup_is_restored(running: Relayer) -> None:
    """The batch that was open then is left to the vault, which ends its opening in time."""
    owners = up(running)
    another_batch_settles(running, owners, 25)
    running.run("db", "backup", str(running.folder / "copy"))
    assert running.stop() == 0
    running.use(f"sqlite:///{running.folder / 'restored.sqlite'}")
    running.run("db", "restore", str(running.folder / "copy"))
    owners = up(running)
    running.venue.chain.rpc("evm_increaseTime", OPEN_SECONDS)
    another_batch_settles(running, owners, 30)
    assert running.stop() == 0


def lost_database_is_made_anew(running: Relayer) -> None:
    """From the chain, once owners have registered again."""
    owners = up(running)
    another_batch_settles(running, owners, 35)
    with running.venue.reading() as vault:
        everybody = [
            name for name in NAMES if vault.contract.call("accountOf", running.venue.owner(name).holder.owner).assigned
        ]
    assert running.stop() == 0
    running.use(f"sqlite:///{running.folder / 'new.sqlite'}")
    running.run("db", "upgrade")
    owners = up(running)
    for name in everybody:
        assert running.register(running.venue.owner(name)).status_code == 201
    running.venue.chain.rpc("evm_increaseTime", OPEN_SECONDS)
    another_batch_settles(running, owners, 40)
    assert running.stop() == 0


RECOVERIES = {
    "a standby takes over": standby_takes_over,
    "a backup is restored into an empty database": backup_is_restored,
    "a lost database is made anew": lost_database_is_made_anew,
}


@pytest.mark.parametrize("recovery", RECOVERIES if FULL else ["a lost database is made anew"])
def test_the_service_settles_further_batches_after(running: Relayer, recovery: str) -> None:
    RECOVERIES[recovery](running)


def test_wrong_settings_are_found_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "relayer.toml"
    path.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/none/tacit.sqlite"\n')
    done = subprocess.run(
        [*RELAYER, "serve", "--config", str(path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 1
    assert "keys.operator is not set" in done.stderr
