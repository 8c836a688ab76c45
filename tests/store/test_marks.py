"""Labels and snoozes: seen by everybody, ended by time or an answer, whole after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway import (
    Address,
    Agent,
    Conflict,
    ContextCard,
    NotAccepted,
    Reason,
    Reply,
    Turn,
)
from gateway.adapters.sql.schema import conversation_labels
from gateway.testing import (
    FakeChannel,
    FakeClock,
    FakeHandler,
    RunningGateway,
    SimulatedAgent,
    running,
)
from tests.conftest import until

BEN = Agent(id="desk:ben", name="Ben")
MINUTE = 60.0
Opened = AbstractAsyncContextManager[RunningGateway]


def hand_over(turn: Turn) -> Reply | None:
    """Every message goes to a person; one about harm with that reason."""
    code = "harm" if "hurt" in turn.message.text else "asked_for_person"
    return Reply(body=("A colleague will answer.",), escalate=(Reason(code=code),))


def gateway_in(folder: Path, clock: FakeClock) -> Opened:
    policy = folder / "policy.yaml"
    policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    return running(
        FakeChannel(),
        FakeHandler(hand_over),
        config={"policy": str(policy)},
        tmp_path=folder,
        clock=clock,
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def gw(tmp_path: Path, stored_in: str, clock: FakeClock) -> AsyncIterator[RunningGateway]:
    async with gateway_in(tmp_path, clock) as found:
        yield found


async def claimed(
    gw: RunningGateway, name: str = "ana", said: str = "I want to talk to a person"
) -> tuple[SimulatedAgent, ContextCard]:
    """Ben has the conversation of the customer ``name``."""
    await gw.customer("fake", name).say(said)
    ben = gw.desk_agent("ben")
    return ben, await ben.claim()


async def in_queue(gw: RunningGateway) -> list[int]:
    return [item.conversation.id for item in await gw.services.desk.queue()]


async def comes_back(gw: RunningGateway, *ids: int) -> bool:
    """Whether the queue is soon ``ids``: the gateway itself fires the timer as well."""

    async def is_there() -> bool:
        return await in_queue(gw) == [*ids]

    return await until(is_there)


async def lines(gw: RunningGateway, conversation: int) -> list[str]:
    card = await gw.services.desk.card(conversation)
    return [message.text for message in card.messages if message.author == "system"]


async def snoozed(gw: RunningGateway, minutes: float | None = 1) -> int:
    """A conversation that Ben snoozed for ``minutes``."""
    ben, card = await claimed(gw)
    end = None if minutes is None else gw.clock.now() + timedelta(minutes=minutes)
    conversation = card.conversation
    await gw.services.desk.snooze(conversation.id, ben.agent, until=end, epoch=conversation.epoch)
    return conversation.id


async def test_labels_are_put_on_and_taken_off(gw: RunningGateway) -> None:
    """In alphabetical order, twice does no harm, and the table of labels says the same."""
    _, card = await claimed(gw)
    id = card.conversation.id
    desk = gw.services.desk
    await desk.label(id, BEN, add=("refund", "b2b"))
    found = await desk.label(id, BEN, add=("b2b", "angry"), remove=("refund", "unknown"))
    assert found.labels == ("angry", "b2b")
    card = await desk.card(id)
    assert card.conversation.labels == ("angry", "b2b")
    assert (await desk.queue())[0].conversation.labels == ("angry", "b2b")
    rows = select(conversation_labels.c.label).order_by(conversation_labels.c.label)
    stored = await gw.gateway.database.read(lambda c: c.execute(rows).scalars().all())
    assert stored == ["angry", "b2b"]


async def test_a_label_is_a_key(gw: RunningGateway) -> None:
    """Anything else is refused, and says how to write it."""
    _, card = await claimed(gw)
    for key in ("", "Refund", "two words", "-a", "é", "x" * 49):
        with pytest.raises(NotAccepted, match="small letters"):
            await gw.services.desk.label(card.conversation.id, BEN, add=(key,))


async def test_a_conversation_has_few_labels(gw: RunningGateway) -> None:
    """More than 20 would hide one another."""
    _, card = await claimed(gw)
    with pytest.raises(NotAccepted, match="20"):
        await gw.services.desk.label(card.conversation.id, BEN, add=[f"l{n}" for n in range(21)])


async def test_a_snoozed_conversation_leaves_the_queue_until_its_time(gw: RunningGateway) -> None:
    """Then it is back before the others that Ben has, with a line, at the same epoch."""
    id = await snoozed(gw)
    before = (await gw.services.desk.card(id)).conversation
    _, urgent = await claimed(gw, "zoe", "A person, please")
    assert await in_queue(gw) == [urgent.conversation.id]
    assert before.snoozed_until == gw.clock.now() + timedelta(minutes=1)
    assert before.snoozed_by == "desk:ben"
    await gw.pass_time(MINUTE - 1)
    assert await in_queue(gw) == [urgent.conversation.id]
    await gw.pass_time(2)
    assert await comes_back(gw, id, urgent.conversation.id)
    after = (await gw.services.desk.card(id)).conversation
    assert after.snoozed_until is None
    assert after.woken_at is not None
    assert (after.epoch, after.owner) == (before.epoch, before.owner)
    assert (await lines(gw, id))[-2:] == [
        "Ben snoozed the conversation until Mon 02 Mar 2026, 10:01 (UTC)",
        "Back from the snooze: its time is up",
    ]


async def test_the_customer_ends_the_snooze(gw: RunningGateway) -> None:
    """By the next message, and the timer then changes nothing any more."""
    id = await snoozed(gw)
    await gw.customer("fake", "ana").say("One more thing")
    assert await in_queue(gw) == [id]
    await gw.pass_time(2 * MINUTE)
    assert (await lines(gw, id))[-1] == "Back from the snooze: the customer wrote"


async def test_a_machine_does_not_end_the_snooze(gw: RunningGateway) -> None:
    """An out-of-office reply is no answer."""
    await snoozed(gw)
    await gw.customer("fake", "ana").say("I am away until Monday", automatic=True)
    assert await in_queue(gw) == []


async def test_a_snooze_until_an_answer_ends_after_a_month(gw: RunningGateway) -> None:
    """So that nobody is forgotten."""
    id = await snoozed(gw, minutes=None)
    found = (await gw.services.desk.card(id)).conversation
    assert found.snoozed_until == gw.clock.now() + timedelta(days=30)


async def test_a_snooze_that_ends_while_nothing_runs(
    tmp_path: Path, stored_in: str, clock: FakeClock
) -> None:
    """The next start finds it due."""
    async with gateway_in(tmp_path, clock) as gw:
        id = await snoozed(gw)
    await clock.advance(2 * MINUTE)
    async with gateway_in(tmp_path, clock) as gw:
        await gw.pass_time(1)
        assert await comes_back(gw, id)


async def test_a_later_snooze_replaces_the_first(gw: RunningGateway) -> None:
    """The first one's timer does not end it."""
    id = await snoozed(gw)
    desk = gw.services.desk
    card = await desk.card(id)
    until = gw.clock.now() + timedelta(minutes=3)
    await desk.snooze(id, BEN, until=until, epoch=card.conversation.epoch)
    await gw.pass_time(2 * MINUTE)
    assert await in_queue(gw) == []
    await gw.pass_time(MINUTE)
    assert await comes_back(gw, id)


