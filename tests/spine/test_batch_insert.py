"""Messages that arrive at the same moment are inserted by one statement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.opening import migrate, open_database
from gateway.adapters.sql.inbox import InboxRow, insert_rows
from gateway.model import Accepted
from gateway.settings import PostgresSettings

NOW = rows.to_ms(datetime(2026, 11, 23, 12, tzinfo=UTC))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[SqlDatabase]:
    found = open_database(database_url, PostgresSettings())
    await migrate(found)
    yield found
    await found.stop()


def row(lane: str, payload: str = "{}", remote_id: str | None = None) -> InboxRow:
    return InboxRow(
        lane=lane,
        channel="rest",
        kind="message",
        payload=payload,
        received_at=NOW,
        remote_id=remote_id,
    )


async def accept(database: SqlDatabase, new: InboxRow) -> Accepted:
    return await database.write_batched(insert_rows, new)


async def stored(database: SqlDatabase) -> list[tuple[int, str, str]]:
    query = text("SELECT id, lane, payload FROM inbox ORDER BY id")
    return [tuple(row) for row in await database.read(lambda c: c.execute(query).all())]


@pytest.mark.parametrize("many", [1, 2, 3, 37, 64, 150])
async def test_each_message_gets_its_own_row(database: SqlDatabase, many: int) -> None:
    """However many arrive together, each gets the turn with its own text, in order."""
    new = [row(f"rest:{i % 5}", f'"{i}"') for i in range(many)]
    accepted = await database.write(lambda c: insert_rows(c, new))
    found = {id: (lane, payload) for id, lane, payload in await stored(database)}
    assert [found[one.turn] for one in accepted] == [(one.lane, one.payload) for one in new]
    assert not any(one.duplicate for one in accepted)
    assert sorted(one.turn for one in accepted) == [one.turn for one in accepted]


async def test_the_same_id_is_stored_once(database: SqlDatabase) -> None:
    """Twice in one batch and again in another: one row, and all but the first are duplicates."""
    batch = [row("rest:a", remote_id="1"), row("rest:b", remote_id="1")]
    first = await asyncio.gather(*(accept(database, one) for one in (*batch, *batch)))
    again = await accept(database, batch[0])
    assert [one.duplicate for one in first] == [False, False, True, True]
    assert [one.turn for one in first[:2]] == [one.turn for one in first[2:]]
    assert again.duplicate
    assert again.turn == first[0].turn
    assert len(await stored(database)) == 2


async def test_known_and_new_ids_in_one_batch(database: SqlDatabase) -> None:
    """Some ids are known and some messages have none: each gets its own row."""
    await database.write(lambda c: insert_rows(c, [row("rest:a", '"a"', "1")]))
    batch = [
        row("rest:n", '"n1"'),
        row("rest:a", '"again"', "1"),
        row("rest:n", '"n2"'),
        row("rest:b", '"b"', "1"),
        row("rest:a", '"once more"', "1"),
        row("rest:b", '"again"', "1"),
        row("rest:n", '"n3"'),
    ]
    accepted = await database.write(lambda c: insert_rows(c, batch))
    payloads = {id: payload for id, _, payload in await stored(database)}
    found = [(payloads[one.turn], one.duplicate) for one in accepted]
    assert found == [
        ('"n1"', False),
        ('"a"', True),
        ('"n2"', False),
        ('"b"', False),
        ('"a"', True),
        ('"b"', True),
        ('"n3"', False),
    ]


async def test_a_bad_row_fails_alone(database: SqlDatabase) -> None:
    """Of a batch, only the row that violates a constraint fails; the others are stored."""
    bad = InboxRow(lane="rest:x", channel="rest", kind=None, payload="{}", received_at=NOW)  # type: ignore[arg-type]
    outcomes = await asyncio.gather(
        *(accept(database, one) for one in (row("rest:a"), bad, row("rest:b"))),
        return_exceptions=True,
    )
    assert type(outcomes[1]).__name__ in ("IntegrityError", "NotNullViolationError")
    assert [lane for _, lane, _ in await stored(database)] == ["rest:a", "rest:b"]


async def test_a_cancelled_caller_does_not_block_those_behind_it(database: SqlDatabase) -> None:
    """After a batch fails, each row is inserted alone. A caller that is cancelled meanwhile blocks
    none of the others."""
    failed, loop = asyncio.Event(), asyncio.get_running_loop()

    def insert(connection: Connection, new: Sequence[InboxRow]) -> Sequence[Accepted]:
        if len(new) > 1:
            loop.call_soon_threadsafe(failed.set)
            raise OSError("the disk is full")
        return insert_rows(connection, new)

    rows = [row(f"rest:{i}", remote_id="1") for i in range(3)]
    waiting = [database.write_batched(insert, one) for one in rows]
    await failed.wait()
    waiting[0].cancel()
    async with asyncio.timeout(10):
        left = await asyncio.gather(*waiting[1:])
    assert len({one.turn for one in left}) == 2


async def test_messages_that_arrive_during_a_write_share_the_next_one(
    database: SqlDatabase,
) -> None:
    """And nobody waits for a client that has gone away."""
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        connection.execute(text("SELECT 1"))

    busy = asyncio.create_task(database.write(slow))
    await begun.wait()
    commits: list[int] = []
    database.observe_commits(commits.append)
    waiting = [asyncio.create_task(accept(database, row(f"rest:{i}"))) for i in range(100)]
    await asyncio.sleep(0)
    waiting[3].cancel()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    await busy
    assert isinstance(done[3], asyncio.CancelledError)
    assert len({one.turn for i, one in enumerate(done) if i != 3}) == 99
    assert len(commits) <= 3


async def test_a_lane_keeps_the_order_of_its_messages(database: SqlDatabase) -> None:
    """Over several batches, beside other writes."""
    count = text("SELECT count(*) FROM inbox")
    others = [
        asyncio.create_task(database.write(lambda c: c.execute(count).scalar())) for _ in range(20)
    ]
    accepted = await asyncio.gather(*(accept(database, row("rest:a", str(i))) for i in range(300)))
    await asyncio.gather(*others)
    turns = [one.turn for one in accepted]
    assert turns == sorted(turns)
    assert [payload for _, _, payload in await stored(database)] == [str(i) for i in range(300)]


async def test_a_closed_database_refuses_everything(database: SqlDatabase) -> None:
    """No caller waits for a database that is closed."""
    await database.stop()
    outcomes = await asyncio.gather(
        *(accept(database, row(f"rest:{i}")) for i in range(3)), return_exceptions=True
    )
    assert all(isinstance(one, RuntimeError) for one in outcomes)


@pytest.mark.sqlite
async def test_a_database_that_could_not_be_opened_accepts_later(tmp_path: Path) -> None:
    """A batch that failed before it started takes no further messages."""
    folder = tmp_path / "missing"
    database = open_database(f"sqlite:///{folder / 't.db'}", PostgresSettings())
    with pytest.raises(OperationalError):
        await accept(database, row("rest:a"))
    folder.mkdir()
    await migrate(database)
    async with asyncio.timeout(10):
        assert (await accept(database, row("rest:a"))).turn == 1
    await database.stop()
