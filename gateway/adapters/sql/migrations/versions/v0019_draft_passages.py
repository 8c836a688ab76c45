"""The passages that a suggestion rests on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("suggestions", sa.Column("passages", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("suggestions", "passages")
