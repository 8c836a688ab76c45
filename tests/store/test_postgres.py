"""PostgreSQL: jobs that fail, locks, lost connections, and a server that crashes under load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.util import await_only

import channels.rest
from gateway.adapters.sql.engine.base import LaneBusy, SqlDatabase
from gateway.adapters.sql.engine.opening import open_database
from gateway.adapters.sql.engine.prepared import PreparedStatement
from gateway.ports import WarmlineError
from gateway.settings import BadConfig, PostgresSettings
from gateway.testing import FakeHandler, running
from gateway.testing.databases import database_of
from tests.conftest import until
from tests.postgres import LocalServer, server
from tests.spine.conftest import ANSWER_ALL, echo

DROP = "DROP TABLE IF EXISTS u, t"
TABLES = (
    "CREATE TABLE t (id SERIAL PRIMARY KEY, name TEXT UNIQUE NOT NULL)",
    "CREATE TABLE u (t INTEGER REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED)",
)
INSERT = text("INSERT INTO t (name) VALUES (:name)")
LOCK = text("SELECT * FROM t WHERE name = :name FOR UPDATE")


class Refused(Exception):
    """What a job of these tests raises."""


def run(*statements: str) -> Callable[[Connection], None]:
    def job(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement)).close()

    return job


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[SqlDatabase]:
    found = open_database(postgres_url, PostgresSettings(lock_timeout=0.5))
    await found.write(run(DROP, *TABLES))
    yield found
    await found.write(run(DROP))
    await found.stop()


async def names(database: SqlDatabase) -> list[str]:
    query = text("SELECT name FROM t ORDER BY id")
    return await database.read(lambda c: list(c.execute(query).scalars()))


def insert(name: str) -> Callable[[Connection], str]:
    def job(connection: Connection) -> str:
        connection.execute(INSERT, {"name": name}).close()
        return name

    return job


def fail_after_writing(connection: Connection) -> None:
    insert("half done")(connection)
    raise Refused


async def test_only_the_failing_jobs_of_a_group_fail(database: SqlDatabase) -> None:
    """Of 50 jobs one violates a constraint and one raises: 48 are committed, 2 fail."""
    await database.write(insert("name 99"))
    jobs: list[Callable[[Connection], object]] = [insert(f"name {i}") for i in range(50)]
    jobs[17] = insert("name 99")  # violates the constraint
    jobs[31] = fail_after_writing
    outcomes = await asyncio.gather(
        *(database.write(job, key=f"lane {i}") for i, job in enumerate(jobs)),
        return_exceptions=True,
    )
    assert isinstance(outcomes[17], IntegrityError)
    assert isinstance(outcomes[31], Refused)
    good = [f"name {i}" for i in range(50) if i not in (17, 31)]
    assert [o for i, o in enumerate(outcomes) if i not in (17, 31)] == good
    assert sorted(await names(database)) == sorted([*good, "name 99"])


async def test_a_failed_commit_fails_every_caller_of_its_group(database: SqlDatabase) -> None:
    """Nothing of the group is stored; other groups are."""

    def broken(connection: Connection) -> None:
        """Violate a foreign key that only COMMIT checks."""
        connection.execute(text("INSERT INTO u VALUES (4711)")).close()

    outcomes = await asyncio.gather(
        *(database.write(broken if i == 7 else insert(f"{i}"), key=f"{i:02}") for i in range(40)),
        return_exceptions=True,
    )
    failed = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, Exception)]
    assert 7 in failed
    assert len(failed) > 1
    assert all(isinstance(outcomes[i], DBAPIError) for i in failed)
    assert sorted(await names(database)) == sorted(f"{i}" for i in range(40) if i not in failed)


async def test_jobs_of_a_deadlock_are_all_done(database: SqlDatabase, postgres_url: str) -> None:
    """Two jobs lock the same rows in opposite orders: the one that the server aborts runs again,
    and neither caller gets an error."""
    await database.write(insert("a"))
    await database.write(insert("b"))
    reached = [asyncio.Event(), asyncio.Event()]

    def both(mine: int, first: str, second: str) -> Callable[[Connection], int]:
        def job(connection: Connection) -> int:
            connection.execute(LOCK, {"name": first}).close()
            reached[mine].set()
            connection.execute(text("SELECT pg_sleep(0.1)")).close()
            connection.execute(LOCK, {"name": second}).close()
            return mine

        return job

    other = open_database(postgres_url, PostgresSettings(lock_timeout=20))
    done = await asyncio.gather(other.write(both(0, "a", "b")), other.write(both(1, "b", "a")))
    assert done == [0, 1]
    assert all(one.is_set() for one in reached)
    await other.stop()


async def test_a_job_that_waits_too_long_for_a_lock_fails(
    database: SqlDatabase, postgres_url: str
) -> None:
    """It fails after the lock time-out, while other jobs run."""
    await database.write(insert("a"))
    other = open_database(postgres_url, PostgresSettings())
    held, let_go = asyncio.Event(), asyncio.Event()

    def holds(connection: Connection) -> None:
        connection.execute(LOCK, {"name": "a"}).close()
        held.set()
        connection.execute(text("SELECT pg_sleep(1.5)")).close()
        let_go.set()

    holding = asyncio.create_task(other.write(holds))
    await held.wait()

    def wants(connection: Connection) -> None:
        connection.execute(LOCK, {"name": "a"}).close()

    with pytest.raises(DBAPIError, match="lock timeout"):
        await database.write(wants)
    assert not let_go.is_set()
    await database.write(insert("b"))
    await holding
    await other.stop()


async def test_jobs_of_one_key_never_overlap(database: SqlDatabase, postgres_url: str) -> None:
    """Not even across processes: each adds one to what it read, and no addition is lost."""
    await database.write(run("INSERT INTO t (name) VALUES ('0')"))
    two = [open_database(postgres_url, PostgresSettings(lock_timeout=60)) for _ in range(2)]

    def add_one(connection: Connection) -> None:
        now = int(str(connection.execute(text("SELECT name FROM t")).scalar()))
        connection.execute(text("UPDATE t SET name = :n"), {"n": str(now + 1)}).close()

    await asyncio.gather(*(one.write(add_one, key="k") for one in two * 30))
    assert await names(database) == ["60"]
    for one in two:
        await one.stop()


def break_off(connection: Connection) -> None:
    """End the connection that the job runs on."""
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())")).close()


async def test_jobs_on_a_lost_connection_run_again(
    database: SqlDatabase, postgres_url: str
) -> None:
    """Nothing was committed, so each job of the group runs again alone on another connection. The
    one that breaks every connection fails, with the first error."""
    runs = 0

    def cut_once(connection: Connection) -> str:
        nonlocal runs
        runs += 1
        return insert("cut")(connection) if runs > 1 else str(break_off(connection))

    only = open_database(postgres_url, PostgresSettings(writers=1))
    busy = asyncio.create_task(only.write(run("SELECT pg_sleep(0.1)")))
    await asyncio.sleep(0)
    jobs: list[Callable[[Connection], object]] = [insert("a"), cut_once, insert("b"), break_off]
    writing = [asyncio.create_task(only.write(job, key=f"{i}")) for i, job in enumerate(jobs)]
    *done, broken = await asyncio.gather(*writing, return_exceptions=True)
    assert done == ["a", "cut", "b"]
    assert isinstance(broken, DBAPIError)
    assert "reconnect" not in str(broken)
    assert sorted(await names(database)) == ["a", "b", "cut"]
    await busy
    await only.stop()


async def test_a_locked_lane_does_not_block_its_group(
    database: SqlDatabase, postgres_url: str
) -> None:
    """Its job is tried again until the lock time-out, and then fails alone. The others of the group
    run meanwhile, on the only connection."""
    other = open_database(postgres_url, PostgresSettings())
    only = open_database(postgres_url, PostgresSettings(writers=1))
    held, let_go = asyncio.Event(), asyncio.Event()

    def holds(connection: Connection) -> None:
        held.set()
        while not let_go.is_set():
            connection.execute(text("SELECT pg_sleep(0.05)")).close()

    holding = asyncio.create_task(other.write(holds, key="b"))
    await held.wait()
    asking = [asyncio.create_task(only.write(insert(key), key=key)) for key in "abcd"]
    assert await asyncio.gather(*(asking[i] for i in (0, 2, 3))) == ["a", "c", "d"]
    assert not asking[1].done()
    with pytest.raises(LaneBusy, match=r"for 0\.5 s"):
        await database.write(insert("b"), key="b")
    let_go.set()
    await holding
    assert await asking[1] == "b"
    await only.stop()
    await other.stop()


async def test_a_slow_group_is_committed_in_parts(database: SqlDatabase, postgres_url: str) -> None:
    """The first jobs are committed before the last ones start."""
    only = open_database(postgres_url, PostgresSettings(writers=1))
    seen: list[int] = []

    def slow(connection: Connection) -> None:
        connection.execute(text("SELECT pg_sleep(0.2)")).close()
        seen.append(sum(task.done() for task in writing))

    writing = [asyncio.create_task(only.write(slow, key=f"{i}")) for i in range(8)]
    await asyncio.gather(*writing)
    assert len(seen) == len(writing), "each job runs once"
    assert seen[-1] > 0
    await only.stop()


async def test_a_stopped_process_loses_its_lanes_before_others_give_up(
    database: SqlDatabase, postgres_url: str
) -> None:
    """The server ends a transaction that stays silent before the lock time-out of the others. The
    job runs again once its process continues."""
    stopped = open_database(postgres_url, PostgresSettings(lock_timeout=6))
    other = open_database(postgres_url, PostgresSettings(lock_timeout=6))
    locked, woken = asyncio.Event(), asyncio.Event()

    def stand_still(connection: Connection) -> str:
        locked.set()
        await_only(woken.wait())
        return insert("stopped")(connection)

    standing = asyncio.create_task(stopped.write(stand_still, key="k"))
    await locked.wait()
    assert await other.write(insert("other"), key="k") == "other"
    assert not standing.done()
    woken.set()
    assert await standing == "stopped"
    assert sorted(await names(database)) == ["other", "stopped"]
    await stopped.stop()
    await other.stop()


async def test_a_prepared_statement_follows_a_replaced_connection(database: SqlDatabase) -> None:
    """SQLAlchemy may replace the driver's connection under its own."""
    pid = PreparedStatement(select(func.pg_backend_pid().label("pid")))

    def replaced(connection: Connection) -> tuple[int, int]:
        first = pid.scalar(connection, {})
        connection.invalidate()
        connection.rollback()
        return first, pid.scalar(connection, {})

    first, second = await database.run_exclusive(replaced)
    assert first != second


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
async def test_an_unreachable_server_is_named_without_the_password(scheme: str) -> None:
    """The error names host, port and database."""
    nowhere = open_database(f"{scheme}://ana:hushhush@127.0.0.1:9/shop", PostgresSettings())
    with pytest.raises(WarmlineError, match=r"127\.0\.0\.1:9/shop") as raised:
        await nowhere.run_exclusive(run("SELECT 1"))
    assert "hushhush" not in str(raised.value)
    await nowhere.stop()


