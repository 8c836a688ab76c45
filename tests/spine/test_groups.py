"""Units of work that share a commit."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from gateway.adapters.sql.database import Database
from gateway.adapters.sql.sqlite_groups import write_group
from gateway.adapters.sql.waiting import Waiting

pytestmark = pytest.mark.sqlite

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)"
INSERT = text("INSERT INTO t (name) VALUES (:name)")


class Refused(Exception):
    """What a unit of the test raises."""


@pytest.fixture
async def database(tmp_path: Path) -> Database:
    found = Database(tmp_path / "t.db")
    await found.write(lambda c: c.execute(text(TABLE)).close())
    return found


def names(folder: Path) -> list[str]:
    """What another connection sees."""
    with closing(sqlite3.connect(folder / "t.db")) as other, other:
        return [row[0] for row in other.execute("SELECT name FROM t ORDER BY id")]


def put(name: str):
    def unit(connection: Connection) -> str:
        connection.execute(INSERT, {"name": name})
        return name

    return unit


def fail_after_writing(connection: Connection) -> None:
    connection.execute(INSERT, {"name": "half done"})
    raise Refused


async def test_two_of_fifty_fail_and_only_they_hear_of_it(
    database: Database, tmp_path: Path
) -> None:
    """Of 50 units one violates a constraint and one raises: 48 are committed, 2 are reported."""
    units = [put(f"name {i}") for i in range(50)]
    units[17] = put("name 3")  # violates the constraint
    units[31] = fail_after_writing
    blocker = asyncio.create_task(database.write(put("first")))  # the rest pile up behind it
    await asyncio.sleep(0)
    outcomes = await asyncio.gather(
        *(database.write(unit) for unit in units), return_exceptions=True
    )
    await blocker
    assert isinstance(outcomes[17], IntegrityError)
    assert isinstance(outcomes[31], Refused)
    assert [o for i, o in enumerate(outcomes) if i not in (17, 31)] == [
        f"name {i}" for i in range(50) if i not in (17, 31)
    ]
    assert len(names(tmp_path)) == 49
    assert "half done" not in names(tmp_path)
    await database.stop()


@pytest.mark.parametrize(("fails", "runs"), [(False, 1), (True, 2)])
async def test_a_group_is_run_again_only_when_one_fails(
    database: Database, tmp_path: Path, *, fails: bool, runs: int
) -> None:
    """Savepoints are only there when they are needed; nothing is stored twice for it."""
    ran: list[str] = []

    def counted(connection: Connection) -> str:
        ran.append("counted")
        return put("counted")(connection)

    blocker = asyncio.create_task(database.write(put("first")))
    await asyncio.sleep(0)
    units = [counted, fail_after_writing if fails else put("other"), put("last")]
    await asyncio.gather(*(database.write(unit) for unit in units), return_exceptions=True)
    await blocker
    assert len(ran) == runs
    assert names(tmp_path) == ["first", "counted", *([] if fails else ["other"]), "last"]
    await database.stop()


async def test_who_loses_the_transaction_loses_it_for_all(
    database: Database, tmp_path: Path
) -> None:
    """When an error makes SQLite undo everything (a full disk), nobody is told that it is stored,
    and nothing that comes later is stored outside of a transaction."""

    def full(connection: Connection) -> None:
        connection.connection.cursor().execute("ROLLBACK")  # what SQLite does by itself
        raise Refused

    blocker = asyncio.create_task(database.write(put("first")))
    await asyncio.sleep(0)
    outcomes = await asyncio.gather(
        *(database.write(unit) for unit in (put("a"), full, put("b"))),
        return_exceptions=True,
    )
    await blocker
    assert all(isinstance(outcome, Exception) for outcome in outcomes)
    assert names(tmp_path) == ["first"]
    await database.stop()


async def test_the_whole_group_is_one_transaction(database: Database, tmp_path: Path) -> None:
    """Inside a group nothing is visible outside before COMMIT."""
    seen: list[int] = []

    def look(connection: Connection) -> None:
        seen.append(len(names(tmp_path)))

    async def nobody() -> None:
        return None

    loop = asyncio.get_running_loop()
    group = [
        Waiting(unit, "", loop.create_future()) for unit in (put("a"), put("b"), look, put("c"))
    ]
    with database.engine.connect() as connection:
        outcomes = await asyncio.to_thread(write_group, connection, group)
    assert [error for _, error in outcomes] == [None] * 4
    assert seen == [0]
    assert names(tmp_path) == ["a", "b", "c"]
    await database.stop()


async def test_a_failed_commit_fails_every_waiter(database: Database, tmp_path: Path) -> None:
    """A COMMIT that fails is everybody's failure, and nothing is stored."""

    def defer(connection: Connection) -> None:
        """A foreign key that is only looked at by COMMIT, and is broken then."""
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        connection.execute(
            text("CREATE TABLE u (t INTEGER REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED)")
        )
        connection.execute(text("INSERT INTO u VALUES (4711)"))

    blocker = asyncio.create_task(database.write(put("first")))
    await asyncio.sleep(0)
    outcomes = await asyncio.gather(
        *(database.write(unit) for unit in (put("a"), defer, put("b"))), return_exceptions=True
    )
    await blocker
    assert all(isinstance(outcome, IntegrityError | sqlite3.IntegrityError) for outcome in outcomes)
    assert names(tmp_path) == ["first"]
    await database.stop()


