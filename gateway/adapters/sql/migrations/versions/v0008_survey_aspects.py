"""Which side of feeling heard a survey asks about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    short = sa.String(length=16).with_variant(sa.Text(), "postgresql")
    op.add_column("surveys", sa.Column("aspect", short, nullable=True))


def downgrade() -> None:
    op.drop_column("surveys", "aspect")
