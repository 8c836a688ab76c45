"""Looks for findings in the conversations of some days."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway import CaseRecord, Records, Value
from plugins.insights.facts.store import FactStore
from plugins.insights.measures.values import EVERYTHING, Filters
from plugins.insights.model import Discovery

if TYPE_CHECKING:
    from plugins.insights.findings import FindingInputs

PAST = timedelta(weeks=6)
"""How far back the past goes with which the days are compared; see `find`."""
PAGE = 200


class FoundThings(Value, frozen=True, kw_only=True):
    """What was found in the conversations from ``since`` to ``until`` that ``filters`` choose; both
    days are None when nobody has looked."""

    since: date | None = None
    until: date | None = None
    findings: tuple[Discovery, ...] = ()
    filters: Filters = EVERYTHING


NOTHING_FOUND = FoundThings()


@dataclass(frozen=True, kw_only=True)
class FindingSearch:
    """Runs every kind of finding over whole conversations. ``inputs`` is asked once each time;
    ``facts`` say which conversations filters choose."""

    records: Records
    facts: FactStore
    timezone: str
    inputs: Callable[[], Awaitable[FindingInputs]]

    async def search(self, since: date, until: date, filters: Filters = EVERYTHING) -> FoundThings:
        """What the conversations that began on the days from ``since`` to ``until`` show, of those
        that ``filters`` choose."""
        from plugins.insights.findings import find  # noqa: PLC0415  (loads numpy)

        begin, end = day_bounds(since, until, self.timezone)
        pages, inputs = self._pages(begin - PAST, end), await self.inputs()
        if filters != EVERYTHING:
            chosen = await self._chosen(since - PAST, until, filters)
            pages = _only(pages, chosen)
            moods = tuple(mood for mood in inputs.moods if mood.conversation in chosen)
            inputs = inputs.replace(moods=moods)
        found = await find(pages, since=begin, until=end, inputs=inputs)
        return FoundThings(since=since, until=until, findings=found, filters=filters)

    async def _chosen(self, since: date, until: date, filters: Filters) -> frozenset[int]:
        """The numbers of the conversations that ``filters`` choose, by the same facts as the
        figures."""
        from plugins.insights.measures.sheets import cell_of, matches  # noqa: PLC0415  (numpy)

        chosen = [
            case.conversation
            async for case in self.facts.between(since, until)
            if matches(cell_of(case), filters)
        ]
        return frozenset(chosen)

    async def _pages(self, since: datetime, until: datetime) -> AsyncIterator[Sequence[CaseRecord]]:
        after = 0
        while True:
            page = await self.records.cases(since=since, until=until, after=after, limit=PAGE)
            if not page:
                return
            yield page
            after = page[-1].conversation.id


async def _only(
    pages: AsyncIterator[Sequence[CaseRecord]], chosen: frozenset[int]
) -> AsyncIterator[Sequence[CaseRecord]]:
    """The ``chosen`` conversations of ``pages``."""
    async for page in pages:
        yield [case for case in page if case.conversation.id in chosen]


def day_bounds(since: date, until: date, timezone: str) -> tuple[datetime, datetime]:
    """When the first of these days begins and when the last one is over."""
    zone = ZoneInfo(timezone)
    return (
        datetime.combine(since, time(), zone),
        datetime.combine(until + timedelta(days=1), time(), zone),
    )
