"""Looks for findings in the conversations of some days."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway import CaseRecord, Records, Value
from plugins.insights.findings import FindingInputs, find
from plugins.insights.model import Discovery

PAST = timedelta(weeks=6)
"""How far back the past goes with which the days are compared; see `find`."""
PAGE = 200


class FoundThings(Value, frozen=True, kw_only=True):
    """What was found in the conversations from ``since`` to ``until``; both are None when nobody
    has looked."""

    since: date | None = None
    until: date | None = None
    findings: tuple[Discovery, ...] = ()


NOTHING_FOUND = FoundThings()


@dataclass(frozen=True, kw_only=True)
class FindingSearch:
    """Runs every kind of finding over whole conversations. ``inputs`` is asked once each time."""

    records: Records
    timezone: str
    inputs: Callable[[], Awaitable[FindingInputs]]

    async def search(self, since: date, until: date) -> FoundThings:
        """What the conversations that began on the days from ``since`` to ``until`` show."""
        begin, end = day_bounds(since, until, self.timezone)
        found = await find(
            self._pages(begin - PAST, end), since=begin, until=end, inputs=await self.inputs()
        )
        return FoundThings(since=since, until=until, findings=found)

    async def _pages(self, since: datetime, until: datetime) -> AsyncIterator[Sequence[CaseRecord]]:
        after = 0
        while True:
            page = await self.records.cases(since=since, until=until, after=after, limit=PAGE)
            if not page:
                return
            yield page
            after = page[-1].conversation.id


def day_bounds(since: date, until: date, timezone: str) -> tuple[datetime, datetime]:
    """When the first of these days begins and when the last one is over."""
    zone = ZoneInfo(timezone)
    return (
        datetime.combine(since, time(), zone),
        datetime.combine(until + timedelta(days=1), time(), zone),
    )
