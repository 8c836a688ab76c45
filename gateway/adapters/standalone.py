"""A process that works alone: the system clock, live events within it, a cluster of one."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from gateway.ports import Clock, Event
from gateway.runtime.cluster import ClusterProcess, LocalRateLimits
from gateway.runtime.dispatch import LocalLanes, Step

PENDING = 256
"""Events that may wait for one listener. A slower one loses the oldest; it reads the database."""


class SystemClock:
    """The clock of this machine."""

    now = staticmethod(partial(datetime.now, UTC))  # a dozen calls a turn: no Python frame each

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LocalEvents:
    """Events within this process."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[asyncio.Queue[Event]]] = defaultdict(set)

    def publish(self, event: Event) -> None:
        for queue in self._listeners.get(event.topic, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[AsyncIterator[Event]]:
        """Events of ``topic`` from now on."""
        queue: asyncio.Queue[Event] = asyncio.Queue(PENDING)
        self._listeners[topic].add(queue)
        try:
            yield _each(queue)
        finally:
            self._listeners[topic].discard(queue)
            if not self._listeners[topic]:
                del self._listeners[topic]


async def _each(queue: asyncio.Queue[Event]) -> AsyncIterator[Event]:
    while True:
        yield await queue.get()


class StandaloneCluster:
    """A `Cluster` of this process alone. ``sweep``: seconds between sweeps for forgotten work."""

    others = None

    def __init__(self, clock: Clock, *, sweep: float) -> None:
        self._clock, self._sweep = clock, sweep
        self._since = clock.now()
        self._exclusive: set[str] = set()
        self.events = LocalEvents()

    def lanes(self, name: str, step: Step, *, at_once: int) -> LocalLanes:  # noqa: ARG002  (no other processes)
        return LocalLanes(step, at_once=at_once, clock=self._clock)

    def limits(self, rates: Mapping[str, float | None]) -> LocalRateLimits:
        return LocalRateLimits(rates)

    async def start(self, sweep_now: Callable[[], None]) -> None:
        """Does nothing: there are no other processes."""

    async def run_exclusively(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        stand_by: Callable[[], None],  # noqa: ARG002  (no other processes)
    ) -> None:
        self._exclusive.add(name)
        await work()

    def sweep_interval(self) -> float:
        return self._sweep

    async def may_sweep(self) -> bool:
        return True

    async def processes(self) -> tuple[ClusterProcess, ...]:
        return (
            ClusterProcess(
                id="alone",
                role="all",
                host=socket.gethostname(),
                pid=os.getpid(),
                since=self._since,
                watches=tuple(sorted(self._exclusive)),
            ),
        )

    def trouble(self) -> str | None:
        return None

    async def stop(self) -> None:
        """Does nothing: there are no other processes."""
