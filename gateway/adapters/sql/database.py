"""One SQLite file, written in groups.

Units of work that wait at the same moment share one transaction. When one of them fails, all are
undone and run once more, each inside a savepoint of its own: the one that fails is then rolled back
alone and only its waiter hears of it. (Failures are rare, and savepoints are a twentieth of what a
turn costs.) A COMMIT that fails fails every waiter; nobody gets an answer before COMMIT has
returned. A unit is a plain function over a `sqlalchemy.Connection` that may be run again, and
short: it runs in the event loop, where a statement costs what
SQLite needs for it (some microseconds, as nothing is written to the disk before COMMIT). In a
thread it would have to win the interpreter's lock anew after each statement, and all turns
together were a quarter slower. What waits for the disk (COMMIT) or for another process (a lock
that is held) waits in a thread, and so does a unit that says it is ``long``. No handler, model or
network call belongs in one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from gateway.adapters.sealing import Keys
from gateway.adapters.sql.rows import KEYS

T = TypeVar("T")
Unit = Callable[[Connection], T]
MOST = 64
PATIENCE = 10_000
"""Milliseconds to wait for another process that writes."""


class Waiting(Generic[T]):
    """A unit, the key that orders it in its group, and who waits for it. ``long``: it is run by
    itself in the thread; ``bare``: so is this one, and outside of a transaction."""

    __slots__ = ("bare", "done", "key", "long", "unit")

    def __init__(
        self,
        unit: Unit[T],
        key: str,
        done: asyncio.Future[T],
        *,
        long: bool = False,
        bare: bool = False,
    ) -> None:
        self.unit, self.key, self.done = unit, key, done
        self.long, self.bare = long or bare, bare


Outcome = tuple[Any, BaseException | None]


class Database:
    """The database of one process. Start it before use and stop it at the end."""

    shared = False

    def __init__(self, file: Path, keys: Keys | None = None) -> None:
        """``keys`` seal and open what customers and colleagues wrote; without, it stays plain."""
        self.file = file
        self.keys = keys or Keys()
        self._writer = Line(file, self.keys, "db-write", writes=True)
        self._reader = Line(file, self.keys, "db-read", writes=False)

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations at start-up before any unit runs."""
        return self._writer.engine

    async def write(self, unit: Unit[T], *, key: str = "", long: bool = False) -> T:
        """Run ``unit`` in the next group and give its result once that is committed.

        ``key`` orders the units of a group (the lane), so that two processes that lock the same
        rows lock them in the same order. ``long``: it may take more than a few milliseconds.
        Raises what ``unit`` raised.
        """
        return await self._writer.run(unit, key, long=long)

    async def read(self, unit: Unit[T], *, long: bool = False) -> T:
        """Run ``unit`` on a snapshot that holds everything committed so far; as `write`."""
        return await self._reader.run(unit, "", long=long)

    def watch(self, told: Callable[[int], object]) -> None:
        """``told`` hears how many units shared each commit."""
        self._writer.told = told

    async def alone(self, unit: Unit[T]) -> T:
        """Run ``unit`` on a connection of its own, before any other unit."""

        def run() -> T:
            with self._writer.engine.connect() as connection:
                return unit(connection)

        return await asyncio.to_thread(run)

    async def checkpoint(self) -> None:
        """Move everything from the write-ahead log into the database and empty the log, so that
        nothing erased is left in it. Waits for readers, for as long as the busy time-out."""

        def empty(connection: Connection) -> None:
            with _patient(connection) as driver:
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        await self._writer.run(empty, "", bare=True)

    async def vacuum(self) -> None:
        """Write the file anew without its holes. Takes the time of copying it, and its size on
        the disk once more; nothing is written meanwhile."""

        def squeeze(connection: Connection) -> None:
            with _patient(connection) as driver:
                driver.execute("VACUUM")

        await self._writer.run(squeeze, "", bare=True)

    async def stop(self) -> None:
        """Let what waits finish, then close."""
        await self._writer.stop()
        await self._reader.stop()


class Line:
    """One connection, the units that wait for it, and a thread for what has to wait."""

    def __init__(self, file: Path, keys: Keys, name: str, *, writes: bool) -> None:
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        self.engine = _engine(file, keys, begin=self._begin)
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
                    if waiting.done.done():  # its waiter was cancelled; the work stands
                        continue
                    if error is None:
                        waiting.done.set_result(result)
                    else:
                        waiting.done.set_exception(error)
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
                unit = partial(_attempt, self._connection, group[0].unit)
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
            await self._call(partial(_begin_patiently, connection, self._begin))

    async def _run(self, connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
        if not self._writes:
            return [_attempt(connection, waiting.unit) for waiting in group]
        try:
            return [(waiting.unit(connection), None) for waiting in group]
        except Exception:
            if len(group) == 1:
                raise
        driver: Any = connection.connection.driver_connection
        driver.rollback()
        await self._open(connection)
        return run_units(connection, group)


def _begin_patiently(connection: Connection, begin: str) -> None:
    with _patient(connection) as driver:
        driver.execute(begin)


@contextmanager
def _patient(connection: Connection) -> Iterator[Any]:
    """Waits for locks that other processes hold, `PATIENCE` at most. Gives a driver's cursor."""
    driver = connection.connection.cursor()
    before: int = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute(f"PRAGMA busy_timeout={PATIENCE}")
    try:
        yield driver
    finally:
        driver.execute(f"PRAGMA busy_timeout={before}")


def write_group(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    """Run ``group`` in one transaction; gives (result, error) of each, in order.

    Raises what BEGIN or COMMIT raised; then nothing of the group is stored.
    """
    with _patient(connection), connection.begin():
        return run_units(connection, group)


def run_units(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    """Run ``group`` in the transaction that is open. What one of several has written is undone
    when it fails; a single one's failure is raised, and undoes all."""
    if len(group) == 1:
        return [(group[0].unit(connection), None)]
    return [_in_savepoint(connection, waiting.unit) for waiting in group]


def _attempt(connection: Connection, unit: Unit[Any]) -> Outcome:
    try:
        return unit(connection), None
    except Exception as error:  # noqa: BLE001  (handed to the one who waits for this unit)
        return None, error


def _in_savepoint(connection: Connection, unit: Unit[Any]) -> Outcome:
    driver = connection.connection.cursor()
    driver.execute("SAVEPOINT unit")
    try:
        result = unit(connection)
    except Exception as error:  # noqa: BLE001  (handed to the one who waits for this unit)
        driver.execute("ROLLBACK TO SAVEPOINT unit")
        driver.execute("RELEASE SAVEPOINT unit")
        return None, error
    driver.execute("RELEASE SAVEPOINT unit")
    return result, None


def _engine(file: Path, keys: Keys, *, begin: str) -> Engine:
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
