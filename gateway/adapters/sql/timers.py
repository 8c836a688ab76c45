"""Durable alarms. One that comes due becomes an inbox row of its conversation, in one commit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from gateway.adapters.sql import dialect, rows
from gateway.adapters.sql.accepting import Arrival, accept
from gateway.adapters.sql.schema import timers
from gateway.adapters.sql.units import AnyDatabase
from gateway.store import ConversationEvent

AT_ONCE = 500


class SqlTimers:
    """Alarms of conversations: rows, so that they survive restarts and fire once."""

    def __init__(self, database: AnyDatabase) -> None:
        self._db = database

    async def fire(self, at: datetime) -> tuple[str, ...]:
        return await self._db.write(lambda c: _fire(c, at))

    async def next_due(self) -> datetime | None:
        first = select(func.min(timers.c.due_at))
        return await self._db.read(lambda c: rows.maybe(c.execute(first).scalar()))


def _fire(connection: Connection, at: datetime) -> tuple[str, ...]:
    due = (
        select(timers)
        .where(timers.c.due_at <= rows.ms(at))
        .order_by(timers.c.due_at, timers.c.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)  # another process fires the others
    )
    found = connection.execute(due).all()
    dialect.hold(connection, dialect.INBOX, (row.lane for row in found))
    for row in found:
        happened = ConversationEvent(
            conversation=row.conversation_id,
            name=row.name,
            epoch=row.epoch,
            data=rows.unpack(row.data, dict[str, str]),
        )
        put(connection, row.lane, "timer", happened, at)
        connection.execute(delete(timers).where(timers.c.id == row.id))
    return tuple(dict.fromkeys(row.lane for row in found))


def put(
    connection: Connection, lane: str, kind: str, happened: ConversationEvent, at: datetime
) -> None:
    """Let something that happened wait in line with the customer's messages."""
    arrival = Arrival(
        lane=lane,
        channel=lane.partition(":")[0],
        kind=kind,
        payload=rows.sealed(connection, "inbox.payload", lane, rows.pack(happened)),
        received_at=rows.ms(at),
        conversation_id=happened.conversation,
    )
    accept(connection, arrival)
