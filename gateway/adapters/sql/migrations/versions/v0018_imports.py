"""Imports of past conversations, and which conversation came with which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _short(length: int) -> sa.String:
    return sa.String(length=length).with_variant(sa.Text(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("format", _short(32), nullable=False),
        sa.Column("label", _short(48), nullable=False),
        sa.Column("brand", _short(64), nullable=False),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("skipped", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sqlite_autoincrement=True,
    )
    op.add_column("conversations", sa.Column("import_id", sa.BigInteger(), nullable=True))
    imported = sa.text("import_id IS NOT NULL")
    op.create_index(
        "ix_conversations_import",
        "conversations",
        ["import_id", "id"],
        sqlite_where=imported,
        postgresql_where=imported,
    )


def downgrade() -> None:
    op.drop_index("ix_conversations_import", "conversations")
    op.drop_column("conversations", "import_id")
    op.drop_table("imports")
