"""What the desk shows at once: the usual periods, measured beforehand and stored.

Measuring a year takes seconds and loads a large library; to show what is stored takes neither. The
views are made with the weekly report and every night, as long as somebody opens the report now and
then. They hold figures, no findings and no words of customers.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import msgspec
import structlog

from gateway import Clock, Outdated, Pace, PluginStorage
from plugins.insights.measures.values import (
    EVERYTHING,
    Filters,
    LoadApi,
    PeriodLoad,
    TeamLoad,
)
from plugins.insights.report.archive import PLUGIN
from plugins.insights.report.asking import PERIODS, period_days
from plugins.insights.report.builder import ReportBuilder
from plugins.insights.report.material import ReportMaterial
from plugins.insights.report.values import ReportQuery

log = structlog.get_logger()
SHOWN_FOR = timedelta(hours=30)
"""A stored view that is older is measured again before it is shown."""
WANTED_FOR = timedelta(days=14)
"""So long after the report was opened last are views made every night."""
NOTED_EVERY = timedelta(hours=12)
KEPT = timedelta(minutes=10)
MOST_KEPT = 16
MOST_LOADS = 8
LOAD_RESTS, LOAD_AT_ONCE = 9.0, 0.02
"""How many times as long as it worked the adding up of a load rests, and the seconds of work before
it does: the page that began it, and the next ones, must not wait for it."""
_Days = tuple[date, date]
_VIEWS, _OPENED = "view/", "opened"


class StoredViews:
    """The stored views, by the name of their period."""

    def __init__(self, storage: PluginStorage, clock: Clock) -> None:
        self._storage, self._clock = storage, clock
        self._noted: datetime | None = None

    async def read(self, period: str) -> ReportMaterial | None:
        """The view of ``period``; None when there is none that may be shown."""
        row = await self._storage.get(PLUGIN, f"{_VIEWS}{period}")
        if row is None:
            return None
        try:
            view = msgspec.json.decode(row.value, type=ReportMaterial)
        except msgspec.DecodeError:
            return None  # of another version of the program
        return view if self._clock.now() - view.made_at < SHOWN_FOR else None

    async def keep(self, period: str, material: ReportMaterial) -> None:
        """Store a view in place of the older one. One that still lacks the load is not stored.

        Findings and decisions are left out: they quote customers, and erasing would not reach a
        copy.
        """
        if material.load_pending:
            return
        bare = material.replace(findings=(), found_since=None, found_until=None, decisions=())
        key, value = f"{_VIEWS}{period}", msgspec.json.encode(bare).decode()
        row = await self._storage.get(PLUGIN, key)
        try:
            await self._storage.put(PLUGIN, key, value, version=row.version if row else 0)
        except Outdated:
            log.info("report.view_stored_elsewhere", period=period)

    async def note_opened(self) -> None:
        """Remember that somebody opens the report."""
        now = self._clock.now()
        if self._noted is not None and now - self._noted < NOTED_EVERY:
            return
        self._noted = now
        row = await self._storage.get(PLUGIN, _OPENED)
        try:
            await self._storage.put(
                PLUGIN, _OPENED, now.isoformat(), version=row.version if row else 0
            )
        except Outdated:
            return  # another process has just noted it

    async def are_wanted(self) -> bool:
        """Whether somebody opened the report lately."""
        row = await self._storage.get(PLUGIN, _OPENED)
        return (
            row is not None and self._clock.now() - datetime.fromisoformat(row.value) < WANTED_FOR
        )

    async def outdated(self, today: date) -> list[str]:
        """The periods whose views were not made today."""
        found = []
        for period in PERIODS:
            view = await self.read(period)
            if view is None or view.query.until != today:
                found.append(period)
        return found


async def make_views(views: StoredViews, builder: ReportBuilder, periods: Iterable[str]) -> None:
    """Measure ``periods`` and store them."""
    for period in periods:
        since, until = period_days(period, builder.today)
        material = await builder.material(ReportQuery(since=since, until=until))
        await views.keep(period, material)


class RecentMaterial:
    """What was measured in the last minutes, for the next click of the same person."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[ReportQuery, ReportMaterial] = OrderedDict()

    def get(self, query: ReportQuery, *, newer_than: timedelta = KEPT) -> ReportMaterial | None:
        """What was measured of ``query`` within ``newer_than``."""
        found = self._kept.get(query)
        fresh = found is not None and self._clock.now() - found.made_at < newer_than
        return found if fresh and found is not None and not found.load_pending else None

    def keep(self, material: ReportMaterial) -> None:
        self._kept[material.query] = material
        self._kept.move_to_end(material.query)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


class BackgroundLoad:
    """The team's load, which rests on the work in every conversation and so takes seconds for a
    long period. ``team`` waits ``timeout`` seconds at most, and is None while the work goes on;
    what is done is kept for ten minutes, and answers for any filters."""

    def __init__(self, load: LoadApi, clock: Clock, timeout: float) -> None:
        self._load, self._clock, self._timeout = load, clock, timeout
        self._known: OrderedDict[_Days, tuple[datetime, PeriodLoad]] = OrderedDict()
        self._running: dict[_Days, asyncio.Task[PeriodLoad]] = {}
        self._one_at_a_time = asyncio.Semaphore(1)

    async def team(
        self, since: date, until: date, filters: Filters = EVERYTHING
    ) -> TeamLoad | None:
        """See `LoadApi.team`; None: it is still being added up."""
        period = await self.period(since, until, timeout=self._timeout)
        return period.team(filters) if period else None

    async def period(
        self, since: date, until: date, *, timeout: float | None = None
    ) -> PeriodLoad | None:
        """See `LoadApi.period`. None: it takes longer than ``timeout`` seconds, and goes on."""
        days = (since, until)
        if days in self._known and self._clock.now() - self._known[days][0] < KEPT:
            return self._known[days][1]
        if days not in self._running:
            task = asyncio.create_task(self._add_up(days))
            self._running[days] = task
            task.add_done_callback(lambda _: self._running.pop(days, None))
        task = self._running[days]
        done, _ = await asyncio.wait({task}, timeout=timeout)
        return task.result() if done else None

    async def _add_up(self, days: _Days) -> PeriodLoad:
        async with self._one_at_a_time:
            period = await self._load.period(*days, Pace(LOAD_RESTS, after=LOAD_AT_ONCE))
        self._known[days] = self._clock.now(), period
        while len(self._known) > MOST_LOADS:
            self._known.popitem(last=False)
        return period
