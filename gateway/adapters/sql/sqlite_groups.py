"""Running the units of one transaction of SQLite, and waiting for its lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from gateway.adapters.sql.waiting import Outcome, Unit, Waiting

PATIENCE = 10_000
"""Milliseconds to wait for another process that writes."""


def begin_patiently(connection: Connection, begin: str) -> None:
    with patient(connection) as driver:
        driver.execute(begin)


@contextmanager
def patient(connection: Connection) -> Iterator[Any]:
    """Waits for locks that other processes hold, `PATIENCE` at most. Gives a driver's cursor."""
    driver = connection.connection.cursor()
    before: int = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute(f"PRAGMA busy_timeout={PATIENCE}")
    try:
        yield driver
    finally:
        driver.execute(f"PRAGMA busy_timeout={before}")


def write_group(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    """Run ``group`` in one transaction; gives (result, error) of each, in order.

    Raises what BEGIN or COMMIT raised; then nothing of the group is stored.
    """
    with patient(connection), connection.begin():
        return run_units(connection, group)


def run_units(connection: Connection, group: Sequence[Waiting[Any]]) -> list[Outcome]:
    """Run ``group`` in the transaction that is open. What one of several has written is undone
    when it fails; a single one's failure is raised, and undoes all."""
    if len(group) == 1:
        return [(group[0].unit(connection), None)]
    return [_in_savepoint(connection, waiting.unit) for waiting in group]


def attempt(connection: Connection, unit: Unit[Any]) -> Outcome:
    try:
        return unit(connection), None
    except Exception as error:  # noqa: BLE001  (handed to the one who waits for this unit)
        return None, error


def _in_savepoint(connection: Connection, unit: Unit[Any]) -> Outcome:
    driver = connection.connection.cursor()
    driver.execute("SAVEPOINT unit")
    try:
        result = unit(connection)
    except Exception as error:  # noqa: BLE001  (handed to the one who waits for this unit)
        driver.execute("ROLLBACK TO SAVEPOINT unit")
        driver.execute("RELEASE SAVEPOINT unit")
        return None, error
    driver.execute("RELEASE SAVEPOINT unit")
    return result, None
