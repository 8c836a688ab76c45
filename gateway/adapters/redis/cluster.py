"""Several processes as one gateway through Redis: who is there, leases, shared rate limits."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from uuid import uuid4

import msgspec
import redis.asyncio as redis_asyncio
import structlog
from redis.asyncio.lock import Lock
from redis.commands.core import AsyncScript
from redis.exceptions import LockError

from gateway.adapters.redis.commands import CommandQueue
from gateway.adapters.redis.connection import NoConsumerGroup, RedisConnection, RedisUnavailable
from gateway.adapters.redis.events import SharedEvents
from gateway.adapters.redis.lanes import LaneLocks, SharedLanes
from gateway.ports import Clock
from gateway.runtime.cluster import ClusterProcess, LocalRateLimits, burst
from gateway.runtime.dispatch import Step
from gateway.runtime.tasks import cancel_all
from gateway.settings import RedisSettings

log = structlog.get_logger()


class RedisLeases:
    """Leases of as many seconds as ``locks`` last."""

    def __init__(self, link: RedisConnection, locks: LaneLocks) -> None:
        self._link, self._locks = link, locks
        self.held: set[str] = set()
        """What this process looks after."""

    async def hold(
        self, name: str, work: Callable[[], Awaitable[None]], stand_by: Callable[[], None]
    ) -> None:
        """See `Cluster.hold`. While Redis is away, whoever had a lease goes on; when it is away for
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
            with suppress(RedisUnavailable, LockError):
                await self._link.call(lambda _: lock.release())

    async def _is_mine(self, lock: Lock, *, had: bool) -> bool:
        try:
            if lock.local.token is not None and await self._locks.extend(lock):
                return True
            return await self._link.call(lambda _: lock.acquire())
        except RedisUnavailable:
            return had or self._link.away_for > self._locks.ttl

    async def _ended(self, name: str, working: asyncio.Task[None] | None) -> None:
        self.held.discard(name)
        if working is not None:
            log.info("lease.given_up", lease=name)
            await cancel_all((working,))


async def _of(work: Callable[[], Awaitable[None]]) -> None:
    await work()


# The generic cell rate algorithm (ITU-T I.371): one number, the time at which the bucket will be
# full again. A caller takes its token at once, if need be one of the future, and waits until then;
# so callers are served in the order in which they asked.
TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local each = 1 / tonumber(ARGV[1])
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or now)) + each
redis.call('SET', KEYS[1], string.format('%.6f', full), 'PX', math.ceil((full - now) * 1000) + 1000)
return string.format('%.6f', math.max(0, full - now - each * tonumber(ARGV[2])))
"""


class SharedRateLimits:
    """``rates``: channel name -> messages a second for all processes together, None for any.

    While Redis is away each process keeps to the whole rate by itself; a provider that has too
    much of it says so, and delivery waits as it is told.
    """

    def __init__(self, link: RedisConnection, rates: Mapping[str, float | None]) -> None:
        self._link = link
        self._rates = {name: rate for name, rate in rates.items() if rate}
        self._local = LocalRateLimits(rates)
        self._take: AsyncScript = link.client.register_script(TAKE)

    async def wait(self, channel: str) -> None:
        """Until ``channel`` may send one more."""
        rate = self._rates.get(channel)
        if rate is None:
            return
        key = self._link.key("pace", channel)
        try:
            told = await self._link.call(lambda _: self._take(keys=[key], args=[rate, burst(rate)]))
        except (RedisUnavailable, NoConsumerGroup):
            await self._local.wait(channel)
        else:
            await asyncio.sleep(float(told))


EVERY = 5.0
"""Seconds between two signs of life; after three that are missing a process is forgotten."""
MANY = 1000


class ProcessPresence:
    """The list of processes, and this one's place in it."""

    def __init__(self, link: RedisConnection) -> None:
        self._link = link

    async def tell(self, process: ClusterProcess) -> None:
        """This process is there, for the next while."""
        text = msgspec.json.encode(process).decode()
        key, lasts = self._link.key("process", process.id), int(EVERY * 3000)
        with suppress(RedisUnavailable, NoConsumerGroup):
            await self._link.call(lambda redis: redis.set(key, text, px=lasts))

    async def leave(self, process: ClusterProcess) -> None:
        with suppress(RedisUnavailable, NoConsumerGroup):
            await self._link.call(lambda redis: redis.delete(self._link.key("process", process.id)))

    async def all(self) -> tuple[ClusterProcess, ...]:
        """Raises Away."""

        async def look(redis: redis_asyncio.Redis) -> Sequence[str | bytes | None]:
            ours = self._link.key("process", "*")
            keys = [key async for key in redis.scan_iter(ours, count=MANY)]
            return await redis.mget(keys) if keys else []

        found = [
            msgspec.json.decode(text, type=ClusterProcess)
            for text in await self._link.call(look)
            if text
        ]
        return tuple(sorted(found, key=lambda process: (process.role, process.since)))


class RedisCluster:
    """The crew that meets at the Redis at ``url``. ``sweep``: seconds between looks for what was
    forgotten while Redis is there."""

    def __init__(
        self, url: str, settings: RedisSettings, *, role: str, clock: Clock, sweep: float
    ) -> None:
        self._settings, self._role, self._clock, self._sweep = settings, role, clock, sweep
        self._link = RedisConnection(url, prefix=settings.prefix, timeout=settings.timeout)
        self._post = CommandQueue(self._link)
        self._locks = LaneLocks(self._link, ttl=settings.lock)
        self._leases = RedisLeases(self._link, self._locks)
        self._presence = ProcessPresence(self._link)
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
            works_lanes=self._role != "web",
            forgot=self._forgot,
        )
        self._lanes.append(lanes)
        return lanes

    def limits(self, rates: Mapping[str, float | None]) -> SharedRateLimits:
        return SharedRateLimits(self._link, rates)

    async def start(self, sweep_now: Callable[[], None]) -> None:
        self._hurry = sweep_now
        self._link.on_change(sweep_now)
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

    async def run_exclusively(
        self, name: str, work: Callable[[], Awaitable[None]], stand_by: Callable[[], None]
    ) -> None:
        await self._leases.hold(name, work, stand_by)

    def sweep_interval(self) -> float:
        return self._sweep if self._link.trouble is None else self._settings.sweep

    async def may_sweep(self) -> bool:
        """One process looks for all of them; without Redis, each does. The turn lasts for half the
        time, so that one that dies after its look costs the others no more than that."""
        key, lasts = self._link.key("sweep"), max(1, int(self.sweep_interval() * 500))
        try:
            first = await self._link.call(lambda redis: redis.set(key, self._id, px=lasts, nx=True))
        except (RedisUnavailable, NoConsumerGroup):
            return True
        return bool(first)

    async def processes(self) -> tuple[ClusterProcess, ...]:
        return await self._presence.all()

    def trouble(self) -> str | None:
        return self._link.trouble

    async def stop(self) -> None:
        await cancel_all(self._running)
        await self._post.empty()
        await self._presence.leave(self._me())
        await self._link.close()

    def _forgot(self) -> None:
        self._hurry()

    async def _present(self) -> None:
        while True:
            await self._presence.tell(self._me())
            await asyncio.sleep(EVERY)

    def _me(self) -> ClusterProcess:
        return ClusterProcess(
            id=self._id,
            role=self._role,
            host=socket.gethostname(),
            pid=os.getpid(),
            since=self._since,
            watches=tuple(sorted(self._leases.held)),
        )


def _nothing() -> None:
    """Before the start there is nothing to hurry."""
