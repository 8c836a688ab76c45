"""What the services ask of the database: small Protocols, one for each part of the way.

Each method is one transaction. It returns after the commit, and raises without having changed
anything. Methods with a compare (an epoch, a state) say in their result what they found.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

from gateway.model import (
    Accepted,
    Address,
    Agent,
    Answered,
    Attachment,
    Card,
    Conversation,
    Customer,
    Earlier,
    Handoff,
    Inbound,
    Json,
    Linked,
    Message,
    Outbound,
    QueueItem,
    Reason,
    Receipt,
    Sent,
    State,
    Status,
    Suggestion,
    Survey,
    SurveyAnswer,
    SurveyAsk,
    Timer,
    Value,
)
from gateway.ports import WarmlineError

Kind = Literal["message", "edit", "unreadable", "agent", "timer", "event"]


class AgentSaid(Value, frozen=True, kw_only=True):
    """A person's words on their way to the customer, as they wait in the inbox."""

    conversation: int
    agent: Agent
    text: str
    suggestion: int | None = None
    attachments: tuple[Attachment, ...] = ()
    trace: str | None = None
    """As in `Inbound`."""


class Happened(Value, frozen=True, kw_only=True):
    """A timer that came due, or an event, as it waits in the inbox."""

    conversation: int
    name: str
    epoch: int
    data: dict[str, str] = msgspec.field(default_factory=dict)


class Work(Value, frozen=True, kw_only=True):
    """The oldest unhandled inbox row of a lane, with all that its turn needs.

    ``id`` is the turn's id. ``conversation`` is None when a new one begins with it.
    """

    id: int
    lane: str
    kind: Kind
    attempts: int
    at: datetime
    inbound: Inbound | None = None
    said: AgentSaid | None = None
    happened: Happened | None = None
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


class Later(Value, frozen=True, kw_only=True):
    """There is work in the lane, but its head backs off until ``at``."""

    at: datetime


class HandoffAsk(Value, frozen=True, kw_only=True):
    """A hand-over to be opened. ``claim_by``: when an unclaimed one moves up, None for never."""

    reasons: tuple[Reason, ...]
    tier: str
    skills: tuple[str, ...] = ()
    priority: int = 0
    claim_by: datetime | None = None


class Draft(Value, frozen=True, kw_only=True):
    """A suggestion to be stored."""

    text: str
    source: str


class Outcome(Value, frozen=True, kw_only=True):
    """All that handling one inbox row changes; it is committed whole or not at all.

    ``conversation`` is how it stands afterwards (id 0: a new one). If its epoch is no longer
    that of the database, everything the bot had to say is dropped and only ``message`` and
    ``notes`` are kept. ``mailbox``: a stored reply is a sent one. ``reopen`` grows the epoch.
    """

    work: Work
    conversation: Conversation
    customer: Customer
    message: Message | None = None
    replies: tuple[Message, ...] = ()
    notes: tuple[Message, ...] = ()
    mailbox: bool = False
    handoff: HandoffAsk | None = None
    draft: Draft | None = None
    timers: tuple[Timer, ...] = ()
    survey: SurveyAsk | None = None
    answered: SurveyAnswer | None = None
    opt_out: bool = False
    reopen: bool = False
    consent: Literal["out", "in"] | None = None
    """What the customer said of messages to this address; ``out`` discards what is queued."""
    refused: str | None = None
    """Why nothing may be sent: ``replies`` are kept as failed ones, with this as their detail."""
    trace: str | None = None
    """The trace that goes on with the replies, as in `Inbound`."""


class Committed(Value, frozen=True, kw_only=True):
    """What became of an Outcome. ``dropped`` tells why the bot's words were dropped."""

    conversation: Conversation
    message: Message | None = None
    replies: tuple[Message, ...] = ()
    dropped: str | None = None
    queued: bool = False
    """There are outbox rows to deliver."""
    more: bool = True
    """The lane has more to do, as far as this commit could see; who accepts later wakes it."""


class Parcel(Value, frozen=True, kw_only=True):
    """An outbox row that was just taken for sending."""

    outbound: Outbound
    lane: str
    conversation: int
    attempts: int


class OutboxLine(Value, frozen=True, kw_only=True):
    """A line of ``warmline outbox list``."""

    id: int
    channel: str
    conversation: int
    state: str
    attempts: int
    error: str | None
    created_at: datetime


