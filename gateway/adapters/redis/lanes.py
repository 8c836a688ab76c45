"""Lanes that all processes work on together: a stream with a consumer group, and lane locks."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from gateway.adapters.redis.connection import (
    BLOCK,
    CommandQueue,
    NoConsumerGroup,
    RedisConnection,
    RedisUnavailable,
)
from gateway.adapters.redis.locks import RedisLocks
from gateway.ports import Clock
from gateway.runtime.dispatch import LocalLanes, Next, Step
from gateway.runtime.tasks import cancel_all
from gateway.support.backoff import backoff

log = structlog.get_logger()
Entries = Iterable[tuple[str | None, dict[str, str] | None]]
StreamEntries = Iterable[tuple[str, Entries]]
"""What redis-py returns for stream commands, with version 2 of the protocol."""
GROUP = "workers"
STREAM_LENGTH = 100_000
"""Entries in a stream, approximately. Redis drops older ones, and the sweep finds their lanes."""
PENDING_WAKES = 10_000
"""Wakes that a process without workers keeps while Redis is unavailable."""
FIRST_RETRY, LAST_RETRY = 0.05, 1.0
"""Seconds until a lane that another process holds is tried again; doubled each time."""
DEAD_AFTER = 3600_000
"""Milliseconds of silence after which a consumer without entries is removed from the group."""


class SharedLanes:
    """As `LocalLanes`, shared with the lanes of the same ``name`` in the other processes.

    ``works_lanes``: whether this process runs steps; one that does not only passes wakes on.
    ``on_flush`` is called when Redis has lost its data.
    """

    def __init__(
        self,
        name: str,
        step: Step,
        *,
        at_once: int,
        clock: Clock,
        connection: RedisConnection,
        commands: CommandQueue,
        locks: RedisLocks,
        process_id: str,
        works_lanes: bool,
        on_flush: Callable[[], None],
    ) -> None:
        self._name, self._step, self._at_once = name, step, at_once
        self._clock, self._connection, self._commands = clock, connection, commands
        self._locks, self._process_id = locks, process_id
        self._works_lanes, self._on_flush = works_lanes, on_flush
        self._stream = connection.key("lanes", name)
        self._lanes = LocalLanes(self._locked_step, at_once=at_once, clock=clock)
        self._entries: dict[str, set[str]] = defaultdict(set)
        """Lane -> the stream entries to acknowledge once it has no more work."""
        self._refusals: dict[str, int] = {}
        """Lane -> how often in a row another process held it."""
        self._has_capacity = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._pending_wakes: dict[str, None] = {}
        connection.on_change(self._send_pending_wakes)

    def __len__(self) -> int:
        return len(self._lanes)

    @property
    def failing(self) -> int:
        return self._lanes.failing

    def wake(self, lane: str) -> None:
        """There may be work in ``lane``: some process takes it.

        While Redis is unavailable, this process takes it, if it works lanes. Otherwise it sends the
        wake when Redis is available again; until then only the other processes' sweep finds it.
        """
        self._add_entry(lane, on_failure=partial(self._wake_without_redis, lane))

    def start(self) -> None:
        """Start to take lanes from the stream."""
        if self._works_lanes:
            self._tasks = [
                asyncio.create_task(self._read_forever()),
                asyncio.create_task(self._claim_forever()),
            ]

    async def stop(self, grace: float) -> None:
        """As `LocalLanes.stop`. Lanes that were taken and not finished go back to the others."""
        await cancel_all(self._tasks)
        await self._lanes.stop(grace)
        for lane, entries in self._entries.items():
            self._add_entry(lane)
            self._acknowledge(entries)
        self._entries.clear()

    def _add_entry(self, lane: str, *, on_failure: Callable[[], None] | None = None) -> None:
        command = ("XADD", self._stream, "MAXLEN", "~", STREAM_LENGTH, "*", "lane", lane)
        self._commands.send(*command, on_failure=on_failure)

    # -- working on a lane

    def _wake_without_redis(self, lane: str) -> None:
        if self._works_lanes:
            self._lanes.wake(lane)
        elif len(self._pending_wakes) < PENDING_WAKES:
            self._pending_wakes[lane] = None

    def _send_pending_wakes(self) -> None:
        if self._connection.trouble is None:
            pending, self._pending_wakes = self._pending_wakes, {}
            for lane in pending:
                self.wake(lane)

    async def _locked_step(self, lane: str) -> Next | datetime:
        """Run one step, unless another process holds the lane."""
        entries = self._entries.pop(lane, set())
        try:
            async with self._locks.hold(self._name, lane) as acquired:
                if not acquired:
                    return self._retry_at(lane)
                self._refusals.pop(lane, None)
                after = await self._step(lane)
            if after is not Next.MORE:
                self._acknowledge(entries)
                entries = set()
            return after
        finally:
            if entries:
                self._entries[lane] |= entries
            self._has_capacity.set()

    def _retry_at(self, lane: str) -> datetime:
        """When to try again: the other process may already have read the lane's rows."""
        refusals = self._refusals[lane] = self._refusals.get(lane, 0) + 1
        wait = backoff(refusals, FIRST_RETRY, LAST_RETRY)
        return self._clock.now() + timedelta(seconds=wait)

    def _acknowledge(self, entries: Iterable[str]) -> None:
        if ids := tuple(entries):
            self._commands.send("XACK", self._stream, GROUP, *ids)
            self._commands.send("XDEL", self._stream, *ids)

    # -- taking lanes from the stream

    async def _read_forever(self) -> None:
        while True:
            capacity = self._at_once - len(self._lanes)
            if capacity <= 0:
                self._has_capacity.clear()
                await self._has_capacity.wait()
                continue
            await self._attempt(partial(self._read, capacity))

    async def _claim_forever(self) -> None:
        """Take over the entries of dead processes, once their locks have expired."""
        while True:
            await asyncio.sleep(self._locks.ttl / 2)
            await self._attempt(self._claim)

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except NoConsumerGroup:
            await self._create_group()
        except RedisUnavailable:
            await self._connection.available.wait()
        except Exception:
            log.exception("redis.lanes_failed", lanes=self._name)
            await asyncio.sleep(BLOCK)

    async def _create_group(self) -> None:
        """Create the consumer group again. All earlier entries are lost."""

        async def create(redis: Redis) -> None:
            try:
                await redis.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):  # another process has created it
                    raise

        with suppress(RedisUnavailable, NoConsumerGroup):
            await self._connection.call(create)
        self._on_flush()

    async def _read(self, count: int) -> None:
        streams = await self._connection.call_blocking(
            lambda redis: redis.xreadgroup(
                GROUP, self._process_id, {self._stream: ">"}, count=count, block=int(BLOCK * 1000)
            )
        )
        for _, entries in cast("StreamEntries", streams or ()):
            self._wake_all(entries)

    async def _claim(self) -> None:
        idle = int(self._locks.ttl * 1000)
        count = max(1, self._at_once - len(self._lanes))
        claimed = await self._connection.call(
            lambda redis: redis.xautoclaim(self._stream, GROUP, self._process_id, idle, count=count)
        )
        self._wake_all(cast("Entries", claimed[1]))
        consumers = await self._connection.call(
            lambda redis: redis.xinfo_consumers(self._stream, GROUP)
        )
        for consumer in consumers:
            if consumer["idle"] > DEAD_AFTER and not consumer["pending"]:
                remove = ("XGROUP", "DELCONSUMER", self._stream, GROUP, consumer["name"])
                self._commands.send(*remove)

    def _wake_all(self, entries: Entries) -> None:
        for entry, fields in entries:
            if entry is None:
                continue  # it was dropped from the stream meanwhile
            lane = (fields or {}).get("lane")
            if lane is None:
                self._acknowledge((entry,))
                continue
            self._entries[lane].add(entry)
            self._lanes.wake(lane)
