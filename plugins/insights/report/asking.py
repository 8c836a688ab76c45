"""What a page's address or a command's options ask the report for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import urlencode

from gateway import Agent, Value, WarmlineError
from plugins.insights.measures.values import Dimension, Filters
from plugins.insights.report.values import ReportQuery

PERIODS: Mapping[str, tuple[int, str]] = {
    "week": (7, "Last 7 days"),
    "4weeks": (28, "Last 4 weeks"),
    "quarter": (91, "Last 13 weeks"),
    "year": (365, "Last year"),
}
"""Periods that end today: a bookmark of one stays current. Days, and what they are called."""
DEFAULT_PERIOD = "4weeks"
FILTERS: Mapping[str, Dimension] = {
    "brand": "brand",
    "channel": "channel",
    "language": "language",
    "intent": "intent",
    "team": "team",
}
"""The parameters of an address that filter, and what they filter by."""
LONGEST = 366 * 5
"""Days of the longest report."""
YEARS = range(1970, 3000)
"""The years that a report can be of. Dates can be counted back from there."""


class ReportRequest(Value, frozen=True, kw_only=True):
    """What an address asks for. ``period`` is empty where it names two days; ``problem`` says what
    of it was wrong and is not followed."""

    query: ReportQuery
    period: str = ""
    chosen: Mapping[str, str] = {}
    problem: str = ""

    def address(self, **changes: str) -> str:
        """The query of this address with ``changes``; an empty text drops a parameter."""
        days = (
            {"period": self.period}
            if self.period
            else {"from": str(self.query.since), "to": str(self.query.until)}
        )
        merged = {**days, **self.chosen, **changes}
        kept = {name: value for name, value in merged.items() if value}
        return f"?{urlencode(kept)}" if kept else ""


def parse_day(text: str) -> date:
    """``2026-11-29``. Raises WarmlineError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise WarmlineError(
            f"{text[:40]!r} is not a date; write year, month and day, as in 2026-11-29"
        ) from None
    if day.year not in YEARS:
        raise WarmlineError(f"{day} is not a day of {YEARS[0]} to {YEARS[-1]}; choose another")
    return day


def checked(since: date, until: date) -> None:
    """Raises WarmlineError for a period that no report has."""
    if until < since:
        raise WarmlineError(f"the last day, {until}, is before the first, {since}; swap them")
    if (until - since).days >= LONGEST:
        raise WarmlineError(f"{since} to {until} is more than five years; choose fewer days")


def parse_request(
    query: Mapping[str, str], today: date, agent: Agent | None = None
) -> ReportRequest:
    """What the parameters of an address ask for. Mistakes become a `ReportRequest.problem`.

    A person who may see only some brands gets those, whatever the address says.
    """
    chosen = {name: query[name][:80] for name in FILTERS if query.get(name)}
    problem, period = "", query.get("period", "")
    since, until = period_days(DEFAULT_PERIOD, today)
    if query.get("from") or query.get("to"):
        period = ""
        try:
            until = parse_day(query["to"]) if query.get("to") else today
            since = parse_day(query["from"]) if query.get("from") else until - timedelta(days=27)
            checked(since, until)
        except WarmlineError as error:
            problem, period = f"{error}. Shown are the last four weeks.", DEFAULT_PERIOD
            since, until = period_days(DEFAULT_PERIOD, today)
    elif period in PERIODS:
        since, until = period_days(period, today)
    else:
        period = DEFAULT_PERIOD
    filters = Filters(**{FILTERS[name]: (value,) for name, value in chosen.items()})
    if agent is not None and agent.brands:
        wanted = [brand for brand in filters.brand if agent.works_for(brand)]
        filters = filters.replace(brand=tuple(wanted) or agent.brands)
        if not wanted:
            chosen.pop("brand", None)
    return ReportRequest(
        query=ReportQuery(since=since, until=until, filters=filters),
        period=period,
        chosen=chosen,
        problem=problem[:1].upper() + problem[1:],
    )


def period_days(name: str, today: date) -> tuple[date, date]:
    """The first and the last day of one of `PERIODS`."""
    days, _ = PERIODS[name]
    return today - timedelta(days=days - 1), today
