"""Who asked for no more messages gets none: no answer, no follow-up, no person's words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import (
    Fact,
    Message,
    Outbound,
    Receipt,
    Reply,
    Sent,
    SurveyQuestion,
    Timer,
    Traits,
    TryLater,
    Turn,
    Undeliverable,
)
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until

from .conftest import echo


async def said(gw: RunningGateway) -> list[Message]:
    """All of the conversations with Carla, system lines included."""
    [row] = await gw.services.desk.queue() or [None]
    card = await gw.services.desk.card(row.conversation.id if row else 1)
    return list(card.messages)


def lines(messages: list[Message]) -> list[str]:
    return [m.text for m in messages if m.author == "system"]


async def test_stop_is_kept_shown_and_never_answered(tmp_path: Path, easy: dict[str, Any]) -> None:
    """The agent reads it and what it means; the customer hears nothing."""
    fake, handler = FakeChannel(), FakeHandler(echo)
    async with running(fake, handler, config=easy, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("STOP", consent="out")
        assert (fake.sent, handler.turns) == ([], [])
        [stop, note] = await said(gw)
        assert (stop.text, stop.route and stop.route.reasons[0].code) == ("STOP", "opted_out")
        assert note.text == "The customer asked for no more messages at this address"
        assert (await gw.services.desk.card(1)).customer.opted_out


async def test_what_is_queued_for_them_is_dropped(tmp_path: Path, easy: dict[str, Any]) -> None:
    """A reply that waits for its next attempt never leaves; nor does the one behind it."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(fake, FakeHandler(echo), config=easy, clock=clock, tmp_path=tmp_path) as gw:
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        fake.fail_with(TryLater("busy", after=60))
        await carla.say("one")
        await carla.say("two")
        fake.fail_with(TryLater("busy", after=60))
        await dora.say("mine")
        await carla.say("STOP", consent="out")
        await gw.pass_time(400)
        assert [m.text for m in fake.sent] == ["You said mine."]
        states = [m.status for m in await said(gw) if m.author == "bot"]
        assert states == ["discarded", "discarded"]


