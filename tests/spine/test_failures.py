"""Nothing is lost: what fails goes to a person, and the customer learns of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

import brand_voice
from gateway import (
    Address,
    Fact,
    File,
    Inbound,
    Malformed,
    Message,
    NotAccepted,
    Reason,
    Receipt,
    Records,
    RenderContext,
    Rendered,
    Reply,
    Sent,
    Timer,
    Traits,
    TryLater,
    Turn,
    Undeliverable,
    Unsure,
    hookimpl,
)
from gateway.adapters.sql.schema import inbox
from gateway.model import UNREADABLE
from gateway.pipeline.answering import LAST_RESORT
from gateway.testing import FakeChannel, FakeClock, FakeHandler, PlainVoice, RunningGateway, running
from plugins import escalation
from tests.conftest import until

from .conftest import echo, paused_worker


def raises(turn: Turn) -> Reply | None:
    raise RuntimeError("broken")


def invalid(turn: Turn) -> Any:
    return "just words"


def empty(turn: Turn) -> Reply | None:
    return Reply()


def of_bytes(turn: Turn) -> Any:
    return Reply(body=(b"words",))  # type: ignore[arg-type]


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
        (FakeHandler(invalid), "invalid reply"),
        (FakeHandler(empty), "invalid reply"),
        (FakeHandler(of_bytes), "invalid reply"),
        (Hanging(echo), "took longer"),
        (FakeHandler(lambda turn: None), "no handler had an answer"),
    ],
    ids=["raises", "invalid", "empty", "bytes", "hangs", "no answer"],
)
async def test_a_failing_handler_brings_a_person(
    handler: FakeHandler, what: str, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The customer reads that a person will answer, the agent sees why."""
    config = {**answer_all, "worker": {"handler_timeout": 0.1}}
    async with running(FakeChannel(), handler, config=config, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == list(LAST_RESORT.body)
        [item] = await gw.services.desk.queue()
        assert what in item.handoff.reasons[0].detail


async def test_a_general_answer_is_not_lost_to_a_later_failure(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A handler that might have had a better answer fails: the one that there is is said."""
    general = FakeHandler(lambda turn: Reply(body=("Nine.",), only_if_unanswered=True), priority=1)
    broken = FakeHandler(raises)
    async with running(FakeChannel(), general, broken, config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == ["Nine."]
        assert await gw.services.desk.queue() == ()
        assert len(broken.turns) == 1


TO_A_PERSON = Reply(escalate=(Reason(code="refund_limit", detail="above 500"),))


class Knowing(FakeHandler):
    """Is asked before the bot asks back, and hands over."""

    async def knows(self, turn: Turn) -> Reply | None:
        return self._answer(turn)


def knowing(reply: Any) -> Knowing:
    return Knowing(lambda turn: reply if turn.message.text == "mine" else None)


@pytest.mark.parametrize(
    ("handler", "recognises", "words"),
    [
        (FakeHandler(lambda turn: TO_A_PERSON), True, "passing you to a person"),
        (FakeHandler(lambda turn: TO_A_PERSON, priority=1), True, "passing you to a person"),
        (knowing(TO_A_PERSON), False, "passing you to a person"),
        (knowing(TO_A_PERSON.replace(body=("It is too much.",))), False, "It is too much."),
    ],
    ids=["handle", "before escalation", "knows", "knows with words"],
)
async def test_a_handler_hands_over_in_its_words_or_those_of_escalation(
    handler: FakeHandler, recognises: bool, words: str, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The customer is told, by `handle` and by `knows`; the reason is the handler's."""
    config = {**(answer_all if recognises else {}), "plugins": {"escalation": {}}}
    plugins = (FakeChannel(), escalation, handler)
    async with running(*plugins, config=config, clock=FakeClock(), tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("mine")
        assert words in " ".join(carla.heard)
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "refund_limit"


@pytest.mark.parametrize("reply", [Reply(), Reply(body=(b"x",)), "words"])  # type: ignore[arg-type]
async def test_an_empty_reply_to_knows_is_counted(reply: Any, tmp_path: Path) -> None:
    """It is logged and left out; the bot asks back as it would without the handler."""
    config = {"plugins": {"escalation": {}}}
    plugins = (FakeChannel(), escalation, knowing(reply))
    async with running(*plugins, config=config, clock=FakeClock(), tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        with capture_logs() as logged:
            await carla.say("mine")
        assert [line["handler"] for line in logged if line["event"] == "handler.failed"] == [
            "fake_handler"
        ]
        assert "not sure what you mean" in " ".join(carla.heard)


async def test_a_notice_hands_over_silently(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """A handler that wants no words says so."""
    handler = FakeHandler(lambda turn: TO_A_PERSON.replace(purpose="notice"))
    async with running(FakeChannel(), handler, config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == []
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "refund_limit"


async def test_what_a_wordless_hand_over_asks_for_stays(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Without another handler the words are the last resort; the handler's timer is set."""
    clock = FakeClock()
    due = clock.now() + timedelta(minutes=5)
    handler = FakeHandler(
        lambda turn: TO_A_PERSON.replace(timers=(Timer(name="look", due_at=due),))
    )
    plugins = (FakeChannel(), handler)
    async with running(*plugins, config=answer_all, clock=clock, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == list(LAST_RESORT.body)
        assert await gw.gateway.store.timers.next_due() == due


async def test_a_list_in_a_reply_counts_as_a_tuple(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Without a type checker nobody notices the difference, and the brand voice must not either."""
    handler = FakeHandler(lambda turn: Reply(body=["We open at nine."], facts=[]))  # type: ignore[arg-type]
    plugins = (FakeChannel(), handler, brand_voice)
    config = {**answer_all, "brand_voice": {}}
    async with running(*plugins, config=config, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert "We open at nine." in carla.heard[0]


async def test_a_slow_handler_delays_one_conversation_in_order(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Its messages are answered in order, and other customers do not wait."""
    released = asyncio.Event()

    class SlowForCarla(FakeHandler):
        async def handle(self, turn: Turn) -> Reply | None:
            if turn.message.text == "slow":
                await released.wait()
            return await super().handle(turn)

    fake = FakeChannel()
    async with running(fake, SlowForCarla(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla, dora = gw.customer("fake", "carla"), gw.customer("fake", "dora")
        for text in ("slow", "second", "third"):
            await carla.write(text)
        await dora.write("quick")
        await until(lambda: fake.sent)
        assert [m.text for m in fake.sent] == ["You said quick."]
        released.set()
        await gw.settled()
        assert [m.text for m in fake.sent][1:] == [
            "You said slow.",
            "You said second.",
            "You said third.",
        ]


async def test_a_later_message_waits_for_one_that_backs_off(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Replies keep their order, and Retry-After is honoured."""
    fake, clock = FakeChannel(), FakeClock()
    fake.fail_with(TryLater("busy", after=90))
    async with running(
        fake, FakeHandler(echo), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("one")
        await carla.say("two")
        assert fake.sent == []
        await gw.pass_time(60)
        assert fake.sent == []
        await gw.pass_time(31)
        assert [m.text for m in fake.sent] == ["You said one.", "You said two."]
        assert fake.tried[0].key == fake.tried[1].key


async def test_a_dead_letter_brings_a_person_and_can_be_retried(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """An undeliverable reply is listed, its case goes to a person, and an operator can retry it."""
    fake = FakeChannel()
    fake.fail_with(Undeliverable("no such address"))
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "undeliverable"
        [letter] = await gw.gateway.store.outbox.list()
        assert (letter.state, letter.error) == ("dead", "no such address")
        assert await gw.gateway.store.outbox.retry([letter.id]) == 1
        await gw.gateway.scheduler.sweep()
        await gw.settled()
        assert [m.text for m in fake.sent] == ["You said one."]


async def test_a_reply_is_a_dead_letter_after_all_attempts(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """``delivery.attempts`` limits the retries."""
    fake, clock = FakeChannel(), FakeClock()
    fake.fail_with(*(TryLater("busy") for _ in range(3)))
    config = {**answer_all, "delivery": {"attempts": 3, "backoff_most": 10.0}}
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
async def test_an_unsure_send_is_left_to_a_person(
    error: Exception, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A channel that must not send twice does not retry."""
    fake = FakeChannel(traits=Traits(unsure="ask"))
    fake.fail_with(error)
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "unsure"
        [letter] = await gw.gateway.store.outbox.list()
        assert letter.state == "unsure"
        card = await gw.services.desk.card(item.conversation.id)
        assert [m.text for m in card.on_its_way] == ["You said one."]
        assert len(fake.tried) == 1


async def test_an_unsure_send_is_repeated_with_the_same_key(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A channel that may repeat sends again; the receiver recognises the key."""
    fake, clock = FakeChannel(traits=Traits(unsure="resend")), FakeClock()
    fake.fail_with(Unsure("cut off"))
    async with running(
        fake, FakeHandler(echo), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("one")
        await gw.pass_time(5)
        assert len({m.key for m in fake.tried}) == 1
        assert [m.text for m in fake.sent] == ["You said one."]


class ReconcilingChannel(FakeChannel):
    """Can be asked whether a message arrived."""

    def __init__(self, *, arrived: bool) -> None:
        super().__init__()
        self.arrived = arrived
        self.asked: list[str] = []

    async def find(self, message: Any) -> Sent | None:
        self.asked.append(message.key)
        return Sent(remote_id="found") if self.arrived else None


@pytest.mark.parametrize("arrived", [True, False])
async def test_the_provider_is_asked_about_an_unsure_send(
    arrived: bool, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A reply that arrived counts as sent; one that did not goes to a person."""
    fake = ReconcilingChannel(arrived=arrived)
    fake.fail_with(Unsure("cut off"))
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("one")
        assert len(fake.asked) == 1
        assert (carla.heard == ["You said one."]) is arrived
        assert (await gw.services.desk.queue() == ()) is arrived


async def test_a_message_that_always_fails_goes_to_a_person(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """After ``worker.attempts`` it is given up, and the next message is handled."""
    clock, fake = FakeClock(), FakeChannel()
    config = {**answer_all, "worker": {"attempts": 3}}
    async with running(
        fake, FakeHandler(echo), config=config, clock=clock, tmp_path=tmp_path
    ) as gw:
        _fail_turns(gw, lambda turn: turn.message.text == "poison")
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


async def test_a_message_that_stops_the_process_is_given_up(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Each stop that it causes counts as an attempt."""
    config = {**answer_all, "worker": {"attempts": 2, "drain": 0.0}}

    for _ in range(2):
        deadly = Hanging(echo)
        async with running(FakeChannel(), deadly, config=config, tmp_path=tmp_path) as gw:
            await gw.customer("fake", "carla").write("deadly", remote_id="1")
            await until(lambda deadly=deadly: deadly.turns)
    fake = FakeChannel()
    async with running(fake, Hanging(echo), config=config, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        assert await carla.listen() == list(LAST_RESORT.body)


def _fail_turns(gw: RunningGateway, when: Callable[[Turn], bool]) -> None:
    """Make the stage after routing fail for some turns, as a bug there would."""
    handlers = gw.gateway.worker.turns.handlers
    real = handlers.answer

    async def answer(turn: Turn) -> Any:
        if when(turn):
            raise MemoryError
        return await real(turn)

    handlers.answer = answer  # type: ignore[method-assign]


class BrokenVoice(PlainVoice):
    """Fails to render an agent's message."""

    def render(self, reply: Reply, context: RenderContext) -> Rendered:
        if context.author == "agent":
            raise ZeroDivisionError
        return super().render(reply, context)


async def test_an_answer_that_cannot_be_sent_shows_as_failed(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A line in the conversation says why."""
    fake, config = FakeChannel(), {**answer_all, "worker": {"attempts": 2}}
    plugins = (fake, FakeHandler(echo), BrokenVoice())
    async with running(*plugins, config=config, clock=FakeClock(), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("hello")
        await gw.desk_agent("ana").answer(await gw.services.desk.card(1), "I am here.")
        for _ in range(3):
            await gw.pass_time(60)
        card = await gw.services.desk.card(1)
        mine = [(m.text, m.status) for m in card.messages if m.author == "agent"]
        assert mine == [("I am here.", "failed")]
        assert any(m.text.startswith("Not sent: ") for m in card.messages if m.internal)


async def test_a_long_message_is_attached_whole(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """Its text is cut at ``limits.text``; the agent finds all of it in a file."""
    config = {**answer_all, "limits": {"text": 100}}
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        text = "my story\n" * 100 + "and the end"
        await gw.customer("fake", "carla").say(text)
        message = (await gw.services.desk.card(1)).messages[0]
        assert len(message.text) == 100
        [attachment] = message.attachments
        assert (await gw.services.files.open(attachment.digest)).decode() == text


async def test_a_send_is_recorded_when_the_database_is_back(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The database fails after a send: the send is recorded later, once, and the lane goes on."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        outbox, carla = gw.gateway.store.outbox, gw.customer("fake", "carla")
        real = outbox.mark_sent

        async def away(id: int, sent: Sent) -> None:
            outbox.mark_sent = real  # type: ignore[method-assign]
            raise OSError("disk full")

        outbox.mark_sent = away  # type: ignore[method-assign]
        await carla.write("one")
        await carla.write("two")
        await until(lambda: len(fake.sent) == 2)
        await gw.settled()
        assert [m.text for m in fake.tried] == ["You said one.", "You said two."]
        assert [m.status for m in await carla.messages()] == ["sent", "sent"]


async def test_a_dead_letter_brings_a_person_even_if_the_database_fails_first(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The handoff is written before the row is closed, and repeated until it is stored."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        handoffs = gw.gateway.store.handoffs
        real = handoffs.note

        async def away(message: Message) -> Message:
            handoffs.note = real  # type: ignore[method-assign]
            raise OSError("disk full")

        handoffs.note = away  # type: ignore[method-assign]
        fake.fail_with(Undeliverable("no such address"))
        await gw.customer("fake", "carla").write("one")
        [item] = await until(gw.services.desk.queue)
        assert item.handoff.reasons[0].code == "undeliverable"


async def test_a_hanging_provider_delays_no_other_channel(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Many replies wait for one provider; the other channel's customers are answered."""
    slow, quick = FakeChannel("slow"), FakeChannel("quick")
    config = {**answer_all, "worker": {"conversations_at_once": 8}}
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


async def test_an_unreadable_row_does_not_block_its_lane(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A person gets it, shown as unreadable, and the next message of the lane as well."""
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        async with paused_worker(gw):
            broken = await carla.write("hello")
            damage = update(inbox).where(inbox.c.id == broken.turn).values(payload="{")
            await gw.gateway.database.write(lambda c: c.execute(damage).rowcount)
        await carla.say("next")
        card = await gw.desk_agent("kim").next_card()
        said = [message.text for message in card.messages if message.author == "customer"]
        assert said == [UNREADABLE, "next"]
        assert card.handoff is not None
        assert card.handoff.reasons[0].code == "unreadable"
        assert await gw.gateway.store.inbox.list("stuck") == ()


async def test_a_reply_with_a_body_of_the_wrong_type_is_invalid(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A string instead of a tuple of strings is not sent letter by letter."""
    wrong: Any = "Hello"
    handler = FakeHandler(lambda turn: Reply(body=wrong))
    async with running(FakeChannel(), handler, config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == list(LAST_RESORT.body)


class InvalidSuggester(FakeHandler):
    """Drafts something that is no reply."""

    async def suggest(self, turn: Turn) -> Any:
        return "just words"


async def test_an_invalid_suggestion_is_left_out(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """It is counted, and neither delays the turn nor loses the customer's answer."""
    handler = InvalidSuggester(lambda turn: None)
    async with running(FakeChannel(), handler, config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == list(LAST_RESORT.body)
        [item] = await gw.services.desk.queue()
        card = await gw.services.desk.card(item.conversation.id)
        assert card.suggestion is None
        assert gw.metric("warmline_plugin_failures_total", plugin=handler.name) == 1
        assert gw.metric("warmline_turn_retries_total") == 0


class InvalidSource:
    """Returns a text in place of a context."""

    name = "crm"

    @hookimpl
    def register_context(self, register: Callable[[Any], None]) -> None:
        register(self)

    async def gather(self, turn: Turn, records: Records) -> Any:
        return "a good customer"


async def test_an_invalid_context_is_left_out(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """It is counted, and the customer is answered without it."""
    parts = (FakeChannel(), FakeHandler(echo), InvalidSource())
    async with running(*parts, config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("hello")
        assert carla.heard == ["You said hello."]
        assert gw.metric("warmline_plugin_failures_total", plugin="crm") == 1
        assert gw.metric("warmline_turn_retries_total") == 0


async def test_a_late_delivery_receipt_settles_an_unsure_send(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The provider reports the delivery later: the reply is no dead letter any more."""
    fake = FakeChannel(traits=Traits(unsure="ask"))
    fake.fail_with(Unsure("cut off"))
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
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


@pytest.mark.parametrize(
    "sent",
    [
        Sent(remote_id="x" * 3000),
        Sent(remote_id="a\x00b"),
        Sent(remote_id="so \ud83d"),
        Sent(remote_id={"sid": "SM1"}),  # type: ignore[arg-type]  # an odd plugin
        Sent(remote_id=4711),  # type: ignore[arg-type]
        Sent(remote_id="m1", facts=(Fact(name="a\x00", value="b\x00"),)),
        None,
    ],
)
async def test_what_a_provider_took_is_sent_whatever_its_id(
    sent: Any, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The row is settled at once, and the next one leaves."""
    fake = FakeChannel(traits=Traits(unsure="resend"))
    taken: list[str] = []

    async def send(message: Any) -> Any:
        taken.append(message.text)
        return sent

    fake.send = send  # type: ignore[method-assign]
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("one")
        await carla.say("two")
        assert taken == ["You said one.", "You said two."]
        assert await gw.gateway.store.outbox.lanes() == ()
        messages = (await gw.services.desk.card(1)).messages
        assert {m.status for m in messages if m.author == "bot"} == {"sent"}


async def test_an_error_with_odd_characters_settles_the_row(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """A provider's words may hold what no database stores."""
    fake = FakeChannel()
    fake.fail_with(Undeliverable("no such \x00 chat \ud83d"))
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        [letter] = await gw.gateway.store.outbox.list()
        assert letter.error == "no such \N{REPLACEMENT CHARACTER} chat \N{REPLACEMENT CHARACTER}"


async def test_a_long_id_of_a_message_loses_nothing(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The message is stored and answered, and its repetition recognised."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        for _ in range(2):
            await carla.say("one", remote_id="x" * 9000)
        assert [m.text for m in fake.sent] == ["You said one."]


@pytest.mark.parametrize("id", ["a\x00b", "so \ud83d", "x" * 9000])
async def test_a_receipt_with_an_odd_id_is_dropped(
    id: str, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """It names no message that we know."""
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, clock=FakeClock(), tmp_path=tmp_path
    ) as gw:
        await gw.services.intake.report(
            Receipt(channel="fake", ids=(id,), status="failed", at=gw.clock.now(), detail="a\x00")
        )
        assert await gw.services.desk.queue() == ()


FILE = File(name="a.pdf", media_type="application/pdf", data=b"%PDF")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kind": "text"}, "Inbound.kind: an unknown value; use message, edit or unreadable"),
        ({"consent": "words"}, "Inbound.consent: an unknown value; see Inbound in"),
        (
            {"attachments": (FILE,)},
            "Inbound.attachments[0]: .*; keep each File with services.files",
        ),
        ({"attachments": None}, "Inbound.attachments: .*; keep each File"),
        ({"at": "2026"}, "Inbound.at: Invalid RFC3339 .*; use a datetime with a time zone"),
        ({"at": datetime(2026, 1, 1)}, "Inbound.at: it has no time zone; use"),  # noqa: DTZ001
        ({"remote_id": 7}, "Inbound.remote_id: .*got `int`; use the provider's id as text"),
        ({"text": None}, "Inbound.text: .*got `null`; use the customer's words"),
        ({"text": b"hello"}, "Inbound.text: .*got `bytes`; use the customer's words"),
        ({"name": 5}, "Inbound.name: .*got `int`; see Inbound in docs/reference/values.md"),
        ({"address": None}, "Inbound.address: .*got `null`; use Address"),
        ({"address": "carla"}, "Inbound.address: .*got `str`; use Address"),
        ({"address": Address(channel="fake", value="")}, "Inbound.address.value: it is empty"),
        ({"address": Address(channel="", value="carla")}, "Inbound.address.channel: it is empty"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
async def test_a_wrong_inbound_is_refused_when_it_is_passed_on(
    wrong: dict[str, Any], why: str, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Its author reads which field to mend. Nothing is stored, and the next message is handled."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        right = Inbound(
            address=Address(channel="fake", value="carla"), text="one", at=gw.clock.now()
        )
        with pytest.raises(Malformed, match=why.replace("[", r"\[").replace("]", r"\]")):
            await gw.services.intake.accept(right.replace(**wrong))
        assert await gw.gateway.store.inbox.lanes() == ()
        await gw.services.intake.accept(right)
        await gw.settled()
        assert [message.text for message in fake.sent] == ["You said one."]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"status": "gone"}, "Receipt.status: an unknown value; see Receipt in"),
        ({"ids": (7,)}, "Receipt.ids.0.: .*got `int`; use a tuple of texts"),
        ({"ids": "abc"}, "Receipt.ids: .*got `str`; use a tuple of texts"),
        ({"at": datetime(2026, 1, 1)}, "Receipt.at: it has no time zone"),  # noqa: DTZ001
    ],
    ids=["status", "number", "text", "naive"],
)
async def test_a_wrong_receipt_is_refused(
    wrong: dict[str, Any], why: str, tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """As a wrong message is."""
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:
        receipt = Receipt(channel="fake", ids=("a",), status="read", at=gw.clock.now())
        with pytest.raises(Malformed, match=why):
            await gw.services.intake.report(receipt.replace(**wrong))


async def test_what_is_no_inbound_is_refused(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """A mapping, such as the provider's own, is not taken for one."""
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:
        given: Any = {"address": "carla", "text": "hello"}
        with pytest.raises(Malformed, match="Inbound: expected Inbound, got dict; see Inbound in"):
            await gw.services.intake.accept(given)


async def test_a_channel_bounds_how_often_an_unsure_send_is_repeated(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Then a person decides: the customer does not get one message again and again."""
    fake, clock = FakeChannel(traits=Traits(unsure="resend", repeats=1)), FakeClock()
    fake.fail_with(*(Unsure("cut off") for _ in range(9)))
    async with running(
        fake, FakeHandler(echo), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("one")
        await gw.pass_time(600)
        assert len(fake.tried) == 2
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "unsure"


async def test_a_reopened_case_is_not_resolved(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """A transfer reopens a resolved case and clears ``resolved_at``."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        ana, desk = gw.desk_agent("ana"), gw.services.desk
        await gw.customer("fake", "carla").say("hello")
        closed = await desk.resolve(1, ana.agent, epoch=0)
        assert closed.resolved_at is not None
        reopened = await desk.transfer(1, ana.agent, epoch=closed.epoch, tier="specialist")
        assert reopened.resolved_at is None


async def test_a_lone_surrogate_is_replaced(tmp_path: Path, answer_all: dict[str, Any]) -> None:
    """JSON can hold lone surrogates (RFC 8259, section 8.2), which no database stores."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        broken = json.loads('"so \\ud83d"')
        facts = (Fact(name=broken, value=broken),)
        await carla.say(broken, name=broken, subject=broken, facts=facts)
        assert [m.text for m in fake.sent] == ["You said so \N{REPLACEMENT CHARACTER}."]


async def test_a_message_after_the_stop_is_refused(tmp_path: Path) -> None:
    """It raises at once instead of waiting for the stopped database."""
    async with running(FakeChannel(), tmp_path=tmp_path) as gw:
        late = gw.services.intake
    with pytest.raises(NotAccepted):
        async with asyncio.timeout(5):
            await late.accept(
                Inbound(address=Address(channel="fake", value="x"), text="x", at=gw.clock.now())
            )
