"""What one process at a time looks after: a lock, kept while it lives, that then passes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from gateway.adapters.redis.link import Away, Link
from gateway.adapters.redis.locks import Locks
from gateway.services.ending import ended

log = structlog.get_logger()


class Leases:
    """Leases of as many seconds as ``locks`` last."""

    def __init__(self, link: Link, locks: Locks) -> None:
        self._link, self._locks = link, locks
        self.held: set[str] = set()
        """What this process looks after."""

    async def hold(
        self, name: str, work: Callable[[], Awaitable[None]], stand_by: Callable[[], None]
    ) -> None:
        """See `Crew.hold`. While Redis is away, whoever had a lease goes on; when it is away for
        longer than a lease lasts, everybody does the work, rather than nobody: what two fetch,
        the inbox takes in once."""
        lock = self._locks.lock("lease", name)
        working: asyncio.Task[None] | None = None
        try:
            while True:
                mine = await self._is_mine(lock, had=working is not None)
                if mine and working is None:
                    log.info("lease.taken", lease=name)
                    self.held.add(name)
                    working = asyncio.create_task(_of(work))
                elif not mine:
                    await self._ended(name, working)
                    working = None
                    stand_by()
                await asyncio.sleep(self._locks.ttl / 3)
        finally:
            await self._ended(name, working)
            with suppress(Away, LockError):
                await self._link.call(lambda _: lock.release())

    async def _is_mine(self, lock: Lock, *, had: bool) -> bool:
        try:
            if lock.local.token is not None and await self._locks.extend(lock):
                return True
            return await self._link.call(lambda _: lock.acquire())
        except Away:
            return had or self._link.away_for > self._locks.ttl

    async def _ended(self, name: str, working: asyncio.Task[None] | None) -> None:
        self.held.discard(name)
        if working is not None:
            log.info("lease.given_up", lease=name)
            await ended((working,))


async def _of(work: Callable[[], Awaitable[None]]) -> None:
    await work()
