"""What is drawn from, what makes an answer risky, and what is stored of a draw."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gateway import (
    Action,
    Address,
    Agent,
    Author,
    CaseRecord,
    Conversation,
    Cue,
    Guess,
    Handoff,
    Language,
    Message,
    Reason,
    Route,
    Suggestion,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    Understanding,
    known_names,
    masked,
)
from gateway.testing import MemoryStorage
from plugins.insights.review.population import find_candidates
from plugins.insights.review.settings import ReviewSettings
from plugins.insights.review.storage import ReviewStorage
from plugins.insights.review.values import DayDraw, ReviewItem

START = datetime(2026, 3, 2, tzinfo=UTC)
END = START + timedelta(days=1)
ANA = Agent(id="desk:ana", name="Ana")
SURE = Guess(name="refund", confidence=0.9)
ASKED = {
    "understanding": Understanding(language=Language(code="de", confidence=1), ranking=(SURE,))
}


def message(id: int, author: Author, text: str, *, turn: int | None = None, **more: Any) -> Message:
    at = START + timedelta(minutes=id)
    return Message(
        **{"id": id, "conversation": 7, "author": author, "text": text, "at": at, "turn": turn}
        | more
    )


def asked(id: int, text: str = "Where is it?", *, turn: int = 1, **more: Any) -> Message:
    return message(id, "customer", text, turn=turn, **ASKED, **more)


def answered(id: int, text: str = "Here. Your order 77 is on its way.", **more: Any) -> Message:
    return message(id, "bot", text, **{"turn": 1, "purpose": "answer", "status": "sent"} | more)


def case(*messages: Message, **more: Any) -> CaseRecord:
    conversation = Conversation(
        id=7, address=Address(channel="sms", value="+1"), opened_at=START, brand="south"
    )
    return CaseRecord(
        conversation=conversation, customer=1, customer_name="Eva", messages=messages, **more
    )


def test_one_answer_for_each_turn() -> None:
    """Two messages of one turn are one answer; notes, surveys and unsent ones are none."""
    found = find_candidates(
        case(
            message(1, "customer", "Hi"),
            asked(2),
            answered(3),
            answered(4),
            answered(5, internal=True, turn=2),
            answered(6, purpose="survey", turn=3),
            answered(7, status="failed", turn=4),
        ),
        START,
        END,
    )
    [one] = found
    assert (one.message, one.asked, one.kind, one.channel, one.brand) == (
        3,
        2,
        "bot",
        "sms",
        "south",
    )
    assert (one.language, one.intent, one.confidence) == ("de", "refund", 0.9)


def test_only_answers_of_the_day() -> None:
    """The end does not count, the start does."""
    record = case(asked(1), answered(2, at=START), asked(3, turn=2), answered(4, turn=2, at=END))
    assert [c.message for c in find_candidates(record, START, END)] == [2]


def test_sent_suggestions_and_not_what_people_wrote_themselves() -> None:
    """An edited suggestion is known by its final text. Its sender is stored, to exclude them."""
    suggestions = (
        Suggestion(id=1, conversation=7, text="Soon.", source="x", at=START, outcome="edited",
                   final="Soon, Eva.", agent=ANA),
        Suggestion(id=2, conversation=7, text="Own words", source="x", at=START, outcome="ignored"),
    )  # fmt: skip
    record = case(
        asked(1),
        message(2, "agent", "Soon, Eva.", agent=ANA, status="sent"),
        message(3, "agent", "Own words", agent=ANA, status="sent"),
        suggestions=suggestions,
    )
    [one] = find_candidates(record, START, END)
    assert (one.kind, one.message, one.agent) == ("suggestion", 2, "desk:ana")


def routed(action: Action, reason: str) -> Route:
    return Route(action=action, reasons=(Reason(code=reason),))


HARM = Understanding(signals=(Cue(kind="harm", text="x", start=0, end=1),))
LOW = Survey(id=1, conversation=7, ask=SurveyQuestion(), asked_at=END, answer=SurveyAnswer(score=2))
LATER = Handoff(
    id=1, conversation=7, reasons=(), tier="front", skills=(), priority=0, created_at=END
)


@pytest.mark.parametrize(
    ("code", "question", "more"),
    [
        ("harm", {"understanding": HARM}, {}),
        ("legal", {"route": routed("escalate", "legal")}, {}),
        ("sensitive", {"route": routed("automate", "sensitive_intent")}, {}),
        ("escalated", {}, {"handoffs": (LATER,)}),
        ("low_rated", {}, {"surveys": (LOW,)}),
    ],
)
def test_what_makes_an_answer_risky(
    code: str, question: dict[str, Any], more: dict[str, Any]
) -> None:
    """What the customer wrote, how it was routed, and what came of it."""
    record = case(message(1, "customer", "?", turn=1, **{**ASKED, **question}), answered(2), **more)
    [one] = find_candidates(record, START, END)
    assert code in one.why


def test_an_answers_wording_is_the_same_for_every_customer() -> None:
    """Names and numbers do not make it a new one; other words do."""
    texts = (
        "Hello Eva. Your order 77 is on its way to you.",
        "Hello. Your order 4812 is on its way to you.",
        "Hello Eva. Your order 77 was sent to you.",
    )
    first, same, other = (
        find_candidates(case(asked(1), answered(2, text)), START, END)[0].wording for text in texts
    )
    assert first == same != other


def test_languages_by_skill() -> None:
    """A skill is the language's code, its English name, or what the settings say."""
    settings = ReviewSettings(languages={"fr": ("romandie",)})
    agents = {skill: ANA.replace(skills=(skill,)) for skill in ("German", "de", "romandie", "x")}
    assert settings.reads(agents["German"], "de")
    assert settings.reads(agents["de"], "de")
    assert settings.reads(agents["romandie"], "fr")
    assert not settings.reads(agents["x"], "fr")
    assert settings.reads(agents["x"], "en")
    assert settings.reads(agents["x"], "und")


