"""The whole database by its parts, and bringing its schema up to date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from gateway.adapters.sql import rows
from gateway.adapters.sql.customers import SqlCustomers
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.figures import SqlFigures
from gateway.adapters.sql.herald import Herald
from gateway.adapters.sql.hooks import SqlHooks
from gateway.adapters.sql.inbox import SqlInbox
from gateway.adapters.sql.keeping import SqlKeeping
from gateway.adapters.sql.linking import SqlLinks
from gateway.adapters.sql.moves import SqlMoves
from gateway.adapters.sql.outbox import SqlOutbox
from gateway.adapters.sql.places import admit
from gateway.adapters.sql.reading import SqlReading
from gateway.adapters.sql.timers import SqlTimers
from gateway.store import Inbox, Outbox


class SqlStore:
    """The store of one process. ``idle``: after how long a conversation left with the bot is
    over, so that the next message begins a new one. ``herald``: who else is to hear of it."""

    def __init__(
        self, database: Database, *, idle: timedelta, herald: Herald | None = None
    ) -> None:
        self._db = database
        herald = herald or Herald()
        self.inbox: Inbox = SqlInbox(database, idle=idle, herald=herald)
        self.outbox: Outbox = SqlOutbox(database, herald)
        self.timers = SqlTimers(database)
        self.moves = SqlMoves(database, herald)
        self.reading = SqlReading(database)
        self.customers = SqlCustomers(database, herald)
        self.links = SqlLinks(database)
        self.hooks = SqlHooks(database)
        self.figures = SqlFigures(database)
        self.keeping = SqlKeeping(database)

    async def ping(self) -> None:
        await self._db.read(lambda c: c.execute(text("SELECT 1")).scalar())

    async def stop(self) -> None:
        await self._db.stop()


def prepare(database: Database) -> None:
    """Bring the schema up to date, and see that the data can be read. Raises BadKey when they are
    sealed with a key that is not there; nothing is touched then."""
    migrate(database)
    with database.engine.connect() as connection, connection.begin():
        admit(connection, database.keys, rows.ms(datetime.now(UTC)))


def migrate(database: Database, revision: str = "head") -> None:
    """Bring the schema to ``revision``; call before any unit runs."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
