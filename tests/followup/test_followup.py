"""The follow-up handler: when it asks, what it asks, and how it takes the answer."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from brand_voice import GuidedVoice
from brand_voice.loading import load as load_guide
from gateway import (
    Context,
    Emotion,
    MoodLabel,
    Reason,
    RenderContext,
    Reply,
    Route,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    Turn,
)
from plugins.followup import Followup, FollowupSettings
from plugins.followup.settings import ASPECTS, QuietHours, after_quiet_hours
from plugins.followup.survey_answers import parse_answer
from plugins.followup.texts import TEXTS, SurveyTone
from tests.routing.builders import NOW, bot, customer, turn, understood

SPOKEN = tuple(TEXTS.unsolved)
VOICE = GuidedVoice(load_guide(None))
ASKED = Survey(id=1, conversation=1, ask=SurveyQuestion(), asked_at=NOW)


def followup(**known: Any) -> Followup:
    return Followup(settings=FollowupSettings.model_validate(known))


def closed(epoch: int = 3, **known: Any) -> Turn:
    """The event or timer of a resolved conversation."""
    known.setdefault("history", (customer(), bot()))
    made = turn("", of=understood("", language="und"), **known)
    return made.replace(conversation=made.conversation.replace(state="resolved", epoch=epoch))


def resolved(**known: Any) -> Turn:
    return closed(kind="event", name="resolved", **known)


def timer_due(**known: Any) -> Turn:
    known.setdefault("data", {"epoch": "3"})
    return closed(kind="timer", name="followup", **known)


def answered(answer: SurveyAnswer, action: Any = "automate", **known: Any) -> Turn:
    reasons = (Reason(code="survey_unsolved", detail="x"),) if action == "escalate" else ()
    made = turn("4", survey=ASKED, survey_answer=answer, **known)
    return made.replace(route=Route(action=action, reasons=reasons))


# -- when ----------------------------------------------------------------------------------------


async def test_a_timer_is_set_when_a_case_is_closed() -> None:
    """It is due after the delay of the channel, and nothing is sent yet."""
    reply = await followup(channels={"webchat": {"delay_minutes": 2}}).handle(resolved())
    assert reply
    assert (reply.body, reply.survey) == ((), None)
    (timer,) = reply.timers
    assert (timer.name, timer.due_at) == ("followup", NOW + timedelta(minutes=2))
    assert timer.data == {"epoch": "3"}


async def test_a_timer_is_not_due_in_quiet_hours() -> None:
    """A timer due at night moves to the morning, in the time zone of the settings."""
    handler = followup(delay_minutes=60, timezone="Asia/Tokyo")
    reply = await handler.handle(resolved(at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC)))
    assert reply
    assert reply.timers[0].due_at == datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


async def test_a_late_timer_waits_for_the_end_of_quiet_hours() -> None:
    """A server that was down when the timer was due does not ask at night."""
    reply = await followup().handle(timer_due(at=datetime(2026, 11, 23, 23, 30, tzinfo=UTC)))
    assert reply
    assert reply.survey is None
    assert reply.timers[0].due_at == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert reply.timers[0].data == {"epoch": "3"}


NOT_ASKED = [
    {"customer": turn().customer.replace(opted_out=True)},
    {"history": (customer(), bot("survey"))},
    {"survey": ASKED},
    {"history": ()},
]


@pytest.mark.parametrize("known", NOT_ASKED)
async def test_who_is_not_asked(known: dict[str, Any]) -> None:
    """Customers who opted out, were asked already or never wrote are neither asked nor planned."""
    assert await followup().handle(resolved(**known)) is None
    assert await followup().handle(timer_due(**known)) is None


async def test_an_open_survey_of_another_conversation_does_not_count() -> None:
    """An unanswered question about an earlier case does not prevent one about this case."""
    assert await followup().handle(timer_due(survey=ASKED.replace(conversation=99))) is not None


async def test_a_reopened_case_is_not_asked_about() -> None:
    """Nor is a case that was reopened and closed again since the timer was set."""
    reopened = timer_due()
    reopened = reopened.replace(
        conversation=reopened.conversation.replace(state="bot"), route=Route(action="automate")
    )
    assert await followup().handle(reopened) is None
    assert await followup().handle(timer_due(data={"epoch": "1"})) is None


async def test_a_channel_can_be_disabled() -> None:
    """``enabled: false`` for a channel asks nobody there."""
    handler = followup(channels={"webchat": {"enabled": False}})
    assert await handler.handle(resolved()) is None
    assert await handler.handle(timer_due()) is None


@pytest.mark.parametrize(
    "other",
    [turn(), turn(survey=ASKED), closed(kind="timer", name="unclaimed"), closed(kind="event",
     name="claimed")],
)  # fmt: skip
async def test_other_turns_are_ignored(other: Turn) -> None:
    """New questions, and timers and events of others, are left to other handlers."""
    assert await followup().handle(other) is None


# -- quiet hours ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "local", "moved"),
    [
        ("21:00-08:00", "2026-11-23 20:59", "2026-11-23 20:59"),
        ("21:00-08:00", "2026-11-23 21:00", "2026-11-24 08:00"),
        ("21:00-08:00", "2026-11-23 23:59", "2026-11-24 08:00"),
        ("21:00-08:00", "2026-11-24 00:00", "2026-11-24 08:00"),
        ("21:00-08:00", "2026-11-24 07:59", "2026-11-24 08:00"),
        ("21:00-08:00", "2026-11-24 08:00", "2026-11-24 08:00"),
        ("12:00-14:00", "2026-11-24 13:00", "2026-11-24 14:00"),
        ("12:00-14:00", "2026-11-24 23:00", "2026-11-24 23:00"),
        ("21:00-02:30", "2026-10-24 22:00", "2026-10-25 01:30Z"),
        ("21:00-02:30", "2026-03-28 22:00", "2026-03-29 01:30Z"),
    ],
)
def test_quiet_hours_move_to_their_end(hours: str, local: str, moved: str) -> None:
    """Also over midnight, and in the nights when the clocks change."""
    berlin = ZoneInfo("Europe/Berlin")
    found = after_quiet_hours(QuietHours.model_validate(hours), _at(local, berlin), "Europe/Berlin")
    assert found == _at(moved, berlin)


def _at(local: str, zone: ZoneInfo) -> datetime:
    at = datetime.fromisoformat(local)
    return at if at.tzinfo else at.replace(tzinfo=zone)


clocks = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(
    st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  (made aware by ``timezones``)
    st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]),
)
def test_the_result_is_never_in_quiet_hours(pair: tuple[Any, Any], at: datetime, zone: str) -> None:
    """It is never earlier, at most a day later, and outside the quiet hours."""
    quiet = QuietHours(start=pair[0], end=pair[1])
    moved = after_quiet_hours(quiet, at, zone)
    assert at <= moved <= at + timedelta(hours=25)
    assert after_quiet_hours(quiet, moved, zone) == moved


@pytest.mark.parametrize(
    "wrong",
    [{"quiet": "at night"}, {"quiet": "21:00-21:00"}, {"timezone": "Mars"}, {"delay": 3},
     {"channels": {"sms": {"kind": "csat"}}}],
)  # fmt: skip
def test_invalid_settings_are_refused(wrong: dict[str, Any]) -> None:
    """Mistakes are found at start-up."""
    with pytest.raises(ValidationError):
        FollowupSettings.model_validate(wrong)


# -- the question --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("kind", ["felt_heard", "csat", "ces"])
@pytest.mark.parametrize("scale", ["stars", "number", "text"])
async def test_one_question_is_asked_in_each_language(language: str, kind: Any, scale: Any) -> None:
    """It says what to do if the case is not solved, and how to stop such questions."""
    of = timer_due()
    of = of.replace(conversation=of.conversation.replace(language=language))
    reply = await followup(kind=kind, scale=scale).handle(of)
    assert reply
    assert (reply.purpose, reply.language) == ("survey", language)
    assert reply.survey == SurveyQuestion(kind=kind, scale=scale)
    text = " ".join((reply.opener or "", *reply.body, reply.next_step or ""))
    assert sum(text.count(mark) for mark in "?؟？") == 1
    assert TEXTS.no_more[language] in text
    assert "STOP" not in text
    assert "!" not in text


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("aspect", ASPECTS)
def test_each_side_of_feeling_heard_has_its_question(language: str, aspect: Any) -> None:
    """One sentence with one question mark, in each language."""
    asked = SurveyQuestion(kind="heard_aspect", aspect=aspect)
    words = TEXTS.question(asked, language)
    assert sum(words.count(mark) for mark in "?؟？") == 1
    assert words.endswith(("?", "؟", "？"))


@pytest.mark.parametrize("language", SPOKEN)
def test_the_words_that_stop_the_questions_are_understood(language: str) -> None:
    """The words in quotes, as the customer copies them."""
    found = re.search(r"[“„«「”](.+?)[”“»」]", TEXTS.no_more[language])
    assert found
    answer = parse_answer(found[1].strip(" ,\u00a0"))
    assert answer
    assert answer.opt_out


@pytest.mark.parametrize(
    ("channel", "scale", "stop"),
    [
        ("sms", "number", "STOP"),
        ("whatsapp", "number", "no more questions"),
        ("email", "number", "no more questions"),
        ("webchat", "stars", "no more questions"),
        ("telegram", "stars", "no more questions"),
    ],
)
async def test_the_wording_fits_the_channel(channel: str, scale: str, stop: str) -> None:
    """Stars where they can be clicked. STOP is a word of SMS alone."""
    of = timer_due()
    address = of.conversation.address.replace(channel=channel)
    reply = await followup().handle(
        of.replace(conversation=of.conversation.replace(address=address))
    )
    assert reply
    assert reply.survey
    assert reply.survey.scale == scale
    assert reply.next_step
    assert stop in reply.next_step
    assert ("STOP" in reply.next_step) is (channel == "sms")


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize(
    "channel", ["sms", "whatsapp", "email", "webchat", "telegram", "slack", "rest", "own"]
)
async def test_the_scale_is_stated_once(channel: str, language: str) -> None:
    """On every channel and in each language: what 1 and what 5 mean."""
    of = timer_due()
    address = of.conversation.address.replace(channel=channel)
    conversation = of.conversation.replace(address=address, language=language)
    reply = await followup().handle(of.replace(conversation=conversation))
    assert reply
    assert reply.language == language
    context = RenderContext(channel=channel, emotion=Emotion(), first=False)
    text = " ".join(VOICE.render(reply, context).parts)
    assert re.findall(r"(?<!\d)[15](?!\d)", text) == ["1", "5"]
    words = re.search(r"(?<!\d)1(.*)(?<!\d)5(.*)", text)
    assert words
    assert all(re.search(r"\w{2}", found) for found in words.groups())


def test_questions_come_in_turn_and_equally_often() -> None:
    """The number of the conversation alone decides."""
    settings = FollowupSettings()
    asked = [settings.question(id, "webchat") for id in range(1, 321)]
    assert Counter(question.kind for question in asked) == dict.fromkeys(settings.questions, 80)
    aspects = Counter(q.aspect for q in asked if q.kind == "heard_aspect")
    assert aspects == dict.fromkeys(ASPECTS, 10)


@pytest.mark.parametrize(("days", "is_asked"), [(29, False), (31, True)])
async def test_a_customer_who_was_asked_is_left_in_peace(days: int, is_asked: bool) -> None:
    """For the cool-down, whatever the channel and the question were."""
    before = ASKED.replace(conversation=99, asked_at=NOW - timedelta(days=days))
    known = {"context": Context(surveys=(before,))}
    assert (await followup().handle(resolved(**known)) is not None) is is_asked
    assert (await followup().handle(timer_due(**known)) is not None) is is_asked


async def test_nobody_is_asked_twice_about_one_case_however_long_it_is() -> None:
    """Also when the question is so far back that the turn's history has it no more."""
    before = ASKED.replace(asked_at=NOW - timedelta(days=400))
    assert await followup().handle(timer_due(context=Context(surveys=(before,)))) is None


