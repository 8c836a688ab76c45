"""Adds up the team's load while a page does not wait for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import date, datetime, timedelta

from gateway import Clock
from plugins.insights.measures.values import EVERYTHING, Filters, LoadApi, TeamLoad

FRESH = timedelta(minutes=10)
KEPT = 64
Asked = tuple[date, date, Filters]


class BackgroundLoad:
    """The team's load, which rests on the facts of every conversation and so takes seconds for a
    long period. ``team`` waits ``patience`` seconds at most, and is None while the work goes on;
    what is done is kept for ten minutes."""

    def __init__(self, load: LoadApi, clock: Clock, patience: float) -> None:
        self._load, self._clock, self._patience = load, clock, patience
        self._known: OrderedDict[Asked, tuple[datetime, TeamLoad]] = OrderedDict()
        self._running: dict[Asked, asyncio.Task[TeamLoad]] = {}
        self._one_at_a_time = asyncio.Semaphore(1)

    async def team(
        self, since: date, until: date, filters: Filters = EVERYTHING
    ) -> TeamLoad | None:
        """See `LoadApi.team`; None: it is still being added up."""
        asked = (since, until, filters)
        if asked in self._known and self._clock.now() - self._known[asked][0] < FRESH:
            return self._known[asked][1]
        if asked not in self._running:
            task = asyncio.create_task(self._add_up(asked))
            self._running[asked] = task
            task.add_done_callback(lambda _: self._running.pop(asked, None))
        task = self._running[asked]
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        return task.result() if done else None

    async def _add_up(self, asked: Asked) -> TeamLoad:
        async with self._one_at_a_time:
            team = await self._load.team(*asked)
        self._known[asked] = self._clock.now(), team
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return team
