"""The durable queues: inbox, outbox, timers, outgoing webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from gateway.model import (
    Accepted,
    Conversation,
    HeldAnswer,
    Inbound,
    Message,
    Outbound,
    Sent,
    Status,
    Value,
)
from gateway.store.work import AgentMessage, CommittedTurn, NotBefore, TurnOutcome, WorkItem


class OutboxItem(Value, frozen=True, kw_only=True):
    """An outbox row that was taken for sending."""

    outbound: Outbound
    lane: str
    conversation: int
    attempts: int
    damaged: bool = False
    """The stored row cannot be read: it is not sent, and a person is told."""


class OutboxEntry(Value, frozen=True, kw_only=True):
    """A line of ``warmline outbox list``."""

    id: int
    channel: str
    conversation: int
    state: str
    attempts: int
    error: str | None
    created_at: datetime


class InboxEntry(Value, frozen=True, kw_only=True):
    """A line of ``warmline inbox list``."""

    id: int
    channel: str
    kind: str
    state: str
    attempts: int
    error: str | None
    received_at: datetime


class WebhookDelivery(Value, frozen=True, kw_only=True):
    """An event to be sent to one endpoint. ``event`` is its id, the same for every endpoint and
    attempt; ``payload`` is the exact body."""

    id: int
    event: str
    endpoint: str
    name: str
    payload: str
    attempts: int


class WebhookEntry(Value, frozen=True, kw_only=True):
    """A line of ``warmline webhooks list``."""

    id: int
    event: str
    endpoint: str
    name: str
    conversation: int
    attempts: int
    error: str | None
    created_at: datetime


class Inbox(Protocol):
    """The queue of what came in. ``take`` raises `UnreadableRow`; ``commit`` raises
    `ConversationChanged` or `AlreadyHandled`."""

    async def accept(self, message: Inbound, at: datetime) -> Accepted: ...
    async def accept_agent_message(
        self,
        message: AgentMessage,
        lane: str,
        key: str,
        at: datetime,
        *,
        due: datetime | None = None,
        leaves: Conversation | None = None,
    ) -> Accepted:
        """With ``due`` it is handled then, and can be taken back until it is handled. Customers'
        messages that come meanwhile are handled first; everything else of the lane waits.

        ``leaves`` is a conversation that the agent continues by this message at another address of
        the customer. It ends in the same transaction, with the event `ANSWERED_ELSEWHERE`; it is no
        resolution, so no survey asks about it."""
        ...

    async def held(self, lane: str, at: datetime) -> tuple[HeldAnswer, ...]:
        """The answers in ``lane`` that are not due yet, oldest first."""
        ...

    async def take_back(self, conversation: int, turn: int, agent: str) -> HeldAnswer | None:
        """Delete the row of an answer by the agent with this id; None when it is handled already,
        or was none of theirs in this conversation. Either this or the turn is committed."""
        ...

    async def find_agent_message(self, lane: str, key: str) -> Accepted | None:
        """The turn of the agent message with this key; None when there was none."""
        ...

    async def take(self, lane: str, at: datetime) -> WorkItem | NotBefore | None:
        """The oldest unhandled row of the lane. With several processes, this one leases the row; it
        gets `NotBefore` while another has it."""
        ...

    async def commit(self, outcome: TurnOutcome, at: datetime) -> CommittedTurn: ...

    async def mark_failed(self, turn: int, error: str, *, retry_at: datetime | None) -> None:
        """Count a failed attempt. Without ``retry_at`` the row is stuck and the lane continues."""
        ...

    async def lanes(self) -> tuple[str, ...]:
        """Lanes with unhandled rows, for the sweep."""
        ...

    async def count_interrupted(self, at: datetime) -> int:
        """Count an attempt on each row that the last process may have been handling when it died,
        and return their number. Called once at start-up, so that a message that kills the process
        is not retried without end. With several processes `take` counts, and this does nothing."""
        ...

    async def handled(self, turn: int) -> tuple[Message, ...] | None:
        """The public replies of a turn; None while it is not handled."""
        ...

    async def list(self, state: str) -> tuple[InboxEntry, ...]: ...
    async def retry(self, ids: Sequence[int] | None) -> int: ...


class Outbox(Protocol):
    """The queue of what goes out to customers."""

    async def take(self, lane: str, at: datetime) -> OutboxItem | NotBefore | None:
        """Mark the oldest row of the lane as sending and return it. Bot replies of an earlier epoch
        are discarded first."""
        ...

    async def question(self, message: int) -> str | None:
        """The customer's text that our message of this id follows; None where there is none."""
        ...

    async def mark_sent(self, id: int, sent: Sent) -> None: ...
    async def retry_later(
        self, id: int, error: str, due: datetime, *, may_have_arrived: bool = False
    ) -> None:
        """Retry at ``due``. A reply that ``may_have_arrived`` is ``unsure`` until then, and agents
        who claim the conversation see it. Changes nothing when another process has the row."""
        ...

    async def close(
        self,
        id: int,
        status: Status,
        error: str,
        *,
        unreachable: bool = False,
        opted_out: bool = False,
    ) -> None:
        """End the attempts: the row is a dead letter (``failed``) or ``unsure``, and the next row
        may be sent. ``opted_out`` discards what is queued for the address. Changes nothing when
        another process has the row."""
        ...

    async def take_over(self) -> tuple[OutboxItem, ...]:
        """Take over the rows that dead processes were sending; no other process gets them too."""
        ...

    async def lanes(self) -> tuple[str, ...]: ...
    async def list(self) -> tuple[OutboxEntry, ...]: ...
    async def retry(self, ids: Sequence[int] | None) -> int: ...


class Timers(Protocol):
    """Timers of handlers and claim times."""

    async def fire(self, at: datetime) -> tuple[str, ...]:
        """Move due timers into the inbox. Returns the lanes that now have work."""
        ...

    async def next_due(self) -> datetime | None: ...


class WebhookQueue(Protocol):
    """The queue of events for other systems, in order for each conversation and endpoint. A lane is
    ``ENDPOINT:CONVERSATION``."""

    async def take(
        self, lane: str, at: datetime, lease: timedelta
    ) -> WebhookDelivery | NotBefore | None:
        """The oldest event of the lane, for this process alone until the ``lease`` ends, so the
        events of a process that died need no recovery."""
        ...

    async def mark_sent(self, id: int) -> None: ...
    async def retry_later(self, id: int, error: str, due: datetime) -> None: ...
    async def mark_dead(self, id: int, error: str) -> None: ...
    async def lanes(self) -> tuple[str, ...]: ...
    async def list(self) -> tuple[WebhookEntry, ...]:
        """Dead letters."""
        ...

    async def retry(self, ids: Sequence[int] | None) -> int: ...
    async def replay(self, since: datetime, endpoint: str | None) -> int:
        """Queue the events since ``since`` again, for all endpoints or one. Returns the number."""
        ...
