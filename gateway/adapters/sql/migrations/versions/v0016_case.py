"""Promises, facts that agents confirmed, and the place of a handoff that continues another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SHORT = sa.String(length=16).with_variant(sa.Text(), "postgresql")
NAME = sa.String(length=32).with_variant(sa.Text(), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("handoffs", sa.Column("first_id", sa.BigInteger(), nullable=True))
    op.add_column("handoffs", sa.Column("first_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "promises",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.Column("author", SHORT, nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("kind", SHORT, nullable=False),
        sa.Column("begins", sa.Integer(), nullable=False),
        sa.Column("ends", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("remind_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("whole_day", sa.Boolean(), nullable=False),
        sa.Column("state", SHORT, nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_message", sa.BigInteger(), nullable=True),
        sa.Column("noticed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_promises_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("fk_promises_message_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promises")),
    )
    op.create_index("ix_promises_conversation", "promises", ["conversation_id"])
    op.create_index("ix_promises_message", "promises", ["message_id"])
    is_open = sa.text("state = 'open'")
    op.create_index(
        "ix_promises_open",
        "promises",
        ["remind_at"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "confirmed_facts",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_confirmed_facts_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmed_facts")),
        sa.UniqueConstraint(
            "conversation_id", "name", name=op.f("uq_confirmed_facts_conversation_id_name")
        ),
    )


def downgrade() -> None:
    op.drop_table("confirmed_facts")
    op.drop_table("promises")
    op.drop_column("handoffs", "first_at")
    op.drop_column("handoffs", "first_id")
