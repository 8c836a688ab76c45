"""Facts and tallies follow the database: what is new, late, erased or too old."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway import (
    Address,
    Emotion,
    Guess,
    Insight,
    Reason,
    Reply,
    SurveyAnswer,
    SurveyQuestion,
    Turn,
)
from gateway.adapters.encryption import new_key
from gateway.testing import (
    FakeChannel,
    FakeClock,
    FakeHandler,
    FakeUnderstander,
    RunningGateway,
    running,
)
from plugins.insights.facts.case_facts import CaseFacts
from plugins.insights.measures.service import Measures
from plugins.insights.measures.values import Filters, MeasuredPeriod
from plugins.insights.settings import InsightsSettings
from tests.insights.measures.test_tallies import NO_WORDS

SINCE, UNTIL = date(2026, 3, 1), date(2026, 3, 31)
DAY = 86_400


def insight(text: str) -> Insight:
    """Reads the first word of a message as its intent, and `!` as anger."""
    return Insight(
        ranking=(Guess(name=text.split(maxsplit=1)[0], confidence=0.95),),
        emotion=Emotion(label="angry" if "!" in text else "calm"),
    )


class Surveys(FakeHandler):
    """Answers; hands over who says so; asks how it went when a case is resolved."""

    def __init__(self) -> None:
        super().__init__(self._reply)

    def _reply(self, turn: Turn) -> Reply | None:
        if turn.kind == "event" and turn.name == "resolved":
            return Reply(body=("How was it?",), survey=SurveyQuestion(), purpose="survey")
        if turn.kind != "message":
            return None
        if turn.survey_answer is not None:
            return Reply(body=("Thanks",), purpose="thanks")
        if "person" in turn.message.text:
            return Reply(body=("Wait.",), escalate=(Reason(code="asked"),), purpose="handover")
        return Reply(body=("Here you are.",))

    def read_answer(self, turn: Turn) -> SurveyAnswer | None:
        text = turn.message.text
        return SurveyAnswer(score=int(text)) if text.isdecimal() else None


def gateway_in(folder: Path, **config: Any) -> Any:
    policy = folder / "policy.yaml"
    policy.write_text(
        "reasons: {low_confidence: {enabled: false}, strong_emotion: {enabled: false},"
        " repeat_contact: {enabled: false}, language: {enabled: false}}",
        "utf-8",
    )
    environ = config.pop("environ", None)
    return running(
        *(FakeChannel(), FakeUnderstander(insight), Surveys()),
        config={"policy": str(policy), **config},
        tmp_path=folder,
        clock=FakeClock(),
        environ=environ,
    )


def measures_of(gw: RunningGateway, timezone: str = "UTC") -> Measures:
    return Measures(gw.services, InsightsSettings(timezone=timezone, least=1), NO_WORDS)


async def measured(gw: RunningGateway, filters: Filters = Filters()) -> MeasuredPeriod:  # noqa: B008
    """The figures of March, as a process that has just started finds them."""
    measures = measures_of(gw)
    await measures.refresh()
    return await measures.between(SINCE, UNTIL, filters)


async def all_facts(gw: RunningGateway) -> list[CaseFacts]:
    measures = measures_of(gw)
    await measures.refresh()
    found = [case async for case in measures.facts.between(SINCE, UNTIL)]
    return sorted(found, key=lambda case: case.conversation)


async def test_what_is_new_is_derived(tmp_path: Path, stored_in: str) -> None:
    """The first time all, later what changed."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("refund please")
        assert (await measured(gw)).totals.conversations == 1
        await gw.customer("fake", "ben").say("invoice to a person please")
        await gw.customer("fake", "ana").say("thanks a lot")
        found = await measured(gw)
        assert found.totals.conversations == 2
        assert found.figures["containment"].value == 0.5
        assert found.shares["reason"]["asked"].value == 1
        assert found.by["channel"]["fake"].share.value == 1
        again = await measured(gw, Filters(intent=("invoice",)))
        assert again.totals.conversations == 1


