"""The same person on several channels: linked on proof, never on a claim; and undone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import Address, Agent, Conflict, NotAccepted, NotFound, Reply, Turn
from gateway.testing import (
    FakeChannel,
    FakeClock,
    FakeHandler,
    RunningGateway,
    SimulatedCustomer,
    running,
)

ANA = Agent(id="desk:ana", name="Ana")
BEN = Agent(id="desk:ben", name="Ben")
PHONE = Address(channel="phone", value="+4930123456")


def answer(turn: Turn) -> Reply | None:
    return Reply(opener="", body=("Noted.",)) if turn.kind == "message" else None


class House:
    """A gateway with two channels: a chat, and a phone that only its owner can read."""

    def __init__(self, gw: RunningGateway, phone: FakeChannel) -> None:
        self.gw, self.phone = gw, phone
        self.chat: SimulatedCustomer = gw.customer("chat", "visitor")
        self.desk = gw.services.desk

    async def conversation(self) -> int:
        """A conversation on the chat."""
        await self.chat.say("hello, it is me")
        return (await self.chat.messages())[0].conversation

    def code(self) -> str:
        """The last code that the phone got."""
        found = re.search(r"\d{6}", self.phone.sent[-1].text)
        assert found
        return found.group()


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[House]:
    easy = tmp_path / "policy.yaml"
    easy.write_text("reasons: {low_confidence: {enabled: false}}\n", "utf-8")
    chat, phone = FakeChannel("chat"), FakeChannel("phone")
    async with running(
        chat,
        phone,
        FakeHandler(answer),
        config={"policy": "policy.yaml"},
        clock=FakeClock(),
        tmp_path=tmp_path,
    ) as gw:
        yield House(gw, phone)


async def test_a_code_that_is_repeated_links_two_addresses(services: House) -> None:
    """What was said on the phone is on the card of the chat from then on."""
    await services.gw.customer("phone", PHONE.value).say("my parcel is late")
    here = await services.conversation()
    assert (await services.desk.card(here)).earlier == ()
    await services.desk.ask_proof(here, PHONE, ANA)
    await services.gw.settled()
    await services.chat.say(f"the code is {services.code()}.")
    card = await services.desk.card(here)
    assert PHONE in card.identities
    assert [one.channel for one in card.earlier] == ["phone"]
    assert [(one.address, one.how) for one in card.linked] == [(PHONE, "code")]


async def test_a_claim_is_no_proof(services: House) -> None:
    """A name, an address or a number in a message link nothing."""
    await services.gw.customer("phone", PHONE.value).say("my parcel is late")
    here = await services.conversation()
    await services.chat.say(f"I am {PHONE.value}, code 123456")
    assert PHONE not in (await services.desk.card(here)).identities


async def test_codes_are_not_guessed(services: House) -> None:
    """After five wrong ones the right one is void too; and it is void after ten minutes."""
    here = await services.conversation()
    await services.desk.ask_proof(here, PHONE, ANA)
    await services.gw.settled()
    right = services.code()
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for _ in range(5):
        await services.chat.say(wrong)
    await services.chat.say(right)
    assert PHONE not in (await services.desk.card(here)).identities
    await services.desk.ask_proof(here, PHONE, ANA)
    await services.gw.settled()
    await services.gw.pass_time(601)
    await services.chat.say(services.code())
    assert PHONE not in (await services.desk.card(here)).identities


async def test_a_code_works_in_its_own_conversation_alone(services: House) -> None:
    """Who reads the code elsewhere cannot use it."""
    here = await services.conversation()
    thief = services.gw.customer("chat", "thief")
    await thief.say("hello")
    await services.desk.ask_proof(here, PHONE, ANA)
    await services.gw.settled()
    await thief.say(services.code())
    there = (await thief.messages())[0].conversation
    assert PHONE not in (await services.desk.card(there)).identities


async def test_a_stranger_is_not_flooded_with_codes(services: House) -> None:
    """Three an hour to one address; none to who asked for no messages, none to nowhere."""
    here = await services.conversation()
    for _ in range(3):
        await services.desk.ask_proof(here, PHONE, ANA)
    with pytest.raises(NotAccepted, match="enough codes"):
        await services.desk.ask_proof(here, PHONE, ANA)
    with pytest.raises(NotAccepted, match="no channel pigeon"):
        await services.desk.ask_proof(here, Address(channel="pigeon", value="x"), ANA)
    with pytest.raises(NotAccepted, match="proves nothing"):
        await services.desk.ask_proof(here, services.chat.address, ANA)


async def test_a_person_links_and_takes_it_back(services: House) -> None:
    """An agent's decision is recorded, shown, and undone as if it had not been."""
    phone = services.gw.customer("phone", PHONE.value)
    await phone.say("my parcel is late")
    there = (await phone.messages())[0].conversation
    here = await services.conversation()
    card = await services.desk.link(here, PHONE, ANA)
    [linked] = card.linked
    assert (linked.agent, linked.how) == (ANA, "agent")
    assert [one.id for one in card.earlier] == [there]
    with pytest.raises(NotAccepted, match="already"):
        await services.desk.link(here, PHONE, ANA)
    card = await services.desk.unlink(here, linked.id, ANA)
    assert (card.linked, card.earlier) == ((), ())
    assert (await services.desk.card(there)).identities == (PHONE,)
    with pytest.raises(NotFound):
        await services.desk.unlink(here, linked.id, ANA)
    lines = [message.text for message in card.messages if message.internal]
    assert lines == ["Ana linked phone:+4930123456", "Ana took a link back"]


