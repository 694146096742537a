"""A copy made while others write is of one moment, opens with the same key, and is put back only where nothing is."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from relayer.cli import app
from relayer.errors import StoreError
from relayer.store import chain, events
from relayer.store.backup import AFTER_RESTORE, backup, restore
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.models import Batch, BatchState, Event, Nonce, Setting
from tests.postgres import Cluster

SEALER = Sealer(bytes(range(32)))
OWNER = b"o" * 32
FILLING = 300
"""Bytes of an event, so that there are pages enough to copy."""


@pytest.fixture
def writing(database: Database) -> Callable[[], int]:
    """Writes two rows that belong together, and an event, until it is called; then says how often it wrote."""
    stop, count = threading.Event(), 0

    def write() -> None:
        nonlocal count
        while not stop.is_set():
            with database.write() as session:
                number = 1 + count
                session.merge(Setting(name="pair", value=str(number)))
                session.merge(Nonce(sender="pair", following=number))
                events.append(session, "orders", {"fill": "1" * FILLING}, OWNER, SEALER)
            count = number

    thread = threading.Thread(target=write)
    thread.start()
    while count == 0:
        time.sleep(0.001)

    def ended() -> int:
        stop.set()
        thread.join()
        return count

    return ended


def test_a_copy_made_under_writes_is_of_one_moment_and_opens_with_the_key(
    database: Database, writing: Callable[[], int], empty_url: Callable[[], str], tmp_path: Path
) -> None:
    copies = [tmp_path / f"{number}.backup" for number in range(2)]
    for copy in copies:
        backup(database, copy)
    written = writing()
    moments = []
    for copy in copies:
        assert copy.stat().st_mode & 0o777 == 0o600
        with closing(Database.connect(empty_url())) as restored:
            restore(copy, restored)
            with restored.read() as session:
                moments.append(int(session.get_one(Setting, "pair").value))
                assert session.get_one(Nonce, "pair").following == moments[-1]
                assert events.last(session) == moments[-1] == session.scalar(select(func.count()).select_from(Event))
                (told,) = events.since(session, moments[-1] - 1, channels=["orders"], owner=OWNER, sealer=SEALER)
                assert told.payload == {"fill": "1" * FILLING}
    assert moments == sorted(moments)
    assert moments[0] <= moments[-1] <= written
    assert list(tmp_path.glob(".*")) == []


def test_writers_are_not_kept_waiting_by_a_copy(database: Database, writing: Callable[[], int], tmp_path: Path) -> None:
    def count() -> int:
        with database.read() as session:
            return events.last(session)

    for number in range(200):
        before = count()
        backup(database, tmp_path / f"{number}.backup")
        if count() > before > 0:
            break
    else:
        pytest.fail("nothing was written while 200 copies were made")
    writing()


def test_a_copy_is_not_put_where_something_is(database: Database, empty_url: Callable[[], str], tmp_path: Path) -> None:
    copy = tmp_path / "copy.backup"
    backup(database, copy)
    with pytest.raises(StoreError, match="not empty"):
        restore(copy, database)
    with pytest.raises(StoreError, match="there already"):
        backup(database, copy)
    with closing(Database.connect(empty_url())) as empty, pytest.raises(StoreError, match="nothing to back up"):
        backup(empty, tmp_path / "other.backup")
    assert not (tmp_path / "other.backup").exists()


def test_what_is_no_copy_of_ours_is_refused(empty_url: Callable[[], str], tmp_path: Path) -> None:
    copy = tmp_path / "copy.backup"
    with closing(Database.connect(empty_url())) as empty:
        with pytest.raises(StoreError, match="there is no backup"):
            restore(copy, empty)
        copy.write_bytes(b"something else" * 1000)
        with pytest.raises(StoreError):
            restore(copy, empty)


def test_batches_that_took_orders_are_given_up_in_a_restored_database(
    database: Database, empty_url: Callable[[], str], tmp_path: Path
) -> None:
    with database.write() as session:
        for number, state in enumerate(BatchState):
            session.add(Batch(number=number, state=state, epoch=1, created_at=1, updated_at=1))
        chain.set_followed(session, now_ms())
    backup(database, tmp_path / "copy.backup")
    with closing(Database.connect(empty_url())) as restored:
        restore(tmp_path / "copy.backup", restored)
        with restored.read() as session:
            rows = {list(BatchState)[row.number]: row for row in session.scalars(select(Batch))}
            told = [each.payload["alert"] for each in events.since(session, 0, channels=["alerts"])]
            assert chain.followed(session) is None, "else a batch would be opened before it is known which one was"
    given_up = {BatchState.OPENING, BatchState.OPEN}
    assert {state for state, row in rows.items() if row.reason == AFTER_RESTORE} == given_up
    assert {state for state, row in rows.items() if row.state != state} == given_up
    assert {state for state, row in rows.items() if not row.receipts_known} == given_up
    assert told == ["batch_failed"] * 2


def test_a_copy_of_postgresql_needs_its_programs_and_says_so(
    postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Database.open(postgres.fresh())) as database:
        monkeypatch.setattr(shutil, "which", lambda _name: None)
        monkeypatch.setattr("relayer.store.backup.DEBIAN", tmp_path)
        with pytest.raises(StoreError, match=r"needs PostgreSQL's pg_dump, .*: install the PostgreSQL client"):
            backup(database, tmp_path / "copy.backup")


def test_a_password_is_not_told_to_other_users_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    called = []

    def run(command: list[str], env: dict[str, str], **_: object) -> subprocess.CompletedProcess[str]:
        called.append((command, env))
        return subprocess.CompletedProcess(command, 1, "", "no such host")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("relayer.store.backup.current", lambda _database: "0001")
    database = Database.connect("postgresql://user:s3cr3t@nowhere/name")
    with pytest.raises(StoreError, match="no such host") as refused:
        backup(database, tmp_path / "copy.backup")
    ((command, environment),) = called
    assert "s3cr3t" not in " ".join(command) + str(refused.value)
    assert environment["PGPASSWORD"] == "s3cr3t"


def test_the_commands_do_it(empty_url: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, exit_code: int = 0) -> str:
        done = CliRunner().invoke(app, ["db", *arguments])
        assert done.exit_code == exit_code, done.output
        return done.output

    url, other = empty_url(), empty_url()
    assert "none, no tables" in run("current", "--database", url)
    run("upgrade", "--database", url)
    assert "as this program needs" in run("current", "--database", url)
    run("backup", "copy.backup", "--database", url)
    assert "not empty" in run("restore", "copy.backup", "--database", url, exit_code=1)
    run("restore", "copy.backup", "--database", other)
    run("forget-chain", "--database", other)
    assert "say --yes" in run("downgrade", "--to", "base", "--database", other, exit_code=1)
    run("downgrade", "--to", "base", "--yes", "--database", other)
    assert '"revision": null' in run("current", "--json", "--database", other)
    run("key", "database.key")
    assert "there already" in run("key", "database.key", exit_code=1)
