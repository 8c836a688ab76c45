"""Adds past conversations to the database: those of a SQLite file, and imported ones."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.adapters.sql.encryption import ENCRYPTED_COLUMNS
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.opening import NEWEST, revision_of
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.imported.adding import add_batch, find_keys
from gateway.adapters.sql.imported.imports import (
    begin_import,
    finish_import,
    list_imports,
    remove_batch,
)
from gateway.adapters.sql.imported.new_ids import new_ids
from gateway.adapters.sql.rows import encrypted
from gateway.adapters.sql.schema import (
    confirmed_facts,
    conversation_labels,
    conversations,
    customers,
    data_keys,
    forwarded_words,
    handoffs,
    identities,
    inbox,
    messages,
    promises,
    suggestions,
    surveys,
)
from gateway.model import AddedHistory, HistoryImport, ImportedConversation, NewImport
from gateway.ports import Clock, WarmlineError

ADDED: Mapping[Table, Mapping[str, Table]] = {
    customers: {},
    identities: {"customer_id": customers},
    conversations: {
        "customer_id": customers,
        "continues": conversations,
        "forwarded_from": conversations,
    },
    conversation_labels: {"conversation_id": conversations},
    forwarded_words: {"conversation_id": conversations},
    inbox: {"conversation_id": conversations, "message_id": messages},
    messages: {"conversation_id": conversations, "turn_id": inbox},
    handoffs: {"conversation_id": conversations, "first_id": handoffs},
    suggestions: {"conversation_id": conversations},
    surveys: {"conversation_id": conversations},
    promises: {
        "conversation_id": conversations,
        "message_id": messages,
        "settled_message": messages,
    },
    confirmed_facts: {"conversation_id": conversations, "message_id": messages},
}
"""The tables that are added, in the order in which they may be filled, each with the columns that
hold ids of others."""
PENDING = ("queued", "unsure")
BATCH = 500
ATTEMPTS = 3
"""On PostgreSQL a customer of a batch may write for the first time just now."""
Rows = dict[Table, list[dict[str, Any]]]


class SqlPastConversations:
    """See `ports.PastConversations`."""

    def __init__(self, database: SqlDatabase, clock: Clock) -> None:
        self._db, self._clock = database, clock

    async def has_customers(self) -> bool:
        return await self._db.read(
            lambda c: c.execute(select(customers.c.id).limit(1)).first() is not None
        )

    async def add(self, database: Path, *, label: str) -> int:
        found = await asyncio.to_thread(_read, database)
        try:
            await self._db.write(lambda c: _add(c, found, label), long=True)
        except IntegrityError:
            what = "a customer of it has written here, too"
            raise WarmlineError(
                f"{database} cannot be added: {what}; use an empty database"
            ) from None
        return len(found[conversations])

    async def begin_import(self, new: NewImport) -> HistoryImport:
        return await self._db.write(lambda c: begin_import(c, new, self._clock.now()), long=True)

    async def add_many(self, id: int, batch: Sequence[ImportedConversation]) -> AddedHistory:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._db.write(lambda c: add_batch(c, id, batch), long=True)
            except IntegrityError:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError

    async def known_keys(self, channel: str, keys: Collection[str]) -> frozenset[str]:
        found = await self._db.read(lambda c: find_keys(c, keys), long=True)
        return frozenset(
            key
            for key, places in found.items()
            if any(place.channel == channel for place in places)
        )

    async def finish_import(self, id: int, skipped: Mapping[str, int]) -> HistoryImport:
        return await self._db.write(
            lambda c: finish_import(c, id, skipped, self._clock.now()), long=True
        )

    async def imports(self) -> tuple[HistoryImport, ...]:
        return await self._db.read(list_imports, long=True)

    async def remove_import(self, id: int) -> int:
        return await self._db.write(lambda c: remove_batch(c, id), long=True)


def _read(file: Path) -> Rows:
    """All rows of ``file`` that are added."""
    source = SqliteDatabase(file)
    try:
        with source.engine.connect() as connection:
            if revision_of(connection) != NEWEST:
                raise WarmlineError(
                    f"{file} has another schema; run `warmline migrate` on it first"
                )
            if connection.execute(select(data_keys).limit(1)).first() is not None:
                raise WarmlineError(
                    f"the texts in {file} are encrypted; make it without a data key"
                )
            found: Rows = {
                table: [
                    dict(row)
                    for row in connection.execute(
                        select(table).order_by(*table.primary_key)
                    ).mappings()
                ]
                for table in ADDED
            }
    finally:
        source.engine.dispose()
    # Rows that wait would be handled here.
    found[inbox] = [row for row in found[inbox] if row["state"] == "handled"]
    return found


def _add(connection: Connection, found: Rows, label: str) -> None:
    ids = {
        table: _renumbering(connection, table, [row["id"] for row in rows])
        for table, rows in found.items()
        if "id" in table.c
    }
    new = {table: [_renumbered(table, row, ids) for row in rows] for table, rows in found.items()}
    for row in new[messages]:
        row["status"] = "sent" if row["status"] in PENDING else row["status"]
    for row in new[inbox]:
        row["process"] = None
    for row in new[conversations]:
        row["labels"] = " ".join(sorted({*row["labels"].split(), label}))
        new[conversation_labels].append({"conversation_id": row["id"], "label": label})
    for table, rows in new.items():
        _encrypt(connection, table, rows)
        for at in range(0, len(rows), BATCH):
            connection.execute(insert(table), rows[at : at + BATCH])


def _renumbering(connection: Connection, table: Table, old: Sequence[int]) -> Mapping[int, int]:
    """An id that no row of ``table`` has had, for each of ``old``, in their order."""
    return dict(zip(old, new_ids(connection, table, len(old)), strict=True))


def _renumbered(
    table: Table, row: Mapping[str, Any], ids: Mapping[Table, Mapping[int, int]]
) -> dict[str, Any]:
    changed = dict(row)
    if "id" in row:
        changed["id"] = ids[table][row["id"]]
    for column, target in ADDED[table].items():
        if row[column] is not None:
            changed[column] = ids[target].get(row[column])
    return changed


def _encrypt(connection: Connection, table: Table, rows: Collection[dict[str, Any]]) -> None:
    for column in ENCRYPTED_COLUMNS:
        if column.table is table:
            for row in rows:
                place = f"{table.name}.{column.column}"
                row[column.column] = encrypted(
                    connection, place, column.scope(row), row[column.column]
                )
