"""Keeps the facts of conversations in the plugin's storage.

A row holds the facts of one conversation and belongs to it: it is exported and erased with it. Its
key begins with the day, so that a period is one range of keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from gateway import PluginStorage, StoredValue
from plugins.insights.facts.case_facts import CaseFacts, Returns

PLUGIN = "insights"
VERSION = 2
"""Of how facts are derived and counted: after a change all are derived again."""
PAGE = 500
"""Rows that are stored in one commit."""
_CASES = "case/"
_DAY_KEY = len("case/2026-11-29")
_STATE = "facts"
_READ = 2_000
_DECODER = msgspec.json.Decoder(CaseFacts)


class FactState(msgspec.Struct, frozen=True, kw_only=True):
    """How far the facts are up to date.

    ``message`` is the newest message that was looked at, ``rechecked`` when the last days were
    derived again, ``first_claims`` when each agent first had a conversation (both in seconds since
    1970), ``days`` how many conversations each day has.
    """

    version: int = VERSION
    timezone: str = "UTC"
    message: int = 0
    rechecked: float = 0.0
    first_claims: dict[str, float] = {}
    days: dict[str, int] = {}


class FactStore:
    """The stored facts; see the module."""

    def __init__(self, storage: PluginStorage) -> None:
        self._storage = storage

    async def state(self) -> FactState | None:
        """How far they are; None when nothing was derived yet, or by an older program."""
        stored = await self._storage.get(PLUGIN, _STATE)
        try:
            found = msgspec.json.decode(stored.value, type=FactState) if stored else None
        except msgspec.DecodeError:
            return None
        return found if found is not None and found.version == VERSION else None

    async def keep_state(self, state: FactState) -> None:
        """Store ``state``. When another process has stored one meanwhile, the later wins: both
        derived theirs from the same database."""
        value = msgspec.json.encode(state).decode()
        await self._storage.put_many(PLUGIN, [StoredValue(key=_STATE, value=value, version=0)])

    async def put(self, cases: Sequence[CaseFacts]) -> None:
        """Store facts, instead of what is known of their conversations. Those of conversations
        that were erased meanwhile are left out."""
        for start in range(0, len(cases), PAGE):
            part = cases[start : start + PAGE]
            await self._storage.put_many(PLUGIN, await asyncio.to_thread(_rows, part))

    async def of_day(self, day: str) -> list[CaseFacts]:
        """The facts of the conversations that began on ``day``, in no order."""
        found: list[CaseFacts] = []
        prefix, after = f"{_CASES}{day}/", ""
        while rows := await self._storage.scan(PLUGIN, prefix, after=after, limit=_READ):
            found += await asyncio.to_thread(_facts, rows)
            after = rows[-1].key
            if len(rows) < _READ:
                break
        return found

    async def between(self, since: date, until: date) -> AsyncIterator[CaseFacts]:
        """The facts of the conversations that began from ``since`` to ``until``, by day."""
        for at in range((until - since).days + 1):
            for case in await self.of_day((since + timedelta(days=at)).isoformat()):
                yield case

    async def days(self) -> dict[str, int]:
        """How many conversations each day has, as stored now."""
        counted = await self._storage.count(PLUGIN, _CASES, length=_DAY_KEY)
        return {key.removeprefix(_CASES): number for key, number in counted.items()}

    async def set_returns(self, day: str, returns: Mapping[int, Returns]) -> None:
        """Give those of ``day`` that ``returns`` names their returns."""
        cases = await self.of_day(day)
        changed = [c for c in cases if returns.get(c.conversation, c.returns) != c.returns]
        await self.put([case.replace(returns=returns[case.conversation]) for case in changed])

    async def clear(self) -> None:
        """Delete all facts."""
        await self._storage.clear(PLUGIN, _CASES)


def _rows(cases: Iterable[CaseFacts]) -> list[StoredValue]:
    return [
        StoredValue(
            key=f"{_CASES}{case.day}/{case.conversation}",
            value=msgspec.json.encode(case).decode(),
            version=0,
            conversation=case.conversation,
        )
        for case in cases
    ]


def _facts(rows: Iterable[StoredValue]) -> list[CaseFacts]:
    """The facts in ``rows``, without those of spam, which no measure counts."""
    return [case for row in rows if not (case := _DECODER.decode(row.value)).spam]
