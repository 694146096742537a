"""One database, SQLite or PostgreSQL, that behaves the same either way.

A write is one transaction, and writes come one after another, also those of other processes and machines: SQLite has one writer anyway
(``BEGIN IMMEDIATE``), on PostgreSQL a lock of the transaction's length makes it so. What a write has read is therefore still true when it
commits. When :meth:`Database.write` returns, its rows are on disk; if it raises, nothing has changed. A read sees one moment.

A process that is stopped in the middle of a write keeps others waiting: on PostgreSQL the server ends its transaction after
``IDLE_SECONDS``; on SQLite others give up after ``BUSY_SECONDS`` (:class:`StoreError`) until it goes on or is killed. Who may write what is
left to :mod:`.leases`, the tables to :mod:`.models`, their revisions to :mod:`.migrate`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InternalError, OperationalError
from sqlalchemy.orm import Session

from relayer.errors import StoreError

BUSY_SECONDS: Final = 10
BRIEF_SECONDS: Final = 0.1
"""What keeps everybody waiting while it waits itself gives up so soon."""
IDLE_SECONDS: Final = 10
READING_SECONDS: Final = 3600
"""A reader that does nothing for so long is thought dead."""
CONNECTIONS: Final = 20
WRITER: Final = 0x7461636974
"""Number of the lock that PostgreSQL's writers take in turn ("tacit")."""
TAKE_TURN: Final = text(
    "SELECT pg_advisory_xact_lock(:number), set_config('idle_in_transaction_session_timeout', :idle, true)"
)
MODE: Final = "tacit_mode"


class Database:
    """The relayer's database. May be used from several threads."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.sqlite = url.get_backend_name() == "sqlite"
        self.engine = _sqlite(url) if self.sqlite else _postgresql(url)
        self._writing = threading.Lock()

    @classmethod
    def open(cls, url: str) -> Self:
        """The database at ``sqlite:///PATH`` or ``postgresql://…``; :class:`StoreError` if its tables are not of this revision."""
        from relayer.store.migrate import require_current

        database = cls.connect(url)
        try:
            require_current(database)
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def create(cls, url: str) -> Self:
        """The same, its tables made or brought to this revision first."""
        from relayer.store.migrate import upgrade

        database = cls.connect(url)
        try:
            upgrade(database)
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def connect(cls, url: str) -> Self:
        """The database as it is, for who looks after its tables."""
        return cls(_checked(url))

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()

    @property
    def name(self) -> str:
        """Its address without a password, for messages."""
        return self.url.render_as_string(hide_password=True)

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        if not self.sqlite or not self.url.database:
            raise StoreError(f"{self.name} is no file", {"database": self.name})
        return Path(self.url.database)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction, committed at the end, on disk when this returns; :class:`StoreError` if its turn does not come."""
        with self._turn(), self._session("write") as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Rows as they are at one moment; what is changed here is not kept."""
        with self._session("read") as session:
            yield session

    def maintain(self, *statements: str) -> bool:
        """Runs statements outside of any transaction; False if others keep the database, who are not kept waiting for it."""
        with self._turn(), self._answering(), self.engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT", **{MODE: "alone"})
            brief, usual = self._patience(BRIEF_SECONDS), self._patience(BUSY_SECONDS)
            alone.exec_driver_sql(brief)
            try:
                return all(self._alone(alone, statement) for statement in statements)
            finally:
                alone.exec_driver_sql(usual)

    def _alone(self, connection: Connection, statement: str) -> bool:
        """Whether a statement could be run; a checkpoint of SQLite says in its first column that it could not."""
        try:
            found = connection.exec_driver_sql(statement)
            return not (found.returns_rows and statement.startswith("PRAGMA wal_checkpoint") and found.one()[0])
        except OperationalError as error:
            if _is_busy(error):
                return False
            raise

    def _patience(self, seconds: float) -> str:
        name = "PRAGMA busy_timeout" if self.sqlite else "SET lock_timeout"
        return f"{name} = {round(1000 * seconds)}"

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Writers of this process wait here, in order: SQLite's own waiting is by sleeping, and unfair."""
        if not self._writing.acquire(timeout=BUSY_SECONDS):
            raise _busy(self.name)
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turns what a database says that is busy, down or full into :class:`StoreError`; a statement that is wrong stays what it is."""
        try:
            yield
        except DBAPIError as error:
            if _is_busy(error):
                raise _busy(self.name) from error
            if not error.connection_invalidated and not isinstance(error, OperationalError | InternalError):
                raise
            what = f"{self.name} failed: {str(error.orig).splitlines()[0]}; is it up, and its disk not full?"
            raise StoreError(what, {"database": self.name}) from error

    @contextmanager
    def _session(self, mode: str) -> Iterator[Session]:
        engine = self.engine.execution_options(**{MODE: mode})
        with self._answering(), Session(engine, expire_on_commit=False) as session:
            session.connection()
            yield session
            if mode == "write":
                session.commit()


# ---- SQLite


def _sqlite(url: URL) -> Engine:
    _private(Path(str(url.database)))
    engine = create_engine(
        url,
        pool_size=CONNECTIONS,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS},
        pool_timeout=BUSY_SECONDS,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get(MODE, "write")
        if mode != "alone":
            connection.exec_driver_sql("BEGIN IMMEDIATE" if mode == "write" else "BEGIN")

    return engine


def _private(path: Path) -> None:
    """The file, with its journal, is for its owner alone; SQLite gives its journal the mode of the file."""
    if not path.parent.is_dir():
        raise StoreError(f"there is no folder {path.parent} for the database: make it", {"path": str(path)})
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


# ---- PostgreSQL


def _postgresql(url: URL) -> Engine:
    options = (
        f"-c synchronous_commit=on -c lock_timeout={BUSY_SECONDS}s -c timezone=UTC"
        f" -c idle_in_transaction_session_timeout={READING_SECONDS}s"
    )
    engine = create_engine(
        url,
        pool_size=CONNECTIONS // 2,
        max_overflow=CONNECTIONS // 2,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get(MODE, "write")
        if mode == "write":
            connection.execute(TAKE_TURN, {"number": WRITER, "idle": f"{IDLE_SECONDS}s"})
        elif mode == "read":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    return engine


# ---- both


def _checked(text_: str) -> URL:
    """The address of a database that this program can use."""
    try:
        url = make_url(text_)
    except ArgumentError:
        raise StoreError("a database is sqlite:///PATH or postgresql://USER@HOST/NAME") from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername in ("sqlite", "sqlite+pysqlite") and url.database not in (None, "", ":memory:"):
        return url.set(drivername="sqlite+pysqlite")
    what = (
        f"a database is sqlite:///PATH or postgresql://USER@HOST/NAME, not {url.render_as_string(hide_password=True)}"
    )
    raise StoreError(what)


def _is_busy(error: DBAPIError) -> bool:
    """Whether a statement failed because others kept the database, by SQLite's code or PostgreSQL's."""
    cause: Any = error.orig
    return getattr(cause, "sqlite_errorname", "").startswith("SQLITE_BUSY") or getattr(cause, "sqlstate", "") == "55P03"


def _busy(name: str) -> StoreError:
    what = f"{name} has been kept by another writer for {BUSY_SECONDS} s: is one of its processes stopped? end it, or try again"
    return StoreError(what, {"database": name})
