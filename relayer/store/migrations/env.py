"""How Alembic runs a revision here: in the transaction of :mod:`relayer.store.migrate`, which gives the connection."""

from __future__ import annotations

from alembic import context

from relayer.store.migrate import CONNECTION
from relayer.store.models import Base

connection = context.config.attributes[CONNECTION]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
