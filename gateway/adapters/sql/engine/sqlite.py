"""SQLite: one file; a connection that writes, one with which turns read, one for ``long`` reads.

Jobs that wait at the same moment share one transaction. When one of them fails, the transaction is
rolled back and all run once more, each in its own savepoint: only the failing job is undone, and
only its caller gets the error. (Failures are rare, and savepoints cost a twentieth of a turn.) A
COMMIT that fails fails every caller. No caller gets a result before COMMIT returns.

Short jobs run in the event loop. A statement there costs some microseconds, because SQLite writes
nothing to the disk before COMMIT. In a thread, a job had to win the interpreter's lock again after
each statement, which made all turns a quarter slower. What waits for the disk (COMMIT) or for
another process (a held lock) runs in a thread, and so do ``long`` jobs: pages, reports and exports.
They have their own connection, so that no turn waits for them. No handler, model or network call
belongs in a job.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from gateway.adapters.encryption import DAMAGED as DAMAGED_TEXT
from gateway.adapters.encryption import DataKeys
from gateway.adapters.sql.engine.base import (
    KEYS,
    MOST_JOBS,
    BatchFunction,
    Job,
    JobOutcome,
    QueuedBatch,
    QueuedJob,
)
from gateway.adapters.sql.engine.health import DAMAGED, in_words, is_damage
from gateway.support.private import private_database

log = structlog.get_logger()
T = TypeVar("T")
Item = TypeVar("Item")
LOCK_TIMEOUT = 10_000
"""Milliseconds to wait for another process that writes."""
CHECKPOINT_TIMEOUT = 1_000
"""Milliseconds to wait for readers of the log."""
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={LOCK_TIMEOUT}",
    "journal_size_limit=67108864",
    # Overwrites what is deleted, not only unlinks it (sqlite.org/pragma.html).
    "secure_delete=ON",
)

WRITER_CACHE = "cache_size=-4000"
"""KiB of pages that the writing connection keeps: those that one group of turns changes. The others
have SQLite's 2,000, as the operating system has the file in its memory anyway. With 8,000 for each
a turn costs as much, and a server takes 11 MB more."""


class SqliteDatabase:
    """See `SqlDatabase`. One process serves from the file."""

    shared = False

    def __init__(self, file: Path, keys: DataKeys | None = None) -> None:
        """``keys`` encrypt stored text; without them it stays plain."""
        self.file = file
        self.keys = keys or DataKeys()
        self._writer = SqliteConnection(file, self.keys, "db-write", writes=True)
        self._reader = SqliteConnection(file, self.keys, "db-read", writes=False)
        self._pages = SqliteConnection(file, self.keys, "db-pages", writes=False)

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations at start-up before any job runs."""
        return self._writer.engine

    @property
    def damage(self) -> str | None:
        return self._writer.damage or self._reader.damage

    async def check_integrity(self, largest: int) -> None:
        """See `SqlDatabase`. On a connection of its own, in a thread."""
        if not self.file.exists() or self.file.stat().st_size > largest:
            return
        found = await asyncio.to_thread(_quick_check, self.file)
        if found != "ok":
            log.error("database.damaged", found=found)
            self._reader.damage = DAMAGED

    async def write(self, job: Job[T], *, key: str = "", long: bool = False) -> T:
        return await self._writer.run(job, key, long=long)

    def write_batched(self, function: BatchFunction[Item, T], item: Item) -> asyncio.Future[T]:
        return self._writer.run_batched(function, item)

    async def read(self, job: Job[T], *, long: bool = False) -> T:
        return await (self._pages if long else self._reader).run(job, "", long=long)

    def observe_commits(self, observer: Callable[[int], object]) -> None:
        self._writer.observer = observer

    async def run_exclusive(self, job: Job[T]) -> T:
        def run() -> T:
            with self._writer.engine.connect() as connection:
                return job(connection)

        return await asyncio.to_thread(run)

    async def checkpoint(self) -> bool:
        """Move everything from the write-ahead log into the database and empty the log, so that no
        erased data is left in it. Waits for readers, for `CHECKPOINT_TIMEOUT` at most: writes wait
        meanwhile. Returns whether the log is empty."""
        return await self._writer.run(_empty_log, bare=True)

    async def vacuum(self) -> None:
        """Rewrite the file without its free pages. Takes as long as a copy, and as much free disk
        space as the file has; blocks writes meanwhile."""
        await self._writer.run(partial(_execute_alone, "VACUUM"), bare=True)

    async def stop(self) -> None:
        await self._writer.stop()
        await self._reader.stop()
        await self._pages.stop()


