"""The conversations of the quick shop: they collect the records that a gateway would store."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from gateway.model import (
    Agent,
    CaseRecord,
    Conversation,
    Customer,
    Fact,
    Guess,
    Handoff,
    Language,
    Message,
    MoodLabel,
    PastConversation,
    Purpose,
    Reason,
    Slot,
    Suggestion,
    Survey,
    SurveyAspect,
    SurveyKind,
    SurveyQuestion,
    Turn,
    Understanding,
)
from gateway.testing.simulation.perception import insight_of
from gateway.testing.simulation.real_shop import count_segments
from gateway.testing.simulation.values import AgentAnswer, Say

KINDS: tuple[SurveyKind, ...] = ("felt_heard", "heard_aspect", "csat", "ces")
_ORDER = re.compile(r"MP[- ]?\d{5}")


class Ids:
    """Numbers from 1, for each kind of record."""

    def __init__(self) -> None:
        self._last: Counter[str] = Counter()

    def next(self, kind: str) -> int:
        self._last[kind] += 1
        return self._last[kind]


@dataclass(kw_only=True, eq=False)
class QuickCase:
    """A conversation while it goes on, with all that is stored on it."""

    ids: Ids
    conversation: Conversation
    customer: Customer
    messages: list[Message] = field(default_factory=list)
    handoffs: list[Handoff] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    surveys: list[Survey] = field(default_factory=list)
    mood: MoodLabel = "calm"

    def record(self) -> CaseRecord:
        """As `Records.cases` returns it."""
        return CaseRecord(
            conversation=self.conversation,
            customer=self.customer.id,
            customer_name=self.customer.name,
            mood=self.mood,
            messages=tuple(self.messages),
            handoffs=tuple(self.handoffs),
            suggestions=tuple(self.suggestions),
            surveys=tuple(self.surveys),
        )

    def past(self) -> PastConversation:
        """As a later turn of the same customer sees it."""
        conversation = self.conversation
        return PastConversation(
            id=conversation.id,
            channel=conversation.address.channel,
            opened_at=conversation.opened_at,
            resolved_at=conversation.resolved_at,
            intent=conversation.intent,
            mood=self.mood,
        )

    @property
    def open_suggestion(self) -> Suggestion | None:
        """The draft that an agent sees."""
        last = self.suggestions[-1] if self.suggestions else None
        return last if last is not None and last.outcome == "open" else None

    def change(self, **changes: object) -> None:
        """Change the conversation."""
        self.conversation = self.conversation.replace(**changes)

    def move(self, **changes: object) -> None:
        """As `change`, with the next epoch."""
        self.change(epoch=self.conversation.epoch + 1, **changes)

    def heard_from_customer(self, turn: Turn) -> None:
        """Store the customer's message."""
        self.messages.append(
            turn.message.replace(turn=turn.id, understanding=turn.understanding, route=turn.route)
        )
        if turn.survey is None:
            self.mood = turn.understanding.emotion.label

    def bot_says(
        self,
        text: str,
        purpose: Purpose,
        at: datetime,
        *,
        turn: Turn | None = None,
        handler: str | None = None,
        survey: SurveyQuestion | None = None,
    ) -> Message:
        message = Message(
            id=self.ids.next("message"),
            conversation=self.conversation.id,
            author="bot",
            text=text,
            at=at,
            turn=turn.id if turn else self.ids.next("turn"),
            status="sent",
            purpose=purpose,
            route=turn.route if turn else None,
            handler=handler,
            survey=survey,
        )
        self.messages.append(message)
        return message

    def ask(self, text: str, at: datetime) -> Message:
        """Send the survey question, all kinds in turn, as the gateway asks them."""
        turn, place = divmod(self.conversation.id - 1, len(KINDS))
        aspects = get_args(SurveyAspect)
        aspect = aspects[turn % len(aspects)] if KINDS[place] == "heard_aspect" else None
        question = SurveyQuestion(kind=KINDS[place], aspect=aspect)
        survey = self.ids.next("survey")
        self.surveys.append(
            Survey(id=survey, conversation=self.conversation.id, ask=question, asked_at=at)
        )
        return self.bot_says(text, "survey", at, survey=question)

    def agent_says(self, answer: AgentAnswer, agent: Agent, at: datetime) -> None:
        """Store an agent's message, and what it makes of the suggestion."""
        if answer.suggestion is not None and answer.outcome is not None:
            final = answer.text if answer.outcome != "ignored" else None
            self.suggestions = [
                known.replace(outcome=answer.outcome, final=final, agent=agent)
                if known.id == answer.suggestion
                else known
                for known in self.suggestions
            ]
        facts: tuple[Fact, ...] = ()
        if self.conversation.address.channel == "sms":
            facts = (Fact(name="segments", value=str(count_segments(answer.text))),)
        self.messages.append(
            Message(
                id=self.ids.next("message"),
                conversation=self.conversation.id,
                author="agent",
                text=answer.text,
                at=at,
                turn=self.ids.next("turn"),
                status="sent",
                agent=agent,
                facts=facts,
            )
        )

    def note(self, text: str, at: datetime, agent: Agent | None = None) -> None:
        """Add a system line."""
        self.messages.append(
            Message(
                id=self.ids.next("message"),
                conversation=self.conversation.id,
                author="system",
                text=text,
                at=at,
                internal=True,
                status="sent",
                purpose="notice",
                agent=agent,
            )
        )

    def queue(
        self,
        reasons: tuple[Reason, ...],
        at: datetime,
        *,
        tier: str,
        skills: tuple[str, ...],
        priority: int,
    ) -> None:
        """Open a handoff."""
        self.handoffs.append(
            Handoff(
                id=self.ids.next("handoff"),
                conversation=self.conversation.id,
                reasons=reasons,
                tier=tier,
                skills=skills,
                priority=priority,
                created_at=at,
            )
        )

    def claim(self, agent: Agent, at: datetime) -> None:
        self.handoffs[-1] = self.handoffs[-1].replace(agent=agent, claimed_at=at)
        self.move(state="person", owner=agent)
        self.note(f"{agent.name} took the conversation", at, agent)

    def release(self, at: datetime) -> Handoff:
        """Close the open handoff; return it."""
        self.handoffs[-1] = self.handoffs[-1].replace(closed_at=at)
        return self.handoffs[-1]

    def suggest(self, text: str, at: datetime) -> None:
        """Add a draft for the agent."""
        self.suggestions.append(
            Suggestion(
                id=self.ids.next("suggestion"),
                conversation=self.conversation.id,
                text=text,
                source="faq",
                at=at,
            )
        )


def true_understanding(say: Say) -> Understanding:
    """What the gateway makes of a message if its readers know the truth."""
    insight = insight_of(say.meaning, say.text)
    found = _ORDER.search(say.text)
    slots: tuple[Slot, ...] = ()
    if found:
        slots = (Slot(name="order", value=found[0], start=found.start(), end=found.end()),)
    return Understanding(
        language=insight.language or Language(),
        ranking=insight.ranking or (Guess(name="none", confidence=0.0),),
        emotion=say.meaning.mood.emotion(),
        signals=insight.signals,
        slots=slots,
        engines=("simulated_truth",),
        ranked_by="simulated_truth",
    )