async def test_a_person_who_writes_on_gets_a_person_not_an_answer(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """The bot is silent, a person is told why, and their words are held back, visibly."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("STOP", consent="out")
        await carla.say("where is my parcel?")
        card = await ana.next_card()
        assert card.handoff is not None
        assert card.handoff.reasons[0].code == "opted_out"
        card = await ana.claim(card)
        await ana.answer(card, "It comes tomorrow.")
        assert fake.tried == []
        mine = [m for m in await said(gw) if m.author == "agent"]
        assert [(m.text, m.status) for m in mine] == [("It comes tomorrow.", "failed")]
        assert mine[0].detail == "the customer asked for no more messages at this address"
        assert f"Not sent: {mine[0].detail}" in lines(await said(gw))


async def test_start_brings_them_back(tmp_path: Path, easy: dict[str, Any]) -> None:
    """It is not answered either; what they write next is."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("STOP", consent="out")
        await carla.say("YES", consent="in")
        assert fake.sent == []
        assert not (await gw.services.desk.card(1)).customer.opted_out
        await carla.say("hello")
        assert [m.text for m in fake.sent] == ["You said hello."]


async def test_yes_is_a_word_like_any_other(tmp_path: Path, easy: dict[str, Any]) -> None:
    """From somebody who never opted out."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("YES", consent="in")
        assert [m.text for m in fake.sent] == ["You said YES."]


async def test_what_the_provider_answered_gets_no_second_answer(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """HELP is kept and shown."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("HELP", answered=True)
        assert fake.sent == []
        assert lines(await said(gw)) == ["The provider answers this word by itself"]


async def test_it_holds_for_one_address(tmp_path: Path, easy: dict[str, Any]) -> None:
    """Another customer, and another channel, are not concerned."""
    fake, other = FakeChannel(), FakeChannel("other")
    async with running(fake, other, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("STOP", consent="out")
        await gw.customer("fake", "dora").say("hello")
        await gw.customer("other", "carla").say("hello")
        assert [m.address.value for m in (*fake.sent, *other.sent)] == ["dora", "carla"]


async def test_a_stop_while_a_person_claims_still_counts(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Whoever has the conversation: consent is not lost with the bot's words."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("hello")
        card = await ana.claim(await gw.services.desk.card(1))
        await carla.say("STOP", consent="out")
        await ana.answer(card, "Are you there?")
        assert [m.text for m in fake.sent] == ["You said hello."]


def asks_later(turn: Turn) -> Reply | None:
    """Answers, and asks how it was a minute later."""
    if turn.kind == "timer":
        return Reply(body=("How was it?",), purpose="survey", survey=SurveyQuestion())
    if turn.kind != "message":
        return None
    alarm = Timer(name="ask", due_at=turn.at + timedelta(seconds=60))
    return Reply(body=("Done.",), timers=(alarm,))


async def test_no_follow_up_after_stop(tmp_path: Path, easy: dict[str, Any]) -> None:
    """An alarm that was set before rings for nothing."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(
        fake, FakeHandler(asks_later), config=easy, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        await carla.say("STOP", consent="out")
        await gw.pass_time(120)
        assert [m.text for m in fake.sent] == ["Done."]
        assert await gw.services.desk.queue() == ()


async def test_a_provider_that_knows_of_the_stop_is_believed(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Refused once for that reason, nothing is tried again; the agent is told."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        fake.fail_with(Undeliverable("opted out", unreachable=True, opted_out=True))
        await carla.say("one")
        await carla.say("two")
        assert [m.text for m in fake.tried] == ["You said one."]
        assert "A message could not be delivered: opted out" in lines(await said(gw))
        assert (await gw.services.desk.card(1)).customer.opted_out


@pytest.mark.parametrize("opted_out", [True, False])
async def test_a_late_failure_is_told_to_people(
    opted_out: bool, tmp_path: Path, easy: dict[str, Any]
) -> None:
    """A message that the provider took and could not deliver brings a person, once."""
    fake, handler = FakeChannel(), FakeHandler(echo)
    async with running(fake, handler, config=easy, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        [sent] = fake.sent
        receipt = Receipt(
            channel="fake",
            ids=(f"fake-{sent.key}",),
            status="failed",
            at=gw.clock.now(),
            detail="the phone is off",
            opted_out=opted_out,
        )
        await gw.services.intake.report(receipt)
        await gw.services.intake.report(receipt)
        told = [t for t in lines(await said(gw)) if "phone is off" in t]
        assert told == ["A message was not delivered: the phone is off"]
        [item] = await gw.services.desk.queue()
        assert item.customer.opted_out is opted_out


class Priced(FakeChannel):
    """Knows what a message costs."""

    async def send(self, message: Outbound) -> Sent:
        sent = await super().send(message)
        return sent.replace(facts=(Fact(name="segments", value="1"),))


async def test_what_a_channel_tells_is_kept_with_the_message(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Segments and price stand with what was sent."""
    async with running(Priced(), FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        [answer] = await until(carla.messages)
        assert answer.facts == (Fact(name="segments", value="1"),)
        assert answer.status == "sent"


async def test_what_comes_back_from_the_provider_after_stop_is_not_tried_again(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """It was being sent when the customer said STOP, and the provider says: later."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(fake, FakeHandler(echo), config=easy, clock=clock, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        fake.hold()
        fake.fail_with(TryLater("busy", after=60))
        await carla.write("one")
        await fake.reached.wait()
        await carla.write("STOP", consent="out")
        await until(lambda: len(gw.gateway.incoming) == 0)
        fake.release()
        await gw.pass_time(400)
        assert fake.sent == []
        assert [m.status for m in await said(gw) if m.author == "bot"] == ["discarded"]


async def test_a_dead_letter_is_not_sent_again_after_stop(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Not even when an operator asks for all of them."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        fake.fail_with(Undeliverable("mailbox full"))
        await carla.say("one")
        await carla.say("STOP", consent="out")
        await gw.gateway.store.outbox.retry(None)
        await gw.gateway.scheduler.sweep()
        await gw.settled()
        assert fake.sent == []


async def test_a_link_does_not_take_consent_back(tmp_path: Path, easy: dict[str, Any]) -> None:
    """An address that said STOP stays silent when it turns out to be another customer's."""
    fake, phone = FakeChannel(), FakeChannel("phone")
    async with running(fake, phone, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("phone", "carla"), gw.desk_agent("ana")
        await gw.customer("fake", "carla").say("hello")
        await carla.say("STOP", consent="out")
        card = await gw.services.desk.link(1, carla.address, ana.agent)
        assert card.customer.opted_out
        await carla.say("where is my parcel?")
        await gw.services.desk.answer(1, ana.agent, "Shall I ring?", key="k", via=carla.address)
        await gw.settled()
        assert phone.tried == []


async def test_refused_words_are_not_fetched_either(tmp_path: Path, easy: dict[str, Any]) -> None:
    """Where customers fetch what was said, what a person could not send was not."""
    fake = FakeChannel(traits=Traits(mailbox=True))
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("STOP", consent="out")
        await ana.answer(await gw.services.desk.card(1), "Are you there?")
        assert await gw.services.mailbox.messages(carla.address) == ()
