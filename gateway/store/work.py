"""An inbox row as a worker takes it, and everything that is committed when it is handled."""

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
    MadePromise,
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
    """An agent's message to the customer, as it waits in the inbox."""

    conversation: int
    agent: Agent
    text: str
    suggestion: int | None = None
    attachments: tuple[Attachment, ...] = ()
    copies: tuple[str, ...] = ()
    trace: str | None = None
    """As in `Inbound`."""


class ConversationEvent(Value, frozen=True, kw_only=True):
    """A due timer or an event, as it waits in the inbox."""

    conversation: int
    name: str
    epoch: int
    data: dict[str, str] = msgspec.field(default_factory=dict)


class WorkItem(Value, frozen=True, kw_only=True):
    """The oldest unhandled inbox row of a lane, with all that its turn needs.

    ``id`` is the turn's id. One of ``inbound``, ``agent_message`` and ``event`` (a
    timer or event) is set. ``conversation`` is None when a new one begins.
    """

    id: int
    lane: str
    kind: Kind
    attempts: int
    at: datetime
    inbound: Inbound | None = None
    agent_message: AgentMessage | None = None
    event: ConversationEvent | None = None
    error: str | None = None
    customer: Customer
    conversation: Conversation | None = None
    history: tuple[Message, ...] = ()
    survey: Survey | None = None
    closed: Conversation | None = None
    """The resolved conversation that came before, when a new one begins."""
    closed_history: tuple[Message, ...] = ()
    closed_survey: Survey | None = None
    """The answered survey of ``closed``."""
    damaged: bool = False
    """The stored row cannot be read: it is not handled, and somebody is told."""
    opted_out: bool = False
    """The customer asked for no more messages at this address."""
    suspended: bool = False
    """Nothing can be delivered to this address, as a provider said."""
    blocked: bool = False
    """People blocked this address: see `Desk.block`."""
    returning: bool = True
    """The customer may have had other conversations."""
    more: bool = False
    """Another row of the lane waits behind it."""
    shadow: bool = False
    """The gateway is in shadow mode: the bot says nothing. The worker sets it, once for a turn."""
    joined: tuple[int, ...] = ()
    """Further rows of the same album, which ``inbound`` includes and which are handled with it."""


class NotBefore(Value, frozen=True, kw_only=True):
    """The lane has work, but its oldest row waits until ``at`` for a retry."""

    at: datetime


class HandoffRequest(Value, frozen=True, kw_only=True):
    """A handoff to open. ``claim_by``: when it moves up unless claimed; None: never."""

    reasons: tuple[Reason, ...]
    tier: str
    skills: tuple[str, ...] = ()
    priority: int = 0
    claim_by: datetime | None = None


class DraftSuggestion(Value, frozen=True, kw_only=True):
    """A suggestion to store; ``passages`` are the ids of the passages it rests on."""

    text: str
    source: str
    passages: tuple[int, ...] = ()


class TurnOutcome(Value, frozen=True, kw_only=True):
    """All changes of handling one inbox row, committed together or not at all.

    ``conversation`` is its state afterwards (id 0: a new one). If its epoch is not that of the
    database, the bot's replies are dropped, and only ``message`` and ``notes`` are stored.
    ``mailbox``: a stored reply counts as sent. ``reopen`` increments the epoch.
    """

    work: WorkItem
    conversation: Conversation
    customer: Customer
    message: Message | None = None
    replies: tuple[Message, ...] = ()
    notes: tuple[Message, ...] = ()
    mailbox: bool = False
    handoff: HandoffRequest | None = None
    """Opened; in a conversation that waits already, its open handoff gains what this one has."""
    raised: HandoffRequest | None = None
    """Its reasons and priority are added to the open handoff, if there is one."""
    draft: DraftSuggestion | None = None
    timers: tuple[Timer, ...] = ()
    survey: SurveyQuestion | None = None
    answered: SurveyAnswer | None = None
    opt_out: bool = False
    reopen: bool = False
    consent: Literal["out", "in"] | None = None
    """The customer's consent to messages at this address; ``out`` discards what is queued."""
    refused: str | None = None
    """Why nothing may be sent: ``replies`` are stored as failed, with this detail."""
    promises: tuple[tuple[int, MadePromise], ...] = ()
    """What ``replies`` promise, each with the number of its reply."""
    claims: tuple[str, ...] = ()
    """What ``replies`` say was done (see `Claim.kind`)."""
    trace: str | None = None
    """The trace that the replies continue, as in `Inbound`."""
    language: str | None = None
    """The language of ``replies``; None: the conversation's."""
    sources: tuple[int, ...] = ()
    """The passages that ``replies`` rest on; see `SourcesChanged`."""
    labels: tuple[str, ...] = ()
    """Put on the conversation."""
    wakes: datetime | None = None
    """Ends the snooze that ends then; another one stays."""

    @property
    def last_public(self) -> Message | None:
        """The last message that the customer sees if no reply is dropped; None: they see none, or
        theirs asks for nothing in a conversation that was there: nobody waits for an answer."""
        if self.replies and self.refused is None:
            return self.replies[-1]
        silent = self.message and self.message.asks_nothing and self.work.conversation
        return None if silent else self.message


class CommittedTurn(Value, frozen=True, kw_only=True):
    """A committed `TurnOutcome`. ``dropped``: why the bot's replies were dropped."""

    conversation: Conversation
    message: Message | None = None
    replies: tuple[Message, ...] = ()
    dropped: str | None = None
    queued: bool = False
    """There are outbox rows to deliver."""
    more: bool = True
    """Whether the lane has more rows, as of this commit; a later accept wakes the lane."""


class ConversationChanged(WarmlineError):
    """While the turn ran, the conversation was handed back to the bot or closed: the turn must run
    again with its new state."""


class SourcesChanged(WarmlineError):
    """A passage that the answer rests on is not current any more: nothing was stored, and the turn
    runs again."""


class UnreadableRow(WarmlineError):
    """An inbox row cannot be decoded. ``turn`` is its id; ``attempts`` counts the failed ones."""

    def __init__(self, turn: int, attempts: int, what: str) -> None:
        super().__init__(f"turn {turn}: {what}")
        self.turn, self.attempts = turn, attempts


class AlreadyHandled(WarmlineError):
    """Another worker handled this inbox row; nothing changed."""
