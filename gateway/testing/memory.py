"""An audit log and a plugin storage in memory, for tests that build `Services` by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from structlog.contextvars import get_contextvars

from gateway.ports import AuditEntry, Clock, Outdated, StoredValue


class MemoryAuditLog:
    """An `AuditLog` in memory. ``kept`` has its entries, oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.kept: list[AuditEntry] = []

    async def record(
        self,
        who: str,
        what: str,
        *,
        conversation: int | None = None,
        customer: int | None = None,
        origin: str | None = None,
        detail: str = "",
    ) -> None:
        if origin is None:
            origin = str(get_contextvars().get("origin", ""))
        self.kept.append(
            AuditEntry(
                id=len(self.kept) + 1,
                at=self._clock.now(),
                who=who,
                what=what,
                conversation=conversation,
                customer=customer,
                origin=origin,
                detail=detail,
            )
        )

    async def lines(
        self,
        *,
        conversation: int | None = None,
        who: str | None = None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int = 200,
    ) -> tuple[AuditEntry, ...]:
        found = [
            entry
            for entry in reversed(self.kept)
            if (conversation is None or entry.conversation == conversation)
            and (who is None or entry.who == who)
            and (since is None or entry.at >= since)
            and (before is None or entry.id < before)
        ]
        return tuple(found[:limit])


class MemoryStorage:
    """A `PluginStorage` in memory. It accepts any conversation id."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], StoredValue] = {}

    async def get(self, plugin: str, key: str) -> StoredValue | None:
        return self._kept.get((plugin, key))

    async def put(
        self, plugin: str, key: str, value: str, *, version: int = 0, conversation: int = 0
    ) -> StoredValue:
        self._check_version(plugin, key, version)
        stored = StoredValue(key=key, value=value, version=version + 1, conversation=conversation)
        self._kept[plugin, key] = stored
        return stored

    async def put_many(self, plugin: str, values: Sequence[StoredValue]) -> int:
        for value in values:
            stored = self._kept.get((plugin, value.key))
            version = stored.version + 1 if stored else 1
            self._kept[plugin, value.key] = msgspec.structs.replace(value, version=version)
        return len(values)

    async def count(self, plugin: str, prefix: str, *, length: int) -> Mapping[str, int]:
        keys = (key for name, key in self._kept if name == plugin and key.startswith(prefix))
        return Counter(key[:length] for key in keys)

    async def drop(self, plugin: str, key: str, *, version: int) -> None:
        if (plugin, key) in self._kept:
            self._check_version(plugin, key, version)
            del self._kept[plugin, key]

    async def clear(self, plugin: str, prefix: str) -> None:
        for name, key in tuple(self._kept):
            if name == plugin and key.startswith(prefix):
                del self._kept[name, key]

    async def scan(
        self, plugin: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> tuple[StoredValue, ...]:
        keys = sorted(
            k for name, k in self._kept if name == plugin and k.startswith(prefix) and k > after
        )
        return tuple(self._kept[plugin, key] for key in keys[:limit])

    def _check_version(self, plugin: str, key: str, version: int) -> None:
        stored = self._kept.get((plugin, key))
        current = stored.version if stored else 0
        if current != version:
            raise Outdated(f"{plugin}: {key} has version {current}, not {version}; read it again")
