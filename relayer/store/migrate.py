"""The revision of a database's tables, and the way from one to another.

Revisions are Alembic's, in :mod:`relayer.store.migrations`, shipped with the package. A step is one transaction on both databases, so
one that fails or is killed has changed nothing; two that are started at once take turns. What a service needs is the newest revision,
no older and no newer: :func:`require_current`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect

from relayer.errors import StoreError
from relayer.store.database import Database

FOLDER: Final = Path(__file__).parent / "migrations"
CONNECTION: Final = "connection"


def head() -> str:
    """The revision of this program."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise StoreError(f"{FOLDER} has no revisions: the package is not whole, install it again")
    return found


def current(database: Database) -> str | None:
    """The revision of a database; None for one without tables."""
    with database.read() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


def require_current(database: Database) -> None:
    """:class:`StoreError`, which says what to do, unless the tables are those of this program."""
    found, wanted = current(database), head()
    if found == wanted:
        return
    if found is None:
        what = f"{database.name} has no tables yet: run `relayer db upgrade`"
    elif found in _known():
        what = f"{database.name} is at revision {found}, this program needs {wanted}: back it up, then run `relayer db upgrade`"
    else:
        what = f"{database.name} is at revision {found}, which this program does not know: use the newer program that made it"
    raise StoreError(what, {"database": database.name, "revision": found, "needed": wanted})


def upgrade(database: Database, to: str = "head") -> None:
    """Brings the tables to a revision, or makes them; refuses a database that holds tables of something else."""
    _step(database, to, command.upgrade)


def downgrade(database: Database, to: str) -> None:
    """Brings the tables back to an earlier revision; ``base`` removes them with all that is in them."""
    _step(database, to, command.downgrade)


def _step(database: Database, to: str, how: Callable[[Config, str], None]) -> None:
    with database.engine.begin() as connection:
        _refuse_strangers(database, connection)
        config = _config()
        config.attributes[CONNECTION] = connection
        try:
            how(config, to)
        except CommandError as error:
            raise StoreError(f"{database.name}: {error}", {"database": database.name, "revision": to}) from error


def _refuse_strangers(database: Database, connection: Connection) -> None:
    tables = set(inspect(connection).get_table_names())
    if tables and "alembic_version" not in tables:
        what = f"{database.name} holds tables of something else ({', '.join(sorted(tables)[:5])}): choose an empty database"
        raise StoreError(what, {"database": database.name})


def _known() -> set[str]:
    return {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config
