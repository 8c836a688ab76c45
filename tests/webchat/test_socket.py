"""The protocol over a real socket."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.webchat import wire
from gateway import Button, Event, SurveyQuestion
from tests.conftest import until
from tests.webchat.conftest import Chat, Start
from tests.webchat.fakes import ANA


async def test_a_message_is_accepted_once_it_is_stored(chat: Chat) -> None:
    """`accepted` is sent after the commit, and the message appears in the conversation."""
    tab = await chat.tab()
    assert await tab.hello(token=None) == []
    answer = await tab.say("Where is my parcel?", id="message-0001", language="de-AT")
    assert (answer["type"], answer["id"]) == ("accepted", "message-0001")
    [stored] = chat.gateway.accepted
    assert (stored.text, stored.language) == ("Where is my parcel?", "de")
    assert stored.remote_id == f"{tab.session}:message-0001"
    assert stored.address == tab.address


async def test_an_own_message_carries_its_client_id(chat: Chat) -> None:
    """A page recognises its own message, and other tabs of the session see it too."""
    tab, other = await chat.tab(), await chat.tab()
    await tab.hello()
    await other.hello(token=tab.token)
    await tab.say("Hello", id="message-0001")
    for page in (tab, other):
        message = await page.next("message")
        assert (message["author"], message["client"]) == ("customer", "message-0001")


async def test_a_repeated_message_is_stored_once(chat: Chat) -> None:
    """After a lost answer the page sends the message again, and gets `duplicate`."""
    tab = await chat.tab()
    await tab.hello()
    first = await tab.say("I want to return a lamp", id="message-0001")
    await tab.socket.close()
    again = await chat.tab()
    await again.hello(token=tab.token)
    second = await again.say("I want to return a lamp", id="message-0001")
    assert second == {**first, "duplicate": True}
    assert len(chat.gateway.accepted) == 1


async def test_client_ids_are_per_session(chat: Chat) -> None:
    """The same client id in two sessions is two messages."""
    for text in ("mine", "yours"):
        tab = await chat.tab()
        await tab.hello()
        assert not (await tab.say(text, id="message-0001")).get("duplicate")
    assert [message.text for message in chat.gateway.accepted] == ["mine", "yours"]


async def test_missed_messages_arrive_in_order_and_once(chat: Chat) -> None:
    """After a reconnect the page gets all messages it lacks, in order, then new ones."""
    tab = await chat.tab()
    await tab.hello()
    first = chat.gateway.put(tab.address, "one")
    assert (await tab.next("message"))["id"] == first.id
    await tab.socket.close()
    texts = [f"missed {n}" for n in range(250)]
    for text in texts:
        chat.gateway.put(tab.address, text)
    back = await chat.tab()
    missed = await back.hello(token=tab.token, after=first.id)
    assert [message["text"] for message in missed] == texts
    chat.gateway.put(tab.address, "new")
    assert (await back.next())["text"] == "new"


async def test_messages_during_catch_up_arrive(chat: Chat) -> None:
    """No message is lost between the missed and the live ones."""
    tab = await chat.tab()
    await tab.hello()
    address = tab.address
    for n in range(300):
        chat.gateway.put(address, str(n))
    back = await chat.tab()
    hello = asyncio.create_task(back.hello(token=tab.token))
    for n in range(300, 330):
        chat.gateway.put(address, str(n))
        await asyncio.sleep(0)
    messages = await hello
    while len(messages) < 330:
        messages.append(await back.next("message"))
    assert [message["text"] for message in messages] == [str(n) for n in range(330)]


async def test_a_message_frame_is_complete(chat: Chat) -> None:
    """It has the author, agent's name, buttons and survey; empty fields are left out."""
    tab = await chat.tab()
    await tab.hello()
    button = Button(title="Track a parcel", payload="track")
    chat.gateway.put(tab.address, "Which?", buttons=(button,))
    chat.gateway.put(tab.address, "Ana here.", author="agent", agent=ANA)
    chat.gateway.put(tab.address, "Did you feel heard?", survey=SurveyQuestion())
    which, ana, survey = [await tab.next("message") for _ in range(3)]
    assert which["buttons"] == [{"title": "Track a parcel", "payload": "track"}]
    assert (ana["author"], ana["name"], "buttons" in ana) == ("agent", "Ana", False)
    assert survey["survey"] == {"kind": "felt_heard", "scale": "stars", "aspect": None}


