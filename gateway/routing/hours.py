"""Opening hours: when agents are available. Pure. All times are wall-clock times of the business,
so daylight saving time does not move them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.model import OpeningTimes
from gateway.settings import DAYS, Hours

HORIZON = 366
"""Days to look ahead for the next opening."""
ANNOUNCED = 14
"""Days ahead for which a customer who asks for the hours hears of holidays and other exceptions."""


def is_open(hours: Hours, at: datetime) -> bool:
    """Whether people are there at ``at`` (aware)."""
    return closes_at(hours, at) is not None


def closes_at(hours: Hours, at: datetime) -> datetime | None:
    """The end, in UTC, of the opening hours that contain ``at``; None outside of them."""
    moment = at.astimezone(UTC)
    today = at.astimezone(ZoneInfo(hours.timezone)).date()
    ends = [end for start, end in _spans(hours, today) if start <= moment < end]
    return min(ends, default=None)


def next_opening(hours: Hours, at: datetime) -> datetime | None:
    """When people are there again, in the time zone of the business; ``at`` itself while they are
    there, None when they do not open within a year."""
    zone = ZoneInfo(hours.timezone)
    if is_open(hours, at):
        return at.astimezone(zone)
    moment, today = at.astimezone(UTC), at.astimezone(zone).date()
    for ahead in range(HORIZON):
        for start, end in _spans(hours, today + timedelta(days=ahead)):
            if moment <= start < end:
                return start.astimezone(zone)
    return None


def reopens_at(hours: Hours | None, at: datetime) -> datetime | None:
    """When people are next there, in the time zone of the business: the date in "a person will
    answer on ...". None while they are there, and when no opening is known."""
    if hours is None or is_open(hours, at):
        return None
    return next_opening(hours, at)


def opening_times(hours: Hours | None, at: datetime) -> OpeningTimes | None:
    """The week of ``hours``, and what differs from it on the `ANNOUNCED` days from ``at`` (aware)
    on. None for no hours."""
    if hours is None:
        return None
    week = tuple(_written(hours.week.get(day, ())) for day in DAYS)
    today = at.astimezone(ZoneInfo(hours.timezone)).date()
    coming = [today + timedelta(days=ahead) for ahead in range(ANNOUNCED)]
    special = {**dict.fromkeys(hours.holidays, ()), **hours.exceptions}
    found = [(day, _written(special[day])) for day in coming if day in special]
    return OpeningTimes(
        week=week,
        dates=tuple((day, spans) for day, spans in found if spans != week[day.weekday()]),
    )


def _written(spans: Iterable[object]) -> tuple[str, ...]:
    """Spans as files have them, in order."""
    return tuple(sorted(map(str, spans)))


def _spans(hours: Hours, day: date) -> list[tuple[datetime, datetime]]:
    """The opening hours of ``day`` in UTC, in order.

    A wall time that the clocks skip is the moment after the gap. Of a wall time that occurs twice
    an opening is the first and a closing the last, so that nobody is away when promised.
    """
    if day in hours.holidays and day not in hours.exceptions:
        return []
    zone = ZoneInfo(hours.timezone)
    midnight = datetime.combine(day + timedelta(days=1), time(), zone)
    usual = hours.week.get(DAYS[day.weekday()], ())
    spans = sorted(hours.exceptions.get(day, usual), key=lambda span: span.start)
    return [
        (
            datetime.combine(day, span.start, zone).astimezone(UTC),
            _last_occurrence(datetime.combine(day, span.end, zone) if span.end else midnight),
        )
        for span in spans
    ]


def _last_occurrence(wall: datetime) -> datetime:
    return max(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
