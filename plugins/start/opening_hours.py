"""Opening times as people say them (``Mon-Fri 9-17, Sat 10-14``), for the policy."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from zoneinfo import available_timezones

from gateway import DAYS, nearest, spans_in

Week = Mapping[str, Sequence[str]]
"""Day to its spans (``09:00-17:00``); a day that is not there is closed."""

_RANGE = re.compile(
    r"([^\W\d_]{1,20})\.?(?:\s{0,9}(?:-|–|to|bis|à|a)\s{0,9}([^\W\d_]{1,20})\.?)?"
    r"\s{0,9}:?\s{0,9}(?=\d)"
)
_EVERY_DAY = re.compile(
    r"\s{0,9}(?:daily|every day|täglich|tous les jours|diario)?\s{0,9}:?\s{0,9}(?=\d)", re.I
)


def read_week(text: str) -> Week:
    """The week in ``text``. Raises ValueError that says how to write it."""
    week: dict[str, Sequence[str]] = {}
    for part in re.split(r"[;,\n](?!\s*\d)", text):
        if part.strip():
            days, times = _days_and_times(part.strip())
            week |= dict.fromkeys(days, times)
    if not week:
        raise ValueError("write days and times, such as `Mon-Fri 9-17, Sat 10-14`")
    return week


def _days_and_times(part: str) -> tuple[Sequence[str], Sequence[str]]:
    found = _RANGE.match(part)
    named = [nearest(name, DAYS) or "" for name in found.groups() if name] if found else []
    days: Sequence[str] = DAYS
    if found and all(named):
        first, last = DAYS.index(named[0]), DAYS.index(named[-1])
        days = [DAYS[(first + step) % 7] for step in range((last - first) % 7 + 1)]
    elif found and not _EVERY_DAY.match(part):
        raise ValueError(f"`{part}` begins with no day; write `Mon-Fri 9-17, Sat 10-14`")
    times = spans_in(part[found.end() :] if found else part)
    if not times:
        raise ValueError(f"`{part}` has no time from-to; write `Mon-Fri 9-17, Sat 10-14`")
    return days, times


def local_timezone() -> str:
    """The time zone of this machine, as far as it says one; else ``UTC``."""
    told = os.environ.get("TZ", "").lstrip(":")
    link = Path("/etc/localtime")
    if not told and link.is_symlink():
        told = str(link.readlink()).partition("zoneinfo/")[2]
    return told if told in available_timezones() and "/" in told else "UTC"
