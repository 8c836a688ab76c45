"""Times that people choose: a preset, or a date and a time in a time zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plugins.agents_desk.guard import InvalidForm

MORNING = time(9)
"""When "tomorrow" and "Monday" begin: people look at their desk then."""
PRESETS: Mapping[str, str] = {
    "hour": "In 1 hour",
    "hours": "In 4 hours",
    "tomorrow": "Tomorrow, 09:00",
    "monday": "Next Monday, 09:00",
}


def chosen_time(fields: Mapping[str, str], now: datetime, business_zone: str) -> datetime:
    """The time of a form, in UTC: a preset in ``when``, or ``at`` as a browser's field for a date
    and a time writes it, in the time zone ``zone`` of the person, else that of the business.

    A time that the clocks skip in spring is an hour later, and one that they repeat in autumn is
    the first of the two (PEP 495). Raises InvalidForm.
    """
    zone = time_zone(fields.get("zone", ""), business_zone)
    when = fields.get("when", "")
    if when in PRESETS:
        return _preset(when, now.astimezone(zone)).astimezone(UTC)
    try:
        at = datetime.fromisoformat(fields.get("at", ""))
    except ValueError:
        raise InvalidForm("Choose a date and a time.") from None
    at = at.replace(tzinfo=zone) if at.tzinfo is None else at
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise InvalidForm("Choose a date within the next year.") from None
    if at <= now:
        raise InvalidForm("This time is past. Choose a later one.")
    return at


def time_zone(name: str, otherwise: str) -> ZoneInfo:
    """The time zone ``name`` (IANA), or ``otherwise`` where a browser names none that we know."""
    try:
        return ZoneInfo(name or otherwise)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(otherwise)


def _preset(name: str, now: datetime) -> datetime:
    if name in ("hour", "hours"):
        # In UTC: "in one hour" is an hour of waiting, whatever the clocks do.
        hours = 1 if name == "hour" else 4
        return now.astimezone(UTC) + timedelta(hours=hours)
    days = 1 if name == "tomorrow" else 7 - now.weekday()
    return datetime.combine(now.date() + timedelta(days=days), MORNING, now.tzinfo)
