"""Live updates: the stream tells an open page to look again, and ends when it should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientResponse

from gateway import Event
from tests.agents_desk.conftest import Visit
from tests.agents_desk.town import Town
from tests.conftest import until


@asynccontextmanager
async def stream(visit: Visit) -> AsyncIterator[ClientResponse]:
    async with visit.http.get(visit.url + "/desk/live") as answer:
        assert answer.status == 200
        assert await heard(answer) == ("hello", "{}")
        yield answer


async def heard(answer: ClientResponse) -> tuple[str, str]:
    """The next event: its name and its data."""
    async with asyncio.timeout(5):
        lines = (await answer.content.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines if line)
    return fields["event"], fields["data"]


async def test_a_change_is_told(ana: Visit, town: Town) -> None:
    """Whatever happens at the desk, open pages hear of it; whose words it was is not told."""
    async with stream(ana) as answer:
        town.desk.add(1, "customer", "secret words")
        assert await heard(answer) == ("changed", "{}")
        typing = Event(topic="desk", name="typing", data={"lane": "webchat:v-81f3", "author": "x"})
        town.events.publish(typing)
        assert await heard(answer) == ("typing", '{"lane": "webchat:v-81f3"}')
        assert answer.headers["Cache-Control"] == "no-store"


async def test_signing_out_ends_the_stream(ana: Visit, town: Town) -> None:
    """A session that is over hears nothing more."""
    async with stream(ana) as answer:
        await ana.open("/desk")
        await ana.send("/desk/sign-out")
        town.clock.advance(16)
        async with asyncio.timeout(5):
            assert await answer.content.read() == b""
    await until(lambda: not town.events.listeners)


async def test_a_time_out_ends_the_stream(ana: Visit, town: Town) -> None:
    """An open stream does not keep a session awake."""
    async with stream(ana) as answer:
        town.clock.advance(3601)
        async with asyncio.timeout(5):
            assert await answer.content.read() == b""
