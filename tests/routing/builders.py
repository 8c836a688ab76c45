"""Builders of turns for the tests of routing, escalation and follow-up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway import (
    Address,
    Agent,
    Button,
    Conversation,
    Cue,
    Customer,
    Emotion,
    Guess,
    Language,
    Message,
    MoodLabel,
    PastConversation,
    Purpose,
    Question,
    SentenceIntent,
    Turn,
    Understanding,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOME = Address(channel="webchat", value="s1")
ANA = Agent(id="desk:ana", name="Ana")


def understood(
    intent: str = "delivery",
    confidence: float = 0.9,
    *,
    label: MoodLabel = "calm",
    intensity: float = 0.0,
    distress: float = 0.0,
    cues: tuple[str, ...] = (),
    signals: tuple[tuple[str, str], ...] = (),
    language: str = "en",
    sure: float = 0.99,
    failed: tuple[str, ...] = (),
    others: tuple[str, ...] = (),
    asked: tuple[str, ...] = (),
    told: tuple[tuple[str, float], ...] = (),
) -> Understanding:
    """An understanding; an empty ``intent`` means no ranking, ``asked`` are the intents of its
    questions, and ``told`` those of its sentences, each with its confidence."""
    rest = tuple(Guess(name=name, confidence=0.1) for name in others)
    return Understanding(
        ranking=(Guess(name=intent, confidence=confidence), *rest) if intent else (),
        emotion=Emotion(
            label=label,
            intensity=intensity,
            distress=distress,
            cues=tuple(Cue(kind="phrase", text=c, start=0, end=len(c)) for c in cues),
        ),
        signals=tuple(Cue(kind=k, text=t, start=0, end=len(t)) for k, t in signals),
        language=Language(code=language, confidence=sure),
        failed=failed,
        questions=tuple(
            Question(text=name, start=0, end=0, guess=Guess(name=name, confidence=0.9))
            for name in asked
        ),
        sentences=tuple(
            SentenceIntent(start=0, end=9, guess=Guess(name=name, confidence=confidence))
            for name, confidence in told
        ),
    )


def customer(text: str = "Where is it?", *, ago: float = 5, of: Understanding | None = None,
             id: int = 1) -> Message:  # fmt: skip
    """A customer's message, ``ago`` minutes before now."""
    at = NOW - timedelta(minutes=ago)
    understanding = of or understood()
    return Message(
        id=id,
        conversation=1,
        author="customer",
        text=text,
        at=at,
        turn=id,
        understanding=understanding,
    )


def bot(
    purpose: Purpose = "answer",
    *,
    ago: float = 4,
    id: int = 2,
    text: str = "It is on its way.",
    buttons: tuple[str, ...] = (),
) -> Message:
    at = NOW - timedelta(minutes=ago)
    return Message(
        id=id,
        conversation=1,
        author="bot",
        text=text,
        at=at,
        turn=id,
        purpose=purpose,
        buttons=tuple(Button(title=b, payload=b) for b in buttons),
    )


def person(text: str = "Let me look.", *, ago: float = 3) -> Message:
    at = NOW - timedelta(minutes=ago)
    return Message(id=3, conversation=1, author="agent", text=text, at=at, agent=ANA)


def earlier(intent: str, days: float, *, id: int = 77, **known: object) -> PastConversation:
    past = PastConversation(
        id=id, channel="email", opened_at=NOW - timedelta(days=days), resolved_at=NOW, intent=intent
    )
    return past.replace(**known)


def turn(
    text: str = "Where is my parcel?", of: Understanding | None = None, **known: object
) -> Turn:
    """A turn of a calm, known customer with the bot; ``known`` replaces fields."""
    default = Turn(
        id=9,
        at=NOW,
        message=Message(id=0, conversation=1, author="customer", text=text, at=NOW),
        customer=Customer(id=5, name="Mia"),
        conversation=Conversation(id=1, address=HOME, opened_at=NOW - timedelta(minutes=10)),
        understanding=of or understood(),
    )
    return default.replace(**known)
