"""The web chat in a real gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import jwt
import pytest
from aiohttp import ClientSession

import channels.webchat
from gateway import Agent, Button, Reply, Turn
from gateway.testing import FakeHandler, RunningGateway, running
from tests.webchat.conftest import Tab


def answer(turn: Turn) -> Reply | None:
    """A bot with one answer."""
    if turn.kind != "message":
        return None
    button = Button(title="Track a parcel", payload="track")
    return Reply(opener="", body=(f"You said: {turn.message.text}",), buttons=(button,))


@asynccontextmanager
async def tab_at(gw: RunningGateway) -> AsyncIterator[Tab]:
    async with (
        ClientSession() as http,
        http.ws_connect(f"{gw.url}/channels/webchat/socket") as socket,
    ):
        yield Tab(socket)


@pytest.fixture
async def gw(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    bot = FakeHandler(answer)
    config = {"channels": {"webchat": {}}}
    async with running(channels.webchat, bot, config=config, tmp_path=tmp_path) as gateway:
        yield gateway


SITE_SECRET = "the secret of the site, which signs identities"


def identity_token() -> str:
    claims = {"sub": "customer-7", "exp": datetime.now(UTC) + timedelta(hours=1)}
    return jwt.encode(claims, SITE_SECRET, "HS256")


def with_logins(tmp_path: Path) -> AbstractAsyncContextManager[RunningGateway]:
    """A gateway whose site names its logged-in users."""
    config = {"channels": {"webchat": {"identity_secret": SITE_SECRET}}}
    return running(channels.webchat, FakeHandler(answer), config=config, tmp_path=tmp_path)


async def test_a_customer_asks_and_is_answered(gw: RunningGateway) -> None:
    """Question and answer arrive over the socket, in order, with the answer's buttons."""
    async with tab_at(gw) as tab:
        await tab.hello()
        assert (await tab.say("When do you open?", id="message-0001"))["type"] == "accepted"
        question, reply = [await tab.next("message") for _ in range(2)]
    assert (question["client"], question["author"]) == ("message-0001", "customer")
    assert (reply["text"], reply["author"]) == ("You said: When do you open?", "bot")
    assert reply["buttons"][0]["title"] == "Track a parcel"


async def test_a_second_device_finds_the_conversation(tmp_path: Path) -> None:
    """A logged-in customer's, with the bot's answers; after an erasure there is nothing to find."""
    identity = identity_token()
    async with with_logins(tmp_path) as gw:
        async with tab_at(gw) as laptop, tab_at(gw) as phone:
            await laptop.hello(identity=identity)
            await laptop.say("Where is my order?")
            await gw.settled()
            missed = await phone.hello(identity=identity)
            assert [frame["text"] for frame in missed] == [
                "Where is my order?",
                "You said: Where is my order?",
            ]
        await gw.gateway.store.customers.erase(laptop.address)
        async with tab_at(gw) as again:
            assert await again.hello(identity=identity) == []


async def test_a_token_from_before_the_login_is_void(tmp_path: Path) -> None:
    """Once the customer has written logged in, here for the second time as a known customer."""
    async with with_logins(tmp_path) as gw, tab_at(gw) as phone, tab_at(gw) as visitor:
        await phone.hello(identity=identity_token())
        await phone.say("Where is my order?")
        await gw.settled()
        await visitor.hello()
        await visitor.say("Hello")
        await gw.settled()
        async with tab_at(gw) as laptop, tab_at(gw) as thief:
            await laptop.hello(token=visitor.token, identity=identity_token())
            await laptop.say("My secret")
            await gw.settled()
            assert await thief.hello(token=visitor.token) == []
            assert thief.session != laptop.session == visitor.session


async def test_a_link_keeps_the_visitors_session(tmp_path: Path) -> None:
    """A visitor whom an agent links to a customer who once logged in goes on in the same chat."""
    async with with_logins(tmp_path) as gw, tab_at(gw) as jo, tab_at(gw) as visitor:
        await jo.hello(identity=identity_token())
        await jo.say("Where is my order?")
        await visitor.hello()
        await visitor.say("Hello")
        await gw.settled()
        [theirs] = await gw.services.mailbox.messages(jo.address, limit=1, own=True)
        ana = Agent(id="desk:ana", name="Ana")
        await gw.services.desk.link(theirs.conversation, visitor.address, ana)
        async with tab_at(gw) as again:
            await again.hello(token=visitor.token)
            assert again.session == visitor.session


