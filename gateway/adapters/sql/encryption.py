"""The encrypted columns, and the change from one data key to another.

Each text is bound to its place: the column, and the lane or conversation of its row. Export and key
rotation go by `ENCRYPTED_COLUMNS`; a test compares the list with what is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, select, update

from gateway.adapters.encryption import BadKey, DataKeys, missing_keys
from gateway.adapters.files import DiskFiles
from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.schema import (
    adopted_examples,
    attachments,
    confirmed_facts,
    conversations,
    customers,
    data_keys,
    handoffs,
    hooks,
    imports,
    inbox,
    messages,
    notes_of_guests,
    outbox,
    suggestions,
    surveys,
    versions,
)

Cells = Mapping[str, Any]
BATCH = 500


class EncryptedColumn(msgspec.Struct, frozen=True):
    """A column with text of customers or colleagues. ``scope`` returns what the texts of a row
    are bound to."""

    table: Table
    column: str
    scope: Callable[[Cells], object]

    def place(self, row: Cells) -> str:
        return f"{self.table.name}.{self.column}:{self.scope(row)}"


def _lane(row: Cells) -> object:
    return row["lane"]


def _conversation(row: Cells) -> object:
    return row["conversation_id"]


ENCRYPTED_COLUMNS: tuple[EncryptedColumn, ...] = (
    EncryptedColumn(customers, "name", lambda _: ""),
    EncryptedColumn(conversations, "subject", _lane),
    EncryptedColumn(messages, "text", _lane),
    EncryptedColumn(messages, "data", _lane),
    EncryptedColumn(attachments, "name", lambda row: row["digest"]),
    EncryptedColumn(inbox, "payload", _lane),
    EncryptedColumn(outbox, "payload", _lane),
    EncryptedColumn(handoffs, "reasons", _conversation),
    EncryptedColumn(suggestions, "text", _conversation),
    EncryptedColumn(suggestions, "final", _conversation),
    EncryptedColumn(surveys, "comment", _conversation),
    EncryptedColumn(hooks, "payload", _conversation),
    EncryptedColumn(notes_of_guests, "value", lambda row: f"{row['guest']}/{row['key']}"),
    EncryptedColumn(versions, "why", lambda row: row["id"]),
    EncryptedColumn(versions, "tree", lambda row: row["id"]),
    EncryptedColumn(versions, "originals", lambda row: row["id"]),
    EncryptedColumn(adopted_examples, "text", _conversation),
    EncryptedColumn(confirmed_facts, "value", _conversation),
    EncryptedColumn(imports, "secret", lambda row: row["id"]),
)


def decrypted_rows(
    connection: Connection, table: Table, chosen: ColumnElement[bool]
) -> list[dict[str, Any]]:
    """The ``chosen`` rows of ``table`` with their columns decrypted, in the order of their keys. A
    damaged text is exported as it is stored, under ``unreadable``: a backup may hold its key."""
    keys = rows.data_keys(connection)
    columns = [column for column in ENCRYPTED_COLUMNS if column.table is table]
    # Ordered: PostgreSQL by itself returns the rows that changed last at the end.
    found = connection.execute(select(table).where(chosen).order_by(*table.primary_key)).mappings()
    plain = [dict(row) for row in found]
    for row in plain:
        for encrypted in columns:
            stored = row[encrypted.column]
            if stored is not None:
                try:
                    row[encrypted.column] = keys.open(stored, encrypted.place(row))
                except (BadKey, AttributeError):  # AttributeError: it is no text
                    rows.report_unreadable(connection, f"{table.name}.{encrypted.column}")
                    row[encrypted.column] = {"unreadable": str(stored)}
    return plain


def check_keys(connection: Connection, keys: DataKeys, at: int) -> None:
    """Record the key that encrypts from now on. Raises BadKey, having changed nothing, when stored
    data need a key that is missing."""
    used = set(connection.execute(select(data_keys.c.name)).scalars())
    lost = sorted(used - set(keys.names))
    if lost:
        raise missing_keys(lost)
    if keys.first is not None and keys.first not in used:
        connection.execute(data_keys.insert(), {"name": keys.first, "since": at})


async def rotate_keys(
    database: SqlDatabase, files: DiskFiles, progress: Callable[[str, int], None]
) -> Sequence[str]:
    """Encrypt with the first key whatever is plain or encrypted with another; without keys, decrypt
    it. Return the names of the keys that are no longer needed.

    ``progress`` gets the name of each table, and ``files``, with the number of changed texts. Each
    batch is a transaction: after a crash, start again, and what was done is skipped. Servers that
    hold the same keys may run meanwhile.
    """
    for table in dict.fromkeys(encrypted.table for encrypted in ENCRYPTED_COLUMNS):
        changed, after = 0, 0
        while True:
            batch = partial(_rotate_batch, table=table, after=after, keys=database.keys)
            count, after = await database.write(batch, long=True)
            changed += count
            if not after:
                break
        progress(table.name, changed)
    progress("files", await asyncio.to_thread(files.reseal))
    return await database.write(lambda c: _forget_old_keys(c, database.keys))


def _rotate_batch(
    connection: Connection, table: Table, after: int, keys: DataKeys
) -> tuple[int, int]:
    """Rotate the next rows after id ``after``; return the number of changed texts and the last id
    seen, 0 at the end. A text that changes meanwhile is skipped: it already has the new key; so is
    a damaged one, which no key opens."""
    columns = [column for column in ENCRYPTED_COLUMNS if column.table is table]
    query = select(table).where(table.c.id > after).order_by(table.c.id).limit(BATCH)
    found = connection.execute(query).mappings().all()
    changed = 0
    for row in map(dict, found):
        for encrypted in columns:
            old = row[encrypted.column]
            if old is None or keys.is_current(old):
                continue
            place, column = encrypted.place(row), table.c[encrypted.column]
            unchanged = (table.c.id == row["id"]) & (column == old)
            try:
                new = keys.seal(keys.open(old, place), place)
            except BadKey:
                rows.report_unreadable(connection, f"{table.name}.{encrypted.column}")
                continue
            changed += connection.execute(
                update(table).where(unchanged).values({encrypted.column: new})
            ).rowcount
    return changed, int(found[-1]["id"]) if len(found) == BATCH else 0


def _forget_old_keys(connection: Connection, keys: DataKeys) -> Sequence[str]:
    """Delete and return the names of the keys that encrypt nothing any more."""
    old = data_keys.c.name != keys.first if keys.first else data_keys.c.name.is_not(None)
    names = connection.execute(select(data_keys.c.name).where(old)).scalars().all()
    connection.execute(data_keys.delete().where(old))
    return names
