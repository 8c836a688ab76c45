"""What is praise of a person, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway import (
    Address,
    Agent,
    CaseRecord,
    Conversation,
    Emotion,
    Guess,
    Message,
    MoodLabel,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    Understanding,
)
from plugins.agents_desk.staff.follow import praise_in

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)
ANA = Agent(id="desk:ana", name="Ana")


def said(
    number: int, text: str, *, mood: MoodLabel = "pleased", intent: str = "thanks", by: Any = None
) -> Message:
    understanding = Understanding(
        ranking=(Guess(name=intent, confidence=0.9),),
        emotion=Emotion(label=mood, intensity=0.8, distress=0.0),
    )
    return Message(
        id=number,
        conversation=1,
        author="agent" if by else "customer",
        text=text,
        at=NOW + timedelta(minutes=number),
        agent=by,
        status="sent" if by else "received",
        understanding=None if by else understanding,
    )


def case(*messages: Message, surveys: tuple[Survey, ...] = ()) -> CaseRecord:
    conversation = Conversation(
        id=1, address=Address(channel="email", value="x@example.org"), opened_at=NOW
    )
    return CaseRecord(conversation=conversation, customer=1, messages=messages, surveys=surveys)


ANSWER = said(1, "It is on its way.", by=ANA)


@pytest.mark.parametrize(("message", "praised"), [
    (said(2, "Thank you so much, that was quick"), True),
    (said(2, "You are great, best service ever", intent="praise", mood="calm"), True),
    (said(2, "Thanks"), False),
    (said(2, "thank you, I will wait", mood="calm"), False),
    (said(2, "I am happy to hear that, but where is it?", intent="order_status"), False),
    (said(2, " ".join(["thank you"] * 50)), False),
])  # fmt: skip
def test_warm_words_after_an_answer_are_praise(message: Message, praised: bool) -> None:
    """Not a bare thanks, nor a request in good mood, nor a long letter."""
    assert [note.agent for note in praise_in(case(ANSWER, message))] == ["desk:ana"] * praised


def test_praise_of_the_bot_is_nobodys() -> None:
    assert list(praise_in(case(said(2, "Thank you so much, that was quick")))) == []


@pytest.mark.parametrize(("score", "comment", "praised"), [
    (5, "she understood at once", True), (5, "", False), (4, "she understood at once", False),
])  # fmt: skip
def test_the_best_score_with_words_is_praise(score: int, comment: str, praised: bool) -> None:
    survey = Survey(
        id=1,
        conversation=1,
        ask=SurveyQuestion(kind="csat", scale="number"),
        asked_at=NOW + timedelta(minutes=2),
        answered_at=NOW + timedelta(minutes=4),
        answer=SurveyAnswer(score=score, comment=comment),
    )
    answer = said(3, f"{score} {comment}", mood="calm", intent="none")
    notes = list(praise_in(case(ANSWER, answer, surveys=(survey,))))
    assert [(note.message, note.score) for note in notes] == [(3, 5)] * praised
