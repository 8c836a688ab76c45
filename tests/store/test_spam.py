"""Spam and blocked addresses: stored, never answered, and harm still reaches a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway import (
    Address,
    Agent,
    Conflict,
    Cue,
    Guess,
    Insight,
    NotAccepted,
    NotFound,
    Reason,
    Reply,
    Turn,
)
from gateway.testing import (
    FakeChannel,
    FakeClock,
    FakeHandler,
    FakeUnderstander,
    RunningGateway,
    SimulatedCustomer,
    running,
)

BEN = Agent(id="desk:ben", name="Ben")
HURT = "I will hurt myself"


def insight(text: str) -> Insight:
    """Hears harm in `HURT`."""
    harm = (Cue(kind="harm", text="hurt", start=7, end=11),)
    return Insight(
        ranking=(Guess(name="other", confidence=0.9),), signals=harm if HURT in text else ()
    )


def answer(turn: Turn) -> Reply | None:
    """Hands over what is asked of a person, asks how it was, and answers the rest."""
    if turn.kind == "event":
        return Reply(body=("How was it?",), purpose="survey")
    if "person" in turn.message.text:
        return Reply(body=("One moment.",), escalate=(Reason(code="asked_for_person"),))
    return Reply(body=("Hello!",))


@pytest.fixture
async def gw(tmp_path: Path, stored_in: str) -> AsyncIterator[RunningGateway]:
    policy = tmp_path / "policy.yaml"
    policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    async with running(
        *(FakeChannel(name) for name in ("fake", "other")),
        FakeUnderstander(insight),
        FakeHandler(answer),
        config={"policy": str(policy)},
        tmp_path=tmp_path,
        clock=FakeClock(),
    ) as found:
        yield found


async def blocked(gw: RunningGateway, **more: Any) -> tuple[SimulatedCustomer, int]:
    """A customer whose conversation Ben marked as spam, and whose address he blocked."""
    customer = gw.customer("fake", "spammer")
    await customer.say("A person, please", **more)
    card = await gw.desk_agent("ben").claim()
    conversation = card.conversation
    await gw.services.desk.mark_spam(conversation.id, BEN, epoch=conversation.epoch, block=True)
    await customer.listen()
    return customer, conversation.id


async def test_spam_is_resolved_without_a_survey(gw: RunningGateway) -> None:
    """It has the label and a line, and the customer hears nothing."""
    customer, id = await blocked(gw)
    card = await gw.services.desk.card(id)
    assert (card.conversation.state, card.conversation.labels) == ("resolved", ("spam",))
    assert customer.heard == ["One moment."]
    lines = [m.text for m in card.messages if m.author == "system"]
    assert lines[-2:] == ["Ben marked the conversation as spam", "Ben blocked this address"]
    entries = await gw.services.audit.lines(conversation=id)
    assert [entry.what for entry in entries][:1] == ["marked_spam"]
    assert entries[0].detail == "blocked"


async def test_a_blocked_address_is_stored_and_not_answered(gw: RunningGateway) -> None:
    """In the conversation that is spam, whatever is asked; nobody's queue grows."""
    customer, id = await blocked(gw)
    for text in ("Buy!", "A person, please", "STOP"):
        await customer.say(text)
    card = await gw.services.desk.card(id)
    texts = [m.text for m in card.messages if m.author == "customer"]
    assert texts == ["A person, please", "Buy!", "A person, please", "STOP"]
    assert customer.heard == ["One moment."]
    assert await gw.services.desk.queue() == ()
    assert [c.id for c in await gw.services.desk.labelled("spam", BEN)] == [id]


async def test_a_new_thread_of_a_blocked_address_is_spam(gw: RunningGateway) -> None:
    """A mail with another subject begins a conversation that is over at once."""
    customer, id = await blocked(gw, subject="Hello")
    await customer.say("Buy!", subject="Cheap watches")
    newest = (await gw.services.desk.labelled("spam", BEN))[0]
    assert newest.state == "resolved"
    assert newest.resolved_at is not None
    assert newest.id >= id
    assert customer.heard == ["One moment."]


async def test_harm_from_a_blocked_address_reaches_a_person(gw: RunningGateway) -> None:
    """Whoever is in danger is heard; one alarm too many costs a look."""
    customer, _ = await blocked(gw)
    await customer.say(HURT)
    [item] = await gw.services.desk.queue()
    assert item.handoff.reasons[0].code == "harm"
    assert len(customer.heard) == 2


async def test_only_that_address_is_blocked(gw: RunningGateway) -> None:
    """Somebody else, and another channel, are answered as ever."""
    await blocked(gw)
    for customer in (gw.customer("fake", "ana"), gw.customer("other", "spammer")):
        await customer.say("Hi")
        assert customer.heard == ["Hello!"]


