"""Copies a SQLite database into an empty PostgreSQL database, and compares the two."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Table, func, insert, select, text, tuple_

from gateway.adapters.sql.schema import metadata, processes
from gateway.ports import WarmlineError
from gateway.support.labels import counted

BATCH = 1000
TABLES = tuple(table for table in metadata.sorted_tables if table is not processes)
"""In the order in which they may be filled. The running processes are not copied."""


class CopiedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table that was copied. Both sides have this checksum."""

    table: str
    rows: int
    checksum: str


def copy_database(source: Connection, target: Connection) -> tuple[CopiedTable, ...]:
    """Copy every row from ``source`` to ``target``, in one transaction.

    Raises WarmlineError, and leaves nothing behind, when ``target`` has any row or when a table
    differs afterwards.
    """
    with target.begin():
        full = [t.name for t in TABLES if target.execute(select(t).limit(1)).first() is not None]
        if full:
            raise WarmlineError(f"the target is not empty: it has rows in {', '.join(full)}")
        for table in TABLES:
            for batch in batches(source, table):
                target.execute(insert(table), [dict(row) for row in batch])
            _continue_ids(source, target, table)
        return tuple(_compare(source, target, table) for table in TABLES)


def batches(connection: Connection, table: Table) -> Iterator[list[RowMapping]]:
    """Yield the rows of ``table`` in batches, in the order of its key."""
    key = tuple(table.primary_key.columns)
    query = select(table).order_by(*key).limit(BATCH)
    last: tuple[Any, ...] | None = None
    while True:
        after = query if last is None else query.where(tuple_(*key) > tuple_(*last))
        batch = list(connection.execute(after).mappings())
        if not batch:
            return
        yield batch
        last = tuple(batch[-1][column.name] for column in key)


def checksum(connection: Connection, table: Table) -> tuple[int, str]:
    """The number of rows, and the sum of their SHA-256: equal for the same rows in any order."""
    rows = total = 0
    for batch in batches(connection, table):
        for row in batch:
            total += int.from_bytes(sha256(msgspec.json.encode(list(row.values()))).digest())
            rows += 1
    return rows, f"{total % 2**256:064x}"


def _compare(source: Connection, target: Connection, table: Table) -> CopiedTable:
    ours, theirs = checksum(source, table), checksum(target, table)
    if ours != theirs:
        counts = f"{counted(ours[0], 'row')} in the source, {theirs[0]} in the target"
        raise WarmlineError(f"{table.name} differs ({counts}); nothing was copied")
    return CopiedTable(table=table.name, rows=ours[0], checksum=ours[1])


def _continue_ids(source: Connection, target: Connection, table: Table) -> None:
    """Let the next id follow the last one that was ever used, even if its row is deleted: clients
    ask for what came after an id."""
    if "id" not in table.c or table.c.id.type.python_type is not int:
        return
    last = source.execute(select(func.max(table.c.id))).scalar() or 0
    if table.dialect_kwargs.get("sqlite_autoincrement"):
        used = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = max(last, source.execute(used, {"name": table.name}).scalar() or 0)
    if last:
        target.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"),
            {"name": table.name, "last": last},
        )
