"""Shadow mode: every turn is worked as ever, goes to a person, and nothing is said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from gateway import SHADOW_SOURCE, CaseRecord, Reply, SetValue, Turn
from gateway.cli.doctor import health_checks
from gateway.routing.route import WOULD_HAVE
from gateway.testing import FakeHandler, RunningGateway
from plugins.history.shadow.report import VERDICTS, shadow_report
from tests.routing.dialogue import shop

CLOSED = {"shadow": {"out_of_hours": {"en": "We are closed and read your message tomorrow."}}}


async def turn(gw: RunningGateway, *, on: bool) -> None:
    assert gw.services.shadow is not None
    await gw.services.shadow.turn(on=on, by="cli:test")


async def case_of(gw: RunningGateway, number: int = -1) -> CaseRecord:
    return (await gw.services.records.cases())[number]


async def test_a_question_that_the_bot_knows_goes_to_a_person(tmp_path: Path) -> None:
    """The customer hears nothing; the agent sees what the bot would have said, marked so."""
    async with shop(tmp_path) as gw:
        await turn(gw, on=True)
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("delivery")
        assert mia.heard == []
        card = await ana.next_card()
        assert card.suggestion is not None
        assert card.suggestion.source.startswith(SHADOW_SOURCE)
        assert card.suggestion.text
        reasons = [reason.code for reason in (await case_of(gw)).messages[0].route.reasons]  # type: ignore[union-attr]
        assert reasons == ["shadow"]


async def test_a_person_who_answers_is_heard(tmp_path: Path) -> None:
    """Only what people send reaches the customer, and the next message is theirs, too."""
    async with shop(tmp_path) as gw:
        await turn(gw, on=True)
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("delivery")
        card = await ana.claim()
        await ana.answer(card, "It takes three days.")
        await mia.say("thanks, and delivery again?")
        assert await mia.listen() == ["It takes three days."]


@pytest.mark.parametrize("said", ["I am furious", "a human please", "gibberish of no known kind"])
async def test_hand_overs_and_questions_back_are_silent(tmp_path: Path, said: str) -> None:
    """The bot's own reasons stay with the hand-over, and its words do not go out."""
    async with shop(tmp_path) as gw:
        await turn(gw, on=True)
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say(said)
        assert mia.heard == []
        codes = [reason.code for reason in (await ana.next_card()).handoff.reasons]  # type: ignore[union-attr]
        assert codes[-1] == "shadow"
        assert len(codes) > 1


async def test_later_messages_show_what_the_bot_would_have_said(tmp_path: Path) -> None:
    """Until a person claims the conversation, the newest suggestion is the bot's own; then it is a
    person's conversation."""
    async with shop(tmp_path, FakeHandler(_stock, priority=40, name="stock")) as gw:
        await turn(gw, on=True)
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("delivery")
        await mia.say("and stock?")
        card = await ana.next_card()
        assert card.suggestion is not None
        assert card.suggestion.source == f"{SHADOW_SOURCE}stock"
        assert "Plenty." in card.suggestion.text
        await ana.claim()
        await mia.say("delivery")
        after = (await case_of(gw)).suggestions
        assert all(not each.source.startswith(SHADOW_SOURCE) for each in after[2:])
        assert mia.heard == []


def _stock(turn: Turn) -> Reply | None:
    asked = turn.kind == "message" and turn.understanding.intent.name == "stock"
    return Reply(body=("Plenty.",)) if asked and turn.route.action == "automate" else None


async def test_after_a_hand_over_the_bot_would_have_been_silent(tmp_path: Path) -> None:
    """Where it would have handed over, no later draft is said to be the bot's."""
    async with shop(tmp_path) as gw:
        await turn(gw, on=True)
        mia = gw.customer("fake", "mia")
        await mia.say("I am furious")
        await mia.say("delivery")
        suggestions = (await case_of(gw)).suggestions
        assert all(not each.source.startswith(SHADOW_SOURCE) for each in suggestions)


@pytest.mark.parametrize("first", ["", "delivery"])
async def test_harm_alarms_people_and_says_nothing(tmp_path: Path, first: str) -> None:
    """The customer hears nothing of the bot; the case has the highest priority, its reason comes
    first, and the alarm sounds; so also in a conversation that waits already."""
    async with shop(tmp_path) as gw:
        await turn(gw, on=True)
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        if first:
            await mia.say(first)
        await mia.say("the lamp caught fire")
        await gw.pass_time(3600)
        assert mia.heard == []
        card = await ana.next_card()
        assert card.handoff is not None
        assert (card.handoff.reasons[0].code, card.handoff.priority) == ("harm", 3)
        alarms = [message for message in card.messages if message.purpose == "alarm"]
        assert len(alarms) == 1
        drafts = (await case_of(gw)).suggestions[bool(first) :]
        assert all(not each.source.startswith(SHADOW_SOURCE) for each in drafts)


async def test_the_doctor_says_who_turned_it_on(tmp_path: Path) -> None:
    """A line with the person and the time, until it is off."""
    async with shop(tmp_path) as gw:
        check = health_checks(gw.gateway)["shadow mode"]
        assert await check() == ()
        await turn(gw, on=True)
        [problem] = await check()
        assert "by cli:test" in problem.what
        assert (problem.severity, problem.since) == ("warning", gw.clock.now())
        assert "warmline shadow off" in problem.fix
        await turn(gw, on=False)
        assert await check() == ()