class InboxLine(Value, frozen=True, kw_only=True):
    """A line of ``warmline inbox list``."""

    id: int
    channel: str
    kind: str
    state: str
    attempts: int
    error: str | None
    received_at: datetime


class Hook(Value, frozen=True, kw_only=True):
    """An event on its way to one endpoint. ``event`` is the same at every endpoint and attempt,
    and ``payload`` is the body to the byte."""

    id: int
    event: str
    endpoint: str
    name: str
    payload: str
    attempts: int


class HookLine(Value, frozen=True, kw_only=True):
    """A line of ``warmline webhooks list``."""

    id: int
    event: str
    endpoint: str
    name: str
    conversation: int
    attempts: int
    error: str | None
    created_at: datetime


class Told(Value, frozen=True, kw_only=True):
    """A message that a receipt changed: its lane and its conversation."""

    lane: str
    conversation: int


class Moved(WarmlineError):
    """The conversation went back to the bot, or was closed, while a turn was composed: the turn
    must be made again from how things stand now."""


class Unreadable(WarmlineError):
    """An inbox row cannot be read; ``turn`` is its id, ``attempts`` how often it was tried."""

    def __init__(self, turn: int, attempts: int, what: str) -> None:
        super().__init__(f"turn {turn}: {what}")
        self.turn, self.attempts = turn, attempts


class AlreadyHandled(WarmlineError):
    """Another worker handled this inbox row; nothing was changed."""


class Inbox(Protocol):
    """The first durable wait. ``take`` raises `Unreadable`, ``commit`` `Moved` or
    `AlreadyHandled`."""

    async def accept(self, message: Inbound, at: datetime) -> Accepted: ...
    async def say(self, said: AgentSaid, lane: str, key: str, at: datetime) -> Accepted: ...
    async def said(self, lane: str, key: str) -> Accepted | None:
        """What became of a `say` with this key; None when there was none."""
        ...

    async def take(self, lane: str, at: datetime) -> Work | Later | None:
        """The head of the lane. Where several processes serve, it is in this one's hands from
        now on, and `Later` while it is in another's."""
        ...

    async def commit(self, outcome: Outcome, at: datetime) -> Committed: ...

    async def failed(self, turn: int, error: str, *, retry_at: datetime | None) -> None:
        """Count a failed attempt; without ``retry_at`` the row is stuck and the lane goes on."""
        ...

    async def lanes(self) -> tuple[str, ...]:
        """Lanes with unhandled rows: for the sweep."""
        ...

    async def survived(self) -> int:
        """Count one attempt on each row that a dead process may have had in its hands: called
        once at start-up, so that a message that kills the process is not tried for ever. Gives
        their number. Where several processes serve, `take` counts, and this does nothing."""
        ...

    async def handled(self, turn: int) -> tuple[Message, ...] | None:
        """The public replies of a turn, None while it is not handled."""
        ...

    async def list(self, state: str) -> tuple[InboxLine, ...]: ...
    async def retry(self, ids: Sequence[int] | None) -> int: ...


class Outbox(Protocol):
    """The second durable wait."""

    async def take(self, lane: str, at: datetime) -> Parcel | Later | None:
        """Mark the head of the lane as sending, in one committed UPDATE; what the bot wrote in
        an earlier epoch is discarded on the way."""
        ...

    async def sent(self, id: int, sent: Sent) -> None: ...
    async def later(
        self, id: int, error: str, due: datetime, *, may_have_arrived: bool = False
    ) -> None:
        """Try again at ``due``. What ``may_have_arrived`` is ``unsure`` until then: who takes the
        conversation meanwhile is told of it. Changes nothing when another process has taken over
        the row."""
        ...

    async def over(
        self,
        id: int,
        status: Status,
        error: str,
        *,
        unreachable: bool = False,
        opted_out: bool = False,
    ) -> None:
        """It is a dead letter (``failed``), or nobody knows (``unsure``); the next may go, unless
        the customer ``opted_out``: then what is queued for this address is discarded. Changes
        nothing when another process has taken over the row meanwhile."""
        ...

    async def cut_off(self) -> tuple[Parcel, ...]:
        """Rows that are ``sending`` by a process that is dead, which died between call and
        commit: they are in this one's hands from now on, and no other process gets them too."""
        ...

    async def lanes(self) -> tuple[str, ...]: ...
    async def list(self) -> tuple[OutboxLine, ...]: ...
    async def retry(self, ids: Sequence[int] | None) -> int: ...


