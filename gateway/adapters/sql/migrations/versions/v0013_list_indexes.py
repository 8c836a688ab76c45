"""The indexes that lists of conversations are read from, with all that lists are filtered by."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LISTED_BY = ("channel", "brand", "language", "mood", "last_from", "agent_id", "skills", "labels")


def upgrade() -> None:
    op.create_index(
        "ix_conversations_last", "conversations", ["last_at", "id", "state", *LISTED_BY]
    )
    op.create_index(
        "ix_conversations_state_last", "conversations", ["state", "last_at", "id", *LISTED_BY]
    )


def downgrade() -> None:
    op.drop_index("ix_conversations_state_last", "conversations")
    op.drop_index("ix_conversations_last", "conversations")
