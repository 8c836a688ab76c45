"""Is the database well? Asked without changing anything: it is neither made nor migrated."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from gateway.adapters.sql.database import Database
from gateway.ports import Clock, Symptom

LOG_MOST = 256 * 2**20
"""Bytes of the write-ahead log; it is cut to 64 MB whenever nobody reads from its beginning."""
DISK_LEAST = 2**30


class DatabaseCheckup:
    """See `ports.Checkup`. ``file`` is the SQLite file."""

    def __init__(self, database: Database, file: Path) -> None:
        self._db = database
        self._file = file

    @property
    def exists(self) -> bool:
        return self._file.exists()

    async def is_current(self) -> bool:
        """Whether the schema is this version's."""
        return self.exists and await self._db.read(_revision) == _head()

    async def checkup(self, clock: Clock) -> Sequence[Symptom]:  # noqa: ARG002  (a Checkup)
        if not self.exists:
            what = f"there is no database {self._file} yet"
            return [
                Symptom(what=what, severity="warning", mend="the first `warmline serve` makes it")
            ]
        return [*await self._schema(), *self._room(), *self._log()]

    async def _schema(self) -> Sequence[Symptom]:
        there, ours = await self._db.read(_revision), _head()
        if there == ours:
            return []
        if there is not None and there not in _known():
            what = f"the schema ({there}) is of a newer version than this one ({ours})"
            return [Symptom(what=what, mend="install that version again, or restore a backup")]
        what = f"the schema is of an older version ({there or 'none'}, this one has {ours})"
        mend = "make a backup, then start `warmline serve`, which brings it up to date"
        return [Symptom(what=what, severity="warning", mend=mend)]

    def _room(self) -> Sequence[Symptom]:
        disk = shutil.disk_usage(self._file.parent)
        if disk.free >= min(DISK_LEAST, disk.total // 10):
            return []
        what = f"{disk.free / 2**20:.0f} MB are left on the disk of {self._file.parent}"
        mend = "make room, or set `retention`; a full disk sends messages back to the providers"
        full = disk.free < 64 * 2**20
        return [Symptom(what=what, severity="broken" if full else "warning", mend=mend)]

    def _log(self) -> Sequence[Symptom]:
        log = self._file.with_name(self._file.name + "-wal")
        size = log.stat().st_size if log.exists() else 0
        if size < LOG_MOST:
            return []
        what = f"the write-ahead log has {size / 2**20:.0f} MB"
        mend = "something reads for very long: end backups and shells that hold the database open"
        return [Symptom(what=what, severity="warning", mend=mend)]


def _revision(connection: Connection) -> str | None:
    connection.execute(text("SELECT 1")).scalar()
    return MigrationContext.configure(connection).get_current_revision()


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config)


def _head() -> str | None:
    return _scripts().get_current_head()


def _known() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}