def test_an_unsupported_url_is_refused() -> None:
    """The error says which URLs are supported."""
    with pytest.raises(BadConfig, match="sqlite:///FILE or postgresql://"):
        open_database("mysql://localhost/x", PostgresSettings())


@pytest.fixture
def own_server() -> LocalServer:
    with server() as found:
        yield found


@pytest.mark.timeout(600)
async def test_a_crash_of_the_server_under_load_loses_nothing(
    own_server: LocalServer, tmp_path: Path
) -> None:
    """Customers write while PostgreSQL is killed and started again. Meanwhile they get 503 with
    Retry-After, and send the message again under the same id. Every message that got its OK is
    answered once, in order."""
    (tmp_path / "policy.yaml").write_text(ANSWER_ALL, "utf-8")
    config = {
        "policy": str(tmp_path / "policy.yaml"),
        "channels": {"rest": {"open": True, "answer_timeout": 0.05}},
        "database_url": database_of(tmp_path, own_server.url),
    }
    over = asyncio.Event()
    refused: list[int] = []
    sent: dict[str, int] = {}

    async def send_messages(http: ClientSession, who: str) -> None:
        while not over.is_set():
            number = sent.get(who, 0)
            body = {"sender": who, "message": f"number {number}", "message_id": f"{who}{number}"}
            async with http.post("/webhooks/rest/webhook", json=body) as answer:
                if answer.status == 200:
                    sent[who] = number + 1
                    continue
                assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
                refused.append(answer.status)
            await asyncio.sleep(0.05)

    fake = FakeHandler(echo)
    async with running(channels.rest, fake, config=config, tmp_path=tmp_path) as gw:
        async with gw.session() as http:
            writing = [asyncio.create_task(send_messages(http, f"c{i}")) for i in range(6)]
            await until(lambda: sum(sent.values()) > 30, 120)
            own_server.kill()
            await until(lambda: len(refused) > 3, 120)
            own_server.start()
            enough = sum(sent.values()) + 30
            await until(lambda: sum(sent.values()) > enough, 120)
            over.set()
            await asyncio.gather(*writing)
        await gw.gateway.scheduler.sweep()

        async def received(who: str) -> list[str]:
            return [m.text for m in await gw.customer("rest", who).messages()]

        for who, many in sent.items():
            await until(lambda who=who, many=many: _has_length(received(who), many), 120, every=0.2)
            assert await received(who) == [f"You said number {i}." for i in range(many)]


async def _has_length(texts: object, many: int) -> bool:
    return len(await texts) >= many  # type: ignore[misc]
