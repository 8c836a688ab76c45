"""A simulated month, read truly: what rests on events equals what its ledger says, to the case.

The ledger is written by the simulated customers and agents, not by the gateway. Everything here is
counted from it by other code than the measures'.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import msgspec
import pytest

from gateway import MOOD_SCALE
from gateway.app import build_gateway
from gateway.cli.common import load_settings
from gateway.plugins import installed_plugins
from gateway.testing import FakeClock
from gateway.testing.simulation import LedgerRow, Scenario, read_ledger, simulate
from plugins.insights.measures.service import Measures
from plugins.insights.measures.values import MeasuredPeriod
from plugins.insights.settings import InsightsSettings
from tests.bench.insights.perception import read_month

MONTH = Scenario(seed=5, days=6, per_day=12, perception="truth")
SINCE, UNTIL = date(2026, 3, 1), date(2026, 4, 30)
WEEK, LONG = timedelta(days=7), timedelta(days=30)
ANSWERS = {"answer", "message"}
UPSET = {"anxious", "frustrated", "angry"}


class Played(NamedTuple):
    """A month: its truth, and what is measured of it when all that could follow has followed."""

    rows: list[LedgerRow]
    found: MeasuredPeriod
    folder: Path


async def measure(folder: Path) -> MeasuredPeriod:
    """The figures of the database in ``folder``, two months later."""
    settings = load_settings(None)
    core = settings.core.model_copy(
        update={"data_dir": folder, "database_url": f"sqlite:///{folder / 'warmline.db'}"}
    )
    gateway = build_gateway(installed_plugins(), settings.replace(core=core))
    await gateway.open_database()
    try:
        services = msgspec.structs.replace(
            gateway.services, clock=FakeClock(datetime(2026, 6, 1, tzinfo=UTC)), encoder=None
        )
        measures = Measures(services, InsightsSettings(least=1))
        await measures.refresh()
        return await measures.between(SINCE, UNTIL)
    finally:
        await gateway.store.stop()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    out = tmp_path_factory.mktemp("month")

    async def play() -> MeasuredPeriod:
        await simulate(load_settings(None), MONTH, out)
        return await measure(out / "data")

    found = asyncio.run(play())
    return Played(read_ledger(out / "ledger.jsonl"), found, out)


def matter(row: LedgerRow) -> str | None:
    """Praise is about nothing: the policy passes it by."""
    return None if row.intent == "praise" else row.intent


def contained(row: LedgerRow) -> bool:
    answered = any(event.kind == "bot" and event.purpose in ANSWERS for event in row.events)
    return answered and row.handled_by == "bot"


def next_contact(row: LedgerRow, rows: list[LedgerRow], *, same: bool) -> LedgerRow | None:
    later = (
        other
        for other in rows
        if other.customer == row.customer
        and row.opened_at < other.opened_at <= row.opened_at + LONG
        and (not same or (matter(other) == matter(row) is not None))
    )
    return min(later, key=lambda other: other.opened_at, default=None)


def back_within(row: LedgerRow, rows: list[LedgerRow], days: timedelta) -> bool:
    back = next_contact(row, rows, same=True)
    return back is not None and back.opened_at - row.opened_at <= days


def is_repeat(row: LedgerRow, rows: list[LedgerRow]) -> bool:
    return any(
        other.customer == row.customer
        and matter(other) == matter(row) is not None
        and timedelta() < row.opened_at - other.opened_at <= WEEK
        for other in rows
    )


def waits(rows: Iterable[LedgerRow]) -> list[tuple[LedgerRow, float]]:
    """The seconds from each hand-over by the bot to the next claim."""
    found: list[tuple[LedgerRow, float]] = []
    for row in rows:
        began: datetime | None = None
        for event in row.events:
            if event.kind == "handed_over":
                began = began or event.at
            elif event.kind == "claimed" and began is not None:
                found.append((row, (event.at - began).total_seconds()))
                began = None
    return found


def first_answers(rows: Iterable[LedgerRow]) -> list[float]:
    return [
        (answers[0] - row.opened_at).total_seconds()
        for row in rows
        if (
            answers := [
                event.at
                for event in row.events
                if event.kind == "agent" or (event.kind == "bot" and event.purpose in ANSWERS)
            ]
        )
    ]


Count = tuple[int, int]
RATES: Mapping[str, Callable[[list[LedgerRow]], Count]] = {
    "containment": lambda rows: (sum(map(contained, rows)), len(rows)),
    "containment_honest": lambda rows: (
        sum(
            contained(row)
            and not back_within(row, rows, WEEK)
            and not (row.survey is not None and row.survey.score <= 2)
            for row in rows
        ),
        len(rows),
    ),
    "repeat_contact_7d": lambda rows: (
        sum(back_within(row, rows, WEEK) for row in rows),
        len(rows),
    ),
    "repeat_contact_30d": lambda rows: (
        sum(back_within(row, rows, LONG) for row in rows),
        len(rows),
    ),
    "first_contact_resolution": lambda rows: (
        sum(
            (row.resolved_at is not None or contained(row)) and not back_within(row, rows, WEEK)
            for row in rows
            if not is_repeat(row, rows)
        ),
        sum(not is_repeat(row, rows) for row in rows),
    ),
    "response_rate": lambda rows: (
        sum(row.survey is not None for row in rows),
        sum(row.survey_asked is not None for row in rows),
    ),
    "reached": lambda rows: (
        len(waits(rows)),
        sum(event.kind == "handed_over" for row in rows for event in row.events),
    ),
}


@pytest.mark.parametrize("name", RATES)
def test_a_share_is_that_of_the_ledger(played: Played, name: str) -> None:
    yes, number = RATES[name](played.rows)
    figure = played.found.figures[name]
    assert figure.n == number > 0
    assert figure.value == pytest.approx(yes / number, abs=1e-12)


TIMES: Mapping[str, Callable[[list[LedgerRow]], list[float]]] = {
    "seconds_to_person": lambda rows: [seconds for _, seconds in waits(rows)],
    "seconds_to_person_upset": lambda rows: [
        seconds for row, seconds in waits(rows) if row.mood_first in UPSET
    ],
    "first_answer_seconds": first_answers,
    "resolution_seconds": lambda rows: [
        (row.resolved_at - row.opened_at).total_seconds() for row in rows if row.resolved_at
    ],
}


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(("share", "suffix"), [(0.5, ""), (0.9, "_p90")])
def test_a_median_is_that_of_the_ledger_to_one_percent(
    played: Played, name: str, share: float, suffix: str
) -> None:
    times = sorted(TIMES[name](played.rows))
    exact = times[max(1, ceil(share * len(times))) - 1]
    figure = played.found.figures[name + suffix]
    assert figure.n == len(times) > 0
    assert figure.value == pytest.approx(exact, rel=0.01, abs=1)


MEANS: Mapping[str, Callable[[list[LedgerRow]], list[float]]] = {
    "felt_heard": lambda rows: [
        row.survey.score for row in rows if row.survey and row.survey.kind == "felt_heard"
    ],
    "mood_change": lambda rows: [
        MOOD_SCALE[row.mood_last] - MOOD_SCALE[row.mood_first]
        for row in rows
        if sum(e.kind == "customer" and e.purpose != "survey" for e in row.events) > 1
    ],
    "mood_change_next": lambda rows: [
        MOOD_SCALE[later.mood_first] - MOOD_SCALE[row.mood_last]
        for row in rows
        if (later := next_contact(row, rows, same=False))
    ],
}


@pytest.mark.parametrize("name", MEANS)
def test_a_mean_is_that_of_the_ledger(played: Played, name: str) -> None:
    values = MEANS[name](played.rows)
    figure = played.found.figures[name]
    assert figure.n == len(values) > 0
    assert figure.value == pytest.approx(fmean(values))


def test_what_agents_made_of_suggestions(played: Played) -> None:
    """Agents of the simulation look at a draft when they claim; a newer one that stood on the card
    when they wrote again was ignored, too, and is not in the ledger."""
    outcomes = Counter(s.outcome for row in played.rows for s in row.suggestions)
    figures = played.found.figures
    number = figures["suggestion_sent"].n
    counted = {
        name: round((figures[f"suggestion_{name}"].value or 0) * number)
        for name in ("sent", "edited", "ignored")
    }
    assert counted["sent"] == outcomes["sent"] > 0
    assert counted["edited"] == outcomes["edited"] > 0
    assert counted["ignored"] >= outcomes["ignored"]


@pytest.mark.parametrize("dimension", ["channel", "language", "mood"])
def test_volumes_are_those_of_the_ledger(played: Played, dimension: Any) -> None:
    key = "mood_first" if dimension == "mood" else dimension
    expected = Counter(str(getattr(row, key)) for row in played.rows)
    groups = played.found.by[dimension]
    assert {value: group.totals.conversations for value, group in groups.items()} == expected


def test_totals_and_hours_are_those_of_the_ledger(played: Played) -> None:
    rows, found, _ = played
    assert found.totals.conversations == len(rows)
    assert found.totals.messages == sum(
        row.customer_messages + row.bot_messages + row.agent_messages for row in rows
    )
    hours = Counter(row.opened_at.hour for row in rows)
    for hour, figure in found.shares["hour"].items():
        assert figure.value == pytest.approx(hours[int(hour)] / len(rows))


def test_reasons_are_those_of_the_ledger_and_what_came_up_while_it_waited(played: Played) -> None:
    """What a customer writes before somebody claims may add a reason to the hand-over."""
    rows, found, _ = played
    handed_over = [e for row in rows for e in row.events if e.kind == "handed_over"]
    reasons = Counter(code for event in handed_over for code in set(event.reasons))
    more = Counter(
        {
            code: round((figure.value or 0) * figure.n)
            for code, figure in found.shares["reason"].items()
        }
    )
    more.subtract(reasons)
    assert min(more.values()) >= 0
    assert sum(more.values()) <= sum(wrote_while_waiting(row) for row in rows)


def wrote_while_waiting(row: LedgerRow) -> int:
    """How often the customer wrote between a hand-over and a claim."""
    waiting, wrote = False, 0
    for event in row.events:
        waiting = event.kind == "handed_over" or (waiting and event.kind != "claimed")
        wrote += waiting and event.kind == "customer"
    return wrote


def test_a_month_that_is_read_truly_does_not_move(played: Played) -> None:
    """The comparison of what was read with what was meant finds no difference where there is
    none."""
    month = read_month(played.folder)
    assert (month.conversations, month.left_out) == (len(played.rows), 0)
    assert month.moods.right == month.moods.messages > 0
    assert month.moods.heard == month.moods.upset > 0 == month.moods.alarms
    assert month.intents_right == 1.0
    assert [figure.name for figure in month.figures if figure.read != figure.true] == []
