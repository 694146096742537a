"""Databases for tests: SQLite files, and a PostgreSQL cluster of its own, one for a run of the tests, with a fresh database a test.

Making a database costs more than most tests, so those that a test is done with are emptied and given to the next. The cluster listens on
a unix socket alone and syncs as one in service does. PostgreSQL does not run as root: then it is started as the user `postgres`, who owns
nothing but the cluster's folder.
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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from sqlalchemy.engine import make_url

from relayer.store.database import Database

USER = "tacit"
SYSTEM_USER = "postgres"
TEMPLATE = "made"
_OF_EACH_TABLE = """
DO $$ DECLARE names text; BEGIN
    SELECT string_agg(quote_ident(tablename), ', ') INTO names FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> '{but}';
    IF names IS NOT NULL THEN EXECUTE '{what} ' || names || ' CASCADE'; END IF;
END $$
"""
EMPTY_TABLES = _OF_EACH_TABLE.format(but="alembic_version", what="TRUNCATE")
DROP_TABLES = _OF_EACH_TABLE.format(but="", what="DROP TABLE")
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
        self._done: dict[str, list[str]] = {"fresh": [], "empty": []}

    def url(self, name: str) -> str:
        """Where a database is."""
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}"

    def empty(self) -> str:
        """A new database without tables."""
        return self._new("template0")

    def fresh(self) -> str:
        """A new database with the tables of this revision."""
        return self._new(TEMPLATE)

    @contextmanager
    def lent(self, how: str) -> Iterator[str]:
        """A database, `fresh` or `empty`, which goes to another test afterwards."""
        done = self._done[how]
        url = done.pop() if done else {"fresh": self.fresh, "empty": self.empty}[how]()
        yield url
        name = make_url(url).database or ""
        self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", parameters=(name,))
        self.run(EMPTY_TABLES if how == "fresh" else DROP_TABLES, name)
        done.append(url)

    def run(
        self, statement: LiteralString, database: str = "postgres", parameters: tuple[str, ...] | None = None
    ) -> None:
        """Runs a statement, by default one that concerns the whole cluster."""
        with psycopg.connect(host=str(self.folder), user=USER, dbname=database, autocommit=True) as connection:
            connection.execute(statement, parameters)

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
def empty_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes the address of a database without tables, each time another."""
    count = itertools.count()
    with ExitStack() as lent:

        def make() -> str:
            if database_kind == "sqlite":
                return f"sqlite:///{tmp_path / f'empty{next(count)}.sqlite'}"
            made: Cluster = request.getfixturevalue("postgres")
            return lent.enter_context(made.lent("empty"))

        yield make


@pytest.fixture
def store_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with tables."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'store.sqlite'}"
        Database.create(url).close()
        yield url
        return
    made: Cluster = request.getfixturevalue("postgres")
    with made.lent("fresh") as url:
        yield url


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """The same, opened."""
    opened = Database.open(store_url)
    yield opened
    opened.close()