class SqliteConnection:
    """One connection, the jobs that wait for it, and a thread for those that block."""

    def __init__(self, file: Path, keys: DataKeys, name: str, *, writes: bool) -> None:
        self._begin_sql = "BEGIN IMMEDIATE" if writes else "BEGIN"
        pragmas = (*PRAGMAS, WRITER_CACHE) if writes else PRAGMAS
        self.engine = open_engine(file, keys, begin=self._begin_sql, pragmas=pragmas)
        self.observer: Callable[[int], object] | None = None
        self._writes = writes
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._connection: Connection | None = None
        self._queue: deque[QueuedJob[Any]] = deque()
        self._batch: QueuedBatch | None = None
        self._working: asyncio.Task[None] | None = None
        self._stopped = False
        self.damage: str | None = None
        """Set by the first job that finds the file damaged."""

    async def run(self, job: Job[T], key: str = "", *, long: bool = False, bare: bool = False) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(QueuedJob(job, key, future, long=long, bare=bare))
        return await future

    def run_batched(self, function: BatchFunction[Item, T], item: Item) -> asyncio.Future[T]:
        if self._batch is None or not self._batch.has_room(function):
            batch = QueuedBatch(function)
            self._enqueue(batch)
            self._batch = batch
        return self._batch.add(item)

    def _enqueue(self, queued: QueuedJob[Any]) -> None:
        if self._stopped:
            raise RuntimeError("the database is closed")
        self._queue.append(queued)
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    async def stop(self) -> None:
        self._stopped = True
        if self._working is not None:
            await self._working
        self._thread.shutdown(wait=True)
        if self._connection is not None:
            self._connection.close()
        self.engine.dispose()

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def _work(self) -> None:
        try:
            while self._queue:
                group = self._next_group()
                if self.observer is not None:
                    self.observer(len(group))
                outcomes = await self._run_group(group)
                for queued, (result, error) in zip(group, outcomes, strict=True):
                    queued.finish(result, error)
        finally:
            self._working = None

    def _next_group(self) -> list[QueuedJob[Any]]:
        """The jobs of the next transaction, in the order of their keys. A long job has its own."""
        group = [self._queue.popleft()]
        while self._queue and len(group) < MOST_JOBS and not (group[0].long or self._queue[0].long):
            group.append(self._queue.popleft())
        group.sort(key=lambda queued: queued.key)
        return group

    async def _run_group(self, group: list[QueuedJob[Any]]) -> list[JobOutcome]:
        """Run ``group`` and return the outcomes in order. Splits the batches in ``group`` when they
        must run again."""
        try:
            if self._connection is None:
                self._connection = self.engine.connect()
                if self._writes:  # the event loop must not wait for a lock: see `_begin`
                    self._connection.connection.cursor().execute("PRAGMA busy_timeout=0")
            outcomes = await self._run_on(self._connection, group)
        except Exception as error:  # noqa: BLE001  (BEGIN or COMMIT failed: every caller gets it)
            outcomes = [(None, error)] * len(group)
        for _, failure in outcomes:
            if failure is not None and is_damage(failure):
                self.damage = in_words(failure)
        if self._connection is not None and any(_found_no_text(error) for _, error in outcomes):
            return await self._run_tolerantly(self._connection, group, outcomes)
        return outcomes

    async def _run_on(
        self, connection: Connection, group: list[QueuedJob[Any]]
    ) -> list[JobOutcome]:
        if group[0].bare:
            return [await self._in_thread(partial(_attempt, connection, group[0].job))]
        if group[0].long:
            return await self._in_thread(partial(write_group, connection, group))
        return await self._transact(connection, group)

    async def _run_tolerantly(
        self,
        connection: Connection,
        group: list[QueuedJob[Any]],
        outcomes: list[JobOutcome],
    ) -> list[JobOutcome]:
        """A row holds bytes that are no text. From now on such a text is marked as damaged, so that
        it harms no other row; the jobs that failed, which changed nothing, run again."""
        driver: Any = connection.connection.driver_connection
        if driver.text_factory is not str:
            return outcomes
        driver.text_factory = _decode
        return [
            (await self._run_group([queued]))[0] if _found_no_text(outcome[1]) else outcome
            for queued, outcome in zip(group, outcomes, strict=True)
        ]

    async def _transact(
        self, connection: Connection, group: list[QueuedJob[Any]]
    ) -> list[JobOutcome]:
        driver: Any = connection.connection.driver_connection
        await self._begin(connection)
        try:
            outcomes = await self._run_jobs(connection, group)
            if self._writes:
                await self._in_thread(driver.commit)
            else:
                driver.commit()
        except BaseException:
            driver.rollback()
            raise
        finally:
            if connection.in_transaction():  # Core's own view, when a job ran statements through it
                connection.rollback()
        return outcomes

    async def _begin(self, connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute(self._begin_sql)
        except sqlite3.OperationalError:  # another process holds the lock: wait in the thread
            await self._in_thread(partial(_execute_alone, self._begin_sql, connection))

    async def _run_jobs(
        self, connection: Connection, group: list[QueuedJob[Any]]
    ) -> list[JobOutcome]:
        if not self._writes:
            return [_attempt(connection, queued.job) for queued in group]
        try:
            return [(queued.job(connection), None) for queued in group]
        except Exception:
            group[:] = [part for queued in group for part in queued.split()]
            if len(group) == 1:
                raise
        # The group failed: run each job again in a savepoint, so that only the bad one fails.
        driver: Any = connection.connection.driver_connection
        driver.rollback()
        await self._begin(connection)
        return [_attempt_in_savepoint(connection, queued.job) for queued in group]


def open_engine(file: Path, keys: DataKeys, *, begin: str, pragmas: Sequence[str]) -> Engine:
    """An engine for ``file`` whose transactions begin with the statement ``begin``, and whose
    connections begin with ``pragmas``.

    Follows SQLAlchemy's recipe for savepoints on SQLite: we begin transactions, not the driver.
    Otherwise a released savepoint survives the rollback.
    """
    engine = create_engine(
        f"sqlite:///{file}",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
        hide_parameters=True,  # a logged error must not quote a customer
    )

    @event.listens_for(engine, "do_connect")
    def keep_private(*_: object) -> None:
        if str(file) != ":memory:":
            private_database(file)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[KEYS] = keys
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]  # connected
            connection.exec_driver_sql(begin)

    return engine


