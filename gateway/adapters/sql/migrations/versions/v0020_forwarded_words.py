"""Whose words a conversation holds that were forwarded to it, by their addresses.

What was forwarded before is found by the conversation that it came from, while that is there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORIGINALS = """
INSERT INTO forwarded_words (conversation_id, channel, value)
SELECT DISTINCT copies.id, identities.channel, identities.value
FROM conversations AS copies
JOIN conversations AS originals ON originals.id = copies.forwarded_from
JOIN identities ON identities.customer_id = originals.customer_id
"""
FORWARDED_ON = """
INSERT INTO forwarded_words (conversation_id, channel, value)
SELECT DISTINCT copies.id, held.channel, held.value
FROM conversations AS copies
JOIN forwarded_words AS held ON held.conversation_id = copies.forwarded_from
WHERE NOT EXISTS (
    SELECT 1 FROM forwarded_words AS known
    WHERE known.conversation_id = copies.id
    AND known.channel = held.channel AND known.value = held.value
)
"""


def _short(length: int) -> sa.String:
    return sa.String(length=length).with_variant(sa.Text(), "postgresql")


def upgrade() -> None:
    conversation = "fk_forwarded_words_conversation_id"
    op.create_table(
        "forwarded_words",
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("channel", _short(64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f(conversation), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "conversation_id", "channel", "value", name=op.f("pk_forwarded_words")
        ),
    )
    op.create_index("ix_forwarded_words_address", "forwarded_words", ["channel", "value"])
    connection = op.get_bind()
    connection.execute(sa.text(ORIGINALS))
    while connection.execute(sa.text(FORWARDED_ON)).rowcount > 0:
        pass  # what was forwarded on from there


def downgrade() -> None:
    op.drop_table("forwarded_words")
