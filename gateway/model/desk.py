"""What agents work with: handoffs, suggestions, the queue and the context card."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.model.base import Address, Agent, Customer, Fact, Value, channel_key
from gateway.model.conversation import Conversation, PastConversation
from gateway.model.messages import Attachment, Message
from gateway.model.promises import ConfirmedFact, Promise
from gateway.model.story import CaseStory
from gateway.model.understanding import Emotion, Reason, Slot

LastAuthor = Literal["", "customer", "bot", "agent"]


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
    first: int | None = None
    """The id of the handoff that this one continues since a transfer, or since it moved up: its
    place in the queue."""
    first_at: datetime | None = None
    """When that one was opened: since when the customer waits."""


class Suggestion(Value, frozen=True, kw_only=True):
    """A draft for the agent. ``outcome`` says what became of it, by whose hand (``agent``);
    ``final`` is the text as sent; ``passages`` are the ids of the passages it rests on."""

    id: int
    conversation: int
    text: str
    source: str
    at: datetime
    outcome: Literal["open", "sent", "edited", "ignored"] = "open"
    final: str | None = None
    agent: Agent | None = None
    passages: tuple[int, ...] = ()


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
    copies: tuple[str, ...] = ()


class QueueItem(Value, frozen=True, kw_only=True):
    """One entry of the agents' queue."""

    handoff: Handoff
    conversation: Conversation
    customer: Customer
    preview: str
    """The customer's last message, at most 140 characters."""
    mood: Emotion
    customer_waits: bool
    """See `waits_for_person`."""
    waiting_since: datetime
    """Since when; if the customer does not wait, the time of the last message that counts."""
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
        return QueuePosition(
            priority=self.handoff.priority, handoff=self.handoff.first or self.handoff.id
        )


def waits_for_person(
    conversation: Conversation, handoff: Handoff | None, last_from: LastAuthor, last_at: datetime
) -> bool:
    """Whether the customer waits for a person: nobody has answered since they wrote, were handed
    over (``handoff``: the newest) or passed on. ``last_from`` wrote the last message that counts,
    at ``last_at``: what asks for nothing (see `Message.asks_nothing`) does not. What the bot says
    while a person has the conversation answers nothing."""
    if conversation.state == "waiting":
        return True
    passed_on = handoff is not None and handoff.created_at > last_at
    return conversation.state == "person" and (last_from != "agent" or passed_on)


class QueuePosition(Value, frozen=True, kw_only=True):
    """A place among the waiting conversations, which are in the order of falling ``priority`` and,
    within one priority, of the ``handoff``'s id: the first that came first. One that was
    transferred or moved up keeps its place (see `Handoff.first`)."""

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


class SupportAddress(Value, frozen=True, kw_only=True):
    """One of our numbers, mailboxes, bots or sites, from which people may write first.

    ``place`` is what people call it besides the channel: the brand and its name; empty for a
    channel's only one. ``anyone``: also to an address that never wrote to us. ``subjects``: a
    conversation there begins with a subject.
    """

    channel: str
    name: str = ""
    brand: str = ""
    place: str = ""
    anyone: bool = False
    subjects: bool = False

    @property
    def key(self) -> str:
        """As `Address.channel_key`."""
        return channel_key(self.channel, self.name)


class LinkedAddress(Value, frozen=True, kw_only=True):
    """An address that was linked to a customer. ``how``: the customer repeated a one-time code
    (``code``), answered our mail there (``reply``), or an agent decided it (``agent``). ``id`` is
    for `Desk.unlink`."""

    id: int
    address: Address
    how: Literal["code", "reply", "agent"]
    at: datetime
    agent: Agent | None = None


class BlockedAddress(Value, frozen=True, kw_only=True):
    """An address whose messages are stored and never answered, because people blocked it. ``id``
    is for the next page of the list; ``brand`` is its customer's."""

    id: int
    address: Address
    brand: str = ""
    at: datetime


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
    history: tuple[Conversation, ...] = ()
    """The conversations that ``messages`` come from, oldest first, where the customer went on at
    another address: a chat that is answered by mail. Empty where it is this one alone."""
    answer_address: Address | None = None
    """Where an answer goes unless the agent chooses: None is the conversation's own address."""

    def channel_of(self, message: Message) -> str:
        """The channel of ``message``, to mark it with; empty where all came by one."""
        for conversation in self.history:
            if conversation.id == message.conversation:
                return conversation.address.channel
        return ""

    promises: tuple[Promise, ...] = ()
    """What was promised in this conversation, oldest first."""
    confirmed: tuple[ConfirmedFact, ...] = ()
    """What agents confirmed of this customer, in this and earlier conversations."""
    story: CaseStory | None = None
    """The case as it is told to an agent; the desk adds it."""

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
