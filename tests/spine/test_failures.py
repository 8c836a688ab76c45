"""Nothing is lost: what fails goes to a person, and the customer is told so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from gateway import (
    Address,
    Fact,
    Inbound,
    Message,
    NotAccepted,
    Receipt,
    RenderContext,
    Rendered,
    Reply,
    Sent,
    Traits,
    TryLater,
    Turn,
    Undeliverable,
    Unsure,
)
from gateway.adapters.sql.schema import inbox
from gateway.pipeline.answering import LAST_RESORT
from gateway.testing import FakeChannel, FakeClock, FakeHandler, PlainVoice, RunningGateway, running
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
        self.turns.append(turn)
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
        [item] = await gw.services.desk.queue()
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
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "undeliverable"
        [letter] = await gw.gateway.store.outbox.list()
        assert (letter.state, letter.error) == ("dead", "no such address")
        assert await gw.gateway.store.outbox.retry([letter.id]) == 1
        await gw.gateway.scheduler.sweep()
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
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "unsure"
        [letter] = await gw.gateway.store.outbox.list()
        assert letter.state == "unsure"
        card = await gw.services.desk.card(item.conversation.id)
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
        assert (await gw.services.desk.queue() == ()) is arrived


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
        [item] = await gw.services.desk.queue()
        assert "handling it failed 3 times" in item.handoff.reasons[0].detail
        card = await gw.services.desk.card(item.conversation.id)
        assert [m.text for m in card.messages if m.author == "customer"] == ["poison", "fine"]


async def test_a_message_that_kills_the_process_is_not_tried_for_ever(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Each end that it causes counts as an attempt."""
    config = {**easy, "worker": {"attempts": 2, "drain": 0.0}}

    for _ in range(2):
        deadly = Hanging(echo)
        async with running(FakeChannel(), deadly, config=config, tmp_path=tmp_path) as gw:
            await gw.customer("fake", "carla").write("deadly", remote_id="1")
            await until(lambda deadly=deadly: deadly.turns)
    fake = FakeChannel()
    async with running(fake, Hanging(echo), config=config, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        assert await carla.listen() == list(LAST_RESORT.body)


def _poison(gw: RunningGateway, when: Callable[[Turn], bool]) -> None:
    """Let the stage after routing fail for some turns, as a bug there would."""
    answering = gw.gateway.worker._conversations._answering
    real = answering.answer

    async def answer(turn: Turn) -> Any:
        if when(turn):
            raise MemoryError
        return await real(turn)

    answering.answer = answer  # type: ignore[method-assign]


class BrokenVoice(PlainVoice):
    """Cannot fit an agent's words to a channel."""

    def render(self, reply: Reply, occasion: RenderContext) -> Rendered:
        if occasion.author == "agent":
            raise ZeroDivisionError
        return super().render(reply, occasion)


async def test_an_agents_words_are_never_lost_without_a_word(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """What cannot be sent shows as failed, with a line that says so."""
    fake, config = FakeChannel(), {**easy, "worker": {"attempts": 2}}
    guests = (fake, FakeHandler(echo), BrokenVoice())
    async with running(*guests, config=config, clock=FakeClock(), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("hello")
        await gw.desk_agent("ana").answer(await gw.services.desk.card(1), "I am here.")
        for _ in range(3):
            await gw.pass_time(60)
        card = await gw.services.desk.card(1)
        mine = [(m.text, m.status) for m in card.messages if m.author == "agent"]
        assert mine == [("I am here.", "failed")]
        assert any(m.text.startswith("Not sent: ") for m in card.messages if m.internal)


async def test_the_end_of_a_long_message_is_not_lost(tmp_path: Path, easy: dict[str, Any]) -> None:
    """It is cut for the bot, and the agent finds it whole in a file."""
    config = {**easy, "limits": {"text": 100}}
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        told = "my story\n" * 100 + "and the end"
        await gw.customer("fake", "carla").say(told)
        said = (await gw.services.desk.card(1)).messages[0]
        assert len(said.text) == 100
        [kept] = said.attachments
        assert (await gw.services.files.open(kept.digest)).decode() == told


async def test_a_database_that_is_away_after_a_send_does_not_stop_the_lane(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """What the provider took is written down as soon as that can be, once, and the next goes."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        outbox, carla = gw.gateway.store.outbox, gw.customer("fake", "carla")
        real = outbox.sent

        async def away(id: int, sent: Sent) -> None:
            outbox.sent = real  # type: ignore[method-assign]
            raise OSError("disk full")

        outbox.sent = away  # type: ignore[method-assign]
        await carla.write("one")
        await carla.write("two")
        await until(lambda: len(fake.sent) == 2)
        await gw.settled()
        assert [m.text for m in fake.tried] == ["You said one.", "You said two."]
        assert [m.status for m in await carla.messages()] == ["sent", "sent"]


async def test_a_dead_letter_whose_telling_failed_is_somebodys_all_the_same(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """A person is told before the row is closed, so that neither a crash nor an error between
    the two leaves a case with nobody."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        moves = gw.gateway.store.handoffs
        real = moves.note

        async def away(message: Message) -> Message:
            moves.note = real  # type: ignore[method-assign]
            raise OSError("disk full")

        moves.note = away  # type: ignore[method-assign]
        fake.fail_with(Undeliverable("no such address"))
        await gw.customer("fake", "carla").write("one")
        [item] = await until(gw.services.desk.queue)
        assert item.handoff.reasons[0].code == "undeliverable"


async def test_a_provider_that_hangs_holds_up_no_other_channel(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """However many wait for the one, the other's customers are answered."""
    slow, quick = FakeChannel("slow"), FakeChannel("quick")
    config = {**easy, "worker": {"conversations_at_once": 8}}
    async with running(slow, quick, FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        slow.hold()
        for number in range(20):
            await gw.customer("slow", f"c{number}").write("hello")
        await until(lambda: len(gw.gateway.incoming) == 0)
        await gw.customer("quick", "dora").write("hello")
        await until(lambda: quick.sent)
        slow.release()
        await gw.settled()
        assert len(slow.sent) == 20


async def test_a_row_that_cannot_be_read_blocks_nobody(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """It is counted, given up, listed; the next message is handled."""
    fake, config = FakeChannel(), {**easy, "worker": {"attempts": 1}}
    clock = FakeClock()
    async with running(
        fake, FakeHandler(echo), config=config, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        gate = asyncio.Event()
        real = gw.gateway.store.inbox.take

        async def waits(lane: str, at: Any) -> Any:
            await gate.wait()
            return await real(lane, at)

        gw.gateway.store.inbox.take = waits  # type: ignore[method-assign]
        spoilt = await carla.write("hello")
        await gw.gateway.database.write(
            lambda c: (
                c.execute(
                    update(inbox).where(inbox.c.id == spoilt.turn).values(payload="{")
                ).rowcount
            )
        )
        gate.set()
        await carla.write("next")
        for _ in range(4):
            await gw.pass_time(60)
        assert [m.text for m in fake.sent] == ["You said next."]
        assert [line.id for line in await gw.gateway.store.inbox.list("stuck")] == [spoilt.turn]


async def test_a_reply_whose_body_is_no_list_of_texts_is_nonsense(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """A text where texts belong is not said letter by letter."""
    wrong: Any = "Hello"
    handler = FakeHandler(lambda turn: Reply(body=wrong))
    async with running(FakeChannel(), handler, config=easy, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == list(LAST_RESORT.body)


async def test_what_arrived_after_all_is_not_sent_again(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Nobody knew; then the provider says that it was delivered: it is no dead letter any more."""
    fake = FakeChannel(traits=Traits(unsure="ask"))
    fake.fail_with(Unsure("cut off"))
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("one")
        card = await gw.services.desk.card(1)
        [message] = card.on_its_way
        await gw.services.intake.report(
            Receipt(
                channel="fake",
                ids=(str(message.id),),
                status="delivered",
                at=gw.clock.now(),
                address=carla.address,
            )
        )
        assert (await gw.services.desk.card(1)).on_its_way == ()
        assert await gw.gateway.store.outbox.retry(None) == 0


async def test_a_case_that_is_opened_again_is_not_resolved_any_more(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """Whoever opens it, and however."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        ana, desk = gw.desk_agent("ana"), gw.services.desk
        await gw.customer("fake", "carla").say("hello")
        closed = await desk.resolve(1, ana.agent, epoch=0)
        assert closed.resolved_at is not None
        given = await desk.transfer(1, ana.agent, epoch=closed.epoch, tier="specialist")
        assert given.resolved_at is None


async def test_half_a_character_costs_nobody_the_message(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """JSON can hold lone surrogates (RFC 8259, section 8.2), which no database takes."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        broken = json.loads('"so \\ud83d"')
        facts = (Fact(name=broken, value=broken),)
        await carla.say(broken, name=broken, subject=broken, facts=facts)
        assert [m.text for m in fake.sent] == ["You said so \N{REPLACEMENT CHARACTER}."]


async def test_a_stopped_database_says_so(tmp_path: Path) -> None:
    """Who comes too late is told, and does not wait for ever."""
    async with running(FakeChannel(), tmp_path=tmp_path) as gw:
        late = gw.services.intake
    with pytest.raises(NotAccepted):
        async with asyncio.timeout(5):
            await late.accept(
                Inbound(address=Address(channel="fake", value="x"), text="x", at=gw.clock.now())
            )
