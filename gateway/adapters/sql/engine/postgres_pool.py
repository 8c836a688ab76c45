"""A pool of connections to PostgreSQL, and the transactions that jobs share on them.

Jobs with a key (a lane) are written in small groups, each job in a savepoint. The server locks each
lane for one writer: a job whose lane another process has locked does not wait in its group, but is
tried again later. A batch has its own transaction, and one batch runs at a time. A job without a
key has its own transaction too, because it may lock rows in any order.

A deadlock, or a connection lost before COMMIT was sent, undoes a whole transaction: its jobs are
then tried again one by one. A connection lost during COMMIT fails its jobs, because nobody knows
whether the COMMIT arrived. Either way, the next group gets a new connection.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util import await_only

from gateway.adapters.sql.engine import dialect
from gateway.adapters.sql.engine.base import (
    BatchFunction,
    Job,
    JobOutcome,
    LaneBusy,
    QueuedBatch,
    QueuedJob,
)
from gateway.adapters.sql.engine.health import in_words, is_damage

T = TypeVar("T")
Item = TypeVar("Item")
log = structlog.get_logger()
GROUP_SIZE = 16
"""Keyed jobs in one transaction, at most. With several connections, small groups wait less for one
another."""
ATTEMPTS = 6
"""For a job whose transaction was undone through no fault of its own; with pauses up to 0.4 s."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds before a lane that another process has locked is tried again; doubled each time."""
GROUP_TIME = 0.25
"""Seconds after which a group starts no further job: on a slow connection the lanes, and the
callers, would otherwise wait for all of the group together."""


class TransactionUndone(Exception):
    """The transaction was undone before COMMIT was sent, and its jobs may be tried again. The cause
    is the error."""


class JobNotStarted(Exception):
    """A job of the group was not started and must run later."""


LANE_LOCKED = JobNotStarted("another process has locked its lane")
OUT_OF_TIME = JobNotStarted("the group has taken long enough")


class PooledJob(QueuedJob[T]):
    """A job that may have to wait for its lane. ``refusals`` counts how often the lane was locked;
    ``waited`` is the sum of the pauses in seconds. (Not the wall clock: a process that stands still
    must not run out of time.)"""

    __slots__ = ("refusals", "waited")

    def __init__(self, job: Job[T], key: str, future: asyncio.Future[T]) -> None:
        super().__init__(job, key, future)
        self.refusals, self.waited = 0, 0.0


