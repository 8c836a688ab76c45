"""The desk that people of several brands share: nobody gets more than they may see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar, web

from gateway.testing import FakeClock, MemoryStorage, RunningGateway
from plugins.agents_desk.access import accounts
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts, desk_agent
from plugins.agents_desk.access.sessions import DeskSessions
from plugins.agents_desk.queue import SHOWN
from tests.agents_desk.conftest import FAST_HASHER, Visit, as_config, user
from tests.agents_desk.test_live import QUEUE, next_event, stream
from tests.brands.test_choices import opened

NORTH = SHOWN + 10
"""Conversations of the other brand that wait: more than a page has."""


class Shop:
    """A gateway with a desk. Ana sees both brands, Ben the south, Noa the north."""

    def __init__(self, gw: RunningGateway, people: dict[str, Visit]) -> None:
        self.gw, self.people = gw, people

    async def write(self, key: str, value: str) -> None:
        await self.gw.customer(key, value).say("hello")


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "UNUSED_HASH", FAST_HASHER.hash("discarded"))


@asynccontextmanager
async def shop(folder: Path) -> AsyncIterator[Shop]:
    limits = {"ana": (), "ben": ("south",), "noa": ("north",)}
    users = [as_config(user(name).model_copy(update={"brands": b})) for name, b in limits.items()]
    people: dict[str, Visit] = {}
    async with opened(folder, desk={"users": users, "undo_send": 0}) as gw:
        for name in limits:
            people[name] = Visit(ClientSession(cookie_jar=CookieJar(unsafe=True)), gw.url)
            await people[name].sign_in(name)
        try:
            yield Shop(gw, people)
        finally:
            for visit in people.values():
                await visit.http.close()


@pytest.mark.parametrize("path", ["/desk", "/desk/queue?current=0"])
async def test_pages_and_counts_are_of_ones_own_brands(tmp_path: Path, path: str) -> None:
    """However many wait in the other brand; whoever asks first."""
    async with shop(tmp_path) as found:
        for number in range(NORTH):
            await found.write("sms", f"+1555{number:04}")
        await found.write("sms/south", "+15559999")
        for name, waiting, shown in (
            ("ana", NORTH + 1, SHOWN),
            ("ben", 1, 1),
            ("noa", NORTH, SHOWN),
        ):
            visit = found.people[name]
            await visit.open("/desk")  # the part alone is for pages that were told of a change
            await visit.open(path)
            assert f'data-waiting="{waiting}"' in visit.page
            assert visit.page.count('class="item"') == shown
            assert (">Next<" in visit.page) == (waiting > shown)
        assert "+15559999" in found.people["ben"].page
        assert "North" not in found.people["ben"].page


async def test_the_next_page_is_of_ones_own_brands(tmp_path: Path) -> None:
    async with shop(tmp_path) as found:
        await found.write("sms/south", "+15559999")
        for number in range(NORTH):
            await found.write("sms", f"+1555{number:04}")
            await found.write("sms/south", f"+1666{number:04}")
        noa = found.people["noa"]
        await noa.open("/desk")
        following = noa.page.split(">Next<")[0].rpartition('href="')[2].split('"')[0]
        await noa.open(following)
        assert noa.page.count('class="item"') == NORTH - SHOWN
        assert "+1666" not in noa.page
        assert "+15559999" not in noa.page


async def test_one_brand_alone_is_shown_on_every_page_of_it(tmp_path: Path) -> None:
    """The choice is there for people who see several brands, and stays while one pages."""
    async with shop(tmp_path) as found:
        for number in range(NORTH):
            await found.write("sms", f"+1555{number:04}")
        await found.write("sms/south", "+15559999")
        ana, ben = found.people["ana"], found.people["ben"]
        await ana.open("/desk?brand=south")
        assert ("+15559999" in ana.page, "+15550001" in ana.page) == (True, False)
        await ana.open("/desk?brand=north")
        assert "All brands" in ana.page
        following = ana.page.split(">Next<")[0].rpartition('href="')[2].split('"')[0]
        await ana.open(following.replace("&amp;", "&"))
        assert ana.page.count('class="item"') == NORTH - SHOWN
        assert 'href="/desk?brand=north">Most urgent' in ana.page
        await ben.open("/desk?brand=north")
        assert ("+15559999" in ben.page, "+15550001" in ben.page) == (True, False)
        assert "All brands" not in ben.page


async def test_a_page_of_one_brand_is_never_old(tmp_path: Path) -> None:
    """Nobody is told of the queue of one brand alone; who asks for it gets what is there."""
    async with shop(tmp_path) as found:
        ana = found.people["ana"]
        for number in range(3):
            await found.write("sms/south", f"+1555999{number}")
            await ana.open("/desk/queue?current=0&brand=south")
            assert f"+1555999{number}" in ana.page


async def test_an_open_page_is_told_of_its_own_brands(tmp_path: Path) -> None:
    """Nothing is told of the other brand, not even that something changed."""
    async with shop(tmp_path) as found:
        for visit in found.people.values():
            await visit.open("/desk")
        async with stream(found.people["ben"]) as ben, stream(found.people["noa"]) as noa:
            await found.write("sms", "+15550001")
            assert await next_event(noa) == QUEUE
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(next_event(ben), 0.5)
            await found.write("sms/south", "+15559999")
            assert await next_event(ben) == QUEUE


async def test_a_conversation_of_another_brand_does_not_exist(tmp_path: Path) -> None:
    async with shop(tmp_path) as found:
        await found.write("sms", "+15550001")
        ben = found.people["ben"]
        await ben.open("/desk/c/1")
        assert "+15550001" not in ben.page
        await ben.open("/desk")
        await ben.send("/desk/c/1/claim", epoch="0")
        [item] = await found.gw.services.desk.queue()
        assert item.conversation.owner is None


async def test_a_stream_ends_when_the_persons_brands_change() -> None:
    """The browser connects again, and is told of what the person may see now."""
    storage, clock = MemoryStorage(), FakeClock()
    ben = DeskAccount(name="ben", agent=desk_agent("ben", brands=("north",)))
    moved = ben.replace(agent=ben.agent.replace(brands=("south",)))
    before, after = (
        DeskSessions(
            storage,
            DeskAccounts(storage, {"ben": account}),
            clock=clock,
            idle=600,
            absolute=6000,
            secure=False,
        )
        for account in (ben, moved)
    )
    session = await before.start(ben, web.Response())
    assert await before.is_open(session)
    assert not await after.is_open(session)
