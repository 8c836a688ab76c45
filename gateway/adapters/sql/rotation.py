"""Bringing everything to the first data key: in batches, again from the start if it was cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Table

from gateway.adapters.files import DiskFiles
from gateway.adapters.sql import places
from gateway.adapters.sql.units import AnyDatabase


async def rotate(
    database: AnyDatabase, files: DiskFiles, tell: Callable[[str, int], None]
) -> Sequence[str]:
    """Seal with the first key whatever is plain or sealed with another; without keys, open it.

    ``tell`` hears the name of each table, and ``files``, with how many texts changed. Gives the
    names of the keys that are needed no more. Every batch is a transaction; what was done stays
    done, so that after a crash it is only begun again. Servers that hold the same keys may run.
    """
    for table in places.tables():
        tell(table.name, await _table(database, table))
    tell("files", await asyncio.to_thread(files.reseal))
    return await database.write(lambda c: places.retire(c, database.keys))


async def _table(database: AnyDatabase, table: Table) -> int:
    changed, after = 0, 0
    while True:
        some, after = await database.write(_batch(table, after, database), long=True)
        changed += some
        if not after:
            return changed


def _batch(
    table: Table, after: int, database: AnyDatabase
) -> Callable[[Connection], tuple[int, int]]:
    return lambda connection: places.reseal(connection, table, after, database.keys)
