"""An audit log and a plugin's storage in memory, for tests that build the services by hand."""

from __future__ import annotations

from datetime import datetime

from structlog.contextvars import get_contextvars

from gateway.ports import AuditEntry, Clock, Outdated, StoredValue


class MemoryAuditLog:
    """As `ports.Audit` says, until it is gone."""

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
        known = str(get_contextvars().get("origin", "")) if origin is None else origin
        self.kept.append(
            AuditEntry(
                id=len(self.kept) + 1,
                at=self._clock.now(),
                who=who,
                what=what,
                conversation=conversation,
                customer=customer,
                origin=known,
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
            line
            for line in reversed(self.kept)
            if (conversation is None or line.conversation == conversation)
            and (who is None or line.who == who)
            and (since is None or line.at >= since)
            and (before is None or line.id < before)
        ]
        return tuple(found[:limit])


class MemoryStorage:
    """Forgets when it is gone, and knows no conversations; else as `ports.Notebook` says."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], StoredValue] = {}

    async def get(self, plugin: str, key: str) -> StoredValue | None:
        return self._kept.get((plugin, key))

    async def put(
        self, plugin: str, key: str, value: str, *, version: int = 0, conversation: int = 0
    ) -> StoredValue:
        self._must_be(plugin, key, version)
        entry = StoredValue(key=key, value=value, version=version + 1, conversation=conversation)
        self._kept[plugin, key] = entry
        return entry

    async def drop(self, plugin: str, key: str, *, version: int) -> None:
        if (plugin, key) in self._kept:
            self._must_be(plugin, key, version)
            del self._kept[plugin, key]

    async def scan(
        self, plugin: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> tuple[StoredValue, ...]:
        keys = sorted(
            k for g, k in self._kept if g == plugin and k.startswith(prefix) and k > after
        )
        return tuple(self._kept[plugin, key] for key in keys[:limit])

    def _must_be(self, plugin: str, key: str, version: int) -> None:
        now = self._kept.get((plugin, key))
        if (now.version if now else 0) != version:
            raise Outdated(f"{plugin}: {key} is not at version {version}")
