"""What lists of conversations are ordered and filtered by: the last public message, the agent and
the skills. Taken from the messages and handoffs that are there."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SHORT = sa.String(length=16).with_variant(sa.Text(), "postgresql")
LISTED_SKILLS = 400
"""Bytes of skills that an index takes; longer ones are not listed."""
AT_ONCE = 1000
"""Rows in one statement."""
CONVERSATIONS = sa.table(
    "conversations",
    *(sa.column(name, sa.BigInteger) for name in ("id", "opened_at", "last_at")),
    *(sa.column(name, sa.Text) for name in ("last_from", "owner", "agent_id", "skills")),
)
MESSAGES = sa.table(
    "messages",
    *(sa.column(name, sa.BigInteger) for name in ("id", "conversation_id", "at")),
    *(sa.column(name, sa.Text) for name in ("author", "status")),
    sa.column("internal", sa.Boolean),
)
HANDOFFS = sa.table(
    "handoffs",
    *(sa.column(name, sa.BigInteger) for name in ("id", "conversation_id")),
    *(sa.column(name, sa.Text) for name in ("agent", "skills")),
)


def upgrade() -> None:
    op.add_column(
        "conversations", sa.Column("last_at", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("conversations", sa.Column("last_from", SHORT, nullable=False, server_default=""))
    op.add_column("conversations", sa.Column("agent_id", sa.Text(), nullable=True))
    op.add_column(
        "conversations", sa.Column("skills", sa.Text(), nullable=False, server_default="[]")
    )
    _fill_last()
    _fill_agents()


def _fill_last() -> None:
    public = (
        sa.select(MESSAGES.c.at)
        .where(
            MESSAGES.c.conversation_id == CONVERSATIONS.c.id,
            MESSAGES.c.internal.is_(False),
            MESSAGES.c.status.not_in(("failed", "discarded")),
        )
        .order_by(MESSAGES.c.id.desc())
        .limit(1)
    )
    skills = (
        sa.select(HANDOFFS.c.skills)
        .where(
            HANDOFFS.c.conversation_id == CONVERSATIONS.c.id,
            sa.func.length(HANDOFFS.c.skills) < LISTED_SKILLS // 4,  # in UTF-8, 4 bytes at most
        )
        .order_by(HANDOFFS.c.id.desc())
        .limit(1)
    )
    author = public.with_only_columns(MESSAGES.c.author)
    op.execute(
        sa.update(CONVERSATIONS).values(
            last_at=sa.func.coalesce(public.scalar_subquery(), CONVERSATIONS.c.opened_at),
            last_from=sa.func.coalesce(author.scalar_subquery(), ""),
            skills=sa.func.coalesce(skills.scalar_subquery(), "[]"),
        )
    )


def _fill_agents() -> None:
    connection = op.get_bind()
    claimed = (
        sa.select(HANDOFFS.c.conversation_id, HANDOFFS.c.agent)
        .where(HANDOFFS.c.agent.is_not(None))
        .order_by(HANDOFFS.c.id)
    )
    owned = sa.select(CONVERSATIONS.c.id, CONVERSATIONS.c.owner).where(
        CONVERSATIONS.c.owner.is_not(None)
    )
    found = {
        conversation: id
        for chosen in (claimed, owned)
        for conversation, agent in connection.execute(chosen)
        if (id := _id_of(agent))
    }
    rows = [{"this": conversation, "who": id} for conversation, id in found.items()]
    change = (
        sa.update(CONVERSATIONS)
        .where(CONVERSATIONS.c.id == sa.bindparam("this"))
        .values(agent_id=sa.bindparam("who"))
    )
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(change, rows[start : start + AT_ONCE])


def _id_of(agent: str) -> str | None:
    """The id of the agent in a column; None when it is damaged."""
    try:
        return str(json.loads(agent)["id"])
    except (ValueError, KeyError, TypeError):
        return None


def downgrade() -> None:
    for column in ("skills", "agent_id", "last_from", "last_at"):
        op.drop_column("conversations", column)