async def test_an_interrupted_draw_is_not_shown_and_made_again() -> None:
    """Its items are replaced; a complete draw stays."""
    storage = ReviewStorage(memory := MemoryStorage())
    day, left, drawn = date(2026, 3, 2), stored_item(1), stored_item(2)
    await memory.put("insights", f"review/item/{left.id}", as_json(left))
    assert (await storage.sheet()).items == ()
    await storage.keep_draw(DayDraw(day=day, answers=9, drawn=1, message=5), [drawn])
    assert (await storage.sheet()).items == (drawn,)
    await storage.keep_draw(DayDraw(day=day, answers=9, drawn=1, message=5), [left])
    assert (await storage.sheet()).items == (drawn,)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("I am Eva, call +49 170 1234567!", "I am […], call […]!"),
        ("eva@example.org, or https://x.example/a?b", "[…], or […]"),
        ("Send it to 12 Elm Street please", "Send it to […] please"),
        ("in die Lange Hauptstraße 12, Köln", "in die Lange […], Köln"),
        ("au 3 rue de la Paix", "au […]"),
        ("Dear Ms Brown, it is done.", "Dear […], it is done."),
        ("Thanks,\nMaria Lopez", "Thanks,\n[…]"),
        ("Ich heiße Jürgen Özil und warte.", "Ich heiße […] und warte."),
        ("hi my name is zoe brown, and", "hi my name is […], and"),
        ("ich heiße jürgen und warte", "ich heiße […] und warte"),
        ("Thanks. When do you open?", "Thanks. When do you open?"),
        ("I am still waiting. This is bad.", "I am still waiting. This is bad."),
        ("Evangelina is no Eva", "Evangelina is no […]"),
    ],
)
def test_masking(text: str, shown: str) -> None:
    assert masked(text, {"eva"}) == shown


def test_a_name_that_the_customer_gave_is_masked_everywhere() -> None:
    """Also in the answer, and if it was written in lower case."""
    for text in ("My name is Zolantha Brown, hello", "my name is zolantha brown"):
        names = known_names(case(asked(1, text), answered(2)))
        assert masked("Sure, Zolantha.", names) == "Sure, […]."


def test_our_own_short_numbers_stay() -> None:
    """`5 days` is a fact of ours, an order's number is not."""
    assert masked("5 days, order 48123.", (), ours=True) == "5 days, order […]."


def stored_item(number: int) -> ReviewItem:
    return ReviewItem(
        day=date(2026, 3, 2),
        conversation=0,
        message=number,
        asked=1,
        kind="bot",
        channel="sms",
        language="en",
        intent="refund",
        probability=0.5,
    )


def as_json(item: ReviewItem) -> str:
    return msgspec.json.encode(item).decode()
