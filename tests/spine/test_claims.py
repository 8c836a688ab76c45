"""When an agent claims a conversation the bot's reply is dropped, wherever it is at that moment."""

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
    """Waits at a barrier from the second turn on."""

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
    """One answered message; returns the id of its conversation."""
    customer = gw.customer("fake", "carla")
    await customer.say("hello")
    [message] = await customer.messages()
    return message.conversation


@pytest.mark.parametrize("mailbox", [False, True])
async def test_claim_while_the_handler_runs_drops_the_reply(
    tmp_path: Path, answer_all: dict[str, Any], mailbox: bool
) -> None:
    """A reply of the old epoch is dropped; the customer's message is kept and shown."""
    fake, slow = FakeChannel(traits=Traits(mailbox=mailbox)), SlowHandler()
    async with running(fake, slow, config=answer_all, tmp_path=tmp_path) as gw:
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


async def test_claim_before_the_commit_drops_the_reply(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The commit compares the epoch in its transaction."""
    fake, barrier = FakeChannel(), Barrier()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        carla = gw.customer("fake", "carla")
        with before(gw.gateway.store.inbox, "commit", barrier):
            await carla.write("one more thing")
            await barrier.reached.wait()
            await claim(gw, conversation)
            barrier.opened.set()
            await gw.settled()
        assert [m.text for m in fake.sent] == ["You said hello."]


async def test_claim_before_the_delivery_discards_the_reply(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The claim discards an outbox row that is ready but not being sent."""
    fake, barrier = FakeChannel(), Barrier()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
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


async def test_claim_during_the_send_shows_the_reply_as_on_its_way(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """What a provider may already have cannot be recalled: the agent sees it."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
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


async def test_claim_keeps_a_reply_that_may_have_arrived_as_unsure(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A reply whose send was cut off waits for a retry: the agent sees that the customer may have
    it, and it stays unsure. (Found by tests/model.)"""
    fake, clock = FakeChannel(traits=Traits(unsure="resend")), FakeClock()
    async with running(
        fake, FakeHandler(echo), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        conversation = await first_contact(gw)
        fake.fail_with(Unsure("the connection was lost"))
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


async def test_the_bot_is_silent_until_the_hand_back(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """While an agent has the conversation the bot says nothing; after the hand-back it answers."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
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


async def test_the_second_of_two_claims_raises_a_conflict(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The conflict names the agent who has the conversation."""
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:
        conversation = await first_contact(gw)
        epoch = (await gw.services.desk.card(conversation)).conversation.epoch
        outcomes = await asyncio.gather(
            *(gw.services.desk.claim(conversation, agent, epoch=epoch) for agent in (ANA, BEN)),
            return_exceptions=True,
        )
        [conflict] = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
        [card] = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        assert card.conversation.owner is not None
        assert card.conversation.owner.name in str(conflict)


async def test_a_repeated_answer_is_one_message(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """An answer submitted twice with the same key is sent once."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        for _ in range(2):
            await gw.services.desk.answer(conversation, ANA, "Hello Carla.", key="same")
        await gw.settled()
        assert [m.text for m in fake.sent] == ["You said hello.", "Hello Carla."]


async def test_a_note_is_never_sent(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """A note appears on the card only."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        await gw.services.desk.note(conversation, ANA, "difficult case")
        await gw.settled()
        assert [m.text for m in fake.tried] == ["You said hello."]
        card = await gw.services.desk.card(conversation)
        assert "difficult case" in [m.text for m in card.messages if m.internal]


async def test_an_unclaimed_case_moves_up(tmp_path: Path) -> None:
    """Unclaimed in time, a case moves to the next tier, once."""
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


async def test_an_unhandled_message_survives_a_restart(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A gateway that stopped before it handled a message handles it after the restart."""
    slow = SlowHandler()
    fake = FakeChannel()
    config = {**answer_all, "worker": {"drain": 0.0}}
    async with running(fake, slow, config=config, tmp_path=tmp_path) as gw:
        await first_contact(gw)
        await gw.customer("fake", "carla").write("one more thing")
        await slow.barrier.reached.wait()
    again = FakeChannel()
    async with running(again, FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        await until(lambda: again.sent)
        assert [m.text for m in again.sent] == ["You said one more thing."]


async def test_an_answer_repeated_after_the_resolution_opens_nothing(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A client, or Slack, may submit an answer again after the case is closed."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        conversation = await first_contact(gw)
        first = await gw.services.desk.answer(conversation, ANA, "Hello Carla.", key="same")
        await gw.settled()
        now = (await gw.services.desk.card(conversation)).conversation
        await gw.services.desk.resolve(conversation, ANA, epoch=now.epoch)
        again = await gw.services.desk.answer(conversation, ANA, "Hello Carla.", key="same")
        assert (again.turn, again.duplicate) == (first.turn, True)
        assert (await gw.services.desk.card(conversation)).conversation.state == "resolved"
