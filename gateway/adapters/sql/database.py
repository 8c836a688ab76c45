"""One SQLite file, written in groups.

Units of work that wait at the same moment share one transaction, each inside a savepoint of its
own: a unit that fails is rolled back alone and only its waiter hears of it; a COMMIT that fails
fails every waiter; nobody gets an answer before COMMIT has returned. A unit is a plain function
over a `sqlalchemy.Connection` and runs in the database's thread, so a group costs one hop, not one
for each statement (an async driver makes a hop, or a round trip, of every statement). No handler,
model or network call belongs in one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

T = TypeVar("T")
Unit = Callable[[Connection], T]
MOST = 64


class Waiting(Generic[T]):
    """A unit, the key that orders it in its group, and who waits for it."""

    __slots__ = ("done", "key", "unit")

    def __init__(self, unit: Unit[T], key: str, done: asyncio.Future[T]) -> None:
        self.unit, self.key, self.done = unit, key, done


Outcome = tuple[Any, BaseException | None]


class Database:
    """The database of one process. Start it before use and stop it at the end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer = Line(_engine(file, begin="BEGIN IMMEDIATE"), write_group, "db-write")
        self._reader = Line(_engine(file, begin="BEGIN"), read_group, "db-read")

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations at start-up before any unit runs."""
        return self._writer.engine

    async def write(self, unit: Unit[T], *, key: str = "") -> T:
        """Run ``unit`` in the next group and give its result once that is committed.

        ``key`` orders the units of a group (the lane), so that two processes that lock the same
        rows lock them in the same order. Raises what ``unit`` raised.
        """
        return await self._writer.run(unit, key)

    async def read(self, unit: Unit[T]) -> T:
        """Run ``unit`` on a snapshot that holds everything committed so far."""
        return await self._reader.run(unit, "")

    async def checkpoint(self) -> None:
        """Move everything from the write-ahead log into the database and empty the log, so that
        nothing erased is left in it. Waits for readers, for as long as the busy time-out."""

        def empty() -> None:
            with self._writer.engine.connect() as connection:
                raw = connection.connection.driver_connection
                if raw is not None:
                    raw.rollback()
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

        await self._writer.call(empty)

    async def stop(self) -> None:
        """Let what waits finish, then close."""
        await self._writer.stop()
        await self._reader.stop()


class Line:
    """A thread with one connection, and the units that wait for it."""

    def __init__(
        self,
        engine: Engine,
        work: Callable[[Connection, Sequence[Waiting[Any]]], list[Outcome]],
        name: str,
    ) -> None:
        self.engine = engine
        self._work = work
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._connection: Connection | None = None
        self._waiting: deque[Waiting[Any]] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._stopped = False

    async def run(self, unit: Unit[T], key: str) -> T:
        if self._stopped:
            raise RuntimeError("the database is closed")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(unit, key, done))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return await done

    async def call(self, work: Callable[[], None]) -> None:
        """Run ``work`` in this thread, between two groups."""
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def stop(self) -> None:
        self._stopped = True
        if self._draining is not None:
            await self._draining
        self._thread.shutdown(wait=True)
        if self._connection is not None:
            self._connection.close()
        self.engine.dispose()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                size = min(MOST, len(self._waiting))
                group = [self._waiting.popleft() for _ in range(size)]
                group.sort(key=lambda waiting: waiting.key)
                outcomes = await loop.run_in_executor(self._thread, self._try, group)
                for waiting, (result, error) in zip(group, outcomes, strict=True):
                    if waiting.done.done():  # its waiter was cancelled; the work stands
                        continue
                    if error is None:
                        waiting.done.set_result(result)
                    else:
                        waiting.done.set_exception(error)
        finally:
            self._draining = None

    def _try(self, group: Sequence[Waiting[Any]]) -> list[Outcome]:
        try:
            if self._connection is None:
                self._connection = self.engine.connect()
            return self._work(self._connection, group)
        except Exception as error:  # noqa: BLE001  (BEGIN or COMMIT failed: every waiter hears it)
            return [(None, error)] * len(group)


def write_group(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    """Run ``group`` in one transaction; gives (result, error) of each, in order.

    Raises what BEGIN or COMMIT raised; then nothing of the group is stored.
    """
    with connection.begin():
        if len(group) == 1:
            return [(group[0].unit(connection), None)]
        return [_in_savepoint(connection, waiting.unit) for waiting in group]


def _attempt(connection: Connection, unit: Unit[Any]) -> Outcome:
    try:
        return unit(connection), None
    except Exception as error:  # noqa: BLE001  (handed to the one who waits for this unit)
        return None, error


def _in_savepoint(connection: Connection, unit: Unit[Any]) -> Outcome:
    driver = connection.connection.cursor()  # three statements more to every unit: no detours
    driver.execute("SAVEPOINT unit")
    try:
        result = unit(connection)
    except Exception as error:  # noqa: BLE001  (handed to the one who waits for this unit)
        driver.execute("ROLLBACK TO SAVEPOINT unit")
        driver.execute("RELEASE SAVEPOINT unit")
        return None, error
    driver.execute("RELEASE SAVEPOINT unit")
    return result, None


def read_group(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    """Run ``group`` on one snapshot; gives (result, error) of each, in order."""
    with connection.begin():
        return [_attempt(connection, waiting.unit) for waiting in group]


def _engine(file: Path, *, begin: str) -> Engine:
    """SQLAlchemy's documented recipe for savepoints with the SQLite driver: the driver must not
    begin transactions by itself, we do. Without it a released savepoint survives the rollback."""
    engine = create_engine(
        f"sqlite:///{file}",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
        hide_parameters=True,  # an error that is logged must not quote a customer
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=10000",
            "cache_size=-8000",
            "journal_size_limit=67108864",
            # What is erased is overwritten, not only unlinked (sqlite.org/pragma.html).
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