async def test_a_late_survey_answer_reaches_the_conversation(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("refund by a person please")
        agent = gw.desk_agent("eve")
        card = await agent.claim()
        await agent.answer(card, "Done.")
        await agent.resolve(await agent._desk.card(card.conversation.id))
        first = await measured(gw)
        assert first.figures["response_rate"].value == 0
        await gw.pass_time(6 * DAY)
        await gw.customer("fake", "ana").say("2")
        found = await measured(gw)
        assert found.totals.conversations == 1
        assert found.figures["response_rate"].value == 1
        assert found.figures["felt_heard"].value == 2


async def test_spam_counts_in_no_measure(tmp_path: Path) -> None:
    """Also when it was counted before somebody marked it."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("refund by a person please")
        agent = gw.desk_agent("eve")
        card = await agent.claim()
        assert (await measured(gw)).totals.conversations == 1
        conversation = card.conversation
        await gw.services.desk.mark_spam(conversation.id, agent.agent, epoch=conversation.epoch)
        assert (await measured(gw)).totals.conversations == 0


async def test_a_later_contact_reaches_the_earlier_one(tmp_path: Path) -> None:
    """It counts only when its seven days are over; until then it is pending."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("refund please")
        await gw.customer("fake", "ben").say("invoice please")
        early = await measured(gw)
        assert early.figures["repeat_contact_7d"].n == 0
        assert early.pending["repeat_contact_7d"] == 2
        await gw.pass_time(5 * DAY)
        await gw.customer("fake", "ana").say("refund where is it!")
        await gw.customer("fake", "ben").say("sizes for shoes")
        await gw.pass_time(4 * DAY)
        found = await measured(gw)
        assert (found.figures["repeat_contact_7d"].value, found.figures["repeat_contact_7d"].n) == (
            0.5,
            2,
        )
        assert found.pending["repeat_contact_7d"] == 2
        assert found.figures["containment_honest"].value == 0.5
        facts = await all_facts(gw)
        assert [case.returns.repeat_after for case in facts] == [None, None, 5 * DAY, None]
        assert facts[0].returns.back_mood == "angry"


async def test_updating_gives_the_same_facts_as_deriving_all_again(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gw:
        for text in ("refund please", "refund, where is it!"):
            for name in ("ana", "ben"):
                await gw.customer("fake", name).say(text)
                await all_facts(gw)
            await gw.pass_time(2 * DAY)
        updated = await all_facts(gw)
        await gw.services.storage.clear("insights", "")
        assert await all_facts(gw) == updated
        assert len(updated) == 4


async def test_an_erased_customer_leaves_facts_and_tallies(tmp_path: Path, stored_in: str) -> None:
    """The figures follow, and nothing of them is left in the database or in files."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("platypus please")
        await gw.customer("fake", "ben").say("refund please")
        before = await measured(gw)
        assert sorted(before.by["intent"]) == ["platypus", "refund"]
        erased = await gw.gateway.customer_data.erase(Address(channel="fake", value="ana"))
        assert erased.finished
        after = await measured(gw)
        assert after.totals.conversations == 1
        assert list(after.by["intent"]) == ["refund"]
        assert [case.intent for case in await all_facts(gw)] == ["refund"]
        await gw.gateway.customer_data.erase(Address(channel="fake", value="ben"))
        assert (await measured(gw)).totals.conversations == 0
        for kind in ("case/", "tally/", "work/"):
            assert await gw.services.storage.count("insights", kind, length=6) == {}


async def test_facts_are_exported_with_their_customer(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("refund please")
        await measured(gw)
        exported = await gw.gateway.customer_data.export(Address(channel="fake", value="ana"))
        assert "refund" in str(exported["notes_of_guests"])


async def test_another_time_zone_derives_all_again(tmp_path: Path, stored_in: str) -> None:
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("refund please")
        await measured(gw)
        moved = measures_of(gw, "Pacific/Kiritimati")
        await moved.refresh()
        [case] = [case async for case in moved.facts.between(SINCE, UNTIL)]
        assert case.day == "2026-03-03"
        found = await moved.between(date(2026, 3, 3), date(2026, 3, 3))
        assert found.totals.conversations == 1
        assert (await moved.between(date(2026, 3, 2), date(2026, 3, 2))).totals.conversations == 0


@pytest.mark.sqlite
async def test_facts_and_tallies_are_encrypted(tmp_path: Path) -> None:
    environ = {"WARMLINE_DATA_KEY": new_key()}
    async with gateway_in(tmp_path, environ=environ) as gw:
        await gw.customer("fake", "ana").say("platypus please")
        assert list((await measured(gw)).by["intent"]) == ["platypus"]
        with sqlite3.connect(tmp_path / "var" / "warmline.db") as database:
            rows = database.execute("SELECT value FROM notes_of_guests WHERE guest = 'insights'")
            values = [row[0] for row in rows]
        assert len(values) == 4
        assert not any("platypus" in value or value.startswith("{") for value in values)


async def test_two_processes_may_refresh_at_once(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("refund please")
        one, other = measures_of(gw), measures_of(gw)
        await one.refresh()
        await gw.customer("fake", "ben").say("refund please")
        await other.refresh()
        await one.refresh()
        assert (await one.between(SINCE, UNTIL)).totals.conversations == 2


async def test_periods_are_compared_with_the_days_before(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "ana").say("refund by a person")
        await gw.pass_time(DAY)
        await gw.customer("fake", "ben").say("refund please")
        measures = measures_of(gw)
        await measures.refresh()
        day = date(2026, 3, 3)
        found = await measures.between(day, day)
        change = found.changes["containment"]
        assert (change.figure.value, change.other.value, change.difference.value) == (1, 0, 1)
        points = await measures.trend(SINCE, UNTIL, ("containment",), days=1)
        assert [p.figures["containment"].n for p in points[:4]] == [0, 1, 1, 0]
        contrast = await measures.contrasts(SINCE, UNTIL, "team", ("containment",))
        assert set(contrast) == {"bot"}
