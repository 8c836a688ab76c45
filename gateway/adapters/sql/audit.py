"""The audit log: one table that is only ever added to, until a line's time is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select
from structlog.contextvars import get_contextvars

from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import audit, identities
from gateway.adapters.sql.units import AnyDatabase
from gateway.model import Address
from gateway.ports import AuditEntry, Clock

LONGEST = 200
AT_ONCE = 5_000


class SqlAudit:
    """See `ports.Audit`."""

    def __init__(self, database: AnyDatabase, clock: Clock) -> None:
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
        known = str(get_contextvars().get("origin", "")) if origin is None else origin
        line = {
            "at": rows.ms(self._clock.now()),
            "who": _plain(who),
            "what": what,
            "conversation_id": conversation,
            "customer_id": customer,
            "origin": _plain(known),
            "detail": _plain(detail),
        }
        await self._db.write(lambda c: c.execute(insert(audit), line).rowcount)

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
            query = query.where(audit.c.at >= rows.ms(since))
        if before is not None:
            query = query.where(audit.c.id < before)
        return await self._db.read(lambda c: tuple(_line(row) for row in c.execute(query)))

    async def customer(self, address: Address) -> int | None:
        """The number of the customer with this address: what the log knows them by."""
        known = select(identities.c.customer_id).where(
            identities.c.channel == address.channel, identities.c.value == address.value
        )
        return await self._db.read(lambda c: c.execute(known).scalar())

    async def forget(self, before: datetime) -> int:
        """Delete lines from before that moment, some at a time; gives how many."""
        old = (
            select(audit.c.id)
            .where(audit.c.at < rows.ms(before))
            .order_by(audit.c.at)
            .limit(AT_ONCE)
        )

        def unit(connection: Connection) -> int:
            return connection.execute(delete(audit).where(audit.c.id.in_(old))).rowcount

        gone = 0
        while some := await self._db.write(unit):
            gone += some
        return gone


def _plain(text: str) -> str:
    """One line without control characters: nobody's name begins a line of its own."""
    return "".join(char if char.isprintable() else " " for char in text)[:LONGEST]


def _line(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        at=rows.when(row.at),
        who=row.who,
        what=row.what,
        conversation=row.conversation_id,
        customer=row.customer_id,
        origin=row.origin,
        detail=row.detail,
    )
