"""Fills a database with many copies of the conversations of a real run, with SQL alone.

The rows are as the gateway wrote them (texts, understandings, routes, payloads). Each copy has its
own ids and lanes, and is some hours older. Every conversation is resolved, and every inbox row is
handled and has a remote id.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from gateway.adapters.sql.schema import metadata

QUARTER = 21_600_000
"""Milliseconds between two copies: six hours."""

CHANGED: Mapping[str, Mapping[str, str]] = {
    "customers": {"id": "id + :customers", "created_at": "created_at - :t"},
    "identities": {
        "id": "id + :identities",
        "customer_id": "customer_id + :customers",
        "value": "value || :k",
    },
    "conversations": {
        "id": "id + :conversations",
        "customer_id": "customer_id + :customers",
        "address": "address || :k",
        "lane": "lane || :k",
        "state": "'resolved'",
        "epoch": "epoch + 1",
        "opened_at": "opened_at - :t",
        "last_at": "last_at - :t",
        "resolved_at": "opened_at - :t + 3600000",
    },
    "messages": {
        "id": "id + :messages",
        "conversation_id": "conversation_id + :conversations",
        "lane": "lane || :k",
        "turn_id": "turn_id + :inbox",
        "at": "at - :t",
    },
    "inbox": {
        "id": "id + :inbox",
        "lane": "lane || :k",
        "remote_id": "lane || :k || ':' || id",
        "conversation_id": "conversation_id + :conversations",
        "message_id": "message_id + :messages",
        "state": "'handled'",
        "received_at": "received_at - :t",
    },
}
"""The columns of each table that differ from copy to copy."""


def fill(past: Path, database: Path, messages: int) -> dict[str, int]:
    """Fill ``database``, which has a schema and no rows, with copies of the rows in ``past``, up to
    ``messages``. Returns the number of rows of each table."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection, connection:
        connection.execute("ATTACH ? AS past", (str(past),))
        connection.execute("DELETE FROM past.inbox WHERE state <> 'handled'")
        sizes = {name: _number(connection, f"max(id) FROM past.{name}") for name in CHANGED}
        connection.execute("PRAGMA cache_size = -200000")
        copy = 0
        while _number(connection, "count(*) FROM messages") < messages:
            values: dict[str, object] = {name: copy * size for name, size in sizes.items()}
            values |= {"t": (copy + 1) * QUARTER, "k": f"-{copy}"}
            connection.execute("BEGIN")
            for name in CHANGED:
                connection.execute(_copy(name), values)
            connection.execute("COMMIT")
            copy += 1
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return {name: _number(connection, f"count(*) FROM {name}") for name in CHANGED}


def _copy(name: str) -> str:
    columns = [column.name for column in metadata.tables[name].columns]
    values = (CHANGED[name].get(column, column) for column in columns)
    return f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(values)} FROM past.{name}"  # noqa: S608


def _number(connection: sqlite3.Connection, what: str) -> int:
    return int(connection.execute(f"SELECT {what}").fetchone()[0] or 0)
