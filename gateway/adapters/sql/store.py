"""The whole store of one process, and its preparation at start-up."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gateway.adapters.sql import rows
from gateway.adapters.sql.customers import SqlCustomers
from gateway.adapters.sql.encryption import check_keys
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.health import in_words
from gateway.adapters.sql.engine.opening import NEWEST, migrate, revision_of
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.handoffs import SqlHandoffs
from gateway.adapters.sql.inbox import SqlInbox
from gateway.adapters.sql.linked.links import SqlLinks
from gateway.adapters.sql.linked.named import SqlNamedAddresses
from gateway.adapters.sql.marks.by_people import SqlMarks
from gateway.adapters.sql.outbox import SqlOutbox
from gateway.adapters.sql.processes import ProcessLease, SqlProcesses
from gateway.adapters.sql.queries import SqlQueries
from gateway.adapters.sql.retention import SqlRetention
from gateway.adapters.sql.statistics import SqlQueueStatistics
from gateway.adapters.sql.timers import SqlTimers
from gateway.adapters.sql.turns.beginnings import SqlBeginnings
from gateway.adapters.sql.turns.promises import SqlPromises
from gateway.adapters.sql.versions import SqlVersions
from gateway.adapters.sql.webhooks import SqlWebhooks, WebhookRecorder
from gateway.ports import WarmlineError
from gateway.store import Inbox, Outbox

__all__ = ["SqlStore"]
log = structlog.get_logger()


class SqlStore:
    """See `store.Store`. ``idle``: how long after the last message a conversation that the bot has
    is over, so that the next message begins a new one. ``lease``: how long after its last renewal
    other processes take this one for dead. ``webhooks`` records events for other systems."""

    def __init__(
        self,
        database: SqlDatabase,
        *,
        idle: timedelta,
        lease: timedelta = timedelta(seconds=15),
        webhooks: WebhookRecorder | None = None,
    ) -> None:
        self.database, self.lease = database, ProcessLease(lease)
        webhooks = webhooks or WebhookRecorder()
        self.processes = SqlProcesses(database, self.lease)
        self.inbox: Inbox = SqlInbox(database, self.lease, idle=idle, webhooks=webhooks)
        self.outbox: Outbox = SqlOutbox(database, self.lease, webhooks)
        self.timers = SqlTimers(database)
        self.handoffs = SqlHandoffs(database, webhooks)
        self.marks = SqlMarks(database)
        self.beginnings = SqlBeginnings(database, webhooks)
        self.queries = SqlQueries(database)
        self.promises = SqlPromises(database)
        self.customers = SqlCustomers(database, webhooks)
        self.links = SqlLinks(database)
        self.named_addresses = SqlNamedAddresses(database)
        self.webhooks = SqlWebhooks(database)
        self.statistics = SqlQueueStatistics(database)
        self.retention = SqlRetention(database)
        self.versions = SqlVersions(database)

    async def ping(self) -> None:
        await self.database.read(lambda c: c.execute(text("SELECT 1")).scalar())

    async def stop(self) -> None:
        await self.database.stop()


async def prepare(database: SqlDatabase) -> None:
    """Bring the schema up to date, and check that the data can be decrypted. Raises BadKey, having
    changed no data, when a key is missing, and WarmlineError when the database cannot be used."""
    try:
        await _prepare(database)
    except (SQLAlchemyError, sqlite3.Error) as error:
        where = database.file if isinstance(database, SqliteDatabase) else "PostgreSQL"
        log.warning("database.not_opened", exc_info=error)
        raise WarmlineError(f"cannot use the database {where}: {in_words(error)}") from error


async def _prepare(database: SqlDatabase) -> None:
    if await database.run_exclusive(revision_of) != NEWEST:
        await migrate(database)
    await database.write(lambda c: check_keys(c, database.keys, rows.to_ms(datetime.now(UTC))))
