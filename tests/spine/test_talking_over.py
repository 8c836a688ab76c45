"""The bot is silent where a person has the customer, whatever conversation it began in; and what a
customer said meanwhile is not lost with the bot's words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import Agent, Reason, Reply, SurveyAnswer, SurveyQuestion, Timer, Turn
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running

from .conftest import Barrier, echo

ANA = Agent(id="desk:ana", name="Ana")
DAY = 24 * 3600


class Held(FakeHandler):
    """Stops at its barrier when the customer writes ``slow``."""

    def __init__(self) -> None:
        super().__init__(echo)
        self.barrier = Barrier()

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.message.text == "slow":
            await self.barrier.stop()
        return await super().handle(turn)


async def claim(gw: RunningGateway, conversation: int) -> int:
    """Ana takes it; gives the epoch since."""
    now = (await gw.services.desk.card(conversation)).conversation
    card = await gw.services.desk.claim(conversation, ANA, epoch=now.epoch)
    return card.conversation.epoch


async def test_no_second_conversation_begins_beside_a_persons(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """After a day a message begins a new conversation; not when a person took the old one while
    the bot was thinking."""
    fake, held = FakeChannel(), Held()
    async with running(fake, held, config=easy, clock=FakeClock(), tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        await gw.pass_time(2 * DAY)
        await carla.write("slow")
        await held.barrier.reached.wait()
        await claim(gw, 1)
        held.barrier.opened.set()
        await gw.settled()
        assert [m.text for m in fake.sent] == ["You said hello."]
        card = await gw.services.desk.card(1)
        assert [m.text for m in card.messages if m.author == "customer"] == ["hello", "slow"]


def asks_later(turn: Turn) -> Reply | None:
    """A minute after a person closed the case, asks how it was."""
    if turn.kind == "event":
        alarm = Timer(name="ask", due_at=turn.at + timedelta(seconds=60))
        return Reply(purpose="notice", timers=(alarm,))
    if turn.kind == "timer":
        return Reply(body=("How was it?",), purpose="survey", survey=SurveyQuestion())
    return echo(turn)


@pytest.mark.parametrize("claimed", [True, False])
async def test_no_question_about_an_old_case_in_the_middle_of_a_new_one(
    tmp_path: Path, easy: dict[str, Any], claimed: bool
) -> None:
    """The customer came again: the old case's question would fall into the new one."""
    fake = FakeChannel()
    async with running(
        fake, FakeHandler(asks_later), config=easy, clock=FakeClock(), tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        await gw.services.desk.resolve(1, ANA, epoch=await claim(gw, 1))
        await carla.say("again")
        if claimed:
            await claim(gw, 2)
        await gw.pass_time(120)
        assert [m.text for m in fake.sent] == ["You said hello.", "You said again."]


class Surveyed(Held):
    """Asks as soon as a case is closed; reads a 5, and ``slow`` as `no more`."""

    def read_answer(self, turn: Turn) -> SurveyAnswer | None:
        return SurveyAnswer(score=5, opt_out=True) if turn.message.text == "slow" else None

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind == "event":
            return Reply(body=("How was it?",), purpose="survey", survey=SurveyQuestion())
        return await super().handle(turn)


async def test_an_answer_counts_although_a_person_takes_over(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """The stars and the wish to be asked no more are kept when the bot's thanks are dropped."""
    fake, held = FakeChannel(), Surveyed()
    async with running(fake, held, config=easy, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        await gw.services.desk.resolve(1, ANA, epoch=await claim(gw, 1))
        await gw.settled()
        await carla.write("slow")
        await held.barrier.reached.wait()
        await claim(gw, 1)
        held.barrier.opened.set()
        await gw.settled()
        assert [m.text for m in fake.sent] == ["You said hello.", "How was it?"]
        assert (await gw.gateway.store.queries.earlier(1))[0].score == 5
        assert (await gw.services.desk.card(1)).customer.opted_out


async def test_an_alarm_can_bring_a_person(tmp_path: Path, easy: dict[str, Any]) -> None:
    """A handler that hands over when its timer rings does hand over."""

    def gives_up(turn: Turn) -> Reply | None:
        if turn.kind == "timer":
            why = Reason(code="no_news", detail="nothing came in")
            return Reply(body=("A person will look.",), purpose="handover", escalate=(why,))
        alarm = Timer(name="look", due_at=turn.at + timedelta(seconds=60))
        return Reply(body=("I wait.",), timers=(alarm,))

    fake = FakeChannel()
    async with running(
        fake, FakeHandler(gives_up), config=easy, clock=FakeClock(), tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("hello")
        await gw.pass_time(120)
        assert [m.text for m in fake.sent] == ["I wait.", "A person will look."]
        [item] = await gw.services.desk.queue()
        assert item.conversation.state == "waiting"
        assert [reason.code for reason in item.handoff.reasons] == ["no_news"]
