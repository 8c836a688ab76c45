"""The whole database by its parts, its processes, and what waits in it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.model import Value
from gateway.store.customers import Customers, Links, RetentionStore
from gateway.store.desk import Handoffs, Queries
from gateway.store.queues import Inbox, Outbox, Timers, WebhookQueue


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


class QueueStatistics(Value, frozen=True, kw_only=True):
    """Rows that wait: how many, and since when the oldest does."""

    rows: int = 0
    since: datetime | None = None


class Backlog(Value, frozen=True, kw_only=True):
    """All that waits or needs a person, at one moment."""

    inbox: QueueStatistics = QueueStatistics()
    outbox: QueueStatistics = QueueStatistics()
    hooks: QueueStatistics = QueueStatistics()
    stuck: QueueStatistics = QueueStatistics()
    dead: QueueStatistics = QueueStatistics()
    unsure: QueueStatistics = QueueStatistics()
    hooks_dead: QueueStatistics = QueueStatistics()
    unclaimed: QueueStatistics = QueueStatistics()
    overdue: QueueStatistics = QueueStatistics()
    """Timers that should have fired."""


class Statistics(Protocol):
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
    def handoffs(self) -> Handoffs: ...
    @property
    def queries(self) -> Queries: ...
    @property
    def customers(self) -> Customers: ...
    @property
    def links(self) -> Links: ...
    @property
    def webhooks(self) -> WebhookQueue: ...
    @property
    def statistics(self) -> Statistics: ...
    @property
    def retention(self) -> RetentionStore: ...
    @property
    def processes(self) -> Processes: ...

    async def ping(self) -> None:
        """Raises when the database cannot be used."""
        ...
