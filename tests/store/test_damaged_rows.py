"""One customer's damaged rows: unreadable, counted, handed over, and no harm to anybody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, literal_column, select

from gateway import Address, NotFound
from gateway.adapters.encryption import new_key
from gateway.adapters.sql.encryption import ENCRYPTED_COLUMNS, rotate_keys
from gateway.adapters.sql.schema import (
    conversations,
    handoffs,
    messages,
    outbox,
    timers,
)
from gateway.model import UNREADABLE
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.spine.conftest import Barrier, before, echo

KEY = new_key()
ANA = "fake:ana"
Damage = Callable[[Connection, Table, str, Any], None]


def changed(connection: Connection, table: Table, column: str, row: Any) -> None:
    """A byte of the stored text is another one."""
    stored = row[column]
    other = stored[:-6] + ("A" if stored[-6] != "A" else "B") + stored[-5:]
    connection.execute(table.update().where(table.c.id == row["id"]).values({column: other}))


def lost(connection: Connection, table: Table, column: str, row: Any) -> None:
    """The key is one that nobody has."""
    other = "\x1e1deadbeef" + "AAAA" * 12
    connection.execute(table.update().where(table.c.id == row["id"]).values({column: other}))


def no_text(connection: Connection, table: Table, column: str, row: Any) -> None:
    """The bytes are no UTF-8. (PostgreSQL lets nobody store that.)"""
    bytes_ = literal_column("CAST(X'ff00fe7b' AS TEXT)")
    connection.execute(table.update().where(table.c.id == row["id"]).values({column: bytes_}))


def ways(stored_in: str) -> list[Damage]:
    return [changed, lost] if stored_in == "postgresql" else [changed, lost, no_text]


def tables() -> list[tuple[Table, str]]:
    return [(column.table, column.column) for column in ENCRYPTED_COLUMNS]


def damage_everything(connection: Connection, damage: Damage, where: Callable[[Any], bool]) -> int:
    """Damage every text of the rows that ``where`` chooses; return their number."""
    count = 0
    for table, column in tables():
        for row in connection.execute(select(table)).mappings().all():
            if row[column] is not None and where(row):
                damage(connection, table, column, row)
                count += 1
    return count


def gateway_in(folder: Path, **more: Any) -> Any:
    policy = folder / "policy.yaml"
    policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    return running(
        FakeChannel(),
        FakeHandler(echo),
        config={"policy": str(policy), **more.pop("config", {})},
        environ={"WARMLINE_DATA_KEY": KEY},
        tmp_path=folder,
        **more,
    )


def is_ana(row: Any) -> bool:
    return row.get("lane") == ANA or row.get("conversation_id") == 1


async def fill(gw: RunningGateway) -> None:
    """Two customers, each with a claimed and answered conversation, and a plugin's value."""
    for name in ("ana", "ben"):
        customer = gw.customer("fake", name)
        await customer.say(f"hello from {name}", name=name.title())
        agent = gw.desk_agent("kim")
        found = await gw.gateway.store.queries.conversation(1 if name == "ana" else 2)
        card = await gw.services.desk.card(found.id)
        await gw.services.desk.note(card.conversation.id, agent.agent, f"a note on {name}")
        await agent.claim(card)
        await agent.answer(await gw.services.desk.card(found.id), "An answer.")
        await gw.services.storage.put("guest", name, name, conversation=found.id)


async def test_a_damaged_conversation_harms_no_other(tmp_path: Path, stored_in: str) -> None:
    """Queue, card, export, rotation and retention go on; the card says what is unreadable."""
    for damage in ways(stored_in):
        folder = tmp_path / damage.__name__
        folder.mkdir()
        clock = FakeClock()
        days = {"retention": {"conversations_days": 30, "archive": str(folder / "archive")}}
        async with gateway_in(folder, clock=clock, config=days) as gw:
            await fill(gw)
            database = gw.gateway.database
            assert await database.write(partial(damage_everything, damage=damage, where=is_ana))
            queue = await gw.services.desk.queue()
            assert {item.conversation.id for item in queue} == {1, 2}
            ana, ben = [await gw.services.desk.card(id) for id in (1, 2)]
            assert {message.text for message in ana.messages} == {UNREADABLE}
            assert UNREADABLE not in {message.text for message in ben.messages}
            counted = gw.metric("warmline_unreadable_values_total", column="messages.text")
            assert counted >= 1
            stored = await gw.services.storage.scan("guest", "")
            assert [value.key for value in stored] == ["ben"]
            for name in ("ana", "ben"):
                address = Address(channel="fake", value=name)
                exported = await gw.gateway.store.customers.export(address)
                assert "unreadable" in str(exported) or name == "ben"
            await rotate_keys(database, gw.gateway.files, lambda *_: None)
            for card in (ana, ben):
                agent = gw.desk_agent("kim")
                await agent.resolve(await gw.services.desk.card(card.conversation.id))
            await clock.advance(timedelta(days=40).total_seconds())
            await gw.gateway.retention.run()
            for id in (1, 2):
                with pytest.raises(NotFound):
                    await gw.services.desk.card(id)


