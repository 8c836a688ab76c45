"""One connection to an SQLite file, and those who wait for it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from gateway.adapters.encryption import DataKeys
from gateway.adapters.sql.rows import KEYS
from gateway.adapters.sql.sqlite_groups import (
    PATIENCE,
    attempt,
    begin_patiently,
    run_units,
    write_group,
)
from gateway.adapters.sql.waiting import MOST, Outcome, Unit, Waiting

T = TypeVar("T")


class Line:
    """One connection, the units that wait for it, and a thread for what has to wait."""

    def __init__(self, file: Path, keys: DataKeys, name: str, *, writes: bool) -> None:
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        self.engine = open_engine(file, keys, begin=self._begin)
        self.told: Callable[[int], object] | None = None
        self._writes = writes
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._connection: Connection | None = None
        self._waiting: deque[Waiting[Any]] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._stopped = False

    async def run(self, unit: Unit[T], key: str, *, long: bool = False, bare: bool = False) -> T:
        if self._stopped:
            raise RuntimeError("the database is closed")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(unit, key, done, long=long, bare=bare))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return await done

    async def stop(self) -> None:
        self._stopped = True
        if self._draining is not None:
            await self._draining
        self._thread.shutdown(wait=True)
        if self._connection is not None:
            self._connection.close()
        self.engine.dispose()

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _drain(self) -> None:
        try:
            while self._waiting:
                group = self._next()
                if self.told is not None:
                    self.told(len(group))
                outcomes = await self._try(group)
                for waiting, (result, error) in zip(group, outcomes, strict=True):
                    waiting.tell(result, error)
        finally:
            self._draining = None

    def _next(self) -> list[Waiting[Any]]:
        """Those that share the next transaction; a long one has it for itself."""
        group = [self._waiting.popleft()]
        while self._waiting and len(group) < MOST and not (group[0].long or self._waiting[0].long):
            group.append(self._waiting.popleft())
        group.sort(key=lambda waiting: waiting.key)
        return group

    async def _try(self, group: Sequence[Waiting[Any]]) -> list[Outcome]:
        try:
            if self._connection is None:
                self._connection = self.engine.connect()
                if self._writes:  # the loop must not wait for a lock: see `_work`
                    self._connection.connection.cursor().execute("PRAGMA busy_timeout=0")
            if group[0].bare:
                unit = partial(attempt, self._connection, group[0].unit)
                return [await self._call(unit)]
            if group[0].long:
                return await self._call(partial(write_group, self._connection, group))
            return await self._work(self._connection, group)
        except Exception as error:  # noqa: BLE001  (BEGIN or COMMIT failed: every waiter hears it)
            return [(None, error)] * len(group)

    async def _work(self, connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
        driver: Any = connection.connection.driver_connection
        await self._open(connection)
        try:
            outcomes = await self._run(connection, group)
            if self._writes:
                await self._call(driver.commit)
            else:
                driver.commit()
        except BaseException:
            driver.rollback()
            raise
        finally:
            if connection.in_transaction():  # as Core sees it, by what a unit ran through it
                connection.rollback()
        return outcomes

    async def _open(self, connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute(self._begin)
        except sqlite3.OperationalError:  # another process has the lock: wait for it, elsewhere
            await self._call(partial(begin_patiently, connection, self._begin))

    async def _run(self, connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
        if not self._writes:
            return [attempt(connection, waiting.unit) for waiting in group]
        try:
            return [(waiting.unit(connection), None) for waiting in group]
        except Exception:
            if len(group) == 1:
                raise
        driver: Any = connection.connection.driver_connection
        driver.rollback()
        await self._open(connection)
        return run_units(connection, group)


def open_engine(file: Path, keys: DataKeys, *, begin: str) -> Engine:
    """SQLAlchemy's documented recipe for savepoints with the SQLite driver: the driver must not
    begin transactions by itself, we do. Without it a released savepoint survives the rollback."""
    engine = create_engine(
        f"sqlite:///{file}",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
        hide_parameters=True,  # an error that is logged must not quote a customer
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[KEYS] = keys
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={PATIENCE}",
            "cache_size=-8000",
            "journal_size_limit=67108864",
            # What is erased is overwritten, not only unlinked (sqlite.org/pragma.html).
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]  # connected
            connection.exec_driver_sql(begin)

    return engine
