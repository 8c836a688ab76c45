"""Shifts: hours as people write them, in their own time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from plugins.agents_desk.staff.shifts import (
    BadHours,
    exceptions_text,
    in_shift,
    read_exceptions,
    read_shifts,
    read_timezone,
    shifts_text,
)
from plugins.agents_desk.staff.values import StaffProfile

WEEKDAYS = {str(day): read_shifts("9-12:30, 13:30-17") for day in range(5)}
BERLIN = StaffProfile(agent="desk:ana", timezone="Europe/Berlin", week=WEEKDAYS)
NIGHT = BERLIN.replace(week={"4": read_shifts("22:00–6:00")})
HOLIDAY = BERLIN.replace(exceptions=read_exceptions("2026-12-24 off\n2026-12-26 10:00-12:00"))


@pytest.mark.parametrize(("profile", "at", "works"), [
    (StaffProfile(agent="x"), (2026, 11, 22, 3, 0), True),
    (BERLIN, (2026, 11, 23, 8, 0), True),
    (BERLIN, (2026, 11, 23, 7, 59), False),
    (BERLIN, (2026, 11, 23, 12, 0), False),
    (BERLIN, (2026, 11, 23, 16, 0), False),
    (BERLIN, (2026, 7, 20, 7, 0), True),
    (BERLIN, (2026, 11, 22, 9, 0), False),
    (NIGHT, (2026, 11, 27, 21, 30), True),
    (NIGHT, (2026, 11, 28, 4, 30), True),
    (NIGHT, (2026, 11, 28, 5, 0), False),
    (HOLIDAY, (2026, 12, 24, 9, 0), False),
    (HOLIDAY, (2026, 12, 26, 9, 30), True),
])  # fmt: skip
def test_hours_are_those_of_the_persons_clock(
    profile: StaffProfile, at: tuple[int, int, int, int, int], works: bool
) -> None:
    """In summer and winter, over lunch, over night, and on days of their own."""
    assert in_shift(profile, datetime(*at, tzinfo=UTC)) is works


def test_hours_are_shown_as_they_are_read() -> None:
    assert shifts_text(read_shifts("9-12:30,13:30 - 17")) == "9:00–12:30, 13:30–17:00"
    assert read_shifts(shifts_text(WEEKDAYS["0"])) == WEEKDAYS["0"]
    assert read_exceptions(exceptions_text(HOLIDAY)) == HOLIDAY.exceptions
    assert read_exceptions("2026-12-24 off") == {date(2026, 12, 24): ()}


@pytest.mark.parametrize(
    "text", ["nine to five", "9:00", "25-26", "9:70-10", "1-2,3-4,5-6,7-8,9-10"]
)
def test_what_is_no_hours_is_refused(text: str) -> None:
    with pytest.raises(BadHours):
        read_shifts(text)


def test_unknown_days_and_zones_are_refused() -> None:
    with pytest.raises(BadHours, match="does not begin with a day"):
        read_exceptions("Christmas off")
    with pytest.raises(BadHours, match="no time zone"):
        read_timezone("Middle-earth/Shire")
