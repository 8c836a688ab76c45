"""The event stream tells an open page to refresh, and ends when it should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse

from gateway import Event
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import WEBCHAT, DeskGateway
from tests.conftest import until


@asynccontextmanager
async def stream(visit: Visit) -> AsyncIterator[ClientResponse]:
    async with visit.http.get(visit.url + "/desk/live") as answer:
        assert answer.status == 200
        assert await next_event(answer) == ("hello", "{}")
        yield answer


async def next_event(answer: ClientResponse) -> tuple[str, str]:
    """The next event: its name and its data."""
    async with asyncio.timeout(5):
        lines = (await answer.content.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines if line)
    return fields["event"], fields["data"]


@pytest.fixture
def listeners(gw: DeskGateway, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The topics that are listened to at this moment."""
    topics: list[str] = []
    listen = gw.services.events.listen

    @asynccontextmanager
    async def counted(topic: str) -> AsyncIterator[Any]:
        topics.append(topic)
        try:
            async with listen(topic) as events:
                yield events
        finally:
            topics.remove(topic)

    monkeypatch.setattr(gw.services.events, "listen", counted)
    return topics


async def test_changes_are_sent_without_content(ana: Visit, gw: DeskGateway) -> None:
    """Open pages learn that something changed, but not what."""
    async with stream(ana) as answer:
        await gw.write(WEBCHAT, "secret words")
        assert await next_event(answer) == ("changed", "{}")
        typing = Event(topic="desk", name="typing", data={"lane": "webchat:v-81f3", "author": "x"})
        gw.services.events.publish(typing)
        while (event := await next_event(answer)) == ("changed", "{}"):
            pass
        assert event == ("typing", '{"lane": "webchat:v-81f3"}')
        assert answer.headers["Cache-Control"] == "no-store"


async def test_signing_out_ends_the_stream(
    ana: Visit, gw: DeskGateway, listeners: list[str]
) -> None:
    """A session that is over gets no more events."""
    async with stream(ana) as answer:
        await ana.open("/desk")
        await ana.send("/desk/sign-out")
        gw.clock.advance(16)
        async with asyncio.timeout(5):
            assert await answer.content.read() == b""
    await until(lambda: not listeners)


async def test_time_out_ends_the_stream(ana: Visit, gw: DeskGateway) -> None:
    """An open stream does not keep a session awake. The hour that passes is an event of the desk,
    too (an alarm is due), so the page may still hear that something changed."""
    async with stream(ana) as answer:
        gw.clock.advance(3601)
        async with asyncio.timeout(5):
            last = (await answer.content.read()).decode()
    assert last.replace("event: changed\r\ndata: {}\r\n\r\n", "") == ""
