"""The queue of outgoing webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SHORT = sa.String(length=64).with_variant(sa.Text(), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hooks",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("event", SHORT, nullable=False),
        sa.Column("endpoint", SHORT, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column(
            "state", sa.String(length=16).with_variant(sa.Text(), "postgresql"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_hooks_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hooks")),
        sqlite_autoincrement=True,
    )
    _index("ix_hooks_ready", ["endpoint", "conversation_id", "id"], "state = 'ready'")
    _index("ix_hooks_dead", ["id"], "state = 'dead'")
    op.create_index("ix_hooks_conversation", "hooks", ["conversation_id"])
    op.create_index("ix_hooks_created", "hooks", ["created_at"])


def _index(name: str, columns: list[str], where: str) -> None:
    clause = sa.text(where)
    op.create_index(name, "hooks", columns, sqlite_where=clause, postgresql_where=clause)


def downgrade() -> None:
    op.drop_table("hooks")
