"""Support addresses and brands.

Going back, the name of a support address becomes part of the channel's name (``sms/sales``). So a
version that knows one address of a channel keeps these rows apart, and sends nothing for them from
another address. Going forward again restores the names, and the brands of customers with a
reference; the other brands come back at the next start.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ADDRESSES = ("identities", "conversations", "links", "codes")
"""The tables with addresses."""
COLUMNS = (
    *((table, "support_address") for table in ADDRESSES),
    ("conversations", "brand"),
    ("customers", "brand"),
)
OLD_KEY, NEW_KEY = "uq_identities_channel_value", "uq_identities_channel_value_support_address"
MARK = "\x1f"
"""ASCII's unit separator, around the brand before a reference."""
CUSTOMERS = sa.table(
    "customers",
    sa.column("id", sa.BigInteger),
    sa.column("ref", sa.Text),
    sa.column("brand", sa.Text),
)


def upgrade() -> None:
    for table, column in COLUMNS:
        kind = sa.String(length=64).with_variant(sa.Text(), "postgresql")
        op.add_column(table, sa.Column(column, kind, nullable=False, server_default=""))
    _change_key(OLD_KEY, NEW_KEY, ["channel", "value", "support_address"])
    for table in ADDRESSES:
        rows = _rows(table)
        named = sa.select(rows.c.channel).where(rows.c.channel.contains("/")).distinct()
        for key in op.get_bind().execute(named).scalars().all():
            channel, _, name = key.partition("/")
            changed = sa.update(rows).where(rows.c.channel == key)
            op.execute(changed.values(channel=channel, support_address=name))
    marked = sa.select(CUSTOMERS.c.id, CUSTOMERS.c.ref).where(CUSTOMERS.c.ref.startswith(MARK))
    for id, marked_ref in op.get_bind().execute(marked).all():
        _, brand, ref = marked_ref.split(MARK, 2)
        chosen = sa.update(CUSTOMERS).where(CUSTOMERS.c.id == id)
        op.execute(chosen.values(brand=brand, ref=ref))


def downgrade() -> None:
    for table in ADDRESSES:
        rows = _rows(table)
        joined = rows.c.channel + "/" + rows.c.support_address
        named = sa.update(rows).where(rows.c.support_address != "")
        op.execute(named.values(channel=joined, support_address=""))
    # Two brands may have the same reference for two people: they stay apart.
    owned = sa.update(CUSTOMERS).where(CUSTOMERS.c.brand != "", CUSTOMERS.c.ref.is_not(None))
    op.execute(owned.values(ref=MARK + CUSTOMERS.c.brand + MARK + CUSTOMERS.c.ref))
    _change_key(NEW_KEY, OLD_KEY, ["channel", "value"])
    for table, column in COLUMNS:
        op.drop_column(table, column)


def _rows(table: str) -> sa.TableClause:
    return sa.table(table, sa.column("channel", sa.Text), sa.column("support_address", sa.Text))


def _change_key(old: str, new: str, columns: list[str]) -> None:
    with op.batch_alter_table("identities") as batch:
        batch.drop_constraint(old, type_="unique")
        batch.create_unique_constraint(new, columns)
