"""The durable queues: inbox, outbox, timers, outgoing webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from gateway.model import Accepted, Inbound, Message, Outbound, Sent, Status, Value
from gateway.store.work import AgentMessage, CommittedTurn, NotBefore, TurnOutcome, WorkItem


class OutboxItem(Value, frozen=True, kw_only=True):
    """An outbox row that was just taken for sending."""

    outbound: Outbound
    lane: str
    conversation: int
    attempts: int


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
    """An event on its way to one endpoint. ``event`` is the same at every endpoint and attempt,
    and ``payload`` is the body to the byte."""

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
    """The first durable wait. ``take`` raises `UnreadableRow`, ``commit`` `ConversationChanged` or
    `AlreadyHandled`."""

    async def accept(self, message: Inbound, at: datetime) -> Accepted: ...
    async def say(self, said: AgentMessage, lane: str, key: str, at: datetime) -> Accepted: ...
    async def said(self, lane: str, key: str) -> Accepted | None:
        """What became of a `print_line` with this key; None when there was none."""
        ...

    async def take(self, lane: str, at: datetime) -> WorkItem | NotBefore | None:
        """The head of the lane. Where several processes serve, it is in this one's hands from
        now on, and `NotBefore` while it is in another's."""
        ...

    async def commit(self, outcome: TurnOutcome, at: datetime) -> CommittedTurn: ...

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

    async def list(self, state: str) -> tuple[InboxEntry, ...]: ...
    async def retry(self, ids: Sequence[int] | None) -> int: ...


class Outbox(Protocol):
    """The second durable wait."""

    async def take(self, lane: str, at: datetime) -> OutboxItem | NotBefore | None:
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

    async def cut_off(self) -> tuple[OutboxItem, ...]:
        """Rows that are ``sending`` by a process that is dead, which died between call and
        commit: they are in this one's hands from now on, and no other process gets them too."""
        ...

    async def lanes(self) -> tuple[str, ...]: ...
    async def list(self) -> tuple[OutboxEntry, ...]: ...
    async def retry(self, ids: Sequence[int] | None) -> int: ...


class Timers(Protocol):
    async def fire(self, at: datetime) -> tuple[str, ...]:
        """Move what is due into the inbox; gives the lanes that now have work."""
        ...

    async def next_due(self) -> datetime | None: ...


class WebhookQueue(Protocol):
    """The third durable wait: what other systems are to hear, in order for each conversation and
    endpoint. A lane is ``ENDPOINT:CONVERSATION``."""

    async def take(
        self, lane: str, at: datetime, lease: timedelta
    ) -> WebhookDelivery | NotBefore | None:
        """The head of the lane. Nobody takes it again before the ``lease`` is over: a process that
        died on it needs no recovery."""
        ...

    async def sent(self, id: int) -> None: ...
    async def later(self, id: int, error: str, due: datetime) -> None: ...
    async def dead(self, id: int, error: str) -> None: ...
    async def lanes(self) -> tuple[str, ...]: ...
    async def list(self) -> tuple[WebhookEntry, ...]:
        """Dead letters."""
        ...

    async def retry(self, ids: Sequence[int] | None) -> int: ...
    async def replay(self, since: datetime, endpoint: str | None) -> int:
        """Send again what happened at or after ``since``, to all or to one endpoint."""
        ...
