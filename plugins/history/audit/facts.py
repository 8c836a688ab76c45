"""The facts in an answer: amounts, shares, spans of time, times, dates, links, codes.

What two answers have of a kind can be compared: the same, some more, or a conflict.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from gateway import fold

GENERAL = frozenset({"money", "percent", "span", "time", "degrees", "number", "link", "email"})
"""Kinds that may be the same for all customers. Codes and dates are those of one case."""
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\")\]]+")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CODE = re.compile(r"\b(?:[A-Z]{1,5}-?\d{3,40}[\w-]{0,40}|\d{6,40})\b")
_MONEY = re.compile(
    r"(?:[€£$]|\b(?:eur|usd|gbp|chf)\b)\s?(\d{1,12}(?:[.,]\d{1,2})?)"
    r"|(\d{1,12}(?:[.,]\d{1,2})?)\s?(?:[€£$]|(?:eur|euros?|usd|gbp|chf|pounds?|dollars?|franken)\b)"
)
_PERCENT = re.compile(
    r"(\d{1,9}(?:[.,]\d{1,9})?)\s?(?:%|percent\b|prozent\b|pour ?cent\b|por ciento\b)"
)
_DEGREES = re.compile(r"(\d{1,9})\s?(?:°\s?c?\b|degrees?\b|grad\b|degres?\b|grados?\b)")
_TIME = re.compile(r"\b(\d{1,2})[:.h](\d{2})\b(?!\.\d)|\b(\d{1,2})\s?(am|pm|uhr)\b")
_UNITS: Mapping[str, str] = {
    "minute": "min", "minuten": "min", "minutes": "min", "minutos": "min", "min": "min",
    "hour": "h", "hours": "h", "stunde": "h", "stunden": "h", "heure": "h", "heures": "h",
    "hora": "h", "horas": "h",
    "day": "d", "days": "d", "tag": "d", "tage": "d", "tagen": "d", "jour": "d", "jours": "d",
    "dia": "d", "dias": "d", "werktag": "d", "werktage": "d", "werktagen": "d",
    "week": "w", "weeks": "w", "woche": "w", "wochen": "w", "semaine": "w", "semaines": "w",
    "semana": "w", "semanas": "w",
    "month": "m", "months": "m", "monat": "m", "monate": "m", "monaten": "m", "mois": "m",
    "mes": "m", "meses": "m",
    "year": "y", "years": "y", "jahr": "y", "jahre": "y", "jahren": "y", "an": "y", "ans": "y",
    "annee": "y", "annees": "y", "ano": "y", "anos": "y",
}  # fmt: skip
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_SPAN = re.compile(rf"\b(\d+)(?:\s?(?:-|–|to|bis|a|à)\s?(\d+))?[\s-](?:\w+\s)?({_UNIT})\b")
_MONTHS = re.compile(
    r"\b(\d{1,2})(?:\.|st|nd|rd|th)?\s(?:of |de )?(jan|feb|mar|apr|mai|may|jun|jul|aug|sep|oct|okt"
    r"|nov|dec|dez|mai|avr|aou|dic|ene|ago)[a-z]*\b|\b\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d\d)?"
    r"|\b20\d\d-\d\d-\d\d\b"
)  # fmt: skip
_NUMBER = re.compile(r"(?<![\w.,])(\d{1,5})(?![\w.,]?\d)")
_PM = 12


class StatedValue(NamedTuple):
    """A fact: its kind (see `GENERAL`, ``code`` and ``date``), its value as it is compared."""

    kind: str
    value: str


class FactMatch(NamedTuple):
    """What two answers have in common, and in which facts they differ: ``theirs`` is the first
    text's value, ``ours`` the second's."""

    shared: frozenset[StatedValue]
    conflicts: tuple[tuple[str, str, str], ...]
    """Kind, values of the first, values of the second."""


@lru_cache(8192)
def facts_of(text: str) -> frozenset[StatedValue]:
    """The facts that ``text`` states."""
    found: list[StatedValue] = []

    def take(kind: str, pattern: re.Pattern[str], source: str) -> str:
        def one(match: re.Match[str]) -> str:
            found.extend(StatedValue(kind, value) for value in _values(kind, match))
            return " ‖ "

        return pattern.sub(one, source)

    rest = take("email", _EMAIL, take("link", _LINK, text))
    rest = fold(take("code", _CODE, rest))
    for kind, pattern in (
        ("money", _MONEY), ("percent", _PERCENT), ("degrees", _DEGREES), ("date", _MONTHS),
        ("time", _TIME), ("span", _SPAN), ("number", _NUMBER),
    ):  # fmt: skip
        rest = take(kind, pattern, rest)
    return frozenset(found)


def compared(first: str, second: str, echoed: str = "") -> FactMatch:
    """How the facts of two answers compare. What stands in ``echoed``, the customer's words, is
    repeated by both and proves nothing."""
    told = facts_of(echoed)
    theirs, ours = facts_of(first) - told, facts_of(second) - told
    shared = frozenset(fact for fact in theirs & ours if fact.kind in GENERAL)
    conflicts = []
    for kind in sorted(GENERAL - {"link", "email", "number"}):
        for unit in sorted({_unit(kind, f.value) for f in theirs | ours if f.kind == kind}):
            mine = {f.value for f in theirs if f.kind == kind and _unit(kind, f.value) == unit}
            yours = {f.value for f in ours if f.kind == kind and _unit(kind, f.value) == unit}
            if mine and yours and not mine <= yours and not yours <= mine:
                conflicts.append((kind, _shown(mine), _shown(yours)))
    return FactMatch(shared, tuple(conflicts))


def _shown(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))


def _unit(kind: str, value: str) -> str:
    return value.rpartition(" ")[2] if kind == "span" else ""


def _values(kind: str, match: re.Match[str]) -> list[str]:
    groups = [group for group in match.groups() if group]
    if kind == "link":
        return [match[0].rstrip(".,;:!?").removeprefix("https://").removeprefix("http://")
                .removeprefix("www.").rstrip("/").casefold()]  # fmt: skip
    if kind in ("money", "percent", "degrees"):
        return [_plain(groups[0])]
    if kind == "span":
        *numbers, unit = groups
        return [f"{'-'.join(numbers)} {_UNITS[unit]}"]
    if kind == "time":
        return [_time(groups)]
    return [match[0].casefold().strip()]


def _plain(number: str) -> str:
    """``4,90`` and ``4.90`` are one number, and so are ``5.00`` and ``5``."""
    value = float(number.replace(",", "."))
    return f"{value:.2f}".removesuffix(".00")


def _time(groups: list[str]) -> str:
    hour, more = int(groups[0]), groups[1]
    if more.isdigit():
        return f"{hour}:{more}"
    return f"{hour + _PM if more == 'pm' and hour < _PM else hour}:00"
