"""Several connections to PostgreSQL, and the units that wait for one."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.sql.grouped import HELD, LEFT, Undone
from gateway.adapters.sql.units import HeldUp
from gateway.adapters.sql.waiting import Outcome, Waiting

T = TypeVar("T")
log = structlog.get_logger()
MOST = 16
"""Units of a group: on several connections small groups wait less for one another."""
TRIES = 6
"""Of a unit whose transaction was undone through no fault of its own; with waits up to 0.4 s in
between."""
SOON, LATEST = 0.02, 0.5
"""Seconds until a key that another process has is asked for again: doubled each time."""

Work = Callable[[Connection, Sequence[Waiting[Any]]], list[Outcome]]


class Mine(Waiting[T]):
    """A unit that may have to wait for its key: how often it was refused, and the seconds for which
    it was put off. A process that stands still loses no patience over that."""

    __slots__ = ("put_off", "refused")

    def __init__(self, unit: Callable[[Connection], T], key: str, done: asyncio.Future[T]) -> None:
        super().__init__(unit, key, done)
        self.refused, self.put_off = 0, 0.0


Failed = list[tuple[Mine[Any], BaseException]]


class Crew:
    """At most ``hands`` connections do ``work``, each with a group of units at a time. A unit
    whose key another process has is asked for again for ``patience`` seconds; meanwhile its
    connection does what others want."""

    def __init__(
        self,
        connect: Callable[[], AsyncConnection],
        work: Work,
        *,
        hands: int,
        patience: float,
    ) -> None:
        self._connect, self._work = connect, work
        self._hands, self._patience = hands, patience
        self.told: Callable[[int], object] | None = None
        self._single: deque[Mine[Any]] = deque()
        self._keyed: deque[Mine[Any]] = deque()
        self._busy: set[str] = set()
        self._free: list[AsyncConnection] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._put_off: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def run(self, unit: Callable[[Connection], T], key: str) -> T:
        """Give what ``unit`` gives, once it is committed; raise what it raised, or what kept it
        from being stored."""
        if self._stopped:
            raise RuntimeError("the database is closed")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        waiting = Mine(unit, key, done)
        (self._keyed if key else self._single).append(waiting)
        self._call()
        return await done

    async def stop(self) -> None:
        """Let what waits finish, then close."""
        self._stopped = True
        while tasks := self._serving | self._put_off:
            await asyncio.wait(tasks)
        for connection in self._free:
            with suppress(Exception):  # it may be broken; it goes anyhow
                await connection.close()
        self._free = []

    def _call(self) -> None:
        if len(self._serving) < self._hands:
            self._serving.add(asyncio.create_task(self._serve()))

    async def _serve(self) -> None:
        try:
            while group := self._next():
                if self.told is not None:
                    self.told(len(group))
                await self._settle(group)
                self._busy.difference_update(waiting.key for waiting in group)
        finally:
            # At once, not in a callback: who comes in between would count on a hand that is gone.
            if (me := asyncio.current_task()) is not None:
                self._serving.discard(me)

    def _next(self) -> list[Mine[Any]]:
        """What to do next: a unit without key by itself, else a fair share of those whose keys
        nobody is at, in the order in which they came."""
        if self._single:
            return [self._single.popleft()]
        share = min(MOST, 1 + (len(self._keyed) - 1) // self._hands)
        group: list[Mine[Any]] = []
        passed: list[Mine[Any]] = []
        while self._keyed and len(group) < share:
            one = self._keyed.popleft()
            (passed if one.key in self._busy else group).append(one)
        self._keyed.extendleft(reversed(passed))
        group.sort(key=lambda waiting: waiting.key)
        self._busy.update(waiting.key for waiting in group)
        return group

    async def _settle(self, group: list[Mine[Any]]) -> None:
        """Do it, and again what came to nothing: each by itself, later each time."""
        failed = await self._once(group)
        for attempt in range(1, TRIES):
            if not failed:
                return
            log.info("database.again", units=len(failed), attempt=attempt)
            await asyncio.sleep(random.uniform(0, 0.0125 * 2**attempt))  # noqa: S311  (no secret)
            again = failed
            failed = [one for waiting, _ in again for one in await self._once([waiting])]
        for waiting, error in failed:
            waiting.tell(None, error)

    async def _once(self, group: Sequence[Mine[Any]]) -> Failed:
        """One transaction; gives those that are to be tried again."""
        connection: AsyncConnection | None = None
        try:
            connection = self._free.pop() if self._free else await self._connect().start()
            outcomes = await connection.run_sync(self._work, group)
        except Undone as undone:
            return [(waiting, undone.__cause__ or undone) for waiting in group]
        except Exception as error:  # noqa: BLE001  (handed to those who wait)
            outcomes = [(None, error)] * len(group)
        finally:
            if connection is not None:
                await self._put_back(connection)
        left: list[Mine[Any]] = []
        for waiting, (result, error_of_one) in zip(group, outcomes, strict=True):
            if error_of_one is LEFT:
                left.append(waiting)
            elif error_of_one is HELD:
                self._refused(waiting)
            else:
                waiting.tell(result, error_of_one)
        self._keyed.extendleft(reversed(left))
        return []

    def _refused(self, waiting: Mine[Any]) -> None:
        """Another process has its key: ask again later, as long as it is patient."""
        if waiting.put_off >= self._patience:
            what = f"another process has had this lane for {self._patience:g} s"
            return waiting.tell(None, HeldUp(what))
        most = min(LATEST, SOON * 2.0 ** min(10, waiting.refused))
        wait = random.uniform(most / 2, most)  # noqa: S311  (no secret)
        waiting.refused += 1
        waiting.put_off += wait
        self._put_off.add(asyncio.create_task(self._come_back(waiting, wait)))
        return None

    async def _come_back(self, waiting: Mine[Any], wait: float) -> None:
        try:
            await asyncio.sleep(wait)
            self._keyed.append(waiting)
            self._call()
        finally:
            # At once, as in `_serve`.
            if (me := asyncio.current_task()) is not None:
                self._put_off.discard(me)

    async def _put_back(self, connection: AsyncConnection) -> None:
        """Keep it for the next, unless it is broken."""
        with suppress(Exception):  # then it is broken
            if not connection.invalidated:
                own: Any = (await connection.get_raw_connection()).driver_connection
                if not own.is_closed() and not own.is_in_transaction():
                    self._free.append(connection)
                    return
        with suppress(Exception):  # nothing is to be had from it
            await connection.invalidate()
        with suppress(Exception):
            await connection.close()
