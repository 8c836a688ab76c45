"""Several processes on one database: leases, and the work that each has taken."""

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
from gateway.settings import PostgresSettings
from gateway.store import (
    AlreadyHandled,
    ConversationChanged,
    NotBefore,
    OutboxItem,
    TurnOutcome,
    WorkItem,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CARLA = Address(channel="fake", value="carla")
LEASE = timedelta(seconds=600)


@asynccontextmanager
async def process(url: str, name: str | None = None) -> AsyncIterator[SqlStore]:
    """The store of one process, which has been running for a while."""
    database = open_database(url, PostgresSettings())
    await migrate(database)
    store = SqlStore(database, idle=timedelta(hours=24), lease=LEASE)
    await store.processes.register(name, "all")
    store.lease.since -= LEASE.total_seconds()
    yield store
    await store.stop()


async def expire(store: SqlStore) -> None:
    """Let its lease expire, for the database and for the process itself."""
    dead = update(processes).where(processes.c.id == store.lease.id)
    await store.database.write(lambda c: c.execute(dead.values(lease_until=1)).close())
    store.lease.until = 0.0


def inbound(text: str, *, id: str | None = None, who: Address = CARLA) -> Inbound:
    return Inbound(address=who, text=text, at=NOW, remote_id=id)


def outcome_of(work: WorkItem, *replies: str) -> TurnOutcome:
    conversation = work.conversation or Conversation(id=0, address=CARLA, opened_at=NOW)
    line = Message(id=0, conversation=0, author="bot", text="", at=NOW, turn=work.id)
    return TurnOutcome(
        work=work,
        conversation=conversation,
        customer=work.customer or Customer(),
        message=line.replace(author="customer", text=work.inbound.text if work.inbound else ""),
        replies=tuple(line.replace(text=reply) for reply in replies),
        timers=(Timer(name="later", due_at=NOW),),
    )


async def state_of(store: SqlStore, turn: int) -> tuple[str, int]:
    row = select(inbox.c.state, inbox.c.attempts).where(inbox.c.id == turn)
    state, attempts = await store.database.read(lambda c: tuple(c.execute(row).one()))
    return state, attempts


async def everything(store: SqlStore) -> list[object]:
    """All rows that a commit may change."""
    tables = ("conversations", "customers", "identities", "messages", "outbox", "timers", "inbox")

    def look(connection: Connection) -> list[object]:
        return [
            tuple(row)
            for name in tables
            for row in connection.execute(select(metadata.tables[name]).order_by(text("id")))
        ]

    return await store.database.read(look)


async def taken(store: SqlStore) -> WorkItem:
    work = await store.inbox.take(CARLA.lane, NOW)
    assert isinstance(work, WorkItem)
    return work


async def test_a_late_commit_changes_nothing(postgres_url: str) -> None:
    """A process stops between take and commit, and another one handles the row: the late commit
    raises and changes nothing, in a new conversation and in an existing one."""
    async with process(postgres_url) as stalled, process(postgres_url) as other:
        for number in (1, 2):
            accepted = await stalled.inbox.accept(inbound(f"message {number}"), NOW)
            late = await taken(stalled)
            assert late.id == accepted.turn
            assert isinstance(await other.inbox.take(CARLA.lane, NOW), NotBefore)
            await expire(stalled)
            work = await taken(other)
            assert (work.id, work.attempts) == (late.id, 1)
            await other.inbox.commit(outcome_of(work, "the answer"), NOW)
            before = await everything(other)
            with pytest.raises((AlreadyHandled, ConversationChanged)) as raised:
                await stalled.inbox.commit(outcome_of(late, "a second answer"), NOW)
            assert number == 1 or raised.type is AlreadyHandled
            assert await everything(other) == before
            assert not await stalled.processes.renew()
            assert await stalled.inbox.take(CARLA.lane, NOW) is None


async def test_attempts_are_counted_only_for_dead_processes(postgres_url: str) -> None:
    """When a process starts, a row that a living process has taken counts no attempt; one that a
    dead process had counts one; one that nobody had counts none."""
    bo, cy = (Address(channel="fake", value=name) for name in ("bo", "cy"))
    async with process(postgres_url) as alive, process(postgres_url, "b") as dying:
        for who in (CARLA, bo, cy):
            await alive.inbox.accept(inbound("hello", who=who), NOW)
        mine = await taken(alive)
        theirs = await dying.inbox.take(bo.lane, NOW)
        assert isinstance(theirs, WorkItem)
        await expire(dying)
        async with process(postgres_url) as new:
            await new.inbox.count_interrupted(NOW)
            found = [await new.inbox.take(one.lane, NOW) for one in (CARLA, bo, cy)]
            assert isinstance(found[0], NotBefore)
            assert [one.attempts for one in found[1:] if isinstance(one, WorkItem)] == [1, 0]
            assert await state_of(new, mine.id) == ("ready", 0)


async def test_a_process_that_leaves_frees_its_work_at_once(postgres_url: str) -> None:
    """Nothing waits for its lease; unfinished work counts one attempt."""
    async with process(postgres_url) as leaving, process(postgres_url) as other:
        await leaving.inbox.accept(inbound("hello"), NOW)
        await taken(leaving)
        await leaving.processes.unregister()
        assert (await taken(other)).attempts == 1


async def sending(store: SqlStore, *, take: bool = True) -> OutboxItem:
    await store.inbox.accept(inbound("hello"), NOW)
    await store.inbox.commit(outcome_of(await taken(store), "an answer"), NOW)
    parcel = await store.outbox.take(CARLA.lane, NOW)
    assert isinstance(parcel, OutboxItem)
    return parcel


async def test_cut_off_rows_are_taken_over_once(postgres_url: str) -> None:
    """Nobody takes over the send of a living process. Of a dead one, exactly one process does,
    however many look at the same time; the dead one's late results change nothing."""
    async with (
        process(postgres_url) as dying,
        process(postgres_url) as a,
        process(postgres_url) as b,
    ):
        parcel = await sending(dying)
        assert await a.outbox.take_over() == ()
        await expire(dying)
        assert not dying.processes.holds_lease()
        found = await asyncio.gather(*(one.outbox.take_over() for one in (a, b) * 4))
        assert [one.outbound.id for cut in found for one in cut] == [parcel.outbound.id]
        taker = a if any(found[0::2]) else b
        await dying.outbox.retry_later(parcel.outbound.id, "late", NOW)
        await dying.outbox.close(parcel.outbound.id, "failed", "late")
        state = select(outbox.c.state)
        assert await a.database.read(lambda c: c.execute(state).scalar()) == "sending"
        await taker.outbox.close(parcel.outbound.id, "unsure", "nobody knows")
        assert await a.database.read(lambda c: c.execute(state).scalar()) == "unsure"
        await dying.outbox.mark_sent(
            parcel.outbound.id, Sent(remote_id="r1")
        )  # it did leave, after all
        assert await a.database.read(lambda c: c.execute(state).scalar()) == "sent"


async def test_a_restarted_process_takes_over_from_its_namesake_at_once(postgres_url: str) -> None:
    """If the old process still lives, its next renewal tells it."""
    async with process(postgres_url, "one") as old, process(postgres_url, "other") as other:
        parcel = await sending(old)
        assert await other.outbox.take_over() == ()
        async with process(postgres_url, "one") as new:
            [found] = await new.outbox.take_over()
            assert found.outbound.id == parcel.outbound.id
            assert not await old.processes.renew()


async def test_a_lease_is_renewed(postgres_url: str) -> None:
    """An expired lease that nobody took over (the database was away) continues under the same id.
    Once another process has taken over, the process gets a new id."""
    async with process(postgres_url) as store, process(postgres_url) as other:
        id = store.lease.id
        assert store.processes.holds_lease()
        await expire(store)
        assert not store.processes.holds_lease()
        assert await store.processes.renew()
        assert store.processes.holds_lease()
        assert store.lease.id == id
        await expire(store)
        await other.outbox.take_over()
        assert not await store.processes.renew()
        assert store.processes.holds_lease()
        assert store.lease.id != id


async def test_after_an_outage_processes_wait_before_they_take_over(postgres_url: str) -> None:
    """When the database was away, every lease has expired. The first process to return takes
    nothing over before the others have had the time of a lease to return too."""
    async with process(postgres_url) as slow, process(postgres_url) as fast:
        parcel = await sending(slow)
        await expire(slow)
        await expire(fast)
        assert await fast.processes.renew()
        assert await fast.outbox.take_over() == ()
        assert await slow.processes.renew()
        fast.lease.since -= LEASE.total_seconds()
        assert await fast.outbox.take_over() == ()
        await slow.outbox.close(parcel.outbound.id, "failed", "refused")
        states = select(outbox.c.state)
        assert await fast.database.read(lambda c: c.execute(states).scalar()) == "dead"


async def test_on_sqlite_all_other_processes_are_dead(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A lock lets one process serve. It waits for no lease, and its own never expires."""
    url = f"sqlite:///{tmp_path_factory.mktemp('alone') / 't.db'}"
    async with process(url) as old:
        parcel = await sending(old)
    async with process(url) as new:
        [found] = await new.outbox.take_over()
        assert found.outbound.id == parcel.outbound.id
        await expire(new)
        assert new.processes.holds_lease()
        assert await new.processes.renew()


async def test_only_one_process_takes_an_outbox_row(postgres_url: str) -> None:
    """Of many that take the head of a lane, one gets it; nothing is discarded."""
    async with process(postgres_url) as a, process(postgres_url) as b:
        await a.inbox.accept(inbound("hello"), NOW)
        await a.inbox.commit(outcome_of(await taken(a), "one", "two"), NOW)
        tries = await asyncio.gather(*(one.outbox.take(CARLA.lane, NOW) for one in (a, b) * 8))
        assert len([one for one in tries if isinstance(one, OutboxItem)]) == 1
        states = select(outbox.c.state).order_by(outbox.c.id)
        assert await a.database.read(lambda c: list(c.execute(states).scalars())) == [
            "sending",
            "ready",
        ]


async def test_a_timer_fires_once(postgres_url: str) -> None:
    """However many processes look for due timers."""
    async with process(postgres_url) as a, process(postgres_url) as b:
        for number in range(20):
            who = Address(channel="fake", value=f"c{number}")
            await a.inbox.accept(inbound("hello", who=who), NOW)
            work = await a.inbox.take(who.lane, NOW)
            assert isinstance(work, WorkItem)
            begun = Conversation(id=0, address=who, opened_at=NOW)
            await a.inbox.commit(outcome_of(work).replace(conversation=begun), NOW)
        lanes = await asyncio.gather(*(one.timers.fire(NOW) for one in (a, b) * 4))
        assert sorted(lane for fired in lanes for lane in fired) == sorted(
            f"fake:c{number}" for number in range(20)
        )
        fired = select(inbox.c.id).where(inbox.c.kind == "timer")
        assert len(await a.database.read(lambda c: c.execute(fired).all())) == 20


def ids(query: Select[Any], connection: Connection) -> list[int]:
    return list(connection.execute(query).scalars())


async def test_ids_grow_in_the_order_of_commits(postgres_url: str) -> None:
    """While several processes accept, a reader that continues after the last id misses nothing."""
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
                await store.inbox.accept(inbound(f"{name} {number}", id=f"{name}{number}"), NOW)

        async def reads() -> None:
            last = False
            while not last:
                last = done.is_set()
                newer = select(inbox.c.id).where(inbox.c.id > (seen[-1] if seen else 0))
                seen.extend(await reader.database.read(partial(ids, newer.order_by(inbox.c.id))))

        reading = asyncio.create_task(reads())
        await asyncio.gather(*(accepts(s, f"{i}-") for i, s in enumerate((a, b, c, a, b))))
        done.set()
        await reading
        assert len(seen) == 300


async def test_a_reference_in_two_lanes_is_one_customer(postgres_url: str) -> None:
    """Also when it is proved on two addresses at the same moment."""
    async with process(postgres_url) as a, process(postgres_url) as b:
        for again in range(5):
            works = []
            for store, name in ((a, "x"), (b, "y")):
                who = Address(channel="fake", value=f"{name}{again}")
                known = Inbound(address=who, text="hello", at=NOW, ref=f"ref{again}")
                await store.inbox.accept(known, NOW)
                work = await store.inbox.take(who.lane, NOW)
                assert isinstance(work, WorkItem)
                begun = Conversation(id=0, address=who, opened_at=NOW)
                outcome = outcome_of(work).replace(conversation=begun)
                works.append(store.inbox.commit(outcome.replace(customer=work.customer), NOW))
            await asyncio.gather(*works)
        refs = text("SELECT ref, count(*) FROM customers GROUP BY ref HAVING count(*) > 1")
        assert await a.database.read(lambda c: c.execute(refs).all()) == []
        assert len(await a.database.read(lambda c: c.execute(select(messages.c.id)).all())) == 10
