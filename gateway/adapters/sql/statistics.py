"""The state of the database: what waits and what is stuck, and whether the database is healthy.

The queue statistics use the partial indexes over the rows that are still to be handled.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.dialect import now_ms
from gateway.adapters.sql.engine.opening import NEWEST, REVISIONS, revision_of
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.schema import processes
from gateway.ports import Clock, HealthProblem
from gateway.store import Backlog, QueueStatistics

LARGEST_LOG = 256 * 2**20
"""Bytes of the write-ahead log. SQLite cuts it to 64 MB whenever nobody reads from its
beginning."""
LEAST_DISK = 2**30
"""Free bytes."""

GRACE = timedelta(minutes=1)
"""Timers fire once a second; one that is this late does not fire."""

# The states are literal: SQLite uses a partial index only when it can prove its condition. The
# oldest row has the lowest id; only that row's time is read.
_INBOX = text(
    "SELECT w.n, (SELECT received_at FROM inbox WHERE id = w.first) FROM"
    " (SELECT count(*) AS n, min(id) AS first FROM inbox WHERE state = 'ready') AS w"
)
_STUCK = text("SELECT count(*), min(received_at) FROM inbox WHERE state = 'stuck'")
_OUTBOX = text(
    "SELECT w.n, (SELECT created_at FROM outbox WHERE id = w.first) FROM"
    " (SELECT count(*) AS n, min(id) AS first FROM outbox WHERE state IN ('ready', 'sending')) AS w"
)
_UNDELIVERED = text(
    "SELECT state, count(*), min(created_at) FROM outbox"
    " WHERE state IN ('dead', 'unsure') GROUP BY state"
)
_HOOKS = text(
    "SELECT w.n, (SELECT created_at FROM hooks WHERE id = w.first) FROM"
    " (SELECT count(*) AS n, min(id) AS first FROM hooks WHERE state = 'ready') AS w"
)
_HOOKS_DEAD = text("SELECT count(*), min(created_at) FROM hooks WHERE state = 'dead'")
_UNCLAIMED = text(
    "SELECT count(*), min(created_at) FROM handoffs WHERE closed_at IS NULL AND claimed_at IS NULL"
)
_OVERDUE = text("SELECT count(*), min(due_at) FROM timers WHERE due_at <= :late")


class SqlQueueStatistics:
    """See `store.Statistics`."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database

    async def backlog(self, at: datetime) -> Backlog:
        return await self._db.read(lambda c: _backlog(c, at), long=True)


def _backlog(connection: Connection, at: datetime) -> Backlog:
    undelivered = {
        state: _queue_statistics(count, since)
        for state, count, since in connection.execute(_UNDELIVERED)
    }
    overdue = connection.execute(_OVERDUE, {"late": rows.to_ms(at - GRACE)}).one()
    others = {
        name: _queue_statistics(*connection.execute(query).one())
        for name, query in (
            ("inbox", _INBOX),
            ("outbox", _OUTBOX),
            ("hooks", _HOOKS),
            ("stuck", _STUCK),
            ("hooks_dead", _HOOKS_DEAD),
            ("unclaimed", _UNCLAIMED),
        )
    }
    return Backlog(**others, **undelivered, overdue=_queue_statistics(*overdue))


def _queue_statistics(count: int, since: int | None) -> QueueStatistics:
    return QueueStatistics(rows=count, since=rows.maybe_from_ms(since))


class DatabaseHealthCheck:
    """See `ports.HealthCheck`. Reads only: it neither creates nor migrates the database."""

    def __init__(self, database: SqlDatabase) -> None:
        self._db = database
        self._file = database.file if isinstance(database, SqliteDatabase) else None

    @property
    def exists(self) -> bool:
        return self._file is None or self._file.exists()

    async def is_current(self) -> bool:
        """Whether the schema is this version's. Raises what keeps the database from being read."""
        return self.exists and await self._db.read(revision_of) == NEWEST

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:  # noqa: ARG002  (a HealthCheck)
        if not self.exists:
            what = f"the database {self._file} does not exist yet"
            remedy = "the first `warmline serve` creates it"
            return [HealthProblem(what=what, severity="warning", fix=remedy)]
        found = await self._check_schema()
        if self._file is None:
            return found
        return [*found, *_check_disk(self._file), *_check_log(self._file)]

    async def serving(self) -> tuple[int, list[str]]:
        """The number of processes that serve, and the names of those whose lease has expired."""
        found = await self._db.read(lambda c: c.execute(select(processes, now_ms())).all())
        expired = [row.name or row.id for row in found if row.lease_until < row[-1]]
        return len(found) - len(expired), expired

    async def _check_schema(self) -> Sequence[HealthProblem]:
        try:
            revision = await self._db.read(revision_of)
        except (OSError, TimeoutError, SQLAlchemyError) as error:
            what = f"the database cannot be used: {type(error).__name__}"
            remedy = "check `database_url`, and whether the server is running"
            return [HealthProblem(what=what, fix=remedy)]
        if revision == NEWEST:
            return []
        if revision not in ("base", *REVISIONS):
            what = f"the schema ({revision}) is of a newer version than this one ({NEWEST})"
            return [HealthProblem(what=what, fix="install that version again, or restore a backup")]
        found = "none" if revision == "base" else revision
        what = f"the schema is of an older version ({found}, this one has {NEWEST})"
        remedy = "make a backup, then run `warmline migrate` or `warmline serve`"
        return [HealthProblem(what=what, severity="warning", fix=remedy)]


def _check_disk(file: Path) -> Sequence[HealthProblem]:
    disk = shutil.disk_usage(file.parent)
    if disk.free >= min(LEAST_DISK, disk.total // 10):
        return []
    what = f"{disk.free / 2**20:.0f} MB are left on the disk of {file.parent}"
    remedy = "make room, or set `retention`; on a full disk, providers get errors and retry"
    full = disk.free < 64 * 2**20
    return [HealthProblem(what=what, severity="broken" if full else "warning", fix=remedy)]


def _check_log(file: Path) -> Sequence[HealthProblem]:
    log = file.with_name(file.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    if size < LARGEST_LOG:
        return []
    what = f"the write-ahead log has {size / 2**20:.0f} MB"
    remedy = "a reader holds it: end backups and shells that keep the database open"
    return [HealthProblem(what=what, severity="warning", fix=remedy)]
