"""Care: when a break is proposed, what a lead may know, and the pulse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gateway import LoadLedger, WarmlineError, WorkStep
from gateway.testing import MemoryStorage
from plugins.agents_desk.settings import CareSettings
from plugins.agents_desk.staff.care import (
    LEAST_PEOPLE,
    is_proposed,
    load_now,
    may_propose,
    needs_relief,
    team_care,
    weight_of,
)
from plugins.agents_desk.staff.follow import Handled, sum_up
from plugins.agents_desk.staff.pulse import Pulse
from plugins.agents_desk.staff.storage import StaffStorage
from plugins.agents_desk.staff.values import Presence

NOW = datetime(2026, 11, 26, 14, tzinfo=UTC)  # a Thursday
CARE = CareSettings()


def worked(*minutes_ago: float, mood: int = -2) -> Handled:
    """Five minutes with one upset customer, so many minutes ago each."""
    steps = [WorkStep((NOW - timedelta(minutes=ago)).timestamp(), 300, mood) for ago in minutes_ago]
    return Handled(begin=steps[0].at - 300, mood=mood, steps=tuple(steps))


def test_the_summary_is_the_gateways_ledger() -> None:
    """Kept and decayed later, it is what the ledger says of the same work."""
    times = [worked(300, 290), worked(200, mood=-3), worked(100, mood=0)]
    ledger = LoadLedger()
    for step in sorted(step for time in times for step in time.steps):
        ledger.work(step)
    assert load_now(sum_up(times), NOW) == pytest.approx(ledger.load_at(NOW.timestamp()))


def test_upset_ones_are_counted_in_a_row_and_since_the_break() -> None:
    """A calm one ends the row; a quarter of an hour without work ends the count."""
    summary = sum_up([worked(60), worked(20, mood=0), worked(12), worked(6)])
    assert (summary.upset_in_a_row, summary.upset_since_break) == (2, 2)


def test_a_break_is_proposed_after_much_load_or_many_upset_cases() -> None:
    four = sum_up([worked(20), worked(14), worked(8), worked(2)])
    assert needs_relief(four, NOW, CARE)
    assert not needs_relief(four, NOW + timedelta(minutes=20), CARE)
    assert not needs_relief(sum_up([worked(8), worked(2)]), NOW, CARE)
    heavy = sum_up([worked(*range(100, 2, -5), mood=-3)])
    assert needs_relief(heavy, NOW, CARE)


def test_a_break_is_proposed_rarely_and_never_forced() -> None:
    """Not again within the stated time, whatever the answer was, and not during a break."""
    asked = Presence(since=NOW, proposed=NOW)
    soon, later = NOW + timedelta(minutes=20), NOW + timedelta(minutes=CARE.break_every)
    assert is_proposed(asked, soon)
    assert not is_proposed(asked.replace(answered=soon), soon)
    assert not may_propose(asked, soon, CARE)
    assert may_propose(asked, later, CARE)
    assert not may_propose(Presence(state="break", since=NOW), later, CARE)


def test_a_lead_sees_nothing_of_few_people() -> None:
    """With fewer than five who keep their load to themselves, no word would hide who is meant."""
    few = team_care([(80, True)] * (LEAST_PEOPLE - 1), NOW)
    assert (few.relief, few.typical) == (None, None)
    enough = team_care([(5, False)] * (LEAST_PEOPLE - 1) + [(80, True)], NOW)
    assert (enough.relief, enough.typical) == (True, "light")
    assert [weight_of(load) for load in (10, 45, 80)] == ["light", "noticeable", "heavy"]


def pulse() -> tuple[Pulse, MemoryStorage]:
    rows = MemoryStorage()
    return Pulse(StaffStorage(rows)), rows


async def test_the_pulse_is_shown_from_five_answers_when_the_week_is_over() -> None:
    asked, _ = pulse()
    for number, score in enumerate((2, 3, 4, 4, 5)):
        assert await asked.weeks(NOW + timedelta(days=7)) == ()
        await asked.answer(f"desk:a{number}", score, NOW)
    assert await asked.weeks(NOW) == ()
    [week] = await asked.weeks(NOW + timedelta(days=7))
    assert (week.answers, week.text) == (5, "3.5")


async def test_no_row_joins_an_answer_with_a_person() -> None:
    """The rows are the same whoever gave which answer, and whatever the order."""
    stored = []
    for scores in ((1, 5, 5), (5, 5, 1)):
        asked, rows = pulse()
        for name, score in zip("abc", scores, strict=True):
            await asked.answer(f"desk:{name}", score, NOW)
        stored.append(await rows.scan("agents_desk", "staff/"))
    assert stored[0] == stored[1]


async def test_the_same_answer_of_all_is_not_told() -> None:
    """A mean of exactly 1 would tell what everybody said."""
    asked, _ = pulse()
    for number in range(5):
        await asked.answer(f"desk:a{number}", 1, NOW)
    [week] = await asked.weeks(NOW + timedelta(days=7))
    assert week.text == "1.5 or less"


async def test_a_person_answers_once_a_week() -> None:
    asked, _ = pulse()
    assert not await asked.is_due("desk:a", NOW - timedelta(days=1))
    await asked.answer("desk:a", 4, NOW)
    with pytest.raises(WarmlineError, match="answered this week"):
        await asked.answer("desk:a", 1, NOW)
    with pytest.raises(WarmlineError, match="from 1 to 5"):
        await asked.answer("desk:b", 6, NOW)
    assert await asked.is_due("desk:a", NOW + timedelta(days=7))


async def test_counts_of_too_few_are_deleted_unread() -> None:
    asked, rows = pulse()
    await asked.answer("desk:a", 1, NOW)
    await asked.delete_small(NOW)
    [kept] = await rows.scan("agents_desk", "staff/pulse/")
    assert msgspec.json.decode(kept.value) == [1, 0, 0, 0, 0]
    await asked.delete_small(NOW + timedelta(days=7))
    assert await rows.scan("agents_desk", "staff/pulse/") == ()