async def test_a_group_is_ordered_by_its_keys(database: Database, tmp_path: Path) -> None:
    """Units of one group run in the order of their keys, so that two processes cannot deadlock."""
    blocker = asyncio.create_task(database.write(put("first")))
    await asyncio.sleep(0)
    await asyncio.gather(*(database.write(put(key), key=key) for key in "dbca"))
    await blocker
    assert names(tmp_path) == ["first", "a", "b", "c", "d"]
    await database.stop()


async def test_a_cancelled_waiter_stops_nobody(database: Database, tmp_path: Path) -> None:
    """A client that goes away leaves its unit to be committed, and the others their answers."""
    blocker = asyncio.create_task(database.write(put("first")))
    await asyncio.sleep(0)
    leaver = asyncio.create_task(database.write(put("left")))
    stayer = asyncio.create_task(database.write(put("stayed")))
    await asyncio.sleep(0)
    leaver.cancel()
    assert await stayer == "stayed"
    await blocker
    assert sorted(names(tmp_path)) == ["first", "left", "stayed"]
    await database.stop()


def test_killed_before_commit_leaves_nothing(tmp_path: Path) -> None:
    """SIGKILL after all units of a group ran and before COMMIT: none of them is visible."""
    program = dedent("""
        import asyncio, os, signal, sys
        from pathlib import Path
        from sqlalchemy import text
        from gateway.adapters.sql.database import Database
        from gateway.adapters.sql.sqlite_groups import write_group
        from gateway.adapters.sql.waiting import Waiting

        async def main() -> None:
            database = Database(Path(sys.argv[1]))
            await database.write(lambda c: c.execute(text(sys.argv[2])).close())
            def put(name):
                return lambda c: c.execute(
                    text("INSERT INTO t (name) VALUES (:n)"), {"n": name}).close()
            def die(c):
                os.kill(os.getpid(), signal.SIGKILL)
            loop = asyncio.get_running_loop()
            units = [put(f"n{i}") for i in range(49)] + [die]
            write_group(database.engine.connect(), [
                Waiting(u, "", loop.create_future()) for u in units
            ])

        asyncio.run(main())
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "t.db"), TABLE],
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert names(tmp_path) == []


async def test_another_process_that_writes_is_waited_for(
    database: Database, tmp_path: Path
) -> None:
    """While somebody else holds the lock the event loop turns on, reads are served, and the write
    is done when the lock is free."""
    await database.write(put("first"))
    with closing(sqlite3.connect(tmp_path / "t.db", isolation_level=None)) as other, other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(database.write(put("second")))
        turned = 0
        while turned < 20:
            turned += 1
            await asyncio.wait([waiting], timeout=0.005)
        assert not waiting.done()
        count = text("SELECT count(*) FROM t")
        assert await database.read(lambda c: c.execute(count).scalar()) == 1
        other.execute("COMMIT")
    assert await waiting == "second"
    assert names(tmp_path) == ["first", "second"]
    await database.stop()


async def test_a_long_unit_holds_up_no_loop(database: Database, tmp_path: Path) -> None:
    """It runs in a thread, alone in its transaction; those before and after it are stored too."""
    threads: list[str] = []

    def long(connection: Connection) -> str:
        threads.append(threading.current_thread().name)
        return put("long")(connection)

    def refused(connection: Connection) -> None:
        threads.append(threading.current_thread().name)
        fail_after_writing(connection)

    outcomes = await asyncio.gather(
        database.write(put("a")),
        database.write(long, long=True),
        database.write(refused, long=True),
        database.write(put("b")),
        return_exceptions=True,
    )
    assert [outcomes[0], outcomes[1], outcomes[3]] == ["a", "long", "b"]
    assert isinstance(outcomes[2], Refused)
    assert all(name.startswith("db-write") for name in threads)
    assert names(tmp_path) == ["a", "long", "b"]
    await database.stop()


async def test_the_log_is_emptied_between_groups(database: Database, tmp_path: Path) -> None:
    """A checkpoint that is asked for while others write undoes nothing of theirs."""
    writes = [database.write(put(f"name {i}")) for i in range(20)]
    await asyncio.gather(*writes[:10], database.checkpoint(), *writes[10:])
    await database.checkpoint()
    assert len(names(tmp_path)) == 20
    assert (tmp_path / "t.db-wal").stat().st_size == 0
    await database.stop()
