"""Writing first: to whom, from where, and what comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

from gateway import Address, Agent, Conflict, RefusedByChannel, Reply, Turn
from gateway.store import BegunConversation
from gateway.testing import FakeChannel, FakeHandler, running
from plugins import agents_desk
from tests.agents_desk.conftest import PASSWORD, Visit, as_config, user

from .conftest import PDF, OutgoingGateway, attach, claimed

ANA = Agent(id="desk:ana", name="Ana")
MAIL = Address(channel="email", value="new@example.org")


async def write(browser: Visit, **fields: str) -> Any:
    await browser.open("/desk/new")
    form = {name: browser.field(name, 'id="write-form"') for name in ("key", "files")}
    return await browser.send("/desk/new", **{**form, **fields})


async def test_a_first_mail_begins_a_conversation_and_the_answer_comes_back(
    gw: OutgoingGateway, ana: Visit
) -> None:
    """The agent has it, the bot is silent, and the customer's reply is in the same history."""
    response = await write(
        ana, place="email", to="New@Example.org", subject="Your lamp", text="It is here."
    )
    assert response.url.path == "/desk/c/1"
    await gw.running.settled()
    [sent] = gw.mail.sent
    assert (sent.address.value, sent.subject, sent.text) == (
        "new@example.org",
        "Your lamp",
        "It is here.",
    )
    await gw.running.customer("email", "new@example.org").say(
        "Great!", subject="Re: Your lamp", thread=(f"email-{sent.key}",)
    )
    card = await gw.services.desk.card(1)
    assert [m.text for m in card.messages if not m.internal] == ["It is here.", "Great!"]
    assert card.conversation.owner == gw.running.desk_agent("ana").agent.replace(
        id="desk:ana", name="Ana"
    )
    assert len(gw.mail.sent) == 1


async def test_files_and_copies_go_with_it(gw: OutgoingGateway, ana: Visit) -> None:
    """As with an answer."""
    await ana.open("/desk/new")
    await attach(ana, "/desk/new", ("offer.pdf", PDF), text="See the file.")
    assert "offer.pdf" in ana.page
    assert "See the file." in ana.page
    form = {name: ana.field(name, 'id="write-form"') for name in ("key", "files")}
    await ana.send(
        "/desk/new", place="email", to="new@example.org", subject="An offer", text="See the file.",
        copies="Bo <bo@example.org>; cy@example.org", **form,
    )  # fmt: skip
    assert [name for name, _, _ in await gw.sent_files(gw.mail)] == ["offer.pdf"]
    assert gw.mail.sent[0].copies == ("bo@example.org", "cy@example.org")
    assert "bo@example.org" in ana.page


class SlowHandler(FakeHandler):
    """Answers ``slow`` only once it may."""

    def __init__(self) -> None:
        super().__init__(lambda _: Reply(body=("Hi.",)))
        self.began, self.may_end = asyncio.Event(), asyncio.Event()

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.message.text == "slow":
            self.began.set()
            await self.may_end.wait()
        return await super().handle(turn)


async def test_the_page_waits_until_the_message_is_in_the_history(tmp_path: Path) -> None:
    """Also when another message of the same conversation is being handled first."""
    slow = SlowHandler()
    config = {"plugins": {"agents_desk": {"users": [as_config(user("ana"))]}}}
    plugins = (agents_desk, FakeChannel("fake"), slow)
    async with (
        running(*plugins, config=config, tmp_path=tmp_path) as gateway,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as http,
    ):
        ana = Visit(http, gateway.url)
        await ana.sign_in("ana", PASSWORD)
        maria = gateway.customer("fake", "maria")
        await maria.say("Hello")
        await maria.write("slow")
        await slow.began.wait()
        sending = asyncio.create_task(write(ana, place="fake", to="maria", text="First words."))
        await asyncio.wait({sending}, timeout=0.3)
        slow.may_end.set()
        await sending
        assert "First words." in ana.page
        assert maria.heard == ["Hi."]


async def test_the_same_form_twice_begins_one_conversation(gw: OutgoingGateway, ana: Visit) -> None:
    """A repeated submit leads to it."""
    await ana.open("/desk/new")
    page = ana.page
    for _ in range(2):
        ana.page = page
        key = ana.field("key", 'id="write-form"')
        response = await ana.send(
            "/desk/new", place="email", to="a@example.org", subject="Hi", text="Hi", key=key
        )
        assert response.url.path == "/desk/c/1"
    await gw.running.settled()
    assert len(gw.mail.sent) == 1


