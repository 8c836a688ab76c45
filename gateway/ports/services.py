"""The gateway's services, which plugins may call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.model import (
    Accepted,
    Address,
    Attachment,
    CaseRecord,
    ChangedCases,
    File,
    Inbound,
    Message,
    PastAnswer,
    PastConversation,
    Promise,
    Receipt,
    Survey,
)
from gateway.ports.channels import DigestReceiver, WebhookSubscriber
from gateway.ports.desk import Desk
from gateway.ports.history import PastConversations
from gateway.ports.knowledge import KnowledgeStore
from gateway.ports.mail import MailReader
from gateway.ports.search import ConversationSearch
from gateway.ports.shadow import ShadowSwitch
from gateway.ports.trials import ExampleEvaluator, Trials
from gateway.ports.turns import TextEncoder, Voice
from gateway.ports.versions import Versions

if TYPE_CHECKING:
    import aiohttp

    from gateway.ports.desk_pages import DeskPageProvider


class Intake(Protocol):
    """Accepts everything that comes from providers."""

    async def accept(self, message: Inbound) -> Accepted:
        """Store ``message`` in the inbox and return after the commit. Raises `NotAccepted` when
        it could not be committed: answer the provider with a 5xx then. Raises `Malformed` when it
        can never be handled (a field of another type, an empty address, a time without a time
        zone, NUL in an id): a repetition does not help, so answer with a 400."""
        ...

    async def report(self, receipt: Receipt) -> bool:
        """Record a provider's report on messages we sent, and return after the commit. False when
        we know no such message: the report is then logged and dropped. Raises `Malformed` for a
        field of another type."""
        ...


class Files(Protocol):
    """Stored attachments and raw payloads, addressed by their digest."""

    async def keep(self, file: File) -> Attachment:
        """Store ``file``. Raises `TooLarge` above ``limits.attachment``."""
        ...

    async def open(self, digest: str) -> bytes:
        """Return a stored file's bytes. Raises `NotFound`."""
        ...


class Mailbox(Protocol):
    """The messages to a customer, for channels whose customers fetch them."""

    async def messages(
        self, address: Address, *, after: int = 0, limit: int = 100, own: bool = False
    ) -> tuple[Message, ...]:
        """Return the public messages to ``address`` with ids above ``after``, in order; with
        ``own`` also the customer's own messages."""
        ...

    async def answer(self, turn: int, *, timeout: float) -> tuple[Message, ...] | None:
        """Wait for ``turn`` and return the bot's answer; None if the turn is not committed within
        ``timeout`` seconds."""
        ...


class Visits(Protocol):
    """What a customer does on a page with a chat, beside writing."""

    async def person(self, address: Address) -> str | None:
        """The name of the agent who has the customer's conversation; None while nobody has."""
        ...

    async def begin_anew(self, address: Address) -> bool:
        """End the conversation that the bot has, so that the next message begins a new one. True
        when a person has it or will get it: it goes on, and the next message is part of it."""
        ...

    async def mail_transcript(self, address: Address) -> Address:
        """Mail what was said at ``address`` to the customer's proven e-mail address, and return
        that. Raises `NotFound` when they have none."""
        ...


class StoredValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value in a plugin's storage. ``version`` counts its changes, from 1."""

    key: str
    value: str
    version: int
    conversation: int = 0


