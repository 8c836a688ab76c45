"""Taking in: what waits at the same moment goes into the inbox by one statement.

While a statement runs, SQLite's driver gives up the interpreter's lock, and has to wait for it
then. One INSERT of many rows waits once: that made half as many accepts again in a second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial

import msgspec
from msgspec.structs import astuple
from sqlalchemy import Connection, Dialect, bindparam, select, text

from gateway.adapters.sql import dialect
from gateway.adapters.sql.prepared import Prepared, Statement
from gateway.adapters.sql.schema import inbox
from gateway.adapters.sql.units import AnyDatabase
from gateway.adapters.sql.waiting import MOST
from gateway.model import Accepted

SAME = Prepared(
    select(inbox.c.id).where(
        inbox.c.lane == bindparam("lane"), inbox.c.remote_id == bindparam("remote_id")
    )
)
LAST = Prepared(select(inbox.c.id).order_by(inbox.c.id.desc()).limit(bindparam("many")))


class Arrival(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row for the inbox; the fields are its columns, ``received_at`` in milliseconds since
    1970. The same (lane, remote id) is stored once."""

    lane: str
    channel: str
    kind: str
    remote_id: str | None = None
    conversation_id: int | None = None
    payload: str
    received_at: int


class Insert(Prepared):
    """Put ``many`` rows into the inbox, but for those whose remote id is there already."""

    def __init__(self, many: int) -> None:
        # SQLite and PostgreSQL read this alike; Core has one construct for each of them.
        names = Arrival.__struct_fields__
        row = "({}, 'ready', 0, 0)"
        values = (
            row.format(", ".join(f":{name}{number}" for name in names)) for number in range(many)
        )
        into = f"INSERT INTO inbox ({', '.join(names)}, state, attempts, due_at)"
        sql = f"{into} VALUES {', '.join(values)} ON CONFLICT DO NOTHING"
        super().__init__(text(sql))
        self._many = many
        self._returning = text(f"{sql} RETURNING id")

    def new(self, connection: Connection, rows: Sequence[Arrival]) -> Sequence[int]:
        """The ids of those that were put in, in the order of the rows."""
        done = self.run(connection, [value for row in rows for value in astuple(row)])
        if dialect.is_postgres(connection):
            return sorted(id for (id,) in done.fetchall())
        if done.rowcount == self._many:  # in SQLite's one writer they follow one another
            return range(done.lastrowid - self._many + 1, done.lastrowid + 1)
        return sorted(row.id for row in LAST.all(connection, {"many": done.rowcount}))

    def _written(self, dialect: Dialect) -> Statement:
        # RETURNING costs SQLite half as much again as the rows.
        return self._statement if dialect.name == "sqlite" else self._returning


INSERTS = tuple((many, Insert(many)) for many in (64, 32, 16, 8, 4, 2, 1))
"""A statement for each of these numbers of rows, the largest first: few are to be kept."""


def accept(connection: Connection, arrival: Arrival) -> Accepted:
    """Put one row into the inbox, or find the one that has its remote id already."""
    return accept_all(connection, [arrival])[0]


def accept_all(connection: Connection, arrivals: Sequence[Arrival]) -> list[Accepted]:
    """`accept` of each, in their order."""
    dialect.hold(connection, dialect.INBOX, (one.lane for one in arrivals))
    new: list[int] = []
    at = 0
    for size, insert in INSERTS:
        while len(arrivals) - at >= size:
            new += insert.new(connection, arrivals[at : at + size])
            at += size
    if len(new) == len(arrivals):
        return [Accepted(turn=id) for id in new]
    left = deque(new)
    return [_accepted(connection, one, left) for one in arrivals]


def _accept(arrival: Arrival, connection: Connection) -> Accepted:
    return accept(connection, arrival)


def _accepted(connection: Connection, one: Arrival, new: deque[int]) -> Accepted:
    """``new``: the ids of this row and of those after it that were put in, in their order."""
    if one.remote_id is None:
        return Accepted(turn=new.popleft())
    known = SAME.scalar(connection, {"lane": one.lane, "remote_id": one.remote_id})
    if new and new[0] == known:
        return Accepted(turn=new.popleft())
    return Accepted(turn=known, duplicate=True)


class Door:
    """Takes in for many at once; each hears of its own."""

    def __init__(self, database: AnyDatabase) -> None:
        self._db = database
        self._waiting: deque[tuple[Arrival, asyncio.Future[Accepted]]] = deque()
        self._working: asyncio.Task[None] | None = None

    def accept(self, arrival: Arrival) -> asyncio.Future[Accepted]:
        """What it became, after the commit; or what kept it from being stored."""
        done = asyncio.Future[Accepted]()
        self._waiting.append((arrival, done))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return done

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
            _tell(done, accepted)

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
                found: Accepted | Exception = await self._db.write(partial(_accept, arrival))
            except Exception as own:  # noqa: BLE001  (handed to the one who waits)
                found = own
            _tell(done, found)


def _tell(done: asyncio.Future[Accepted], found: Accepted | Exception) -> None:
    """To the one who waits; if that was given up meanwhile, the row stands all the same."""
    if done.done():
        return
    if isinstance(found, Exception):
        done.set_exception(found)
    else:
        done.set_result(found)
