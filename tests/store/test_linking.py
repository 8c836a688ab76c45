"""Linked addresses: linked on proof or by an agent, never on a claim, and unlinked again."""

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


class LinkingCase:
    """A gateway with two channels: a chat, and a phone that only its owner can read."""

    def __init__(self, gw: RunningGateway, phone: FakeChannel) -> None:
        self.gw, self.phone = gw, phone
        self.chat: SimulatedCustomer = gw.customer("chat", "visitor")
        self.desk = gw.services.desk

    async def conversation(self) -> int:
        """Begin a conversation on the chat; return its id."""
        await self.chat.say("hello, it is me")
        return (await self.chat.messages())[0].conversation

    def code(self) -> str:
        """The last code that was sent to the phone."""
        found = re.search(r"\d{6}", self.phone.sent[-1].text)
        assert found
        return found.group()


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[LinkingCase]:
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
        yield LinkingCase(gw, phone)


async def test_a_correct_code_links_two_addresses(case: LinkingCase) -> None:
    """The chat's context card then shows the conversation on the phone."""
    await case.gw.customer("phone", PHONE.value).say("my parcel is late")
    here = await case.conversation()
    assert (await case.desk.card(here)).earlier == ()
    await case.desk.ask_proof(here, PHONE, ANA)
    await case.gw.settled()
    await case.chat.say(f"the code is {case.code()}.")
    card = await case.desk.card(here)
    assert PHONE in card.identities
    assert [one.channel for one in card.earlier] == ["phone"]
    assert [(one.address, one.how) for one in card.linked] == [(PHONE, "code")]


async def test_a_claim_links_nothing(case: LinkingCase) -> None:
    """Nor does a name, an address or a wrong code in a message."""
    await case.gw.customer("phone", PHONE.value).say("my parcel is late")
    here = await case.conversation()
    await case.chat.say(f"I am {PHONE.value}, code 123456")
    assert PHONE not in (await case.desk.card(here)).identities


async def test_five_wrong_codes_make_the_code_void(case: LinkingCase) -> None:
    """A code is also void after ten minutes."""
    here = await case.conversation()
    await case.desk.ask_proof(here, PHONE, ANA)
    await case.gw.settled()
    right = case.code()
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for _ in range(5):
        await case.chat.say(wrong)
    await case.chat.say(right)
    assert PHONE not in (await case.desk.card(here)).identities
    await case.desk.ask_proof(here, PHONE, ANA)
    await case.gw.settled()
    await case.gw.pass_time(601)
    await case.chat.say(case.code())
    assert PHONE not in (await case.desk.card(here)).identities


async def test_a_code_works_only_in_its_own_conversation(case: LinkingCase) -> None:
    """Somebody who reads the code elsewhere cannot use it."""
    here = await case.conversation()
    thief = case.gw.customer("chat", "thief")
    await thief.say("hello")
    await case.desk.ask_proof(here, PHONE, ANA)
    await case.gw.settled()
    await thief.say(case.code())
    there = (await thief.messages())[0].conversation
    assert PHONE not in (await case.desk.card(there)).identities


async def test_codes_to_one_address_are_limited(case: LinkingCase) -> None:
    """Three an hour; none to an unknown channel, and none to the address of the conversation."""
    here = await case.conversation()
    for _ in range(3):
        await case.desk.ask_proof(here, PHONE, ANA)
    with pytest.raises(NotAccepted, match="enough codes"):
        await case.desk.ask_proof(here, PHONE, ANA)
    with pytest.raises(NotAccepted, match="no channel pigeon"):
        await case.desk.ask_proof(here, Address(channel="pigeon", value="x"), ANA)
    with pytest.raises(NotAccepted, match="proves nothing"):
        await case.desk.ask_proof(here, case.chat.address, ANA)


async def test_an_agent_links_and_unlinks(case: LinkingCase) -> None:
    """The decision is recorded and shown; unlinking restores what was before."""
    phone = case.gw.customer("phone", PHONE.value)
    await phone.say("my parcel is late")
    there = (await phone.messages())[0].conversation
    here = await case.conversation()
    card = await case.desk.link(here, PHONE, ANA)
    [linked] = card.linked
    assert (linked.agent, linked.how) == (ANA, "agent")
    assert [one.id for one in card.earlier] == [there]
    with pytest.raises(NotAccepted, match="already"):
        await case.desk.link(here, PHONE, ANA)
    card = await case.desk.unlink(here, linked.id, ANA)
    assert (card.linked, card.earlier) == ((), ())
    assert (await case.desk.card(there)).identities == (PHONE,)
    with pytest.raises(NotFound):
        await case.desk.unlink(here, linked.id, ANA)
    lines = [message.text for message in card.messages if message.internal]
    assert lines == ["Ana linked phone:+4930123456", "Ana took a link back"]


