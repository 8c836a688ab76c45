"""The database as the gateway uses it: a small Protocol for each part.

Each method is one transaction: it returns after the commit, or raises and changes nothing. A method
that compares (an epoch, a state) says in its result what it found.
"""

from gateway.store.customers import Customers, Links, RetentionStep, RetentionStore, UpdatedMessage
from gateway.store.desk import AlarmCause, Handoffs, Promises, Queries
from gateway.store.queues import (
    Inbox,
    InboxEntry,
    Outbox,
    OutboxEntry,
    OutboxItem,
    Timers,
    WebhookDelivery,
    WebhookEntry,
    WebhookQueue,
)
from gateway.store.state import Backlog, Processes, QueueStatistics, Statistics, Store
from gateway.store.versions import VersionDraft, VersionFiles, VersionStamp, VersionStore
from gateway.store.work import (
    AgentMessage,
    AlreadyHandled,
    CommittedTurn,
    ConversationChanged,
    ConversationEvent,
    DraftSuggestion,
    HandoffRequest,
    Kind,
    NotBefore,
    TurnOutcome,
    UnreadableRow,
    WorkItem,
)

__all__ = [
    "AgentMessage",
    "AlarmCause",
    "AlreadyHandled",
    "Backlog",
    "CommittedTurn",
    "ConversationChanged",
    "ConversationEvent",
    "Customers",
    "DraftSuggestion",
    "HandoffRequest",
    "Handoffs",
    "Inbox",
    "InboxEntry",
    "Kind",
    "Links",
    "NotBefore",
    "Outbox",
    "OutboxEntry",
    "OutboxItem",
    "Processes",
    "Promises",
    "Queries",
    "QueueStatistics",
    "RetentionStep",
    "RetentionStore",
    "Statistics",
    "Store",
    "Timers",
    "TurnOutcome",
    "UnreadableRow",
    "UpdatedMessage",
    "VersionDraft",
    "VersionFiles",
    "VersionStamp",
    "VersionStore",
    "WebhookDelivery",
    "WebhookEntry",
    "WebhookQueue",
    "WorkItem",
]
