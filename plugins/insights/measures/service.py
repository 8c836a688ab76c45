"""The measures of a period, for the report, the desk, the command and the proposals."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from cachetools import LRUCache

from gateway import Services
from plugins.insights.facts.derive import DETECTORS, TextDetectors
from plugins.insights.facts.refresh import FactRefresh
from plugins.insights.facts.store import FactStore
from plugins.insights.measures import catalogue, statistics
from plugins.insights.measures.load import EmotionalLoad
from plugins.insights.measures.observe import WINDOWS
from plugins.insights.measures.sheets import SheetSums
from plugins.insights.measures.tallies import StoredSheet, TallyStore
from plugins.insights.measures.tally import Tally
from plugins.insights.measures.values import (
    DIMENSIONS,
    EVERYTHING,
    Comparison,
    Dimension,
    Filters,
    MeasuredGroup,
    MeasuredPeriod,
    PilotMeasure,
    Totals,
    TrendPoint,
)
from plugins.insights.settings import InsightsSettings

_A_DAY = timedelta(days=1)
MOST_SUMS = 8
"""Sums of periods that are remembered: a page asks for several figures of one period."""


class Measures:
    """See `MeasuresApi`. Figures are computed in a thread, from the tallies of days."""

    def __init__(
        self,
        services: Services,
        settings: InsightsSettings,
        detectors: TextDetectors = DETECTORS,
    ) -> None:
        self.facts = FactStore(services.storage)
        self._tallies = TallyStore(services.storage, self.facts)
        self._refresh = FactRefresh(self.facts, services, settings.timezone, detectors)
        self._clock = services.clock
        self._zone = ZoneInfo(settings.timezone)
        self.load = EmotionalLoad(self._tallies, settings.least, self._zone)
        self._least = settings.least
        self._known: LRUCache[object, SheetSums] = LRUCache(MOST_SUMS)

    async def refresh(self) -> None:
        await self._refresh.run(self._tallies.rebuild)

    async def between(
        self, since: date, until: date, filters: Filters = EVERYTHING
    ) -> MeasuredPeriod:
        sums = await self._sums(since, until)
        before = await self._sums(since - (until - since) - _A_DAY, since - _A_DAY)
        return await asyncio.to_thread(
            measured_period,
            MeasuredPeriod(since=since, until=until, filters=filters),
            sums,
            before.tally(filters),
            self._least,
        )

    async def groups(
        self, since: date, until: date, filters: Filters = EVERYTHING
    ) -> Mapping[Dimension, Mapping[str, Totals]]:
        sums = await self._sums(since, until)
        return {
            dimension: {
                value: _totals(group) for value, group in sums.by(dimension, filters).items()
            }
            for dimension in DIMENSIONS
        }

    async def trend(
        self,
        since: date,
        until: date,
        names: tuple[str, ...],
        filters: Filters = EVERYTHING,
        *,
        days: int = 7,
    ) -> tuple[TrendPoint, ...]:
        stored = await self._tallies.sheets(since, until)
        steps = [
            (begin, min(until, begin + timedelta(days=days - 1)))
            for begin in (
                since + timedelta(days=at) for at in range(0, (until - since).days + 1, days)
            )
        ]

        def figures(begin: date, end: date) -> TrendPoint:
            chosen = {
                day: one
                for day, one in stored.items()
                if begin.isoformat() <= day <= end.isoformat()
            }
            tally = self._sum(chosen).tally(filters)
            found = catalogue.figures(tally, self._least, names)
            return TrendPoint(since=begin, until=end, figures=found)

        return await asyncio.to_thread(lambda: tuple(figures(*step) for step in steps))

    async def contrasts(
        self,
        since: date,
        until: date,
        dimension: Dimension,
        names: tuple[str, ...],
        filters: Filters = EVERYTHING,
    ) -> Mapping[str, Mapping[str, Comparison]]:
        sums = await self._sums(since, until)

        def compare() -> Mapping[str, Mapping[str, Comparison]]:
            groups: dict[str, Mapping[str, Comparison]] = {}
            for value in sums.by(dimension, filters):
                chosen = Filters(**{dimension: (value,)})
                one, rest = sums.split(chosen, filters)
                groups[value] = catalogue.compare(one, rest, self._least, names)
            return catalogue.with_notable(groups)

        return await asyncio.to_thread(compare)

    async def pilot(
        self,
        days: tuple[date, date],
        before: tuple[date, date] | None,
        chosen: Filters,
        among: Filters = EVERYTHING,
    ) -> Mapping[str, PilotMeasure]:
        now = await self._sums(*days)
        then = await self._sums(*before) if before else None
        return await asyncio.to_thread(
            lambda: catalogue.pilot(
                now.split(chosen, among), then.split(chosen, among) if then else None, self._least
            )
        )

    async def _sums(self, since: date, until: date) -> SheetSums:
        """What the days have together; as remembered, if none of them has changed."""
        stored = await self._tallies.sheets(since, until)
        today = self._clock.now().astimezone(self._zone).date()
        key = (today, *((day, one.version) for day, one in stored.items()))
        known = self._known.get(key)
        if known is None:
            self._known[key] = known = await asyncio.to_thread(self._sum, stored)
        return known

    def _sum(self, stored: Mapping[str, StoredSheet]) -> SheetSums:
        now, zone = self._clock.now(), self._zone
        return SheetSums(
            {day: one.sheet for day, one in stored.items()},
            lambda day: waiting_names(day, now, zone),
        )


def waiting_names(day: str, now: datetime, zone: tzinfo) -> frozenset[str]:
    """What can still change for conversations of ``day``, since the days in which their customers
    may come back are not over."""
    over = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), zone)
    return frozenset(
        name for name, window in WINDOWS.items() if now < over + timedelta(days=window)
    )


def measured_period(
    empty: MeasuredPeriod, sums: SheetSums, before: Tally, least: int
) -> MeasuredPeriod:
    """``empty``, whose period and filters are known, with all its figures and how they changed
    since ``before``."""
    filters = empty.filters
    tally = sums.tally(filters)
    totals = _totals(tally)
    return empty.replace(
        totals=totals,
        figures=catalogue.figures(tally, least),
        by={
            dimension: {
                value: _group(group, totals, least)
                for value, group in sums.by(dimension, filters).items()
            }
            for dimension in DIMENSIONS
        },
        shares=catalogue.shares(tally, least),
        voice_rules={
            channel: {rule: group.number(f"rule:{rule}") for rule in group.names("rule:")}
            for channel, group in sums.by("channel", filters).items()
        },
        scores=catalogue.scores(tally, least),
        pending=catalogue.pending(tally),
        changes=_compared(tally, before, least),
    )


def _totals(tally: Tally) -> Totals:
    return Totals(conversations=tally.number("conversations"), messages=tally.number("messages"))


def _group(tally: Tally, whole: Totals, least: int) -> MeasuredGroup:
    totals = _totals(tally)
    return MeasuredGroup(
        totals=totals,
        share=statistics.rate(totals.conversations, whole.conversations, least),
        figures=catalogue.figures(tally, least),
    )


def _compared(one: Tally, other: Tally, least: int) -> Mapping[str, Comparison]:
    return catalogue.with_notable({"": catalogue.compare(one, other, least)})[""]
