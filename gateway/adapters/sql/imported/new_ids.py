"""Ids for many rows at once."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select, text

from gateway.adapters.sql.engine.dialect import is_postgres


def new_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """``count`` ids that no row of ``table`` has had, in order. Call it in a transaction that
    writes."""
    if not count:
        return []
    if is_postgres(connection):
        next_ids = text(
            "SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"
        )
        values = {"name": table.name, "count": count}
        return sorted(connection.execute(next_ids, values).scalars())
    last = connection.execute(select(func.max(table.c.id))).scalar() or 0
    if table.dialect_kwargs.get("sqlite_autoincrement"):
        used = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = max(last, connection.execute(used, {"name": table.name}).scalar() or 0)
    return list(range(last + 1, last + count + 1))
