"""The emotional load of people, day by day, and what their lead may know of it.

The formula is the gateway's (`LoadLedger`); docs/measures.md explains it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from gateway import Agent, LoadLedger, WorkStep, upset_minutes
from plugins.insights.measures import statistics
from plugins.insights.measures.sheets import matches
from plugins.insights.measures.tallies import TallyStore
from plugins.insights.measures.tally import duration_bin
from plugins.insights.measures.values import (
    EVERYTHING,
    LEAST_AGENTS,
    Filters,
    LoadDay,
    TeamLoad,
)
from plugins.insights.measures.work import WorkSpan

LOOK_BACK = timedelta(days=7)
"""Days before a period that still weigh in it: after seven, less than 1 % of what stayed."""
OVER_DAYS = 2


class Work(NamedTuple):
    """A step of somebody's work in a conversation."""

    conversation: int
    step: WorkStep


def load_days(work: Iterable[Work], zone: tzinfo) -> tuple[LoadDay, ...]:
    """The load of one person on each day on which they worked. ``work`` is all theirs, in any
    order; a step belongs to the day on which it ended."""
    ledger = LoadLedger()
    by_day: defaultdict[date, list[Work]] = defaultdict(list)
    for one in work:
        by_day[datetime.fromtimestamp(one.step.at, zone).date()].append(one)
    return tuple(_day(day, by_day[day], ledger) for day in sorted(by_day))


def _day(day: date, work: list[Work], ledger: LoadLedger) -> LoadDay:
    work.sort(key=lambda one: one.step.at)
    first = work[0].step
    ledger.rest_until(first.at - first.seconds)
    carried = ledger.load
    peak, unbroken = carried, 0.0
    for one in work:
        ledger.work(one.step)
        peak, unbroken = max(peak, ledger.load), max(unbroken, ledger.unbroken)
    upset = [one for one in work if upset_minutes(one.step)]
    return LoadDay(
        day=day,
        conversations=len({one.conversation for one in upset}),
        minutes=round(sum(upset_minutes(one.step) for one in upset), 2),
        carried=round(carried, 2),
        peak=round(peak, 2),
        unbroken=round(unbroken, 2),
    )


def team_load(people: Iterable[Sequence[LoadDay]], least: int) -> TeamLoad:
    """What the lead of these people may know; see `TeamLoad`."""
    worked = [days for days in people if days]
    if len(worked) < LEAST_AGENTS:
        return TeamLoad(agents=len(worked))
    days = [day for of_one in worked for day in of_one]
    over = sum(day.is_over for day in days)
    peaks: defaultdict[int, int] = defaultdict(int)
    for day in days:
        peaks[duration_bin(day.peak * 60)] += 1
    typical = statistics.quantile(peaks, 0.5, least)
    return TeamLoad(
        agents=len(worked),
        person_days=len(days),
        over=statistics.rate(over, len(days), least),
        people_over=sum(sum(day.is_over for day in of_one) >= OVER_DAYS for of_one in worked),
        peak=typical.replace(
            value=_minutes(typical.value), low=_minutes(typical.low), high=_minutes(typical.high)
        ),
    )


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 2)


class EmotionalLoad:
    """See `LoadApi`."""

    def __init__(self, tallies: TallyStore, least: int, zone: tzinfo) -> None:
        self._tallies = tallies
        self._least = least
        self._zone = zone

    async def own(self, viewer: Agent, since: date, until: date) -> tuple[LoadDay, ...]:
        people = await self._people(since, until, EVERYTHING)
        return people.get(viewer.id, ())

    async def team(self, since: date, until: date, filters: Filters = EVERYTHING) -> TeamLoad:
        people = await self._people(since, until, filters)
        return team_load(people.values(), self._least)

    async def _people(
        self, since: date, until: date, filters: Filters
    ) -> Mapping[str, tuple[LoadDay, ...]]:
        """The days of each person who worked on what ``filters`` choose. Their whole work counts:
        a person carries it, not a channel."""
        begin = since - LOOK_BACK
        spans = await self._tallies.work(begin - LOOK_BACK, until)
        return await asyncio.to_thread(self._loads, spans, begin, (since, until), filters)

    def _loads(
        self,
        spans: Iterable[WorkSpan],
        begin: date,
        period: tuple[date, date],
        filters: Filters,
    ) -> Mapping[str, tuple[LoadDay, ...]]:
        since, until = period
        work: defaultdict[str, list[Work]] = defaultdict(list)
        chosen: set[str] = set()
        for span in spans:
            wanted = matches(span.cell, filters)
            for step in span.steps:
                day = datetime.fromtimestamp(step.at, self._zone).date()
                if begin <= day <= until:
                    work[span.agent].append(Work(span.conversation, step))
                    if wanted and day >= since:
                        chosen.add(span.agent)
        return {
            agent: tuple(day for day in load_days(work[agent], self._zone) if day.day >= since)
            for agent in chosen
        }
