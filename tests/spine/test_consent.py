"""A customer who opted out gets no message: no answer, no follow-up, nothing from an agent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any
from zoneinfo import ZoneInfo

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
from gateway.pipeline.turn import prepare_readers
from gateway.routing import opt_out
from gateway.support import statements
from gateway.support.statements import asked_for, claims_in, facts_told, promises_in
from gateway.support.statements.phrases import PHRASE_LANGUAGES
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until

from .conftest import echo


async def all_messages(gw: RunningGateway) -> list[Message]:
    """All messages of the conversation with Carla, system lines included."""
    [row] = await gw.services.desk.queue() or [None]
    card = await gw.services.desk.card(row.conversation.id if row else 1)
    return list(card.messages)


def lines(messages: list[Message]) -> list[str]:
    return [m.text for m in messages if m.author == "system"]


async def test_stop_is_kept_shown_and_never_answered(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The agent reads STOP and its meaning; the customer gets nothing."""
    fake, handler = FakeChannel(), FakeHandler(echo)
    async with running(fake, handler, config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("STOP", consent="out")
        assert (fake.sent, handler.turns) == ([], [])
        [stop, note] = await all_messages(gw)
        assert (stop.text, stop.route and stop.route.reasons[0].code) == ("STOP", "opted_out")
        assert note.text == "The customer asked for no more messages at this address"
        assert (await gw.services.desk.card(1)).customer.opted_out


async def test_queued_replies_are_discarded_after_stop(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Neither a reply that waits for a retry nor the one behind it is sent."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(
        fake, FakeHandler(echo), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        fake.fail_with(TryLater("busy", after=60))
        await carla.say("one")
        await carla.say("two")
        fake.fail_with(TryLater("busy", after=60))
        await dora.say("mine")
        await carla.say("STOP", consent="out")
        await gw.pass_time(400)
        assert [m.text for m in fake.sent] == ["You said mine."]
        states = [m.status for m in await all_messages(gw) if m.author == "bot"]
        assert states == ["discarded", "discarded"]


async def test_a_later_message_brings_an_agent_who_cannot_answer_there(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The bot is silent, the agent sees why, and the agent's answer shows as not sent."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("STOP", consent="out")
        await carla.say("where is my parcel?")
        card = await ana.next_card()
        assert card.handoff is not None
        assert card.handoff.reasons[0].code == "opted_out"
        card = await ana.claim(card)
        await ana.answer(card, "It comes tomorrow.")
        assert fake.tried == []
        mine = [m for m in await all_messages(gw) if m.author == "agent"]
        assert [(m.text, m.status) for m in mine] == [("It comes tomorrow.", "failed")]
        assert mine[0].detail == "the customer asked for no more messages at this address"
        assert f"Not sent: {mine[0].detail}" in lines(await all_messages(gw))


async def test_start_opts_in_again(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """START is not answered; the next message is."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("STOP", consent="out")
        await carla.say("YES", consent="in")
        assert fake.sent == []
        assert not (await gw.services.desk.card(1)).customer.opted_out
        await carla.say("hello")
        assert [m.text for m in fake.sent] == ["You said hello."]


async def test_yes_is_an_ordinary_message_without_an_opt_out(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """YES from a customer who never opted out is answered."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("YES", consent="in")
        assert [m.text for m in fake.sent] == ["You said YES."]


async def test_a_word_that_the_provider_answered_gets_no_second_answer(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """HELP is stored and shown."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("HELP", answered=True)
        assert fake.sent == []
        assert lines(await all_messages(gw)) == ["The provider answers this word by itself"]


async def test_an_opt_out_counts_for_one_address(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Another customer and another channel still get answers."""
    fake, other = FakeChannel(), FakeChannel("other")
    async with running(fake, other, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("STOP", consent="out")
        await gw.customer("fake", "dora").say("hello")
        await gw.customer("other", "carla").say("hello")
        assert [m.address.value for m in (*fake.sent, *other.sent)] == ["dora", "carla"]


async def test_a_stop_while_a_person_claims_still_counts(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """STOP counts also while an agent has the conversation."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("hello")
        card = await ana.claim(await gw.services.desk.card(1))
        await carla.say("STOP", consent="out")
        await ana.answer(card, "Are you there?")
        assert [m.text for m in fake.sent] == ["You said hello."]


def asks_later(turn: Turn) -> Reply | None:
    """Answers, and sends a survey a minute later."""
    if turn.kind == "timer":
        return Reply(body=("How was it?",), purpose="survey", survey=SurveyQuestion())
    if turn.kind != "message":
        return None
    alarm = Timer(name="ask", due_at=turn.at + timedelta(seconds=60))
    return Reply(body=("Done.",), timers=(alarm,))


async def test_no_follow_up_after_stop(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """A timer that was set before STOP sends nothing."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(
        fake, FakeHandler(asks_later), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        await carla.say("STOP", consent="out")
        await gw.pass_time(120)
        assert [m.text for m in fake.sent] == ["Done."]
        assert await gw.services.desk.queue() == ()


async def test_an_opt_out_known_to_the_provider_counts(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """After one refusal for that reason nothing is sent, and the agent sees why."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        fake.fail_with(Undeliverable("opted out", unreachable=True, opted_out=True))
        await carla.say("one")
        await carla.say("two")
        assert [m.text for m in fake.tried] == ["You said one."]
        assert "A message could not be delivered: opted out" in lines(await all_messages(gw))
        assert (await gw.services.desk.card(1)).customer.opted_out


@pytest.mark.parametrize("opted_out", [True, False])
async def test_a_failed_receipt_brings_a_person_once(
    opted_out: bool, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The provider accepted a message and could not deliver it."""
    fake, handler = FakeChannel(), FakeHandler(echo)
    async with running(fake, handler, config=answer_all, tmp_path=tmp_path) as gw:
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
        failures = [t for t in lines(await all_messages(gw)) if "phone is off" in t]
        assert failures == ["A message was not delivered: the phone is off"]
        [item] = await gw.services.desk.queue()
        assert item.customer.opted_out is opted_out


class Priced(FakeChannel):
    """Reports the segments of a message."""

    async def send(self, message: Outbound) -> Sent:
        sent = await super().send(message)
        return sent.replace(facts=(Fact(name="segments", value="1"),))


async def test_facts_of_the_channel_are_stored_with_the_message(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The message has the segments that the channel reported."""
    async with running(Priced(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        [answer] = await until(carla.messages)
        assert answer.facts == (Fact(name="segments", value="1"),)
        assert answer.status == "sent"


async def test_a_send_that_fails_after_stop_is_not_retried(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """It was being sent when the customer wrote STOP, and the provider is busy."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(
        fake, FakeHandler(echo), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
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
        assert [m.status for m in await all_messages(gw) if m.author == "bot"] == ["discarded"]


async def test_a_dead_letter_is_not_sent_again_after_stop(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Not even when an operator retries all dead letters."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        fake.fail_with(Undeliverable("mailbox full"))
        await carla.say("one")
        await carla.say("STOP", consent="out")
        await gw.gateway.store.outbox.retry(None)
        await gw.gateway.scheduler.sweep()
        await gw.settled()
        assert fake.sent == []


async def test_a_link_keeps_the_opt_out(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """An address that opted out stays so when it is linked to another customer."""
    fake, phone = FakeChannel(), FakeChannel("phone")
    async with running(fake, phone, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("phone", "carla"), gw.desk_agent("ana")
        await gw.customer("fake", "carla").say("hello")
        await carla.say("STOP", consent="out")
        card = await gw.services.desk.link(1, carla.address, ana.agent)
        assert card.customer.opted_out
        await carla.say("where is my parcel?")
        await gw.services.desk.answer(1, ana.agent, "Shall I ring?", key="k", via=carla.address)
        await gw.settled()
        assert phone.tried == []


async def test_an_unsent_answer_is_not_in_the_mailbox(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A customer who fetches messages does not see what the agent could not send."""
    fake = FakeChannel(traits=Traits(mailbox=True))
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("STOP", consent="out")
        await ana.answer(await gw.services.desk.card(1), "Are you there?")
        assert await gw.services.mailbox.messages(carla.address) == ()


def _cached_functions() -> list[Any]:
    """Those of the modules that read what messages state."""
    names = [each.name for each in iter_modules(statements.__path__, f"{statements.__name__}.")]
    modules = [opt_out, *map(import_module, names)]
    return [
        each
        for module in modules
        for each in vars(module).values()
        if hasattr(each, "cache_info") and each.__module__ == module.__name__
    ]


async def test_the_first_message_compiles_no_patterns() -> None:
    """They are compiled while the server starts: it would hold up every conversation."""
    cached = _cached_functions()
    for each in cached:
        each.cache_clear()
    await prepare_readers()
    patterns = [each for each in cached if each.cache_parameters()["maxsize"] is None]
    compiled = [each.cache_info().misses for each in patterns]
    at, zone = datetime(2026, 3, 2, tzinfo=UTC), ZoneInfo("UTC")
    assert opt_out.asks_for_no_messages("Please stop writing to me.")
    assert asked_for("Wie lautet Ihre Bestellnummer?", "de")
    assert facts_told("My order is W-48120.", "en")
    assert facts_told("Il mio ordine è W-48120, via Roma 12.", "it")
    for language in PHRASE_LANGUAGES:
        claims_in("I have refunded it.", language)
        promises_in("I call you tomorrow at 9:30.", language, at, zone)
    assert [each.cache_info().misses for each in patterns] == compiled
