"""Which lanes have work, for all processes: a stream with a consumer group, and lane locks."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, ResponseError

from gateway.adapters.redis.commands import CommandQueue
from gateway.adapters.redis.connection import (
    BLOCK,
    NoConsumerGroup,
    RedisConnection,
    RedisUnavailable,
)
from gateway.ports import Clock
from gateway.runtime.dispatch import LocalLanes, Next, Step
from gateway.runtime.tasks import cancel_all


class LaneLocks:
    """Locks of ``ttl`` seconds."""

    def __init__(self, link: RedisConnection, *, ttl: float) -> None:
        self._link, self.ttl = link, ttl

    @asynccontextmanager
    async def holding(self, *name: str) -> AsyncIterator[bool]:
        """While open, nobody else has the lock; gives False when somebody else has it."""
        lock = self.lock(*name)
        try:
            mine = await self._link.call(lambda _: lock.acquire())
        except RedisUnavailable:
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
            with suppress(RedisUnavailable, LockError):  # it lapsed, or will
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
            with suppress(RedisUnavailable):
                if not await self.extend(lock):
                    return


log = structlog.get_logger()
Entries = Iterable[tuple[str | None, dict[str, str] | None]]
Found = Iterable[tuple[str, Entries]]
"""What redis-py gives for the commands of streams, by version 2 of the protocol."""
GROUP = "workers"
MOST = 100_000
"""Entries in a stream, about; beyond, the oldest go, and the sweep finds their lanes."""
OWED = 10_000
"""Lanes of which a process without lanes remembers that nobody was told."""
SOON, LATEST = 0.05, 1.0
"""Seconds until a lane that another process has is looked at again: doubled each time."""
GONE = 3600_000
"""Milliseconds of silence after which a consumer that holds nothing is struck off the group."""


class SharedLanes:
    """As `LocalLanes`, together with the other processes' lanes of the same ``name``.

    ``works``: this process takes part in the work; one that does not only passes wakes on.
    ``forgot`` is called when Redis has lost what it held.
    """

    def __init__(
        self,
        name: str,
        step: Step,
        *,
        at_once: int,
        clock: Clock,
        link: RedisConnection,
        post: CommandQueue,
        locks: LaneLocks,
        me: str,
        works_lanes: bool,
        forgot: Callable[[], None],
    ) -> None:
        self._name, self._step, self._at_once = name, step, at_once
        self._clock, self._link, self._post, self._locks = clock, link, post, locks
        self._me, self._works, self._forgot = me, works_lanes, forgot
        self._key = link.key("lanes", name)
        self._lanes = LocalLanes(self._alone, at_once=at_once, clock=clock)
        self._held: dict[str, set[str]] = defaultdict(set)
        self._tries: dict[str, int] = {}
        self._room = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []
        self._owed: dict[str, None] = {}
        link.on_change(self._pay)

    def __len__(self) -> int:
        return len(self._lanes)

    def wake(self, lane: str) -> None:
        """There may be work in ``lane``: whoever has time takes it. Without Redis, we do, or, if
        we cannot, tell the others when Redis is back; their sweep may have found it by then."""
        entry = ("XADD", self._key, "MAXLEN", "~", MOST, "*", "lane", lane)
        self._post.put(*entry, lost=lambda: self._here(lane))

    def start(self) -> None:
        """Begin to take lanes from the stream."""
        if self._works:
            self._running = [
                asyncio.create_task(self._reading()),
                asyncio.create_task(self._claiming()),
            ]

    async def stop(self, grace: float) -> None:
        """As `LocalLanes.stop`; what was taken and not begun is given to the others."""
        await cancel_all(self._running)
        await self._lanes.stop(grace)
        for lane, entries in self._held.items():
            self._post.put("XADD", self._key, "MAXLEN", "~", MOST, "*", "lane", lane)
            self._done(entries)
        self._held.clear()

    # -- working a lane

    def _here(self, lane: str) -> None:
        if self._works:
            self._lanes.wake(lane)
        elif len(self._owed) < OWED:
            self._owed[lane] = None

    def _pay(self) -> None:
        if self._link.trouble is None:
            owed, self._owed = self._owed, {}
            for lane in owed:
                self.wake(lane)

    async def _alone(self, lane: str) -> Next | datetime:
        """One step, while no other process has the lane."""
        entries = self._held.pop(lane, set())
        after: Next | datetime = Next.MORE
        try:
            async with self._locks.holding(self._name, lane) as mine:
                if not mine:
                    return self._later(lane)
                self._tries.pop(lane, None)
                after = await self._step(lane)
            if after is not Next.MORE:
                self._done(entries)
                entries = set()
            return after
        finally:
            if entries:
                self._held[lane] |= entries
            self._room.set()

    def _later(self, lane: str) -> datetime:
        """Another process has it, and may have looked already: look again when it is over."""
        tries = self._tries[lane] = self._tries.get(lane, 0) + 1
        wait = min(LATEST, SOON * 2.0 ** min(10, tries - 1))
        return self._clock.now() + timedelta(seconds=wait)

    def _done(self, entries: Iterable[str]) -> None:
        if ids := tuple(entries):
            self._post.put("XACK", self._key, GROUP, *ids)
            self._post.put("XDEL", self._key, *ids)

    # -- taking lanes from the stream

    async def _reading(self) -> None:
        while True:
            room = self._at_once - len(self._lanes)
            if room <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            await self._try(partial(self._read, room))

    async def _claiming(self) -> None:
        """What a process that died had taken is free once its locks are."""
        while True:
            await asyncio.sleep(self._locks.ttl / 2)
            await self._try(self._claim)

    async def _try(self, work: Callable[[], Any]) -> None:
        try:
            await work()
        except NoConsumerGroup:
            await self._begin()
        except RedisUnavailable:
            await self._link.back.wait()
        except Exception:
            log.exception("redis.lanes_failed", lanes=self._name)
            await asyncio.sleep(BLOCK)

    async def _begin(self) -> None:
        """Make the group anew. Whatever was in the stream before is forgotten."""

        async def create(redis: Redis) -> None:
            try:
                await redis.xgroup_create(self._key, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):  # another process was faster
                    raise

        with suppress(RedisUnavailable, NoConsumerGroup):
            await self._link.call(create)
        self._forgot()

    async def _read(self, count: int) -> None:
        found = await self._link.wait(
            lambda redis: redis.xreadgroup(
                GROUP, self._me, {self._key: ">"}, count=count, block=int(BLOCK * 1000)
            )
        )
        for _, entries in cast("Found", found or ()):
            self._take(entries)

    async def _claim(self) -> None:
        idle = int(self._locks.ttl * 1000)
        room = max(1, self._at_once - len(self._lanes))
        found = await self._link.call(
            lambda redis: redis.xautoclaim(self._key, GROUP, self._me, idle, count=room)
        )
        self._take(cast("Entries", found[1]))
        for one in await self._link.call(lambda redis: redis.xinfo_consumers(self._key, GROUP)):
            if one["idle"] > GONE and not one["pending"]:
                self._post.put("XGROUP", "DELCONSUMER", self._key, GROUP, one["name"])

    def _take(self, entries: Entries) -> None:
        for entry, fields in entries:
            lane = (fields or {}).get("lane")
            if entry is None:
                continue  # it was cut off the stream meanwhile
            if lane is None:
                self._done((entry,))
                continue
            self._held[lane].add(entry)
            self._lanes.wake(lane)
