"""The imports themselves: begun, finished, listed, removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from secrets import token_hex

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.customers import delete_conversation_rows
from gateway.adapters.sql.engine.dialect import IMPORT_LOCK, lock
from gateway.adapters.sql.retention import forget_customer
from gateway.adapters.sql.schema import conversations, imports, messages
from gateway.model import HistoryImport, NewImport
from gateway.ports import NotFound

REMOVED_AT_ONCE = 200
"""Conversations that one transaction deletes: a few tens of milliseconds, in which a customer's
message waits on SQLite."""
SECRET_BYTES = 32


def begin_import(connection: Connection, new: NewImport, at: datetime) -> HistoryImport:
    """See `PastConversations.begin_import`."""
    lock(connection, IMPORT_LOCK, ("history",))
    unfinished = connection.execute(
        select(imports)
        .where(
            imports.c.source == new.source,
            imports.c.format == new.format,
            imports.c.brand == new.brand,
            imports.c.masked == new.masked,
            imports.c.finished_at.is_(None),
        )
        .order_by(imports.c.id.desc())
        .limit(1)
    ).one_or_none()
    if unfinished is not None:
        return _import(connection, unfinished)
    id: int = connection.execute(
        insert(imports)
        .values(
            source=new.source,
            format=new.format,
            label=new.label,
            brand=new.brand,
            masked=new.masked,
            started_at=rows.to_ms(at),
            skipped="{}",
        )
        .returning(imports.c.id)
    ).scalar_one()
    secret = rows.encrypted(connection, "imports.secret", id, token_hex(SECRET_BYTES))
    connection.execute(update(imports).where(imports.c.id == id).values(secret=secret))
    return read_import(connection, id)


def read_import(connection: Connection, id: int) -> HistoryImport:
    """The import ``id``. Raises NotFound."""
    row = connection.execute(select(imports).where(imports.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no import {id}; `warmline history list` shows them")
    return _import(connection, row)


def finish_import(
    connection: Connection, id: int, skipped: Mapping[str, int], at: datetime
) -> HistoryImport:
    """See `PastConversations.finish_import`."""
    read_import(connection, id)
    values = {"finished_at": rows.to_ms(at), "skipped": rows.to_json(dict(skipped)), "secret": None}
    connection.execute(update(imports).where(imports.c.id == id).values(values))
    return read_import(connection, id)


def list_imports(connection: Connection) -> tuple[HistoryImport, ...]:
    """See `PastConversations.imports`."""
    found = connection.execute(select(imports).order_by(imports.c.id))
    return tuple(_import(connection, row) for row in found.all())


def remove_batch(connection: Connection, id: int) -> int:
    """See `PastConversations.remove_import`."""
    lock(connection, IMPORT_LOCK, ("history",))
    read_import(connection, id)
    chosen = (
        select(conversations.c.id, conversations.c.customer_id)
        .where(conversations.c.import_id == id)
        .order_by(conversations.c.id)
        .limit(REMOVED_AT_ONCE)
    )
    found = connection.execute(chosen).all()
    if not found:
        connection.execute(delete(imports).where(imports.c.id == id))
        return 0
    ids = [row.id for row in found]
    delete_conversation_rows(connection, ids)
    connection.execute(delete(conversations).where(conversations.c.id.in_(ids)))
    for customer in {row.customer_id for row in found}:
        forget_customer(connection, customer)
    return len(ids)


def _import(connection: Connection, row: Row[tuple[object, ...]]) -> HistoryImport:
    here = conversations.c.import_id == row.id
    written = (
        select(func.count(messages.c.id))
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(here)
    )
    count = select(func.count(conversations.c.id)).where(here)
    return HistoryImport(
        id=row.id,
        source=row.source,
        format=row.format,
        label=row.label,
        brand=row.brand,
        masked=bool(row.masked),
        started_at=rows.from_ms(row.started_at),
        finished_at=rows.maybe_from_ms(row.finished_at),
        conversations=connection.execute(count).scalar_one(),
        messages=connection.execute(written).scalar_one(),
        skipped=rows.from_json(row.skipped, dict[str, int]),
        secret=rows.readable(connection, "imports.secret", row.id, row.secret) or "",
    )
