"""Whether the database takes messages: it can be written, its disk has room, it is not damaged."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy import Connection, text

from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.failures import in_words
from gateway.adapters.sql.engine.sqlite import SqliteDatabase

log = structlog.get_logger()
WRITE_TIMEOUT = 1.5
"""Seconds that a write may take. It waits behind at most a group of turns, some milliseconds."""
LARGEST_CHECKED = 2**30
"""Bytes of a SQLite file that is checked at every start, at about a second for each 200 MB."""
_WRITE = text("UPDATE alembic_version SET version_num = version_num")
"""The smallest real write: it goes through the log to the disk, and changes nothing."""


class DatabaseProbe:
    """Tries the database as a message would. ``folders``: where the database and the files lie;
    each must have ``least_disk`` free bytes."""

    def __init__(self, database: SqlDatabase, *, folders: Sequence[Path], least_disk: int) -> None:
        self._db, self._folders, self._least_disk = database, folders, least_disk
        self._write: asyncio.Task[None] | None = None

    async def trouble(self) -> str | None:
        """Why no message can be taken, for people; None if it can."""
        if self._db.damage is not None:
            return self._db.damage
        return self._full_disk() or await self._unwritable()

    async def check_integrity(self) -> None:
        """Search a SQLite file of at most `LARGEST_CHECKED` bytes for damage, which then shows as
        `trouble`. PostgreSQL checks each page that it reads."""
        if isinstance(self._db, SqliteDatabase) and _size(self._db.file) <= LARGEST_CHECKED:
            await self._db.check_integrity()

    def _full_disk(self) -> str | None:
        for folder in self._folders:
            free = shutil.disk_usage(folder).free
            if free < self._least_disk:
                left = f"{free / 1e6:.0f} MB are left on the disk of {folder}"
                return f"{left}, and limits.disk asks for {self._least_disk / 1e6:.0f}; make room"
        return None

    async def _unwritable(self) -> str | None:
        if self._write is None:  # else one that hangs is still being waited for
            self._write = asyncio.create_task(self._db.write(_touch))
        done, _ = await asyncio.wait({self._write}, timeout=WRITE_TIMEOUT)
        if not done:
            return f"a write has not ended within {WRITE_TIMEOUT:g} s; another process may hold it"
        write, self._write = self._write, None
        if (error := write.exception()) is None:
            return None
        log.warning("database.not_writable", error=type(error).__name__)
        return in_words(error)


def _touch(connection: Connection) -> None:
    connection.execute(_WRITE)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
