"""The bot is silent while an agent has the customer, whichever conversation its reply belongs to;
what the customer wrote meanwhile is kept."""

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


class HeldHandler(FakeHandler):
    """Waits at its barrier when the customer writes ``slow``."""

    def __init__(self) -> None:
        super().__init__(echo)
        self.barrier = Barrier()

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.message.text == "slow":
            await self.barrier.stop()
        return await super().handle(turn)


async def claim(gw: RunningGateway, conversation: int) -> int:
    """Ana claims it; returns the new epoch."""
    now = (await gw.services.desk.card(conversation)).conversation
    card = await gw.services.desk.claim(conversation, ANA, epoch=now.epoch)
    return card.conversation.epoch


async def test_no_new_conversation_begins_beside_a_claimed_one(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """After a day a message begins a new conversation, unless an agent claims the old one while
    the handler runs."""
    fake, held = FakeChannel(), HeldHandler()
    async with running(fake, held, config=answer_all, clock=FakeClock(), tmp_path=tmp_path) as gw:
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
    """Sends a survey one minute after the case is resolved."""
    if turn.kind == "event":
        alarm = Timer(name="ask", due_at=turn.at + timedelta(seconds=60))
        return Reply(purpose="notice", timers=(alarm,))
    if turn.kind == "timer":
        return Reply(body=("How was it?",), purpose="survey", survey=SurveyQuestion())
    return echo(turn)


@pytest.mark.parametrize("claimed", [True, False])
async def test_no_survey_about_an_old_case_during_a_new_one(
    tmp_path: Path, answer_all: dict[str, Any], claimed: bool
) -> None:
    """The customer wrote again before the survey of the old case was due."""
    fake = FakeChannel()
    async with running(
        fake, FakeHandler(asks_later), config=answer_all, clock=FakeClock(), tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        await gw.services.desk.resolve(1, ANA, epoch=await claim(gw, 1))
        await carla.say("again")
        if claimed:
            await claim(gw, 2)
        await gw.pass_time(120)
        assert [m.text for m in fake.sent] == ["You said hello.", "You said again."]


class SurveyHandler(HeldHandler):
    """Sends a survey at once; reads ``slow`` as a score of 5 and an opt-out."""

    def read_answer(self, turn: Turn) -> SurveyAnswer | None:
        return SurveyAnswer(score=5, opt_out=True) if turn.message.text == "slow" else None

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind == "event":
            return Reply(body=("How was it?",), purpose="survey", survey=SurveyQuestion())
        return await super().handle(turn)


async def test_a_survey_answer_counts_although_an_agent_claims(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The score and the opt-out are stored although the bot's reply is dropped."""
    fake, held = FakeChannel(), SurveyHandler()
    async with running(fake, held, config=answer_all, tmp_path=tmp_path) as gw:
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


async def test_a_timer_can_bring_a_person(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """A handler may escalate when its timer is due."""

    def gives_up(turn: Turn) -> Reply | None:
        if turn.kind == "timer":
            why = Reason(code="no_news", detail="nothing came in")
            return Reply(body=("A person will look.",), purpose="handover", escalate=(why,))
        alarm = Timer(name="look", due_at=turn.at + timedelta(seconds=60))
        return Reply(body=("I wait.",), timers=(alarm,))

    fake = FakeChannel()
    async with running(
        fake, FakeHandler(gives_up), config=answer_all, clock=FakeClock(), tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("hello")
        await gw.pass_time(120)
        assert [m.text for m in fake.sent] == ["I wait.", "A person will look."]
        [item] = await gw.services.desk.queue()
        assert item.conversation.state == "waiting"
        assert [reason.code for reason in item.handoff.reasons] == ["no_news"]