async def test_whoever_snoozed_it_wakes_it(gw: RunningGateway) -> None:
    """It is then an ordinary conversation; waking it twice changes nothing."""
    id = await snoozed(gw)
    epoch = (await gw.services.desk.card(id)).conversation.epoch
    for _ in range(2):
        awake = await gw.services.desk.wake(id, BEN, epoch=epoch)
        assert (awake.snoozed_until, awake.woken_at) == (None, None)
    assert await in_queue(gw) == [id]
    assert (await lines(gw, id)).count("Ben ended the snooze") == 1


async def test_whoever_gets_it_next_sees_it(gw: RunningGateway) -> None:
    """Another state ends the snooze, and its timer then changes nothing."""
    desk: Any = gw.services.desk
    end = gw.clock.now() + timedelta(minutes=1)
    ids = []
    for act in ("resolve", "hand_back", "transfer", "claim"):
        await gw.customer("fake", act).say("A person, please")
        waiting = next(i for i in await desk.queue() if i.conversation.address.value == act)
        card = await gw.desk_agent("ben").claim(await desk.card(waiting.conversation.id))
        id, epoch = card.conversation.id, card.conversation.epoch
        await desk.snooze(id, BEN, until=end, epoch=epoch)
        more = {"tier": "specialist"} if act == "transfer" else {}
        await getattr(desk, act)(id, Agent(id="desk:cy", name="Cy"), epoch=epoch, **more)
        assert (await desk.card(id)).conversation.snoozed_until is None
        ids.append(id)
    await gw.pass_time(2 * MINUTE)
    assert [line for id in ids for line in await lines(gw, id) if "Back" in line] == []


