"""What the people who answer work with: handoffs, suggestions, the queue, the context card."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.model.base import Fact, Value
from gateway.model.conversation import Conversation, PastConversation
from gateway.model.messages import Message
from gateway.model.people import Address, Agent, Customer
from gateway.model.understanding import Emotion, Reason


class Handoff(Value, frozen=True, kw_only=True):
    """A conversation on its way from bot to person, or with one."""

    id: int
    conversation: int
    reasons: tuple[Reason, ...]
    tier: str
    skills: tuple[str, ...]
    priority: int
    created_at: datetime
    agent: Agent | None = None
    claimed_at: datetime | None = None
    closed_at: datetime | None = None


class Suggestion(Value, frozen=True, kw_only=True):
    """A draft for the agent. ``outcome`` tells what became of it, with the text as sent."""

    id: int
    conversation: int
    text: str
    source: str
    at: datetime
    outcome: Literal["open", "sent", "edited", "ignored"] = "open"
    final: str | None = None


class QueueItem(Value, frozen=True, kw_only=True):
    """A line of the agents' queue."""

    handoff: Handoff
    conversation: Conversation
    customer: Customer
    preview: str
    """The customer's last words, at most 140 characters."""
    mood: Emotion
    waiting_since: datetime


class LinkedAddress(Value, frozen=True, kw_only=True):
    """An address that was linked to a customer, on what proof: a code that was repeated, or a
    person's decision. ``id`` undoes it."""

    id: int
    address: Address
    how: Literal["code", "agent"]
    at: datetime
    agent: Agent | None = None


class ContextCard(Value, frozen=True, kw_only=True):
    """All a person needs to go on without asking again."""

    conversation: Conversation
    customer: Customer
    identities: tuple[Address, ...]
    handoff: Handoff | None
    messages: tuple[Message, ...]
    """Oldest first, notes and system lines included; each customer message carries its mood."""
    earlier: tuple[PastConversation, ...]
    facts: tuple[Fact, ...]
    summary: tuple[str, ...]
    """A few sentences: what is wanted, what was tried, the mood."""
    suggestion: Suggestion | None
    on_its_way: tuple[Message, ...] = ()
    """Bot messages that a provider may already have when the person claimed."""
    linked: tuple[LinkedAddress, ...] = ()
    """Which of ``identities`` were linked, and how."""
