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
from sqlalchemy.util import await_only

from gateway.adapters.sql import dialect
from gateway.adapters.sql.database import Outcome, Waiting

T = TypeVar("T")
log = structlog.get_logger()
MOST = 16
"""Units of a group: on several connections small groups wait less for one another."""
TRIES = 6
"""Of a unit that meets others in deadlocks; with waits up to 0.4 s in between."""

Work = Callable[[Connection, Sequence[Waiting[Any]]], list[Outcome]]
Failed = list[tuple[Waiting[Any], BaseException]]


class Crew:
    """At most ``hands`` connections do ``work``, each with a group of units at a time."""

    def __init__(self, connect: Callable[[], AsyncConnection], work: Work, *, hands: int) -> None:
        self._connect, self._work, self._hands = connect, work, hands
        self._single: deque[Waiting[Any]] = deque()
        self._keyed: deque[Waiting[Any]] = deque()
        self._busy: set[str] = set()
        self._free: list[AsyncConnection] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def run(self, unit: Callable[[Connection], T], key: str) -> T:
        """Give what ``unit`` gives, once it is committed; raise what it raised, or what kept it
        from being stored."""
        if self._stopped:
            raise RuntimeError("the database is closed")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        (self._keyed if key else self._single).append(Waiting(unit, key, done))
        if len(self._serving) < self._hands:
            self._serving.add(asyncio.create_task(self._serve()))
        return await done

    async def stop(self) -> None:
        """Let what waits finish, then close."""
        self._stopped = True
        while self._serving:
            await asyncio.wait(set(self._serving))
        for connection in self._free:
            with suppress(Exception):  # it may be broken; it goes anyhow
                await connection.close()
        self._free = []

    async def _serve(self) -> None:
        try:
            while group := self._next():
                await self._settle(group)
                self._busy.difference_update(waiting.key for waiting in group)
        finally:
            # At once, not in a callback: who comes in between would count on a hand that is gone.
            if (me := asyncio.current_task()) is not None:
                self._serving.discard(me)

    def _next(self) -> list[Waiting[Any]]:
        """What to do next: a unit without key by itself, else a fair share of those whose keys
        nobody is at, in the order in which they came."""
        if self._single:
            return [self._single.popleft()]
        share = min(MOST, 1 + (len(self._keyed) - 1) // self._hands)
        group: list[Waiting[Any]] = []
        passed: list[Waiting[Any]] = []
        while self._keyed and len(group) < share:
            one = self._keyed.popleft()
            (passed if one.key in self._busy else group).append(one)
        self._keyed.extendleft(reversed(passed))
        group.sort(key=lambda waiting: waiting.key)
        self._busy.update(waiting.key for waiting in group)
        return group

    async def _settle(self, group: list[Waiting[Any]]) -> None:
        """Do it, and again what met others in a deadlock: each by itself, later each time."""
        failed = await self._once(group)
        for attempt in range(1, TRIES):
            if not failed:
                return
            log.info("database.again", units=len(failed), attempt=attempt)
            await asyncio.sleep(random.uniform(0, 0.0125 * 2**attempt))  # noqa: S311  (no secret)
            again = failed
            failed = [one for waiting, _ in again for one in await self._once([waiting])]
        for waiting, error in failed:
            _tell(waiting, None, error)

    async def _once(self, group: Sequence[Waiting[Any]]) -> Failed:
        """One transaction; gives those that are to be tried again."""
        connection: AsyncConnection | None = None
        try:
            connection = self._free.pop() if self._free else await self._connect().start()
            outcomes = await connection.run_sync(self._work, group)
        except Exception as error:  # noqa: BLE001  (handed to those who wait)
            if dialect.may_repeat(error):
                return [(waiting, error) for waiting in group]
            outcomes = [(None, error)] * len(group)
        finally:
            if connection is not None:
                await self._put_back(connection)
        for waiting, (result, error_of_one) in zip(group, outcomes, strict=True):
            _tell(waiting, result, error_of_one)
        return []

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


def _tell(waiting: Waiting[Any], result: Any, error: BaseException | None) -> None:
    if waiting.done.done():  # its waiter was cancelled; the work stands
        return
    if error is None:
        waiting.done.set_result(result)
    else:
        waiting.done.set_exception(error)


def write_group(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    """Run ``group`` in one transaction that holds its keys; gives (result, error) of each.

    Raises what BEGIN or COMMIT raised, or what undid the whole; then nothing of it is stored.
    """
    with connection.begin():
        dialect.hold(connection, dialect.LANE, (one.key for one in group if one.key))
        if len(group) == 1:
            return [(group[0].unit(connection), None)]
        _say(connection, "SAVEPOINT unit")
        return [_in_savepoint(connection, waiting.unit) for waiting in group]


def _in_savepoint(connection: Connection, unit: Callable[[Connection], Any]) -> Outcome:
    """Leaves a savepoint for the next one: so that costs one round trip and not two."""
    try:
        result = unit(connection)
    except Exception as error:
        if dialect.may_repeat(error):
            raise
        _say(connection, "ROLLBACK TO SAVEPOINT unit")
        return None, error
    _say(connection, "RELEASE SAVEPOINT unit; SAVEPOINT unit")
    return result, None


def _say(connection: Connection, sql: str) -> None:
    driver: Any = connection.connection.driver_connection
    await_only(driver.execute(sql))


def read_group(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    """Run the one unit of ``group`` on a snapshot of its own: an error would end the snapshot for
    all who shared it."""
    [waiting] = group
    with connection.begin():
        return [(waiting.unit(connection), None)]
