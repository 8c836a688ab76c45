"""Conversations, their context, and turns."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from gateway.model.base import Address, Agent, Customer, Fact, MoodLabel, State, Value
from gateway.model.messages import Message, SurveyQuestion
from gateway.model.promises import Promise
from gateway.model.understanding import Route, Understanding

TurnKind = Literal["message", "timer", "event"]
LIKELY_LANGUAGE = 0.5
"""The least confidence in a message's language that can change the language of the answers."""


class SurveyAnswer(Value, frozen=True, kw_only=True):
    """A customer's answer to a survey. ``score`` is 1..5 (5 is best) or None; ``solved`` is None
    when the answer does not say."""

    score: int | None = None
    solved: bool | None = None
    comment: str = ""
    opt_out: bool = False


class Survey(Value, frozen=True, kw_only=True):
    """A survey question that was sent, with its answer once there is one."""

    id: int
    conversation: int
    ask: SurveyQuestion
    asked_at: datetime
    answered_at: datetime | None = None
    answer: SurveyAnswer | None = None


class Conversation(Value, frozen=True, kw_only=True):
    """One customer's exchange with one support address, until it is resolved.

    ``epoch`` grows with every claim, transfer, hand-back, resolve and re-open. A reply composed
    in an earlier epoch is never sent. ``id`` is 0 until the first turn is committed.
    """

    id: int = 0
    address: Address
    brand: str = ""
    """The brand of its support address when its last turn was committed; empty without brands."""
    state: State = "bot"
    epoch: int = 0
    owner: Agent | None = None
    tier: str = "bot"
    language: str | None = None
    subject: str | None = None
    opened_at: datetime
    resolved_at: datetime | None = None
    intent: str | None = None
    """The last intent with enough confidence: what this conversation is about."""
    labels: tuple[str, ...] = ()
    """The keys of its labels, in alphabetical order: see `Desk.label`."""
    snoozed_until: datetime | None = None
    """When it comes back at the latest; None: it is not snoozed. See `Desk.snooze`."""
    snoozed_by: str | None = None
    """The id of the agent who snoozed it."""
    woken_at: datetime | None = None
    """When its last snooze ended, until a person answers, snoozes it again or passes it on."""
    continues: int | None = None
    """The id of the conversation at another address that this one continues: both are one history.
    Of several that follow one another, each names the first."""
    imported: int | None = None
    """The id of the `HistoryImport` that it came with: it took place elsewhere, and nobody can
    change it. None: it took place here."""

    @property
    def root(self) -> int:
        """The id of the first conversation of its history: its own, unless it continues one."""
        return self.continues or self.id


class PastConversation(Value, frozen=True, kw_only=True):
    """An earlier conversation of the same customer, for the card and for repeat contacts."""

    id: int
    channel: str
    support_address: str = ""
    opened_at: datetime
    resolved_at: datetime | None = None
    intent: str | None = None
    mood: MoodLabel = "calm"
    """How the customer felt at the end."""
    score: int | None = None
    imported: bool = False
    """It took place elsewhere: see `Conversation.imported`."""


class PastAnswer(Value, frozen=True, kw_only=True):
    """How an agent answered a conversation that is now resolved.

    ``asked`` is what the customer wrote, ``said`` is the agent's first answer as it was sent. Both
    may contain personal data. ``names`` are the names of both.
    """

    conversation: int
    customer: int
    brand: str = ""
    language: str
    asked: str
    said: str
    names: tuple[str, ...] = ()


class Context(Value, frozen=True, kw_only=True):
    """What is known about the customer before the message is read. The contexts of all sources
    are joined."""

    facts: tuple[Fact, ...] = ()
    earlier: tuple[PastConversation, ...] = ()
    surveys: tuple[Survey, ...] = ()
    """What the customer was asked after their cases, newest first."""
    promises: tuple[Promise, ...] = ()
    """What was promised in this conversation, oldest first."""


class Timer(Value, frozen=True, kw_only=True):
    """A durable timer of a conversation. It fires once, in order with the messages."""

    name: str
    due_at: datetime
    data: dict[str, str] = msgspec.field(default_factory=dict)


class OpeningTimes(Value, frozen=True, kw_only=True):
    """When people are there, in wall-clock times of the business. A span is written as in
    ``09:00-17:30``; a day without spans is closed."""

    week: tuple[tuple[str, ...], ...]
    """The spans of each day, Monday first."""
    dates: tuple[tuple[date, tuple[str, ...]], ...] = ()
    """The dates of the coming days that differ from their day of the week, in order."""


class Turn(Value, frozen=True, kw_only=True):
    """One inbound message (or a timer, or an event such as ``resolved``) with everything the
    gateway finds out and decides about it."""

    id: int
    at: datetime
    message: Message
    customer: Customer
    conversation: Conversation
    kind: TurnKind = "message"
    name: str = ""
    """The name of the timer or event."""
    data: dict[str, str] = msgspec.field(default_factory=dict)
    history: tuple[Message, ...] = ()
    """This conversation so far, oldest first, without ``message``; at most the last 40."""
    context: Context = Context()
    understanding: Understanding = Understanding()
    route: Route = Route(action="automate")
    survey: Survey | None = None
    """The survey question that waits for an answer, if any."""
    survey_answer: SurveyAnswer | None = None
    opening: str | None = None
    """Outside business hours, when they start again: an ISO 8601 date and time in the time zone
    of the business, with its offset. None during business hours."""
    hours: OpeningTimes | None = None
    """The business hours of the conversation's brand. None: always open, or nobody knows."""
    alarms: bool = False
    """An alarm about harm reaches somebody who does not look at the desk: see `AlarmReceiver`."""
    automatic: bool = False
    """A machine wrote ``message`` (RFC 3834): it is stored and shown, and never answered."""
    unreadable: bool = False
    """The payload of ``message`` could not be parsed: a person gets the stored bytes."""
    wordless: bool = False
    """``message`` has no words of the customer: a file alone, or our description of what they
    sent (see `Inbound.wordless`)."""
    opted_out: bool = False
    """The customer opted out of messages at this address: nothing is sent there."""
    returning: bool = True
    """False if this is certainly the customer's first conversation."""

    def given(self, name: str) -> str | None:
        """The newest value of the slot ``name`` in this conversation; None when the customer has
        not stated it. A fact of that name (from a channel or a CRM) counts, and on the channel
        ``email`` the sender's address is the slot ``email``."""
        customers_own = (m for m in reversed(self.history) if m.author == "customer")
        for message in (self.message.replace(understanding=self.understanding), *customers_own):
            slots = message.understanding.slots if message.understanding else ()
            stated = [slot.value for slot in slots if slot.name == name]
            stated += [fact.value for fact in message.facts if fact.name == name]
            if stated:
                return stated[0]
        known = next((fact.value for fact in self.context.facts if fact.name == name), None)
        address = self.conversation.address
        return address.value if known is None and name == address.channel == "email" else known

    @property
    def language(self) -> str:
        """The language to answer in: the message's, else the conversation's or the customer's,
        else ``en``. A guess (`hallo?`, `und?`) does not change the language that is known."""
        found = self.understanding.language
        known = self.conversation.language or self.customer.language
        if found.code != "und" and (found.confidence >= LIKELY_LANGUAGE or known is None):
            return found.code
        return known or "en"
