"""Labels, snooze, and blocked addresses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

LABEL = sa.String(length=48).with_variant(sa.Text(), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "conversation_labels",
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("label", LABEL, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_conversation_labels_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "label", name=op.f("pk_conversation_labels")),
    )
    op.create_index(
        "ix_conversation_labels_label", "conversation_labels", ["label", "conversation_id"]
    )
    labels = sa.Column("labels", sa.Text(), nullable=False, server_default="")
    op.add_column("conversations", labels)
    op.add_column("conversations", sa.Column("snoozed_until", sa.BigInteger(), nullable=True))
    op.add_column("conversations", sa.Column("snoozed_by", sa.Text(), nullable=True))
    op.add_column("conversations", sa.Column("woken_at", sa.BigInteger(), nullable=True))
    op.add_column("identities", sa.Column("blocked_at", sa.BigInteger(), nullable=True))
    _create_partial("ix_conversations_snoozed", "conversations", "snoozed_until", "snoozed_until")
    _create_partial("ix_identities_blocked", "identities", "id", "blocked_at")


def downgrade() -> None:
    op.drop_index("ix_identities_blocked", table_name="identities")
    op.drop_index("ix_conversations_snoozed", table_name="conversations")
    op.drop_column("identities", "blocked_at")
    for column in ("woken_at", "snoozed_by", "snoozed_until", "labels"):
        op.drop_column("conversations", column)
    op.drop_table("conversation_labels")


def _create_partial(name: str, table: str, column: str, filled: str) -> None:
    where = sa.text(f"{filled} IS NOT NULL")
    op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
