"""PostgreSQL under units that fail, and under load when it goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from zlib import crc32

import pytest
from aiohttp import ClientSession
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

import channels.rest
from gateway.adapters.sql.engine.base import LaneBusy, SqlDatabase
from gateway.adapters.sql.engine.dialect import LANE_LOCK
from gateway.adapters.sql.engine.opening import open_database
from gateway.adapters.sql.engine.prepared import PreparedStatement
from gateway.ports import WarmlineError
from gateway.settings import BadConfig, Postgres
from gateway.testing import FakeHandler, running
from gateway.testing.databases import database_of
from tests.conftest import until
from tests.postgres import Server, server
from tests.spine.conftest import ANSWER_ALL, echo

DROP = "DROP TABLE IF EXISTS u, t"
TABLES = (
    "CREATE TABLE t (id SERIAL PRIMARY KEY, name TEXT UNIQUE NOT NULL)",
    "CREATE TABLE u (t INTEGER REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED)",
)
INSERT = text("INSERT INTO t (name) VALUES (:name)")
LOCK = text("SELECT * FROM t WHERE name = :name FOR UPDATE")


class Refused(Exception):
    """What a unit of the test raises."""


def run(*statements: str) -> Callable[[Connection], None]:
    def unit(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement)).close()

    return unit


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[SqlDatabase]:
    found = open_database(postgres_url, Postgres(lock_timeout=0.5))
    await found.write(run(DROP, *TABLES))
    yield found
    await found.write(run(DROP))
    await found.stop()


async def names(database: SqlDatabase) -> list[str]:
    query = text("SELECT name FROM t ORDER BY id")
    return await database.read(lambda c: list(c.execute(query).scalars()))


def put(name: str) -> Callable[[Connection], str]:
    def unit(connection: Connection) -> str:
        connection.execute(INSERT, {"name": name}).close()
        return name

    return unit


def fail_after_writing(connection: Connection) -> None:
    put("half done")(connection)
    raise Refused


async def test_two_of_fifty_fail_and_only_they_hear_of_it(database: SqlDatabase) -> None:
    """Of 50 units one violates a constraint and one raises: 48 are committed, 2 are reported."""
    await database.write(put("name 99"))
    units: list[Callable[[Connection], object]] = [put(f"name {i}") for i in range(50)]
    units[17] = put("name 99")  # violates the constraint
    units[31] = fail_after_writing
    outcomes = await asyncio.gather(
        *(database.write(unit, key=f"lane {i}") for i, unit in enumerate(units)),
        return_exceptions=True,
    )
    assert isinstance(outcomes[17], IntegrityError)
    assert isinstance(outcomes[31], Refused)
    good = [f"name {i}" for i in range(50) if i not in (17, 31)]
    assert [o for i, o in enumerate(outcomes) if i not in (17, 31)] == good
    assert sorted(await names(database)) == sorted([*good, "name 99"])


async def test_a_failed_commit_fails_every_waiter(database: SqlDatabase) -> None:
    """A COMMIT that fails is the failure of all who shared it, and nothing of it is stored; units
    of other groups are not touched."""

    def broken(connection: Connection) -> None:
        """A foreign key that is only looked at by COMMIT, and is broken then."""
        connection.execute(text("INSERT INTO u VALUES (4711)")).close()

    outcomes = await asyncio.gather(
        *(database.write(broken if i == 7 else put(f"{i}"), key=f"{i:02}") for i in range(40)),
        return_exceptions=True,
    )
    failed = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, Exception)]
    assert 7 in failed
    assert len(failed) > 1
    assert all(isinstance(outcomes[i], DBAPIError) for i in failed)
    assert sorted(await names(database)) == sorted(f"{i}" for i in range(40) if i not in failed)


async def test_units_of_a_deadlock_are_all_done(database: SqlDatabase) -> None:
    """Two that lock the same rows in opposite orders: the one that the server sacrifices is run
    again, and nobody hears of it."""
    await database.write(put("a"))
    await database.write(put("b"))
    reached = [asyncio.Event(), asyncio.Event()]

    def both(mine: int, first: str, second: str) -> Callable[[Connection], int]:
        def unit(connection: Connection) -> int:
            connection.execute(LOCK, {"name": first}).close()
            reached[mine].set()
            connection.execute(text("SELECT pg_sleep(0.1)")).close()
            connection.execute(LOCK, {"name": second}).close()
            return mine

        return unit

    unhurried = Postgres(lock_timeout=20)
    url = database._url  # type: ignore[attr-defined]
    other = open_database(url, unhurried)
    done = await asyncio.gather(other.write(both(0, "a", "b")), other.write(both(1, "b", "a")))
    assert done == [0, 1]
    assert all(one.is_set() for one in reached)
    await other.stop()


async def test_who_waits_too_long_for_another_is_told(database: SqlDatabase) -> None:
    """A unit that another process holds up fails after the lock time-out; the rest goes on."""
    await database.write(put("a"))
    other = open_database(database._url, Postgres())  # type: ignore[attr-defined]
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
    await database.write(put("b"))
    await holding
    await other.stop()


async def test_units_of_one_key_never_overlap(database: SqlDatabase) -> None:
    """Nor those of another process: each adds one to what it read, and none is lost."""
    await database.write(run("INSERT INTO t (name) VALUES ('0')"))
    url = database._url  # type: ignore[attr-defined]
    two = [open_database(url, Postgres(lock_timeout=60)) for _ in range(2)]

    def add_one(connection: Connection) -> None:
        now = int(str(connection.execute(text("SELECT name FROM t")).scalar()))
        connection.execute(text("UPDATE t SET name = :n"), {"n": str(now + 1)}).close()

    await asyncio.gather(*(one.write(add_one, key="k") for one in two * 30))
    assert await names(database) == ["60"]
    for one in two:
        await one.stop()


def break_off(connection: Connection) -> None:
    """What a line that is cut is to the unit that runs."""
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())")).close()


async def test_a_line_cut_before_commit_failed_those_who_waited(database: SqlDatabase) -> None:
    """Nothing was stored, so all of the group is done again on another connection, each by itself;
    the one that breaks every line hears of it, in the words of the first error."""
    cut = 0

    def cut_once(connection: Connection) -> str:
        nonlocal cut
        cut += 1
        return put("cut")(connection) if cut > 1 else str(break_off(connection))

    only = open_database(database._url, Postgres(writers=1))  # type: ignore[attr-defined]
    busy = asyncio.create_task(only.write(run("SELECT pg_sleep(0.1)")))
    await asyncio.sleep(0)
    units: list[Callable[[Connection], object]] = [put("a"), cut_once, put("b"), break_off]
    writing = [asyncio.create_task(only.write(u, key=f"{i}")) for i, u in enumerate(units)]
    *done, broken = await asyncio.gather(*writing, return_exceptions=True)
    assert done == ["a", "cut", "b"]
    assert isinstance(broken, DBAPIError)
    assert "reconnect" not in str(broken)
    assert sorted(await names(database)) == ["a", "b", "cut"]
    await busy
    await only.stop()


async def test_one_lane_that_was_held_failed_the_whole_group(database: SqlDatabase) -> None:
    """Its unit asks again for as long as the lock time-out, then fails alone; the others of the
    group are done meanwhile, on the only connection there is."""
    url = database._url  # type: ignore[attr-defined]
    other, only = open_database(url, Postgres()), open_database(url, Postgres(writers=1))
    held, let_go = asyncio.Event(), asyncio.Event()

    def holds(connection: Connection) -> None:
        held.set()
        while not let_go.is_set():
            connection.execute(text("SELECT pg_sleep(0.05)")).close()

    holding = asyncio.create_task(other.write(holds, key="b"))
    await held.wait()
    asking = [asyncio.create_task(only.write(put(key), key=key)) for key in "abcd"]
    assert await asyncio.gather(*(asking[i] for i in (0, 2, 3))) == ["a", "c", "d"]
    assert not asking[1].done()
    with pytest.raises(LaneBusy, match=r"for 0\.5 s"):
        await database.write(put("b"), key="b")
    let_go.set()
    await holding
    assert await asking[1] == "b"
    await only.stop()
    await other.stop()


async def test_a_group_went_on_for_as_long_as_all_its_units(database: SqlDatabase) -> None:
    """Where units are slow the first ones are committed before the last ones begin."""
    only = open_database(database._url, Postgres(writers=1))  # type: ignore[attr-defined]
    seen: list[int] = []

    def slow(connection: Connection) -> None:
        connection.execute(text("SELECT pg_sleep(0.2)")).close()
        seen.append(sum(task.done() for task in writing))

    writing = [asyncio.create_task(only.write(slow, key=f"{i}")) for i in range(8)]
    await asyncio.gather(*writing)
    assert len(seen) == len(writing), "each is done once"
    assert seen[-1] > 0
    await only.stop()


async def test_a_process_that_stood_still_kept_its_lanes_longer_than_others_wait(
    database: SqlDatabase,
) -> None:
    """The server ends a transaction that says nothing before the others lose patience."""
    other = open_database(database._url, Postgres(lock_timeout=6))  # type: ignore[attr-defined]
    asleep = await other._connect()  # type: ignore[attr-defined]
    await asleep.execute("BEGIN")
    await asleep.execute(f"SELECT pg_advisory_xact_lock({LANE_LOCK}, {crc32(b'k') - 2**31})")
    assert await other.write(put("k"), key="k") == "k"
    assert asleep.is_closed()
    await other.stop()


async def test_a_prepared_statement_used_a_connection_that_was_replaced(
    database: SqlDatabase,
) -> None:
    """SQLAlchemy's connection may get another one of the driver's under it."""
    pid = PreparedStatement(select(func.pg_backend_pid().label("pid")))

    def replaced(connection: Connection) -> tuple[int, int]:
        first = pid.scalar(connection, {})
        connection.invalidate()
        connection.rollback()
        return first, pid.scalar(connection, {})

    async with database._engine.connect() as connection:  # type: ignore[attr-defined]
        first, second = await connection.run_sync(replaced)
    assert first != second


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
async def test_an_unreachable_server_is_told_in_words(scheme: str) -> None:
    """With its place, and without the password."""
    nowhere = open_database(f"{scheme}://ana:hushhush@127.0.0.1:9/shop", Postgres())
    with pytest.raises(WarmlineError, match=r"127\.0\.0\.1:9/shop") as told:
        await nowhere.run_exclusive(run("SELECT 1"))
    assert "hushhush" not in str(told.value)
    await nowhere.stop()


def test_another_kind_of_address_is_refused() -> None:
    """In words that tell what is served."""
    with pytest.raises(BadConfig, match="sqlite:///FILE or postgresql://"):
        open_database("mysql://localhost/x", Postgres())


@pytest.fixture
def own_server() -> Server:
    with server() as found:
        yield found


@pytest.mark.timeout(600)
async def test_a_server_that_crashes_under_load_loses_nothing(
    own_server: Server, tmp_path: Path
) -> None:
    """Customers write while PostgreSQL is killed and started again. They get 503 with
    Retry-After meanwhile and write again, under the same id. Every message that got its OK is
    answered, each once, in order."""
    (tmp_path / "policy.yaml").write_text(ANSWER_ALL, "utf-8")
    config = {
        "policy": str(tmp_path / "policy.yaml"),
        "channels": {"rest": {"answer_timeout": 0.05}},
        "database_url": database_of(tmp_path, own_server.url),
    }
    over = asyncio.Event()
    refused: list[int] = []
    sent: dict[str, int] = {}

    async def writes(http: ClientSession, who: str) -> None:
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
            writing = [asyncio.create_task(writes(http, f"c{i}")) for i in range(6)]
            await until(lambda: sum(sent.values()) > 30, 120)
            own_server.kill()
            await until(lambda: len(refused) > 3, 120)
            own_server.start()
            enough = sum(sent.values()) + 30
            await until(lambda: sum(sent.values()) > enough, 120)
            over.set()
            await asyncio.gather(*writing)
        await gw.gateway.rounds.sweep()

        async def heard(who: str) -> list[str]:
            return [m.text for m in await gw.customer("rest", who).messages()]

        for who, many in sent.items():
            await until(lambda who=who, many=many: _long(heard(who), many), 120, every=0.2)
            assert await heard(who) == [f"You said number {i}." for i in range(many)]


async def _long(heard: object, many: int) -> bool:
    return len(await heard) >= many  # type: ignore[misc]
