"""The week in at most ten lines, for where the team talks: figures with their intervals in words,
and no word of a customer."""

from __future__ import annotations

from urllib.parse import urlencode

from gateway import Digest
from plugins.insights.report import telling, words
from plugins.insights.report.sections.changes import KIND_LABELS
from plugins.insights.report.values import Report

MOST_LINES = 8
"""Beside the title and the link: ten in all."""


def digest_of(report: Report, *, brand: str = "", brand_title: str = "", url: str = "") -> Digest:
    """The digest of a weekly ``report``. ``url`` is the address of the server, if it is known."""
    query = report.query
    lines = [f"{_conversations(report)}."]
    before = words.time_before(query)
    told = [headline for headline in report.headlines if headline.figure.value is not None]
    for headline in told[:4]:
        change = report.measured.changes.get(headline.measure)
        value = words.figure(headline.figure, headline.unit)
        unit = " of 5" if headline.unit == "score" else ""
        grey = "" if headline.figure.enough else " (few cases)"
        said = telling.short_change(change, headline.verdict, headline.unit, before)
        lines.append(f"{headline.label}: {value}{unit}{grey}; {said}.")
    if report.found_until or not brand:  # those of the weekly report are of all brands
        lines += _findings(report, MOST_LINES - len(lines))
    of = f" of {brand_title or brand}" if brand else ""
    return Digest(
        id=f"report-{query.until}{f'-{brand}' if brand else ''}",
        brand=brand,
        title=f"The week{of}, {words.period(query)}",
        lines=tuple(lines[:MOST_LINES]),
        url=f"{url}/desk/report?{_query(report, brand)}" if url else "",
    )


def _conversations(report: Report) -> str:
    totals = report.measured.totals
    conversations = words.plural(totals.conversations, "conversation")
    return f"{conversations}, {words.plural(totals.messages, 'message')}"


def _findings(report: Report, room: int) -> list[str]:
    """How many findings of each kind there are. Their titles may have customers' words, so they
    stay at the desk."""
    if not report.findings:
        return ["No findings." if report.found_until else "Nobody looked for causes."]
    kinds: dict[str, int] = {}
    for found in report.findings:
        kinds[found.kind] = kinds.get(found.kind, 0) + 1
    parts = [
        f"{number} × {KIND_LABELS.get(kind, kind.replace('_', ' '))}"
        for kind, number in kinds.items()
    ]
    return [f"Findings: {words.listed(parts)}."][:room]


def _query(report: Report, brand: str) -> str:
    days = {"from": str(report.query.since), "to": str(report.query.until)}
    return urlencode({**days, **({"brand": brand} if brand else {})})
