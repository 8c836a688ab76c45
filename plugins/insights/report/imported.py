"""A report on imported conversations: the same figures, from other records, and nothing is kept.

What live conversations yield is derived once and stored. Imported ones are read anew for each such
report, so that no figure of them ever stands among those of live ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway import CaseRecord, Outdated, Services, StoredValue


def with_imported(services: Services) -> Services:
    """``services`` whose records are the imported conversations alone, and whose storage lasts as
    long as this value."""
    records: Any = ImportedRecords(services.records)
    return msgspec.structs.replace(services, records=records, storage=PassingStorage())


class ImportedRecords:
    """`Records` of imported conversations."""

    def __init__(self, records: Any) -> None:
        self._records = records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    async def cases(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 200,
    ) -> tuple[CaseRecord, ...]:
        found: tuple[CaseRecord, ...] = await self._records.cases(
            since=since, until=until, after=after, limit=limit, imported=True
        )
        return found

    async def cases_by_id(self, ids: Sequence[int]) -> tuple[CaseRecord, ...]:
        found: tuple[CaseRecord, ...] = await self._records.cases_by_id(ids, imported=True)
        return found


class PassingStorage:
    """A `PluginStorage` in memory."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], StoredValue] = {}

    async def get(self, plugin: str, key: str) -> StoredValue | None:
        return self._values.get((plugin, key))

    async def put(
        self, plugin: str, key: str, value: str, *, version: int = 0, conversation: int = 0
    ) -> StoredValue:
        known = self._values.get((plugin, key))
        if (known.version if known else 0) != version:
            raise Outdated(f"{key} has changed")
        stored = StoredValue(key=key, value=value, version=version + 1, conversation=conversation)
        self._values[plugin, key] = stored
        return stored

    async def put_many(self, plugin: str, values: Sequence[StoredValue]) -> int:
        for value in values:
            self._values[plugin, value.key] = value
        return len(values)

    async def count(self, plugin: str, prefix: str, *, length: int) -> Mapping[str, int]:
        return Counter(key[:length] for key in self._keys(plugin, prefix))

    async def drop(self, plugin: str, key: str, *, version: int) -> None:
        known = self._values.get((plugin, key))
        if known is not None and known.version != version:
            raise Outdated(f"{key} has changed")
        self._values.pop((plugin, key), None)

    async def clear(self, plugin: str, prefix: str) -> None:
        for key in self._keys(plugin, prefix):
            del self._values[plugin, key]

    async def scan(
        self, plugin: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> tuple[StoredValue, ...]:
        chosen = [key for key in self._keys(plugin, prefix) if key > after]
        return tuple(self._values[plugin, key] for key in chosen[:limit])

    def _keys(self, plugin: str, prefix: str) -> list[str]:
        return sorted(
            key for known, key in self._values if known == plugin and key.startswith(prefix)
        )