async def test_a_damaged_history_brings_a_person(tmp_path: Path, stored_in: str) -> None:
    """The bot does not know what was said before, so it does not answer."""
    for damage in ways(stored_in):
        folder = tmp_path / damage.__name__
        folder.mkdir()
        async with gateway_in(folder) as gw:
            ana, ben = gw.customer("fake", "ana"), gw.customer("fake", "ben")
            await ana.say("hello")
            await ben.say("hello")
            job = partial(damage_everything, damage=damage, where=is_ana)
            await gw.gateway.database.write(job)
            await ana.say("and again")
            await ben.say("and again")
            assert ben.heard[-1] == "You said and again."
            [item] = await gw.services.desk.queue()
            assert item.conversation.address.lane == ANA
            assert item.handoff.reasons[0].code == "unreadable"


async def test_a_damaged_waiting_message_goes_to_a_person(tmp_path: Path, stored_in: str) -> None:
    """It is shown as unreadable; the lane and the other customers go on."""
    for damage in ways(stored_in):
        folder = tmp_path / damage.__name__
        folder.mkdir()
        async with gateway_in(folder) as gw:
            barrier = Barrier()
            with before(gw.gateway.store.inbox, "take", barrier):
                await gw.customer("fake", "ana").write("lost words")
                await barrier.reached.wait()
                job = partial(damage_everything, damage=damage, where=is_ana)
                await gw.gateway.database.write(job)
                await gw.customer("fake", "ben").write("hi")
                barrier.opened.set()
            await gw.settled()
            assert await gw.customer("fake", "ben").listen() == ["You said hi."]
            card = await gw.desk_agent("kim").next_card()
            assert card.messages[0].text == UNREADABLE
            assert "damaged" in str(card.handoff)


async def test_a_damaged_reply_is_a_dead_letter(tmp_path: Path, stored_in: str) -> None:
    """It is not sent, a person learns of it, and the next one is sent; so it is at a start."""
    for state in ("ready", "sending"):
        folder = tmp_path / state
        folder.mkdir()
        fake = FakeChannel()
        handler = FakeHandler(echo)
        policy = folder / "policy.yaml"
        policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
        more: dict[str, Any] = {
            "config": {"policy": str(policy)},
            "environ": {"WARMLINE_DATA_KEY": KEY},
            "tmp_path": folder,
        }
        async with running(fake, handler, **more) as gw:
            await gw.customer("fake", "ana").say("hello")

            def queue_again(connection: Connection) -> None:
                for row in connection.execute(select(outbox)).mappings().all():
                    changed(connection, outbox, "payload", row)
                connection.execute(outbox.update().values(state=state, process=None))  # noqa: B023

            await gw.gateway.database.write(queue_again)
            if state == "ready":
                await gw.gateway.scheduler.sweep()
                await gw.settled()
                assert [entry.state for entry in await gw.gateway.store.outbox.list()] == ["dead"]
                await gw.customer("fake", "ben").say("hi")
                assert fake.sent[-1].text == "You said hi."
        async with running(fake, handler, **more) as gw:
            await gw.settled()
            assert [entry.state for entry in await gw.gateway.store.outbox.list()] == ["dead"]
            [item] = await gw.services.desk.queue()
            assert item.handoff.reasons[0].code == "undeliverable"


async def test_damaged_words_of_our_own_harm_nobody(tmp_path: Path, stored_in: str) -> None:
    """Timers fire, and a handoff keeps its place in the queue."""
    async with gateway_in(tmp_path) as gw:
        await fill(gw)

        def damage(connection: Connection) -> None:
            connection.execute(timers.update().values(data="{"))
            connection.execute(handoffs.update().values(skills="[", agent="x"))

        await gw.gateway.database.write(damage)
        assert len(await gw.services.desk.queue()) == 2
        await gw.gateway.store.timers.fire(gw.clock.now() + timedelta(days=9))


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (handoffs, "created_at"),
        (handoffs, "claimed_at"),
        (conversations, "opened_at"),
        (messages, "at"),
    ],
)
@pytest.mark.sqlite
async def test_a_damaged_time_hides_no_other_conversation(
    table: Table, column: str, tmp_path: Path
) -> None:
    """SQLite stores a text in a column of numbers; PostgreSQL lets nobody."""
    async with gateway_in(tmp_path) as gw:
        await fill(gw)
        key = table.c.id if table is conversations else table.c.conversation_id
        damage = table.update().where(key == 1).values({column: literal_column("'x'")})
        await gw.gateway.database.write(lambda c: c.execute(damage).close())
        assert {item.conversation.id for item in await gw.services.desk.queue()} == {1, 2}
        assert (await gw.services.desk.card(1)).conversation.id == 1
