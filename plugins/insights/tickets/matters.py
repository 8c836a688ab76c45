"""What a conversation was about: a customer's question, and what a person replied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from gateway import CaseRecord, Message, Value, is_courtesy, known_names
from plugins.insights.findings.questions import SMALL_TALK
from plugins.insights.findings.replies import is_confident, is_said
from plugins.insights.findings.wording import SHORTEST, essence

LONGEST = 1_000
"""Characters of a question or a reply that are read: what comes behind says little more."""


class AskedMatter(Value, frozen=True, kw_only=True):
    """A question and the reply of a person, not masked yet. ``question`` is what the message asks
    without greeting and signature, ``reply`` is empty when nobody replied, and ``names`` are the
    people's, case-folded."""

    number: int
    conversation: int
    customer: int
    day: date
    language: str
    question: str
    reply: str
    names: frozenset[str]


def matter_of(case: CaseRecord) -> AskedMatter | None:
    """The question of ``case`` that a person answered first, else its first one; None when the bot
    knew what it was about, or nothing was asked."""
    said = [message for message in case.messages if not message.internal]
    asked = [at for at, message in enumerate(said) if _asks(message)]
    if not asked or any(_is_known(said[at]) for at in asked):
        return None
    replies = {at: reply for at in asked if (reply := _reply(said[at + 1 :]))}
    first = next(iter(replies), asked[0])
    message = said[first]
    understanding = message.understanding
    own = understanding.language.code if understanding else "und"
    return AskedMatter(
        number=message.id,
        conversation=case.conversation.id,
        customer=case.customer,
        day=message.at.date(),
        language=case.conversation.language or own,
        question=essence(message.text[:LONGEST]),
        reply=replies.get(first, "")[:LONGEST],
        names=known_names(case),
    )


def _asks(message: Message) -> bool:
    words = message.text.split()
    return message.author == "customer" and len(words) >= SHORTEST and not is_courtesy(message.text)


def _is_known(message: Message) -> bool:
    understanding = message.understanding
    return (
        understanding is not None
        and is_confident(understanding)
        and understanding.intent.name not in SMALL_TALK
    )


def _reply(after: Sequence[Message]) -> str:
    """What a person wrote before the customer wrote again."""
    texts: list[str] = []
    for message in after:
        if message.author == "customer":
            break
        if message.author == "agent" and is_said(message):
            texts.append(message.text)
    return "\n".join(texts)