class Timers(Protocol):
    async def fire(self, at: datetime) -> tuple[str, ...]:
        """Move what is due into the inbox; gives the lanes that now have work."""
        ...

    async def next_due(self) -> datetime | None: ...


class Processes(Protocol):
    """The processes that serve from this database: each has a lease that it renews. What it has
    in its hands is nobody else's while the lease runs."""

    async def enter(self, name: str | None, role: str) -> None:
        """Be one of them from now on. With a ``name``, which is this process's alone, a former
        one of that name is dead: its row is removed."""
        ...

    async def renew(self) -> bool:
        """Prolong the lease. False when others have taken over meanwhile, since it had run out:
        then this process has entered anew, with nothing in its hands."""
        ...

    def holds(self) -> bool:
        """Whether the lease still runs, by the clock of this machine: asked before each send."""
        ...

    async def leave(self) -> None:
        """Be gone: what was not finished by now is free for others at once, with one attempt
        counted, since it may be what cannot be finished."""
        ...


class Moves(Protocol):
    """Changes of hands: each a compare-and-set on the epoch, at once, never queued behind a
    running turn. Raise Conflict or NotFound."""

    async def claim(
        self, conversation: int, agent: Agent, epoch: int, at: datetime
    ) -> tuple[Conversation, tuple[Message, ...]]:
        """Also gives the bot's messages that were already on their way."""
        ...

    async def move(
        self,
        conversation: int,
        agent: Agent | None,
        epoch: int,
        at: datetime,
        *,
        state: State,
        line: str,
        handoff: HandoffAsk | None = None,
    ) -> Conversation:
        """Resolve, hand back or transfer (``handoff`` says to whom); ``line`` is the system
        line that agents see. A resolved one gets its ``resolved`` event in the same commit."""
        ...

    async def move_up(self, handoff: int, conversation: int, ask: HandoffAsk, at: datetime) -> bool:
        """Raise an unclaimed handoff to the next tier; False when it was claimed meanwhile."""
        ...

    async def note(self, message: Message) -> Message: ...
    async def ignore(self, suggestion: int, agent: Agent) -> Suggestion: ...


class Reading(Protocol):
    """What pages and cards show."""

    async def messages(
        self, address: Address, *, after: int = 0, limit: int = 100, own: bool = False
    ) -> tuple[Message, ...]: ...
    async def earlier(self, customer: int, *, limit: int = 20) -> tuple[Earlier, ...]: ...
    async def answered(self, *, since: datetime, limit: int = 300) -> tuple[Answered, ...]: ...
    async def conversation(self, id: int) -> Conversation: ...
    async def queue(self) -> tuple[QueueItem, ...]: ...
    async def card(self, id: int) -> Card:
        """Without ``summary``, which is made by the service."""
        ...

    async def handoff(self, id: int) -> Handoff: ...


class Customers(Protocol):
    async def report(self, receipt: Receipt) -> tuple[Told, ...] | None:
        """Record what a provider says of messages; gives those it changed, None when no
        message has such an id (yet)."""
        ...

    async def export(self, address: Address) -> Json: ...
    async def erase(self, address: Address) -> tuple[int, tuple[str, ...]]:
        """Erase the customer behind ``address``: the number of rows gone and the digests of
        files that nothing names any more. Raises NotFound."""
        ...


class Links(Protocol):
    """One person, several addresses. Raise NotFound, NotAccepted or Conflict, in words."""

    async def link(
        self, conversation: int, address: Address, at: datetime, *, how: str, agent: Agent | None
    ) -> int:
        """``address``, and what was said there, is the customer's of ``conversation``; the id of
        the link, by which it can be undone."""
        ...

    async def unlink(self, link: int, at: datetime) -> None: ...
    async def of(self, conversation: int) -> tuple[Linked, ...]: ...

    async def send_code(
        self,
        conversation: int,
        address: Address,
        digest: str,
        message: Message,
        expires: datetime,
        *,
        mailbox: bool,
    ) -> None:
        """Queue ``message``, which holds a code of that digest, to ``address``. An earlier code
        of the conversation is void."""
        ...

    async def redeem(self, conversation: int, digest: str, at: datetime) -> Address | None:
        """The address that is proven by the code, and linked now; None for a wrong one."""
        ...

    async def go_on(
        self, conversation: int, address: Address, agent: Agent, at: datetime
    ) -> Conversation:
        """The conversation at another linked address, the agent's: an open one, or a new one."""
        ...