async def test_an_unblocked_address_is_answered_again(gw: RunningGateway) -> None:
    """Its list is empty then, and it cannot be unblocked twice."""
    customer, _ = await blocked(gw)
    desk = gw.services.desk
    [found] = await desk.blocked(BEN)
    assert found.address == customer.address
    assert await desk.blocked(BEN, after=found.id) == ()
    await desk.unblock(customer.address, BEN)
    assert await desk.blocked(BEN) == ()
    await customer.say("Hi")
    assert customer.heard[-1] == "Hello!"
    with pytest.raises(NotFound, match="not blocked"):
        await desk.unblock(customer.address, BEN)


async def test_a_message_in_a_conversation_that_a_person_has(gw: RunningGateway) -> None:
    """A block without spam leaves the conversation as it is: they see the message there."""
    customer = gw.customer("fake", "ana")
    await customer.say("A person, please")
    card = await gw.desk_agent("ben").claim()
    await gw.services.desk.block(card.conversation.id, BEN)
    await customer.say("Buy!")
    card = await gw.services.desk.card(card.conversation.id)
    assert (card.conversation.state, card.conversation.labels) == ("person", ())
    assert card.messages[-1].text == "Buy!"


async def test_a_blocked_address_gets_no_survey(gw: RunningGateway) -> None:
    """Nor anything else that no message of theirs causes."""
    customer = gw.customer("fake", "ana")
    await customer.say("A person, please")
    card = await gw.desk_agent("ben").claim()
    await gw.services.desk.block(card.conversation.id, BEN)
    await gw.services.desk.resolve(card.conversation.id, BEN, epoch=card.conversation.epoch)
    await customer.listen()
    assert customer.heard == ["One moment."]


async def test_a_block_stops_an_answer_that_waits(gw: RunningGateway) -> None:
    """The agent sees that it was not sent, and why."""
    customer = gw.customer("fake", "ana")
    await customer.say("A person, please")
    id = (await gw.desk_agent("ben").claim()).conversation.id
    desk = gw.services.desk
    await desk.answer(id, BEN, "It leaves today.", key="k", hold=5)
    await desk.block(id, BEN)
    await gw.pass_time(5)
    await customer.listen()
    assert customer.heard == ["One moment."]
    card = await desk.card(id)
    assert [m.status for m in card.messages if m.author == "agent"] == ["failed"]
    assert "Not sent: this address is blocked" in [m.text for m in card.messages]


async def test_a_person_answers_a_blocked_customer_in_danger(gw: RunningGateway) -> None:
    """The handover would be worth nothing else."""
    customer, _ = await blocked(gw)
    await customer.say(HURT)
    ben = gw.desk_agent("ben")
    await ben.answer(await ben.claim(), "I am here. Where are you?")
    await customer.listen()
    assert customer.heard[-1] == "I am here. Where are you?"


async def test_a_blocked_address_gets_no_code(gw: RunningGateway) -> None:
    """Whoever asks for it."""
    spammer, _ = await blocked(gw)
    ana = gw.customer("other", "ana")
    await ana.say("A person, please")
    card = await gw.desk_agent("ben").claim()
    with pytest.raises(NotAccepted, match="blocked"):
        await gw.services.desk.ask_proof(card.conversation.id, spammer.address, BEN)


async def test_somebody_was_faster(gw: RunningGateway) -> None:
    """A stale page marks and blocks nothing."""
    await gw.customer("fake", "ana").say("A person, please")
    card = await gw.desk_agent("ben").claim()
    with pytest.raises(Conflict):
        await gw.services.desk.mark_spam(card.conversation.id, BEN, epoch=0, block=True)
    assert await gw.services.desk.blocked(BEN) == ()


async def test_an_agent_of_another_brand_sees_none_of_it(gw: RunningGateway) -> None:
    """Neither the list nor the address."""
    customer, _ = await blocked(gw)
    other = BEN.replace(brands=("north",))
    assert await gw.services.desk.blocked(other) == ()
    assert await gw.services.desk.labelled("spam", other) == ()
    with pytest.raises(NotFound):
        await gw.services.desk.unblock(customer.address, other)


async def test_an_erasure_takes_the_block(gw: RunningGateway) -> None:
    """The address is then unknown; an export says since when it was blocked."""
    await blocked(gw)
    address = Address(channel="fake", value="spammer")
    exported: Any = await gw.gateway.customer_data.export(address)
    assert exported["identities"][0]["blocked_at"] is not None
    await gw.gateway.customer_data.erase(address)
    assert await gw.services.desk.blocked(BEN) == ()