@pytest.mark.parametrize(
    ("moods", "tone"),
    [
        ([], "warm"),
        ([("calm", 0.1), ("pleased", 0.9)], "warm"),
        ([("angry", 0.9), ("calm", 0.1)], "recovered"),
        ([("calm", 0.9), ("pleased", 0.1)], "recovered"),
        ([("calm", 0.0), ("frustrated", 0.5)], "careful"),
        ([("calm", 0.7)], "careful"),
    ],
)
async def test_the_tone_follows_the_emotional_arc(
    moods: list[tuple[MoodLabel, float]], tone: SurveyTone
) -> None:
    """A customer who was upset at the end is asked in another tone than one who was helped."""
    history = tuple(customer(of=understood(label=m, distress=d)) for m, d in moods)
    reply = await followup().handle(timer_due(history=history or (customer(),)))
    assert reply
    assert reply.opener == TEXTS.openers[tone]["en"]


# -- the answer ----------------------------------------------------------------------------------


async def reply_to(of: Turn) -> Reply:
    reply = await followup().handle(of)
    assert reply is not None
    return reply


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (SurveyAnswer(score=5), "good"),
        (SurveyAnswer(solved=True), "good"),
        (SurveyAnswer(comment="thanks"), "good"),
        (SurveyAnswer(score=3), "middling"),
        (SurveyAnswer(score=1), "middling"),
        (SurveyAnswer(solved=False), "middling"),
        (SurveyAnswer(opt_out=True), "stopped"),
    ],
)
async def test_thanks_fit_the_answer(language: str, answer: SurveyAnswer, kind: str) -> None:
    """Praise is passed on, criticism gets no cheer, and STOP is confirmed."""
    reply = await reply_to(answered(answer, of=understood(language=language)))
    assert (reply.purpose, reply.escalate) == ("thanks", ())
    assert reply.body == (TEXTS.thanks[kind][language],)


