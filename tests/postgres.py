"""Databases for tests: SQLite files, and a PostgreSQL cluster of its own, one for a run of the tests, with a fresh database a test.

The cluster listens on a unix socket alone and syncs as one in service does. PostgreSQL does not run as root: then it is started as the
user `postgres`, who owns nothing but the cluster's folder.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from relayer.store.database import Database

USER = "tacit"
SYSTEM_USER = "postgres"
TEMPLATE = "made"
START_SECONDS = 30
SETTINGS = ("listen_addresses=", "max_connections=100", "shared_buffers=32MB", "fsync=on", "autovacuum=off")


def program(name: str) -> str:
    """A program of PostgreSQL, from PATH or where Debian has it."""
    found = shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )
    if found is None:
        raise RuntimeError(f"the tests need PostgreSQL's {name}: apt-get install postgresql")
    return found


class Cluster:
    """A running PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self._count = itertools.count()

    def url(self, name: str) -> str:
        """Where a database is."""
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}"

    def empty(self) -> str:
        """A new database without tables."""
        return self._new("template0")

    def fresh(self) -> str:
        """A new database with the tables of this revision."""
        return self._new(TEMPLATE)

    def run(self, statement: str) -> None:
        """Runs a statement that concerns the whole cluster."""
        with psycopg.connect(host=str(self.folder), user=USER, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def _new(self, template: str) -> str:
        name = f"d{next(self._count)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster, ended when the context is left."""
    folder = Path(tempfile.mkdtemp(prefix="tacit-pg-"))
    as_user = {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []} if os.geteuid() == 0 else {}
    if as_user:
        shutil.chown(folder, SYSTEM_USER, SYSTEM_USER)
    made = Cluster(folder)
    try:
        initdb = [program("initdb"), "-D", made.data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "-N"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **as_user)  # type: ignore[call-overload]
        options = [part for each in (*SETTINGS, f"unix_socket_directories={folder}") for part in ("-c", each)]
        with (folder / "log").open("wb") as log:
            started = [program("postgres"), "-D", made.data, *options]
            server = subprocess.Popen(started, cwd=folder, stdout=log, stderr=log, **as_user)  # type: ignore[call-overload]
        try:
            _wait(made, server)
            made.run(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
            Database.create(made.url(TEMPLATE)).close()
            yield made
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait()
    finally:
        shutil.rmtree(folder)


def _wait(made: Cluster, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            made.run("SELECT 1")
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError((made.folder / "log").read_text()) from None
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The cluster of this run."""
    with cluster() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Each of the two databases."""
    found: str = request.param
    return found


@pytest.fixture
def empty_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes the address of a database without tables, each time another."""
    count = itertools.count()

    def make() -> str:
        if database_kind == "sqlite":
            return f"sqlite:///{tmp_path / f'empty{next(count)}.sqlite'}"
        made: Cluster = request.getfixturevalue("postgres")
        return made.empty()

    return make


@pytest.fixture
def store_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with tables."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'store.sqlite'}"
        Database.create(url).close()
        return url
    made: Cluster = request.getfixturevalue("postgres")
    return made.fresh()


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """The same, opened."""
    opened = Database.open(store_url)
    yield opened
    opened.close()
