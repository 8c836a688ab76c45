"""After a case is closed: surveys that do not arrive, repeated answers, and thanks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import plugins.followup
from gateway import Message, Receipt, Reply, Traits, Turn, Undeliverable
from gateway.support.courtesy import is_courtesy, says_thanks
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running

FOLLOWUP = {"followup": {"quiet": None, "delay_minutes": 1, "scale": "number"}}
THANKS = [
    "thanks!",
    "Thank you so much for your help",
    "ok thanks, bye",
    "Vielen Dank für die Hilfe!",
    "merci beaucoup",
    "Muchas gracias por todo",
    "grazie mille",
    "muito obrigado",
    "شكرًا جزيلًا",
    "dank je wel",
    "dziękuję bardzo",
    "tack så mycket",
    "çok teşekkürler",
    "شكرا جزيلا",
    "ありがとうございました",
]


def answers(turn: Turn) -> Reply | None:
    return Reply(opener="", body=("Done.",)) if turn.kind == "message" else None


class Story:
    """A case that Ana closed, and the survey about it."""

    def __init__(self, gw: RunningGateway, fake: FakeChannel, clock: FakeClock) -> None:
        self.gw, self.fake, self.clock = gw, fake, clock
        self.carla = gw.customer("fake", "carla")

    async def close(self, *, asked: bool = True) -> None:
        await self.carla.say("Where is my parcel?")
        ana = self.gw.desk_agent("ana")
        await ana.resolve(await ana.claim(await self.gw.services.desk.card(1)))
        if asked:
            await self.gw.pass_time(61)

    async def state(self) -> str:
        return (await self.gw.services.desk.card(1)).conversation.state

    async def messages(self) -> list[Message]:
        """All messages of the first conversation."""
        return [m for m in (await self.gw.services.desk.card(1)).messages if not m.internal]

    async def conversations(self) -> int:
        exported = await self.gw.gateway.store.customers.export(self.carla.address)
        return len(exported["conversations"])  # type: ignore[index,call-overload,arg-type]

    async def score(self) -> list[tuple[int | None, bool | None]]:
        """The answered surveys."""
        exported = await self.gw.gateway.store.customers.export(self.carla.address)
        found = exported["surveys"]  # type: ignore[index,call-overload]
        return [(s["score"], s["solved"]) for s in found if s["answered_at"]]  # type: ignore[index,call-overload,union-attr]


@pytest.fixture(params=["provider", "mailbox"])
async def story(request: pytest.FixtureRequest, tmp_path: Path, answer_all: dict[str, Any]) -> Any:
    """On a channel that we send to, and on one where customers fetch."""
    fake = FakeChannel(traits=Traits(mailbox=request.param == "mailbox"))
    clock = FakeClock()
    config = {**answer_all, "plugins": FOLLOWUP}
    async with running(
        fake, FakeHandler(answers), plugins.followup, config=config, clock=clock,
        tmp_path=tmp_path,
    ) as gw:  # fmt: skip
        yield Story(gw, fake, clock)


@pytest.mark.parametrize("text", THANKS)
async def test_thanks_after_the_end_keep_the_survey_open(story: Story, text: str) -> None:
    """They are no answer and begin no conversation; the score that follows counts."""
    await story.close()
    await story.carla.say(text)
    assert (await story.state(), await story.conversations(), await story.score()) == (
        "resolved", 1, [],
    )  # fmt: skip
    await story.carla.say("5")
    assert await story.score() == [(5, None)]
    assert await story.conversations() == 1


@pytest.mark.parametrize("text", ["thanks!", "Danke schön", "merci", "gracias", "👍", "Perfect!"])
async def test_thanks_before_the_survey_begin_no_conversation(story: Story, text: str) -> None:
    """The case stays closed and is asked about when the time comes."""
    await story.close(asked=False)
    await story.carla.say(text)
    assert (await story.state(), await story.conversations()) == ("resolved", 1)
    await story.gw.pass_time(61)
    assert "survey" in [m.purpose for m in await story.messages()]


async def test_a_question_after_the_end_begins_a_conversation(story: Story) -> None:
    """Also one that begins with thanks."""
    await story.close()
    await story.carla.say("Thanks, and when do you open?")
    assert await story.conversations() == 2


async def test_the_same_answer_twice_is_one(story: Story) -> None:
    """It is thanked for once, and begins no conversation."""
    await story.close()
    await story.carla.say("4")
    await story.carla.say("4")
    await story.carla.say("4 stars")
    assert await story.score() == [(4, None)]
    assert await story.conversations() == 1
    assert [m.purpose for m in await story.messages()].count("thanks") == 1


async def test_another_answer_replaces_the_first(story: Story) -> None:
    """The customer's last word counts."""
    await story.close()
    await story.carla.say("4")
    await story.carla.say("2, it took too long")
    await story.carla.say("2")
    assert await story.score() == [(2, None)]
    assert await story.conversations() == 1


async def test_a_score_days_later_is_something_new(story: Story) -> None:
    """A day after the answer the survey is over."""
    await story.close()
    await story.carla.say("4")
    await story.clock.advance(timedelta(days=2).total_seconds())
    await story.carla.say("4")
    assert await story.conversations() == 2


async def test_a_survey_that_is_refused_changes_nothing(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """No person is called, the case stays closed, and the next message is no answer."""
    fake, clock = FakeChannel(), FakeClock()
    config = {**answer_all, "plugins": FOLLOWUP}
    async with running(
        fake, FakeHandler(answers), plugins.followup, config=config, clock=clock,
        tmp_path=tmp_path,
    ) as gw:  # fmt: skip
        story = Story(gw, fake, clock)
        await story.close(asked=False)
        fake.fail_with(Undeliverable("no such number"))
        await gw.pass_time(61)
        assert await story.state() == "resolved"
        assert await gw.services.desk.queue() == ()
        await story.carla.say("4 bags please")
        await story.carla.say("5")
        assert await story.score() == []
        assert await story.conversations() == 2


async def test_a_survey_that_is_reported_as_lost_changes_nothing(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The provider took it and reported later that it did not arrive."""
    fake, clock = FakeChannel(), FakeClock()
    config = {**answer_all, "plugins": FOLLOWUP}
    async with running(
        fake, FakeHandler(answers), plugins.followup, config=config, clock=clock,
        tmp_path=tmp_path,
    ) as gw:  # fmt: skip
        story = Story(gw, fake, clock)
        await story.close()
        survey = fake.sent[-1]
        await gw.services.intake.report(
            Receipt(channel="fake", ids=(f"fake-{survey.key}",), status="failed", at=clock.now())
        )
        assert (await story.state(), await gw.services.desk.queue()) == ("resolved", ())
        await story.carla.say("5")
        assert await story.score() == []


@pytest.mark.parametrize(
    "text",
    ["thanks but it is broken", "thanks?", "thank the driver", "no", "merci de me rappeler",
     "x" * 500, "4", "Danke, und wann?", "not helpful, thanks", "thanks for nothing",
     "ok i got no answer", "ok, no help, bye", "alles klar, nein antwort", "vale, no respuesta"],
)  # fmt: skip
def test_more_than_thanks_is_no_courtesy(text: str) -> None:
    """It asks or tells something."""
    assert not says_thanks(text)


def test_praise_and_emoji_are_courtesy() -> None:
    """But a bare number is not."""
    assert is_courtesy("Perfect!")
    assert is_courtesy("🙏")
    assert is_courtesy("No problem, thanks for your help")
    assert is_courtesy("No, thanks for the answer")
    for text in ("4", "again", "yes", "😡", "?", "..."):
        assert not is_courtesy(text), text
