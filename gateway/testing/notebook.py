"""A notebook in memory, for tests that build a `House` by hand."""

from __future__ import annotations

from gateway.ports import Entry, Outdated


class MemoryNotebook:
    """Forgets when it is gone, and knows no conversations; else as `ports.Notebook` says."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Entry] = {}

    async def get(self, guest: str, key: str) -> Entry | None:
        return self._kept.get((guest, key))

    async def put(
        self, guest: str, key: str, value: str, *, version: int = 0, conversation: int = 0
    ) -> Entry:
        self._must_be(guest, key, version)
        entry = Entry(key=key, value=value, version=version + 1, conversation=conversation)
        self._kept[guest, key] = entry
        return entry

    async def drop(self, guest: str, key: str, *, version: int) -> None:
        if (guest, key) in self._kept:
            self._must_be(guest, key, version)
            del self._kept[guest, key]

    async def scan(
        self, guest: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> tuple[Entry, ...]:
        keys = sorted(k for g, k in self._kept if g == guest and k.startswith(prefix) and k > after)
        return tuple(self._kept[guest, key] for key in keys[:limit])

    def _must_be(self, guest: str, key: str, version: int) -> None:
        now = self._kept.get((guest, key))
        if (now.version if now else 0) != version:
            raise Outdated(f"{guest}: {key} is not at version {version}")
