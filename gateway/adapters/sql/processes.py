"""The processes that serve from this database, and their leases.

Each process has a row with a lease that it renews. It marks what it works on (a turn, a send) with
its id; nobody else takes that as long as its row exists. A process that takes over removes the row
of one whose lease has expired, which is how the other learns of it. It may do so only after it has
been in contact with the database for a whole lease: after an outage of the database every lease has
expired, and each process gets the time to renew its own. On SQLite a lock on the data folder lets
one process serve, so all others are dead.
"""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update

from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.dialect import now_ms
from gateway.adapters.sql.schema import processes


class ProcessLease:
    """This process as the others see it. ``id`` is None for one that only reads."""

    def __init__(self, duration: timedelta) -> None:
        self.id: str | None = None
        self.duration = duration.total_seconds()
        self.since = self.until = 0.0
        """The lease runs between these, by a clock that runs on while the process is stopped."""

    def renewed(self, asked: float) -> None:
        """The database renewed it at ``asked`` or later."""
        if not self.is_running():
            self.since = asked
        self.until = asked + self.duration

    def is_running(self) -> bool:
        return _clock() < self.until

    def may_remove_others(self) -> bool:
        """Whether the others have had the time to renew their leases while we were watching."""
        return self.is_running() and _clock() - self.since >= self.duration


class SqlProcesses:
    """See `store.Processes`."""

    def __init__(self, database: SqlDatabase, lease: ProcessLease) -> None:
        self._db, self._lease = database, lease
        self._name, self._role = "", ""

    async def register(self, name: str | None, role: str) -> None:
        id, asked = uuid4().hex, _clock()
        self._name, self._role = name or id, role
        await self._db.write(lambda c: self._enter(c, id))
        self._lease.id, self._lease.until = id, 0.0
        self._lease.renewed(asked)

    async def renew(self) -> bool:
        id, asked = self._lease.id, _clock()
        renewed = (
            update(processes)
            .where(processes.c.id == id)
            .values(seen_at=now_ms(), lease_until=now_ms() + self._duration_ms)
        )
        if await self._db.write(lambda c: c.execute(renewed).rowcount) == 1:
            self._lease.renewed(asked)
            return True
        await self.register(self._name, self._role)
        return False

    def holds_lease(self) -> bool:
        return not self._db.shared or self._lease.id is None or self._lease.is_running()

    async def unregister(self) -> None:
        id, self._lease.id = self._lease.id, None
        if id is not None:
            own = delete(processes).where(processes.c.id == id)
            await self._db.write(lambda c: c.execute(own).close())

    @property
    def _duration_ms(self) -> int:
        return int(self._lease.duration * 1000)

    def _enter(self, connection: Connection, id: str) -> None:
        dead = delete(processes)
        if self._db.shared:
            dead = dead.where(processes.c.name == self._name)
        connection.execute(dead)
        values = {"id": id, "name": self._name, "role": self._role}
        until = now_ms() + self._duration_ms
        times = {"started_at": now_ms(), "seen_at": now_ms(), "lease_until": until}
        connection.execute(insert(processes).values(values | times))


def remove_expired(connection: Connection, lease: ProcessLease) -> None:
    """Remove processes whose lease has expired. Call in the transaction that takes over their
    work."""
    if lease.may_remove_others():
        expired = (processes.c.lease_until < now_ms()) & (processes.c.id != lease.id)
        connection.execute(delete(processes).where(expired))


def is_alive(connection: Connection, process: str) -> bool:
    """Whether the process with this id may still be working."""
    alive = select(processes.c.id).where(processes.c.id == process)
    return connection.execute(alive).scalar() is not None


def _clock() -> float:
    # Prefer the clock that also counts the time while the machine is asleep.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
