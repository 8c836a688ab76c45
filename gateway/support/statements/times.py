"""Times that a sentence names (by Friday, tomorrow before noon, within two hours), resolved.

A grammar of our own for four languages. The library dateparser was tried: it resolves a bare
weekday to the past, loses "before noon", "this afternoon" and "by the end of the week", takes "We
may" for a date, and brings 11 MB with its dependencies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from gateway.model import Value
from gateway.settings import packaged_yaml
from gateway.support.statements.text import fold

END_OF_DAY = time(23, 59)
"""Until when a promise for a day can be kept."""
FIRST_HOUR = 7
"""``four o'clock`` is in the afternoon: nobody calls before seven."""
FRIDAY, SUNDAY = 4, 6
PARTS_OF_DAY = {"morning": time(12), "noon": time(12), "afternoon": time(18), "evening": time(21)}
"""When a part of the day is over; ours."""


class NamedTime(Value, frozen=True, kw_only=True):
    """A time that ``text[start:end]`` names. ``day`` alone: some time on that day."""

    start: int
    end: int
    day: date
    clock: time | None = None

    def moment(self, zone: ZoneInfo) -> datetime:
        """The last moment of it, with the offset of ``zone``."""
        return datetime.combine(self.day, self.clock or END_OF_DAY, zone)


class _Grammar(Value, frozen=True, kw_only=True):
    pattern: re.Pattern[str]
    numbers: Mapping[str, int]
    days: Mapping[str, int]
    months: Mapping[str, int]
    relative: Mapping[str, int]
    units: Mapping[str, str]
    parts: Mapping[str, str]


@cache
def _grammar(language: str) -> _Grammar:
    trees: dict[str, Any] = packaged_yaml("gateway.support.statements", "words/times.yaml")
    tree = trees.get(language, trees["en"])

    def numbered(name: str, first: int) -> dict[str, int]:
        groups = [fold(group).split("|") for group in tree[name].split()]
        return {word: n for n, group in enumerate(groups, first) for word in group}

    days, months = numbered("days", 0), numbered("months", 1)
    numbers = numbered("numbers", 1)
    relative = {fold(k): v for k, v in tree["relative"].items()}
    units = {word: unit for unit, words in tree["units"].items() for word in fold(words).split()}
    parts = {fold(k): v for k, v in tree["parts_of_day"].items()}
    named = {
        "day": _choice(days),
        "month": _choice(months),
        "relative": _choice(relative),
        "unit": _choice(units),
        "part": _choice(parts),
        "digits": r"\d{1,2}",
        "first": r"\d{1,2}",
        "clock2": r"\d{1,2}(?:[:.h]\d\d)?(?: ?(?:uhr|h\b|heures|o'clock|am\b|pm\b))?"
        r"(?: de la (?:tarde|manana))?",
        "number": rf"\d{{1,3}}|{_choice(numbers)}",
        "clock": r"\d{1,2}(?:[:.h]\d\d| ?(?:uhr|h\b|o'clock|am\b|pm\b|a\.m\.|p\.m\.))"
        r"(?: ?(?:\d\d\b|uhr|am\b|pm\b|a\.m\.|p\.m\.|h\b))?",
    }
    rules = []
    for kind, patterns in tree["rules"].items():
        for number, pattern in enumerate(patterns):
            text = fold(pattern)
            for name, words in named.items():
                text = text.replace(f"<{name}>", f"(?P<{kind}_{number}_{name}>{words})")
            rules.append(f"(?P<{kind}_{number}>{text})")
    return _Grammar(
        pattern=re.compile(r"(?<![\w-])(?:" + "|".join(rules) + r")(?!\w)"),
        numbers=numbers, days=days, months=months, relative=relative, units=units, parts=parts,
    )  # fmt: skip


