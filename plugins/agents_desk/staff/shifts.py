"""Shifts: whether somebody works at a moment, and how people write their hours. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from gateway import WarmlineError
from plugins.agents_desk.staff.values import Shift, StaffProfile

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MINUTES = 24 * 60
MOST_SHIFTS = 4
"""Shifts on one day: before lunch, after it, and two more for whoever splits the day."""
_TIME = re.compile(r"(\d{1,2})(?::(\d{2}))?")
_DASH = re.compile("[-–—]")
MOST_EXCEPTIONS = 100


class BadHours(WarmlineError):
    """Hours that cannot be read; the message is for the person who wrote them."""


def in_shift(profile: StaffProfile, at: datetime) -> bool:
    """Whether ``at`` is in working hours. Wall-clock hours of the person's time zone count, so a
    shift keeps its hours when the clocks change."""
    if not profile.week and not profile.exceptions:
        return True
    local = at.astimezone(ZoneInfo(profile.timezone))
    minute = local.hour * 60 + local.minute
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    return any(
        s.begin <= minute < (s.end if s.end > s.begin else MINUTES)
        for s in shifts_on(profile, today)
    ) or any(s.end <= s.begin and minute < s.end for s in shifts_on(profile, yesterday))


def shifts_on(profile: StaffProfile, day: date) -> tuple[Shift, ...]:
    """The shifts that begin on ``day``. Who has a week but no entry for the day is off; who has
    only exceptions works at any hour of all other days."""
    if day in profile.exceptions:
        return profile.exceptions[day]
    if not profile.week:
        return (Shift(begin=0, end=0),)
    return profile.week.get(str(day.weekday()), ())


def read_shifts(text: str) -> tuple[Shift, ...]:
    """``9:00-12:30, 13:30-17:00`` as shifts; nothing or ``off`` for none. Raises BadHours."""
    text = text.strip()
    if not text or text.casefold() == "off":
        return ()
    parts = [part for part in text.split(",") if part.strip()]
    if len(parts) > MOST_SHIFTS:
        raise BadHours(f"“{text}” has more than {MOST_SHIFTS} shifts a day")
    return tuple(_shift(part) for part in parts)


def read_exceptions(text: str) -> dict[date, tuple[Shift, ...]]:
    """Lines such as ``2026-12-24 off`` or ``2026-12-23 10:00-14:00``. Raises BadHours."""
    found: dict[date, tuple[Shift, ...]] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        day, _, hours = line.strip().partition(" ")
        try:
            found[date.fromisoformat(day)] = read_shifts(hours)
        except ValueError:
            raise BadHours(
                f"“{line.strip()}” does not begin with a day such as 2026-12-24"
            ) from None
    if len(found) > MOST_EXCEPTIONS:
        raise BadHours(f"there are more than {MOST_EXCEPTIONS} exceptions; delete past ones")
    return found


def read_timezone(text: str) -> str:
    """Raises BadHours for a time zone that does not exist."""
    if text not in available_timezones():
        raise BadHours(f"there is no time zone “{text}”; write one such as Europe/Berlin")
    return text


def shifts_text(shifts: Sequence[Shift]) -> str:
    """As `read_shifts` reads it."""
    return ", ".join(f"{_clock(s.begin)}–{_clock(s.end)}" for s in shifts)


def exceptions_text(profile: StaffProfile) -> str:
    """As `read_exceptions` reads it."""
    days = sorted(profile.exceptions.items())
    return "\n".join(f"{day.isoformat()} {shifts_text(shifts) or 'off'}" for day, shifts in days)


def _shift(text: str) -> Shift:
    ends = _DASH.split(text.strip())
    if len(ends) != 2:
        raise BadHours(f"“{text.strip()}” is no shift; write one such as 9:00–17:00")
    begin, end = (_minutes(part) for part in ends)
    return Shift(begin=begin, end=end % MINUTES)


def _minutes(text: str) -> int:
    found = _TIME.fullmatch(text.strip())
    minutes = int(found[1]) * 60 + int(found[2] or 0) if found else -1
    if found is None or minutes > MINUTES or int(found[2] or 0) > 59:
        raise BadHours(f"“{text.strip()}” is no time of day; write one such as 9:00")
    return minutes


def _clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02d}"
