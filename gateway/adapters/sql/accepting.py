"""Taking in: what waits at the same moment goes into the inbox by one statement.

While a statement runs, SQLite's driver gives up the interpreter's lock, and has to wait for it
then. One INSERT of many rows waits once: that made half as many accepts again in a second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import msgspec
from sqlalchemy import Connection, bindparam, select, text

from gateway.adapters.sql import dialect, rows
from gateway.adapters.sql.prepared import Prepared
from gateway.adapters.sql.schema import inbox
from gateway.adapters.sql.units import AnyDatabase
from gateway.adapters.sql.waiting import MOST
from gateway.model import Accepted

COLUMNS = ("lane", "channel", "kind", "remote_id", "conversation_id", "payload", "received_at")
SAME = Prepared(
    select(inbox.c.id).where(
        inbox.c.lane == bindparam("lane"), inbox.c.remote_id == bindparam("remote_id")
    )
)


class Arrival(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row for the inbox. The same (lane, remote id) is stored once."""

    lane: str
    channel: str
    kind: str
    payload: str
    at: datetime
    remote_id: str | None = None
    conversation: int | None = None

    @property
    def row(self) -> tuple[object, ...]:
        """What stands in `COLUMNS`."""
        return (
            self.lane, self.channel, self.kind, self.remote_id,
            self.conversation, self.payload, rows.ms(self.at),
        )  # fmt: skip


def accept(connection: Connection, arrival: Arrival) -> Accepted:
    """Put one row into the inbox, or find the one that has its remote id already."""
    return accept_all(connection, [arrival])[0]


def accept_all(connection: Connection, arrivals: Sequence[Arrival]) -> list[Accepted]:
    """`accept` of each, in their order."""
    dialect.hold(connection, dialect.INBOX, (one.lane for one in arrivals))
    new: list[tuple[int, str, str | None]] = []
    at = 0
    for size, insert in _INSERTS:
        while len(arrivals) - at >= size:
            values = [value for one in arrivals[at : at + size] for value in one.row]
            new += sorted(insert.tuples(connection, values))
            at += size
    if len(new) == len(arrivals):
        return [Accepted(turn=id) for id, _, _ in new]
    ids: dict[tuple[str, str | None], deque[int]] = {}
    for id, lane, remote_id in new:
        ids.setdefault((lane, remote_id), deque()).append(id)
    return [_accepted(connection, one, ids) for one in arrivals]


def _accept(arrival: Arrival, connection: Connection) -> Accepted:
    return accept(connection, arrival)


def _accepted(
    connection: Connection, one: Arrival, new: dict[tuple[str, str | None], deque[int]]
) -> Accepted:
    ids = new.get((one.lane, one.remote_id))
    if ids:
        return Accepted(turn=ids.popleft())
    known = SAME.scalar(connection, {"lane": one.lane, "remote_id": one.remote_id})
    return Accepted(turn=known, duplicate=True)


def _insert(many: int) -> Prepared:
    # SQLite and PostgreSQL read this alike; Core has one construct for each of them.
    values = ", ".join(
        f"({', '.join(f':{name}{number}' for name in COLUMNS)}, 'ready', 0, 0)"
        for number in range(many)
    )
    return Prepared(
        text(
            f"INSERT INTO inbox ({', '.join(COLUMNS)}, state, attempts, due_at)"  # noqa: S608  (our own names)
            f" VALUES {values} ON CONFLICT DO NOTHING RETURNING id, lane, remote_id"
        )
    )


_INSERTS = tuple((many, _insert(many)) for many in (64, 32, 16, 8, 4, 2, 1))
"""A statement for each of these numbers of rows, the largest first: few are to be kept."""


class Door:
    """Takes in for many at once; each hears of its own."""

    def __init__(self, database: AnyDatabase) -> None:
        self._db = database
        self._waiting: deque[tuple[Arrival, asyncio.Future[Accepted]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def accept(self, arrival: Arrival) -> Accepted:
        """Give back after the commit. Raises what kept it from being stored."""
        done: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, done))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._together()
        finally:
            self._working = None

    async def _together(self) -> None:
        taken: list[tuple[Arrival, asyncio.Future[Accepted]]] = []

        def unit(connection: Connection) -> list[Accepted]:
            # Here, in the database's thread: who came while this unit waited goes with it.
            while self._waiting and len(taken) < MOST:
                taken.append(self._waiting.popleft())
            return accept_all(connection, [arrival for arrival, _ in taken])

        try:
            results = await self._db.write(unit)
        except Exception as error:  # noqa: BLE001  (handed to those who wait)
            taken = taken or [self._waiting.popleft() for _ in range(len(self._waiting))]
            await self._apart(taken, error)
            return
        for (_, done), accepted in zip(taken, results, strict=True):
            if not done.done():  # else its waiter was cancelled; the row stands
                done.set_result(accepted)

    async def _apart(
        self, taken: Sequence[tuple[Arrival, asyncio.Future[Accepted]]], error: Exception
    ) -> None:
        """One of them spoilt it for all: each by itself, so that only that one fails."""
        for arrival, done in taken:
            if done.done():
                continue
            if len(taken) == 1:
                done.set_exception(error)
                continue
            try:
                done.set_result(await self._db.write(partial(_accept, arrival)))
            except Exception as own:  # noqa: BLE001  (handed to the one who waits)
                done.set_exception(own)
