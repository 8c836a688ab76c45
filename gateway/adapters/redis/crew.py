"""Several processes as one gateway: the parts, joined."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

import structlog

from gateway.adapters.redis.events import SharedEvents
from gateway.adapters.redis.lanes import SharedLanes
from gateway.adapters.redis.leases import Leases
from gateway.adapters.redis.limits import SharedLimits
from gateway.adapters.redis.link import Away, Link, NoGroup
from gateway.adapters.redis.locks import Locks
from gateway.adapters.redis.post import Post
from gateway.adapters.redis.presence import EVERY, Presence
from gateway.ports import Clock
from gateway.services.crew import Process
from gateway.services.dispatch import Step
from gateway.services.ending import ended
from gateway.settings import Redis

log = structlog.get_logger()


class RedisCrew:
    """The crew that meets at the Redis at ``url``. ``sweep``: seconds between looks for what was
    forgotten while Redis is there."""

    def __init__(self, url: str, settings: Redis, *, role: str, clock: Clock, sweep: float) -> None:
        self._settings, self._role, self._clock, self._sweep = settings, role, clock, sweep
        self._link = Link(url, prefix=settings.prefix, timeout=settings.timeout)
        self._post = Post(self._link)
        self._locks = Locks(self._link, ttl=settings.lock)
        self._leases = Leases(self._link, self._locks)
        self._presence = Presence(self._link)
        self._id, self._since = uuid4().hex[:12], clock.now()
        self.events = self.others = SharedEvents(
            self._link, self._post, me=self._id, look_every=settings.sweep
        )
        self._lanes: list[SharedLanes] = []
        self._hurry: Callable[[], None] = _nothing
        self._running: list[asyncio.Task[None]] = []

    def lanes(self, name: str, step: Step, *, at_once: int) -> SharedLanes:
        lanes = SharedLanes(
            name,
            step,
            at_once=at_once,
            clock=self._clock,
            link=self._link,
            post=self._post,
            locks=self._locks,
            me=self._id,
            works=self._role != "web",
            forgot=self._forgot,
        )
        self._lanes.append(lanes)
        return lanes

    def limits(self, rates: Mapping[str, float | None]) -> SharedLimits:
        return SharedLimits(self._link, rates)

    async def start(self, hurry: Callable[[], None]) -> None:
        self._hurry = hurry
        self._link.on_change(hurry)
        self._running = [
            asyncio.create_task(self._link.probe()),
            asyncio.create_task(self.events.run()),
            asyncio.create_task(self._present()),
        ]
        for lanes in self._lanes:
            lanes.start()
        log.info(
            "crew.joined",
            process=self._id,
            role=self._role,
            # Within this time what Redis or a process forgot is found in the database.
            found_again_within=max(self._sweep * 1.5, self._settings.lock * 2),
            without_redis_within=self._settings.sweep,
        )

    async def hold(
        self, name: str, work: Callable[[], Awaitable[None]], stand_by: Callable[[], None]
    ) -> None:
        await self._leases.hold(name, work, stand_by)

    def sweep(self) -> float:
        return self._sweep if self._link.trouble is None else self._settings.sweep

    async def sweeps(self) -> bool:
        """One process looks for all of them; without Redis, each does. The turn lasts for half the
        time, so that one that dies after its look costs the others no more than that."""
        key, lasts = self._link.key("sweep"), max(1, int(self.sweep() * 500))
        try:
            first = await self._link.call(lambda redis: redis.set(key, self._id, px=lasts, nx=True))
        except (Away, NoGroup):
            return True
        return bool(first)

    async def processes(self) -> tuple[Process, ...]:
        return await self._presence.all()

    def trouble(self) -> str | None:
        return self._link.trouble

    async def stop(self) -> None:
        await ended(self._running)
        await self._post.empty()
        await self._presence.leave(self._me())
        await self._link.close()

    def _forgot(self) -> None:
        self._hurry()

    async def _present(self) -> None:
        while True:
            await self._presence.tell(self._me())
            await asyncio.sleep(EVERY)

    def _me(self) -> Process:
        return Process(
            id=self._id,
            role=self._role,
            host=socket.gethostname(),
            pid=os.getpid(),
            since=self._since,
            watches=tuple(sorted(self._leases.held)),
        )


def _nothing() -> None:
    """Before the start there is nothing to hurry."""
