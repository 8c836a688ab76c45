"""The measures of a period, for the report, the desk, the command and the proposals."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from gateway import Services
from plugins.insights.facts.derive import DETECTORS, TextDetectors
from plugins.insights.facts.refresh import FactRefresh
from plugins.insights.facts.store import FactStore
from plugins.insights.measures import catalogue, statistics
from plugins.insights.measures.load import EmotionalLoad
from plugins.insights.measures.observe import WINDOWS
from plugins.insights.measures.sheets import SheetSums
from plugins.insights.measures.tallies import TallyStore
from plugins.insights.measures.tally import Tally
from plugins.insights.measures.values import (
    DIMENSIONS,
    EVERYTHING,
    Comparison,
    Dimension,
    Filters,
    MeasuredGroup,
    MeasuredPeriod,
    Totals,
    TrendPoint,
)
from plugins.insights.settings import InsightsSettings


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
        self.load = EmotionalLoad(self.facts, settings.least, self._zone)
        self._least = settings.least

    async def refresh(self) -> None:
        await self._refresh.run(self._tallies.rebuild)

    async def between(
        self, since: date, until: date, filters: Filters = EVERYTHING
    ) -> MeasuredPeriod:
        begin = since - (until - since) - timedelta(days=1)
        sums, before = await asyncio.gather(
            self._sums(since, until), self._sums(begin, since - timedelta(days=1))
        )
        return await asyncio.to_thread(
            _measured,
            MeasuredPeriod(since=since, until=until, filters=filters),
            sums,
            before.tally(filters),
            self._least,
        )

    async def trend(
        self,
        since: date,
        until: date,
        names: tuple[str, ...],
        filters: Filters = EVERYTHING,
        *,
        days: int = 7,
    ) -> tuple[TrendPoint, ...]:
        points: list[TrendPoint] = []
        begin = since
        while begin <= until:
            end = min(until, begin + timedelta(days=days - 1))
            sums = await self._sums(begin, end)
            figures = await asyncio.to_thread(
                catalogue.figures, sums.tally(filters), self._least, names
            )
            points.append(TrendPoint(since=begin, until=end, figures=figures))
            begin = end + timedelta(days=1)
        return tuple(points)

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

    async def compare(
        self, since: date, until: date, chosen: Filters, among: Filters = EVERYTHING
    ) -> Mapping[str, Comparison]:
        sums = await self._sums(since, until)

        def compare() -> Mapping[str, Comparison]:
            one, rest = sums.split(chosen, among)
            return _compared(one, rest, self._least)

        return await asyncio.to_thread(compare)

    async def _sums(self, since: date, until: date) -> SheetSums:
        sheets = await self._tallies.sheets(since, until)
        now, zone = self._clock.now(), self._zone
        return await asyncio.to_thread(
            lambda: SheetSums(sheets, lambda day, name: waits(day, name, now, zone))
        )


def waits(day: str, name: str, now: datetime, zone: tzinfo) -> bool:
    """Whether what is counted under ``name`` can still change for conversations of ``day``, since
    the days in which their customers may come back are not over."""
    window = WINDOWS.get(name)
    if window is None:
        return False
    over = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), zone)
    return now < over + timedelta(days=window)


def _measured(empty: MeasuredPeriod, sums: SheetSums, before: Tally, least: int) -> MeasuredPeriod:
    """``empty``, whose period and filters are known, with all its figures."""
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
