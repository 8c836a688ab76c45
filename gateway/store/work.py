"""One inbox row as a worker takes it, and everything that handling it commits."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from gateway.model import (
    Agent,
    Attachment,
    Conversation,
    Customer,
    Inbound,
    Message,
    Reason,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    Timer,
    Value,
)
from gateway.ports import WarmlineError

Kind = Literal["message", "edit", "unreadable", "agent", "timer", "event"]


class AgentMessage(Value, frozen=True, kw_only=True):
    """A person's words on their way to the customer, as they wait in the inbox."""

    conversation: int
    agent: Agent
    text: str
    suggestion: int | None = None
    attachments: tuple[Attachment, ...] = ()
    trace: str | None = None
    """As in `Inbound`."""


class ConversationEvent(Value, frozen=True, kw_only=True):
    """A timer that came due, or an event, as it waits in the inbox."""

    conversation: int
    name: str
    epoch: int
    data: dict[str, str] = msgspec.field(default_factory=dict)


class WorkItem(Value, frozen=True, kw_only=True):
    """The oldest unhandled inbox row of a lane, with all that its turn needs.

    ``id`` is the turn's id. ``conversation`` is None when a new one begins with it.
    """

    id: int
    lane: str
    kind: Kind
    attempts: int
    at: datetime
    inbound: Inbound | None = None
    said: AgentMessage | None = None
    happened: ConversationEvent | None = None
    error: str | None = None
    customer: Customer
    conversation: Conversation | None = None
    history: tuple[Message, ...] = ()
    survey: Survey | None = None
    opted_out: bool = False
    """The customer asked for no more messages at this address."""
    returning: bool = True
    """They may have had other conversations than this one."""
    more: bool = False
    """Another row of the lane waits behind it."""


class NotBefore(Value, frozen=True, kw_only=True):
    """There is work in the lane, but its head backs off until ``at``."""

    at: datetime


class HandoffRequest(Value, frozen=True, kw_only=True):
    """A hand-over to be opened. ``claim_by``: when an unclaimed one moves up, None for never."""

    reasons: tuple[Reason, ...]
    tier: str
    skills: tuple[str, ...] = ()
    priority: int = 0
    claim_by: datetime | None = None


class DraftSuggestion(Value, frozen=True, kw_only=True):
    """A suggestion to be stored."""

    text: str
    source: str


class TurnOutcome(Value, frozen=True, kw_only=True):
    """All that handling one inbox row changes; it is committed whole or not at all.

    ``conversation`` is how it stands afterwards (id 0: a new one). If its epoch is no longer
    that of the database, everything the bot had to say is dropped and only ``message`` and
    ``notes`` are kept. ``mailbox``: a stored reply is a sent one. ``reopen`` grows the epoch.
    """

    work: WorkItem
    conversation: Conversation
    customer: Customer
    message: Message | None = None
    replies: tuple[Message, ...] = ()
    notes: tuple[Message, ...] = ()
    mailbox: bool = False
    handoff: HandoffRequest | None = None
    draft: DraftSuggestion | None = None
    timers: tuple[Timer, ...] = ()
    survey: SurveyQuestion | None = None
    answered: SurveyAnswer | None = None
    opt_out: bool = False
    reopen: bool = False
    consent: Literal["out", "in"] | None = None
    """What the customer said of messages to this address; ``out`` discards what is queued."""
    refused: str | None = None
    """Why nothing may be sent: ``replies`` are kept as failed ones, with this as their detail."""
    trace: str | None = None
    """The trace that goes on with the replies, as in `Inbound`."""


class CommittedTurn(Value, frozen=True, kw_only=True):
    """What became of an Outcome. ``dropped`` tells why the bot's words were dropped."""

    conversation: Conversation
    message: Message | None = None
    replies: tuple[Message, ...] = ()
    dropped: str | None = None
    queued: bool = False
    """There are outbox rows to deliver."""
    more: bool = True
    """The lane has more to do, as far as this commit could see; who accepts later wakes it."""


class ConversationChanged(WarmlineError):
    """The conversation went back to the bot, or was closed, while a turn was composed: the turn
    must be made again from how things stand now."""


class UnreadableRow(WarmlineError):
    """An inbox row cannot be read; ``turn`` is its id, ``attempts`` how often it was tried."""

    def __init__(self, turn: int, attempts: int, what: str) -> None:
        super().__init__(f"turn {turn}: {what}")
        self.turn, self.attempts = turn, attempts


class AlreadyHandled(WarmlineError):
    """Another worker handled this inbox row; nothing was changed."""