def write_group(connection: Connection, group: Sequence[QueuedJob[Any]]) -> list[JobOutcome]:
    """Run ``group`` in one transaction, each job of several in a savepoint; return the outcomes in
    order. Raises what BEGIN, COMMIT or a job on its own raised; then nothing is stored."""
    with _patient_cursor(connection), connection.begin():
        if len(group) == 1:
            return [(group[0].job(connection), None)]
        return [_attempt_in_savepoint(connection, queued.job) for queued in group]


@contextmanager
def _patient_cursor(connection: Connection, timeout: int = LOCK_TIMEOUT) -> Iterator[Any]:
    """A driver's cursor that waits for locks that others hold, up to ``timeout`` milliseconds."""
    cursor = connection.connection.cursor()
    before: int = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
    cursor.execute(f"PRAGMA busy_timeout={timeout}")
    try:
        yield cursor
    finally:
        cursor.execute(f"PRAGMA busy_timeout={before}")


def _execute_alone(sql: str, connection: Connection) -> None:
    with _patient_cursor(connection) as cursor:
        cursor.execute(sql)


def _empty_log(connection: Connection) -> bool:
    with _patient_cursor(connection, CHECKPOINT_TIMEOUT) as cursor:
        blocked, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not blocked


def _quick_check(file: Path) -> str:
    """What SQLite finds (sqlite.org/pragma.html#pragma_quick_check); ``ok`` if it is nothing."""
    try:
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return type(error).__name__ if is_damage(error) else "ok"


def _decode(stored: bytes) -> str:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return DAMAGED_TEXT + stored.decode("utf-8", "replace")


def _found_no_text(error: BaseException | None) -> bool:
    """Whether the driver could not decode a stored text (it has no code of its own for that)."""
    return error is not None and "Could not decode to UTF-8" in str(error)


def _attempt(connection: Connection, job: Job[Any]) -> JobOutcome:
    try:
        return job(connection), None
    except Exception as error:  # noqa: BLE001  (given to this job's caller)
        return None, error


def _attempt_in_savepoint(connection: Connection, job: Job[Any]) -> JobOutcome:
    cursor = connection.connection.cursor()
    cursor.execute("SAVEPOINT job")
    outcome = _attempt(connection, job)
    if outcome[1] is not None:
        cursor.execute("ROLLBACK TO SAVEPOINT job")
    cursor.execute("RELEASE SAVEPOINT job")
    return outcome
