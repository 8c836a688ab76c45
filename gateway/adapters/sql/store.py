"""The whole database by its parts, and bringing its schema up to date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from gateway.adapters.sql import rows
from gateway.adapters.sql.customers import SqlCustomers
from gateway.adapters.sql.inbox import SqlInbox
from gateway.adapters.sql.linking import SqlLinks
from gateway.adapters.sql.migrating import migrate
from gateway.adapters.sql.moves import SqlMoves
from gateway.adapters.sql.outbox import SqlOutbox
from gateway.adapters.sql.places import admit
from gateway.adapters.sql.processes import Me, SqlProcesses
from gateway.adapters.sql.reading import SqlReading
from gateway.adapters.sql.timers import SqlTimers
from gateway.adapters.sql.units import AnyDatabase

__all__ = ["SqlStore", "migrate"]


class SqlStore:
    """The store of one process. ``idle``: after how long a conversation left with the bot is
    over, so that the next message begins a new one. ``lease``: after how long without a sign of
    life other processes take this one for dead."""

    def __init__(
        self,
        database: AnyDatabase,
        *,
        idle: timedelta,
        lease: timedelta = timedelta(seconds=15),
    ) -> None:
        self._db = database
        me = Me(lease)
        self.processes = SqlProcesses(database, me)
        self.inbox = SqlInbox(database, me, idle=idle)
        self.outbox = SqlOutbox(database, me)
        self.timers = SqlTimers(database)
        self.moves = SqlMoves(database)
        self.reading = SqlReading(database)
        self.customers = SqlCustomers(database)
        self.links = SqlLinks(database)

    async def ping(self) -> None:
        await self._db.read(lambda c: c.execute(text("SELECT 1")).scalar())

    async def stop(self) -> None:
        await self._db.stop()


async def prepare(database: AnyDatabase) -> None:
    """Bring the schema up to date, and see that the data can be read. Raises BadKey when they are
    sealed with a key that is not there; nothing is touched then."""
    await migrate(database)
    await database.write(lambda c: admit(c, database.keys, rows.ms(datetime.now(UTC))))