async def test_an_agent_goes_on_elsewhere(services: House) -> None:
    """The answer leaves by the other address, in a conversation that is the agent's; the
    customer's reply there comes to them, and the bot is silent."""
    here = await services.conversation()
    with pytest.raises(NotAccepted, match="not linked"):
        await services.desk.answer(here, ANA, "On your phone?", key="k0", via=PHONE)
    await services.desk.link(here, PHONE, ANA)
    await services.desk.answer(here, ANA, "I write to your phone.", key="k1", via=PHONE)
    await services.desk.answer(here, ANA, "And again.", key="k2", via=PHONE)
    await services.gw.settled()
    assert [m.text for m in services.phone.sent] == ["I write to your phone.", "And again."]
    phone = services.gw.customer("phone", PHONE.value)
    await phone.say("thank you")
    assert len(services.phone.sent) == 2
    there = (await phone.messages())[0].conversation
    card = await services.desk.card(there)
    assert card.conversation.owner == ANA
    assert card.messages[0].text == "Ana goes on from chat:visitor"
    with pytest.raises(Conflict, match="Ana has the conversation there"):
        await services.desk.answer(here, BEN, "Me too.", key="k3", via=PHONE)


async def test_a_link_is_not_taken_back_from_who_has_the_address_now(services: House) -> None:
    """The phone went on to a third customer: the first link is theirs to undo no more."""
    phone = services.gw.customer("phone", PHONE.value)
    await phone.say("my parcel is late")
    here = await services.conversation()
    other = services.gw.customer("chat", "other")
    await other.say("hello")
    there = (await other.messages())[0].conversation
    [first] = (await services.desk.link(here, PHONE, ANA)).linked
    card = await services.desk.link(there, PHONE, ANA)
    assert (await services.desk.card(here)).linked == ()
    with pytest.raises(NotFound):
        await services.desk.unlink(here, first.id, ANA)
    card = await services.desk.unlink(there, card.linked[0].id, ANA)
    assert card.linked == ()
    assert [one.id for one in (await services.desk.card(here)).linked] == [first.id]


async def test_going_on_elsewhere_is_told_once(services: House) -> None:
    """Not with every further answer."""
    here = await services.conversation()
    await services.desk.link(here, PHONE, ANA)
    for key in ("k1", "k2", "k2"):
        await services.desk.answer(here, ANA, "On your phone.", key=key, via=PHONE)
    await services.gw.settled()
    lines = [m.text for m in (await services.desk.card(here)).messages if m.internal]
    assert lines == ["Ana linked phone:+4930123456", "Ana goes on on phone:+4930123456"]


ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@pytest.mark.parametrize(
    ("written", "linked"),
    [
        (lambda code: f"{code[:3]} {code[3:]}", True),
        (lambda code: code.translate(ARABIC), True),
        (lambda code: f"{code}7", False),
        (lambda code: f"7{code}", False),
        (lambda code: f"it is {code}, thanks", True),
    ],
    ids=["in halves", "in Arabic digits", "a longer number", "its end", "in a sentence"],
)
async def test_a_code_is_heard_as_people_write_it(
    services: House, written: Callable[[str], str], linked: bool
) -> None:
    """A number that only holds it is not it."""
    here = await services.conversation()
    await services.desk.ask_proof(here, PHONE, ANA)
    await services.gw.settled()
    await services.chat.say(written(services.code()))
    assert (PHONE in (await services.desk.card(here)).identities) is linked


async def test_an_address_linked_during_its_first_message_is_answered_by_the_person(
    services: House,
) -> None:
    """The person went on there while the bot was thinking: no second customer, no second voice."""
    here = await services.conversation()
    inbox, phone = services.gw.gateway.store.inbox, services.gw.customer("phone", PHONE.value)
    real = inbox.commit

    async def late(*args: Any) -> Any:
        inbox.commit = real  # type: ignore[method-assign]
        await services.desk.link(here, PHONE, ANA)
        await services.desk.answer(here, ANA, "I write here.", key="k", via=PHONE)
        return await real(*args)

    inbox.commit = late  # type: ignore[method-assign]
    await phone.say("hello?")
    assert [m.text for m in services.phone.sent] == ["I write here."]
    there = {m.conversation for m in await phone.messages()}
    assert len(there) == 1
    said = [m.text for m in (await services.desk.card(there.pop())).messages]
    assert "hello?" in said
