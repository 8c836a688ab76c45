"""One transaction on PostgreSQL: a group of units, each in a savepoint of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.util import await_only

from gateway.adapters.sql import dialect
from gateway.adapters.sql.waiting import Outcome, Waiting

ENOUGH = 0.25
"""Seconds after which a group begins no further unit: on a slow line many units would keep their
keys, and their waiters, for as long as all of them together take."""


class Undone(Exception):
    """The transaction came to nothing before COMMIT was asked for, through others or through the
    line: the same may be done again. Its cause says what it was."""


class NotBegun(Exception):
    """A unit of the group that was not begun: it is to be done later."""


HELD = NotBegun("another process has its key")
LEFT = NotBegun("the group was long enough")


def write_group(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    """Run ``group`` in one transaction that holds its keys; gives (result, error) of each. The
    error is `HELD` or `LEFT` for those that were not begun.

    Raises `Undone`, or what BEGIN, COMMIT or a unit by itself raised; then nothing is stored.
    """
    asked = False
    try:
        with connection.begin():
            outcomes = _in_turn(connection, group)
            asked = True
    except Exception as error:
        if dialect.may_repeat(error) or (not asked and _is_lost(connection)):
            raise Undone from error
        raise
    return outcomes


def read_group(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    """Run the one unit of ``group`` on a snapshot of its own: an error would end the snapshot for
    all who shared it."""
    [waiting] = group
    try:
        with connection.begin():
            return [(waiting.unit(connection), None)]
    except Exception as error:
        if dialect.may_repeat(error) or _is_lost(connection):
            raise Undone from error
        raise


def _in_turn(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    keys = [waiting.key for waiting in group if waiting.key]
    held = dialect.take_hold(connection, dialect.LANE, keys)
    if len(group) == 1:
        [one] = group
        free = not one.key or one.key in held
        return [(one.unit(connection), None) if free else (None, HELD)]
    if held:
        _say(connection, "SAVEPOINT unit")
    end = time.monotonic() + ENOUGH
    outcomes: list[Outcome] = []
    for waiting in group:
        if waiting.key not in held:
            outcomes.append((None, HELD))
        elif outcomes and time.monotonic() > end:
            outcomes.append((None, LEFT))
        else:
            outcomes.append(_in_savepoint(connection, waiting.unit))
    return outcomes


def _in_savepoint(connection: Connection, unit: Callable[[Connection], Any]) -> Outcome:
    """Leaves a savepoint for the next one: so that costs one round trip and not two."""
    try:
        result = unit(connection)
    except Exception as error:
        if dialect.may_repeat(error) or _is_lost(connection):
            raise
        _say(connection, "ROLLBACK TO SAVEPOINT unit")
        return None, error
    _say(connection, "RELEASE SAVEPOINT unit; SAVEPOINT unit")
    return result, None


def _say(connection: Connection, sql: str) -> None:
    driver: Any = connection.connection.driver_connection
    await_only(driver.execute(sql))


def _is_lost(connection: Connection) -> bool:
    """Whether the line is gone. What is asked of SQLAlchemy then is an error about the error."""
    if connection.invalidated:
        return True
    driver: Any = connection.connection.driver_connection
    return driver is None or driver.is_closed()
