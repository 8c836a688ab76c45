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
from tests.webchat.house import ANA


async def test_a_message_is_accepted_once_it_is_stored(chat: Chat) -> None:
    """The page hears `accepted` after the commit, and its own message in the conversation."""
    tab = await chat.tab()
    assert await tab.hello(token=None) == []
    answer = await tab.say("Where is my parcel?", id="message-0001", language="de-AT")
    assert (answer["type"], answer["id"]) == ("accepted", "message-0001")
    [stored] = chat.small.accepted
    assert (stored.text, stored.language) == ("Where is my parcel?", "de")
    assert stored.remote_id == f"{tab.session}:message-0001"
    assert stored.address == tab.address


async def test_own_message_comes_back_with_the_pages_id(chat: Chat) -> None:
    """A page knows its own message again, and another tab of the session sees it too."""
    tab, other = await chat.tab(), await chat.tab()
    await tab.hello()
    await other.hello(token=tab.token)
    await tab.say("Hello", id="message-0001")
    for one in (tab, other):
        message = await one.next("message")
        assert (message["author"], message["client"]) == ("customer", "message-0001")


async def test_said_again_it_is_still_one_message(chat: Chat) -> None:
    """After a lost answer the page says the same again: one message, accepted twice."""
    tab = await chat.tab()
    await tab.hello()
    first = await tab.say("I want to return a lamp", id="message-0001")
    await tab.socket.close()
    again = await chat.tab()
    await again.hello(token=tab.token)
    second = await again.say("I want to return a lamp", id="message-0001")
    assert second == {**first, "duplicate": True}
    assert len(chat.small.accepted) == 1


async def test_nobody_can_use_up_anothers_message_ids(chat: Chat) -> None:
    """The same page id in two sessions is two messages."""
    for text in ("mine", "yours"):
        tab = await chat.tab()
        await tab.hello()
        assert not (await tab.say(text, id="message-0001")).get("duplicate")
    assert [one.text for one in chat.small.accepted] == ["mine", "yours"]


async def test_what_was_missed_comes_in_order_and_once(chat: Chat) -> None:
    """After a break the page gets all messages it lacks, in order, then what is new."""
    tab = await chat.tab()
    await tab.hello()
    first = chat.small.put(tab.address, "one")
    assert (await tab.next("message"))["id"] == first.id
    await tab.socket.close()
    texts = [f"missed {n}" for n in range(250)]
    for text in texts:
        chat.small.put(tab.address, text)
    back = await chat.tab()
    missed = await back.hello(token=tab.token, after=first.id)
    assert [one["text"] for one in missed] == texts
    chat.small.put(tab.address, "new")
    assert (await back.next())["text"] == "new"


async def test_messages_arrive_that_came_during_the_catching_up(chat: Chat) -> None:
    """Nothing falls between the past and the live part."""
    tab = await chat.tab()
    await tab.hello()
    address = tab.address
    for n in range(300):
        chat.small.put(address, str(n))
    back = await chat.tab()
    hello = asyncio.create_task(back.hello(token=tab.token))
    for n in range(300, 330):
        chat.small.put(address, str(n))
        await asyncio.sleep(0)
    heard = await hello
    while len(heard) < 330:
        heard.append(await back.next("message"))
    assert [one["text"] for one in heard] == [str(n) for n in range(330)]


async def test_a_message_carries_all_that_the_page_shows(chat: Chat) -> None:
    """Author, agent's name, buttons and survey are told; what is empty is left out."""
    tab = await chat.tab()
    await tab.hello()
    button = Button(title="Track a parcel", payload="track")
    chat.small.put(tab.address, "Which?", buttons=(button,))
    chat.small.put(tab.address, "Ana here.", author="agent", agent=ANA)
    chat.small.put(tab.address, "Did you feel heard?", survey=SurveyQuestion())
    which, ana, survey = [await tab.next("message") for _ in range(3)]
    assert which["buttons"] == [{"title": "Track a parcel", "payload": "track"}]
    assert (ana["author"], ana["name"], "buttons" in ana) == ("agent", "Ana", False)
    assert survey["survey"] == {"kind": "felt_heard", "scale": "stars"}


async def test_marks_are_reported_and_told_to_the_other_tabs(chat: Chat) -> None:
    """Read on one tab is read on the others, and the gateway knows."""
    tab, other = await chat.tab(), await chat.tab()
    await tab.hello()
    await other.hello(token=tab.token)
    message = chat.small.put(tab.address, "Here it is")
    await other.next("message")
    await tab.send(type="read", ids=[message.id])
    assert await other.next("status") == {"type": "status", "id": message.id, "status": "read"}
    [receipt] = chat.small.receipts
    assert (receipt.ids, receipt.status) == ((str(message.id),), "read")
    assert receipt.address == tab.address


async def test_typing_goes_both_ways(chat: Chat) -> None:
    """The desk sees that the customer writes, the customer that Ana does, and not themselves."""
    tab = await chat.tab()
    await tab.hello()
    await tab.send(type="typing")
    event = await until(lambda: chat.small.desk_events and chat.small.desk_events[0])
    assert (event.name, event.data["lane"]) == ("typing", tab.address.lane)
    topic = tab.address.lane
    chat.small.publish(Event(topic=topic, name="typing", data={"author": "customer"}))
    chat.small.publish(Event(topic=topic, name="typing", data={"author": "agent", "name": "Ana"}))
    assert await tab.next() == {"type": "typing", "author": "agent", "name": "Ana"}


async def test_a_ping_is_answered(chat: Chat) -> None:
    """A page can tell that the line is still there."""
    tab = await chat.tab()
    await tab.hello()
    await tab.send(type="ping")
    assert await tab.next() == {"type": "pong"}


