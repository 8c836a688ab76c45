"""When a person takes the conversation the bot is silent, wherever its reply is at that moment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway import Agent, Conflict, Reply, Traits, Turn, Unsure
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from tests.conftest import until

from .conftest import Barrier, before, echo

ANA = Agent(id="desk:ana", name="Ana")
BEN = Agent(id="desk:ben", name="Ben")


class SlowHandler(FakeHandler):
    """Stops at a barrier from the second turn on."""

    def __init__(self) -> None:
        super().__init__(echo)
        self.barrier = Barrier()

    async def handle(self, turn: Turn) -> Reply | None:
        if self.turns:
            await self.barrier.stop()
        return await super().handle(turn)


async def claim(gw: RunningGateway, conversation: int, agent: Agent = ANA) -> Any:
    card = await gw.services.desk.card(conversation)
    return await gw.services.desk.claim(conversation, agent, epoch=card.conversation.epoch)


async def first_contact(gw: RunningGateway) -> int:
    """One answered message; gives the id of its conversation."""
    customer = gw.customer("fake", "carla")
    await customer.say("hello")
    [message] = await customer.messages()
    return message.conversation


@pytest.mark.parametrize("mailbox", [False, True])
async def test_claimed_while_the_handler_thinks(
    tmp_path: Path, easy: dict[str, Any], mailbox: bool
) -> None:
    """A reply composed in the old epoch is dropped; the message is kept and shown."""
    fake, slow = FakeChannel(traits=Traits(mailbox=mailbox)), SlowHandler()
    async with running(fake, slow, config=easy, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        carla = gw.customer("fake", "carla")
        await carla.write("one more thing")
        await slow.barrier.reached.wait()
        card = await claim(gw, conversation)
        slow.barrier.opened.set()
        await carla.listen()
        assert carla.heard == ["You said hello."]
        assert card.on_its_way == ()
        card = await gw.services.desk.card(conversation)
        assert [m.text for m in card.messages if m.author == "customer"] == [
            "hello",
            "one more thing",
        ]


async def test_claimed_between_composing_and_commit(tmp_path: Path, easy: dict[str, Any]) -> None:
    """The commit compares the epoch in its own transaction."""
    fake, barrier = FakeChannel(), Barrier()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        carla = gw.customer("fake", "carla")
        with before(gw.gateway.store.inbox, "commit", barrier):
            await carla.write("one more thing")
            await barrier.reached.wait()
            await claim(gw, conversation)
            barrier.opened.set()
            await gw.settled()
        assert [m.text for m in fake.sent] == ["You said hello."]


async def test_claimed_between_commit_and_delivery(tmp_path: Path, easy: dict[str, Any]) -> None:
    """A row that is ready, but not taken, is discarded by the claim."""
    fake, barrier = FakeChannel(), Barrier()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        carla = gw.customer("fake", "carla")
        with before(gw.gateway.store.outbox, "take", barrier):
            await carla.write("one more thing")
            await barrier.reached.wait()
            card = await claim(gw, conversation)
            barrier.opened.set()
            await gw.settled()
        assert [m.text for m in fake.sent] == ["You said hello."]
        assert card.on_its_way == ()
        states = [m.status for m in card.messages if m.author == "bot"]
        assert states == ["sent", "discarded"]


async def test_claimed_while_the_provider_has_it(tmp_path: Path, easy: dict[str, Any]) -> None:
    """What a provider may already have cannot be called back: the agent is told."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        fake.reached.clear()
        fake.hold()
        carla = gw.customer("fake", "carla")
        await carla.write("one more thing")
        await fake.reached.wait()
        card = await claim(gw, conversation)
        assert [m.text for m in card.on_its_way] == ["You said one more thing."]
        fake.release()
        await gw.settled()
        assert [m.text for m in fake.sent] == ["You said hello.", "You said one more thing."]
        lines = [m.text for m in (await gw.services.desk.card(conversation)).messages if m.internal]
        assert "Already on its way at that moment: “You said one more thing.”" in lines


