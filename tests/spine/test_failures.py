"""Nothing is lost: what fails goes to a person, and the customer is told so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import Reply, Sent, Traits, TryLater, Turn, Undeliverable, Unsure
from gateway.services.answering import LAST_RESORT
from gateway.testing import FakeChannel, FakeClock, FakeHandler, Running, running
from tests.conftest import until

from .conftest import echo


def raises(turn: Turn) -> Reply | None:
    raise RuntimeError("broken")


def nonsense(turn: Turn) -> Any:
    return "just words"


def empty(turn: Turn) -> Reply | None:
    return Reply()


class Hanging(FakeHandler):
    """Never answers."""

    async def handle(self, turn: Turn) -> Reply | None:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize(
    ("handler", "what"),
    [
        (FakeHandler(raises), "raised RuntimeError"),
        (FakeHandler(nonsense), "no reply"),
        (FakeHandler(empty), "no reply"),
        (Hanging(echo), "took longer"),
        (FakeHandler(lambda turn: None), "no handler had an answer"),
    ],
    ids=["raises", "nonsense", "empty", "hangs", "nobody answers"],
)
async def test_a_failing_handler_brings_a_person(
    handler: FakeHandler, what: str, tmp_path: Path, easy: dict[str, Any]
) -> None:
    """The customer hears an honest line, the agent sees why."""
    config = {**easy, "worker": {"handler_timeout": 0.1}}
    async with running(FakeChannel(), handler, config=config, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == list(LAST_RESORT.body)
        [item] = await gw.house.desk.queue()
        assert what in item.handoff.reasons[0].detail


async def test_order_holds_in_a_conversation_and_others_do_not_wait(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """One slow handler delays one conversation."""
    gate = asyncio.Event()

    class SlowForCarla(FakeHandler):
        async def handle(self, turn: Turn) -> Reply | None:
            if turn.message.text == "slow":
                await gate.wait()
            return await super().handle(turn)

    fake = FakeChannel()
    async with running(fake, SlowForCarla(echo), config=easy, tmp_path=tmp_path) as gw:
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        for text in ("slow", "second", "third"):
            await carla.write(text)
        await dora.write("quick")
        await until(lambda: fake.sent)
        assert [m.text for m in fake.sent] == ["You said quick."]
        gate.set()
        await gw.settled()
        assert [m.text for m in fake.sent][1:] == [
            "You said slow.",
            "You said second.",
            "You said third.",
        ]


async def test_a_later_message_waits_for_one_that_backs_off(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Order holds on the way out, and Retry-After is honoured."""
    fake, clock = FakeChannel(), FakeClock()
    fake.fail_with(TryLater("busy", after=90))
    async with running(fake, FakeHandler(echo), config=easy, clock=clock, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("one")
        await carla.say("two")
        assert fake.sent == []
        await gw.pass_time(60)
        assert fake.sent == []
        await gw.pass_time(31)
        assert [m.text for m in fake.sent] == ["You said one.", "You said two."]
        assert fake.tried[0].key == fake.tried[1].key


async def test_a_dead_letter_lets_the_next_go_and_brings_a_person(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """What can never be delivered is listed, retried on demand, and its case is somebody's."""
    fake = FakeChannel()
    fake.fail_with(Undeliverable("no such address"))
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        [item] = await gw.house.desk.queue()
        assert item.handoff.reasons[0].code == "undeliverable"
        [letter] = await gw.gateway.store.outbox.list()
        assert (letter.state, letter.error) == ("dead", "no such address")
        assert await gw.gateway.store.outbox.retry([letter.id]) == 1
        await gw.gateway.rounds.sweep()
        await gw.settled()
        assert [m.text for m in fake.sent] == ["You said one."]


async def test_after_all_attempts_it_is_a_dead_letter(tmp_path: Path, easy: dict[str, Any]) -> None:
    """Patience has an end, which the settings name."""
    fake, clock = FakeChannel(), FakeClock()
    fake.fail_with(*(TryLater("busy") for _ in range(3)))
    config = {**easy, "delivery": {"attempts": 3, "backoff_most": 10.0}}
    async with running(
        fake, FakeHandler(echo), config=config, clock=clock, tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("one")
        for _ in range(3):
            await gw.pass_time(11)
        [letter] = await gw.gateway.store.outbox.list()
        assert letter.attempts == 3
        assert "given up after 3 attempts: busy" in str(letter.error)


@pytest.mark.parametrize("error", [Unsure("cut off"), OSError("reset"), TimeoutError()])
async def test_nobody_knows_whether_it_arrived(
    error: Exception, tmp_path: Path, easy: dict[str, Any]
) -> None:
    """A channel that must not send twice leaves it to a person."""
    fake = FakeChannel(traits=Traits(unsure="ask"))
    fake.fail_with(error)
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        [item] = await gw.house.desk.queue()
        assert item.handoff.reasons[0].code == "unsure"
        [letter] = await gw.gateway.store.outbox.list()
        assert letter.state == "unsure"
        card = await gw.house.desk.card(item.conversation.id)
        assert [m.text for m in card.on_its_way] == ["You said one."]
        assert len(fake.tried) == 1


async def test_a_channel_that_may_repeat_sends_again(tmp_path: Path, easy: dict[str, Any]) -> None:
    """With the same key, so that the receiver can tell."""
    fake, clock = FakeChannel(traits=Traits(unsure="resend")), FakeClock()
    fake.fail_with(Unsure("cut off"))
    async with running(fake, FakeHandler(echo), config=easy, clock=clock, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        await gw.pass_time(5)
        assert len({m.key for m in fake.tried}) == 1
        assert [m.text for m in fake.sent] == ["You said one."]


class Asking(FakeChannel):
    """Can be asked whether a message arrived."""

    def __init__(self, *, arrived: bool) -> None:
        super().__init__()
        self.arrived = arrived
        self.asked: list[str] = []

    async def find(self, message: Any) -> Sent | None:
        self.asked.append(message.key)
        return Sent(remote_id="found") if self.arrived else None


@pytest.mark.parametrize("arrived", [True, False])
async def test_the_provider_is_asked_first(
    arrived: bool, tmp_path: Path, easy: dict[str, Any]
) -> None:
    """What arrived is sent; what did not, and may not be repeated, is a person's."""
    fake = Asking(arrived=arrived)
    fake.fail_with(Unsure("cut off"))
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("one")
        assert len(fake.asked) == 1
        assert (carla.heard == ["You said one."]) is arrived
        assert (await gw.house.desk.queue() == ()) is arrived


async def test_a_message_that_kills_every_attempt_goes_to_a_person_and_blocks_nobody(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """A poison message is given up after the attempts of the settings; the next one is handled."""
    clock, fake = FakeClock(), FakeChannel()
    config = {**easy, "worker": {"attempts": 3}}
    async with running(
        fake, FakeHandler(echo), config=config, clock=clock, tmp_path=tmp_path
    ) as gw:
        _poison(gw, lambda turn: turn.message.text == "poison")
        carla = gw.customer("fake", "carla")
        await carla.write("poison")
        await carla.write("fine")
        for _ in range(4):
            await gw.settled()
            await gw.pass_time(60)
        [item] = await gw.house.desk.queue()
        assert "handling it failed 3 times" in item.handoff.reasons[0].detail
        card = await gw.house.desk.card(item.conversation.id)
        assert [m.text for m in card.messages if m.author == "customer"] == ["poison", "fine"]


async def test_a_message_that_kills_the_process_is_not_tried_for_ever(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Each start counts as an attempt for the head of every lane."""
    config = {**easy, "worker": {"attempts": 2, "drain": 0.0}}

    for _ in range(2):
        async with running(FakeChannel(), Hanging(echo), config=config, tmp_path=tmp_path) as gw:
            await gw.customer("fake", "carla").write("deadly", remote_id="1")
    fake = FakeChannel()
    async with running(fake, Hanging(echo), config=config, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        assert await carla.listen() == list(LAST_RESORT.body)


def _poison(gw: Running, when: Callable[[Turn], bool]) -> None:
    """Let the stage after routing fail for some turns, as a bug there would."""
    answering = gw.gateway.worker._conversations._answering
    real = answering.answer

    async def answer(turn: Turn) -> Any:
        if when(turn):
            raise MemoryError
        return await real(turn)

    answering.answer = answer  # type: ignore[method-assign]
