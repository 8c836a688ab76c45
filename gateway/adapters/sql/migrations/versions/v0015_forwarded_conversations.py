"""Which conversation was forwarded in this one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("forwarded_from", sa.BigInteger(), nullable=True))
    forwarded = sa.text("forwarded_from IS NOT NULL")
    op.create_index(
        "ix_conversations_forwarded",
        "conversations",
        ["forwarded_from"],
        sqlite_where=forwarded,
        postgresql_where=forwarded,
    )


def downgrade() -> None:
    op.drop_index("ix_conversations_forwarded", "conversations")
    op.drop_column("conversations", "forwarded_from")
