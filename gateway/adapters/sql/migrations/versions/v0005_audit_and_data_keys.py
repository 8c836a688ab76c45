"""The audit log, which is only appended to, and the names of the keys that encrypt data.

Triggers refuse to change an entry, or to delete one that is younger than a day, so that neither a
bug nor an injected statement can cover its traces.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEPT = "lines of the audit log are never changed"

SQLITE_UNCHANGED = f"""
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{KEPT}'); END
"""
SQLITE_KEPT = f"""
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
WHEN OLD.at > (CAST(strftime('%s', 'now') AS INTEGER) - 86400) * 1000
BEGIN SELECT RAISE(ABORT, '{KEPT}'); END
"""
FUNCTION = f"""
CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{KEPT}'; END $$
"""
UNCHANGED = """
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_refuses()
"""
KEPT_A_DAY = """
CREATE TRIGGER audit_kept BEFORE DELETE ON audit FOR EACH ROW
WHEN (OLD.at > (extract(epoch FROM now()) - 86400) * 1000)
EXECUTE FUNCTION audit_refuses()
"""
SQLITE = (SQLITE_UNCHANGED, SQLITE_KEPT)
POSTGRESQL = (FUNCTION, UNCHANGED, KEPT_A_DAY)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_conversation", "audit", ["conversation_id", "id"])
    op.create_index("ix_audit_who", "audit", ["who", "id"])
    op.create_table(
        "data_keys",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_data_keys")),
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("data_keys")
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuses()")
