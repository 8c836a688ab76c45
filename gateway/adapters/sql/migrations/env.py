"""Alembic's entry point: runs the migrations on the connection of `opening.migrate`."""

from __future__ import annotations

from alembic import context

from gateway.adapters.sql.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
