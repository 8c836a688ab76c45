"""The emotional load of people, day by day, and what their lead may know of it.

The formula is the gateway's (`LoadLedger`); docs/measures.md explains it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta, tzinfo
from math import inf
from typing import NamedTuple

from gateway import Agent, LoadLedger, Pace, WorkStep, upset_minutes
from plugins.insights.measures import statistics
from plugins.insights.measures.sheets import Cell, matches
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
    days: list[tuple[date, list[Work]]] = []
    over = -inf  # when the last of them is
    for one in sorted(work, key=lambda one: one.step.at):
        if one.step.at >= over:
            day = datetime.fromtimestamp(one.step.at, zone).date()
            over = datetime.combine(day + timedelta(days=1), time(), zone).timestamp()
            days.append((day, []))
        days[-1][1].append(one)
    return tuple(_day(day, todays, ledger) for day, todays in days)


def _day(day: date, work: Sequence[Work], ledger: LoadLedger) -> LoadDay:
    """``work`` is in the order of time."""
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


class LoadOfPeriod:
    """See `PeriodLoad`. ``workers`` are those who worked on the conversations of each cell."""

    def __init__(
        self,
        people: Mapping[str, tuple[LoadDay, ...]],
        workers: Mapping[Cell, Set[str]],
        least: int,
    ) -> None:
        self._people, self._workers, self._least = people, workers, least

    def team(self, filters: Filters = EVERYTHING) -> TeamLoad:
        chosen: set[str] = set()
        for cell, agents in self._workers.items():
            if matches(cell, filters):
                chosen |= agents
        return team_load((self._people[agent] for agent in sorted(chosen)), self._least)


class EmotionalLoad:
    """See `LoadApi`."""

    def __init__(self, tallies: TallyStore, least: int, zone: tzinfo) -> None:
        self._tallies = tallies
        self._least = least
        self._zone = zone

    async def own(self, viewer: Agent, since: date, until: date) -> tuple[LoadDay, ...]:
        work, _ = await self._work(since, until, Pace(0.0))
        return await asyncio.to_thread(self._days, work.get(viewer.id, ()), since)

    async def team(self, since: date, until: date, filters: Filters = EVERYTHING) -> TeamLoad:
        return (await self.period(since, until)).team(filters)

    async def period(self, since: date, until: date, pace: Pace | None = None) -> LoadOfPeriod:
        """See `LoadApi`. The whole work of everybody counts: a person carries it, not a channel."""
        pace = pace or Pace(0.0)
        work, workers = await self._work(since, until, pace)
        people: dict[str, tuple[LoadDay, ...]] = {}
        for agent in sorted(set[str]().union(*workers.values())):
            people[agent] = await asyncio.to_thread(self._days, work[agent], since)
            await pace.rest()
        return LoadOfPeriod(people, workers, self._least)

    def _days(self, work: Iterable[Work], since: date) -> tuple[LoadDay, ...]:
        return tuple(day for day in load_days(work, self._zone) if day.day >= since)

    async def _work(
        self, since: date, until: date, pace: Pace
    ) -> tuple[Mapping[str, list[Work]], Mapping[Cell, Set[str]]]:
        """The work of each person, with what still weighs from before ``since``, and who worked on
        the conversations of each cell in the period itself."""
        begin = since - LOOK_BACK
        first, start, end = (
            datetime.combine(day, time(), self._zone).timestamp()
            for day in (begin, since, until + timedelta(days=1))
        )
        work: defaultdict[str, list[Work]] = defaultdict(list)
        workers: defaultdict[Cell, set[str]] = defaultdict(set)

        def sort_out(spans: Iterable[WorkSpan]) -> None:
            for span in spans:
                steps = [step for step in span.steps if first <= step.at < end]
                work[span.agent] += [Work(span.conversation, step) for step in steps]
                if any(step.at >= start for step in steps):
                    workers[span.cell].add(span.agent)

        async for spans in self._tallies.work(begin - LOOK_BACK, until):
            await asyncio.to_thread(sort_out, spans)
            await pace.rest()
        return work, workers
