"""Whether the database takes messages, and what keeps it from that, in words for its operator."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog
from sqlalchemy import Connection, text

from gateway.adapters.sql.engine.base import SqlDatabase

_SQLITE = {
    sqlite3.SQLITE_FULL: "its disk is full; make room",
    sqlite3.SQLITE_BUSY: "another process holds it locked; end that process",
    sqlite3.SQLITE_LOCKED: "another process holds it locked; end that process",
    sqlite3.SQLITE_READONLY: "it cannot be written; check the owner and mode of the file and its "
    "folder, and whether the disk is mounted for reading only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and that this user "
    "may write there",
    sqlite3.SQLITE_PERM: "this user may not open it; check its owner and mode",
    sqlite3.SQLITE_IOERR: "its disk reports errors; check the disk and its free space",
}
DAMAGED = "it is damaged, or no database of Warmline; restore a backup with `warmline restore`"
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_POSTGRES = {
    "25006": "it is read-only; connect to the primary server",
    "28P01": "it refuses the password; correct `database_url`",
    "3D000": "there is no database of that name; create it, or correct `database_url`",
    "53100": "its disk is full; make room",
    "53300": "it takes no more connections; raise max_connections, or lower `postgres.writers`",
    "57P03": "it is starting up or shutting down; it is tried again",
}
_POSTGRES_DAMAGE = {"XX001", "XX002"}
"""data_corrupted and index_corrupted (PostgreSQL, appendix A)."""


def is_damage(error: BaseException) -> bool:
    """Whether ``error`` says that the database itself is damaged."""
    return any(
        _sqlite_code(each) in _DAMAGE or getattr(each, "sqlstate", None) in _POSTGRES_DAMAGE
        for each in _causes(error)
    )


def in_words(error: BaseException) -> str:
    """What is wrong and what to do. Never quotes the error, which may hold a customer's words."""
    if is_damage(error):
        return DAMAGED
    for each in _causes(error):
        known = _SQLITE.get(_sqlite_code(each)) or _POSTGRES.get(getattr(each, "sqlstate", ""))
        if known:
            return known
    if any(isinstance(each, OSError | TimeoutError) for each in _causes(error)):
        return "it cannot be reached; check that it runs, and `database_url`"
    return f"it failed with {type(error).__name__}; see the server's log"


def _sqlite_code(error: BaseException) -> int:
    """The primary result code (sqlite.org/rescode.html); 0 for another kind of error."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = getattr(cause, "orig", None) or cause.__cause__


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
        await self._db.check_integrity(LARGEST_CHECKED)

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
        write = self._write  # two may ask at the same moment
        done, _ = await asyncio.wait({write}, timeout=WRITE_TIMEOUT)
        if not done:
            return f"a write has not ended within {WRITE_TIMEOUT:g} s; another process may hold it"
        self._write = None if self._write is write else self._write
        if (error := write.exception()) is None:
            return None
        log.warning("database.not_writable", error=type(error).__name__)
        return in_words(error)


def _touch(connection: Connection) -> None:
    connection.execute(_WRITE)
