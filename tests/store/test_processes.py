"""Several processes on one database: each has its lease, and what it has in its hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Select, select, text, update

from gateway import Address, Conversation, Customer, Inbound, Message, Sent, Timer
from gateway.adapters.sql.engine.opening import migrate, open_database
from gateway.adapters.sql.schema import inbox, messages, metadata, outbox, processes
from gateway.adapters.sql.store import SqlStore
from gateway.settings import Postgres
from gateway.store import AlreadyHandled, Later, Moved, Outcome, Parcel, Work

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CARLA = Address(channel="fake", value="carla")
LEASE = timedelta(seconds=600)


@asynccontextmanager
async def process(url: str, name: str | None = None) -> AsyncIterator[SqlStore]:
    """A store as one process has it."""
    database = open_database(url, Postgres())
    await migrate(database)
    store = SqlStore(database, idle=timedelta(hours=24), lease=LEASE)
    await store.processes.enter(name, "all")
    store.processes._lease.since -= LEASE.total_seconds()  # it has been here for long
    yield store
    await store.stop()


async def dies(store: SqlStore) -> None:
    """Its lease runs out, as the database sees it and as it sees it itself."""
    dead = update(processes).where(processes.c.id == store.processes._lease.id)
    await store._db.write(lambda c: c.execute(dead.values(lease_until=1)).close())
    store.processes._lease.until = 0.0


def said(text: str, *, id: str | None = None, who: Address = CARLA) -> Inbound:
    return Inbound(address=who, text=text, at=NOW, remote_id=id)


def outcome_of(work: Work, *replies: str) -> Outcome:
    conversation = work.conversation or Conversation(id=0, address=CARLA, opened_at=NOW)
    line = Message(id=0, conversation=0, author="bot", text="", at=NOW, turn=work.id)
    return Outcome(
        work=work,
        conversation=conversation,
        customer=work.customer or Customer(),
        message=line.replace(author="customer", text=work.inbound.text if work.inbound else ""),
        replies=tuple(line.replace(text=reply) for reply in replies),
        timers=(Timer(name="later", due_at=NOW),),
    )


async def state_of(store: SqlStore, turn: int) -> tuple[str, int]:
    row = select(inbox.c.state, inbox.c.attempts).where(inbox.c.id == turn)
    state, attempts = await store._db.read(lambda c: tuple(c.execute(row).one()))
    return state, attempts


async def everything(store: SqlStore) -> list[object]:
    """All rows that a commit may touch."""
    tables = ("conversations", "customers", "identities", "messages", "outbox", "timers", "inbox")

    def look(connection: Connection) -> list[object]:
        return [
            tuple(row)
            for name in tables
            for row in connection.execute(select(metadata.tables[name]).order_by(text("id")))
        ]

    return await store._db.read(look)


async def taken(store: SqlStore) -> Work:
    work = await store.inbox.take(CARLA.lane, NOW)
    assert isinstance(work, Work)
    return work


async def test_a_stalled_worker_commits_nothing_late(postgres_url: str) -> None:
    """Stopped between take and commit, and the row handled by another process meanwhile: the late
    commit is told so, and changes nothing at all. Also in a conversation that there was before."""
    async with process(postgres_url) as stalled, process(postgres_url) as other:
        for number in (1, 2):
            accepted = await stalled.inbox.accept(said(f"message {number}"), NOW)
            late = await taken(stalled)
            assert late.id == accepted.turn
            assert isinstance(await other.inbox.take(CARLA.lane, NOW), Later)
            await dies(stalled)
            work = await taken(other)
            assert (work.id, work.attempts) == (late.id, 1)
            await other.inbox.commit(outcome_of(work, "the answer"), NOW)
            before = await everything(other)
            with pytest.raises((AlreadyHandled, Moved)) as told:
                await stalled.inbox.commit(outcome_of(late, "a second answer"), NOW)
            assert number == 1 or told.type is AlreadyHandled
            assert await everything(other) == before
            assert not await stalled.processes.renew()
            assert await stalled.inbox.take(CARLA.lane, NOW) is None


async def test_attempts_are_counted_for_the_dead_alone(postgres_url: str) -> None:
    """What a living process has in its hands counts no attempt when another one starts; what a
    dead one had counts one, and what nobody had counts none."""
    bo, cy = (Address(channel="fake", value=name) for name in ("bo", "cy"))
    async with process(postgres_url) as alive, process(postgres_url, "b") as dying:
        for who in (CARLA, bo, cy):
            await alive.inbox.accept(said("hello", who=who), NOW)
        mine = await taken(alive)
        theirs = await dying.inbox.take(bo.lane, NOW)
        assert isinstance(theirs, Work)
        await dies(dying)
        async with process(postgres_url) as new:
            await new.inbox.survived()
            found = [await new.inbox.take(one.lane, NOW) for one in (CARLA, bo, cy)]
            assert isinstance(found[0], Later)
            assert [one.attempts for one in found[1:] if isinstance(one, Work)] == [1, 0]
            assert await state_of(new, mine.id) == ("ready", 0)


async def test_what_a_process_leaves_is_free_at_once(postgres_url: str) -> None:
    """At an orderly end nothing waits for a lease; what was not finished counts one attempt."""
    async with process(postgres_url) as leaving, process(postgres_url) as other:
        await leaving.inbox.accept(said("hello"), NOW)
        await taken(leaving)
        await leaving.processes.leave()
        assert (await taken(other)).attempts == 1


async def sending(store: SqlStore, *, take: bool = True) -> Parcel:
    await store.inbox.accept(said("hello"), NOW)
    await store.inbox.commit(outcome_of(await taken(store), "an answer"), NOW)
    parcel = await store.outbox.take(CARLA.lane, NOW)
    assert isinstance(parcel, Parcel)
    return parcel


async def test_cut_off_rows_are_taken_over_once(postgres_url: str) -> None:
    """A send of a living process is its own; of a dead one it is one other process's, however many
    look at the same time, and what the dead one says of it later changes nothing."""
    async with (
        process(postgres_url) as dying,
        process(postgres_url) as a,
        process(postgres_url) as b,
    ):
        parcel = await sending(dying)
        assert await a.outbox.cut_off() == ()
        await dies(dying)
        assert not dying.processes.holds()
        found = await asyncio.gather(*(one.outbox.cut_off() for one in (a, b) * 4))
        assert [one.outbound.id for cut in found for one in cut] == [parcel.outbound.id]
        taker = a if any(found[0::2]) else b
        await dying.outbox.later(parcel.outbound.id, "late", NOW)
        await dying.outbox.over(parcel.outbound.id, "failed", "late")
        state = select(outbox.c.state)
        assert await a._db.read(lambda c: c.execute(state).scalar()) == "sending"
        await taker.outbox.over(parcel.outbound.id, "unsure", "nobody knows")
        assert await a._db.read(lambda c: c.execute(state).scalar()) == "unsure"
        await dying.outbox.sent(parcel.outbound.id, Sent(remote_id="r1"))  # it did leave, after all
        assert await a._db.read(lambda c: c.execute(state).scalar()) == "sent"


async def test_at_its_own_restart_a_named_process_is_not_waited_for(postgres_url: str) -> None:
    """A new process of the same name takes over at once; the old one, if it lives, finds out."""
    async with process(postgres_url, "one") as old, process(postgres_url, "other") as other:
        parcel = await sending(old)
        assert await other.outbox.cut_off() == ()
        async with process(postgres_url, "one") as new:
            [found] = await new.outbox.cut_off()
            assert found.outbound.id == parcel.outbound.id
            assert not await old.processes.renew()


async def test_a_lease_is_prolonged(postgres_url: str) -> None:
    """While it is renewed it holds. When it ran out and nobody took over (the database was away) it
    goes on, and all is in the same hands; when somebody did, the process is somebody new."""
    async with process(postgres_url) as store, process(postgres_url) as other:
        me = store.processes._lease.id
        assert store.processes.holds()
        await dies(store)
        assert not store.processes.holds()
        assert await store.processes.renew()
        assert store.processes.holds()
        assert store.processes._lease.id == me
        await dies(store)
        await other.outbox.cut_off()
        assert not await store.processes.renew()
        assert store.processes.holds()
        assert store.processes._lease.id != me


async def test_who_was_away_itself_judges_nobody(postgres_url: str) -> None:
    """After the database was away everybody's lease has run out: who comes back first, or is new,
    takes nothing over before the others have had the time of a lease to come back too."""
    async with process(postgres_url) as slow, process(postgres_url) as fast:
        parcel = await sending(slow)
        await dies(slow)
        await dies(fast)
        assert await fast.processes.renew()
        assert await fast.outbox.cut_off() == ()
        assert await slow.processes.renew()
        fast.processes._lease.since -= LEASE.total_seconds()
        assert await fast.outbox.cut_off() == ()
        await slow.outbox.over(parcel.outbound.id, "failed", "refused")
        states = select(outbox.c.state)
        assert await fast._db.read(lambda c: c.execute(states).scalar()) == "dead"


async def test_on_sqlite_all_others_are_dead(tmp_path_factory: pytest.TempPathFactory) -> None:
    """There one process serves: a lock sees to that. It need not wait for any lease, nor does its
    own run out."""
    url = f"sqlite:///{tmp_path_factory.mktemp('alone') / 't.db'}"
    async with process(url) as old:
        parcel = await sending(old)
    async with process(url) as new:
        [found] = await new.outbox.cut_off()
        assert found.outbound.id == parcel.outbound.id
        await dies(new)
        assert new.processes.holds()
        assert await new.processes.renew()


async def test_two_processes_take_a_row_once(postgres_url: str) -> None:
    """Of many who take the head of a lane for sending one gets it; nothing is discarded."""
    async with process(postgres_url) as a, process(postgres_url) as b:
        await a.inbox.accept(said("hello"), NOW)
        await a.inbox.commit(outcome_of(await taken(a), "one", "two"), NOW)
        tries = await asyncio.gather(*(one.outbox.take(CARLA.lane, NOW) for one in (a, b) * 8))
        assert len([one for one in tries if isinstance(one, Parcel)]) == 1
        states = select(outbox.c.state).order_by(outbox.c.id)
        assert await a._db.read(lambda c: list(c.execute(states).scalars())) == ["sending", "ready"]


async def test_a_timer_fires_once(postgres_url: str) -> None:
    """However many processes look at what is due."""
    async with process(postgres_url) as a, process(postgres_url) as b:
        for number in range(20):
            who = Address(channel="fake", value=f"c{number}")
            await a.inbox.accept(said("hello", who=who), NOW)
            work = await a.inbox.take(who.lane, NOW)
            assert isinstance(work, Work)
            begun = Conversation(id=0, address=who, opened_at=NOW)
            await a.inbox.commit(outcome_of(work).replace(conversation=begun), NOW)
        lanes = await asyncio.gather(*(one.timers.fire(NOW) for one in (a, b) * 4))
        assert sorted(lane for fired in lanes for lane in fired) == sorted(
            f"fake:c{number}" for number in range(20)
        )
        fired = select(inbox.c.id).where(inbox.c.kind == "timer")
        assert len(await a._db.read(lambda c: c.execute(fired).all())) == 20


def ids(query: Select[Any], connection: Connection) -> list[int]:
    return list(connection.execute(query).scalars())


async def test_ids_grow_in_the_order_of_commits(postgres_url: str) -> None:
    """Of one lane: while four processes accept, whoever reads on from the last id that they saw
    misses nothing."""
    async with (
        process(postgres_url) as a,
        process(postgres_url) as b,
        process(postgres_url) as c,
        process(postgres_url) as reader,
    ):
        seen: list[int] = []
        done = asyncio.Event()

        async def accepts(store: SqlStore, name: str) -> None:
            for number in range(60):
                await store.inbox.accept(said(f"{name} {number}", id=f"{name}{number}"), NOW)

        async def reads() -> None:
            last = False
            while not last:
                last = done.is_set()
                newer = select(inbox.c.id).where(inbox.c.id > (seen[-1] if seen else 0))
                seen.extend(await reader._db.read(partial(ids, newer.order_by(inbox.c.id))))

        reading = asyncio.create_task(reads())
        await asyncio.gather(*(accepts(s, f"{i}-") for i, s in enumerate((a, b, c, a, b))))
        done.set()
        await reading
        assert len(seen) == 300


async def test_one_customer_by_a_reference_in_two_lanes(postgres_url: str) -> None:
    """Who proves who they are on two addresses at the same moment is one customer."""
    async with process(postgres_url) as a, process(postgres_url) as b:
        for again in range(5):
            works = []
            for store, name in ((a, "x"), (b, "y")):
                who = Address(channel="fake", value=f"{name}{again}")
                known = Inbound(address=who, text="hello", at=NOW, ref=f"ref{again}")
                await store.inbox.accept(known, NOW)
                work = await store.inbox.take(who.lane, NOW)
                assert isinstance(work, Work)
                begun = Conversation(id=0, address=who, opened_at=NOW)
                outcome = outcome_of(work).replace(conversation=begun)
                works.append(store.inbox.commit(outcome.replace(customer=work.customer), NOW))
            await asyncio.gather(*works)
        refs = text("SELECT ref, count(*) FROM customers GROUP BY ref HAVING count(*) > 1")
        assert await a._db.read(lambda c: c.execute(refs).all()) == []
        assert len(await a._db.read(lambda c: c.execute(select(messages.c.id)).all())) == 10