async def test_another_text_from_the_same_page_is_another_message(
    gw: OutgoingGateway, ana: Visit
) -> None:
    """Somebody went back in the browser and wrote anew."""
    await ana.open("/desk/new")
    page = ana.page
    for text in ("Hi", "Something else"):
        ana.page = page
        key = ana.field("key", 'id="write-form"')
        fields = {"place": "email", "to": "a@example.org", "subject": "Hi", "key": key}
        await ana.send("/desk/new", text=text, **fields)
    await gw.running.settled()
    assert [sent.text for sent in gw.mail.sent] == ["Hi", "Something else"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"place": "email", "to": "nobody", "subject": "Hi"}, "is not a mail address"),
        ({"place": "email", "to": "a@example.org"}, "Give the message a subject"),
        ({"place": "fake", "to": "stranger"}, "only write to somebody who has written"),
        ({"place": "sms", "to": "+4930123456"}, "Choose the address to write from"),
        ({"place": "email", "to": " ", "subject": "Hi"}, "Say to whom"),
        ({"place": "email", "to": "a@example.org", "subject": "Hi", "copies": "Bo"}, "not a list"),
    ],
)
async def test_what_cannot_be_sent_is_said_and_nothing_is_lost(
    gw: OutgoingGateway, ana: Visit, fields: dict[str, str], why: str
) -> None:
    """The words stay in the form, and no conversation begins."""
    response = await write(ana, **fields, text="My careful words.")
    assert response.status == 422
    assert why in ana.page
    assert "My careful words." in ana.page
    await gw.running.settled()
    assert gw.mail.sent == gw.chat.sent == []


async def test_a_known_customer_is_found_and_written_to(gw: OutgoingGateway, ana: Visit) -> None:
    """By name; in a chat, where strangers cannot be written to."""
    maria = gw.running.customer("fake", "maria")
    await maria.say("Where is my lamp?", name="Maria Oliveira")
    agent = gw.running.desk_agent("ben")
    await agent.resolve(await agent.claim())
    await gw.running.settled()
    await gw.running.gateway.indexer.catch_up()
    await ana.open("/desk/new?q=Oliveira")
    assert "Maria Oliveira" in ana.page
    assert "/desk/new?place=fake&amp;to=maria" in ana.page
    response = await write(ana, place="fake", to="maria", text="It has come.")
    assert response.status == 200
    assert (await maria.listen())[-1] == "It has come."


async def test_an_open_conversation_in_a_chat_is_continued(gw: OutgoingGateway, ana: Visit) -> None:
    """A chat has one conversation at a time: a waiting one becomes the agent's."""
    await gw.running.customer("fake", "maria").say("Where is my lamp?")
    response = await write(ana, place="fake", to="maria", text="It has come.")
    assert response.url.path == "/desk/c/1"
    assert (await gw.services.desk.card(1)).conversation.owner.id == "desk:ana"


async def test_a_colleagues_conversation_is_not_taken(
    gw: OutgoingGateway, ana: Visit, ben: Visit
) -> None:
    """The agent is told who has it."""
    await claimed(gw, ben)
    response = await write(ana, place="fake", to="maria", text="It has come.")
    assert response.status == 409
    assert "Ben has the conversation there" in ana.page


async def test_who_opted_out_or_cannot_be_reached_gets_nothing(gw: OutgoingGateway) -> None:
    """Neither a first message nor a forwarded one."""
    maria = gw.running.customer("email", "new@example.org")
    await maria.say("STOP", subject="Stop", consent="out")
    with pytest.raises(RefusedByChannel, match="no more messages"):
        await gw.services.desk.begin(MAIL, ANA, "Hello", key="k", subject="Hi")


async def test_an_agent_of_another_brand_cannot_write_from_here(gw: OutgoingGateway) -> None:
    """The support address decides, not the form."""
    other = ANA.replace(brands=("south",))
    assert gw.services.desk.writing_places(other) == ()
    with pytest.raises(RefusedByChannel, match="cannot write from"):
        await gw.services.desk.begin(MAIL, other, "Hello", key="k", subject="Hi")


async def test_it_is_audited_without_words(gw: OutgoingGateway, ana: Visit) -> None:
    """Who began which conversation, by which channel."""
    await write(ana, place="email", to="a@example.org", subject="Secret lamp", text="Words")
    [entry] = [e for e in await gw.services.audit.lines() if e.what == "began"]
    assert (entry.who, entry.conversation, entry.detail) == ("desk:ana", 1, "by email")


async def test_of_two_who_begin_at_once_one_has_the_conversation(gw: OutgoingGateway) -> None:
    """In a chat, where there is one at a time."""
    await gw.running.customer("fake", "maria").say("Hello")
    here = Address(channel="fake", value="maria")
    await gw.services.desk.begin(here, ANA, "First", key="a")
    with pytest.raises(Conflict):
        await gw.services.desk.begin(here, ANA.replace(id="desk:ben"), "Second", key="b")


async def test_the_store_tells_a_repetition(gw: OutgoingGateway) -> None:
    """By the key alone, whatever else the second call says."""
    begun = await gw.services.desk.begin(MAIL, ANA, "Hello", key="k", subject="Hi")
    again = await gw.services.desk.begin(MAIL, ANA, "Other", key="k", subject="Other")
    assert (again.conversation, again.turn) == (begun.conversation, begun.turn)
    assert (begun.duplicate, again.duplicate) == (False, True)
    assert (await gw.services.desk.card(begun.conversation)).conversation.subject == "Hi"
    assert BegunConversation.__struct_fields__ == ("conversation", "accepted")
