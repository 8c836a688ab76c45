"""One SQLite file, written in groups.

Units of work that wait at the same moment share one transaction. When one of them fails, all are
undone and run once more, each inside a savepoint of its own: the one that fails is then rolled back
alone and only its waiter hears of it. (Failures are rare, and savepoints are a twentieth of what a
turn costs.) A COMMIT that fails fails every waiter; nobody gets an answer before COMMIT has
returned.

A unit is a plain function over a `sqlalchemy.Connection` that may be run again, and short: it runs
in the event loop, where a statement costs what SQLite needs for it (some microseconds, as nothing
is written to the disk before COMMIT). In a thread it would have to win the interpreter's lock anew
after each statement, and all turns together were a quarter slower. What waits for the disk (COMMIT)
or for another process (a lock that is held) waits in a thread, and so does a unit that says it is
``long``. No handler, model or network call belongs in one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from gateway.adapters.encryption import DataKeys
from gateway.adapters.sql.line import Line
from gateway.adapters.sql.sqlite_groups import patient
from gateway.adapters.sql.waiting import Unit

T = TypeVar("T")


class Database:
    """The database of one process. Start it before use and stop it at the end."""

    shared = False

    def __init__(self, file: Path, keys: DataKeys | None = None) -> None:
        """``keys`` seal and open what customers and colleagues wrote; without, it stays plain."""
        self.file = file
        self.keys = keys or DataKeys()
        self._writer = Line(file, self.keys, "db-write", writes=True)
        self._reader = Line(file, self.keys, "db-read", writes=False)

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations at start-up before any unit runs."""
        return self._writer.engine

    async def write(self, unit: Unit[T], *, key: str = "", long: bool = False) -> T:
        """Run ``unit`` in the next group and give its result once that is committed.

        ``key`` orders the units of a group (the lane), so that two processes that lock the same
        rows lock them in the same order. ``long``: it may take more than a few milliseconds.
        Raises what ``unit`` raised.
        """
        return await self._writer.run(unit, key, long=long)

    async def read(self, unit: Unit[T], *, long: bool = False) -> T:
        """Run ``unit`` on a snapshot that holds everything committed so far; as `write`."""
        return await self._reader.run(unit, "", long=long)

    def watch(self, told: Callable[[int], object]) -> None:
        """``told`` hears how many units shared each commit."""
        self._writer.told = told

    async def alone(self, unit: Unit[T]) -> T:
        """Run ``unit`` on a connection of its own, before any other unit."""

        def run() -> T:
            with self._writer.engine.connect() as connection:
                return unit(connection)

        return await asyncio.to_thread(run)

    async def checkpoint(self) -> None:
        """Move everything from the write-ahead log into the database and empty the log, so that
        nothing erased is left in it. Waits for readers, for as long as the busy time-out."""

        def empty(connection: Connection) -> None:
            with patient(connection) as driver:
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        await self._writer.run(empty, "", bare=True)

    async def vacuum(self) -> None:
        """Write the file anew without its holes. Takes the time of copying it, and its size on
        the disk once more; nothing is written meanwhile."""

        def squeeze(connection: Connection) -> None:
            with patient(connection) as driver:
                driver.execute("VACUUM")

        await self._writer.run(squeeze, "", bare=True)

    async def stop(self) -> None:
        """Let what waits finish, then close."""
        await self._writer.stop()
        await self._reader.stop()