def _choice(words: Mapping[str, object]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def named_times(folded: str, language: str, at: datetime, zone: ZoneInfo) -> list[NamedTime]:
    """The times that the folded text names, as seen at ``at`` in ``zone``; a day and a clock that
    stand together are one."""
    found: list[NamedTime] = []
    for part in _parts(folded, _grammar(language), at.astimezone(zone)):
        last = found[-1] if found else None
        if (
            last is not None
            and len(folded[last.end : part.start].split()) <= 1
            and _fit(last, part)
        ):
            day, clock = (last.day, part.clock) if part.clock else (part.day, last.clock)
            found[-1] = NamedTime(start=last.start, end=part.end, day=day, clock=clock)
        else:
            found.append(part)
    return [_not_past(named, at.astimezone(zone)) for named in found]


def _fit(first: NamedTime, second: NamedTime) -> bool:
    """Whether one is a day and the other a time of the day."""
    return (first.clock is None) != (second.clock is None)


def _not_past(named: NamedTime, now: datetime) -> NamedTime:
    """A time of the day that is over today is meant for tomorrow."""
    if named.clock and named.day == now.date() and named.clock <= now.time():
        return named.replace(day=named.day + timedelta(days=1))
    return named


def _parts(folded: str, grammar: _Grammar, now: datetime) -> Iterator[NamedTime]:
    for match in grammar.pattern.finditer(folded):
        rule = next(n for n, value in match.groupdict().items()
                    if value is not None and n.count("_") == 1)  # fmt: skip
        kind, cells = rule.split("_")[0], _cells(match, rule)
        if resolved := _resolve(kind, cells, match[0], grammar, now):
            day, clock = resolved
            yield NamedTime(start=match.start(), end=match.end(), day=day, clock=clock)


def _cells(match: re.Match[str], rule: str) -> dict[str, str]:
    return {
        name.removeprefix(f"{rule}_"): value
        for name, value in match.groupdict().items()
        if value is not None and name.startswith(f"{rule}_")
    }


def _resolve(  # noqa: C901, PLR0911  (a case for each kind of rule)
    kind: str, cells: Mapping[str, str], text: str, grammar: _Grammar, now: datetime
) -> tuple[date, time | None] | None:
    today = now.date()
    if kind in ("weekday", "by", "next"):
        part = PARTS_OF_DAY[grammar.parts[cells["part"]]] if "part" in cells else None
        return _weekday(kind, grammar.days[cells["day"]], today), part
    if kind == "relative":
        part = PARTS_OF_DAY[grammar.parts[cells["part"]]] if "part" in cells else None
        ahead = grammar.relative[cells["relative"]] if "relative" in cells else 0
        return today + timedelta(days=ahead), part
    if kind == "part":
        return today, PARTS_OF_DAY[grammar.parts[cells["part"]]]
    if kind == "between":
        clock = _clock(_office_hour(cells["clock2"]))
        return (today, clock) if clock else None
    if kind == "clock":
        clock = (
            _clock(cells["clock"])
            if "clock" in cells
            else _clock(_office_hour(cells["digits"], text))
        )
        return (today, clock) if clock else None
    if kind in ("hour", "halfhour"):
        later = now + timedelta(minutes=60 if kind == "hour" else 30)
        return later.date(), later.time().replace(second=0, microsecond=0)
    if kind == "within" and "unit" not in cells:
        cells = {
            **cells,
            "unit": next(word for word, unit in grammar.units.items() if unit == "hours"),
        }
    if kind in ("within", "workdays"):
        return _within(kind, cells, grammar, now)
    if kind == "date":
        return _date(cells, grammar, today), None
    if kind in _WEEKS:
        return _WEEKS[kind](today), None
    return None


def _end_of_week(today: date) -> date:
    """Friday; at the weekend, Sunday."""
    return today + timedelta(
        days=(FRIDAY if today.weekday() <= FRIDAY else SUNDAY) - today.weekday()
    )


def _end_of_month(today: date) -> date:
    return (today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


_WEEKS = {
    "thisweek": _end_of_week,
    "nextweek": lambda today: today + timedelta(days=7 - today.weekday() + FRIDAY),
    "startofnextweek": lambda today: today + timedelta(days=7 - today.weekday() + 1),
    "thisfriday": _end_of_week,
    "weekend": lambda today: today + timedelta(days=SUNDAY - today.weekday()),
    "month": _end_of_month,
}


def _weekday(kind: str, day: int, today: date) -> date:
    """``by Friday`` may be today; ``on Friday`` is not; ``next Friday`` is in the next week."""
    ahead = (day - today.weekday()) % 7
    if kind == "next":
        return today + timedelta(days=7 - today.weekday() + day)
    if ahead == 0 and kind == "weekday":
        ahead = 7
    return today + timedelta(days=ahead)


def _number(text: str, grammar: _Grammar) -> int:
    return int(text) if text.isdigit() else grammar.numbers[text]


def _within(
    kind: str, cells: Mapping[str, str], grammar: _Grammar, now: datetime
) -> tuple[date, time | None]:
    count = _number(cells["number"], grammar)
    if kind == "workdays":
        day = now.date()
        while count > 0:
            day += timedelta(days=1)
            count -= day.weekday() <= FRIDAY
        return day, None
    unit = grammar.units[cells["unit"]]
    if unit in ("minutes", "hours"):
        later = now + timedelta(**{unit: count})
        return later.date(), later.time().replace(second=0, microsecond=0)
    days = {"days": 1, "weeks": 7, "months": 30}[unit]
    return now.date() + timedelta(days=count * days), None


def _date(cells: Mapping[str, str], grammar: _Grammar, today: date) -> date:
    number = int(re.sub(r"\D", "", cells["number"]) or _number(cells["number"], grammar))
    month = grammar.months[cells["month"]] if "month" in cells else 0
    if not month and "digits" in cells:
        month = int(cells["digits"])
    for year in (today.year, today.year + 1):
        for candidate in range(month or today.month, (month or today.month + 12) + 1):
            try:
                found = date(year + (candidate - 1) // 12, (candidate - 1) % 12 + 1, number)
            except ValueError:
                continue
            if found >= today:
                return found
    return today


def _office_hour(hour: str, text: str = "") -> str:
    """``by 4``, ``a las 5 de la tarde``: without minutes and "am", an hour from seven on."""
    text = text or hour
    if re.search(r"am\b|manana|[:.h]|uhr", text) or not hour[:2].strip().isdigit():
        return hour
    number = int(re.sub(r"\D", "", hour[:2]))
    late = "tarde" in text or "pm" in text or number < FIRST_HOUR
    return f"{number} pm" if late else hour


def _clock(text: str) -> time | None:
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    hour, minute = numbers[0], numbers[1] if len(numbers) > 1 else 0
    if re.search(r"p\.?m", text) and hour < 12:
        hour += 12
    if re.search(r"a\.?m", text) and hour == 12:
        hour = 0
    if "clock" in text and hour < FIRST_HOUR:
        hour += 12
    return time(hour, minute) if hour < 24 and minute < 60 else None