async def test_receipts_reach_the_gateway_and_other_tabs(chat: Chat) -> None:
    """A message read in one tab is read in the others and in the gateway."""
    tab, other = await chat.tab(), await chat.tab()
    await tab.hello()
    await other.hello(token=tab.token)
    message = chat.gateway.put(tab.address, "Here it is")
    await other.next("message")
    await tab.send(type="read", ids=[message.id])
    assert await other.next("status") == {"type": "status", "id": message.id, "status": "read"}
    [receipt] = chat.gateway.receipts
    assert (receipt.ids, receipt.status) == ((str(message.id),), "read")
    assert receipt.address == tab.address


async def test_typing_goes_both_ways(chat: Chat) -> None:
    """The desk sees that the customer is typing; the customer sees the agent, not themselves."""
    tab = await chat.tab()
    await tab.hello()
    await tab.send(type="typing")
    event = await until(lambda: chat.gateway.desk_events and chat.gateway.desk_events[0])
    assert (event.name, event.data["lane"]) == ("typing", tab.address.lane)
    topic = tab.address.lane
    chat.gateway.publish(Event(topic=topic, name="typing", data={"author": "customer"}))
    chat.gateway.publish(Event(topic=topic, name="typing", data={"author": "agent", "name": "Ana"}))
    assert await tab.next() == {"type": "typing", "author": "agent", "name": "Ana"}


async def test_a_ping_is_answered(chat: Chat) -> None:
    """A page can check that the connection is alive."""
    tab = await chat.tab()
    await tab.hello()
    await tab.send(type="ping")
    assert await tab.next() == {"type": "pong"}


async def test_a_message_that_cannot_be_stored_is_refused(chat: Chat) -> None:
    """When the commit fails the page is asked to try again."""
    tab = await chat.tab()
    await tab.hello()
    chat.gateway.broken = True
    error = await tab.say("Hello", id="message-0001")
    assert (error["code"], error["id"], error["retry_after"]) == ("try_later", "message-0001", 2)
    chat.gateway.broken = False
    assert (await tab.say("Hello", id="message-0001"))["type"] == "accepted"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"text": "  "}, "empty"),
        ({"text": "x" * 4001}, "too_long"),
        ({"text": "see", "attachments": ["a.b.c"]}, "bad_file"),
    ],
)
async def test_a_refused_message_leaves_the_socket_open(
    chat: Chat, frame: dict[str, str], code: str
) -> None:
    """The error names the message by its id; the next message is accepted."""
    tab = await chat.tab()
    await tab.hello()
    error = await tab.say(**{"id": "message-0001", **frame})
    assert (error["code"], error["id"]) == (code, "message-0001")
    assert (await tab.say("Hello"))["type"] == "accepted"


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "not JSON",
        "[]",
        "{}",
        '{"type":"shout"}',
        '{"type":"say","id":"short","text":"x"}',
        '{"type":"say","id":"message-0001","text":7}',
        '{"type":"read","ids":[]}',
        '{"type":"read","ids":[-1]}',
        '{"type":"hello"}',
        '{"type":"say","id":"message-0001","text":"\\ud800 alone"}',
        "[" * 20_000,
    ],
)
async def test_a_malformed_frame_closes_the_socket_with_a_reason(chat: Chat, frame: str) -> None:
    """The page gets an error frame, then the socket is closed."""
    tab = await chat.tab()
    await tab.hello()
    await tab.socket.send_str(frame)
    assert (await tab.next())["code"] == "malformed"
    assert await tab.end() == 1007
    assert not chat.gateway.accepted


async def test_the_first_frame_is_hello_as_text(chat: Chat) -> None:
    """Other frames before hello, and binary frames, are refused."""
    early = await chat.tab()
    await early.send(type="say", id="message-0001", text="Hello")
    assert (await early.next())["message"] == "hello comes first"
    binary = await chat.tab()
    await binary.socket.send_bytes(b'{"type":"hello"}')
    assert (await binary.next())["code"] == "malformed"
    assert (await early.end(), await binary.end()) == (1007, 1007)


