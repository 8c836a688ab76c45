"""Builds a report from what is measured, found and decided."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway import Clock
from plugins.insights.measures.values import (
    Comparison,
    Dimension,
    Filters,
    MeasureInfo,
    MeasuresApi,
    TeamLoad,
    TrendPoint,
)
from plugins.insights.report.compose import compose
from plugins.insights.report.material import Decisions, ReportMaterial
from plugins.insights.report.searching import NOTHING_FOUND, FoundThings
from plugins.insights.report.settings import PilotSettings
from plugins.insights.report.values import Pilot, Report, ReportQuery

CONTEXT = 84
"""Days that a trend shows at least: what a week means, the weeks before tell."""
MOST_DAYS = 62
"""Days that are shown one by one."""
CONTRASTED: Mapping[Dimension, tuple[str, ...]] = {
    "intent": ("mood_change", "felt_heard"),
    "channel": ("mood_change", "felt_heard", "repeated_themselves"),
    "language": ("mood_change", "felt_heard"),
    "mood": ("response_rate", "felt_heard"),
}
"""What each group is compared in with all others."""
TRENDS = (
    "felt_heard",
    "response_rate",
    "csat",
    "ces",
    "containment",
    "containment_honest",
    "seconds_to_person",
    "mood_change",
    "repeat_contact_7d",
)


class TeamLoadSource(Protocol):
    """Where the team's load comes from: `LoadApi`, or `BackgroundLoad`."""

    async def team(self, since: date, until: date, filters: Filters = ...) -> TeamLoad | None:
        """See `LoadApi.team`; None: it is not known yet."""
        ...


@dataclass(frozen=True, kw_only=True)
class ReportBuilder:
    """Builds reports. ``decisions`` is None where nobody keeps proposals."""

    measures: MeasuresApi
    infos: Mapping[str, MeasureInfo]
    clock: Clock
    timezone: str
    least: int
    brands: Mapping[str, str]
    load: TeamLoadSource | None = None
    decisions: Decisions | None = None
    pilots: tuple[PilotSettings, ...] = ()

    @property
    def today(self) -> date:
        """The day that it is in the time zone of the figures."""
        return self.clock.now().astimezone(ZoneInfo(self.timezone)).date()

    async def build(self, query: ReportQuery, found: FoundThings = NOTHING_FOUND) -> Report:
        """The report on ``query``, from what the last refresh of the measures stored."""
        material = await self.material(query, found)
        return await asyncio.to_thread(compose, material)

    async def material(
        self, query: ReportQuery, found: FoundThings = NOTHING_FOUND
    ) -> ReportMaterial:
        """What the report on ``query`` is made of."""
        before, step = query.before(), trend_step(query.days)
        since, until, filters = query.since, query.until, query.filters
        # One after the other: each adds up the tallies of all days, and all at once would only take
        # more memory.
        measured = await self.measures.between(since, until, filters)
        contrasts = await self._contrasts(query)
        begin = trend_begin(query, step)
        trend = await self.measures.trend(begin, until, TRENDS, filters, days=step)
        daily = await self._daily(query)
        load, load_before = await asyncio.gather(self._load(query), self._load(before))
        decisions = await self.decisions.effects(since, until) if self.decisions else ()
        return ReportMaterial(
            query=query,
            measured=measured,
            infos=self.infos,
            made_at=self.clock.now().astimezone(ZoneInfo(self.timezone)),
            timezone=self.timezone,
            least=self.least,
            trend=_without_empty_begin(trend),
            step=step,
            titles=self.brands,
            findings=found.findings,
            found_since=found.since,
            found_until=found.until,
            found_filters=found.filters,
            daily=daily,
            contrasts=contrasts,
            load=load,
            load_before=load_before,
            load_pending=self.load is not None and load is None,
            decisions=tuple(decisions),
            pilots=await self._pilots(query),
        )

    async def _contrasts(
        self, query: ReportQuery
    ) -> Mapping[Dimension, Mapping[str, Mapping[str, Comparison]]]:
        return {
            dimension: await self.measures.contrasts(
                query.since, query.until, dimension, names, query.filters
            )
            for dimension, names in CONTRASTED.items()
        }

    async def _daily(self, query: ReportQuery) -> tuple[TrendPoint, ...]:
        if query.days > MOST_DAYS:
            return ()
        return await self.measures.trend(
            query.since, query.until, ("containment",), query.filters, days=1
        )

    async def _load(self, query: ReportQuery) -> TeamLoad | None:
        if self.load is None:
            return None
        return await self.load.team(query.since, query.until, query.filters)

    async def _pilots(self, query: ReportQuery) -> tuple[Pilot, ...]:
        running = [p for p in self.pilots if p.since <= query.until and p.end >= query.since]
        found = []
        for pilot in running:
            since, until = max(pilot.since, query.since), min(pilot.end, query.until)
            found.append(
                Pilot(
                    title=pilot.title,
                    since=since,
                    until=until,
                    filters=pilot.filters,
                    before_since=pilot.before[0] if pilot.before else None,
                    before_until=pilot.before[1] if pilot.before else None,
                    measures=await self.measures.pilot(
                        (since, until), pilot.before, pilot.filters, query.filters
                    ),
                )
            )
        return tuple(found)


def _without_empty_begin(trend: Sequence[TrendPoint]) -> tuple[TrendPoint, ...]:
    """``trend`` from the first step in which somebody wrote."""
    begin = next((n for n, p in enumerate(trend) if any(f.n for f in p.figures.values())), 0)
    return tuple(trend[begin:])


def trend_step(days: int) -> int:
    """Days of one point of a trend: weeks, and four weeks above half a year."""
    return 7 if days <= 190 else 28


def trend_begin(query: ReportQuery, step: int) -> date:
    """Where a trend begins: whole steps before the period's end, at least `CONTEXT` days."""
    steps = -(-max(query.days, CONTEXT) // step)
    return query.until - timedelta(days=steps * step - 1)
