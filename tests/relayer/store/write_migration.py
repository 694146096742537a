"""Writes revision 0001 anew from the models: `python -m tests.relayer.store.write_migration`, while no release has it.

Once there was a release, its revision stays as it is and a change gets one of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations.ops import DowngradeOps, UpgradeOps
from alembic.runtime.migration import MigrationContext

from relayer.store.database import Database
from relayer.store.migrate import FOLDER
from relayer.store.models import Base

FILE = FOLDER / "versions" / "revision_0001.py"
TEXT = '''"""The tables of the relayer, as they began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From nothing to the tables."""
{upgrade}


def downgrade() -> None:
    """Back to nothing."""
{downgrade}
'''


def main() -> None:
    """Writes the file."""
    FILE.write_text(rendered(), encoding="utf-8")


def rendered() -> str:
    """What is to stand in the file."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.connect(f"sqlite:///{folder}/empty.sqlite")
        with database.engine.begin() as connection:
            made = produce_migrations(MigrationContext.configure(connection), Base.metadata)
        database.close()
    text = TEXT.format(upgrade=code(made.upgrade_ops), downgrade=code(made.downgrade_ops))
    ruff = [str(Path(sys.executable).parent / "ruff"), "format", "--stdin-filename", str(FILE), "-"]
    return subprocess.run(ruff, input=text, check=True, stdout=subprocess.PIPE, text=True).stdout


def code(steps: UpgradeOps | DowngradeOps | None) -> str:
    """Alembic's rendering of steps, without its remarks, as the body of a function."""
    assert steps is not None
    lines = (line for line in render_python_code(steps).splitlines() if "# ###" not in line)
    return textwrap.indent(textwrap.dedent("\n".join(lines)), "    ")


if __name__ == "__main__":
    main()
