"""The audit log: a table that is only appended to. Old entries are deleted by retention."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select
from structlog.contextvars import get_contextvars

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.identities import customer_at
from gateway.adapters.sql.schema import audit
from gateway.model import Address
from gateway.ports import AuditEntry, Clock

LONGEST = 200
"""Characters of a text in an entry."""
BATCH = 5_000


class SqlAuditLog:
    """See `ports.AuditLog`."""

    def __init__(self, database: SqlDatabase, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    async def record(
        self,
        who: str,
        what: str,
        *,
        conversation: int | None = None,
        customer: int | None = None,
        origin: str | None = None,
        detail: str = "",
    ) -> None:
        if origin is None:
            origin = str(get_contextvars().get("origin", ""))
        values = {
            "at": rows.to_ms(self._clock.now()),
            "who": _single_line(who),
            "what": what,
            "conversation_id": conversation,
            "customer_id": customer,
            "origin": _single_line(origin),
            "detail": _single_line(detail),
        }
        await self._db.write(lambda c: c.execute(insert(audit), values).rowcount)

    async def lines(
        self,
        *,
        conversation: int | None = None,
        who: str | None = None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int = 200,
    ) -> tuple[AuditEntry, ...]:
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if conversation is not None:
            query = query.where(audit.c.conversation_id == conversation)
        if who is not None:
            query = query.where(audit.c.who == who)
        if since is not None:
            query = query.where(audit.c.at >= rows.to_ms(since))
        if before is not None:
            query = query.where(audit.c.id < before)
        return await self._db.read(
            lambda c: tuple(_entry(row) for row in c.execute(query)), long=True
        )

    async def customer(self, address: Address) -> int | None:
        """The id of the customer with this address: the log never names an address."""
        return await self._db.read(lambda c: customer_at(c, address))

    async def forget(self, before: datetime) -> int:
        """Delete the entries that are older than ``before``, in batches; return their number."""
        old = (
            select(audit.c.id)
            .where(audit.c.at < rows.to_ms(before))
            .order_by(audit.c.at)
            .limit(BATCH)
        )

        def job(connection: Connection) -> int:
            return connection.execute(delete(audit).where(audit.c.id.in_(old))).rowcount

        deleted = 0
        while count := await self._db.write(job):
            deleted += count
        return deleted


def _single_line(text: str) -> str:
    """``text`` without control characters, so that no name can fake an entry of its own."""
    return "".join(char if char.isprintable() else " " for char in text)[:LONGEST]


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        at=rows.from_ms(row.at),
        who=row.who,
        what=row.what,
        conversation=row.conversation_id,
        customer=row.customer_id,
        origin=row.origin,
        detail=row.detail,
    )
