"""What the last reading of each source came to, kept in the plugin's storage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from gateway import PluginStorage, StoredValue, Value

PLUGIN = "knowledge"
PREFIX = "check/"
MOST_SKIPPED = 100


class SourceCheck(Value, frozen=True, kw_only=True):
    """One reading of a source: how many documents were added, changed, unchanged, the same as
    another, and gone; how many passages there are; what was skipped and why.

    ``cut_short``: why it ended before its end. ``problem``: what people should look at.
    """

    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    same: int = 0
    gone: int = 0
    passages: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    cut_short: str = ""
    problem: str = ""


class SourceChecks:
    """The newest `SourceCheck` of each source."""

    def __init__(self, storage: PluginStorage) -> None:
        self._storage = storage

    async def keep(self, source: int, check: SourceCheck) -> None:
        """Store the newest one."""
        short = check.replace(skipped=check.skipped[:MOST_SKIPPED])
        value = msgspec.json.encode(short).decode()
        await self._storage.put_many(
            PLUGIN, [StoredValue(key=_key(source), value=value, version=0)]
        )

    async def every(self) -> Mapping[int, SourceCheck]:
        """All, by source."""
        found: dict[int, SourceCheck] = {}
        after = ""
        while values := await self._storage.scan(PLUGIN, PREFIX, after=after):
            for value in values:
                id = int(value.key.removeprefix(PREFIX))
                found[id] = msgspec.json.decode(value.value, type=SourceCheck)
            after = values[-1].key
        return found

    async def forget(self, source: int) -> None:
        """Delete that of a source that was removed."""
        if stored := await self._storage.get(PLUGIN, _key(source)):
            await self._storage.drop(PLUGIN, stored.key, version=stored.version)


def _key(source: int) -> str:
    return f"{PREFIX}{source:010}"
