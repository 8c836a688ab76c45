"""Is the database well? Asked without changing anything: it is neither made nor migrated."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.adapters.sql.database import Database
from gateway.adapters.sql.dialect import now_ms
from gateway.adapters.sql.schema import processes
from gateway.adapters.sql.units import AnyDatabase
from gateway.ports import Clock, HealthProblem

LOG_MOST = 256 * 2**20
"""Bytes of the write-ahead log; it is cut to 64 MB whenever nobody reads from its beginning."""
DISK_LEAST = 2**30


class DatabaseCheckup:
    """See `ports.Checkup`."""

    def __init__(self, database: AnyDatabase) -> None:
        self._db = database
        self._file = database.file if isinstance(database, Database) else None

    @property
    def exists(self) -> bool:
        return self._file is None or self._file.exists()

    async def is_current(self) -> bool:
        """Whether the schema is this version's. Raises what keeps the database from being read."""
        return self.exists and await self._db.read(_revision) == _head()

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:  # noqa: ARG002  (a Checkup)
        if not self.exists:
            what = f"there is no database {self._file} yet"
            fix = "the first `warmline serve` makes it"
            return [HealthProblem(what=what, severity="warning", fix=fix)]
        found = await self._schema()
        return found if self._file is None else [*found, *_room(self._file), *_log(self._file)]

    async def serving(self) -> tuple[int, list[str]]:
        """How many processes serve from it, and the names of those that stopped without a word."""
        found = await self._db.read(lambda c: c.execute(select(processes, now_ms())).all())
        gone = [row.name or row.id for row in found if row.lease_until < row[-1]]
        return len(found) - len(gone), gone

    async def _schema(self) -> Sequence[HealthProblem]:
        try:
            there, ours = await self._db.read(_revision), _head()
        except (OSError, TimeoutError, SQLAlchemyError) as error:
            what = f"the database cannot be used: {type(error).__name__}"
            return [
                HealthProblem(what=what, fix="see `database_url`, and whether the server is up")
            ]
        if there == ours:
            return []
        if there is not None and there not in _known():
            what = f"the schema ({there}) is of a newer version than this one ({ours})"
            return [HealthProblem(what=what, fix="install that version again, or restore a backup")]
        what = f"the schema is of an older version ({there or 'none'}, this one has {ours})"
        fix = "make a backup, then `warmline migrate`, or start `warmline serve`, which does it"
        return [HealthProblem(what=what, severity="warning", fix=fix)]


def _room(file: Path) -> Sequence[HealthProblem]:
    disk = shutil.disk_usage(file.parent)
    if disk.free >= min(DISK_LEAST, disk.total // 10):
        return []
    what = f"{disk.free / 2**20:.0f} MB are left on the disk of {file.parent}"
    fix = "make room, or set `retention`; a full disk sends messages back to the providers"
    full = disk.free < 64 * 2**20
    return [HealthProblem(what=what, severity="broken" if full else "warning", fix=fix)]


def _log(file: Path) -> Sequence[HealthProblem]:
    log = file.with_name(file.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    if size < LOG_MOST:
        return []
    what = f"the write-ahead log has {size / 2**20:.0f} MB"
    fix = "something reads for very long: end backups and shells that hold the database open"
    return [HealthProblem(what=what, severity="warning", fix=fix)]


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
