"""Copying a SQLite installation into an empty PostgreSQL, and proving that it is the same."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Table, func, insert, select, text, tuple_

from gateway.adapters.sql.schema import metadata, processes
from gateway.ports import WarmlineError

BATCH = 1000
TABLES = tuple(table for table in metadata.sorted_tables if table is not processes)
"""In the order in which they may be filled. Which processes serve is not to be moved."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one table. The checksum is that of both sides."""

    table: str
    rows: int
    checksum: str


def copy(here: Connection, there: Connection) -> tuple[Moved, ...]:
    """Copy every row from ``here`` to ``there``, in one transaction.

    Raises WarmlineError, and leaves nothing behind, when ``there`` holds anything or when a table
    is not the same on both sides afterwards.
    """
    with there.begin():
        full = [t.name for t in TABLES if there.execute(select(t).limit(1)).first() is not None]
        if full:
            raise WarmlineError(f"the target is not empty: it has rows in {', '.join(full)}")
        for table in TABLES:
            for batch in batches(here, table):
                there.execute(insert(table), [dict(row) for row in batch])
            _go_on_counting(here, there, table)
        return tuple(_same(here, there, table) for table in TABLES)


def batches(connection: Connection, table: Table) -> Iterator[list[RowMapping]]:
    """Every row of ``table``, some at a time, in the order of its key."""
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
    """The number of rows, and the sum of their SHA-256: equal for equal rows in any order."""
    rows = total = 0
    for batch in batches(connection, table):
        for row in batch:
            total += int.from_bytes(sha256(msgspec.json.encode(list(row.values()))).digest())
            rows += 1
    return rows, f"{total % 2**256:064x}"


def _same(here: Connection, there: Connection, table: Table) -> Moved:
    ours, theirs = checksum(here, table), checksum(there, table)
    if ours != theirs:
        what = f"{table.name} differs after copying: {ours[0]} rows here, {theirs[0]} there"
        raise WarmlineError(f"{what}; nothing was moved")
    return Moved(table=table.name, rows=ours[0], checksum=ours[1])


def _go_on_counting(here: Connection, there: Connection, table: Table) -> None:
    """The next id follows the last one that was ever given, also when its row is gone since:
    customers' programs ask for what came after an id."""
    if "id" not in table.c or table.c.id.type.python_type is not int:
        return
    last = here.execute(select(func.max(table.c.id))).scalar() or 0
    if table.dialect_kwargs.get("sqlite_autoincrement"):
        given = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = max(last, here.execute(given, {"name": table.name}).scalar() or 0)
    if last:
        there.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"),
            {"name": table.name, "last": last},
        )
