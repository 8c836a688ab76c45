"""The extracted summary on the context card."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway import (
    Address,
    ContextCard,
    Conversation,
    Customer,
    Emotion,
    Guess,
    Message,
    MoodLabel,
    PastConversation,
    Understanding,
)
from gateway.pipeline.case.summary import summarise

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def customer(text: str, intent: str, mood: MoodLabel) -> Message:
    understood = Understanding(
        ranking=(Guess(name=intent, confidence=0.9),), emotion=Emotion(label=mood)
    )
    return Message(
        id=1, conversation=1, author="customer", text=text, at=NOON, understanding=understood
    )


def card(
    *messages: Message, intent: str | None, earlier: tuple[PastConversation, ...] = ()
) -> ContextCard:
    return ContextCard(
        conversation=Conversation(
            id=1,
            address=Address(channel="rest", value="a"),
            opened_at=NOON,
            intent=intent,
        ),
        customer=Customer(id=1),
        identities=(),
        handoff=None,
        messages=messages,
        earlier=earlier,
        facts=(),
        summary=(),
        suggestion=None,
    )


def test_the_summary_has_the_request_the_attempts_and_the_mood() -> None:
    """It quotes the customer's last message on the topic and the bot's last answer."""
    answered = Message(
        id=2,
        conversation=1,
        author="bot",
        text="You can send it back.",
        at=NOON,
        purpose="answer",
        handler="faq",
    )
    summary = summarise(
        card(
            customer("a long story about something else that happened to me", "smalltalk", "calm"),
            customer("where is my refund", "refund", "calm"),
            answered,
            customer("WHERE IS MY REFUND", "refund", "angry"),
            intent="refund",
            earlier=(PastConversation(id=7, channel="email", opened_at=NOON, intent="refund"),),
        )
    )
    assert summary == (
        "About refund: “WHERE IS MY REFUND”",
        "The bot answered once, last by faq: “You can send it back.”.",
        "Mood went from calm to angry.",
        "Wrote about the same thing once before.",
    )


def test_a_topic_without_a_message_is_not_quoted() -> None:
    """Without a message of the conversation's intent the quote names no topic."""
    summary = summarise(card(customer("hm", "other", "calm"), intent="refund"))
    assert summary[0] == "Wrote: “hm”"
    assert summary[1] == "The bot has not tried to answer."
