"""What the store asks of its database, and the jobs that wait for a connection.

A job is a plain function over a `sqlalchemy.Connection`, and the same on SQLite and PostgreSQL.
`dialect` holds what differs in SQL. `sqlite` and `postgres` decide how a job gets its connection,
its transaction and the other jobs that share it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from gateway.adapters.sealing import Keys
from gateway.ports import WarmlineError

T = TypeVar("T")
Item = TypeVar("Item")
Job = Callable[[Connection], T]
JobOutcome = tuple[Any, BaseException | None]
"""What a job returned, or what it raised."""
MOST_JOBS = 64
"""Jobs in one transaction, and batch jobs in one, at most."""
KEYS = "keys"
"""Where `sqlalchemy.Connection.info` holds the data keys."""


class LaneBusy(WarmlineError):
    """Another process held the lane for longer than the lock time-out."""


class SqlDatabase(Protocol):
    """The database of one process."""

    @property
    def shared(self) -> bool:
        """Whether other processes may serve from it at the same time."""
        ...

    @property
    def keys(self) -> Keys:
        """The keys that encrypt and decrypt stored text."""
        ...

    async def write(self, job: Job[T], *, key: str = "", long: bool = False) -> T:
        """Run ``job`` in a transaction and return its result after the commit.

        Several jobs may share the transaction; each one succeeds or fails as if it were alone.
        Jobs with the same ``key`` (the lane) never overlap, in any process. A `BatchJob` has no
        key. A job may run more than once (after a deadlock, or when another job of its group
        fails), so it must bear that. ``long``: it may take more than a few milliseconds.
        Raises what ``job`` raised, and LaneBusy.
        """
        ...

    async def read(self, job: Job[T], *, long: bool = False) -> T:
        """Run ``job`` on a snapshot of everything committed so far; see `write`."""
        ...

    async def run_exclusive(self, job: Job[T]) -> T:
        """Run ``job`` on its own connection, without a time limit, while no other process does
        the same. The job begins and ends its own transactions. For migrations."""
        ...

    def observe_commits(self, observer: Callable[[int], object]) -> None:
        """Call ``observer`` with the number of jobs in each transaction that writes."""
        ...

    async def vacuum(self) -> None:
        """Return free space to the disk, where the database does not do so by itself. Blocks
        writes meanwhile."""
        ...

    async def checkpoint(self) -> None:
        """Remove erased data from the database's log files, where the database allows it."""
        ...

    async def stop(self) -> None:
        """Finish the waiting jobs, then close."""
        ...


class BatchJob(Generic[Item, T]):
    """A job for one item. Waiting batch jobs of the same ``function`` become one call of it.

    ``function`` returns one result for each item, in their order. When it raises, the database
    undoes the whole call and runs each job alone, so that only the bad item fails. Batch jobs run
    in the order in which they were written, and never two calls of the function at once.
    """

    __slots__ = ("function", "item")

    def __init__(
        self, function: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item
    ) -> None:
        self.function, self.item = function, item

    def __call__(self, connection: Connection) -> T:
        [result] = self.function(connection, [self.item])
        return result


class QueuedJob(Generic[T]):
    """A job that waits for its transaction, and the future of its caller.

    ``key`` orders jobs within a group. A ``long`` job runs alone, in a thread. A ``bare`` one also
    runs outside of any transaction.
    """

    __slots__ = ("bare", "future", "job", "key", "long")

    def __init__(
        self,
        job: Job[T],
        key: str,
        future: asyncio.Future[T],
        *,
        long: bool = False,
        bare: bool = False,
    ) -> None:
        self.job, self.key, self.future = job, key, future
        self.long, self.bare = long or bare, bare

    def finish(self, result: Any, error: BaseException | None) -> None:
        """Resolve the caller's future. A cancelled caller gets nothing; the work stands."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


def run_jobs(connection: Connection, group: Sequence[QueuedJob[Any]]) -> list[JobOutcome]:
    """Run ``group`` in order, with one call for neighbouring batch jobs of the same function.
    Raises what the first failing job raised."""
    results: list[Any] = []
    for function, jobs in groupby((queued.job for queued in group), key=_batch_function):
        if function is None:
            results += [job(connection) for job in jobs]
        else:
            results += function(connection, [job.item for job in jobs])  # type: ignore[attr-defined]  # batch jobs
    return [(result, None) for result in results]


def _batch_function(job: Job[Any]) -> Any:
    return job.function if isinstance(job, BatchJob) else None
