"""A copy of the database of one moment, made while the service runs, and put back only where nothing is.

SQLite by its online backup, PostgreSQL by its own ``pg_dump`` and ``pg_restore``. A copy is written beside its name, checked, synced and
renamed, so that there is a whole one or none. What is sealed stays sealed: a copy is worth nothing without the database key, which is
kept apart.

A copy is older than what it is a copy of. What must not be done twice is told from the chain (settlements, seals, nonces), but for
receipts: orders that were promised a place after the copy was made are in nobody's list any more. So a restored database gives no
further receipt for a batch that took orders then, and does not seal it (``FAILED``): the vault ends its opening by itself, and what was
promised costs the base of that batch's bond at most (docs/protocol.md section 14).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import delete, inspect, select

from prover.wire import sync_directory
from relayer.errors import StoreError
from relayer.store.batches import fail
from relayer.store.chain import FOLLOWED
from relayer.store.database import Database
from relayer.store.migrate import current
from relayer.store.models import Batch, BatchState, Setting

DEBIAN: Final = Path("/usr/lib/postgresql")
TAKING: Final = (BatchState.OPENING, BatchState.OPEN)
"""Batches that may have promised places since."""
AFTER_RESTORE: Final = "restored from a backup: receipts given since it was made are not known here"


def backup(database: Database, path: Path) -> None:
    """Writes a copy to a file that is not there yet (:class:`StoreError` if it is, or if the copy fails)."""
    if path.exists():
        raise StoreError(f"{path} is there already: choose another name", {"path": str(path)})
    if not path.parent.is_dir():
        raise StoreError(f"there is no folder {path.parent}: make it", {"path": str(path)})
    if current(database) is None:
        raise StoreError(f"{database.name} has no tables: there is nothing to back up", {"database": database.name})
    how = _copy_sqlite if database.sqlite else _dump
    _whole(path, lambda beside: how(database, beside))


def restore(path: Path, database: Database) -> str:
    """Fills an empty database from a copy; its revision. Batches that took orders then are ``FAILED`` in it."""
    if not path.is_file():
        raise StoreError(f"there is no backup {path}", {"path": str(path)})
    _require_empty(database)
    if database.sqlite:
        _copy_back(path, database)
    else:
        _undump(path, database)
    revision = current(database)
    if revision is None:
        raise StoreError(f"{path} is no backup of a relayer: the database is as it says", {"path": str(path)})
    _end_openings(database)
    return revision


def _end_openings(database: Database) -> None:
    """Batches that took orders take none here, and none is opened before the chain has been followed from here on."""
    with database.write() as session:
        session.execute(delete(Setting).where(Setting.name == FOLLOWED))
        for batch in session.scalars(select(Batch).where(Batch.state.in_(TAKING))).all():
            batch.receipts_known = False
            fail(session, batch, AFTER_RESTORE)


def _whole(path: Path, write: Callable[[Path], None]) -> None:
    """Has a file written under another name, synced, and given its own."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        write(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}", {"path": str(path)}) from error
    finally:
        beside.unlink(missing_ok=True)


def _require_empty(database: Database) -> None:
    with database.read() as session:
        tables = inspect(session.connection()).get_table_names()
    if tables:
        what = (
            f"{database.name} is not empty: a backup is restored into an empty database only; move this one away first"
        )
        raise StoreError(what, {"database": database.name})


# ---- SQLite


def _copy_sqlite(database: Database, path: Path) -> None:
    with closing(sqlite3.connect(database.path)) as source:
        _copy(source, path)


def _copy_back(path: Path, database: Database) -> None:
    database.close()
    with closing(sqlite3.connect(f"file:{path.absolute()}?mode=ro&immutable=1", uri=True)) as source:
        _copy(source, database.path)


def _copy(source: sqlite3.Connection, path: Path) -> None:
    """All pages in one step, which is one moment: others go on writing meanwhile."""
    try:
        with closing(sqlite3.connect(path)) as copy:
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")
            found = copy.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(f"the copy to {path} failed: {error}", {"path": str(path)}) from error
    if found != "ok":
        raise StoreError(f"the copy to {path} is damaged: {found}; is the disk whole?", {"path": str(path)})


# ---- PostgreSQL


def _dump(database: Database, path: Path) -> None:
    _run(database, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", str(path))


def _undump(path: Path, database: Database) -> None:
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    _run(database, "pg_restore", *options, str(path))


def _run(database: Database, name: str, *arguments: str) -> None:
    """Runs a program of PostgreSQL's on the database; a password goes by the environment, where other users cannot read it."""
    url = database.url
    where = url.set(drivername="postgresql", password=None).render_as_string()
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    command = [_program(name), "--no-password", "--dbname", where, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        what = f"{name} of {database.name} failed: {done.stderr.strip()[-500:]}"
        raise StoreError(what, {"database": database.name, "program": name, "exit": done.returncode})


def _program(name: str) -> str:
    found = shutil.which(name) or next((str(p) for p in sorted(DEBIAN.glob(f"*/bin/{name}"), reverse=True)), None)
    if found is None:
        what = f"this needs PostgreSQL's {name}, which is not installed here: install the PostgreSQL client (Debian: postgresql-client)"
        raise StoreError(what, {"program": name})
    return found
