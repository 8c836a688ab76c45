"""Retention: deletes what is older than the settings allow. Runs once a day, in small steps."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

import msgspec
import structlog

from gateway.model import Json, Value
from gateway.ops.customer_data import archive_lock
from gateway.ports import Clock, Outdated, PluginStorage
from gateway.settings import RetentionSettings
from gateway.store import RetentionStore
from gateway.support.private import private_folder

log = structlog.get_logger()
PAUSE = 0.05
"""Seconds between two steps, so that customers' commits go first."""
GRACE = timedelta(days=1)
"""A file may be stored before the row that refers to it is committed, but not a day before."""
STORAGE = "warmline.retention"
"""The name under which the day of the last run is stored."""
FILES_AT_ONCE = 20_000
"""Files to search references for in one query: each query reads the whole inbox."""
Kind = Literal["attachments", "inbox", "outbox", "hooks"]


class FileArchive(Protocol):
    """The stored files."""

    def older_than(self, timestamp: float) -> AsyncIterator[list[str]]: ...
    async def forget(self, digests: tuple[str, ...], *, before: float | None = None) -> None: ...


class DeletedCounts(Value, frozen=True, kw_only=True):
    """How many conversations, rows and files were deleted, or would be."""

    conversations: int = 0
    attachments: int = 0
    inbox: int = 0
    outbox: int = 0
    hooks: int = 0
    files: int = 0


@dataclass(kw_only=True)
class RetentionJob:
    """Deletes what is older than ``days`` allows. Conversations are first written to the folder
    ``archive``, unless it is None."""

    store: RetentionStore
    files: FileArchive
    storage: PluginStorage
    clock: Clock
    days: RetentionSettings
    archive: Path | None

    async def run_daily(self) -> None:
        """Run once a day at ``days.hour``, in one of the processes; until cancelled."""
        while True:
            await self.clock.sleep(self.seconds_to_next_run())
            try:
                if await self.claim_today():
                    log.info("retention.done", **msgspec.structs.asdict(await self.run()))
            except Exception:
                log.exception("retention.failed")

    async def run(self, *, dry: bool = False) -> DeletedCounts:
        """Run now. ``dry``: only count. The count leaves out files to which only a row refers that
        a real run would delete."""
        days, now = self.days, self.clock.now()
        return DeletedCounts(
            conversations=await self._conversations(_before(now, days.conversations_days), dry),
            attachments=await self._rows("attachments", _before(now, days.attachments_days), dry),
            inbox=await self._rows("inbox", _before(now, days.inbox_days), dry),
            outbox=await self._rows("outbox", _before(now, days.outbox_days), dry),
            hooks=await self._rows("hooks", _before(now, days.webhooks_days), dry),
            files=await self._unreferenced_files(now - GRACE, dry),
        )

    def seconds_to_next_run(self) -> float:
        """Seconds until ``days.hour``, today or tomorrow."""
        now = self.clock.now()
        today = now.replace(hour=self.days.hour, minute=0, second=0, microsecond=0)
        return ((today if today > now else today + timedelta(days=1)) - now).total_seconds()

    async def claim_today(self) -> bool:
        """Whether this process is the one to run today. The others find the day in the storage."""
        today = f"{self.clock.now():%Y-%m-%d}"
        stored = await self.storage.get(STORAGE, "done")
        if stored is not None and stored.value == today:
            return False  # a later day: the clock was set back since
        try:
            version = stored.version if stored else 0
            await self.storage.put(STORAGE, "done", today, version=version)
        except Outdated:
            return False
        return True

    async def _conversations(self, before: datetime | None, dry: bool) -> int:
        if before is None:
            return 0
        count, after = 0, 0
        while True:
            found, step = await self.store.find_inactive(
                before, after, self.days.batch, now=self.clock.now(), correct=not dry
            )
            if found and not dry:
                await self._write_archive(found)
                count += await self.store.delete_conversations(found, before)
            else:
                count += len(found)
            if step.after is None:
                return count
            after = step.after
            await self.clock.sleep(PAUSE)

    async def _rows(self, kind: Kind, before: datetime | None, dry: bool) -> int:
        if before is None:
            return 0
        count, after = 0, 0
        while True:
            step = await self.store.finished_rows(
                kind, before, after, self.days.batch, now=self.clock.now(), delete=not dry
            )
            count += step.count
            if step.after is None:
                return count
            after = step.after
            await self.clock.sleep(PAUSE)

    async def _unreferenced_files(self, before: datetime, dry: bool) -> int:
        """Delete files that no row refers to: their row was deleted, or a crash came before it."""
        count, batch = 0, list[str]()
        async for digests in self.files.older_than(before.timestamp()):
            batch += digests
            if len(batch) >= FILES_AT_ONCE:
                count += await self._delete_unreferenced(batch, before, dry)
                batch = []
        return count + await self._delete_unreferenced(batch, before, dry)

    async def _delete_unreferenced(self, digests: list[str], before: datetime, dry: bool) -> int:
        unreferenced = await self.store.unreferenced_files(digests) if digests else set()
        if unreferenced and not dry:
            await self.files.forget(tuple(unreferenced), before=before.timestamp())
        return len(unreferenced)

    async def _write_archive(self, conversations: Sequence[int]) -> None:
        """Write the conversations to the disk before they are deleted. After a crash in between
        the archive holds them twice."""
        if self.archive is None:
            return
        records = [
            await self.store.export_conversation(conversation) for conversation in conversations
        ]
        file = self.archive / f"conversations-{self.clock.now():%Y-%m}.jsonl.gz"
        await asyncio.to_thread(_append, file, records)


def _before(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now - timedelta(days=days)


def _append(file: Path, records: Sequence[Json]) -> None:
    """Append one gzip member: readers see one file (RFC 1952, 2.2). Only its owner may read it."""
    private_folder(file.parent)
    packed = gzip.compress(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    with archive_lock(file.parent):
        _append_member(file, packed)


def _append_member(file: Path, packed: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as opened:
        before = os.fstat(descriptor).st_size
        view = memoryview(packed)
        try:
            while view:
                view = view[opened.write(view) :]
            os.fsync(descriptor)
        except OSError:  # a part of it would make everything behind it unreadable
            os.ftruncate(descriptor, before)
            raise
