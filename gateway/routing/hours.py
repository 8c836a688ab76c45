"""When people are there. Pure; all by the wall clock of the business, so that a change to summer
time moves no opening time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.routing.policy import DAYS, Hours, Policy

HORIZON = 366
"""Days to look ahead; who is closed for longer than a year names no day."""


def is_open(hours: Hours, at: datetime) -> bool:
    """Whether people are there at ``at`` (aware)."""
    return closing(hours, at) is not None


def closing(hours: Hours, at: datetime) -> datetime | None:
    """When the opening hours that ``at`` lies in end, in UTC; None outside of them."""
    moment = at.astimezone(UTC)
    today = at.astimezone(ZoneInfo(hours.timezone)).date()
    ends = [end for start, end in _spans(hours, today) if start <= moment < end]
    return min(ends, default=None)


def next_opening(hours: Hours, at: datetime) -> datetime | None:
    """When people are there again, in the time zone of the business: ``at`` itself when they are
    there now; None when nothing opens within a year."""
    zone = ZoneInfo(hours.timezone)
    if is_open(hours, at):
        return at.astimezone(zone)
    moment, today = at.astimezone(UTC), at.astimezone(zone).date()
    for ahead in range(HORIZON):
        for start, end in _spans(hours, today + timedelta(days=ahead)):
            if moment <= start < end:
                return start.astimezone(zone)
    return None


def opening_words(policy: Policy, at: datetime) -> datetime | None:
    """The fact behind "a person will answer on ...": when people are next there, on the wall clock
    of the business. None while they are there, and when nobody can tell."""
    if policy.hours is None or is_open(policy.hours, at):
        return None
    return next_opening(policy.hours, at)


def _spans(hours: Hours, day: date) -> list[tuple[datetime, datetime]]:
    """The opening times of ``day`` in UTC, in order.

    A wall time that the clocks skip counts as the moment after the gap; of one that comes twice
    an opening takes the first and a closing the last, so that nobody finds a closed door.
    """
    if day in hours.holidays:
        return []
    zone = ZoneInfo(hours.timezone)
    midnight = datetime.combine(day + timedelta(days=1), time(), zone)
    spans = sorted(hours.week.get(DAYS[day.weekday()], ()), key=lambda span: span.start)
    return [
        (
            datetime.combine(day, span.start, zone).astimezone(UTC),
            _last(datetime.combine(day, span.end, zone) if span.end else midnight),
        )
        for span in spans
    ]


def _last(wall: datetime) -> datetime:
    return max(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