class PluginStorage(Protocol):
    """A durable key-value store of small texts, separate for each plugin.

    It is for what a plugin must remember about its provider, such as which thread belongs to
    which conversation. Calls return after the commit. A change names the version that the plugin
    saw and raises `Outdated` if the stored one is newer.

    What people wrote that belongs to no conversation, such as the title of a view, goes under a
    key that begins with ``written/``. Where a customer's name or address occurs in such a value,
    it is exported with that customer's data, and deleted when they are erased.
    """

    async def get(self, plugin: str, key: str) -> StoredValue | None: ...

    async def put(
        self, plugin: str, key: str, value: str, *, version: int = 0, conversation: int = 0
    ) -> StoredValue:
        """Store ``value``. With ``version`` 0 the key must be new. With ``conversation`` the value
        is exported and erased with that customer's data; raises NotFound if that conversation
        does not exist."""
        ...

    async def put_many(self, plugin: str, values: Sequence[StoredValue]) -> int:
        """Store ``values`` in one commit, whether or not their keys are new and whatever version
        is stored: for what can be derived again. Values of conversations that do not exist (any
        more) are left out. Returns how many were stored. Takes at most a few thousand at a time.
        """
        ...

    async def count(self, plugin: str, prefix: str, *, length: int) -> Mapping[str, int]:
        """Return how many values there are whose keys begin with ``prefix``, by the first
        ``length`` characters of their keys."""
        ...

    async def drop(self, plugin: str, key: str, *, version: int) -> None:
        """Delete the value. It is no error if the key does not exist."""
        ...

    async def clear(self, plugin: str, prefix: str) -> None:
        """Delete all values whose keys begin with ``prefix``, in several commits."""
        ...

    async def scan(
        self, plugin: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> tuple[StoredValue, ...]:
        """Return the values whose keys begin with ``prefix`` and are greater than ``after``,
        sorted by key. More than 500 are read on a connection that no turn needs."""
        ...


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the audit log: who did or saw what, about whom, when and from where.

    It holds ids and codes, never what a customer or an agent wrote. ``who`` is an agent's id
    (``desk:ana``, ``slack:U1``), ``cli:`` and the name of an operating-system user, or empty for
    an unknown person. ``origin`` is a network address, if known.
    """

    id: int
    at: datetime
    who: str
    what: str
    conversation: int | None = None
    customer: int | None = None
    origin: str = ""
    detail: str = ""


class AuditLog(Protocol):
    """The audit log. Entries are added and read, never changed."""

    async def record(
        self,
        who: str,
        what: str,
        *,
        conversation: int | None = None,
        customer: int | None = None,
        origin: str | None = None,
        detail: str = "",
    ) -> None:
        """Add an entry, and return after the commit. ``what`` is a code such as ``viewed``;
        ``detail`` has at most 200 characters and no words of customers. ``origin`` defaults to the
        one in structlog's context variables."""
        ...

    async def lines(
        self,
        *,
        conversation: int | None = None,
        who: str | None = None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int = 200,
    ) -> tuple[AuditEntry, ...]:
        """Return entries, newest first, with ids below ``before``."""
        ...


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A live event. It may come twice or be lost, so listeners read the database for the truth.

    Topics: a lane (``webchat:s1``) for its customer, ``desk`` for agents, ``turns`` within the
    gateway.
    """

    topic: str
    name: str
    conversation: int = 0
    data: dict[str, str] = msgspec.field(default_factory=dict)


class Events(Protocol):
    """Live events between the parts of the gateway and its processes."""

    def publish(self, event: Event) -> None: ...
    def listen(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Return an iterator over the events of ``topic``, from when the context is entered."""
        ...


class PublicHttp(Protocol):
    """HTTP calls to addresses that come from a message, a provider or a customer."""

    def session(
        self, *, own: Iterable[str] = (), timeout: aiohttp.ClientTimeout = ...
    ) -> aiohttp.ClientSession:
        """Return a session that connects only to public addresses.

        A connection to any other address (private, loopback, link-local, a cloud's metadata
        service), by name, number or redirect, raises aiohttp.ClientConnectorError. ``own`` are
        addresses from the settings, which may be anywhere. The session keeps no cookies. Close it
        after use, and limit how much you read.
        """
        ...


class Clock(Protocol):
    """The time, in UTC, and sleeping. Tests use one that stands still."""

    def now(self) -> datetime: ...
    async def sleep(self, seconds: float) -> None: ...


class Records(Protocol):
    """Stored conversations, for context sources and drafts."""

    async def earlier(self, customer: int, *, limit: int = 20) -> tuple[PastConversation, ...]:
        """Return the customer's earlier conversations, newest first."""
        ...

    async def surveys(self, customer: int, *, limit: int = 20) -> tuple[Survey, ...]:
        """Return what the customer was asked after their cases, newest first."""
        ...

    async def promises(self, conversation: int) -> tuple[Promise, ...]:
        """Return what was promised in a conversation, oldest first, settled or not."""
        ...

    async def answered(self, *, since: datetime, limit: int = 300) -> tuple[PastAnswer, ...]:
        """Return how agents answered the ``limit`` newest resolved conversations that were opened
        after ``since``, newest first. Conversations without a question or an answer are left
        out, and so are imported ones."""
        ...

    async def cases(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 200,
        imported: bool | None = False,
    ) -> tuple[CaseRecord, ...]:
        """Return the next ``limit`` conversations with ids above ``after`` that were opened at
        ``since`` or later and before ``until``, whole, in the order of their ids. An empty tuple
        ends the walk. ``imported``: those that took place elsewhere (`Conversation.imported`)
        alone, or, with None, with all others. Reads on a connection that no turn needs."""
        ...

    async def cases_by_id(
        self, ids: Sequence[int], *, imported: bool | None = False
    ) -> tuple[CaseRecord, ...]:
        """Return those of the conversations ``ids`` that exist, as `cases` does."""
        ...

    async def changed_cases(
        self, *, message: int, limit: int = 10_000, claimed: bool = False
    ) -> ChangedCases:
        """Return the conversations of the next ``limit`` messages with ids above ``message``, of
        whatever author, notes and system lines included; imported conversations are left out.
        ``claimed``: only those that a person has, or has had. When ``message`` comes back, there
        are no newer ones."""
        ...

    async def newest_address(
        self, ref: str, *, channel: str, support_address: str = ""
    ) -> Address | None:
        """Return the address on ``channel`` of the newest conversation that the customer whose
        proven reference is ``ref`` had with this support address; None when there is none."""
        ...

    async def is_proven(self, address: Address) -> bool:
        """Return whether a customer has proved at ``address`` who they are. That it was linked to
        a customer who did so elsewhere proves nothing."""
        ...


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """The services that the gateway passes to plugins."""

    intake: Intake
    files: Files
    mailbox: Mailbox
    events: Events
    desk: Desk
    clock: Clock
    voice: Voice
    storage: PluginStorage
    audit: AuditLog
    public_http: PublicHttp
    records: Records
    versions: Versions
    trials: Trials
    brands: Mapping[str, str] = {}
    """The names of the brands as people read them, by key."""
    search: ConversationSearch | None = None
    """Search over the conversations; None in services that were made by hand."""
    knowledge: KnowledgeStore | None = None
    """The team's sources; None as for ``search``."""
    past_conversations: PastConversations | None = None
    """Adds conversations that took place elsewhere; None as for ``search``."""
    shadow: ShadowSwitch | None = None
    """Shadow mode; None as for ``search``."""
    mail_reader: MailReader | None = None
    """Reads mails that did not come by a channel; None: no installed channel does."""
    visits: Visits | None = None
    """What customers do on pages of channels with `Traits.fleeting`; None as for ``search``."""
    encoder: TextEncoder | None = None
    """The sentence encoder of an understander, for search, clusters and the like; None: there is
    none."""
    ignored: Callable[[str, str], None] = lambda channel, why: None  # noqa: ARG005
    """Count what a provider delivered and a channel did not take: the channel's name, and a code
    that says why. The metric is ``warmline_ignored``; the code is from a fixed list."""
    serves_http: bool = True
    """Whether this process serves HTTP. A ``worker`` process opens no port."""
    subscribers: Mapping[str, tuple[WebhookSubscriber, ...]] = {}
    """The subscribers of each webhook endpoint, for the plugin that serves it."""
    time_zone: Callable[[str], str] = lambda brand: "UTC"  # noqa: ARG005
    """The IANA name of the time zone in which a brand works, by its key; with an empty key, the
    business as a whole."""
    desk_pages: tuple[DeskPageProvider, ...] = ()
    """What plugins show within the web desk, for the plugin that serves it."""
    example_evaluator: ExampleEvaluator | None = None
    """Who evaluates examples of intents before they are adopted; None: nobody does."""
    digest_receivers: tuple[DigestReceiver, ...] = ()
    """Who brings digests to the team."""