class PostgresConnectionPool:
    """Runs groups of jobs with ``run_group`` on at most ``size`` connections. A job whose lane
    another process has locked is tried again for ``lock_timeout`` seconds; its connection serves
    other jobs meanwhile."""

    def __init__(
        self,
        connect: Callable[[], AsyncConnection],
        run_group: Callable[[Connection, Sequence[QueuedJob[Any]]], list[JobOutcome]],
        *,
        size: int,
        lock_timeout: float,
    ) -> None:
        self._connect, self._run_group = connect, run_group
        self._size, self._lock_timeout = size, lock_timeout
        self.observer: Callable[[int], object] | None = None
        self._single: deque[QueuedJob[Any]] = deque()
        self._keyed: deque[PooledJob[Any]] = deque()
        self._batches: deque[QueuedBatch] = deque()
        """The first one is also in ``_single``, or runs; the others follow it one by one."""
        self._busy_keys: set[str] = set()
        self._idle: list[AsyncConnection] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._pausing: set[asyncio.Task[None]] = set()
        self._stopped = False
        self.damage: str | None = None
        """Set by the first job that finds the database damaged."""

    async def run(self, job: Job[T], key: str = "") -> T:
        """Return the result of ``job`` once it is committed. Raises what it raised, or what kept it
        from being stored."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        queued = PooledJob(job, key, future)
        self._refuse_if_stopped()
        (self._keyed if key else self._single).append(queued)
        self._start_serving()
        return await future

    def run_batched(self, function: BatchFunction[Item, T], item: Item) -> asyncio.Future[T]:
        """See `SqlDatabase.write_batched`."""
        if not self._batches or not self._batches[-1].has_room(function):
            self._refuse_if_stopped()
            self._batches.append(QueuedBatch(function))
            if len(self._batches) == 1:
                self._start_batch()
        return self._batches[-1].add(item)

    async def stop(self) -> None:
        """Finish the waiting jobs, then close."""
        self._stopped = True
        while tasks := self._serving | self._pausing:
            await asyncio.wait(tasks)
        for connection in self._idle:
            with suppress(Exception):  # it may be broken; it is dropped anyway
                await connection.close()
        self._idle = []

    def _refuse_if_stopped(self) -> None:
        if self._stopped:
            raise RuntimeError("the database is closed")

    def _start_batch(self) -> None:
        self._single.append(self._batches[0])
        self._start_serving()

    def _end_batch(self) -> None:
        self._batches.popleft()
        if self._batches:
            self._start_batch()

    def _start_serving(self) -> None:
        if len(self._serving) < self._size:
            self._serving.add(asyncio.create_task(self._serve()))

    async def _serve(self) -> None:
        try:
            while group := self._next_group():
                if self.observer is not None:
                    self.observer(len(group))
                await self._run_to_end(group)
                if isinstance(group[0], QueuedBatch):
                    # Not at once: on a single connection, keyed jobs take their turn first.
                    asyncio.get_running_loop().call_soon(self._end_batch)
                self._busy_keys.difference_update(queued.key for queued in group)
        finally:
            # Now, not in a callback: a job that arrives in between would count on this task.
            if (task := asyncio.current_task()) is not None:
                self._serving.discard(task)

    def _next_group(self) -> Sequence[QueuedJob[Any]]:
        """The next transaction: a job without key or a batch; else a fair share of the keyed jobs
        whose keys are free, in the order in which they arrived."""
        if self._single:
            return [self._single.popleft()]
        share = min(GROUP_SIZE, 1 + (len(self._keyed) - 1) // self._size)
        group: list[PooledJob[Any]] = []
        skipped: list[PooledJob[Any]] = []
        while self._keyed and len(group) < share:
            queued = self._keyed.popleft()
            (skipped if queued.key in self._busy_keys else group).append(queued)
        self._keyed.extendleft(reversed(skipped))
        group.sort(key=lambda queued: queued.key)
        self._busy_keys.update(queued.key for queued in group)
        return group

    async def _run_to_end(self, group: Sequence[QueuedJob[Any]]) -> None:
        """Run ``group``. If its transaction is undone, run each job, and each item of a batch,
        alone, with growing pauses."""
        undone = await self._run_once(group)
        for attempt in range(1, ATTEMPTS):
            if not undone:
                return
            log.info("database.again", units=len(undone), attempt=attempt)
            await asyncio.sleep(random.uniform(0, 0.0125 * 2**attempt))  # noqa: S311  (no secret)
            again = [part for queued, _ in undone for part in queued.split()]
            undone = [failed for part in again for failed in await self._run_once([part])]
        for queued, error in undone:
            queued.finish(None, error)

    async def _run_once(
        self, group: Sequence[QueuedJob[Any]]
    ) -> list[tuple[QueuedJob[Any], BaseException]]:
        """Run one transaction; return the jobs to try again, each with its error."""
        connection: AsyncConnection | None = None
        try:
            connection = self._idle.pop() if self._idle else await self._connect().start()
            outcomes = await connection.run_sync(self._run_group, group)
        except TransactionUndone as undone:
            return [(queued, undone.__cause__ or undone) for queued in group]
        except Exception as error:  # noqa: BLE001  (given to the callers)
            outcomes = [(None, error)] * len(group)
        finally:
            if connection is not None:
                await self._put_back(connection)
        postponed: list[PooledJob[Any]] = []
        for queued, (result, job_error) in zip(group, outcomes, strict=True):
            if job_error is not None and is_damage(job_error):
                self.damage = in_words(job_error)
            if job_error is OUT_OF_TIME and isinstance(queued, PooledJob):
                postponed.append(queued)
            elif job_error is LANE_LOCKED and isinstance(queued, PooledJob):
                self._pause(queued)
            else:
                queued.finish(result, job_error)
        self._keyed.extendleft(reversed(postponed))
        return []

    def _pause(self, queued: PooledJob[Any]) -> None:
        """Another process has locked the lane: try again later, until the lock time-out."""
        if queued.waited >= self._lock_timeout:
            what = f"another process has locked this lane for {self._lock_timeout:g} s"
            return queued.finish(None, LaneBusy(what))
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(10, queued.refusals))
        pause = random.uniform(longest / 2, longest)  # noqa: S311  (no secret)
        queued.refusals += 1
        queued.waited += pause
        self._pausing.add(asyncio.create_task(self._queue_again(queued, pause)))
        return None

    async def _queue_again(self, queued: PooledJob[Any], pause: float) -> None:
        try:
            await asyncio.sleep(pause)
            self._keyed.append(queued)
            self._start_serving()
        finally:
            # Now, as in `_serve`.
            if (task := asyncio.current_task()) is not None:
                self._pausing.discard(task)

    async def _put_back(self, connection: AsyncConnection) -> None:
        """Keep the connection for the next group, unless it is broken."""
        with suppress(Exception):  # then it is broken
            if not connection.invalidated:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                if not driver.is_closed() and not driver.is_in_transaction():
                    self._idle.append(connection)
                    return
        with suppress(Exception):  # a broken connection may fail here too
            await connection.invalidate()
        with suppress(Exception):
            await connection.close()


def write_group(connection: Connection, group: Sequence[QueuedJob[Any]]) -> list[JobOutcome]:
    """Run ``group`` in one transaction that locks its lanes; return the outcomes in order. The
    error of a job that was not started is `LANE_LOCKED` or `OUT_OF_TIME`.

    Raises `TransactionUndone`, or what BEGIN, COMMIT or a job on its own raised; then nothing is
    stored.
    """
    committing = False
    try:
        with connection.begin():
            outcomes = _run_in_turn(connection, group)
            committing = True
    except Exception as error:
        can_split = len(group[0].split()) > 1
        undone = not committing and (can_split or _is_lost(connection))
        if undone or dialect.is_retryable(error):
            raise TransactionUndone from error
        raise
    return outcomes


def read_group(connection: Connection, group: Sequence[QueuedJob[Any]]) -> list[JobOutcome]:
    """Run the one job of ``group`` on its own snapshot: an error would end the snapshot for every
    job on it. Raises as `write_group`."""
    [queued] = group
    try:
        with connection.begin():
            return [(queued.job(connection), None)]
    except Exception as error:
        if dialect.is_retryable(error) or _is_lost(connection):
            raise TransactionUndone from error
        raise


def _run_in_turn(connection: Connection, group: Sequence[QueuedJob[Any]]) -> list[JobOutcome]:
    keys = [queued.key for queued in group if queued.key]
    locked = dialect.try_lock(connection, dialect.LANE_LOCK, keys)
    if len(group) == 1:
        [queued] = group
        is_free = not queued.key or queued.key in locked
        return [(queued.job(connection), None) if is_free else (None, LANE_LOCKED)]
    if locked:
        _execute(connection, "SAVEPOINT job")
    end = time.monotonic() + GROUP_TIME
    outcomes: list[JobOutcome] = []
    for queued in group:
        if queued.key not in locked:
            outcomes.append((None, LANE_LOCKED))
        elif outcomes and time.monotonic() > end:
            outcomes.append((None, OUT_OF_TIME))
        else:
            outcomes.append(_run_in_savepoint(connection, queued.job))
    return outcomes


def _run_in_savepoint(connection: Connection, job: Job[Any]) -> JobOutcome:
    """Run ``job`` in the open savepoint, then open the next one: one round trip, not two."""
    try:
        result = job(connection)
    except Exception as error:
        if dialect.is_retryable(error) or _is_lost(connection):
            raise
        _execute(connection, "ROLLBACK TO SAVEPOINT job")
        return None, error
    _execute(connection, "RELEASE SAVEPOINT job; SAVEPOINT job")
    return result, None


def _execute(connection: Connection, sql: str) -> None:
    driver: Any = connection.connection.driver_connection
    await_only(driver.execute(sql))


def _is_lost(connection: Connection) -> bool:
    """Whether the connection is gone. Any other question to SQLAlchemy would then raise an error
    about the error."""
    if connection.invalidated:
        return True
    driver: Any = connection.connection.driver_connection
    return driver is None or driver.is_closed()
