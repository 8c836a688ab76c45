"""Conversations that continue at another address, and codes that customers asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("continues", sa.BigInteger(), nullable=True))
    continued = sa.text("continues IS NOT NULL")
    op.create_index(
        "ix_conversations_continues",
        "conversations",
        ["continues"],
        sqlite_where=continued,
        postgresql_where=continued,
    )
    op.add_column("codes", sa.Column("message_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "codes", sa.Column("sent_at", sa.BigInteger(), nullable=False, server_default="0")
    )
    asked = sa.text("message_id IS NOT NULL")
    op.create_index(
        "ix_codes_message",
        "codes",
        ["message_id"],
        sqlite_where=asked,
        postgresql_where=asked,
    )


def downgrade() -> None:
    op.drop_index("ix_codes_message", "codes")
    op.drop_column("codes", "sent_at")
    op.drop_column("codes", "message_id")
    op.drop_index("ix_conversations_continues", "conversations")
    op.drop_column("conversations", "continues")
