"""Messages that are taken in together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text

from gateway.adapters.sql import rows
from gateway.adapters.sql.accepting import Arrival, Door, accept_all
from gateway.adapters.sql.migrating import migrate
from gateway.adapters.sql.opening import open_database
from gateway.adapters.sql.units import AnyDatabase
from gateway.settings import PostgresSettings

NOW = rows.ms(datetime(2026, 11, 23, 12, tzinfo=UTC))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AnyDatabase]:
    found = open_database(database_url, PostgresSettings())
    await migrate(found)
    yield found
    await found.stop()


def arrival(lane: str, payload: str = "{}", remote_id: str | None = None) -> Arrival:
    return Arrival(
        lane=lane,
        channel="rest",
        kind="message",
        payload=payload,
        received_at=NOW,
        remote_id=remote_id,
    )


async def stored(database: AnyDatabase) -> list[tuple[int, str, str]]:
    query = text("SELECT id, lane, payload FROM inbox ORDER BY id")
    return [tuple(row) for row in await database.read(lambda c: c.execute(query).all())]


@pytest.mark.parametrize("many", [1, 2, 3, 37, 64, 150])
async def test_each_has_its_own_row(database: AnyDatabase, many: int) -> None:
    """However many come together, each is told the turn that has its own words, in order."""
    arrivals = [arrival(f"rest:{i % 5}", f'"{i}"') for i in range(many)]
    accepted = await database.write(lambda c: accept_all(c, arrivals))
    rows = {id: (lane, payload) for id, lane, payload in await stored(database)}
    assert [rows[one.turn] for one in accepted] == [(a.lane, a.payload) for a in arrivals]
    assert not any(one.duplicate for one in accepted)
    assert sorted(one.turn for one in accepted) == [one.turn for one in accepted]


async def test_the_same_id_is_stored_once(database: AnyDatabase) -> None:
    """Twice in one batch and again in another: one row, and all but the first are duplicates."""
    door = Door(database)
    batch = [arrival("rest:a", remote_id="1"), arrival("rest:b", remote_id="1")]
    first = await asyncio.gather(*(door.accept(one) for one in (*batch, *batch)))
    again = await door.accept(batch[0])
    assert [one.duplicate for one in first] == [False, False, True, True]
    assert [one.turn for one in first[:2]] == [one.turn for one in first[2:]]
    assert again.duplicate
    assert again.turn == first[0].turn
    assert len(await stored(database)) == 2


async def test_known_ones_between_new_ones(database: AnyDatabase) -> None:
    """In one batch, of which some are known and some have no id: each is told its own row."""
    await database.write(lambda c: accept_all(c, [arrival("rest:a", '"a"', "1")]))
    batch = [
        arrival("rest:n", '"n1"'),
        arrival("rest:a", '"again"', "1"),
        arrival("rest:n", '"n2"'),
        arrival("rest:b", '"b"', "1"),
        arrival("rest:a", '"once more"', "1"),
        arrival("rest:b", '"again"', "1"),
        arrival("rest:n", '"n3"'),
    ]
    accepted = await database.write(lambda c: accept_all(c, batch))
    words = {id: payload for id, _, payload in await stored(database)}
    found = [(words[one.turn], one.duplicate) for one in accepted]
    assert found == [
        ('"n1"', False),
        ('"a"', True),
        ('"n2"', False),
        ('"b"', False),
        ('"a"', True),
        ('"b"', True),
        ('"n3"', False),
    ]


async def test_one_that_cannot_be_stored_fails_alone(database: AnyDatabase) -> None:
    """Of many that come together the one that violates a constraint fails; the others are in."""
    door = Door(database)
    bad = Arrival(lane="rest:x", channel="rest", kind=None, payload="{}", received_at=NOW)  # type: ignore[arg-type]
    outcomes = await asyncio.gather(
        *(door.accept(one) for one in (arrival("rest:a"), bad, arrival("rest:b"))),
        return_exceptions=True,
    )
    assert type(outcomes[1]).__name__ in ("IntegrityError", "NotNullViolationError")
    assert [lane for _, lane, _ in await stored(database)] == ["rest:a", "rest:b"]


class Fragile:
    """A database that refuses a group, and writes one at a time as slowly as it is let."""

    def __init__(self, database: AnyDatabase) -> None:
        self._database = database
        self.writing, self.go_on = asyncio.Event(), asyncio.Event()
        self._calls = 0

    async def write(self, unit: Callable[[Connection], Any]) -> Any:
        self._calls += 1
        accepted = await self._database.write(unit)
        if self._calls == 1:
            raise OSError("the disk is full")
        self.writing.set()
        await self.go_on.wait()
        return accepted


async def test_who_gave_up_while_stored_alone_kept_the_others_waiting_for_ever(
    database: AnyDatabase,
) -> None:
    """After a batch failed each is stored by itself: one that is given up at that moment holds up
    none of those after it."""
    fragile = Fragile(database)
    door = Door(fragile)  # type: ignore[arg-type]  # `write` is all it needs
    waiting = [door.accept(arrival(f"rest:{i}", remote_id="1")) for i in range(3)]
    await fragile.writing.wait()
    waiting[0].cancel()
    fragile.go_on.set()
    async with asyncio.timeout(10):
        left = await asyncio.gather(*waiting[1:])
    assert len({one.turn for one in left}) == 2


async def test_whoever_comes_meanwhile_goes_with_the_next(database: AnyDatabase) -> None:
    """Accepts that come while the database is busy share one transaction, and nobody waits for a
    client that has gone away."""
    door = Door(database)
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        connection.execute(text("SELECT 1"))

    busy = asyncio.create_task(database.write(slow))
    await begun.wait()
    waiting = [door.accept(arrival(f"rest:{i}")) for i in range(100)]
    await asyncio.sleep(0)
    waiting[3].cancel()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    await busy
    assert isinstance(done[3], asyncio.CancelledError)
    assert len({one.turn for i, one in enumerate(done) if i != 3}) == 99


async def test_a_closed_database_refuses_all(database: AnyDatabase) -> None:
    """Nobody waits for ever at a door behind which nothing is."""
    door = Door(database)
    await database.stop()
    outcomes = await asyncio.gather(
        *(door.accept(arrival(f"rest:{i}")) for i in range(3)), return_exceptions=True
    )
    assert all(isinstance(one, RuntimeError) for one in outcomes)