async def test_an_answer_ends_the_place_on_top(gw: RunningGateway) -> None:
    """The agent has seen it; but an answer on its way does not end the snooze itself."""
    id = await snoozed(gw)
    ben = gw.desk_agent("ben")
    await ben.answer(await gw.services.desk.card(id), "I will look again later")
    assert (await gw.services.desk.card(id)).conversation.snoozed_until is not None
    await gw.pass_time(2 * MINUTE)
    assert await comes_back(gw, id)
    await ben.answer(await gw.services.desk.card(id), "It fits")
    assert (await gw.services.desk.card(id)).conversation.woken_at is None


async def test_only_who_has_it_may_snooze(gw: RunningGateway) -> None:
    """One that waits keeps its claim time and its alarm; a stale page changes nothing."""
    await gw.customer("fake", "ana").say("I want to talk to a person")
    desk = gw.services.desk
    [item] = await desk.queue()
    until = gw.clock.now() + timedelta(minutes=1)
    waiting = item.conversation
    with pytest.raises(Conflict, match="claim it first"):
        await desk.snooze(waiting.id, BEN, until=until, epoch=waiting.epoch)
    held = (await gw.desk_agent("cy").claim()).conversation
    with pytest.raises(Conflict, match="Cy has this"):
        await desk.snooze(held.id, BEN, until=until, epoch=held.epoch)
    with pytest.raises(Conflict, match="faster"):
        await desk.snooze(held.id, BEN, until=until, epoch=waiting.epoch)


async def test_harm_cannot_be_snoozed(gw: RunningGateway) -> None:
    """Whoever has it must see it."""
    ben, card = await claimed(gw, said="I will get hurt")
    conversation, desk = card.conversation, gw.services.desk
    until = gw.clock.now() + timedelta(minutes=1)
    with pytest.raises(NotAccepted, match="harm"):
        await desk.snooze(conversation.id, ben.agent, until=until, epoch=conversation.epoch)
    assert conversation.id in await in_queue(gw)


async def test_a_snooze_ends_in_the_future(gw: RunningGateway) -> None:
    """And within a year."""
    ben, card = await claimed(gw)
    id, epoch = card.conversation.id, card.conversation.epoch
    for days, why in ((0, "future"), (-1, "future"), (400, "a year")):
        end = gw.clock.now() + timedelta(days=days)
        with pytest.raises(NotAccepted, match=why):
            await gw.services.desk.snooze(id, ben.agent, until=end, epoch=epoch)


async def test_an_export_has_the_marks_and_an_erasure_takes_them(gw: RunningGateway) -> None:
    """Nothing is left of them."""
    id = await snoozed(gw)
    await gw.services.desk.label(id, BEN, add=("refund",))
    ana = Address(channel="fake", value="ana")
    exported: Any = await gw.gateway.customer_data.export(ana)
    assert exported["conversation_labels"] == [{"conversation_id": id, "label": "refund"}]
    assert exported["conversations"][0]["snoozed_by"] == "desk:ben"
    await gw.gateway.customer_data.erase(ana)
    left = await gw.gateway.database.read(lambda c: c.execute(select(conversation_labels)).all())
    assert left == []
