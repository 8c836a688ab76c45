"""The ledger of emotional load: upset work adds up, pauses take away, nobody is named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from inspect import signature
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway import LOAD_LIMIT, Pace, WorkStep
from gateway.testing import FakeClock, MemoryStorage
from plugins.insights.facts.derive import derive_facts
from plugins.insights.facts.store import FactStore
from plugins.insights.measures.load import (
    EmotionalLoad,
    LoadOfPeriod,
    Work,
    load_days,
    team_load,
)
from plugins.insights.measures.tallies import TallyStore
from plugins.insights.measures.values import Filters, LoadDay, TeamLoad
from plugins.insights.report.views import BackgroundLoad
from tests.insights.measures.made_up import AGENTS, BEGIN, CaseMaker
from tests.insights.measures.test_tallies import NO_WORDS

UTC_ZONE = ZoneInfo("UTC")
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()
HOUR, DAY = 3_600.0, 86_400.0
FIRST = date(2026, 3, 2)


def step(hours: float, minutes: float = 5, mood: int = -2) -> Work:
    """Work that ended so many hours after nine o'clock."""
    return Work(int(hours * 100), WorkStep(NINE + hours * HOUR, minutes * 60, mood))


def test_calm_work_is_no_load() -> None:
    [day] = load_days([step(1, mood=0), step(2, mood=-1), step(3, mood=1)], UTC_ZONE)
    assert (day.peak, day.conversations, day.minutes) == (0, 0, 0)


def test_anger_weighs_half_as_much_again() -> None:
    [frustrated] = load_days([step(1, 10)], UTC_ZONE)
    [angry] = load_days([step(1, 10, mood=-3)], UTC_ZONE)
    assert (frustrated.minutes, angry.minutes) == (10, 15)


def test_work_without_a_break_adds_up() -> None:
    """A pause of less than a quarter of an hour is none; a lunch is."""
    [without] = load_days([step(n / 6) for n in range(1, 25)], UTC_ZONE)
    assert without.unbroken == 120
    assert without.is_over
    with_break = [step(n / 6) for n in range(1, 13)] + [step(3 + n / 6) for n in range(1, 13)]
    [day] = load_days(with_break, UTC_ZONE)
    assert day.unbroken == 60
    assert day.peak < without.peak


def test_a_part_is_carried_over_night_and_fades() -> None:
    work = [step(n / 6) for n in range(1, 13)]
    days = load_days([*work, step(24 + 1 / 12), step(72 + 1 / 12), step(24 * 21)], UTC_ZONE)
    first, second, third, last = days
    assert first.carried == 0
    assert 0.1 * first.peak < second.carried < 0.3 * first.peak
    assert third.carried < second.carried
    assert last.carried < 0.01
    assert [day.day.day for day in days] == [2, 3, 5, 23]


def test_the_order_of_the_steps_does_not_matter() -> None:
    work = [step(1), step(5), step(2)]
    assert load_days(work, UTC_ZONE) == load_days(reversed(work), UTC_ZONE)


def heavy(days: int, peak: float) -> list[LoadDay]:
    return [LoadDay(day=date(2026, 3, 1 + n), peak=peak) for n in range(days)]


def test_a_lead_sees_the_team_and_nobody_in_it() -> None:
    team = team_load([heavy(10, 10), heavy(10, 20), heavy(10, LOAD_LIMIT + 1)], least=30)
    assert (team.agents, team.person_days, team.people_over) == (3, 30, 1)
    assert team.over is not None
    assert team.over.value == pytest.approx(1 / 3)
    assert team.peak is not None
    assert team.peak.value == pytest.approx(20, rel=0.01)
    assert "desk:" not in msgspec.json.encode(team).decode()


def test_nothing_is_said_of_a_team_of_two() -> None:
    """One of them would know the other's."""
    assert team_load([heavy(10, 99), heavy(10, 1), []], least=1) == TeamLoad(agents=2)


async def stored_loads() -> EmotionalLoad:
    storage = MemoryStorage()
    store = FactStore(storage)
    tallies = TallyStore(storage, store)
    cases = []
    for id, agent in enumerate(AGENTS[:4], 1):
        made = CaseMaker(id, channel="email" if id == 1 else "sms").customer(0, "angry")
        made = made.hand_over(1, "emotion").claim(10, agent).agent(200, agent)
        for n in range(1, id):
            made = made.customer(200 + 300 * n, "angry").agent(200 + 300 * n + 200, agent)
        cases.append(derive_facts(made.done(), UTC_ZONE, {}, NO_WORDS))
    await store.put(cases)
    await tallies.rebuild(await store.days())
    return EmotionalLoad(tallies, 1, UTC_ZONE)


async def test_an_agent_sees_their_own() -> None:
    load = await stored_loads()
    [mine] = await load.own(AGENTS[2], FIRST, FIRST)
    assert mine.conversations == 1
    assert mine.minutes == pytest.approx((190 + 2 * 200) / 60 * 1.5, abs=0.01)
    assert await load.own(AGENTS[7], FIRST, FIRST) == ()


async def test_a_filter_chooses_whose_work_counts_and_hides_too_few() -> None:
    load = await stored_loads()
    assert (await load.team(FIRST, FIRST)).person_days == 4
    assert (await load.team(FIRST, FIRST, Filters(channel=("sms",)))).person_days == 3
    assert await load.team(FIRST, FIRST, Filters(channel=("email",))) == TeamLoad(agents=1)


async def test_a_period_is_added_up_once_for_all_filters() -> None:
    """At the desk: the first look may come too early, and the next filter needs no second sum."""
    load = await stored_loads()
    added: list[tuple[date, date]] = []
    period = load.period

    async def count(since: date, until: date, pace: Pace | None = None) -> LoadOfPeriod:
        added.append((since, until))
        return await period(since, until, pace)

    load.period = count  # type: ignore[method-assign]
    background = BackgroundLoad(load, FakeClock(), timeout=0.0)
    assert await background.team(FIRST, FIRST) is None
    assert await background.period(FIRST, FIRST) is not None
    for filters in (Filters(), Filters(channel=("sms",)), Filters(channel=("email",))):
        assert await background.team(FIRST, FIRST, filters) == (
            await load.team(FIRST, FIRST, filters)
        )
    assert len(added) == 4  # three of them by the load itself


def test_there_is_no_way_to_ask_for_somebody_by_name() -> None:
    """An agent passes the `Agent` of the session; a lead gets a `TeamLoad`, which has no ids."""
    of_all, of_period = (
        [name for name in vars(kind) if not name.startswith("_")]
        for kind in (EmotionalLoad, LoadOfPeriod)
    )
    assert (of_all, of_period) == (["own", "team", "period"], ["team"])
    assert signature(EmotionalLoad.own).parameters["viewer"].annotation == "Agent"
    assert not any("id" in name or "name" in name for name in TeamLoad.__struct_fields__)


def test_the_days_are_those_of_the_time_zone() -> None:
    assert BEGIN.hour == 9
    [day] = load_days([step(14.5)], ZoneInfo("Europe/Berlin"))
    assert day.day == date(2026, 3, 3)
