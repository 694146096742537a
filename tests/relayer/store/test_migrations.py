"""Revisions make exactly the tables that the program uses, on both databases, and a service refuses any other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.engine.interfaces import ReflectedIndex

from relayer.errors import StoreError
from relayer.store import migrate
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.models import Base, Batch, BatchState, BatchStep, Holder, Order, OrderState, Setting
from tests.relayer.store.write_migration import FILE, rendered

OWNER = b"o" * 32
WRITE_AGAIN = "run `python -m tests.relayer.store.write_migration`"


@pytest.fixture
def empty(empty_url: Callable[[], str]) -> Iterator[Database]:
    with closing(Database.connect(empty_url())) as made:
        yield made


def test_the_first_revision_is_what_the_models_say(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.read() as session:
        context = MigrationContext.configure(session.connection())
        assert compare_metadata(context, Base.metadata) == [], WRITE_AGAIN


def test_the_first_revision_is_written_from_the_models() -> None:
    assert FILE.read_text(encoding="utf-8") == rendered(), WRITE_AGAIN


def test_tables_made_by_revisions_are_those_that_the_models_make(empty_url: Callable[[], str]) -> None:
    made = closing(Database.connect(empty_url())), closing(Database.connect(empty_url()))
    with made[0] as by_revisions, made[1] as by_models:
        migrate.upgrade(by_revisions)
        with by_models.write() as session:
            Base.metadata.create_all(session.connection())
        assert described(by_revisions) == described(by_models)


def described(database: Database) -> dict[str, object]:
    """Columns, keys, indexes and constraints of every table but the one with the revision."""

    def of(connection: Connection) -> dict[str, object]:
        found = inspect(connection)
        names = [name for name in found.get_table_names() if name != "alembic_version"]
        return {
            name: (
                [{k: str(v) for k, v in column.items()} for column in found.get_columns(name)],
                found.get_pk_constraint(name),
                sorted(_plain(index) for index in found.get_indexes(name)),
                sorted(map(str, found.get_unique_constraints(name))),
                sorted(map(str, found.get_foreign_keys(name))),
            )
            for name in sorted(names)
        }

    with database.read() as session:
        return of(session.connection())


def _plain(index: ReflectedIndex) -> str:
    """An index, with the condition of a partial one as text."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str({**index, "dialect_options": options})


def test_data_survives_an_upgrade_that_has_nothing_to_do_and_goes_with_a_downgrade(empty: Database) -> None:
    migrate.upgrade(empty)
    filled(empty)
    migrate.upgrade(empty)
    with empty.read() as session:
        assert session.get_one(Order, "an order").content_sealed is not None
        assert session.get_one(Batch, 1).state == BatchState.OPEN
    migrate.downgrade(empty, "base")
    assert migrate.current(empty) is None
    with empty.read() as session:
        assert set(inspect(session.connection()).get_table_names()) <= {"alembic_version"}
    migrate.upgrade(empty)
    filled(empty)


def filled(database: Database) -> None:
    """Rows that refer to each other."""
    with database.write() as session:
        session.add(Setting(name="a", value="b"))
        session.add(Holder(owner=OWNER, key=OWNER, subaccount=0, account=5, holder_sealed=b"", created_at=1))
        session.add(Batch(number=1, state=BatchState.OPEN, epoch=1, created_at=1, updated_at=1))
        session.flush()
        session.add(BatchStep(batch=1, state=BatchState.OPEN, at=1))
        sealed = Sealer(bytes(32)).seal("orders.content:an order", b"{}")
        order = {"id": "an order", "hash": OWNER, "owner": OWNER, "account": 5, "content_sealed": sealed, "position": 1}
        session.add(Order(**order, state=OrderState.WAITING, created_at=1, updated_at=1))


def test_a_revision_that_fails_half_way_has_changed_nothing(empty: Database) -> None:
    tables = MetaData()

    def broken(config: Config, to: str) -> None:
        command.upgrade(config, to)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        migrate._step(empty, "head", broken)
    with empty.read() as session:
        tables.reflect(session.connection())
    assert not tables.tables


def test_two_that_upgrade_at_once_take_turns(empty_url: Callable[[], str]) -> None:
    url = empty_url()
    errors: list[BaseException] = []

    def upgrade() -> None:
        database = Database.connect(url)
        try:
            migrate.upgrade(database)
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)
        database.close()

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    Database.open(url).close()


def test_a_service_refuses_a_database_without_tables_and_says_what_to_do(empty: Database) -> None:
    with pytest.raises(StoreError, match="has no tables yet: run `relayer db upgrade`"):
        migrate.require_current(empty)


def test_a_service_refuses_a_database_of_a_newer_program(empty_url: Callable[[], str]) -> None:
    url = empty_url()
    with closing(Database.create(url)) as database:
        with database.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StoreError, match="9999, which this program does not know: use the newer program"):
            Database.open(url)
        with pytest.raises(StoreError, match="9999"):
            migrate.upgrade(database)


def test_tables_of_something_else_are_left_alone(empty: Database) -> None:
    with empty.write() as session:
        session.execute(text("CREATE TABLE invoices (id integer)"))
    with pytest.raises(StoreError, match=r"holds tables of something else \(invoices\)"):
        migrate.upgrade(empty)


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_an_address_that_is_no_database_of_ours_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StoreError, match=r"a database is sqlite:///PATH or postgresql") as refused:
        Database.connect(url)
    assert "secret" not in str(refused.value)