async def test_a_repeated_message_is_answered_once(gw: RunningGateway) -> None:
    """The same client id after a reconnect is one turn with one answer."""
    async with tab_at(gw) as tab:
        await tab.hello()
        await tab.say("Hello", id="message-0001")
    async with tab_at(gw) as back:
        await back.hello(token=tab.token)
        assert (await back.say("Hello", id="message-0001"))["duplicate"]
    await gw.settled()
    async with tab_at(gw) as again:
        messages = await again.hello(token=tab.token)
    assert [message["text"] for message in messages] == ["Hello", "You said: Hello"]


async def test_a_read_receipt_reaches_the_message(gw: RunningGateway) -> None:
    """A message that the customer has read has the status `read`."""
    async with tab_at(gw) as tab:
        await tab.hello()
        await tab.say("Hello")
        await tab.next("message")
        reply = await tab.next("message")
        await tab.send(type="read", ids=[reply["id"]])
        status = await tab.next("status")
        assert (status["id"], status["status"]) == (reply["id"], "read")


async def test_a_file_is_stored_and_returned(gw: RunningGateway) -> None:
    """An upload comes back byte for byte."""
    data = b"%PDF-1.7\n" + b"lines\n" * 300_000
    async with tab_at(gw) as tab, ClientSession() as http:
        await tab.hello()
        headers = {"Authorization": f"Bearer {tab.token}"}
        files = f"{gw.url}/channels/webchat/files"
        async with http.post(f"{files}?name=a.pdf", data=BytesIO(data), headers=headers) as sent:
            assert sent.status == 200
            file = await sent.json()
        await tab.say("See here", attachments=[file["ref"]])
        shown = await tab.next("message")
        ref = shown["attachments"][0]["ref"]
        async with http.get(f"{files}/{ref}", headers=headers) as fetched:
            assert await fetched.read() == data


async def test_a_picture_without_words_goes_to_a_person(gw: RunningGateway) -> None:
    """Who gets the picture."""
    async with tab_at(gw) as tab, ClientSession() as http:
        await tab.hello()
        headers = {"Authorization": f"Bearer {tab.token}"}
        files, data = f"{gw.url}/channels/webchat/files", b"\x89PNG\r\n\x1a\n" + bytes(64)
        async with http.post(f"{files}?name=a.png", data=BytesIO(data), headers=headers) as sent:
            file = await sent.json()
        await tab.say("", attachments=[file["ref"]])
        await gw.settled()
    [item] = await gw.services.desk.queue()
    assert [reason.code for reason in item.handoff.reasons] == ["no_words"]


async def test_sessions_survive_a_restart(tmp_path: Path) -> None:
    """The signing secret is kept in the data directory."""
    config = {"channels": {"webchat": {}}}
    token = ""
    sessions = []
    for _ in range(2):
        async with (
            running(channels.webchat, config=config, tmp_path=tmp_path) as gateway,
            tab_at(gateway) as tab,
        ):
            await tab.hello(**({"token": token} if token else {}))
            token = tab.token
            sessions.append(tab.session)
    assert sessions[0] == sessions[1]


async def test_connections_end_when_the_server_stops(gw: RunningGateway) -> None:
    """A socket is closed with `going away`, and a waiting poll is answered."""
    async with tab_at(gw) as tab, ClientSession() as http:
        await tab.hello()
        headers = {"Authorization": f"Bearer {tab.token}"}
        url = f"{gw.url}/channels/webchat/messages?wait=25"
        poll = asyncio.create_task(http.get(url, headers=headers))
        answered, _ = await asyncio.wait([poll], timeout=0.3)
        assert not answered
        code, _ = await asyncio.gather(tab.end(), gw.gateway.stop_background())
        assert code == 1001
        answer = await asyncio.wait_for(poll, 5)
        assert await answer.json() == {"frames": []}


async def test_a_poll_after_the_stop_does_not_wait(gw: RunningGateway) -> None:
    """A poll that comes while the server stops is answered at once."""
    async with tab_at(gw) as tab, ClientSession() as http, asyncio.timeout(10):
        await tab.hello()
        headers = {"Authorization": f"Bearer {tab.token}"}
        await gw.gateway.stop_background()
        answer = await http.get(f"{gw.url}/channels/webchat/messages?wait=25", headers=headers)
        assert await answer.json() == {"frames": []}
