"""Dialogues through the whole gateway: a case is closed, and the customer is asked once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import ContextCard
from gateway.testing import RunningGateway, SimulatedAgent, SimulatedCustomer
from plugins.followup.texts import TEXTS
from tests.routing.dialogue import shop

QUESTION = TEXTS.questions["felt_heard"]["en"]


async def closed(
    gw: RunningGateway, message: str = "delivery, and a human please"
) -> tuple[SimulatedCustomer, SimulatedAgent]:
    """A customer whose case a person has resolved."""
    mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
    await mia.say(message)
    card = await ana.claim()
    await ana.answer(card, "It is on its way.")
    await ana.resolve(card)
    await mia.listen()
    mia.heard.clear()
    return mia, ana


async def asked(gw: RunningGateway, mia: SimulatedCustomer, seconds: float = 1800) -> list[str]:
    await gw.pass_time(seconds)
    await mia.listen()
    received, mia.heard = mia.heard, []
    return received


async def card_of(gw: RunningGateway, mia: SimulatedCustomer) -> ContextCard:
    (first, *_) = await mia.messages()
    return await gw.services.desk.card(first.conversation)


async def test_the_question_comes_once_after_the_delay(tmp_path: Path) -> None:
    """It comes not before the delay, and the rating is thanked for."""
    async with shop(tmp_path) as gw:
        mia, _ = await closed(gw)
        assert await asked(gw, mia, 1700) == []
        assert QUESTION in await asked(gw, mia, 200)
        await mia.say("★★★★★")
        assert mia.heard == [TEXTS.thanks["good"]["en"]]
        assert (await card_of(gw, mia)).conversation.state == "resolved"
        assert QUESTION not in await asked(gw, mia, 90_000)


async def test_an_angry_customer_is_asked_in_a_careful_tone(tmp_path: Path) -> None:
    """The opener depends on how the conversation ended."""
    async with shop(tmp_path) as gw:
        mia, _ = await closed(gw, "I am furious")
        assert TEXTS.openers["careful"]["en"] in await asked(gw, mia)


async def test_an_unsolved_case_is_reopened(tmp_path: Path) -> None:
    """The same conversation waits for a person, with the reason; no second question follows."""
    async with shop(tmp_path) as gw:
        mia, ana = await closed(gw)
        await asked(gw, mia)
        await mia.say("no, still broken")
        assert mia.heard == [TEXTS.reopened["unsolved"]["en"]]
        card = await ana.next_card()
        assert card.conversation.id == (await card_of(gw, mia)).conversation.id
        assert card.handoff
        assert [r.code for r in card.handoff.reasons] == ["survey_unsolved"]
        await ana.resolve(await ana.claim(card))
        assert QUESTION not in await asked(gw, mia, 90_000)


async def test_a_new_question_opens_a_new_conversation(tmp_path: Path) -> None:
    """It is no answer to the survey; the bot answers it."""
    async with shop(tmp_path) as gw:
        mia, _ = await closed(gw)
        await asked(gw, mia)
        await mia.say("delivery of another one?")
        assert mia.heard == ["Two days."]
        ids = {message.conversation for message in await mia.messages()}
        assert len(ids) == 2


@pytest.mark.parametrize("text", ["STOP", "No more questions, thanks"])
async def test_stop_prevents_all_later_surveys(tmp_path: Path, text: str) -> None:
    """A customer who asked for no more is not asked about the next case either."""
    async with shop(tmp_path) as gw:
        mia, _ = await closed(gw)
        await asked(gw, mia)
        await mia.say(text)
        assert mia.heard == [TEXTS.thanks["stopped"]["en"]]
        mia, _ = await closed(gw, "refund, a human please")
        assert QUESTION not in await asked(gw, mia, 90_000)


async def test_no_question_during_another_conversation(tmp_path: Path) -> None:
    """A customer who wrote again before the timer is not asked about the last case."""
    async with shop(tmp_path) as gw:
        mia, _ = await closed(gw)
        await mia.say("refund of it, a human please")
        mia.heard.clear()
        assert await asked(gw, mia, 90_000) == []


async def test_the_question_waits_for_the_end_of_quiet_hours(tmp_path: Path) -> None:
    """A question due at night is sent in the morning."""
    night = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
    settings = {"quiet": "21:00-08:00"}
    async with shop(tmp_path, at=night, followup=settings) as gw:
        mia, _ = await closed(gw)
        assert await asked(gw, mia, 10 * 3600) == []
        assert QUESTION in await asked(gw, mia, 1800)


async def test_a_customer_is_asked_once_within_the_cool_down(tmp_path: Path) -> None:
    """Two cases in one week, on two channels or one: one question."""
    async with shop(tmp_path) as gw:
        mia, _ = await closed(gw)
        assert QUESTION in await asked(gw, mia)
        await mia.say("5")
        await gw.pass_time(86_400)
        mia, _ = await closed(gw)
        assert await asked(gw, mia) == []


async def test_a_low_answer_comes_back_with_its_words_on_the_card(tmp_path: Path) -> None:
    """The agent reads why, without a search."""
    async with shop(tmp_path) as gw:
        mia, _ = await closed(gw)
        await asked(gw, mia)
        await mia.say("2, the second wheel is still missing")
        card = await card_of(gw, mia)
        assert card.handoff
        [reason] = [one for one in card.handoff.reasons if one.code == "survey_unsolved"]
        assert "the second wheel is still missing" in reason.detail


@pytest.mark.parametrize(
    ("said", "label", "words"),
    [
        ("1, nobody cared about my bag", "frustrated", ["1, nobody cared about my bag"]),
        ("2 weil niemand nachgesehen hat", "frustrated", ["2 weil niemand nachgesehen hat"]),
        ("1", "calm", []),
        ("3, it was all right in the end", "calm", []),
        ("5, that was quick", "calm", []),
    ],
)
async def test_a_bad_score_with_words_is_a_mood(
    tmp_path: Path, said: str, label: str, words: list[str]
) -> None:
    """The card shows it with the words; a number alone, or a better one, shows none."""
    async with shop(tmp_path) as gw:
        mia, _ = await closed(gw)
        await asked(gw, mia)
        await mia.say(said)
        *_, answer = [m for m in (await card_of(gw, mia)).messages if m.author == "customer"]
        assert answer.understanding
        emotion = answer.understanding.emotion
        assert emotion.label == label
        assert [cue.text for cue in emotion.cues if cue.kind == "low_score"] == words
        assert (emotion.distress >= 0.6) == bool(words)


async def test_what_a_case_was_about_stays_when_it_is_reopened(tmp_path: Path) -> None:
    """A legal matter is one still after a bad score, and so is its place in the queue."""
    async with shop(tmp_path) as gw:
        mia, ana = await closed(gw, "my lawyer will ask about the refund")
        await asked(gw, mia)
        await mia.say("1, this went nowhere")
        card = await ana.next_card()
        assert card.handoff
        assert [r.code for r in card.handoff.reasons] == ["survey_unsolved", "legal"]
        assert card.handoff.priority == 2
        await ana.resolve(await ana.claim(card))


async def test_what_a_case_was_about_stays_after_the_bot_had_it_again(tmp_path: Path) -> None:
    """The agent gave it back to the bot; the next hand-over has the matter beside its own reason,
    and no mood of before."""
    async with shop(tmp_path) as gw:
        mia, ana = gw.customer("fake", "mia"), gw.desk_agent("ana")
        await mia.say("I am furious, my lawyer will ask about the refund")
        card = await ana.claim()
        epoch = card.conversation.epoch
        await gw.services.desk.hand_back(card.conversation.id, ana.agent, epoch=epoch)
        await mia.say("delivery, and a human please")
        card = await ana.next_card()
        assert card.handoff
        assert [r.code for r in card.handoff.reasons] == ["asked_for_person", "legal"]
