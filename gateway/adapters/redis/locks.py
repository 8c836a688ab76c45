"""Locks in Redis: one worker to a lane, and one process for each exclusive task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog
from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from gateway.adapters.redis.connection import RedisConnection, RedisUnavailable
from gateway.runtime.tasks import cancel_all

log = structlog.get_logger()


@dataclass
class RedisLocks:
    """Locks that expire after ``ttl`` seconds, unless their holder extends them."""

    connection: RedisConnection
    ttl: float

    @asynccontextmanager
    async def hold(self, *name: str) -> AsyncIterator[bool]:
        """Hold the lock during the block. Yields False when another process holds it.

        Yields True without a lock while Redis is unavailable: the database then decides.
        """
        lock = self.new(*name)
        try:
            acquired = await self.connection.call(lambda _: lock.acquire())
        except RedisUnavailable:
            yield True
            return
        if not acquired:
            yield False
            return
        extending = asyncio.create_task(self._keep_extending(lock))
        try:
            yield True
        finally:
            extending.cancel()
            with suppress(RedisUnavailable, LockError):  # it has expired, or will
                await self.connection.call(lambda _: lock.release())

    def new(self, *name: str) -> Lock:
        """A lock that is not acquired yet. ``acquire`` does not wait."""
        return Lock(
            self.connection.client,
            self.connection.key("lock", *name),
            timeout=self.ttl,
            blocking=False,
            thread_local=False,
        )

    async def extend(self, lock: Lock) -> bool:
        """Hold ``lock`` for another `ttl` seconds. False when it has expired. Raises
        RedisUnavailable."""
        try:
            return await self.connection.call(lambda _: lock.extend(self.ttl, replace_ttl=True))
        except LockError:
            return False

    async def _keep_extending(self, lock: Lock) -> None:
        while True:
            await asyncio.sleep(self.ttl / 3)
            with suppress(RedisUnavailable):
                if not await self.extend(lock):
                    return


@dataclass
class RedisLeases:
    """Runs exclusive tasks, each under a lock of its own."""

    locks: RedisLocks
    held: set[str] = field(default_factory=set)
    """The names of the tasks that this process runs."""

    async def run(
        self, name: str, work: Callable[[], Awaitable[None]], stand_by: Callable[[], None]
    ) -> None:
        """See `Cluster.run_exclusively`.

        While Redis is unavailable, the process that runs the task continues. When Redis is
        unavailable for longer than a lock lasts, every process runs it: the inbox ignores a
        message that two of them fetch, but a message that none of them fetches is lost.
        """
        lock = self.locks.new("lease", name)
        running: asyncio.Task[None] | None = None
        try:
            while True:
                acquired = await self._acquire(lock, running=running is not None)
                if acquired and running is None:
                    log.info("lease.taken", lease=name)
                    self.held.add(name)
                    running = asyncio.create_task(_coroutine(work))
                elif not acquired:
                    await self._stop(name, running)
                    running = None
                    stand_by()
                await asyncio.sleep(self.locks.ttl / 3)
        finally:
            await self._stop(name, running)
            with suppress(RedisUnavailable, LockError):
                await self.locks.connection.call(lambda _: lock.release())

    async def _acquire(self, lock: Lock, *, running: bool) -> bool:
        connection = self.locks.connection
        try:
            if lock.local.token is not None and await self.locks.extend(lock):
                return True
            return await connection.call(lambda _: lock.acquire())
        except RedisUnavailable:
            return running or connection.unavailable_for > self.locks.ttl

    async def _stop(self, name: str, running: asyncio.Task[None] | None) -> None:
        self.held.discard(name)
        if running is not None:
            log.info("lease.given_up", lease=name)
            await cancel_all((running,))


async def _coroutine(work: Callable[[], Awaitable[None]]) -> None:
    await work()
