"""Numbers as people read them, and sentences that say no more than the figures do."""

from __future__ import annotations

from datetime import date

from gateway import counted
from plugins.insights.model import Figure
from plugins.insights.report.values import ReportQuery, ShownUnit

NARROW = "\N{NARROW NO-BREAK SPACE}"
NONE = "–"
NOT_ENOUGH = "too few to say"


def count(value: float) -> str:
    """``1,204``."""
    return f"{round(value):,}"


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 days 4 h``: never more than two parts."""
    sign, left = ("−" if seconds < 0 else ""), round(abs(seconds))
    if 0 < abs(seconds) < 1:
        return f"{sign}{abs(seconds):.1f}{NARROW}s"
    parts: list[str] = []
    for size, name in ((86_400, "day"), (3600, "h"), (60, "min"), (1, "s")):
        amount, left = divmod(left, size)
        if amount or parts:
            plural = "s" if name == "day" and amount != 1 else ""
            parts.append(f"{amount}{NARROW}{name}{plural}" if amount else "")
        if len(parts) == 2:
            break
    return sign + (" ".join(part for part in parts if part) or f"0{NARROW}s")


def percent(value: float) -> str:
    """``78 %``; one decimal below 10 %, so that small shares are not all alike."""
    hundred = value * 100
    digits = 1 if 0 < abs(hundred) < 9.95 and round(hundred, 1) % 1 else 0
    return f"{hundred:.{digits}f}{NARROW}%".replace("-", "−")


def number(value: float, unit: ShownUnit) -> str:
    """``value`` in its unit."""
    match unit:
        case "share":
            return percent(value)
        case "seconds" | "minutes":
            return duration(value * (60 if unit == "minutes" else 1))
        case "whole":
            return count(value)
        case "points":
            return difference(value, "share")
        case "steps":
            text = f"{value:+.2f}"
        case "score":
            text = f"{value:.1f}"
        case "count":
            digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 1 else 2
            text = f"{value:,.{digits}f}"
    return text.replace("-", "−")


def difference(value: float, unit: ShownUnit) -> str:
    """A difference of two figures, with its sign: ``+7 points``, ``−2 min 5 s``."""
    if unit == "share":
        text = f"{value * 100:+.0f}{NARROW}points"
    elif unit in ("seconds", "minutes"):
        text = ("+" if value >= 0 else "") + number(value, unit)
    else:
        text = f"{value:+.2f}"
    return text.replace("-", "−")


def change(measured: Figure, unit: ShownUnit) -> str:
    """A difference with its interval: ``+7 points (+2 to +12)``; a dash when there is none."""
    if unit == "share":
        return figure(measured, "points")
    if measured.value is None or measured.low is None or measured.high is None:
        return NONE
    low, high = (difference(end, unit) for end in (measured.low, measured.high))
    return f"{difference(measured.value, unit)} ({low} to {high})"


def bound(value: float, unit: ShownUnit) -> str:
    """One end of an interval: as `number`, without the sign of a percentage or ``points``."""
    return number(value, unit).removesuffix(f"{NARROW}%").removesuffix(f"{NARROW}points")


def between(figure: Figure, unit: ShownUnit) -> str:
    """``70 to 84``; empty when the figure has no interval."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{bound(figure.low, unit)} to {bound(figure.high, unit)}"


def figure(measured: Figure, unit: ShownUnit) -> str:
    """``78 % (70 to 84)``; a dash when there is none."""
    if measured.value is None:
        return NONE
    ends = between(measured, unit)
    return number(measured.value, unit) + (f" ({ends})" if ends else "")


def in_hundred(share: Figure, verb: str = "") -> str:
    """``78 of 100 said yes (70 to 84)``: people understand counts better than percentages
    (Gigerenzer and Hoffrage 1995)."""
    if share.value is None:
        return NONE
    said = f" {verb}" if verb else ""
    whole = round(share.value * 100)
    many = "fewer than 1" if whole == 0 and share.value > 0 else f"{whole}"
    ends = ""
    if share.low is not None and share.high is not None:
        ends = f" ({round(share.low * 100)} to {round(share.high * 100)})"
    return f"{many} of 100{said}{ends}"


def day(value: date) -> str:
    """``5 October 2026``."""
    return f"{value.day} {value:%B %Y}"


def short_day(value: date) -> str:
    """``5 Oct``."""
    return f"{value.day} {value:%b}"


def period(query: ReportQuery) -> str:
    """``5 to 11 October 2026``."""
    first, last = query.since, query.until
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%B} to {day(last)}"
    return f"{day(first)} to {day(last)}"


def time_before(query: ReportQuery) -> str:
    """What the period just before is called: ``the week before``, ``the 12 days before``."""
    names = {1: "day", 7: "week", 14: "two weeks", 28: "four weeks", 365: "year"}
    return f"the {names.get(query.days, f'{query.days} days')} before"


def plural(amount: int, one: str, many: str = "") -> str:
    """``1 conversation``, ``1,204 conversations``."""
    return counted(amount, one, many)


def listed(items: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
