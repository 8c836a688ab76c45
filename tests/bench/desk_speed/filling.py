"""Fills an empty database and its search index, by the fastest way that each database has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

import asyncpg

from gateway.adapters.search.sqlite_index import SqliteSearchIndex
from gateway.adapters.sql.schema import metadata
from gateway.store.search import SearchDocument
from tests.bench.desk_speed import rows

AT_ONCE = 5_000
"""Documents that are added to a search index at once."""
INDEX_ON_POSTGRES = """
INSERT INTO search_documents (id, conversation_id, lane, brand, words)
SELECT m.id, m.conversation_id, m.lane, c.brand,
       to_tsvector('simple', lower(m.text || ' ' || c.address || ' ' || p.name))
FROM messages m JOIN conversations c ON c.id = m.conversation_id
                JOIN customers p ON p.id = c.customer_id
"""


def fill_sqlite(file: Path, count: int) -> None:
    """Fill ``file``, which has the schema, with ``count`` conversations."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("BEGIN")
        for table, columns, values in _tables(count):
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)  # noqa: S608  (names of ours)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def index_sqlite(file: Path, count: int) -> None:
    """Index all messages for the search, as the gateway does."""
    index = SqliteSearchIndex(file)
    batch: list[SearchDocument] = []
    last = 0
    for document in chain(_documents(count), [None]):
        if document is not None:
            batch.append(document)
            last = document.id
        if document is None or len(batch) == AT_ONCE:
            await index.add(batch, last)
            batch = []
    await index.close()


async def fill_postgres(url: str, count: int) -> None:
    """Fill the database at ``url``, which has the schema, with ``count`` conversations."""
    connection = await asyncpg.connect(url)
    try:
        for table, columns, values in _tables(count):
            await connection.copy_records_to_table(table, columns=columns, records=values)
            if "id" in columns:
                await connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608  (names of ours)
                )
        await connection.execute(INDEX_ON_POSTGRES, timeout=3600)
        await connection.execute("VACUUM ANALYZE", timeout=3600)
    finally:
        await connection.close()


def _tables(count: int) -> Iterator[tuple[str, list[str], Iterator[tuple[object, ...]]]]:
    """The tables with the columns that they have, and their rows."""
    for name, made in rows.TABLES.items():
        table = metadata.tables.get(name)
        if table is None:
            continue
        first = next(made(count))
        columns = [column for column in first if column in table.c]
        yield name, columns, (tuple(row[c] for c in columns) for row in made(count))


def _documents(count: int) -> Iterator[SearchDocument]:
    for conversation, message in zip(
        (c for c in rows.conversations(count) for _ in range(rows.EACH)),
        rows.messages(count),
        strict=True,
    ):
        name = f"customer {conversation['customer_id']}"
        yield SearchDocument(
            id=message["id"],
            conversation=conversation["id"],
            lane=conversation["lane"],
            brand=conversation["brand"],
            text=message["text"],
            people=f"{conversation['address']} {name}",
        )
