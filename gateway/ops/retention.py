"""What is older than it may be goes: once a day, off-peak, a little at a time, archived first."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

import msgspec
import structlog

from gateway.model import Json, Value
from gateway.ports import Clock, Outdated, PluginStorage
from gateway.settings import RetentionSettings as Days
from gateway.store import RetentionStep, RetentionStore

log = structlog.get_logger()
PAUSE = 0.05
"""Seconds between two steps, so that customers' commits go first."""
SETTLED = timedelta(days=1)
"""A file that was kept may be named only later, when its message is committed; not a day later."""
GUEST = "warmline.retention"
"""Under this name the day on which it was last done is written down."""
AT_ONCE = 20_000
"""Files that are looked for together: each look reads the inbox once."""
Kind = Literal["attachments", "inbox", "outbox", "hooks"]


class FileArchive(Protocol):
    """Where files lie."""

    def older(self, than: float) -> AsyncIterator[list[str]]: ...
    async def forget(self, digests: tuple[str, ...]) -> None: ...


class DeletedCounts(Value, frozen=True, kw_only=True):
    """How many went, or would go."""

    conversations: int = 0
    attachments: int = 0
    inbox: int = 0
    outbox: int = 0
    hooks: int = 0
    files: int = 0


class RetentionJob:
    """Deletes by ``days``; ``archive`` is an existing or new folder, None for no archive."""

    def __init__(
        self,
        *,
        keeping: RetentionStore,
        files: FileArchive,
        storage: PluginStorage,
        clock: Clock,
        days: Days,
        archive: Path | None,
    ) -> None:
        self._keeping = keeping
        self._files = files
        self._notebook = storage
        self._clock = clock
        self._days = days
        self._archive = archive

    async def rounds(self) -> None:
        """Until cancelled: once a day at its hour, in one process of all."""
        while True:
            await self._clock.sleep(self._until_next())
            try:
                if await self._mine_today():
                    log.info("retention.done", **msgspec.structs.asdict(await self.run()))
            except Exception:
                log.exception("retention.failed")

    async def run(self, *, dry: bool = False) -> DeletedCounts:
        """Do it now. ``dry``: only count; files that only a deleted row names are not counted."""
        days, now = self._days, self._clock.now()
        return DeletedCounts(
            conversations=await self._conversations(_before(now, days.conversations_days), dry),
            attachments=await self._rows("attachments", _before(now, days.attachments_days), dry),
            inbox=await self._rows("inbox", _before(now, days.inbox_days), dry),
            outbox=await self._rows("outbox", _before(now, days.outbox_days), dry),
            hooks=await self._rows("hooks", _before(now, days.webhooks_days), dry),
            files=await self._orphans(now - SETTLED, dry),
        )

    async def _conversations(self, before: datetime | None, dry: bool) -> int:
        if before is None:
            return 0
        count, after = 0, 0
        while True:
            found, cut = await self._keeping.find_inactive(before, after, self._days.batch)
            if found and not dry:
                await self._keep(found)
                count += await self._keeping.delete_conversations(found, before)
            else:
                count += len(found)
            if cut.after is None:
                return count
            after = cut.after
            await self._clock.sleep(PAUSE)

    async def _rows(self, kind: Kind, before: datetime | None, dry: bool) -> int:
        if before is None:
            return 0
        count, after = 0, 0
        while True:
            cut: RetentionStep = await self._keeping.finished_rows(
                kind, before, after, self._days.batch, delete=not dry
            )
            count += cut.gone
            if cut.after is None:
                return count
            after = cut.after
            await self._clock.sleep(PAUSE)

    async def _orphans(self, before: datetime, dry: bool) -> int:
        """Files that no row names: a crash came between the file and its row, or the row went."""
        count, some = 0, list[str]()
        async for digests in self._files.older(before.timestamp()):
            some += digests
            if len(some) >= AT_ONCE:
                count += await self._sweep(some, dry)
                some = []
        return count + await self._sweep(some, dry)

    async def _sweep(self, digests: list[str], dry: bool) -> int:
        orphans = await self._keeping.unreferenced_files(digests) if digests else set()
        if orphans and not dry:
            await self._files.forget(tuple(orphans))
        return len(orphans)

    async def _keep(self, conversations: Sequence[int]) -> None:
        """On the disk before anything is deleted. After a crash in between they are there twice."""
        if self._archive is None:
            return
        lines = [await self._keeping.export_conversation(one) for one in conversations]
        file = self._archive / f"conversations-{self._clock.now():%Y-%m}.jsonl.gz"
        await asyncio.to_thread(_append, file, lines)

    def _until_next(self) -> float:
        now = self._clock.now()
        today = now.replace(hour=self._days.hour, minute=0, second=0, microsecond=0)
        return ((today if today > now else today + timedelta(days=1)) - now).total_seconds()

    async def _mine_today(self) -> bool:
        """Whether this process is the one to do it; the others find the day written down."""
        today = f"{self._clock.now():%Y-%m-%d}"
        known = await self._notebook.get(GUEST, "done")
        if known is not None and known.value >= today:
            return False
        try:
            version = known.version if known else 0
            await self._notebook.put(GUEST, "done", today, version=version)
        except Outdated:
            return False
        return True


def _before(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now - timedelta(days=days)


def _append(file: Path, lines: Sequence[Json]) -> None:
    """A gzip member more; a reader sees one file (RFC 1952, 2.2). Only we may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        view = memoryview(packed)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
