"""PostgreSQL by asyncpg, for several processes at once.

Units are the same plain functions as on SQLite; SQLAlchemy's `run_sync` lets them wait for a
driver that is asynchronous. Several connections write: what has a key (a lane) is written in small
groups, a savepoint each, and the server holds each lane for one writer: a unit whose lane another
process has does not wait in the group, but asks again. What has no key is a transaction by itself,
since it may lock rows in any order. A deadlock, or a connection that is lost before COMMIT was
asked for, undoes a transaction whole: its units are tried again one by one. One that is lost at
COMMIT fails those who wait for it (nobody knows whether it arrived). Either is opened anew for the
next.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from gateway.adapters.encryption import DataKeys
from gateway.adapters.sql import dialect
from gateway.adapters.sql.crew import Crew
from gateway.adapters.sql.grouped import read_group, write_group
from gateway.adapters.sql.rows import KEYS
from gateway.ports import WarmlineError
from gateway.settings import PostgresSettings as Bounds

T = TypeVar("T")
CONNECT = 10.0
"""Seconds to wait for a connection."""
SLACK = 5.0
"""Seconds that the server has to say that a statement took too long; then it is out of reach."""
STATEMENTS = 500
"""Prepared statements that a connection keeps; we have some 200."""
DURABLE = """
SELECT set_config('synchronous_commit', 'on', false)
 WHERE current_setting('synchronous_commit') IN ('off', 'local')
"""
"""What is answered OK must outlive a crash, whatever the server's default is."""

WATCHFUL = """
SELECT set_config(name, '1s', false) FROM pg_settings
 WHERE name = 'client_connection_check_interval' AND setting = '0'
"""
"""What waits for a lock on behalf of a process that is gone must not keep what it has. Since
version 14; an older server finds out when it answers."""


class PostgresDatabase:
    """A database that is shared with other processes."""

    shared = True

    def __init__(self, url: str, bounds: Bounds, keys: DataKeys | None = None) -> None:
        """``url`` as libpq reads it; see `gateway.adapters.sql.opening`. ``keys`` as there."""
        self.keys = sealing = keys or DataKeys()
        self._url, self._bounds = url, bounds
        engine = create_async_engine(
            f"postgresql+asyncpg://?prepared_statement_cache_size={STATEMENTS}",
            async_creator=self._connect,
            poolclass=NullPool,
            hide_parameters=True,  # an error that is logged must not quote a customer
        )

        @event.listens_for(engine.sync_engine, "connect")
        def connected(_connection: object, record: ConnectionPoolEntry) -> None:
            record.info[KEYS] = sealing

        self._engine = engine
        snapshot = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        patience = bounds.lock_timeout
        self._writers = Crew(engine.connect, write_group, hands=bounds.writers, patience=patience)
        self._readers = Crew(snapshot.connect, read_group, hands=bounds.readers, patience=patience)

    async def write(
        self,
        unit: Callable[[Connection], T],
        *,
        key: str = "",
        long: bool = False,  # noqa: ARG002
    ) -> T:
        """A ``long`` one is like the others: while it waits for the server, so does nobody else."""
        return await self._writers.run(unit, key)

    async def read(
        self,
        unit: Callable[[Connection], T],
        *,
        long: bool = False,  # noqa: ARG002
    ) -> T:
        """See `write`."""
        return await self._readers.run(unit, "")

    async def alone(self, unit: Callable[[Connection], T]) -> T:
        connection = await self._reached()
        try:
            own: Any = (await connection.get_raw_connection()).driver_connection
            for name in ("statement_timeout", "lock_timeout"):
                await own.execute(f"SET {name} = 0")
            await own.execute("SET idle_in_transaction_session_timeout = 0")
            # Held until the connection ends.
            await own.execute(f"SELECT pg_advisory_lock({dialect.SCHEMA}, 0)", timeout=3600)
            return await connection.run_sync(unit)
        finally:
            await connection.close()

    def watch(self, told: Callable[[int], object]) -> None:
        self._writers.told = told

    async def vacuum(self) -> None:
        """Nothing: that is autovacuum's affair."""

    async def checkpoint(self) -> None:
        """Nothing: what is deleted is overwritten by the server's own vacuum, in its time."""

    async def stop(self) -> None:
        await self._writers.stop()
        await self._readers.stop()
        await self._engine.dispose()

    async def _reached(self) -> AsyncConnection:
        """A connection of its own. Raises WarmlineError with the words for who starts us."""
        try:
            return await self._engine.connect().start()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise WarmlineError(f"cannot use PostgreSQL at {place(self._url)}: {error}") from error

    async def _connect(self) -> asyncpg.Connection[Any]:
        bounds = self._bounds
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            self._url,
            timeout=CONNECT,
            command_timeout=bounds.statement_timeout + SLACK,
            server_settings={
                "application_name": "warmline",
                "statement_timeout": _ms(bounds.statement_timeout),
                "lock_timeout": _ms(bounds.lock_timeout),
                # A process that is stopped must not keep what it holds until the others have lost
                # patience.
                "idle_in_transaction_session_timeout": _ms(max(1.0, bounds.lock_timeout / 2)),
                "timezone": "UTC",
            },
        )
        await connection.execute(DURABLE)
        with suppress(asyncpg.InvalidParameterValueError):  # its platform cannot
            await connection.execute(WATCHFUL)
        return connection


def place(url: str) -> str:
    """Where ``url`` leads, without its password."""
    parts = urlsplit(url)
    try:
        port = parts.port or 5432
    except ValueError:  # several hosts, or a socket
        port = 5432
    return f"{parts.hostname or 'the local socket'}:{port}/{parts.path.lstrip('/')}"


def _ms(seconds: float) -> str:
    return str(int(seconds * 1000))
