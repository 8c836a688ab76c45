"""What waits, as gauges: looked up when somebody asks, at most every few seconds."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec

from gateway.ports import Clock
from gateway.runtime.metrics import Metrics
from gateway.store import Backlog, QueueStatistics, Statistics

FRESH = timedelta(seconds=5)


class BacklogMonitor:
    """Keeps the last look at the backlog and shows it in the metrics."""

    def __init__(self, *, figures: Statistics, clock: Clock, metrics: Metrics) -> None:
        self._figures = figures
        self._clock = clock
        self._metrics = metrics
        self._seen: tuple[datetime, Backlog] | None = None
        self._looking = asyncio.Lock()

    async def look(self, fresh: timedelta = FRESH) -> Backlog:
        """The backlog as it was within the last ``fresh``."""
        async with self._looking:
            now = self._clock.now()
            if self._seen is None or now - self._seen[0] >= fresh:
                self._seen = now, await self._figures.backlog(now)
                self._show(*self._seen)
            return self._seen[1]

    def _show(self, now: datetime, backlog: Backlog) -> None:
        for field in msgspec.structs.fields(backlog):
            queue: QueueStatistics = getattr(backlog, field.name)
            age = (now - queue.since).total_seconds() if queue.since else 0.0
            self._metrics.waiting.labels(field.name).set(queue.rows)
            self._metrics.oldest.labels(field.name).set(max(0.0, age))
