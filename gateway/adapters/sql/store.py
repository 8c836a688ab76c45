"""The whole database by its parts, and bringing its schema up to date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from gateway.adapters.sql import rows
from gateway.adapters.sql.customers import SqlCustomers
from gateway.adapters.sql.figures import SqlFigures
from gateway.adapters.sql.herald import Herald
from gateway.adapters.sql.hooks import SqlHooks
from gateway.adapters.sql.inbox import SqlInbox
from gateway.adapters.sql.keeping import SqlKeeping
from gateway.adapters.sql.links import SqlLinks
from gateway.adapters.sql.moves import SqlMoves
from gateway.adapters.sql.outbox import SqlOutbox
from gateway.adapters.sql.places import admit
from gateway.adapters.sql.processes import Me, SqlProcesses
from gateway.adapters.sql.reading import SqlReading
from gateway.adapters.sql.revision import NEWEST, revision_of
from gateway.adapters.sql.timers import SqlTimers
from gateway.adapters.sql.units import AnyDatabase
from gateway.store import Inbox, Outbox

__all__ = ["SqlStore"]


class SqlStore:
    """The store of one process. ``idle``: after how long a conversation left with the bot is
    over, so that the next message begins a new one. ``lease``: after how long without a sign of
    life other processes take this one for dead. ``herald``: who else is to hear of what is done."""

    def __init__(
        self,
        database: AnyDatabase,
        *,
        idle: timedelta,
        lease: timedelta = timedelta(seconds=15),
        herald: Herald | None = None,
    ) -> None:
        self._db = database
        me, herald = Me(lease), herald or Herald()
        self.processes = SqlProcesses(database, me)
        self.inbox: Inbox = SqlInbox(database, me, idle=idle, herald=herald)
        self.outbox: Outbox = SqlOutbox(database, me, herald)
        self.timers = SqlTimers(database)
        self.handoffs = SqlMoves(database, herald)
        self.queries = SqlReading(database)
        self.customers = SqlCustomers(database, herald)
        self.links = SqlLinks(database)
        self.webhooks = SqlHooks(database)
        self.statistics = SqlFigures(database)
        self.retention = SqlKeeping(database)

    async def ping(self) -> None:
        await self._db.read(lambda c: c.execute(text("SELECT 1")).scalar())

    async def stop(self) -> None:
        await self._db.stop()


async def prepare(database: AnyDatabase) -> None:
    """Bring the schema up to date, and see that the data can be read. Raises BadKey when they are
    sealed with a key that is not there; nothing is touched then."""
    if await database.alone(revision_of) != NEWEST:
        from gateway.adapters.sql.migrating import migrate  # noqa: PLC0415  (see `revision`)

        await migrate(database)
    await database.write(lambda c: admit(c, database.keys, rows.ms(datetime.now(UTC))))
