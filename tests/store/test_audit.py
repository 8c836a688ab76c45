"""The audit log in the database."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from gateway import Reply
from gateway.adapters.sql.schema import audit
from gateway.testing import FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until


async def test_every_action_of_the_desk_is_recorded(tmp_path: Path) -> None:
    """Claims, answers, notes, transfers and so on: who, what, about whom; never the text."""
    handler = FakeHandler(lambda turn: Reply(body=("Hm.",)))
    async with running(handler, tmp_path=tmp_path) as gw:
        await gw.customer("rest", "ana").say("my secret words")
        desk, agent = gw.services.desk, gw.desk_agent("ben").agent
        card = await desk.claim(1, agent, epoch=(await desk.card(1)).conversation.epoch)
        await desk.answer(1, agent, "words of ours", key="k")
        await desk.answer(1, agent, "words of ours", key="k")
        await desk.note(1, agent, "a note of ours")
        await gw.settled()
        now = await desk.transfer(1, agent, epoch=card.conversation.epoch, tier="specialist")
        card = await desk.claim(1, agent, epoch=now.epoch)
        await desk.hand_back(1, agent, epoch=card.conversation.epoch)
        now = (await desk.card(1)).conversation
        card = await desk.claim(1, agent, epoch=now.epoch)
        await desk.resolve(1, agent, epoch=card.conversation.epoch)
        lines = await gw.services.audit.lines()
        assert [line.what for line in reversed(lines)] == [
            "claimed", "answered", "noted", "transferred", "claimed", "handed_back", "claimed",
            "resolved",
        ]  # fmt: skip
        assert {(line.who, line.conversation) for line in lines} == {("desk:ben", 1)}
        assert "words" not in str(lines)
        assert "note of ours" not in str(lines)


async def test_an_entry_cannot_be_changed(tmp_path: Path) -> None:
    """The database refuses to change an entry, or to delete a recent one."""
    async with running(tmp_path=tmp_path) as gw:
        await gw.services.audit.record("desk:ana", "viewed", conversation=1, origin="1.2.3.4")
        for statement in (update(audit).values(who="desk:nobody"), delete(audit)):
            with pytest.raises(DBAPIError, match="never changed"):
                await gw.gateway.database.write(lambda c, s=statement: c.execute(s).rowcount)
        [line] = await gw.services.audit.lines()
        assert (line.who, line.origin) == ("desk:ana", "1.2.3.4")


async def test_an_entry_is_a_single_line(tmp_path: Path) -> None:
    """Control characters and line ends become spaces, and long texts are cut."""
    async with running(tmp_path=tmp_path) as gw:
        await gw.services.audit.record("a\r\nb", "viewed", origin="1\x1b[2J", detail="x" * 999)
        [line] = await gw.services.audit.lines()
        assert (line.who, line.origin) == ("a  b", "1 [2J")
        assert len(line.detail) == 200


async def _lines(gw: RunningGateway) -> int:
    return len(await gw.services.audit.lines())


async def test_old_entries_are_deleted(tmp_path: Path) -> None:
    """With ``audit_days: 0`` none is."""
    clock = FakeClock()
    async with running(tmp_path=tmp_path, config={"audit_days": 0}) as gw:
        old = {"at": 1, "who": "desk:ana", "what": "viewed", "origin": "", "detail": ""}
        await gw.gateway.database.write(lambda c: c.execute(audit.insert(), old).rowcount)
        await gw.services.audit.record("desk:ben", "viewed")
        assert await _lines(gw) == 2
    async with running(tmp_path=tmp_path, config={"audit_days": 30}, clock=clock) as gw:

        async def one_left() -> bool:
            return await _lines(gw) == 1

        await until(one_left)
        [left] = await gw.services.audit.lines()
        assert left.who == "desk:ben"


async def test_entries_are_filtered_and_paged(tmp_path: Path) -> None:
    """By conversation, by person and by time."""
    clock = FakeClock()
    async with running(tmp_path=tmp_path, clock=clock) as gw:
        for number in range(6):
            await gw.services.audit.record(f"desk:{number % 2}", "viewed", conversation=number // 2)
            await clock.advance(60)
        log = gw.services.audit
        assert [line.id for line in await log.lines(conversation=1)] == [4, 3]
        assert [line.id for line in await log.lines(who="desk:0")] == [5, 3, 1]
        since = clock.now() - timedelta(minutes=2)
        assert [line.id for line in await log.lines(since=since)] == [6, 5]
        assert [line.id for line in await log.lines(before=3, limit=1)] == [2]


async def test_entries_do_not_name_an_erased_customer(tmp_path: Path) -> None:
    """The log refers to customers by id."""
    async with running(tmp_path=tmp_path) as gw:
        ana = gw.customer("rest", "ana-of-the-hill")
        await ana.say("hello")
        number = await gw.gateway.audit.customer(ana.address)
        await gw.services.audit.record("cli:root", "exported", customer=number)
        await gw.gateway.store.customers.erase(ana.address)
        found = await gw.gateway.database.read(lambda c: c.execute(select(audit)).all())
        assert found
        assert "hill" not in str(found)
