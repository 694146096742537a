"""``relayer db``: looks after the database: its tables' revision, copies, the key that hides content, what was read of the chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from relayer.config import Settings
from relayer.config_cli import ConfigOption
from relayer.errors import StoreError
from relayer.store import chain, migrate
from relayer.store.backup import backup, restore
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.telling import AsJson, command_group, tell, told

app = command_group("The database of the service.")

UrlOption = Annotated[
    str | None,
    typer.Option("--database", help="sqlite:///PATH or postgresql://USER@HOST/NAME; else that of the settings."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it, though it deletes.")]


@app.callback()
def group() -> None:
    """The database of the service."""


@app.command("upgrade")
def upgrade_command(
    to: Annotated[str, typer.Option("--to", help="Revision.")] = "head",
    database: UrlOption = None,
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Makes the tables, or brings them to this program's revision. Back up first."""
    with told(as_json), _connected(database, config) as found:
        before = migrate.current(found)
        migrate.upgrade(found, to)
        _tell_revision(as_json, found, before)


@app.command("downgrade")
def downgrade_command(
    to: Annotated[str, typer.Option("--to", help="Revision; base removes all tables.")],
    yes: YesOption = False,
    database: UrlOption = None,
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Brings the tables back to an earlier revision. What that revision has no place for is deleted."""
    with told(as_json), _connected(database, config) as found:
        if not yes:
            raise StoreError(
                f"going back to {to} deletes what it has no place for: back up, then say --yes", {"to": to}
            )
        before = migrate.current(found)
        migrate.downgrade(found, to)
        _tell_revision(as_json, found, before)


@app.command("current")
def current_command(database: UrlOption = None, config: ConfigOption = None, as_json: AsJson = False) -> None:
    """Says which revision the tables have, and which this program needs."""
    with told(as_json), _connected(database, config) as found:
        _tell_revision(as_json, found, migrate.current(found))


@app.command("backup")
def backup_command(
    file: Annotated[
        Path | None, typer.Argument(help="Where to; else a new file in the folder of the settings.")
    ] = None,
    database: UrlOption = None,
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Writes a copy of one moment while the service runs. The database key is not in it: keep that apart."""
    with told(as_json), _connected(database, config) as found:
        path = file or _dated(Settings.load(config).database.backups)
        backup(found, path)
        size = path.stat().st_size
        document = {"file": str(path), "bytes": size, "revision": migrate.current(found)}
        tell(as_json, document, f"{path}: {size} bytes, revision {document['revision']}")


@app.command("restore")
def restore_command(
    file: Annotated[Path, typer.Argument(help="A file that backup wrote.", dir_okay=False)],
    database: UrlOption = None,
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Fills an empty database from a copy. Batches that took orders when it was made are given up."""
    with told(as_json), _connected(database, config) as found:
        revision = restore(file, found)
        tell(as_json, {"database": found.name, "revision": revision}, f"{found.name} is restored, revision {revision}")


@app.command("key")
def key_command(
    file: Annotated[Path, typer.Argument(help="File to write, for its owner alone.", dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Draws the key that hides what orders say. Whoever loses it loses that; keep a copy away from the backups."""
    with told(as_json):
        Sealer.create(file)
        tell(as_json, {"file": str(file)}, f"{file} holds a new database key: set database.key_file to it")


@app.command("forget-chain")
def forget_chain_command(database: UrlOption = None, config: ConfigOption = None, as_json: AsJson = False) -> None:
    """Deletes what was read of the chain, to have it read again from the vault's first block. Nothing else is lost."""
    with told(as_json), _connected(database, config) as found:
        migrate.require_current(found)
        with found.write() as session:
            chain.forget(session)
        tell(as_json, {"database": found.name}, f"{found.name}: the watcher reads the chain again from its beginning")


@contextmanager
def _connected(url: str | None, config: Path | None) -> Iterator[Database]:
    database = Database.connect(url or Settings.load(config).database.url)
    try:
        yield database
    finally:
        database.close()


def _dated(folder: Path | None) -> Path:
    if folder is None:
        raise StoreError("where to? give a file, or set database.backups to a folder")
    return folder / f"tacit-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup"


def _tell_revision(as_json: bool, database: Database, before: str | None) -> None:
    now, needed = migrate.current(database), migrate.head()
    document = {"database": database.name, "before": before, "revision": now, "needed": needed}
    state = "as this program needs" if now == needed else f"this program needs {needed}"
    tell(as_json, document, f"{database.name}: revision {now or 'none, no tables'}, {state}")