@pytest.mark.parametrize("language", SPOKEN)
async def test_an_unsolved_case_is_reopened(language: str) -> None:
    """The reply has the reasons of the routing, and outside opening hours the next opening."""
    of = answered(
        SurveyAnswer(solved=False),
        "escalate",
        of=understood(language=language),
        opening="2026-11-30T09:00:00+01:00",
    )
    reply = await reply_to(of)
    assert reply.purpose == "handover"
    assert [reason.code for reason in reply.escalate] == ["survey_unsolved"]
    assert reply.body[0] == TEXTS.reopened["unsolved"][language]
    (fact,) = reply.facts
    assert fact.value in reply.body[1]
    within = await reply_to(of.replace(opening=None))
    assert (len(within.body), within.facts) == (1, ())


async def test_a_question_in_the_answer_goes_to_a_person() -> None:
    """A score with a question reopens the case for the question."""
    reply = await reply_to(answered(SurveyAnswer(score=4, comment="4, but when is my refund?")))
    assert [reason.code for reason in reply.escalate] == ["survey_question"]


@pytest.mark.parametrize(
    ("scale", "text", "comment"),
    [("text", "It went well enough", "It went well enough"), ("text", "When do you open?", None),
     ("stars", "It went well enough", None)],
)  # fmt: skip
def test_free_text_answers_a_text_survey(scale: Any, text: str, comment: str | None) -> None:
    """Free text is an answer where the survey asked for it; a question never is."""
    survey = ASKED.replace(ask=SurveyQuestion(scale=scale))
    answer = followup().read_answer(turn(text, survey=survey))
    assert (answer.comment if answer else None) == comment
