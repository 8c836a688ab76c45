"""The whole database by its parts, the processes that use it, and the rows that wait in it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.model import Value
from gateway.store.customers import Customers, Links, NamedAddresses, RetentionStore
from gateway.store.desk import Beginnings, Handoffs, Promises, Queries
from gateway.store.marks import Marks
from gateway.store.queues import Inbox, Outbox, Timers, WebhookQueue
from gateway.store.versions import VersionStore


class Processes(Protocol):
    """The processes that use this database. Each has a lease and renews it; while the lease runs,
    the rows that it took are its own."""

    async def register(self, name: str | None, role: str) -> None:
        """Register this process. A registered process of the same ``name`` must be dead; it is
        removed."""
        ...

    async def renew(self) -> bool:
        """Renew the lease. False when it had run out and others took over: this process is then
        registered again, without any rows."""
        ...

    def holds_lease(self) -> bool:
        """Whether the lease still runs, by this machine's clock. Checked before each send."""
        ...

    async def unregister(self) -> None:
        """Unregister: other processes get the unfinished rows at once. Each counts one attempt, as
        it may be the row that cannot be finished."""
        ...


class QueueStatistics(Value, frozen=True, kw_only=True):
    """The number of waiting rows, and since when the oldest waits."""

    rows: int = 0
    since: datetime | None = None


class Backlog(Value, frozen=True, kw_only=True):
    """All rows that wait or need a person, at one moment."""

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
    """Cheap queries, whatever the history: they read only what is still to be done."""

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
    def marks(self) -> Marks: ...
    @property
    def beginnings(self) -> Beginnings: ...
    @property
    def queries(self) -> Queries: ...
    @property
    def promises(self) -> Promises: ...
    @property
    def customers(self) -> Customers: ...
    @property
    def links(self) -> Links: ...
    @property
    def named_addresses(self) -> NamedAddresses: ...
    @property
    def webhooks(self) -> WebhookQueue: ...
    @property
    def statistics(self) -> Statistics: ...
    @property
    def retention(self) -> RetentionStore: ...
    @property
    def versions(self) -> VersionStore: ...
    @property
    def processes(self) -> Processes: ...

    async def ping(self) -> None:
        """Raises when the database cannot be used."""
        ...
