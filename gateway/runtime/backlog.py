"""The number and age of waiting rows, as gauges; queried on demand, at most every few seconds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from gateway.ports import Clock
from gateway.runtime.metrics import Metrics
from gateway.store import Backlog, QueueStatistics, Statistics

FRESH = timedelta(seconds=5)


@dataclass(kw_only=True)
class BacklogMonitor:
    """Caches the last backlog that was read and publishes it in the metrics."""

    statistics: Statistics
    clock: Clock
    metrics: Metrics
    _cached: tuple[datetime, Backlog] | None = field(default=None, init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def read(self, max_age: timedelta = FRESH) -> Backlog:
        """The backlog, at most ``max_age`` old."""
        async with self._reading:
            now = self.clock.now()
            if self._cached is None or now - self._cached[0] >= max_age:
                self._cached = now, await self.statistics.backlog(now)
                self._publish(*self._cached)
            return self._cached[1]

    def _publish(self, now: datetime, backlog: Backlog) -> None:
        for attribute in msgspec.structs.fields(backlog):
            queue: QueueStatistics = getattr(backlog, attribute.name)
            age = (now - queue.since).total_seconds() if queue.since else 0.0
            self.metrics.waiting.labels(attribute.name).set(queue.rows)
            self.metrics.oldest.labels(attribute.name).set(max(0.0, age))
