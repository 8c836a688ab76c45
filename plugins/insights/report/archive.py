"""The stored weekly results: figures, findings, and their examples.

============== ==========================================================================
key            value
============== ==========================================================================
``report/W``   the result of the week that ends on day W (``2026-11-29``), without examples
``example/W/F/N`` example N of finding F of that week, stored with its conversation's id, so
               that erasing a customer reaches it
============== ==========================================================================

A result holds no words of customers: findings are stored without their examples and drafts.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import groupby

import msgspec

from gateway import NotFound, Outdated, PluginStorage, StoredValue, Value
from plugins.insights.measures.values import Totals
from plugins.insights.model import Discovery, Figure, MaskedExample
from plugins.insights.report.searching import FoundThings

PLUGIN = "insights.report"
_REPORTS, _EXAMPLES = "report/", "example/"


class WeeklyResult(Value, frozen=True, kw_only=True):
    """What a weekly report said. ``findings`` have no examples; `ReportArchive.found` adds them."""

    since: date
    until: date
    made_at: datetime
    totals: Totals = Totals()
    measures: Mapping[str, Figure] = msgspec.field(default_factory=dict)
    findings: tuple[Discovery, ...] = ()


class ReportArchive:
    """Stores weekly results, in the plugin's storage."""

    def __init__(self, storage: PluginStorage) -> None:
        self._storage = storage

    async def has(self, until: date) -> bool:
        """Whether the week that ends on ``until`` is stored."""
        return await self._storage.get(PLUGIN, f"{_REPORTS}{until}") is not None

    async def keep(self, result: WeeklyResult, findings: tuple[Discovery, ...]) -> bool:
        """Store a week and the examples of its ``findings``. False: another process was first, and
        its result stays.

        The examples are stored before the result, which says that the week is done. Those of a
        conversation that was erased meanwhile are left out.
        """
        week = result.until.isoformat()
        if await self.has(result.until):
            return False
        await self._storage.clear(PLUGIN, f"{_EXAMPLES}{week}/")
        for place, finding in enumerate(findings):
            for number, example in enumerate(finding.examples):
                with suppress(NotFound, Outdated):
                    await self._storage.put(
                        PLUGIN,
                        f"{_EXAMPLES}{week}/{place:03}/{number:02}",
                        example.text,
                        conversation=example.conversation,
                    )
        bare = tuple(finding.replace(examples=(), draft=None) for finding in findings)
        value = msgspec.json.encode(result.replace(findings=bare)).decode()
        try:
            await self._storage.put(PLUGIN, f"{_REPORTS}{week}", value)
        except Outdated:
            return False
        return True

    async def found(self, since: date, until: date) -> FoundThings:
        """The findings of the stored weeks that end within these days, newest first, each once;
        those of the newest week before when there is none."""
        weeks = [week for week in await self._weeks() if week.until <= until]
        within = [week for week in weeks if week.until >= since] or weeks[-1:]
        if not within:
            return FoundThings()
        seen: dict[tuple[str, str], Discovery] = {}
        for week in reversed(within):
            examples = await self._examples(week.until)
            for place, finding in enumerate(week.findings):
                whole = finding.replace(examples=examples.get(place, ()))
                seen.setdefault((finding.kind, finding.title), whole)
        return FoundThings(
            since=within[0].since, until=within[-1].until, findings=tuple(seen.values())
        )

    async def drop_before(self, day: date) -> None:
        """Delete the weeks that ended before ``day``."""
        for week in await self._weeks():
            if week.until < day:
                await self._storage.clear(PLUGIN, f"{_EXAMPLES}{week.until}/")
                await self._storage.clear(PLUGIN, f"{_REPORTS}{week.until}")

    async def _weeks(self) -> list[WeeklyResult]:
        """All stored weeks, oldest first."""
        return [
            msgspec.json.decode(row.value, type=WeeklyResult) for row in await self._rows(_REPORTS)
        ]

    async def _examples(self, until: date) -> dict[int, tuple[MaskedExample, ...]]:
        rows = await self._rows(f"{_EXAMPLES}{until}/")
        return {
            place: tuple(
                MaskedExample(conversation=row.conversation, text=row.value) for row in of_finding
            )
            for place, of_finding in groupby(rows, key=lambda row: int(row.key.split("/")[2]))
        }

    async def _rows(self, prefix: str) -> list[StoredValue]:
        rows: list[StoredValue] = []
        while page := await self._storage.scan(PLUGIN, prefix, after=rows[-1].key if rows else ""):
            rows += page
        return rows


def last_week(day: date) -> tuple[date, date]:
    """The seven days before ``day``."""
    return day - timedelta(days=7), day - timedelta(days=1)