class Hooks(Protocol):
    """The third durable wait: what other systems are to hear, in order for each conversation and
    endpoint. A lane is ``ENDPOINT:CONVERSATION``."""

    async def take(self, lane: str, at: datetime, lease: timedelta) -> Hook | Later | None:
        """The head of the lane. Nobody takes it again before the ``lease`` is over: a process that
        died on it needs no recovery."""
        ...

    async def sent(self, id: int) -> None: ...
    async def later(self, id: int, error: str, due: datetime) -> None: ...
    async def dead(self, id: int, error: str) -> None: ...
    async def lanes(self) -> tuple[str, ...]: ...
    async def list(self) -> tuple[HookLine, ...]:
        """Dead letters."""
        ...

    async def retry(self, ids: Sequence[int] | None) -> int: ...
    async def replay(self, since: datetime, endpoint: str | None) -> int:
        """Send again what happened at or after ``since``, to all or to one endpoint."""
        ...


class Cut(Value, frozen=True, kw_only=True):
    """What one small step of the retention looked at and took away. ``after`` is where the next
    step begins, None when there is nothing older left to look at."""

    gone: int = 0
    after: int | None = None


class Keeping(Protocol):
    """Taking away what is older than it may be: in small steps, each a transaction, oldest first.
    ``after`` is the id at which the last step stopped, 0 at the beginning."""

    async def silent(self, before: datetime, after: int, limit: int) -> tuple[list[int], Cut]:
        """Conversations that are over and in which nothing was said since ``before``."""
        ...

    async def whole(self, conversation: int) -> Json:
        """All that is held of it, for the archive."""
        ...

    async def end(self, conversations: Sequence[int], before: datetime) -> int:
        """Delete these, unless somebody spoke in them meanwhile, and customers of whom nothing is
        left but an address."""
        ...

    async def old(
        self,
        kind: Literal["attachments", "inbox", "outbox", "hooks"],
        before: datetime,
        after: int,
        limit: int,
        *,
        delete: bool,
    ) -> Cut:
        """Rows that have done their work."""
        ...

    async def unnamed(self, digests: Sequence[str]) -> set[str]:
        """Those of ``digests`` that no row names."""
        ...

    async def squeeze(self) -> None:
        """Give the space of what is gone back to the disk, where the database does not do so by
        itself. Nothing can be written meanwhile."""
        ...


class Heap(Value, frozen=True, kw_only=True):
    """Rows that wait: how many, and since when the oldest does."""

    rows: int = 0
    since: datetime | None = None


class Backlog(Value, frozen=True, kw_only=True):
    """All that waits or needs a person, at one moment."""

    inbox: Heap = Heap()
    outbox: Heap = Heap()
    hooks: Heap = Heap()
    stuck: Heap = Heap()
    dead: Heap = Heap()
    unsure: Heap = Heap()
    hooks_dead: Heap = Heap()
    unclaimed: Heap = Heap()
    overdue: Heap = Heap()
    """Timers that should have fired."""


class Figures(Protocol):
    """Looks that cost little, whatever the history: they read what is still to be done."""

    async def backlog(self, at: datetime) -> Backlog: ...


class Store(Protocol):
    """The whole database, by its parts."""

    @property
    def inbox(self) -> Inbox: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def timers(self) -> Timers: ...
    @property
    def moves(self) -> Moves: ...
    @property
    def reading(self) -> Reading: ...
    @property
    def customers(self) -> Customers: ...
    @property
    def links(self) -> Links: ...
    @property
    def hooks(self) -> Hooks: ...
    @property
    def figures(self) -> Figures: ...
    @property
    def keeping(self) -> Keeping: ...
    @property
    def processes(self) -> Processes: ...

    async def ping(self) -> None:
        """Raises when the database cannot be used."""
        ...
