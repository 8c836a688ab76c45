"""Durable timers. One that is due becomes an inbox row of its conversation, in one commit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine import dialect
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.inbox import insert_event
from gateway.adapters.sql.schema import timers
from gateway.store import ConversationEvent

BATCH = 500


class SqlTimers:
    """See `store.Timers`. Timers are rows, so they survive restarts and fire once."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def fire(self, at: datetime) -> tuple[str, ...]:
        return await self._db.write(lambda c: _fire(c, at))

    async def next_due(self) -> datetime | None:
        first = select(func.min(timers.c.due_at))
        return await self._db.read(lambda c: rows.maybe_from_ms(c.execute(first).scalar()))


def _fire(connection: Connection, at: datetime) -> tuple[str, ...]:
    due = (
        select(timers)
        .where(timers.c.due_at <= rows.to_ms(at))
        .order_by(timers.c.due_at, timers.c.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)  # another process fires the locked ones
    )
    found = connection.execute(due).all()
    dialect.lock(connection, dialect.INBOX_LOCK, (row.lane for row in found))
    for row in found:
        event = ConversationEvent(
            conversation=row.conversation_id,
            name=row.name,
            epoch=row.epoch,
            data=rows.readable_json(connection, ("timers.data", ""), row.data, dict[str, str], {}),
        )
        insert_event(connection, row.lane, "timer", event, at)
        connection.execute(delete(timers).where(timers.c.id == row.id))
    return tuple(dict.fromkeys(row.lane for row in found))