async def test_no_survey_is_sent(tmp_path: Path) -> None:
    """Closing a case asks nobody anything."""
    async with shop(tmp_path) as gw:
        await turn(gw, on=True)
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("delivery")
        card = await ana.claim()
        await ana.answer(card, "It takes three days.")
        await ana.resolve(card)
        await gw.pass_time(7200)
        assert await mia.listen() == ["It takes three days."]


async def test_thanks_after_the_end_stay_unanswered(tmp_path: Path) -> None:
    """A word of thanks opens nothing, and the bot does not say that it is welcome."""
    async with shop(tmp_path) as gw:
        await turn(gw, on=True)
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("delivery")
        card = await ana.claim()
        await ana.answer(card, "It takes three days.")
        await ana.resolve(card)
        await mia.say("thanks")
        assert await mia.listen() == ["It takes three days."]


async def test_after_it_is_off_the_bot_answers(tmp_path: Path) -> None:
    """Who writes next is answered; who waits for a person still does."""
    async with shop(tmp_path) as gw:
        await turn(gw, on=True)
        mia, tom = gw.customer("fake", "mia"), gw.customer("fake", "tom")
        await mia.say("delivery")
        await turn(gw, on=False)
        await tom.say("delivery")
        assert tom.heard
        assert mia.heard == []
        assert (await case_of(gw, 0)).conversation.state == "waiting"


async def test_another_process_is_seen(tmp_path: Path) -> None:
    """A switch that another process turned counts at the next look."""
    async with shop(tmp_path) as gw:
        switch = gw.gateway.infrastructure.shadow
        other = type(switch)(storage=switch.storage, audit=switch.audit, clock=switch.clock)
        assert await other.turn(on=True, by="cli:other")
        switch._seen = -1e9
        assert await switch.is_on()
        assert not await other.turn(on=True, by="cli:other")


async def test_two_who_turn_it_at_once_make_one_period(tmp_path: Path) -> None:
    """One of them turned it on; the other finds it on."""
    async with shop(tmp_path) as gw:
        switch = gw.gateway.infrastructure.shadow
        done = await asyncio.gather(*(switch.turn(on=True, by=f"cli:{n}") for n in "ab"))
        assert sorted(done) == [False, True]
        assert len((await switch.state()).periods) == 1


async def test_readyz_tells(tmp_path: Path) -> None:
    """It is told, and is no trouble."""
    async with shop(tmp_path) as gw, gw.session() as session:
        before = await (await session.get("/readyz")).json()
        await turn(gw, on=True)
        after = await (await session.get("/readyz")).json()
        assert (before["shadow"], after["shadow"]) == (False, True)
        assert after["ready"]


async def test_out_of_hours_one_configured_notice(tmp_path: Path) -> None:
    """Who writes while nobody works gets the configured text once, and nothing else."""
    async with shop(tmp_path, config=CLOSED) as gw:
        week = SetValue(at=("hours",), value={"week": {"sunday": "09:00-10:00"}})
        newest = await gw.services.versions.overlay("hours")
        await gw.services.versions.adopt(
            "hours", [week], after=newest.number, author="cli:test", why="closed"
        )
        await turn(gw, on=True)
        mia = gw.customer("fake", "mia")
        await mia.say("delivery")
        await mia.say("hello?")
        assert mia.heard == ["We are closed and read your message tomorrow."]


async def test_the_report_compares_with_what_people_answered(tmp_path: Path) -> None:
    """Each message of the time is a matter, with what the bot would have said and what a person
    did."""
    async with shop(tmp_path) as gw:
        mia, tom, ana = gw.customer("fake", "mia"), gw.customer("fake", "tom"), gw.desk_agent("ana")
        await mia.say("delivery")  # before: the bot answers
        await turn(gw, on=True)
        await tom.say("delivery")
        card = await ana.claim()
        bot = card.suggestion.text if card.suggestion else ""
        await ana.answer(card, bot)
        await tom.say("I am furious")
        report = await shadow_report(gw.services)
        assert report.live
        [matter] = report.matters
        assert matter.verdict == "answer"
        assert matter.person == matter.bot != ""


def test_the_report_knows_every_detail_of_the_reason() -> None:
    """What routing writes is what the report reads."""
    assert VERDICTS.keys() == set(WOULD_HAVE.values())


async def test_erasing_a_customer_erases_what_the_bot_would_have_said(tmp_path: Path) -> None:
    """The suggestion is exported and erased with the customer; the switch's row names none."""
    async with shop(tmp_path) as gw:
        await turn(gw, on=True)
        mia = gw.customer("fake", "mia")
        await mia.say("delivery")
        [suggestion] = (await case_of(gw)).suggestions
        exported = await gw.gateway.customer_data.export(mia.address)
        assert suggestion.text.encode() in msgspec.json.encode(exported)
        await gw.gateway.customer_data.erase(mia.address)
        assert await gw.services.records.cases() == ()
        stored = await gw.services.storage.get("gateway", "shadow")
        assert stored is not None
        assert "mia" not in stored.value
