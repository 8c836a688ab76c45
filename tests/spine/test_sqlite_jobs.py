"""SQLite: jobs that share a commit."""

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

from gateway.adapters.sql.engine.base import QueuedJob
from gateway.adapters.sql.engine.sqlite import SqliteDatabase, write_group

pytestmark = pytest.mark.sqlite

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)"
INSERT = text("INSERT INTO t (name) VALUES (:name)")


class Refused(Exception):
    """What a job of these tests raises."""


@pytest.fixture
async def database(tmp_path: Path) -> SqliteDatabase:
    found = SqliteDatabase(tmp_path / "t.db")
    await found.write(lambda c: c.execute(text(TABLE)).close())
    return found


def names(folder: Path) -> list[str]:
    """The names that another connection sees."""
    with closing(sqlite3.connect(folder / "t.db")) as other, other:
        return [row[0] for row in other.execute("SELECT name FROM t ORDER BY id")]


def insert(name: str):
    def job(connection: Connection) -> str:
        connection.execute(INSERT, {"name": name})
        return name

    return job


def fail_after_writing(connection: Connection) -> None:
    connection.execute(INSERT, {"name": "half done"})
    raise Refused


async def test_only_the_failing_jobs_of_a_group_fail(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    """Of 50 jobs one violates a constraint and one raises: 48 are committed, 2 fail."""
    jobs = [insert(f"name {i}") for i in range(50)]
    jobs[17] = insert("name 3")  # violates the constraint
    jobs[31] = fail_after_writing
    blocker = asyncio.create_task(database.write(insert("first")))  # the others queue behind it
    await asyncio.sleep(0)
    outcomes = await asyncio.gather(*(database.write(job) for job in jobs), return_exceptions=True)
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
async def test_a_group_runs_twice_only_when_a_job_fails(
    database: SqliteDatabase, tmp_path: Path, *, fails: bool, runs: int
) -> None:
    """Savepoints are used only when needed; nothing is stored twice."""
    ran: list[str] = []

    def counted(connection: Connection) -> str:
        ran.append("counted")
        return insert("counted")(connection)

    blocker = asyncio.create_task(database.write(insert("first")))
    await asyncio.sleep(0)
    jobs = [counted, fail_after_writing if fails else insert("other"), insert("last")]
    await asyncio.gather(*(database.write(job) for job in jobs), return_exceptions=True)
    await blocker
    assert len(ran) == runs
    assert names(tmp_path) == ["first", "counted", *([] if fails else ["other"]), "last"]
    await database.stop()


async def test_a_lost_transaction_fails_every_job_of_its_group(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    """When an error makes SQLite undo everything (a full disk), no caller gets a result, and later
    jobs are not stored outside of a transaction."""

    def full(connection: Connection) -> None:
        connection.connection.cursor().execute("ROLLBACK")  # as SQLite does by itself
        raise Refused

    blocker = asyncio.create_task(database.write(insert("first")))
    await asyncio.sleep(0)
    outcomes = await asyncio.gather(
        *(database.write(job) for job in (insert("a"), full, insert("b"))),
        return_exceptions=True,
    )
    await blocker
    assert all(isinstance(outcome, Exception) for outcome in outcomes)
    assert names(tmp_path) == ["first"]
    await database.stop()


async def test_a_group_is_one_transaction(database: SqliteDatabase, tmp_path: Path) -> None:
    """Other connections see nothing of a group before COMMIT."""
    seen: list[int] = []

    def look(connection: Connection) -> None:
        seen.append(len(names(tmp_path)))

    loop = asyncio.get_running_loop()
    group = [
        QueuedJob(job, "", loop.create_future())
        for job in (insert("a"), insert("b"), look, insert("c"))
    ]
    with database.engine.connect() as connection:
        outcomes = await asyncio.to_thread(write_group, connection, group)
    assert [error for _, error in outcomes] == [None] * 4
    assert seen == [0]
    assert names(tmp_path) == ["a", "b", "c"]
    await database.stop()


async def test_a_failed_commit_fails_every_caller(database: SqliteDatabase, tmp_path: Path) -> None:
    """And nothing is stored."""

    def defer(connection: Connection) -> None:
        """Violate a foreign key that only COMMIT checks."""
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        connection.execute(
            text("CREATE TABLE u (t INTEGER REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED)")
        )
        connection.execute(text("INSERT INTO u VALUES (4711)"))

    blocker = asyncio.create_task(database.write(insert("first")))
    await asyncio.sleep(0)
    outcomes = await asyncio.gather(
        *(database.write(job) for job in (insert("a"), defer, insert("b"))), return_exceptions=True
    )
    await blocker
    assert all(isinstance(outcome, IntegrityError | sqlite3.IntegrityError) for outcome in outcomes)
    assert names(tmp_path) == ["first"]
    await database.stop()


async def test_a_group_is_ordered_by_its_keys(database: SqliteDatabase, tmp_path: Path) -> None:
    """So two processes cannot deadlock."""
    blocker = asyncio.create_task(database.write(insert("first")))
    await asyncio.sleep(0)
    await asyncio.gather(*(database.write(insert(key), key=key) for key in "dbca"))
    await blocker
    assert names(tmp_path) == ["first", "a", "b", "c", "d"]
    await database.stop()


async def test_a_cancelled_caller_does_not_stop_its_group(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    """The job of a client that goes away is still committed, and the others get their results."""
    blocker = asyncio.create_task(database.write(insert("first")))
    await asyncio.sleep(0)
    leaver = asyncio.create_task(database.write(insert("left")))
    stayer = asyncio.create_task(database.write(insert("stayed")))
    await asyncio.sleep(0)
    leaver.cancel()
    assert await stayer == "stayed"
    await blocker
    assert sorted(names(tmp_path)) == ["first", "left", "stayed"]
    await database.stop()


def test_killed_before_commit_leaves_nothing(tmp_path: Path) -> None:
    """SIGKILL after all jobs of a group ran and before COMMIT: none of them is visible."""
    program = dedent("""
        import asyncio, os, signal, sys
        from pathlib import Path
        from sqlalchemy import text
        from gateway.adapters.sql.engine.base import QueuedJob
        from gateway.adapters.sql.engine.sqlite import SqliteDatabase, write_group

        async def main() -> None:
            database = SqliteDatabase(Path(sys.argv[1]))
            await database.write(lambda c: c.execute(text(sys.argv[2])).close())
            def insert(name):
                return lambda c: c.execute(
                    text("INSERT INTO t (name) VALUES (:n)"), {"n": name}).close()
            def die(c):
                os.kill(os.getpid(), signal.SIGKILL)
            loop = asyncio.get_running_loop()
            jobs = [insert(f"n{i}") for i in range(49)] + [die]
            write_group(database.engine.connect(), [
                QueuedJob(job, "", loop.create_future()) for job in jobs
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


async def test_a_write_waits_for_another_process(database: SqliteDatabase, tmp_path: Path) -> None:
    """While another process holds the lock, the event loop runs on, reads are served, and the write
    is done once the lock is free."""
    await database.write(insert("first"))
    with closing(sqlite3.connect(tmp_path / "t.db", isolation_level=None)) as other, other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(database.write(insert("second")))
        for _ in range(20):
            await asyncio.wait([waiting], timeout=0.005)
        assert not waiting.done()
        count = text("SELECT count(*) FROM t")
        assert await database.read(lambda c: c.execute(count).scalar()) == 1
        other.execute("COMMIT")
    assert await waiting == "second"
    assert names(tmp_path) == ["first", "second"]
    await database.stop()


async def test_a_long_job_runs_in_a_thread(database: SqliteDatabase, tmp_path: Path) -> None:
    """It is alone in its transaction; the jobs before and after it are stored too."""
    threads: list[str] = []

    def long(connection: Connection) -> str:
        threads.append(threading.current_thread().name)
        return insert("long")(connection)

    def refused(connection: Connection) -> None:
        threads.append(threading.current_thread().name)
        fail_after_writing(connection)

    outcomes = await asyncio.gather(
        database.write(insert("a")),
        database.write(long, long=True),
        database.write(refused, long=True),
        database.write(insert("b")),
        return_exceptions=True,
    )
    assert [outcomes[0], outcomes[1], outcomes[3]] == ["a", "long", "b"]
    assert isinstance(outcomes[2], Refused)
    assert all(name.startswith("db-write") for name in threads)
    assert names(tmp_path) == ["a", "long", "b"]
    await database.stop()


async def test_the_log_is_emptied_between_groups(database: SqliteDatabase, tmp_path: Path) -> None:
    """A checkpoint during writes undoes none of them."""
    writes = [database.write(insert(f"name {i}")) for i in range(20)]
    await asyncio.gather(*writes[:10], database.checkpoint(), *writes[10:])
    await database.checkpoint()
    assert len(names(tmp_path)) == 20
    assert (tmp_path / "t.db-wal").stat().st_size == 0
    await database.stop()
