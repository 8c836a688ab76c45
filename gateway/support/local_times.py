"""Dates and opening hours as customers read them, in the twelve packaged languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby

import arrow
from arrow.locales import get_locale

from gateway.model import OpeningTimes, Value

POLISH_MONTHS = (
    "stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca",
    "lipca", "sierpnia", "września", "października", "listopada", "grudnia",
)  # fmt: skip
"""As a date has them; Arrow has the nominative."""


class HoursWords(Value, frozen=True, kw_only=True):
    """The words of opening hours in one language. ``day`` is a pattern of Arrow's tokens; ``days``,
    ``dates`` and ``times`` join a first and a last one; ``also`` stands between the spans of a
    day."""

    days: str
    dates: str
    times: str
    day: str
    daily: str
    closed: str
    also: str
    after_days: str = ", "
    after_date: str = ": "
    between: str = "; "


WORDS: Mapping[str, HoursWords] = {
    "en": HoursWords(
        days="{} to {}", dates="{} to {}", times="{} to {}",
        day="D MMMM", daily="every day", closed="closed", also=" and ",
    ),
    "de": HoursWords(
        days="{} bis {}", dates="{} bis {}", times="{}–{} Uhr",
        day="D. MMMM", daily="täglich", closed="geschlossen", also=" und ",
    ),
    "fr": HoursWords(
        days="du {} au {}", dates="du {} au {}", times="{}–{}",
        day="D MMMM", daily="tous les jours", closed="fermé", also=" et ",
        after_date=" : ", between=" ; ",
    ),
    "es": HoursWords(
        days="de {} a {}", dates="del {} al {}", times="{}–{}",
        day="D [de] MMMM", daily="todos los días", closed="cerrado", also=" y ",
    ),
    "it": HoursWords(
        days="{}–{}", dates="dal {} al {}", times="{}–{}",
        day="D MMMM", daily="tutti i giorni", closed="chiuso", also=" e ",
    ),
    "pt": HoursWords(
        days="de {} a {}", dates="de {} a {}", times="{}–{}",
        day="D [de] MMMM", daily="todos os dias", closed="fechado", also=" e ",
    ),
    "nl": HoursWords(
        days="{} tot en met {}", dates="{} tot en met {}", times="{}–{} uur",
        day="D MMMM", daily="elke dag", closed="gesloten", also=" en ",
    ),
    "pl": HoursWords(
        days="{}–{}", dates="{} – {}", times="{}–{}",
        day="D MMMM", daily="codziennie", closed="nieczynne", also=" i ",
    ),
    "sv": HoursWords(
        days="{}–{}", dates="{} – {}", times="{}–{}",
        day="D MMMM", daily="alla dagar", closed="stängt", also=" och ",
    ),
    "tr": HoursWords(
        days="{}–{}", dates="{} – {}", times="{}–{}",
        day="D MMMM", daily="her gün", closed="kapalı", also=" ve ",
    ),
    "ar": HoursWords(
        days="من {} إلى {}", dates="من {} إلى {}", times="من {} إلى {}",
        day="D MMMM", daily="كل يوم", closed="مغلق", also=" و",
        after_days="، ", between="؛ ",
    ),
    "ja": HoursWords(
        days="{}～{}", dates="{}～{}", times="{}～{}",
        day="M[月]D[日]", daily="毎日", closed="休業", also="と",
        after_days=" ", after_date="：", between="、",
    ),
}  # fmt: skip

HOURS_LANGUAGES = frozenset(WORDS)
"""The languages in which opening hours have words."""


def format_date(local: date, pattern: str, language: str) -> str:
    """``local`` by a pattern of Arrow's tokens. Raises ValueError for a language that Arrow does
    not support."""
    text = arrow.get(local).format(pattern, locale=language)
    if language == "pt":  # Arrow writes Portuguese days and months large
        return text.lower()
    if language == "pl":
        return text.replace(
            get_locale("pl").month_name(local.month), POLISH_MONTHS[local.month - 1]
        )
    return text


def hours_in_words(times: OpeningTimes, language: str) -> tuple[str, ...]:
    """``times`` in ``language``: a text for each group of days, and for each date that differs.
    Empty where there is nothing to say: the language is not packaged, or nobody is ever there."""
    words = WORDS.get(language)
    if words is None or not any((*times.week, *(spans for _, spans in times.dates))):
        return ()
    return (*_week(times.week, words, language), *_dates(times.dates, words, language))


def joined_hours(parts: Sequence[str], language: str) -> str:
    """The texts of `hours_in_words` as one."""
    return WORDS[language].between.join(parts)


def _week(week: Sequence[Sequence[str]], words: HoursWords, language: str) -> Iterator[str]:
    locale = get_locale(language)
    for spans, group in groupby(range(7), key=lambda day: tuple(week[day])):
        days = [locale.day_name(day + 1) for day in group]
        if not spans:
            continue
        named = words.daily if len(days) == 7 else _range(days, words.days)
        if language == "pt":
            named = named.lower()
        yield f"{named}{words.after_days}{_spans(spans, words)}"


def _dates(
    dates: Sequence[tuple[date, Sequence[str]]], words: HoursWords, language: str
) -> Iterator[str]:
    """The dates, those in a row with the same hours as one."""
    rows: list[tuple[list[date], Sequence[str]]] = []
    for day, spans in dates:
        if rows and rows[-1][1] == spans and rows[-1][0][-1] + timedelta(days=1) == day:
            rows[-1][0].append(day)
        else:
            rows.append(([day], spans))
    for days, spans in rows:
        named = _range([_day(day, words, language) for day in days], words.dates)
        yield f"{named}{words.after_date}{_spans(spans, words) if spans else words.closed}"


def _day(day: date, words: HoursWords, language: str) -> str:
    text = format_date(day, words.day, language)
    return f"1er{text[1:]}" if language == "fr" and day.day == 1 else text


def _range(names: Sequence[str], pattern: str) -> str:
    return names[0] if len(names) == 1 else pattern.format(names[0], names[-1])


def _spans(spans: Sequence[str], words: HoursWords) -> str:
    return words.also.join(words.times.format(*span.split("-")) for span in spans)
