"""One question after a case is closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway import MoodLabel, Reason, Reply, Route, Survey, SurveyAnswer, SurveyQuestion, Turn
from plugins.followup import Followup, FollowupSettings, words
from plugins.followup.quiet import Quiet, not_in
from tests.routing.builders import NOW, bot, customer, turn, understood

SPOKEN = ("en", "de", "fr", "es", "ar")
ASKED = Survey(id=1, conversation=1, ask=SurveyQuestion(), asked_at=NOW)


def followup(**known: Any) -> Followup:
    return Followup(FollowupSettings.model_validate(known))


def closed(epoch: int = 3, **known: Any) -> Turn:
    """The event or timer of a resolved conversation."""
    known.setdefault("history", (customer(), bot()))
    made = turn("", of=understood("", language="und"), **known)
    return made.replace(conversation=made.conversation.replace(state="resolved", epoch=epoch))


def resolved(**known: Any) -> Turn:
    return closed(kind="event", name="resolved", **known)


def rung(**known: Any) -> Turn:
    known.setdefault("data", {"epoch": "3"})
    return closed(kind="timer", name="followup", **known)


def answered(answer: SurveyAnswer, action: Any = "automate", **known: Any) -> Turn:
    reasons = (Reason(code="survey_unsolved", detail="x"),) if action == "escalate" else ()
    made = turn("4", survey=ASKED, survey_answer=answer, **known)
    return made.replace(route=Route(action=action, reasons=reasons))


# -- when ----------------------------------------------------------------------------------------


async def test_an_alarm_is_set_when_a_case_is_closed() -> None:
    """After the delay of the channel, and nothing is said yet."""
    reply = await followup(channels={"webchat": {"delay_minutes": 2}}).handle(resolved())
    assert reply
    assert (reply.body, reply.survey) == ((), None)
    (timer,) = reply.timers
    assert (timer.name, timer.due_at) == ("followup", NOW + timedelta(minutes=2))
    assert timer.data == {"epoch": "3"}


async def test_not_in_quiet_hours() -> None:
    """What would ring at night rings in the morning, by the clock of the settings."""
    one = followup(delay_minutes=60, timezone="Asia/Tokyo")
    reply = await one.handle(resolved(at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC)))
    assert reply
    assert reply.timers[0].due_at == datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


async def test_an_alarm_that_comes_late_waits_for_the_morning() -> None:
    """A server that was down does not ask at night."""
    reply = await followup().handle(rung(at=datetime(2026, 11, 23, 23, 30, tzinfo=UTC)))
    assert reply
    assert reply.survey is None
    assert reply.timers[0].due_at == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert reply.timers[0].data == {"epoch": "3"}


REFUSALS = [
    {"customer": turn().customer.replace(opted_out=True)},
    {"history": (customer(), bot("survey"))},
    {"survey": ASKED},
    {"history": ()},
]


@pytest.mark.parametrize("known", REFUSALS)
async def test_who_is_not_asked(known: dict[str, Any]) -> None:
    """Nobody who opted out, nobody twice, nobody who never wrote; neither now nor later."""
    assert await followup().handle(resolved(**known)) is None
    assert await followup().handle(rung(**known)) is None


async def test_a_question_of_another_conversation_does_not_count() -> None:
    """An old question without answer does not stop one about this case."""
    assert await followup().handle(rung(survey=ASKED.replace(conversation=99))) is not None


async def test_not_when_it_is_open_again() -> None:
    """A case that was opened again is not asked about, nor one closed a second time meanwhile."""
    open_again = rung()
    open_again = open_again.replace(
        conversation=open_again.conversation.replace(state="bot"), route=Route(action="automate")
    )
    assert await followup().handle(open_again) is None
    assert await followup().handle(rung(data={"epoch": "1"})) is None


async def test_a_channel_can_be_left_out() -> None:
    """``enabled: false`` for a channel asks nobody there."""
    one = followup(channels={"webchat": {"enabled": False}})
    assert await one.handle(resolved()) is None
    assert await one.handle(rung()) is None


@pytest.mark.parametrize(
    "other",
    [turn(), turn(survey=ASKED), closed(kind="timer", name="unclaimed"), closed(kind="event",
     name="claimed")],
)  # fmt: skip
async def test_it_keeps_out_of_the_rest(other: Turn) -> None:
    """New questions, and others' timers and events, are not the follow-up's."""
    assert await followup().handle(other) is None


# -- quiet hours ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "wall", "moved"),
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
def test_quiet_hours(hours: str, wall: str, moved: str) -> None:
    """Over midnight, at noon, and in the nights when the clocks change."""
    berlin = ZoneInfo("Europe/Berlin")
    found = not_in(Quiet.model_validate(hours), _at(wall, berlin), "Europe/Berlin")
    assert found == _at(moved, berlin)


def _at(wall: str, zone: ZoneInfo) -> datetime:
    at = datetime.fromisoformat(wall)
    return at if at.tzinfo else at.replace(tzinfo=zone)


clocks = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(
    st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  (made aware by ``timezones``)
    st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]),
)
def test_quiet_hours_are_kept(pair: tuple[Any, Any], at: datetime, zone: str) -> None:
    """Never earlier, at most a day later, and then no longer quiet."""
    quiet = Quiet(start=pair[0], end=pair[1])
    moved = not_in(quiet, at, zone)
    assert at <= moved <= at + timedelta(hours=25)
    assert not_in(quiet, moved, zone) == moved


@pytest.mark.parametrize(
    "wrong",
    [{"quiet": "at night"}, {"quiet": "21:00-21:00"}, {"timezone": "Mars"}, {"delay": 3},
     {"channels": {"sms": {"kind": "csat"}}}],
)  # fmt: skip
def test_wrong_settings_stop_the_start(wrong: dict[str, Any]) -> None:
    """Mistakes are found at start-up."""
    with pytest.raises(ValidationError):
        FollowupSettings.model_validate(wrong)


# -- the question --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("kind", ["felt_heard", "csat", "ces"])
@pytest.mark.parametrize("scale", ["stars", "number", "text"])
async def test_the_question(language: str, kind: Any, scale: Any) -> None:
    """One question, how to answer it and how to stop it, in each language."""
    of = rung()
    of = of.replace(conversation=of.conversation.replace(language=language))
    reply = await followup(kind=kind, scale=scale).handle(of)
    assert reply
    assert (reply.purpose, reply.language) == ("survey", language)
    assert reply.survey == SurveyQuestion(kind=kind, scale=scale)
    said = " ".join((reply.opener or "", *reply.body, reply.next_step or ""))
    assert sum(said.count(mark) for mark in "?؟") == 1
    assert "STOP" in said
    assert "!" not in said


@pytest.mark.parametrize(
    ("moods", "tone"),
    [
        ([], "warm"),
        ([("calm", 0.1), ("pleased", 0.9)], "warm"),
        ([("angry", 0.9), ("calm", 0.1)], "mended"),
        ([("calm", 0.9), ("pleased", 0.1)], "mended"),
        ([("calm", 0.0), ("frustrated", 0.5)], "careful"),
        ([("calm", 0.7)], "careful"),
    ],
)
async def test_the_tone_follows_the_arc(
    moods: list[tuple[MoodLabel, float]], tone: words.Tone
) -> None:
    """Who was angry to the end is asked in another tone than who was helped."""
    history = tuple(customer(of=understood(label=m, distress=d)) for m, d in moods)
    reply = await followup().handle(rung(history=history or (customer(),)))
    assert reply
    assert reply.opener == words.OPENERS[tone]["en"]


# -- the answer ----------------------------------------------------------------------------------


async def heard(of: Turn) -> Reply:
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
async def test_thanks_that_fit(language: str, answer: SurveyAnswer, kind: str) -> None:
    """Praise is passed on, criticism is not cheered at, and STOP is confirmed."""
    reply = await heard(answered(answer, of=understood(language=language)))
    assert (reply.purpose, reply.escalate) == ("thanks", ())
    assert reply.body == (words.THANKS[kind][language],)


@pytest.mark.parametrize("language", SPOKEN)
async def test_not_solved_opens_the_case_again(language: str) -> None:
    """Honest words, the reasons of the routing, and when people are back."""
    of = answered(
        SurveyAnswer(solved=False),
        "escalate",
        of=understood(language=language),
        opening="2026-11-30T09:00:00+01:00",
    )
    reply = await heard(of)
    assert reply.purpose == "handover"
    assert [reason.code for reason in reply.escalate] == ["survey_unsolved"]
    assert reply.body[0] == words.REOPENED["unsolved"][language]
    (fact,) = reply.facts
    assert fact.value in reply.body[1]
    within = await heard(of.replace(opening=None))
    assert (len(within.body), within.facts) == (1, ())


async def test_a_question_in_the_answer_is_not_lost() -> None:
    """Who scores and asks something gets a person for the question."""
    reply = await heard(answered(SurveyAnswer(score=4, comment="4, but when is my refund?")))
    assert [reason.code for reason in reply.escalate] == ["survey_question"]


@pytest.mark.parametrize(
    ("scale", "text", "comment"),
    [("text", "It went well enough", "It went well enough"), ("text", "When do you open?", None),
     ("stars", "It went well enough", None)],
)  # fmt: skip
def test_words_where_words_were_asked_for(scale: Any, text: str, comment: str | None) -> None:
    """Free text is an answer where we asked for it, and never a question."""
    survey = ASKED.replace(ask=SurveyQuestion(scale=scale))
    answer = followup().read_answer(turn(text, survey=survey))
    assert (answer.comment if answer else None) == comment
