"""Several processes on one database: their leases, and the process that a row is leased to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    op.create_index("ix_processes_name", "processes", ["name"])
    op.add_column("inbox", sa.Column("process", sa.String(length=32), nullable=True))
    op.add_column("outbox", sa.Column("process", sa.String(length=32), nullable=True))
    op.create_index(
        "ix_customers_ref",
        "customers",
        ["ref"],
        sqlite_where=sa.text("ref IS NOT NULL"),
        postgresql_where=sa.text("ref IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Before this, PostgreSQL ordered keys by its locale. No column was wider than it is now.
        op.execute('ALTER TABLE notes_of_guests ALTER COLUMN key TYPE TEXT COLLATE "C"')
        op.alter_column("notes_of_guests", "conversation_id", type_=sa.BigInteger())
        _as_long_as_sqlite_takes()


def _as_long_as_sqlite_takes() -> None:
    """Remove the length limits of text columns: SQLite does not enforce them, and its data must
    fit."""
    for table, column in op.get_bind().execute(
        sa.text(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND character_maximum_length IS NOT NULL"
            " AND table_name <> 'alembic_version'"
        )
    ):
        op.alter_column(table, column, type_=sa.Text())


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE notes_of_guests ALTER COLUMN key TYPE TEXT COLLATE "default"')
    op.drop_index("ix_customers_ref", table_name="customers")
    op.drop_column("outbox", "process")
    op.drop_column("inbox", "process")
    op.drop_index("ix_processes_name", table_name="processes")
    op.drop_table("processes")
