"""The ledger of emotional load: how much upset work a person carries, and how it fades.

Two parts: what a break takes away, and what stays on one's mind over night. docs/measures.md has
the formula and its sources. Pure, and from events alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from gateway import Agent
from plugins.insights.facts.case_facts import UPSET_AT, CaseFacts, WorkStep
from plugins.insights.facts.store import FactStore
from plugins.insights.measures import statistics
from plugins.insights.measures.sheets import cell_of, matches
from plugins.insights.measures.tally import duration_bin
from plugins.insights.measures.values import (
    EVERYTHING,
    LEAST_AGENTS,
    Filters,
    LoadDay,
    TeamLoad,
)

ANGRY_AT = -3
ANGRY_WEIGHT = 1.5
LASTING = 0.3
"""The part of the load that stays over night; a break takes away the rest."""
BREAK = 15 * 60.0
"""Seconds without work from which it is a break."""
BREAK_HALVES = 3_600.0
"""Seconds of breaks that halve what a break takes away."""
NIGHT_HALVES = 86_400.0
"""Seconds that halve what stays, at work or not."""
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
    ledger = _Ledger()
    by_day: defaultdict[date, list[Work]] = defaultdict(list)
    for one in work:
        by_day[datetime.fromtimestamp(one.step.at, zone).date()].append(one)
    return tuple(_day(day, by_day[day], ledger) for day in sorted(by_day))


def upset_minutes(step: WorkStep) -> float:
    """The minutes that a step weighs: none unless the customer was upset."""
    if step.mood > UPSET_AT:
        return 0.0
    return step.seconds / 60 * (ANGRY_WEIGHT if step.mood <= ANGRY_AT else 1.0)


class _Ledger:
    """The load of one person as time goes on."""

    def __init__(self) -> None:
        self.fleeting = self.lasting = self.unbroken = 0.0
        self._now: float | None = None

    @property
    def load(self) -> float:
        return self.fleeting + self.lasting

    def rest_until(self, at: float) -> None:
        """Time passes without work."""
        if self._now is not None and at > self._now:
            pause = at - self._now
            self.lasting *= 0.5 ** (pause / NIGHT_HALVES)
            if pause >= BREAK:
                self.fleeting *= 0.5 ** (pause / BREAK_HALVES)
                self.unbroken = 0.0
        self._now = max(at, self._now or at)

    def work(self, step: WorkStep) -> None:
        self.rest_until(step.at - step.seconds)
        minutes = upset_minutes(step)
        self.fleeting += (1 - LASTING) * minutes
        self.lasting = self.lasting * 0.5 ** (step.seconds / NIGHT_HALVES) + LASTING * minutes
        self.unbroken += minutes
        self._now = max(step.at, self._now or step.at)


def _day(day: date, work: list[Work], ledger: _Ledger) -> LoadDay:
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

    def __init__(self, facts: FactStore, least: int, zone: tzinfo) -> None:
        self._facts = facts
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
        work: defaultdict[str, list[Work]] = defaultdict(list)
        chosen: set[str] = set()
        begin = since - LOOK_BACK
        async for case in self._facts.between(begin - LOOK_BACK, until):
            wanted = matches(cell_of(case), filters)
            for agent, one in _work_of(case):
                day = datetime.fromtimestamp(one.step.at, self._zone).date()
                if begin <= day <= until:
                    work[agent].append(one)
                    if wanted and day >= since:
                        chosen.add(agent)
        return {
            agent: tuple(day for day in load_days(work[agent], self._zone) if day.day >= since)
            for agent in chosen
        }


def _work_of(case: CaseFacts) -> Iterator[tuple[str, Work]]:
    for span in case.handled:
        for step in span.steps:
            yield span.agent, Work(case.conversation, step)
