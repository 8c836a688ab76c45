"""An opt-out meets the rest: thanks, surveys, a subject, a failed send, a claim, START."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import plugins.followup
from gateway import (
    Guess,
    Insight,
    Reply,
    Traits,
    Turn,
    Undeliverable,
    Unsure,
)
from gateway.pipeline.consent import CONFIRMED
from gateway.testing import (
    FakeChannel,
    FakeClock,
    FakeHandler,
    FakeUnderstander,
    RunningGateway,
    running,
)

from .conftest import echo

OUT = "Please stop texting me."


def answers(turn: Turn) -> Reply | None:
    return Reply(body=("Done.",)) if turn.kind == "message" else None


async def test_a_question_beside_an_opt_out_outlives_start(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The confirmation of the opt-out is no answer to it: a person gets it again."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(
        fake, FakeHandler(echo), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say("Where is my refund for order 4711? And stop texting me.")
        await carla.say("START", consent="in")
        await gw.pass_time(601)
        [item] = await gw.services.desk.queue()
        assert [r.code for r in item.handoff.reasons] == ["unanswered"]


@pytest.mark.parametrize(
    ("text", "matter", "read"),
    [
        ("My parcel never came and I want my money back. Stop texting me.", "missing_parcel", 1),
        ("Bitte keine SMS mehr. Mein Paket kam nie an.", "missing_parcel", 1),
        ("Where is order 4711, stop texting me", "none", 1),
        ("Stop texting me, you are terrible people", "none", 0),
        ("Thanks for all the help. Stop texting me now.", "thanks", 0),
    ],
)
async def test_a_matter_beside_an_opt_out_is_read_by_a_person(
    tmp_path: Path, answer_all: dict[str, Any], text: str, matter: str, read: int
) -> None:
    """Also without a question mark; anger or thanks alone call nobody."""
    fake = FakeChannel()
    known = Insight(ranking=(Guess(name=matter, confidence=0.9),))
    reader = FakeUnderstander(lambda text: known) if matter != "none" else FakeHandler(echo)
    async with running(fake, reader, config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say(text)
        assert len(await gw.services.desk.queue()) == read
        assert len(fake.sent) == 1


async def test_a_second_opt_out_with_a_question_says_that_it_was_handed_over(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The agent reads why the case is in the queue."""
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say(OUT)
        await carla.say("Where is my refund for order 4711? And stop texting me.")
        lines = [m.text for m in (await gw.services.desk.card(1)).messages if m.internal]
        assert len([line for line in lines if line.startswith("Handed over")]) == 1


@pytest.mark.parametrize("text", ["ok thanks", "Danke", "merci", "gracias", "👍"])
async def test_thanks_for_the_confirmation_bring_nobody(
    tmp_path: Path, answer_all: dict[str, Any], text: str
) -> None:
    """They are stored, not answered, and wait for no agent."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say(OUT)
        await carla.say(text)
        assert await gw.services.desk.queue() == ()
        assert [m.text for m in fake.sent] == [CONFIRMED["en"]]
        assert text in [m.text for m in (await gw.services.desk.card(1)).messages]


async def closed(gw: RunningGateway) -> Any:
    """Carla, whose case Ana closed and who was asked how it was."""
    carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
    await carla.say("Where is my parcel?")
    await ana.resolve(await ana.claim(await gw.services.desk.card(1)))
    await gw.pass_time(61)
    return carla


def followup(scale: str = "number") -> dict[str, Any]:
    return {"followup": {"quiet": None, "delay_minutes": 1, "scale": scale}}


@pytest.mark.parametrize(("said", "state"), [("5", "resolved"), ("2, still broken", "waiting")])
async def test_a_survey_answer_after_an_opt_out_counts_and_calls_nobody_unless_unsolved(
    tmp_path: Path, answer_all: dict[str, Any], said: str, state: str
) -> None:
    """Nothing is sent in either case."""
    fake, clock = FakeChannel(), FakeClock()
    config = {**answer_all, "plugins": followup()}
    async with running(
        fake, FakeHandler(answers), plugins.followup, config=config, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = await closed(gw)
        await carla.say(OUT)
        sent = len(fake.sent)
        await carla.say(said)
        card = await gw.services.desk.card(1)
        assert (card.conversation.state, len(fake.sent)) == (state, sent)
        exported: Any = await gw.gateway.store.customers.export(carla.address)
        assert [s["score"] for s in exported["surveys"]] == [int(said[0])]


@pytest.mark.parametrize("how", ["wordless", "automatic"])
async def test_a_place_or_an_absence_note_is_no_answer_to_a_survey_in_words(
    tmp_path: Path, answer_all: dict[str, Any], how: str
) -> None:
    """A person gets the place; the survey stays open."""
    fake, clock = FakeChannel(), FakeClock()
    config = {**answer_all, "plugins": followup("text")}
    async with running(
        fake, FakeHandler(answers), plugins.followup, config=config, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = await closed(gw)
        await carla.say("Location: 52.5, 13.4", **{how: True})
        exported: Any = await gw.gateway.store.customers.export(carla.address)
        assert [s["answered_at"] for s in exported["surveys"]] == [None]
        assert len(await gw.services.desk.queue()) == (how == "wordless")


@pytest.mark.parametrize(
    ("subject", "text"), [("Unsubscribe", ""), ("Stop sending me emails", ""), ("STOP", "")]
)
async def test_an_opt_out_may_stand_in_the_subject(
    tmp_path: Path, answer_all: dict[str, Any], subject: str, text: str
) -> None:
    """A mail whose body is empty says it there."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say(text, subject=subject)
        assert [m.text for m in fake.sent] == [CONFIRMED["en"]]
        assert (await gw.services.desk.card(1)).customer.opted_out


async def test_a_confirmation_that_cannot_be_delivered_calls_nobody(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Nobody could write to the customer all the same; the line is shown."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        fake.fail_with(Undeliverable("blocked", opted_out=True))
        await gw.customer("fake", "carla").say(OUT)
        assert await gw.services.desk.queue() == ()
        lines = [m.text for m in (await gw.services.desk.card(1)).messages if m.internal]
        assert any("could not be delivered" in line for line in lines)


async def test_a_message_that_may_have_arrived_stays_unsure_after_an_opt_out(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """It is not sent again, and nobody claims that it was never sent."""
    fake, clock = FakeChannel(traits=Traits(unsure="resend")), FakeClock()
    async with running(
        fake, FakeHandler(echo), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        fake.fail_with(Unsure("cut off"))
        await carla.say("hello")
        await carla.say("STOP", consent="out")
        await gw.pass_time(600)
        [reply] = [m for m in (await gw.services.desk.card(1)).messages if m.author == "bot"]
        assert (reply.status, len(fake.tried)) == ("unsure", 1)