async def test_a_huge_frame_closes_the_socket(chat: Chat) -> None:
    """A frame over 64 kB is not read."""
    tab = await chat.tab()
    await tab.hello()
    await tab.send(type="say", id="message-0001", text="x" * 70_000)
    assert await tab.end() == 1009
    assert not chat.gateway.accepted


async def test_messages_a_minute_are_limited_per_session(start: Start) -> None:
    """Over the limit a message is refused with the time to wait; other sessions are unaffected."""
    chat = await start(messages_per_minute=3)
    tab = await chat.tab()
    await tab.hello()
    answers = [await tab.say(str(n)) for n in range(4)]
    assert [answer["type"] for answer in answers] == ["accepted"] * 3 + ["error"]
    assert (answers[3]["code"], answers[3]["retry_after"]) == ("too_many", 20)
    other = await chat.tab()
    await other.hello()
    assert (await other.say("hello"))["type"] == "accepted"


async def test_connections_are_limited_per_session_and_address(start: Start) -> None:
    """A closed connection makes room for the next one."""
    chat = await start(lines_per_session=2, lines_per_ip=3)
    tabs = [await chat.tab() for _ in range(3)]
    await tabs[0].hello()
    await tabs[1].hello(token=tabs[0].token)
    await tabs[2].send(type="hello", token=tabs[0].token)
    assert (await tabs[2].next())["code"] == "too_many"
    assert await tabs[2].end() == 4429
    third = await chat.tab()
    await third.hello()
    fourth = await chat.tab()
    assert (await fourth.next())["code"] == "too_many"
    assert await fourth.end() == 4429
    await tabs[1].socket.close()
    await until(lambda: chat.gateway.listeners(tabs[0].address) == 1)
    again = await chat.tab()
    await again.hello(token=tabs[0].token)


async def test_new_sessions_are_limited_per_address(start: Start) -> None:
    """Over the limit only existing sessions may connect."""
    chat = await start(sessions_per_minute=1)
    first = await chat.tab()
    await first.hello()
    second = await chat.tab()
    await second.send(type="hello")
    assert (await second.next())["code"] == "too_many"
    back = await chat.tab()
    await back.hello(token=first.token)


async def test_x_forwarded_for_counts_only_from_trusted_proxies(start: Start) -> None:
    """X-Forwarded-For counts for as many hops as there are trusted proxies."""
    for proxies, code in ((0, "too_many"), (1, None)):
        chat = await start(sessions_per_minute=1, proxies=proxies)
        first = await chat.tab(**{"X-Forwarded-For": "203.0.113.1"})
        await first.hello()
        second = await chat.tab(**{"X-Forwarded-For": "203.0.113.1, 203.0.113.2"})
        await second.send(type="hello")
        assert (await second.next()).get("code") == code


async def test_a_stalled_reader_is_disconnected(start: Start) -> None:
    """Messages for a page that does not read wait in the mailbox, not in memory."""
    chat = await start(send_timeout=0.2)
    tab = await chat.tab()
    await tab.hello()
    tab.socket._response.connection.transport.pause_reading()
    for _ in range(60):
        chat.gateway.put(tab.address, "x" * 500_000)
    await until(lambda: chat.gateway.listeners(tab.address) == 0)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.one_of(
        st.text(max_size=200),
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["type", "id", "text", "ids"]), inner, max_size=4)
            ),
        ).map(json.dumps),
    )
)
def test_any_input_is_a_frame_or_bad_frame(data: str | bytes) -> None:
    """Any input gives a frame or `BadFrame`, never another exception."""
    try:
        frame: object = wire.decode(data)
    except wire.BadFrame as error:
        frame = error
    assert isinstance(frame, wire.WebchatFrame | wire.BadFrame)


def test_deep_nesting_is_refused() -> None:
    """A frame nested beyond the parser's depth is a bad frame."""
    deep = '{"type":"ping","more":' + "[" * 100_000 + "]" * 100_000 + "}"
    with pytest.raises(wire.BadFrame):
        wire.decode(deep)


def test_client_ids_are_checked() -> None:
    """An id with other characters or another length is refused."""
    frame = wire.decode(f'{{"type":"say","id":"{uuid4().hex}"}}')
    assert isinstance(frame, wire.SayFrame)
    with pytest.raises(wire.BadFrame):
        wire.decode('{"type":"say","id":"a b c d e f g"}')
