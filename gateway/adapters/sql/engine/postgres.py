"""PostgreSQL through asyncpg, for several processes at once.

Jobs are the same plain functions as on SQLite; SQLAlchemy's `run_sync` lets them wait for an
asynchronous driver. Several connections write at the same time: see `postgres_pool`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from gateway.adapters.encryption import DataKeys
from gateway.adapters.sql.engine import dialect
from gateway.adapters.sql.engine.base import KEYS, BatchFunction, Job
from gateway.adapters.sql.engine.postgres_pool import (
    PostgresConnectionPool,
    read_group,
    write_group,
)
from gateway.ports import WarmlineError
from gateway.settings import PostgresSettings as PostgresLimits

T = TypeVar("T")
Item = TypeVar("Item")
CONNECT_TIMEOUT = 10.0
"""Seconds."""
GRACE = 5.0
"""Seconds that the server has, beyond the statement time-out, to report it. Then the client gives
the connection up."""
STATEMENTS = 500
"""Prepared statements that a connection keeps; we have some 200."""
FORCE_DURABLE = """
SELECT set_config('synchronous_commit', 'on', false)
 WHERE current_setting('synchronous_commit') IN ('off', 'local')
"""
"""What we acknowledge must survive a crash, whatever the server's default is."""
CHECK_CLIENT = """
SELECT set_config(name, '1s', false) FROM pg_settings
 WHERE name = 'client_connection_check_interval' AND setting = '0'
"""
"""Ends a statement that waits for a lock when its client is gone, so that its own locks are freed.
Since PostgreSQL 14; an older server notices when it answers."""


class PostgresDatabase:
    """See `SqlDatabase`. Other processes may serve from it too."""

    shared = True

    def __init__(self, url: str, limits: PostgresLimits, keys: DataKeys | None = None) -> None:
        """``url`` as libpq reads it; see `opening.open_database`."""
        self.keys = data_keys = keys or DataKeys()
        self._url, self._limits = url, limits
        engine = create_async_engine(
            f"postgresql+asyncpg://?prepared_statement_cache_size={STATEMENTS}",
            async_creator=self._connect,
            poolclass=NullPool,
            hide_parameters=True,  # a logged error must not quote a customer
        )

        @event.listens_for(engine.sync_engine, "connect")
        def attach_keys(_connection: object, record: ConnectionPoolEntry) -> None:
            record.info[KEYS] = data_keys

        self._engine = engine
        snapshot = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._writers = PostgresConnectionPool(
            engine.connect, write_group, size=limits.writers, lock_timeout=limits.lock_timeout
        )
        self._readers = PostgresConnectionPool(
            snapshot.connect, read_group, size=limits.readers, lock_timeout=limits.lock_timeout
        )
        self._pages = PostgresConnectionPool(
            snapshot.connect, read_group, size=limits.pages, lock_timeout=limits.lock_timeout
        )

    @property
    def damage(self) -> str | None:
        return self._writers.damage or self._readers.damage

    async def write(
        self,
        job: Job[T],
        *,
        key: str = "",
        long: bool = False,  # noqa: ARG002
    ) -> T:
        """See `SqlDatabase`. ``long`` changes nothing: a job that waits for the server blocks
        nobody else."""
        return await self._writers.run(job, key)

    def write_batched(self, function: BatchFunction[Item, T], item: Item) -> asyncio.Future[T]:
        return self._writers.run_batched(function, item)

    async def read(self, job: Job[T], *, long: bool = False) -> T:
        return await (self._pages if long else self._readers).run(job)

    async def run_exclusive(self, job: Job[T]) -> T:
        connection = await self._reach()
        try:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            for name in (
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
            ):
                await driver.execute(f"SET {name} = 0")
            # Held until the connection ends.
            lock = f"SELECT pg_advisory_lock({dialect.SCHEMA_LOCK}, 0)"
            await driver.execute(lock, timeout=3600)
            return await connection.run_sync(job)
        finally:
            await connection.close()

    def observe_commits(self, observer: Callable[[int], object]) -> None:
        self._writers.observer = observer

    async def check_integrity(self, largest: int) -> None:
        """Does nothing: the server checks each page that it reads."""

    async def vacuum(self) -> None:
        """Does nothing: autovacuum does it."""

    async def checkpoint(self) -> bool:
        """Does nothing: the server's vacuum overwrites deleted rows in its own time."""
        return True

    async def stop(self) -> None:
        await self._writers.stop()
        await self._readers.stop()
        await self._pages.stop()
        await self._engine.dispose()

    async def _reach(self) -> AsyncConnection:
        """A new connection. Raises WarmlineError with a message for the operator."""
        try:
            return await self._engine.connect().start()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            where = location_of(self._url)
            raise WarmlineError(f"cannot use PostgreSQL at {where}: {error}") from error

    async def _connect(self) -> asyncpg.Connection[Any]:
        limits = self._limits
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=limits.statement_timeout + GRACE,
            server_settings={
                "application_name": "warmline",
                "statement_timeout": _ms(limits.statement_timeout),
                "lock_timeout": _ms(limits.lock_timeout),
                # A stopped process must release its locks before the others' lock time-out.
                "idle_in_transaction_session_timeout": _ms(max(1.0, limits.lock_timeout / 2)),
                "timezone": "UTC",
            },
        )
        await connection.execute(FORCE_DURABLE)
        with suppress(asyncpg.InvalidParameterValueError):  # the server's platform cannot do it
            await connection.execute(CHECK_CLIENT)
        return connection


def location_of(url: str) -> str:
    """Host, port and database of ``url``, without its password."""
    parts = urlsplit(url)
    try:
        port = parts.port or 5432
    except ValueError:  # several hosts, or a socket
        port = 5432
    return f"{parts.hostname or 'the local socket'}:{port}/{parts.path.lstrip('/')}"


def _ms(seconds: float) -> str:
    return str(int(seconds * 1000))
