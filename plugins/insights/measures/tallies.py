"""Keeps the tallies of each day in the plugin's storage, and the day's work for the ledger of load.

Tallies hold counts of codes, and no customer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, timedelta
from os.path import commonprefix
from typing import NamedTuple

import structlog
from cachetools import LRUCache

from gateway import PluginStorage, StoredValue
from plugins.insights.facts.case_facts import CaseFacts
from plugins.insights.facts.store import PLUGIN, FactStore
from plugins.insights.measures.sheets import Sheet, build_sheet, pack, unpack
from plugins.insights.measures.work import WorkSpan, pack_work, spans_of, unpack_work

log = structlog.get_logger()
_TALLIES, _WORK = "tally/", "work/"
MOST_KEPT = 800
"""Sheets that are remembered."""
PAGE = 500
"""Days that are read at once."""


class StoredSheet(NamedTuple):
    """The sheet of a day. ``version`` is a number that differs when its text does."""

    version: int
    sheet: Sheet


class TallyStore:
    """The stored sheets, each of one day. Those that were read lately are remembered."""

    def __init__(self, storage: PluginStorage, facts: FactStore) -> None:
        self._storage = storage
        self._facts = facts
        self._known: LRUCache[str, StoredSheet] = LRUCache(MOST_KEPT)

    async def rebuild(self, days: Iterable[str]) -> None:
        """Count the facts of ``days`` again. A day without facts has no tallies."""
        for day in sorted(days):
            cases = await self._facts.of_day(day)
            if not cases:
                await self._storage.clear(PLUGIN, _TALLIES + day)
                await self._storage.clear(PLUGIN, _WORK + day)
                continue
            tallies, work = await asyncio.to_thread(_packed, cases)
            rows = [
                StoredValue(key=_TALLIES + day, value=tallies, version=0),
                StoredValue(key=_WORK + day, value=work, version=0),
            ]
            await self._storage.put_many(PLUGIN, rows)

    async def work(self, since: date, until: date) -> AsyncIterator[list[WorkSpan]]:
        """The work on the conversations that began from ``since`` to ``until``, day by day."""
        for row in await self._rows(_WORK, since, until):
            yield await asyncio.to_thread(_unpacked_work, row)

    async def sheets(self, since: date, until: date) -> Mapping[str, StoredSheet]:
        """The sheets of the days from ``since`` to ``until`` that have one."""
        chosen = await self._rows(_TALLIES, since, until)
        known = {
            row.key: sheet
            for row in chosen
            if (sheet := self._known.get(row.key)) is not None and sheet.version == hash(row.value)
        }
        new = [row for row in chosen if row.key not in known]
        known |= await asyncio.to_thread(_unpacked, new)
        for key, sheet in known.items():
            self._known[key] = sheet
        return {
            row.key.removeprefix(_TALLIES): known[row.key] for row in chosen if row.key in known
        }

    async def _rows(self, kind: str, since: date, until: date) -> list[StoredValue]:
        first, last = (kind + day.isoformat() for day in (since, until))
        after = kind + (since - timedelta(days=1)).isoformat()
        alike = commonprefix((first, last))  # noqa: RUF071  (of characters is what is meant)
        found: list[StoredValue] = []
        while True:
            page = await self._storage.scan(PLUGIN, alike, after=after, limit=PAGE)
            found += [row for row in page if row.key <= last]
            if len(page) < PAGE or page[-1].key >= last:
                return found
            after = page[-1].key


def _packed(cases: Sequence[CaseFacts]) -> tuple[str, str]:
    return pack(build_sheet(cases)), pack_work(spans_of(cases))


def _unpacked_work(row: StoredValue) -> list[WorkSpan]:
    try:
        return unpack_work(row.value)
    except ValueError:
        log.exception("work.unreadable", day=row.key, hint="derive the facts again")
        return []


def _unpacked(rows: Iterable[StoredValue]) -> Mapping[str, StoredSheet]:
    """The sheets by key. A damaged one is left out; it comes back when its day is counted again."""
    found: dict[str, StoredSheet] = {}
    for row in rows:
        try:
            found[row.key] = StoredSheet(hash(row.value), unpack(row.value))
        except ValueError:
            log.exception("tally.unreadable", day=row.key, hint="derive the facts again")
    return found
