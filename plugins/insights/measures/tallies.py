"""Keeps the tallies of each day in the plugin's storage. They hold counts of codes, no customer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import structlog

from gateway import PluginStorage, StoredValue
from plugins.insights.facts.case_facts import CaseFacts
from plugins.insights.facts.store import PLUGIN, FactStore
from plugins.insights.measures.sheets import Sheet, build_sheet, pack, unpack

log = structlog.get_logger()
_TALLIES = "tally/"


class TallyStore:
    """The stored sheets, each of one day."""

    def __init__(self, storage: PluginStorage, facts: FactStore) -> None:
        self._storage = storage
        self._facts = facts

    async def rebuild(self, days: Iterable[str]) -> None:
        """Count the facts of ``days`` again. A day without facts has no tallies."""
        for day in sorted(days):
            cases = await self._facts.of_day(day)
            if not cases:
                await self._storage.clear(PLUGIN, _TALLIES + day)
                continue
            packed = await asyncio.to_thread(_packed, cases)
            row = StoredValue(key=_TALLIES + day, value=packed, version=0)
            await self._storage.put_many(PLUGIN, [row])

    async def sheets(self, since: date, until: date) -> Mapping[str, Sheet]:
        """The sheets of the days from ``since`` to ``until`` that have one."""
        before = _TALLIES + (since - timedelta(days=1)).isoformat()
        last = _TALLIES + until.isoformat()
        limit = (until - since).days + 1
        rows = await self._storage.scan(PLUGIN, _TALLIES, after=before, limit=max(limit, 501))
        chosen = [row for row in rows if row.key <= last]
        return await asyncio.to_thread(_unpack, chosen)


def _packed(cases: Iterable[CaseFacts]) -> str:
    return pack(build_sheet(cases))


def _unpack(rows: Iterable[StoredValue]) -> Mapping[str, Sheet]:
    """The sheets by day. A damaged one is left out, and counted again by the next rebuild."""
    found: dict[str, Sheet] = {}
    for row in rows:
        try:
            found[row.key.removeprefix(_TALLIES)] = unpack(row.value)
        except ValueError:
            log.exception("tally.unreadable", day=row.key, hint="derive the facts again")
    return found
