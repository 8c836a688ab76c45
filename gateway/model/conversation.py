"""Conversations, what is known about them, and the turn that one message makes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from gateway.model.base import Fact, MoodLabel, State, Value
from gateway.model.messages import Message, SurveyQuestion
from gateway.model.people import Address, Agent, Customer
from gateway.model.understanding import Route, Understanding


class SurveyAnswer(Value, frozen=True, kw_only=True):
    """``score`` 1..5 (5 is best) or None; ``solved`` None when the answer does not say."""

    score: int | None = None
    solved: bool | None = None
    comment: str = ""
    opt_out: bool = False


class Survey(Value, frozen=True, kw_only=True):
    """A question that was asked, and its answer when it came."""

    id: int
    conversation: int
    ask: SurveyQuestion
    asked_at: datetime
    answered_at: datetime | None = None
    answer: SurveyAnswer | None = None


class Conversation(Value, frozen=True, kw_only=True):
    """One customer's exchange on one channel until it is resolved.

    ``epoch`` grows with every claim, transfer, hand-back, resolve and re-open; what was composed
    in an earlier epoch is never sent. ``id`` is 0 until the first turn is committed.
    """

    id: int = 0
    address: Address
    state: State = "bot"
    epoch: int = 0
    owner: Agent | None = None
    tier: str = "bot"
    language: str | None = None
    subject: str | None = None
    opened_at: datetime
    resolved_at: datetime | None = None
    intent: str | None = None
    """The last intent we were sure of: what this conversation is about."""


class PastConversation(Value, frozen=True, kw_only=True):
    """A past conversation of the same customer, for the card and for repeat contacts."""

    id: int
    channel: str
    opened_at: datetime
    resolved_at: datetime | None = None
    intent: str | None = None
    mood: MoodLabel = "calm"
    """How the customer felt at its end."""
    score: int | None = None


class PastAnswer(Value, frozen=True, kw_only=True):
    """How a person answered a conversation that is resolved now.

    ``asked`` is what the customer wrote before, ``said`` the person's first answer, as it was
    sent: both may hold what is the customer's alone. ``names`` are of both of them.
    """

    conversation: int
    customer: int
    language: str
    asked: str
    said: str
    names: tuple[str, ...] = ()


class Context(Value, frozen=True, kw_only=True):
    """What was known before the message was read. ``repeats`` counts earlier contacts about
    the same thing within the policy's window; sources' contexts are joined."""

    facts: tuple[Fact, ...] = ()
    earlier: tuple[PastConversation, ...] = ()


class Timer(Value, frozen=True, kw_only=True):
    """A durable alarm of a conversation. It fires once, in order with the messages."""

    name: str
    due_at: datetime
    data: dict[str, str] = msgspec.field(default_factory=dict)


class Turn(Value, frozen=True, kw_only=True):
    """One inbound message (or a timer, or an event such as ``resolved``) and all we make of it."""

    id: int
    at: datetime
    message: Message
    customer: Customer
    conversation: Conversation
    kind: Literal["message", "timer", "event"] = "message"
    name: str = ""
    """The timer's or the event's name."""
    data: dict[str, str] = msgspec.field(default_factory=dict)
    history: tuple[Message, ...] = ()
    """This conversation so far, oldest first, without ``message``; at most the last 40."""
    context: Context = Context()
    understanding: Understanding = Understanding()
    route: Route = Route(action="automate")
    survey: Survey | None = None
    """The question that waits for an answer, if one was asked."""
    survey_answer: SurveyAnswer | None = None
    opening: str | None = None
    """Outside business hours: when a person will be back, an ISO 8601 date and time on the
    wall clock of the business (with its offset); None while people are there."""
    automatic: bool = False
    """A machine wrote ``message`` (RFC 3834): it is kept and shown, and never answered."""
    unreadable: bool = False
    """The payload of ``message`` could not be parsed: a person gets what was kept of it."""
    opted_out: bool = False
    """The customer asked for no more messages at this address: nothing is sent there."""
    returning: bool = True
    """The customer may have had other conversations; False: this one is their first for certain."""

    @property
    def language(self) -> str:
        """The language to answer in: the message's, else the conversation's, else ``en``."""
        seen = self.understanding.language
        known = self.conversation.language or self.customer.language
        return seen.code if seen.code != "und" else known or "en"
