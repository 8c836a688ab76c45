"""What agents work with: handoffs, suggestions, the queue and the context card."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.model.base import Address, Agent, Customer, Fact, Value
from gateway.model.conversation import Conversation, PastConversation
from gateway.model.messages import Attachment, Message
from gateway.model.understanding import Emotion, Reason, Slot


class Handoff(Value, frozen=True, kw_only=True):
    """The handoff of a conversation from the bot to a person. ``agent`` is None until somebody
    claims it."""

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
    """A draft for the agent. ``outcome`` says what became of it, by whose hand (``agent``);
    ``final`` is the text as sent."""

    id: int
    conversation: int
    text: str
    source: str
    at: datetime
    outcome: Literal["open", "sent", "edited", "ignored"] = "open"
    final: str | None = None
    agent: Agent | None = None


class HeldAnswer(Value, frozen=True, kw_only=True):
    """An agent's answer that is stored and waits until ``due``, so that its agent can take it back.
    ``turn`` is the id of the turn that will send it."""

    turn: int
    conversation: int
    agent: Agent
    text: str
    at: datetime
    due: datetime
    suggestion: int | None = None
    attachments: tuple[Attachment, ...] = ()


class QueueItem(Value, frozen=True, kw_only=True):
    """One entry of the agents' queue."""

    handoff: Handoff
    conversation: Conversation
    customer: Customer
    preview: str
    """The customer's last message, at most 140 characters."""
    mood: Emotion
    waiting_since: datetime
    place: str = ""
    """What people call our side: the brand, and the support address. Empty for a channel's only
    address."""

    @property
    def held(self) -> bool:
        """Whether a person has it."""
        return self.conversation.owner is not None or self.handoff.claimed_at is not None

    @property
    def position(self) -> QueuePosition:
        """Where it stands among those that wait."""
        return QueuePosition(priority=self.handoff.priority, handoff=self.handoff.id)


class QueuePosition(Value, frozen=True, kw_only=True):
    """A place among the waiting conversations, which are in the order of falling ``priority`` and,
    within one priority, of the ``handoff``'s id: the first that came first."""

    priority: int
    handoff: int


class QueuePage(Value, frozen=True, kw_only=True):
    """A part of the queue."""

    waiting: tuple[QueueItem, ...]
    """Those that nobody has claimed, most urgent first: as many as were asked for."""
    held: tuple[QueueItem, ...]
    """All that people have."""
    count: int
    """How many wait altogether."""

    @property
    def items(self) -> tuple[QueueItem, ...]:
        """Those that wait, then those that people have."""
        return (*self.waiting, *self.held)


class LinkedAddress(Value, frozen=True, kw_only=True):
    """An address that was linked to a customer. ``how``: the customer repeated a one-time code
    (``code``), or an agent decided it (``agent``). ``id`` is for `Desk.unlink`."""

    id: int
    address: Address
    how: Literal["code", "agent"]
    at: datetime
    agent: Agent | None = None


class ContextCard(Value, frozen=True, kw_only=True):
    """Everything an agent needs to take over without asking the customer again."""

    conversation: Conversation
    customer: Customer
    identities: tuple[Address, ...]
    handoff: Handoff | None
    messages: tuple[Message, ...]
    """Oldest first, including notes and system lines. Each customer message has its emotion."""
    earlier: tuple[PastConversation, ...]
    facts: tuple[Fact, ...]
    summary: tuple[str, ...]
    """A few sentences: what the customer wants, what was tried, and their mood."""
    suggestion: Suggestion | None
    on_its_way: tuple[Message, ...] = ()
    """Bot messages that a provider may already have had when the agent claimed the
    conversation."""
    linked: tuple[LinkedAddress, ...] = ()
    """Which of ``identities`` were linked, and how."""
    place: str = ""
    """As in `QueueItem`."""

    @property
    def slots(self) -> tuple[tuple[Slot, Message], ...]:
        """What the customer stated in ``messages``, each value with the message in which it was
        stated last; in the order of the messages."""
        last = {
            (slot.name, slot.value): (slot, message)
            for message in self.messages
            if message.author == "customer" and message.understanding
            for slot in message.understanding.slots
        }
        return tuple(sorted(last.values(), key=lambda stated: stated[1].id))