async def test_an_agent_continues_on_a_linked_address(case: LinkingCase) -> None:
    """The answer is sent to the other address, in a conversation that the agent has. The customer's
    reply there reaches the agent, and the bot is silent."""
    here = await case.conversation()
    with pytest.raises(NotAccepted, match="not linked"):
        await case.desk.answer(here, ANA, "On your phone?", key="k0", via=PHONE)
    await case.desk.link(here, PHONE, ANA)
    await case.desk.answer(here, ANA, "I write to your phone.", key="k1", via=PHONE)
    await case.desk.answer(here, ANA, "And again.", key="k2", via=PHONE)
    await case.gw.settled()
    assert [m.text for m in case.phone.sent] == ["I write to your phone.", "And again."]
    phone = case.gw.customer("phone", PHONE.value)
    await phone.say("thank you")
    assert len(case.phone.sent) == 2
    there = (await phone.messages())[0].conversation
    card = await case.desk.card(there)
    assert card.conversation.owner == ANA
    own = [message for message in card.messages if message.conversation == there]
    assert own[0].text == "Ana continues from chat:visitor"
    assert card.messages[0].conversation == here  # both are one history
    with pytest.raises(Conflict, match="Ana has the conversation there"):
        await case.desk.answer(here, BEN, "Me too.", key="k3", via=PHONE)


async def test_only_the_latest_link_of_an_address_can_be_undone(case: LinkingCase) -> None:
    """Another customer has the phone now: the first link cannot be undone before theirs is."""
    phone = case.gw.customer("phone", PHONE.value)
    await phone.say("my parcel is late")
    here = await case.conversation()
    other = case.gw.customer("chat", "other")
    await other.say("hello")
    there = (await other.messages())[0].conversation
    [first] = (await case.desk.link(here, PHONE, ANA)).linked
    card = await case.desk.link(there, PHONE, ANA)
    assert (await case.desk.card(here)).linked == ()
    with pytest.raises(NotFound):
        await case.desk.unlink(here, first.id, ANA)
    card = await case.desk.unlink(there, card.linked[0].id, ANA)
    assert card.linked == ()
    assert [one.id for one in (await case.desk.card(here)).linked] == [first.id]


async def test_continuing_elsewhere_adds_one_notice(case: LinkingCase) -> None:
    """Not one for each further answer."""
    here = await case.conversation()
    await case.desk.link(here, PHONE, ANA)
    for key in ("k1", "k2", "k2"):
        await case.desk.answer(here, ANA, "On your phone.", key=key, via=PHONE)
    await case.gw.settled()
    lines = [m.text for m in (await case.desk.card(here)).messages if m.internal]
    assert lines == [
        "Ana linked phone:+4930123456",
        "Ana continues on phone:+4930123456",
        "Ana continues from chat:visitor",
    ]


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
async def test_a_code_is_recognised_as_people_write_it(
    case: LinkingCase, written: Callable[[str], str], linked: bool
) -> None:
    """A longer number that contains the code is not the code."""
    here = await case.conversation()
    await case.desk.ask_proof(here, PHONE, ANA)
    await case.gw.settled()
    await case.chat.say(written(case.code()))
    assert (PHONE in (await case.desk.card(here)).identities) is linked


async def test_an_agent_who_links_during_the_first_message_answers_alone(
    case: LinkingCase,
) -> None:
    """The agent continued there while the bot composed: one customer, one conversation, no bot."""
    here = await case.conversation()
    inbox, phone = case.gw.gateway.store.inbox, case.gw.customer("phone", PHONE.value)
    real = inbox.commit

    async def late(*args: Any) -> Any:
        inbox.commit = real  # type: ignore[method-assign]
        await case.desk.link(here, PHONE, ANA)
        await case.desk.answer(here, ANA, "I write here.", key="k", via=PHONE)
        return await real(*args)

    inbox.commit = late  # type: ignore[method-assign]
    await phone.say("hello?")
    assert [m.text for m in case.phone.sent] == ["I write here."]
    there = {m.conversation for m in await phone.messages()}
    assert len(there) == 1
    said = [m.text for m in (await case.desk.card(there.pop())).messages]
    assert "hello?" in said