async def test_a_reply_that_may_have_arrived_was_shown_as_called_back(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Cut off and waiting to be sent again: who claims is told that the customer may have it, and
    it is not called back, as nobody can do that. (The model found it: tests/model.)"""
    fake, clock = FakeChannel(traits=Traits(unsure="resend")), FakeClock()
    async with running(fake, FakeHandler(echo), config=easy, clock=clock, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        fake.fail_with(Unsure("the line was cut"))
        await gw.customer("fake", "carla").write("one more thing")
        await until(lambda: len(fake.tried) == 2)
        await gw.settled()
        card = await claim(gw, conversation)
        assert [m.text for m in card.on_its_way] == ["You said one more thing."]
        await clock.advance(600)
        await gw.settled()
        card = await gw.services.desk.card(conversation)
        assert [m.status for m in card.messages if m.author == "bot"] == ["sent", "unsure"]
        assert len(fake.tried) == 2


async def test_the_bot_is_silent_until_the_person_is_done(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """While a person has it the bot says nothing; after the hand-back it answers again."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        carla = gw.customer("fake", "carla")
        card = await claim(gw, conversation)
        await carla.say("are you there?")
        await gw.services.desk.answer(conversation, ANA, "Yes, I am Ana.", key="k1")
        await gw.settled()
        await gw.services.desk.hand_back(conversation, ANA, epoch=card.conversation.epoch)
        await carla.say("thanks")
        assert [m.text for m in fake.sent] == [
            "You said hello.",
            "Yes, I am Ana.",
            "You said thanks.",
        ]


async def test_two_claim_at_once_and_one_is_told(tmp_path: Path, easy: dict[str, Any]) -> None:
    """The slower of two people hears who has it."""
    async with running(FakeChannel(), FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        epoch = (await gw.services.desk.card(conversation)).conversation.epoch
        outcomes = await asyncio.gather(
            *(gw.services.desk.claim(conversation, who, epoch=epoch) for who in (ANA, BEN)),
            return_exceptions=True,
        )
        [conflict] = [one for one in outcomes if isinstance(one, Conflict)]
        [card] = [one for one in outcomes if not isinstance(one, BaseException)]
        assert card.conversation.owner is not None
        assert card.conversation.owner.name in str(conflict)


async def test_a_repeated_answer_is_one_message(tmp_path: Path, easy: dict[str, Any]) -> None:
    """The same key, twice submitted, is said once."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        for _ in range(2):
            await gw.services.desk.answer(conversation, ANA, "Hello Carla.", key="same")
        await gw.settled()
        assert [m.text for m in fake.sent] == ["You said hello.", "Hello Carla."]


async def test_a_note_never_leaves(tmp_path: Path, easy: dict[str, Any]) -> None:
    """A note is on the card and nowhere else."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        await gw.services.desk.note(conversation, ANA, "difficult case")
        await gw.settled()
        assert [m.text for m in fake.tried] == ["You said hello."]
        card = await gw.services.desk.card(conversation)
        assert "difficult case" in [m.text for m in card.messages if m.internal]


async def test_an_unclaimed_case_moves_up(tmp_path: Path) -> None:
    """Nobody claims it in time: the next tier gets it, with more pressure, once."""
    clock = FakeClock()
    async with running(FakeChannel(), clock=clock, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("I cannot make sense of this")
        [item] = await gw.services.desk.queue()
        assert (item.handoff.tier, item.conversation.state) == ("front", "waiting")
        await gw.pass_time(16 * 60)
        [item] = await gw.services.desk.queue()
        assert item.handoff.tier == "specialist"
        card = await gw.services.desk.claim(
            item.conversation.id, ANA, epoch=item.conversation.epoch
        )
        await gw.pass_time(24 * 3600)
        [item] = await gw.services.desk.queue()
        assert item.conversation.owner == ANA
        assert card.conversation.tier == "specialist"


async def test_what_waits_survives_a_restart(tmp_path: Path, easy: dict[str, Any]) -> None:
    """A gateway that stops before it handled a message handles it when it is back."""
    slow = SlowHandler()
    fake = FakeChannel()
    config = {**easy, "worker": {"drain": 0.0}}
    async with running(fake, slow, config=config, tmp_path=tmp_path) as gw:
        await first_contact(gw)
        await gw.customer("fake", "carla").write("one more thing")
        await slow.barrier.reached.wait()
    again = FakeChannel()
    async with running(again, FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        await until(lambda: again.sent)
        assert [m.text for m in again.sent] == ["You said one more thing."]


async def test_an_answer_that_is_repeated_later_opens_nothing(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """A client, or Slack, that submits it again when the case is closed long since."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        first = await gw.services.desk.answer(conversation, ANA, "Hello Carla.", key="same")
        await gw.settled()
        now = (await gw.services.desk.card(conversation)).conversation
        await gw.services.desk.resolve(conversation, ANA, epoch=now.epoch)
        again = await gw.services.desk.answer(conversation, ANA, "Hello Carla.", key="same")
        assert (again.turn, again.duplicate) == (first.turn, True)
        assert (await gw.services.desk.card(conversation)).conversation.state == "resolved"
