"""What the store asks of its database, and the jobs that wait for a connection.

A job is a plain function over a `sqlalchemy.Connection`, and the same on SQLite and PostgreSQL.
`dialect` holds what differs in SQL. `sqlite` and `postgres` decide how a job gets its connection,
its transaction and the other jobs that share it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from gateway.adapters.encryption import DataKeys
from gateway.ports import WarmlineError

T = TypeVar("T")
Item = TypeVar("Item")
Job = Callable[[Connection], T]
BatchFunction = Callable[[Connection, Sequence[Item]], Sequence[T]]
JobOutcome = tuple[Any, BaseException | None]
"""What a job returned, or what it raised."""
MOST_JOBS = 64
"""Jobs in one transaction, and items in one batch, at most."""
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
    def keys(self) -> DataKeys:
        """The keys that encrypt and decrypt stored text."""
        ...

    @property
    def damage(self) -> str | None:
        """That the database is damaged, in words, once a job has found it so."""
        ...

    async def write(self, job: Job[T], *, key: str = "", long: bool = False) -> T:
        """Run ``job`` in a transaction and return its result after the commit.

        Several jobs may share the transaction; each one succeeds or fails as if it were alone.
        Jobs with the same ``key`` (the lane) never overlap, in any process. A job may run more than
        once (after a deadlock, or when another job of its group fails), so it must bear that.
        ``long``: it may take more than a few milliseconds. Raises what ``job`` raised, and
        LaneBusy.
        """
        ...

    def write_batched(self, function: BatchFunction[Item, T], item: Item) -> asyncio.Future[T]:
        """As `write`, with one call of ``function`` for all items that wait at the same moment.

        ``function`` returns a result for each item, in their order. When it raises, the call is
        undone and repeated for each item alone, so that only the bad one fails. Items are written
        in the order in which they came: one call ends before the next begins.
        """
        ...

    async def read(self, job: Job[T], *, long: bool = False) -> T:
        """Run ``job`` on a snapshot of everything committed so far; see `write`. ``long`` jobs
        (pages, reports, exports) have connections of their own, so that no turn waits for them."""
        ...

    async def run_exclusive(self, job: Job[T]) -> T:
        """Run ``job`` on its own connection, without a time limit, while no other process does
        the same. The job begins and ends its own transactions. For migrations."""
        ...

    async def check_integrity(self, largest: int) -> None:
        """Search a database of at most ``largest`` bytes for damage: `damage` then says so."""
        ...

    def observe_commits(self, observer: Callable[[int], object]) -> None:
        """Call ``observer`` with the number of jobs in each transaction that writes."""
        ...

    async def vacuum(self) -> None:
        """Return free space to the disk, where the database does not do so by itself. Blocks
        writes meanwhile."""
        ...

    async def checkpoint(self) -> bool:
        """Remove erased data from the database's log files, where the database allows it. Returns
        whether none is left there: a reader may need the log still."""
        ...

    async def stop(self) -> None:
        """Finish the waiting jobs, then close."""
        ...


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

    def split(self) -> list[QueuedJob[Any]]:
        """The parts that may succeed alone when this job fails."""
        return [self]

    def finish(self, result: Any, error: BaseException | None) -> None:
        """Resolve the caller's future. A cancelled caller gets nothing; the work stands."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class QueuedBatch(QueuedJob[Any]):
    """Items that wait for one call of ``function``; each has its own caller.

    More items may join until the call starts, or fails before it starts. When the call fails,
    `split` returns one batch for each item, so that only the bad item fails.
    """

    __slots__ = ("function", "futures", "is_open", "items")

    def __init__(
        self,
        function: BatchFunction[Any, Any],
        items: Sequence[Any] = (),
        futures: Sequence[asyncio.Future[Any]] = (),
    ) -> None:
        self.function, self.items, self.futures = function, list(items), list(futures)
        self.job, self.key, self.long, self.bare = self._run, "", False, False
        self.is_open = True

    def has_room(self, function: BatchFunction[Any, Any]) -> bool:
        return self.is_open and self.function is function and len(self.items) < MOST_JOBS

    def add(self, item: Any) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self.items.append(item)
        self.futures.append(future)
        return future

    def split(self) -> list[QueuedJob[Any]]:
        self.is_open = False
        pairs = zip(self.items, self.futures, strict=True)
        return [QueuedBatch(self.function, [item], [future]) for item, future in pairs]

    def finish(self, result: Any, error: BaseException | None) -> None:
        self.is_open = False
        if error is not None:
            result = [None] * len(self.items)
        for item_result, future in zip(result, self.futures, strict=True):
            if future.done():
                continue
            if error is None:
                future.set_result(item_result)
            else:
                future.set_exception(error)

    def _run(self, connection: Connection) -> Sequence[Any]:
        self.is_open = False
        return self.function(connection, self.items)
