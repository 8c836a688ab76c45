"""Lists of conversations: which ones, from where on, and what a line of them shows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.model.base import Customer, MoodLabel, State, Value
from gateway.model.conversation import Conversation
from gateway.model.desk import Handoff, LastAuthor, waits_for_person

ListName = Literal["waiting", "mine", "bot", "colleagues", "snoozed", "resolved", "all"]
LIST_NAMES: tuple[ListName, ...] = (
    "waiting",
    "mine",
    "bot",
    "colleagues",
    "snoozed",
    "resolved",
    "all",
)


class ConversationFilter(Value, frozen=True, kw_only=True):
    """Which conversations a list shows. An empty field leaves nothing out."""

    list: ListName = "all"
    """``mine``, ``colleagues``: what ``agent``, or anyone else, has and has not snoozed."""
    agent: str = ""
    """The id of the agent whose list it is."""
    colleagues: bool = True
    """Whether conversations that others than ``agent`` have are shown at all."""
    brands: tuple[str, ...] = ()
    """Only of these; an empty name is no brand."""
    channel: str = ""
    language: str = ""
    """ISO 639-1."""
    skill: str = ""
    """Needed by the newest handoff."""
    state: State | Literal[""] = ""
    person: str = ""
    """The id of the agent who has it, or had it last."""
    label: str = ""
    """A label's key, see `Desk.label`."""
    mood: str = ""
    """Of the customer's last message: a `MoodLabel`."""
    last_from: Literal["", "customer", "us"] = ""
    """Who wrote the last public message; ``us``: the bot or an agent."""
    since: datetime | None = None
    """The last public message is of this time or later,"""
    until: datetime | None = None
    """and before this time."""


class ListPosition(Value, frozen=True, kw_only=True):
    """A place in a list.

    Lists are in the order of the last public message, the newest first: ``order`` is its time in
    milliseconds since 1970 and ``id`` the conversation. The waiting ones are in the order of the
    queue: ``order`` is the priority and ``id`` the handoff.
    """

    order: int
    id: int


class ConversationHeading(Value, frozen=True, kw_only=True):
    """A conversation and its customer: what a line of a list names it by."""

    conversation: Conversation
    customer: Customer


class ListedConversation(Value, frozen=True, kw_only=True):
    """A line of a list."""

    conversation: Conversation
    customer: Customer
    position: ListPosition
    preview: str
    """The last public message, at most 140 characters. Of a conversation that people have, or will
    get, the last one that is not the bot's."""
    mood: MoodLabel
    """Of the customer's last message."""
    last_at: datetime
    """The time of the last public message that does not ask for nothing: replies of machines and
    mere thanks are left out."""
    last_from: LastAuthor
    """Who wrote it; empty when there is none."""
    agent: str | None = None
    """The id of the agent who has it, or had it last."""
    handoff: Handoff | None = None
    """The newest one."""
    place: str = ""
    """As in `QueueItem`."""

    @property
    def customer_waits(self) -> bool:
        """See `waits_for_person`."""
        return waits_for_person(self.conversation, self.handoff, self.last_from, self.last_at)


class ConversationList(Value, frozen=True, kw_only=True):
    """A part of a list."""

    items: tuple[ListedConversation, ...]
    following: ListPosition | None = None
    """Where the next part begins; None: this is the end."""
