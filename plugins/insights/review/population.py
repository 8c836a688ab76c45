"""What can be drawn for review: each answer of the bot, and each suggestion that was sent. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime

from gateway import CaseRecord, Message, MoodLabel, Suggestion, Value
from plugins.insights.review.values import ReviewKind

JUDGED = frozenset({"answer", "clarify", "fallback", "handover"})
"""Purposes of a bot's message that answer a customer."""
UNSENT = frozenset({"failed", "discarded"})
LOW_SCORE = 2
"""Of 5: a survey answer at or below it is a low rating."""
SENSITIVE = frozenset({"sensitive_intent", "strong_emotion", "urgent"})
"""Codes of reasons to hand over that call for care."""
_SENTENCE = re.compile(r"[.!?\n]+")
_CHANGING = re.compile(r"\d|://")
"""In words that differ from one sending of an answer to the next: numbers and links."""


class ReviewCandidate(Value, frozen=True, kw_only=True):
    """One answer that may be drawn. ``confidence``, 0..1, is that of its intent. ``engine`` ranked
    the intents; ``wording`` is a digest of the bot's answer without names and numbers. ``why`` are
    codes of what makes it risky."""

    at: datetime
    conversation: int
    message: int
    asked: int
    kind: ReviewKind
    agent: str = ""
    brand: str = ""
    channel: str
    language: str
    intent: str
    confidence: float
    mood: MoodLabel = "calm"
    engine: str = ""
    wording: str = ""
    why: tuple[str, ...] = ()

    @property
    def stratum(self) -> tuple[str, ...]:
        """The group that it is drawn within."""
        return (self.brand, self.channel, self.language, self.intent)

    @property
    def traits(self) -> tuple[tuple[str, str], ...]:
        """What may be new about it, with the code for that."""
        traits = [
            ("new_intent", f"intent:{self.intent}"),
            ("new_answer", f"answer:{self.intent}:{self.language}:{self.wording}"),
            ("new_model", f"engine:{self.engine}"),
        ]
        return tuple(trait for trait in traits if self.kind == "bot" or trait[0] != "new_answer")


def find_candidates(case: CaseRecord, since: datetime, until: datetime) -> list[ReviewCandidate]:
    """The answers in ``case`` that were given from ``since`` until before ``until``."""
    return [
        found
        for message, suggestion in _answers(case)
        if since <= message.at < until and (found := _candidate(case, message, suggestion))
    ]


def question_of(case: CaseRecord, answer: Message) -> Message | None:
    """The customer's message that ``answer`` answers: that of its turn, else the last before."""
    before = [
        message
        for message in case.messages
        if message.id < answer.id and message.author == "customer" and not message.internal
    ]
    of_turn = [message for message in before if message.turn == answer.turn]
    return next(reversed(of_turn or before), None)


def _answers(case: CaseRecord) -> Iterator[tuple[Message, Suggestion | None]]:
    """The first message of each answer, with the suggestion that it was made from, if any."""
    turns: set[tuple[int | None, str]] = set()
    open_suggestions = [s for s in case.suggestions if s.outcome in ("sent", "edited")]
    for message in case.messages:
        if message.internal or message.status in UNSENT:
            continue
        if message.author == "bot" and message.purpose in JUDGED:
            if (message.turn, message.purpose) not in turns:
                turns.add((message.turn, message.purpose))
                yield message, None
        elif message.author == "agent":
            used = next((s for s in open_suggestions if _became(s, message)), None)
            if used is not None:
                open_suggestions.remove(used)
                yield message, used


def _became(suggestion: Suggestion, message: Message) -> bool:
    """Whether ``message`` is how ``suggestion`` was sent."""
    text = suggestion.text if suggestion.final is None else suggestion.final
    return message.at >= suggestion.at and message.text.strip() == text.strip()


def _candidate(
    case: CaseRecord, answer: Message, suggestion: Suggestion | None
) -> ReviewCandidate | None:
    asked = question_of(case, answer)
    if asked is None or asked.understanding is None:
        return None
    read, conversation = asked.understanding, case.conversation
    code = read.language.code
    sender = answer.agent or (suggestion.agent if suggestion else None)
    return ReviewCandidate(
        at=answer.at,
        conversation=conversation.id,
        message=answer.id,
        asked=asked.id,
        kind="suggestion" if suggestion else "bot",
        agent=sender.id if sender else "",
        brand=conversation.brand,
        channel=conversation.address.channel,
        language=code if code != "und" else conversation.language or code,
        intent=read.intent.name,
        confidence=read.intent.confidence,
        mood=read.emotion.label,
        engine=read.ranked_by or "",
        wording="" if suggestion else _wording(answer, case.customer_name),
        why=tuple(_risks(case, asked, answer)),
    )


def _risks(case: CaseRecord, asked: Message, answer: Message) -> Iterator[str]:
    read, route = asked.understanding, asked.route
    codes = {reason.code for reason in route.reasons} if route else set()
    for risk in ("harm", "legal"):
        if risk in codes or (read and read.has(risk)):
            yield risk
    if codes & SENSITIVE:
        yield "sensitive"
    escalated = route is not None and route.action == "escalate"
    if escalated or any(handoff.created_at >= answer.at for handoff in case.handoffs):
        yield "escalated"
    ratings = [survey.answer for survey in case.surveys if survey.answer]
    if any(r.solved is False or (r.score is not None and r.score <= LOW_SCORE) for r in ratings):
        yield "low_rated"


def _wording(answer: Message, name: str | None) -> str:
    """A digest of the longest sentence, without what differs between customers."""
    text = answer.text
    for value in (*(fact.value for fact in answer.facts), *([name] if name else ())):
        text = text.replace(value, "")
    sentences = [
        " ".join(word for word in sentence.split() if not _CHANGING.search(word))
        for sentence in _SENTENCE.split(text)
    ]
    return hashlib.sha256(max(sentences, key=len).encode()).hexdigest()[:12]