async def test_what_cannot_be_stored_is_not_accepted(chat: Chat) -> None:
    """When the commit fails the page is told to try again, and then it works."""
    tab = await chat.tab()
    await tab.hello()
    chat.small.broken = True
    error = await tab.say("Hello", id="message-0001")
    assert (error["code"], error["id"], error["retry_after"]) == ("try_later", "message-0001", 2)
    chat.small.broken = False
    assert (await tab.say("Hello", id="message-0001"))["type"] == "accepted"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"text": "  "}, "empty"),
        ({"text": "x" * 4001}, "too_long"),
        ({"text": "see", "attachments": ["a.b.c"]}, "bad_file"),
    ],
)
async def test_a_refused_message_leaves_the_line_open(
    chat: Chat, said: dict[str, str], code: str
) -> None:
    """What is wrong with one message is told by its id; the next one is welcome."""
    tab = await chat.tab()
    await tab.hello()
    error = await tab.say(**{"id": "message-0001", **said})
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
async def test_a_malformed_frame_ends_the_line_with_a_reason(chat: Chat, frame: str) -> None:
    """The page hears what was wrong, then the line is closed; the server is fine."""
    tab = await chat.tab()
    await tab.hello()
    await tab.socket.send_str(frame)
    assert (await tab.next())["code"] == "malformed"
    assert await tab.end() == 1007
    assert not chat.small.accepted


async def test_hello_comes_first_and_in_text(chat: Chat) -> None:
    """Before hello nothing else is heard, and frames are text."""
    early = await chat.tab()
    await early.send(type="say", id="message-0001", text="Hello")
    assert (await early.next())["message"] == "hello comes first"
    binary = await chat.tab()
    await binary.socket.send_bytes(b'{"type":"hello"}')
    assert (await binary.next())["code"] == "malformed"
    assert (await early.end(), await binary.end()) == (1007, 1007)


async def test_a_frame_beyond_all_bounds_closes_the_line(chat: Chat) -> None:
    """More than 64 kB in one frame is not even read."""
    tab = await chat.tab()
    await tab.hello()
    await tab.send(type="say", id="message-0001", text="x" * 70_000)
    assert await tab.end() == 1009
    assert not chat.small.accepted


async def test_messages_a_minute_are_bounded_per_session(start: Start) -> None:
    """Over the bound a message is refused with the time to wait; another session is free."""
    chat = await start(messages_per_minute=3)
    tab = await chat.tab()
    await tab.hello()
    answers = [await tab.say(str(n)) for n in range(4)]
    assert [one["type"] for one in answers] == ["accepted"] * 3 + ["error"]
    assert (answers[3]["code"], answers[3]["retry_after"]) == ("too_many", 20)
    other = await chat.tab()
    await other.hello()
    assert (await other.say("hello"))["type"] == "accepted"


async def test_lines_are_bounded_per_session_and_per_address(start: Start) -> None:
    """A session and an address may hold so many lines; a closed one makes room."""
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
    await until(lambda: chat.small.listeners(tabs[0].address) == 1)
    again = await chat.tab()
    await again.hello(token=tabs[0].token)


async def test_new_sessions_are_bounded_per_address(start: Start) -> None:
    """Sessions cannot be made without end; the old ones go on."""
    chat = await start(sessions_per_minute=1)
    first = await chat.tab()
    await first.hello()
    second = await chat.tab()
    await second.send(type="hello")
    assert (await second.next())["code"] == "too_many"
    back = await chat.tab()
    await back.hello(token=first.token)


async def test_a_proxys_word_counts_only_where_it_is_trusted(start: Start) -> None:
    """X-Forwarded-For is believed for as many hops as there are trusted proxies."""
    for proxies, code in ((0, "too_many"), (1, None)):
        chat = await start(sessions_per_minute=1, proxies=proxies)
        first = await chat.tab(**{"X-Forwarded-For": "203.0.113.1"})
        await first.hello()
        second = await chat.tab(**{"X-Forwarded-For": "203.0.113.1, 203.0.113.2"})
        await second.send(type="hello")
        assert (await second.next()).get("code") == code


async def test_a_reader_that_stalls_is_let_go(start: Start) -> None:
    """Who does not read is hung up on; what they missed waits in the mailbox, not in memory."""
    chat = await start(send_timeout=0.2)
    tab = await chat.tab()
    await tab.hello()
    tab.socket._response.connection.transport.pause_reading()
    for _ in range(60):
        chat.small.put(tab.address, "x" * 500_000)
    await until(lambda: chat.small.listeners(tab.address) == 0)


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
def test_any_frame_is_read_or_refused(data: str | bytes) -> None:
    """Whatever comes, the answer is a frame or `Malformed`, never another exception."""
    try:
        frame: object = wire.decode(data)
    except wire.Malformed as error:
        frame = error
    assert isinstance(frame, wire.Frame | wire.Malformed)


def test_deep_nesting_is_refused() -> None:
    """A frame nested beyond the parser's depth is malformed, not an error of ours."""
    deep = '{"type":"ping","more":' + "[" * 100_000 + "]" * 100_000 + "}"
    with pytest.raises(wire.Malformed):
        wire.decode(deep)


def test_page_ids_are_checked() -> None:
    """An id that a page could not have made is refused."""
    frame = wire.decode(f'{{"type":"say","id":"{uuid4().hex}"}}')
    assert isinstance(frame, wire.Say)
    with pytest.raises(wire.Malformed):
        wire.decode('{"type":"say","id":"a b c d e f g"}')
