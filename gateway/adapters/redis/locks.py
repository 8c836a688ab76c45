"""One process at a time: redis-py's lock, kept for as long as the work takes.

A lock is a courtesy: it keeps two processes from doing the same work, and the database keeps them
from doing it twice. So a lock that is lost (Redis flushed, a process that stood still for too long)
stops nobody, and without Redis the work is done without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from gateway.adapters.redis.link import Away, Link


class Locks:
    """Locks of ``ttl`` seconds."""

    def __init__(self, link: Link, *, ttl: float) -> None:
        self._link, self.ttl = link, ttl

    @asynccontextmanager
    async def holding(self, *name: str) -> AsyncIterator[bool]:
        """While open, nobody else has the lock; gives False when somebody else has it."""
        lock = self.lock(*name)
        try:
            mine = await self._link.call(lambda _: lock.acquire())
        except Away:
            yield True  # nobody can tell; the database decides
            return
        if not mine:
            yield False
            return
        keeping = asyncio.create_task(self._keep(lock))
        try:
            yield True
        finally:
            keeping.cancel()
            with suppress(Away, LockError):  # it lapsed, or will
                await self._link.call(lambda _: lock.release())

    def lock(self, *name: str) -> Lock:
        """One that does not wait."""
        return Lock(
            self._link.client,
            self._link.key("lock", *name),
            timeout=self.ttl,
            blocking=False,
            thread_local=False,
        )

    async def extend(self, lock: Lock) -> bool:
        """Hold it for another `ttl`; False when it is not ours any more. Raises Away."""
        try:
            return await self._link.call(lambda _: lock.extend(self.ttl, replace_ttl=True))
        except LockError:
            return False

    async def _keep(self, lock: Lock) -> None:
        while True:
            await asyncio.sleep(self.ttl / 3)
            with suppress(Away):
                if not await self.extend(lock):
                    return
