"""What a plugin may call: the gateway's services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.model import (
    Accepted,
    Address,
    Attachment,
    File,
    Inbound,
    Message,
    PastAnswer,
    PastConversation,
    Receipt,
)
from gateway.ports.channels import WebhookSubscriber
from gateway.ports.desk import Desk
from gateway.ports.handlers import Voice

if TYPE_CHECKING:
    import aiohttp


class Intake(Protocol):
    """The door for everything from outside. Returns only after the commit; raises
    `NotAccepted` when it could not commit, and the provider must then get a 5xx."""

    async def accept(self, message: Inbound) -> Accepted: ...
    async def report(self, receipt: Receipt) -> None: ...


class Files(Protocol):
    """Attachments and raw payloads, content-addressed. `keep` raises `TooLarge`."""

    async def keep(self, file: File) -> Attachment: ...
    async def open(self, digest: str) -> bytes: ...


class Mailbox(Protocol):
    """What was said to a customer, for channels whose customers fetch it."""

    async def messages(
        self, address: Address, *, after: int = 0, limit: int = 100, own: bool = False
    ) -> tuple[Message, ...]:
        """Public messages to ``address`` with id > ``after``, in order; ``own``: the
        customer's own messages too."""
        ...

    async def answer(self, turn: int, *, timeout: float) -> tuple[Message, ...] | None:
        """What the bot answered in ``turn``; None when it is not committed within ``timeout``
        seconds."""
        ...


class StoredValue(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a guest wrote down. ``version`` counts its changes, from 1."""

    key: str
    value: str
    version: int
    conversation: int = 0


class PluginStorage(Protocol):
    """What a guest must not forget: small texts by key, each guest's its own.

    For what lies between us and a provider (which of its messages stands for which of our
    conversations, what has been taken but not yet done). Durable when a call returns. A change
    names the version that the guest saw and raises `Outdated` when somebody was faster.
    """

    async def get(self, plugin: str, key: str) -> StoredValue | None: ...

    async def put(
        self, plugin: str, key: str, value: str, *, version: int = 0, conversation: int = 0
    ) -> StoredValue:
        """Write ``value``; ``version`` 0: there must be nothing by that key yet. With
        ``conversation`` it is exported and erased with that customer's data; raises NotFound when
        there is no such conversation (any more)."""
        ...

    async def drop(self, plugin: str, key: str, *, version: int) -> None:
        """Forget it. Nothing by that key is well too."""
        ...

    async def scan(
        self, plugin: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> tuple[StoredValue, ...]:
        """Entries whose key begins with ``prefix``, in the order of their keys; those beyond
        ``after``."""
        ...


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit log: who did or saw what, of whom, when and from where.

    It holds ids and codes, never what a customer or a colleague wrote. ``who`` is an agent's id
    (``desk:ana``, ``slack:U1``), ``cli:`` with the name of an operating system's user, or empty
    for a stranger; ``origin`` is an address of the network, where one is known.
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
    """The audit log: lines are added and read, never changed. Durable when a call returns."""

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
        """Add a line. ``what`` is a code of ours (``viewed``); ``detail`` says the rest in our
        words, at most 200 characters. Without ``origin`` it is the one that structlog's context
        variables hold."""
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
        """The newest lines first; those with an id below ``before``."""
        ...


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened. Listeners look the truth up: an event may come twice or be lost.

    Topics: a lane (``webchat:s1``) for its customer, ``desk`` for agents, ``turns`` inside.
    """

    topic: str
    name: str
    conversation: int = 0
    data: dict[str, str] = msgspec.field(default_factory=dict)


class Events(Protocol):
    """Live events, at most once. ``listen`` gives an iterator that starts at once."""

    def publish(self, event: Event) -> None: ...
    def listen(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]: ...


class PublicHttp(Protocol):
    """Calls to addresses that a message, a provider or a customer told us."""

    def session(
        self, *, own: Iterable[str] = (), timeout: aiohttp.ClientTimeout = ...
    ) -> aiohttp.ClientSession:
        """A session that connects to the public network alone: a connection to any other address
        (private, loopback, link-local, a cloud's metadata), by name, number or redirect, fails as
        an aiohttp.ClientConnectorError. ``own``: addresses of our configuration, which may lie
        anywhere. It keeps no cookies. Close it after use; bound what you read."""
        ...


class Clock(Protocol):
    def now(self) -> datetime: ...
    async def sleep(self, seconds: float) -> None: ...


class Records(Protocol):
    """What is stored on customers, for context sources and for drafts."""

    async def earlier(self, customer: int, *, limit: int = 20) -> tuple[PastConversation, ...]: ...

    async def answered(self, *, since: datetime, limit: int = 300) -> tuple[PastAnswer, ...]:
        """How people answered the ``limit`` newest conversations that were opened after
        ``since`` and are resolved, newest first; those without an answer or words are left out."""
        ...


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """All that a guest with routes or a poll loop may call."""

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
    serves_http: bool = True
    """Whether customers reach this process; one that only works lanes opens no port."""
    subscribers: Mapping[str, tuple[WebhookSubscriber, ...]] = {}
    """Who takes part in a door, by its name: for the guest that keeps it."""
