"""What happens when: a heap of events, ordered by time."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

Happening = Callable[[float], Awaitable[None]]
"""What happens at a moment, which it gets in seconds from the start."""


class Timeline:
    """Events in the order of their times, in seconds from ``start``; those of one moment in the
    order in which they were planned."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._heap: list[tuple[float, int, Happening]] = []
        self._count = 0

    @property
    def next_at(self) -> float | None:
        """When the next event is; None after the last."""
        return self._heap[0][0] if self._heap else None

    def plan(self, at: float, happening: Happening) -> None:
        """Let ``happening`` happen at ``at``."""
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, happening))

    async def happen(self) -> None:
        """Let the next event happen, whole."""
        at, _, happening = heapq.heappop(self._heap)
        await happening(at)

    def time(self, at: float) -> datetime:
        """``at`` seconds from the start, to the millisecond, as the database keeps it."""
        return self._start + timedelta(milliseconds=int(at * 1000))

    def seconds(self, time: datetime) -> float:
        """The seconds from the start to ``time``."""
        return (time - self._start).total_seconds()
