"""The event stream tells an open page what to fetch again, and ends when it should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse

from gateway import Event
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.live import MOST_PENDING, LiveStream
from plugins.agents_desk.queue import QueueBoard
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import (
    ANA,
    BEN,
    JULES,
    MARIA,
    NOUR,
    NOW,
    PRIYA,
    WEBCHAT,
    DeskGateway,
)
from tests.conftest import until

QUEUE = ("changed", "{}")


@asynccontextmanager
async def stream(visit: Visit) -> AsyncIterator[ClientResponse]:
    async with visit.http.get(visit.url + "/desk/live") as answer:
        assert answer.status == 200
        assert await next_event(answer) == ("hello", "{}")
        yield answer


async def next_event(answer: ClientResponse) -> tuple[str, str]:
    """The next event: its name and its data."""
    async with asyncio.timeout(5):
        while not (part := await answer.content.readuntil(b"\r\n\r\n")).startswith(b"event"):
            pass  # a line that only keeps the connection alive
    fields = dict(line.split(": ", 1) for line in part.decode().split("\r\n") if line)
    return fields["event"], fields["data"]


async def events_until(answer: ClientResponse, last: tuple[str, str]) -> list[tuple[str, str]]:
    """The events up to ``last``."""
    found = [await next_event(answer)]
    while found[-1] != last:
        found.append(await next_event(answer))
    return found


@pytest.fixture
def listeners(gw: DeskGateway, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The topics to which somebody begins to listen from now on."""
    topics: list[str] = []
    listen = gw.services.events.listen

    @asynccontextmanager
    async def counted(topic: str) -> AsyncIterator[Any]:
        topics.append(topic)
        async with listen(topic) as events:
            yield events

    monkeypatch.setattr(gw.services.events, "listen", counted)
    return topics


async def test_changes_are_sent_without_content(ana: Visit, gw: DeskGateway) -> None:
    """Open pages learn that the queue changed, but not what."""
    async with stream(ana) as answer:
        await gw.write(WEBCHAT, "secret words")
        assert await next_event(answer) == QUEUE
        assert answer.headers["Cache-Control"] == "no-store"


async def test_a_page_is_told_of_its_own_conversation(
    ana: Visit, ben: Visit, gw: DeskGateway
) -> None:
    """Only pages that show a conversation hear that it changed, and that its customer types."""
    await ana.open(f"/desk/c/{MARIA}")
    await ben.open(f"/desk/c/{NOUR}")
    typing = Event(topic="desk", name="typing", data={"lane": WEBCHAT.lane, "author": "x"})
    async with stream(ana) as shown, stream(ben) as other:
        gw.services.events.publish(typing)
        assert await next_event(shown) == ("typing", f'{{"lane": "{WEBCHAT.lane}"}}')
        await gw.write(WEBCHAT, "hello?")
        await events_until(shown, ("changed", f'{{"conversation": {MARIA}}}'))
        assert await next_event(other) == QUEUE
        await gw.desk.note(NOUR, ANA, "a note")
        assert await next_event(other) == ("changed", f'{{"conversation": {NOUR}}}')


async def test_a_change_reaches_every_desk(ana: Visit, gw: DeskGateway) -> None:
    """All open pages are told, and one read of the queue serves them all."""
    reads: list[object] = []
    real = gw.desk.queue_page

    async def counted(**options: Any) -> object:
        reads.append(options)
        return await real(**options)

    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(stream(ana)) for _ in range(30)]
        gw.desk.queue_page = counted
        await gw.write(WEBCHAT, "hello?")
        assert [await next_event(answer) for answer in streams] == [QUEUE] * 30
        for _ in range(5):
            await ana.open("/desk/queue")
    assert len(reads) <= 2


async def test_a_colleagues_conversation_disturbs_nobody(
    visitor: Callable[[], Visit], gw: DeskGateway
) -> None:
    """An agent hears of what they may see: what waits, and what is theirs."""
    cleo = visitor()
    await cleo.sign_in("cleo")
    async with stream(cleo) as answer:
        await gw.desk.note(PRIYA, BEN, "not in the queue's line")
        jules = (await gw.desk.card(JULES)).conversation
        await gw.write(jules.address, "Bonjour ?")
        gw.services.events.publish(Event(topic="desk", name="queue"))
        await gw.claim(NOUR, BEN)
        assert await next_event(answer) == QUEUE
    await cleo.open("/desk")
    assert "Bonjour ?" not in cleo.page
    assert "نور" not in cleo.page


async def test_one_listener_serves_all_pages(
    ana: Visit, gw: DeskGateway, listeners: list[str]
) -> None:
    """An open page adds no listener of its own."""
    async with stream(ana), stream(ana):
        await gw.write(WEBCHAT, "hello?")
    assert "desk" not in listeners


class StalledResponse:
    """A connection that takes nothing."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str | None]] = []
        self.flowing = asyncio.Event()

    async def send(self, data: str, event: str | None = None, **_: object) -> None:
        self.sent.append((data, event))
        await self.flowing.wait()


async def test_a_slow_connection_holds_little(gw: DeskGateway) -> None:
    """Whatever happens while a page takes no data becomes one event for each thing to fetch."""
    session = DeskSession(
        id="s", token="t", name="ana", agent=ANA, role="lead", since=NOW, seen=NOW
    )
    response: Any = StalledResponse()
    slow = LiveStream(session, response, QueueBoard(gw.services))
    sending = asyncio.create_task(slow.send_all())
    await until(lambda: response.sent)
    for number in range(5000):
        slow.queue_changed(number)
        slow.conversation_changed(number % 1000)
        slow.customer_types(f"webchat:{number}")
    response.flowing.set()
    await until(lambda: len(response.sent) == 2 + 2 * MOST_PENDING)
    slow.end()
    await sending
    assert response.sent.count(("{}", "changed")) == 1


async def test_signing_out_ends_the_stream(ana: Visit, gw: DeskGateway) -> None:
    """A session that is over gets no more events."""
    async with stream(ana) as answer:
        await ana.open("/desk")
        await ana.send("/desk/sign-out")
        gw.clock.advance(16)
        async with asyncio.timeout(5):
            assert await answer.content.read() == b""


async def test_time_out_ends_the_stream(ana: Visit, gw: DeskGateway) -> None:
    """An open stream does not keep a session awake. The hour that passes is an event of the desk,
    too (an alarm is due), so the page may still hear that something changed."""
    async with stream(ana) as answer:
        gw.clock.advance(3601)
        async with asyncio.timeout(5):
            last = (await answer.content.read()).decode()
    assert last.replace("event: changed\r\ndata: {}\r\n\r\n", "") == ""
