"""The processes that serve from this database, and whose hands a row is in.

Each has a row with a lease that it renews. What a process has in its hands (a turn, a send) is
marked with its id, and is nobody else's as long as that row is there. Who takes over removes the
row of a process whose lease has run out, and so tells it; but only after having been in touch with
the database for a whole lease without a gap: when the database was away, everybody's lease has run
out, and everybody gets the time to renew it. On SQLite, where a lock on the data folder lets one
process serve, all others are dead.
"""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update

from gateway.adapters.sql.dialect import now_ms
from gateway.adapters.sql.schema import processes
from gateway.adapters.sql.units import AnyDatabase


class Me:
    """Who this process is to the others: ``id`` is None while it only looks on."""

    def __init__(self, lease: timedelta) -> None:
        self.id: str | None = None
        self.lease = lease.total_seconds()
        self.since = self.until = 0.0
        """Between these the lease runs, by a clock that goes on while this process is stopped."""

    def renewed(self, asked: float) -> None:
        """The database had it at ``asked`` or later."""
        if not self.holds():
            self.since = asked
        self.until = asked + self.lease

    def holds(self) -> bool:
        return _clock() < self.until

    def may_judge(self) -> bool:
        """Whether others have had the time to renew their leases under our eyes."""
        return self.holds() and _clock() - self.since >= self.lease


class SqlProcesses:
    """See `store.Processes`."""

    def __init__(self, database: AnyDatabase, me: Me) -> None:
        self._db, self._me = database, me
        self._name, self._role = "", ""

    async def enter(self, name: str | None, role: str) -> None:
        me, asked = uuid4().hex, _clock()
        self._name, self._role = name or me, role
        await self._db.write(lambda c: self._enter(c, me))
        self._me.id, self._me.until = me, 0.0
        self._me.renewed(asked)

    async def renew(self) -> bool:
        me, asked = self._me.id, _clock()
        longer = (
            update(processes)
            .where(processes.c.id == me)
            .values(seen_at=now_ms(), lease_until=now_ms() + self._ms)
        )
        if await self._db.write(lambda c: c.execute(longer).rowcount) == 1:
            self._me.renewed(asked)
            return True
        await self.enter(self._name, self._role)
        return False

    def holds(self) -> bool:
        return not self._db.shared or self._me.id is None or self._me.holds()

    async def leave(self) -> None:
        me, self._me.id = self._me.id, None
        if me is None:
            return

        mine = delete(processes).where(processes.c.id == me)
        await self._db.write(lambda c: c.execute(mine).close())

    @property
    def _ms(self) -> int:
        return int(self._me.lease * 1000)

    def _enter(self, connection: Connection, me: str) -> None:
        gone = delete(processes)
        if self._db.shared:
            gone = gone.where(processes.c.name == self._name)
        connection.execute(gone)
        values = {"id": me, "name": self._name, "role": self._role}
        times = {"started_at": now_ms(), "seen_at": now_ms(), "lease_until": now_ms() + self._ms}
        connection.execute(insert(processes).values(values | times))


def bury(connection: Connection, me: Me) -> None:
    """Remove those whose lease has run out. Call in the transaction that takes over from them."""
    if me.may_judge():
        over = (processes.c.lease_until < now_ms()) & (processes.c.id != me.id)
        connection.execute(delete(processes).where(over))


def is_alive(connection: Connection, process: str) -> bool:
    """Whether a process of that id may still have something in its hands."""
    alive = select(processes.c.id).where(processes.c.id == process)
    return connection.execute(alive).scalar() is not None


def _clock() -> float:
    # Where the machine has it, the clock that also counts the time of a machine asleep.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
