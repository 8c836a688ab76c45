"""The processes that serve from this database, and whose hands a row is in.

Each has a row with a lease that it renews. What a process has in its hands (a turn, a send) is
marked with its id, and is nobody else's as long as the lease runs. On SQLite, where a lock on the
data folder lets one process serve, all others are dead.
"""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, insert, literal, select, update

from gateway.adapters.sql.dialect import now_ms
from gateway.adapters.sql.schema import inbox, processes
from gateway.adapters.sql.units import AnyDatabase

FORGOTTEN = 86_400_000
"""Milliseconds after its lease that a dead process's row is kept, for people to see."""


class Me:
    """Who this process is to the others: ``id`` is None while it only looks on."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.until = 0.0
        """When the lease ends, by a clock that goes on while this process is stopped."""


class SqlProcesses:
    """See `store.Processes`."""

    def __init__(self, database: AnyDatabase, me: Me, *, lease: timedelta) -> None:
        self._db, self._me = database, me
        self._lease = lease
        self._name, self._role = "", ""

    async def enter(self, name: str | None, role: str) -> None:
        me, asked = uuid4().hex, _clock()
        self._name, self._role = name or me, role
        await self._db.write(lambda c: self._enter(c, me))
        self._me.id, self._me.until = me, asked + self._lease.total_seconds()

    async def renew(self) -> bool:
        """Also when a process of our own name took our place, we are somebody new."""
        me, asked = self._me.id, _clock()
        longer = (
            update(processes)
            .where(processes.c.id == me, self._alive())
            .values(seen_at=now_ms(), lease_until=now_ms() + self._ms)
        )
        if await self._db.write(lambda c: c.execute(longer).rowcount) == 1:
            self._me.until = asked + self._lease.total_seconds()
            return True
        await self.enter(self._name, self._role)
        return False

    def holds(self) -> bool:
        return not self._db.shared or self._me.id is None or _clock() < self._me.until

    async def leave(self) -> None:
        me, self._me.id = self._me.id, None
        if me is None:
            return

        def unit(connection: Connection) -> None:
            in_hand = (inbox.c.state == "ready") & (inbox.c.process == me)
            connection.execute(update(inbox).where(in_hand).values(process=None))
            connection.execute(delete(processes).where(processes.c.id == me))

        await self._db.write(unit)

    @property
    def _ms(self) -> int:
        return int(self._lease.total_seconds() * 1000)

    def _alive(self) -> ColumnElement[bool]:
        return processes.c.lease_until > now_ms() if self._db.shared else literal(True)

    def _enter(self, connection: Connection, me: str) -> None:
        gone = processes.c.lease_until < now_ms() - FORGOTTEN
        if self._db.shared:
            gone |= processes.c.name == self._name
        else:
            gone = literal(True)
        connection.execute(delete(processes).where(gone))
        values = {"id": me, "name": self._name, "role": self._role}
        times = {"started_at": now_ms(), "seen_at": now_ms(), "lease_until": now_ms() + self._ms}
        connection.execute(insert(processes).values(values | times))


def is_alive(connection: Connection, process: str) -> bool:
    """Whether a process of that id may still have something in its hands."""
    alive = select(processes.c.id).where(
        processes.c.id == process, processes.c.lease_until > now_ms()
    )
    return connection.execute(alive).scalar() is not None


def _clock() -> float:
    # Where the machine has it, the clock that also counts the time of a machine asleep.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
