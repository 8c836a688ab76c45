"""Numbers, amounts, times and dates in a text, folded so that two ways of writing one are equal.

Folded: number words and digits (English, German, French, Spanish), decimal commas and points,
symbols, codes and names of currencies, weeks into days, years into months, hours into minutes,
working and business days, ``9 am`` and ``9:00``, ``26 December`` and ``26.12.``. Not folded, since
they may differ: a month and 30 days, a day and 24 hours, days and working days, one currency and
another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from gateway.settings import packaged_yaml
from gateway.support.statements.text import read_text

DURATIONS = ("second", "minute", "day", "working_day", "month")
MONEY = ("EUR", "USD", "GBP", "CHF", "cent")
CLOCK, DATE = "clock", "date"


class StatedFigure(NamedTuple):
    """A figure at ``text[start:end]``. ``unit``: what it is folded into (`DURATIONS`, `MONEY`,
    ``%``, ``clock`` in minutes after midnight, ``date`` as month times 100 plus day), or empty.
    ``high``: the end of a range. ``bound``: ``least``, ``most``, ``after``, ``about`` or empty."""

    unit: str
    value: Decimal
    high: Decimal | None
    bound: str
    start: int
    end: int


@cache
def _lists() -> dict[str, Any]:
    tree: dict[str, Any] = packaged_yaml(__package__, "figures.yaml")
    return tree


class _Shapes(NamedTuple):
    number: re.Pattern[str]
    words: dict[str, int]
    units: list[tuple[str, Decimal, re.Pattern[str]]]
    before: list[tuple[str, re.Pattern[str]]]
    behind: list[tuple[str, re.Pattern[str]]]
    dates: re.Pattern[str]
    months: dict[str, int]


_CLOCK = re.compile(
    r"(?<![\d.,:])(?:(?P<h>[01]?\d|2[0-4])\s?(?::|h)\s?(?P<m>[0-5]\d)(?!\d)"
    r"(?:\s?(?P<ap>[ap])\.?\s?m\b\.?|\s?uhr\b|\s?h\b|\s?hrs?\b)?"
    r"|(?P<h2>[01]?\d|2[0-4])(?:\.(?P<m2>[0-5]\d))?\s?(?:(?P<ap2>[ap])\.?\s?m\b\.?|uhr\b|o'clock\b|h\b)"
    r"|\blas (?P<h3>[01]?\d|2[0-4])(?![\d.,:])(?: h\b)?)"
)
_JOIN = re.compile(r"\s*(?:-|–|—|\bto\b|\bbis\b|\ba\b|\band\b|\bund\b|\bet\b|\by\b)\s*(?:las )?$")
"""Between the two numbers of a range; ``and`` only after ``between``."""
_BETWEEN = re.compile(r"\b(?:between|from|zwischen|von|entre|de|des)\s*(?:las )?[€$£]?\s*$")
_PLAIN_JOIN = re.compile(r"\s*(?:-|–|—|\bto\b|\bbis\b|\ba\b)\s*(?:las )?$")
_NUMERIC_DATE = re.compile(
    r"(?<![\d.,/-])(?:(?P<d>\d{1,2})/(?P<m>\d{1,2})(?:/(?P<y>\d{4}|\d\d))?(?![\d/])"
    r"|(?P<d2>\d{1,2})\.(?P<m2>\d{1,2})\.(?P<y2>\d{4}|\d\d)?(?!\d)"
    r"|(?P<iy>(?:19|20)\d\d)-(?P<im>\d\d)-(?P<id>\d\d)(?!\d))"
)
_SYMBOL = re.compile(r"([€$£]|\b(?:eur|usd|gbp|chf))\s?$")
_SYMBOLS = {
    "€": "EUR", "$": "USD", "£": "GBP", "eur": "EUR", "usd": "USD", "gbp": "GBP", "chf": "CHF",
}  # fmt: skip


@cache
def _shapes() -> _Shapes:
    lists = _lists()
    words = {word: value for value, each in lists["numbers"].items() for word in each.split()}
    months = {word: value for value, each in lists["months"].items() for word in each.split()}
    names, longest = "|".join(sorted(months, key=len, reverse=True)), sorted(words, key=len)[::-1]
    fillers = rf"(?:\s(?:{lists['fillers']}))"
    return _Shapes(
        number=re.compile(
            r"(?<![\w.,/-])(?:\d{1,3}(?:[.,' ]\d{3})+(?!\d)(?:[.,]\d{1,2}(?!\d))?|\d+(?:[.,]\d+)?"
            rf"|(?:{'|'.join(longest)})\b|(?:{lists['articles']})\b)"
            r"|(?<=\d[-–])\d+(?:[.,]\d+)?"
        ),
        words=words,
        units=[
            (unit, Decimal(times), re.compile(rf"[\s-]?(?:{written})(?![a-z\d'])"))
            for unit, times, written in lists["units"].values()
        ],
        before=[
            (bound, re.compile(rf"(?:^|(?<=[^a-z]))(?:{written}){fillers}{{0,3}}['\s]*$"))
            for bound, written in lists["before"].items()
        ],
        behind=[
            (bound, re.compile(rf"[\s,]*(?:{written})\b"))
            for bound, written in lists["behind"].items()
        ],
        dates=re.compile(
            rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?\s?(?:of |de )?(?P<m>{names})\b\.?"
            rf"(?:,?\s(?:de )?(?P<y>(?:19|20)\d\d))?"
            rf"|\b(?P<m2>{names})\b\.?\s(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])"
            rf"(?:,?\s(?P<y2>(?:19|20)\d\d))?"
        ),
        months=months,
    )


def figures_in(text: str) -> tuple[StatedFigure, ...]:
    """The figures of ``text`` in order, at most those of its first 4,000 characters."""
    folded = read_text(text).folded
    found = [*_dates(folded)]
    found += _clock(_without(folded, found))
    found += _numbers(_without(folded, found))
    return tuple(_with_ranges(folded, sorted(found, key=lambda figure: figure.start)))


def unsupported_figures(
    said: Iterable[StatedFigure], source: Iterable[StatedFigure]
) -> tuple[StatedFigure, ...]:
    """Those of ``said`` that are no figure of ``source``."""
    known = tuple(source)
    return tuple(figure for figure in said if not any(same_figure(figure, each) for each in known))


def units_named(text: str) -> frozenset[str]:
    """The units whose words or symbols stand in ``text``, with a number or without one."""
    folded = read_text(text).folded
    return frozenset(unit for unit, shape in _named_units() if shape.search(folded))


@cache
def _named_units() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (unit, re.compile(rf"(?<![a-z\d])(?:{written})(?![a-z\d'])"))
        for unit, _, written in _lists()["units"].values()
    )


def same_figure(said: StatedFigure, source: StatedFigure) -> bool:
    """Whether ``source`` states ``said``: the same value with the same unit and bound. A time
    within which something happens may be said without its ``within``."""
    return (
        said.unit == source.unit
        and said.value == source.value
        and said.high == source.high
        and _bounds_alike(said, source)
    )


def _bounds_alike(said: StatedFigure, source: StatedFigure) -> bool:
    if said.bound == source.bound:
        return True
    if said.unit == CLOCK:
        return not (said.bound and source.bound)
    loose = {"", "most"}, {"", "after"}
    return said.unit in DURATIONS and any({said.bound, source.bound} <= pair for pair in loose)


def _without(folded: str, found: Iterable[StatedFigure]) -> str:
    for figure in found:
        blank = " " * (figure.end - figure.start)
        folded = folded[: figure.start] + blank + folded[figure.end :]
    return folded


def _dates(folded: str) -> Iterator[StatedFigure]:
    shapes = _shapes()
    for match in shapes.dates.finditer(folded):
        month = shapes.months[match["m"] or match["m2"]]
        day = int(match["d"] or match["d2"])
        year = match["y"] or match["y2"]
        yield _date(month, day, year, match)
    for match in _NUMERIC_DATE.finditer(folded):
        if match["iy"]:
            yield _date(int(match["im"]), int(match["id"]), match["iy"], match)
            continue
        day, month = int(match["d"] or match["d2"]), int(match["m"] or match["m2"])
        if day <= 12 < month:  # the American order
            day, month = month, day
        if 1 <= month <= 12 and 1 <= day <= 31:
            yield _date(month, day, match["y"] or match["y2"], match)


def _date(month: int, day: int, year: str | None, match: re.Match[str]) -> StatedFigure:
    full = None if year is None else Decimal(year if len(year) > 2 else f"20{year}")
    return StatedFigure(DATE, Decimal(month * 100 + day), full, "", match.start(), match.end())


def _clock(folded: str) -> Iterator[StatedFigure]:
    for match in _CLOCK.finditer(folded):
        hour = int(match["h"] or match["h2"] or match["h3"])
        half = match["ap"] or match["ap2"]
        if half == "p" and hour < 12:
            hour += 12
        elif half == "a" and hour == 12:
            hour = 0
        value = Decimal(hour * 60 + int(match["m"] or match["m2"] or 0))
        yield _bounded(StatedFigure(CLOCK, value, None, "", match.start(), match.end()), folded)


def _numbers(folded: str) -> Iterator[StatedFigure]:
    shapes = _shapes()
    last = -1
    for match in shapes.number.finditer(folded):
        if match.start() < last:
            continue
        start, end = match.span()
        unit, times = "", Decimal(1)
        for name, factor, shape in shapes.units:
            if found := shape.match(folded, end):
                unit, times, last = name, factor, found.end()
                break
        symbol = _SYMBOL.search(folded[:start]) if not unit or unit not in MONEY else None
        if symbol and not unit:
            unit, start, last = _SYMBOLS[symbol[1]], symbol.start(1), end
        value = _value(match[0], unit, folded[:start])
        if value is None:
            continue
        end = max(end, last) if unit else end
        yield _bounded(StatedFigure(unit, value * times, None, "", start, end), folded)


def _value(written: str, unit: str, before: str) -> Decimal | None:
    """None for an article that counts nothing: ``a parcel``, ``18 pounds a month``."""
    if written[0].isdigit():
        if re.fullmatch(r"\d{1,3}(?:[.,' ]\d{3})+(?:[.,]\d{1,2})?", written):
            whole = re.sub(r"[.,' ](?=\d{3})", "", written)
            return Decimal(whole.replace(",", "."))
        return Decimal(written.replace(",", ".").rstrip("."))
    if written in _shapes().words:
        return Decimal(_shapes().words[written])
    if unit in ("", "times") or re.search(r"(?:[\d€$£]|euros?|pounds?|dollars?)\s*$", before):
        return None
    return Decimal(1)


def _bounded(figure: StatedFigure, folded: str) -> StatedFigure:
    shapes = _shapes()
    before = folded[max(0, figure.start - 60) : figure.start]
    for bound, shape in shapes.behind:
        if shape.match(folded, figure.end):
            return figure._replace(bound=bound)
    found = [(match, bound) for bound, shape in shapes.before if (match := shape.search(before))]
    if not found:
        return figure
    # The longest: `not more than`, not `more than`.
    _, bound = min(found, key=lambda each: each[0].start())
    return figure._replace(bound=bound)


def _with_ranges(folded: str, found: list[StatedFigure]) -> Iterator[StatedFigure]:
    """Two figures with ``to`` between them as one range, of the second one's unit; times of day
    stay two."""
    rest = list(found)
    while rest:
        first = rest.pop(0)
        if rest and _is_range(folded, first, rest[0]):
            second = rest.pop(0)
            if CLOCK in (first.unit, second.unit):
                hours = first.value if first.unit == CLOCK else first.value * 60
                if second.unit == CLOCK:
                    yield first._replace(unit=CLOCK, value=hours, bound="")
                    yield second._replace(bound="")
                    continue
                later = second.value * 60
                yield first._replace(bound="")
                yield second._replace(unit=CLOCK, value=later, bound="")
                continue
            factor = _factor(folded, second) if first.unit == "" else Decimal(1)
            yield StatedFigure(
                second.unit or first.unit, first.value * factor, second.value, "",
                first.start, second.end,
            )  # fmt: skip
            continue
        yield first


def _factor(folded: str, second: StatedFigure) -> Decimal:
    """How many of its folded unit the unit of ``second`` is: ``1 to 2 weeks``."""
    for unit, times, shape in _shapes().units:
        if unit == second.unit and re.search(
            shape.pattern + r"$", folded[second.start : second.end]
        ):
            return times
    return Decimal(1)


def _is_range(folded: str, first: StatedFigure, second: StatedFigure) -> bool:
    if first.unit not in ("", second.unit, CLOCK) and second.unit != "":
        return False
    if DATE in (first.unit, second.unit):
        return False
    between = folded[first.end : second.start]
    if _PLAIN_JOIN.match(between):
        return True
    return _JOIN.match(between) is not None and bool(_BETWEEN.search(folded[: first.start]))
