"""Several processes as one gateway through Redis: their list, shared rate limits, the cluster."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import msgspec
import redis.asyncio as redis_asyncio
import structlog
from redis.commands.core import AsyncScript

from gateway.adapters.redis.connection import (
    CommandQueue,
    NoConsumerGroup,
    RedisConnection,
    RedisUnavailable,
)
from gateway.adapters.redis.events import SharedEvents
from gateway.adapters.redis.lanes import SharedLanes
from gateway.adapters.redis.locks import RedisLeases, RedisLocks
from gateway.ports import Clock
from gateway.runtime.cluster import ClusterProcess, LocalRateLimits, burst
from gateway.runtime.dispatch import Step
from gateway.runtime.tasks import cancel_all
from gateway.settings import RedisSettings

log = structlog.get_logger()
PRESENCE = 5.0
"""Seconds between two announcements. A process that misses three of them leaves the list."""
SCAN_COUNT = 1000

# The generic cell rate algorithm (ITU-T I.371). It stores one number: the time at which the bucket
# will be full again. A caller takes its token at once, perhaps a future one, and waits for it; so
# callers are served in order.
TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local each = 1 / tonumber(ARGV[1])
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or now)) + each
redis.call('SET', KEYS[1], string.format('%.6f', full), 'PX', math.ceil((full - now) * 1000) + 1000)
return string.format('%.6f', math.max(0, full - now - each * tonumber(ARGV[2])))
"""


class SharedRateLimits:
    """Rate limits for all processes together. ``rates``: channel name -> messages a second, None
    for no limit.

    While Redis is unavailable each process keeps to the whole rate by itself. A provider that gets
    too much says so, and delivery waits as long as it asks for.
    """

    def __init__(self, connection: RedisConnection, rates: Mapping[str, float | None]) -> None:
        self._connection = connection
        self._rates = {name: rate for name, rate in rates.items() if rate}
        self._local = LocalRateLimits(rates)
        self._take: AsyncScript = connection.client.register_script(TAKE)

    async def wait(self, channel: str) -> None:
        """Wait until ``channel`` may send one more message."""
        rate = self._rates.get(channel)
        if rate is None:
            return
        key = self._connection.key("pace", channel)
        try:
            seconds = await self._connection.call(
                lambda _: self._take(keys=[key], args=[rate, burst(rate)])
            )
        except (RedisUnavailable, NoConsumerGroup):
            await self._local.wait(channel)
        else:
            await asyncio.sleep(float(seconds))


@dataclass
class ProcessPresence:
    """The list of processes in Redis, and this one's entry."""

    connection: RedisConnection

    async def announce(self, process: ClusterProcess) -> None:
        """Write the entry of this process. It expires by itself."""
        text = msgspec.json.encode(process).decode()
        key, lifetime = self._key(process.id), int(PRESENCE * 3000)
        with suppress(RedisUnavailable, NoConsumerGroup):
            await self.connection.call(lambda redis: redis.set(key, text, px=lifetime))

    async def remove(self, process: ClusterProcess) -> None:
        with suppress(RedisUnavailable, NoConsumerGroup):
            await self.connection.call(lambda redis: redis.delete(self._key(process.id)))

    async def all(self) -> tuple[ClusterProcess, ...]:
        """All processes, by role and start. Raises RedisUnavailable."""

        async def read(redis: redis_asyncio.Redis) -> Sequence[str | bytes | None]:
            keys = [key async for key in redis.scan_iter(self._key("*"), count=SCAN_COUNT)]
            return await redis.mget(keys) if keys else []

        processes = [
            msgspec.json.decode(text, type=ClusterProcess)
            for text in await self.connection.call(read)
            if text
        ]
        return tuple(sorted(processes, key=lambda process: (process.role, process.since)))

    def _key(self, id: str) -> str:
        return self.connection.key("process", id)


class RedisCluster:
    """The `Cluster` of all processes that use the Redis at ``url``. ``sweep``: seconds between
    sweeps for forgotten work while Redis is available."""

    def __init__(
        self, url: str, settings: RedisSettings, *, role: str, clock: Clock, sweep: float
    ) -> None:
        self._settings, self._role, self._clock, self._sweep = settings, role, clock, sweep
        self._connection = RedisConnection(url, prefix=settings.prefix, timeout=settings.timeout)
        self._commands = CommandQueue(self._connection)
        self._locks = RedisLocks(self._connection, ttl=settings.lock)
        self._leases = RedisLeases(self._locks)
        self._presence = ProcessPresence(self._connection)
        self._id, self._since = uuid4().hex[:12], clock.now()
        self.events = self.others = SharedEvents(
            self._connection, self._commands, process_id=self._id, look_every=settings.sweep
        )
        self._lanes: list[SharedLanes] = []
        self._sweep_now: Callable[[], None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def lanes(self, name: str, step: Step, *, at_once: int) -> SharedLanes:
        lanes = SharedLanes(
            name,
            step,
            at_once=at_once,
            clock=self._clock,
            connection=self._connection,
            commands=self._commands,
            locks=self._locks,
            process_id=self._id,
            works_lanes=self._role != "web",
            on_flush=self._request_sweep,
        )
        self._lanes.append(lanes)
        return lanes

    def limits(self, rates: Mapping[str, float | None]) -> SharedRateLimits:
        return SharedRateLimits(self._connection, rates)

    async def start(self, sweep_now: Callable[[], None]) -> None:
        self._sweep_now = sweep_now
        self._connection.on_change(sweep_now)
        self._tasks = [
            asyncio.create_task(self._connection.probe()),
            asyncio.create_task(self.events.run()),
            asyncio.create_task(self._keep_announcing()),
        ]
        for lanes in self._lanes:
            lanes.start()
        log.info(
            "cluster.joined",
            process=self._id,
            role=self._role,
            # Within this time the sweep finds what Redis or a dead process forgot.
            found_again_within=max(self._sweep * 1.5, self._settings.lock * 2),
            without_redis_within=self._settings.sweep,
        )

    async def run_exclusively(
        self, name: str, work: Callable[[], Awaitable[None]], stand_by: Callable[[], None]
    ) -> None:
        await self._leases.run(name, work, stand_by)

    def sweep_interval(self) -> float:
        return self._sweep if self._connection.trouble is None else self._settings.sweep

    async def may_sweep(self) -> bool:
        """One process sweeps for all of them; without Redis, each does. Its turn lasts half of the
        interval, so that a process that dies after this call delays the next sweep by no
        more than that."""
        key, lifetime = self._connection.key("sweep"), max(1, int(self.sweep_interval() * 500))
        try:
            acquired = await self._connection.call(
                lambda redis: redis.set(key, self._id, px=lifetime, nx=True)
            )
        except (RedisUnavailable, NoConsumerGroup):
            return True
        return bool(acquired)

    async def processes(self) -> tuple[ClusterProcess, ...]:
        return await self._presence.all()

    def trouble(self) -> str | None:
        return self._connection.trouble

    async def stop(self) -> None:
        await cancel_all(self._tasks)
        await self._commands.drain()
        await self._presence.remove(self._process())
        await self._connection.close()

    def _request_sweep(self) -> None:
        if self._sweep_now is not None:
            self._sweep_now()

    async def _keep_announcing(self) -> None:
        while True:
            await self._presence.announce(self._process())
            await asyncio.sleep(PRESENCE)

    def _process(self) -> ClusterProcess:
        return ClusterProcess(
            id=self._id,
            role=self._role,
            host=socket.gethostname(),
            pid=os.getpid(),
            since=self._since,
            watches=tuple(sorted(self._leases.held)),
        )
