"""What the house asks of its guests, and what it gives them: small Protocols.

A guest (channel, plugin, voice) is any object that has the members of one of these; there is no
base class. What it may call in return is the `House`, handed to it when it starts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from gateway.model import (
    Accepted,
    Address,
    Agent,
    Answered,
    Attachment,
    Card,
    Context,
    Conversation,
    Earlier,
    File,
    Finding,
    Inbound,
    Insight,
    Json,
    Message,
    Occasion,
    Outbound,
    QueueItem,
    Receipt,
    Rendered,
    Reply,
    Sent,
    SurveyAnswer,
    Turn,
)

if TYPE_CHECKING:
    # For their names alone: 20 MB that a process without doors can do without.
    import aiohttp
    from aiohttp import web

# -- what guests are -----------------------------------------------------------------------------


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway must know of a channel to serve it.

    ``mailbox``: customers fetch their messages from us (web chat, REST), so a committed message
    is a sent one; such a channel has no ``send``. ``unsure``: what to do with a message whose
    sending was cut off and that the provider cannot be asked about. ``rate``: messages a second
    that the provider allows us, None for no limit; ``at_once``: sends side by side.
    ``max_length``: the most that the provider takes in one message, in UTF-16 code units (never
    fewer than characters), None for no limit. The brand-voice guide may only lower it.
    """

    mailbox: bool = False
    unsure: Literal["resend", "ask"] = "ask"
    rate: float | None = None
    at_once: int = 16
    buttons: bool = False
    attachments: bool = False
    max_length: int | None = None


@runtime_checkable
class Channel(Protocol):
    """A way by which customers reach us. What else it can do, it says by having the members of
    `Sender`, `Pages`, `Poller`, `Probe` or `Reconciler`."""

    @property
    def name(self) -> str: ...
    @property
    def traits(self) -> Traits: ...


@runtime_checkable
class Sender(Protocol):
    """Sends to a provider. Raises `TryLater` or `Undeliverable`; any other exception, a time-out
    included, is treated as `TryLater` when nothing can have left, else as unsure."""

    async def send(self, message: Outbound) -> Sent: ...


@runtime_checkable
class Reconciler(Protocol):
    """Can ask the provider whether a message whose sending was cut off had arrived."""

    async def find(self, message: Outbound) -> Sent | None: ...


@runtime_checkable
class Pages(Protocol):
    """Has HTTP routes. Handlers verify first, then parse, then `Intake.accept`."""

    def routes(self, house: House) -> Iterable[web.RouteDef]: ...


@runtime_checkable
class Described(Protocol):
    """Describes its routes for programs and their authors: ``GET /openapi.json`` joins what all
    guests tell.

    ``describe`` gives a part of an OpenAPI 3.1 document: ``paths`` (by the path templates of its
    routes) and, where it needs any, ``components`` and ``tags``. An operation that is not routed
    is left out. Component names begin with the guest's own; the house's responses can be
    referred to (`gateway/web/openapi.yaml`). Called once at start-up.
    """

    def describe(self) -> Mapping[str, Json]: ...


@runtime_checkable
class Opener(Protocol):
    """Needs something of this machine that another program may have, such as a port. ``open`` is
    awaited once at the start, before any message is taken and before `Poller.run`; a
    WarmlineError stops the start-up and is told as it is. A process without doors (see
    `House.doors`) opens nothing."""

    async def open(self) -> None: ...


@runtime_checkable
class Starter(Protocol):
    """Takes long to get ready. ``begin`` is awaited once, before all else of the start, in a
    process that has work for it; what it starts (a process of its own, say) goes on while the rest
    is put together, so it must not wait for that. ``end`` is awaited at the very end, also of a
    start that came to nothing: what was begun and nobody has let go yet is let go there."""

    async def begin(self) -> None: ...
    async def end(self) -> None: ...


@runtime_checkable
class Poller(Protocol):
    """Runs beside the server until cancelled, in every process. It reconnects by itself; if it
    raises all the same, it is logged, counted and started again with back-off."""

    async def run(self, house: House) -> None: ...


@runtime_checkable
class Watch(Protocol):
    """Looks after something that only one process at a time may look after: a mailbox, a long
    poll, a socket to the provider. It may be a `Poller` too, for what each process needs.

    ``watch`` runs until cancelled, as `Poller.run` does, and maybe again later. Where several
    processes work together it passes to another one when this one dies. For moments two may run,
    and while nobody can tell who else is there: what it takes in twice, the inbox takes in once.
    """

    async def watch(self, house: House) -> None: ...

    def stand_by(self) -> None:
        """Another process watches: that nobody does here is no trouble (see `Probe`)."""
        ...


@runtime_checkable
class Probe(Protocol):
    """Can tell whether it works: None when it can take messages, else what is wrong, in words."""

    async def trouble(self) -> str | None: ...


class Symptom(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not well, in words: what, since when if that is known, and what to do.

    ``broken``: customers are not served as they should be; ``warning``: they soon may not be.
    """

    what: str
    mend: str
    severity: Literal["broken", "warning"] = "broken"
    since: datetime | None = None


@runtime_checkable
class Checkup(Protocol):
    """Can be examined for `warmline doctor`, whether it runs or not: by what lies on disk, and by
    one cheap call of its provider that changes nothing. Nothing found: all is well. It may raise:
    that is told as it is."""

    async def checkup(self, clock: Clock) -> Sequence[Symptom]: ...


@runtime_checkable
class Tenant(Protocol):
    """Takes part in a door that another guest keeps. Some providers call one address for all that
    an app does, though several guests serve that app, and guests do not know one another.

    ``door`` is the name of the door; the guide of the guest that keeps it tells what comes in by
    it. The keeper verifies and parses each payload, offers it to the door's tenants one after
    another, in the order of their registration, and keeps what none of them takes.
    """

    @property
    def door(self) -> str: ...

    async def take(self, payload: Mapping[str, Json], house: House) -> Json:
        """Take ``payload``, or give None to leave it to the next one.

        What is returned is the answer to the provider: a mapping or a list as JSON, a text as it
        is, an empty text for a bare OK. It has to be durable by then, and quick: the provider
        waits. What is raised becomes an error for the provider, which may then deliver again.
        """
        ...


@runtime_checkable
class Hints(Protocol):
    """Has something to tell the one who starts the server: where to click, a demo's password.
    ``url`` is where it listens; the lines are printed once, to the terminal and not the log."""

    def hints(self, url: str) -> Iterable[str]: ...


class Understander(Protocol):
    """Tells what messages mean. Called with all messages waiting at that moment, off the hot
    path; gives one `Insight` for each, in order. Lower ``priority`` goes first. The first
    language is believed, the first ranking that is sure (else the first), and the first grave
    mood (else the worst); cues and signals are joined."""

    @property
    def name(self) -> str: ...
    @property
    def priority(self) -> int: ...

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]: ...


@runtime_checkable
class Warm(Protocol):
    """An understander that must load or train first. Turns wait for ``warm`` before the first
    call (not in ``understand``'s time-out); if it raises, the engine counts as failed."""

    async def warm(self) -> None: ...


@runtime_checkable
class Remote(Protocol):
    """An understander that waits for another machine. It is called with one turn at a time, up
    to ``at_once`` calls side by side, so that one slow answer holds up no other turn. It may
    raise `TryLater` when it is asked to wait: then it is left out that long."""

    @property
    def at_once(self) -> int: ...


@runtime_checkable
class Trainable(Protocol):
    """An understander whose intents can be trained from rows, for `warmline eval`."""

    def train(self, rows: Sequence[tuple[str, str]]) -> Understander: ...


class ContextSource(Protocol):
    """Knows something of a customer before the message is read (history, a CRM)."""

    @property
    def name(self) -> str: ...

    async def gather(self, turn: Turn, records: Records) -> Context: ...


class Handler(Protocol):
    """May answer a turn: a Reply, or None to let the next one try. Lower ``priority`` first.

    It may raise or hang: the turn then goes to a person and the customer is told so.
    """

    @property
    def name(self) -> str: ...
    @property
    def priority(self) -> int: ...

    async def handle(self, turn: Turn) -> Reply | None: ...


@runtime_checkable
class SurveyReader(Protocol):
    """A handler that can tell an answer to a survey from a new question."""

    def read_answer(self, turn: Turn) -> SurveyAnswer | None: ...


@runtime_checkable
class Suggester(Protocol):
    """A handler that can draft an answer for an agent."""

    async def suggest(self, turn: Turn) -> Reply | None: ...


@runtime_checkable
class Summariser(Protocol):
    """A handler that can sum up a conversation for the person who takes it over: a few lines, or
    None. Nobody waits for it: the card has a summary of its own meanwhile."""

    async def summarise(self, card: Card) -> tuple[str, ...] | None: ...


Phrases: TypeAlias = Mapping[str, Mapping[str, tuple[str, ...]]]
"""How a house's own customers say things: language -> what it shows (a mood, a signal such as
``harm``, or ``names``: words whose capitals are no shouting) -> phrases. A phrase is words in a
row, with ``a|b`` for either, ``word*`` for any ending and ``word?`` for perhaps."""


@runtime_checkable
class Phrasebook(Protocol):
    """A voice whose guide tells phrases to listen for, too."""

    def phrases(self) -> Phrases: ...


@runtime_checkable
class Listener(Protocol):
    """An understander that can be told phrases to listen for. ``hear`` is called once, at the
    start-up and before anything else, when the voice is a `Phrasebook`."""

    def hear(self, phrases: Phrases) -> None: ...


class Voice(Protocol):
    """The brand voice: pure. For the bot it changes words, for an agent it advises."""

    @property
    def name(self) -> str: ...

    def render(self, reply: Reply, occasion: Occasion) -> Rendered: ...
    def lint(self, text: str, occasion: Occasion) -> tuple[Finding, ...]: ...
    def schema(self) -> Mapping[str, Json]: ...
    def check_guide(self, path: Path) -> tuple[str, ...]:
        """Problems of the guide at ``path``, each ``file:line: key: what; what to do``."""
        ...


# -- what guests may call ------------------------------------------------------------------------


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


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a guest wrote down. ``version`` counts its changes, from 1."""

    key: str
    value: str
    version: int
    conversation: int = 0


class Notebook(Protocol):
    """What a guest must not forget: small texts by key, each guest's its own.

    For what lies between us and a provider (which of its messages stands for which of our
    conversations, what has been taken but not yet done). Durable when a call returns. A change
    names the version that the guest saw and raises `Outdated` when somebody was faster.
    """

    async def get(self, guest: str, key: str) -> Entry | None: ...

    async def put(
        self, guest: str, key: str, value: str, *, version: int = 0, conversation: int = 0
    ) -> Entry:
        """Write ``value``; ``version`` 0: there must be nothing by that key yet. With
        ``conversation`` it is exported and erased with that customer's data; raises NotFound when
        there is no such conversation (any more)."""
        ...

    async def drop(self, guest: str, key: str, *, version: int) -> None:
        """Forget it. Nothing by that key is well too."""
        ...

    async def scan(
        self, guest: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> tuple[Entry, ...]:
        """Entries whose key begins with ``prefix``, in the order of their keys; those beyond
        ``after``."""
        ...


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
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


class Audit(Protocol):
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
    ) -> tuple[AuditLine, ...]:
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


class Outside(Protocol):
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

    async def earlier(self, customer: int, *, limit: int = 20) -> tuple[Earlier, ...]: ...

    async def answered(self, *, since: datetime, limit: int = 300) -> tuple[Answered, ...]:
        """How people answered the ``limit`` newest conversations that were opened after
        ``since`` and are resolved, newest first; those without an answer or words are left out."""
        ...


class Desk(Protocol):
    """What people do. Every change takes the ``epoch`` the person saw and raises `Conflict` when
    someone was faster; raises `NotFound` for an unknown conversation."""

    async def queue(self) -> tuple[QueueItem, ...]:
        """Waiting and claimed conversations, most pressing first."""
        ...

    async def card(self, conversation: int) -> Card: ...
    async def claim(self, conversation: int, agent: Agent, *, epoch: int) -> Card: ...

    async def answer(
        self,
        conversation: int,
        agent: Agent,
        text: str,
        *,
        key: str,
        suggestion: int | None = None,
        attachments: tuple[Attachment, ...] = (),
        via: Address | None = None,
    ) -> Accepted:
        """Say ``text`` to the customer. ``key`` makes a repeated call one message. With
        ``suggestion`` it is recorded as sent, or as edited when the text differs. ``via``
        goes on at another linked address of the customer (see `Card.identities`), in a
        conversation there; raises NotAccepted for an address that is not theirs."""
        ...

    async def note(self, conversation: int, agent: Agent, text: str) -> Message: ...
    async def resolve(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation: ...
    async def hand_back(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation: ...

    async def transfer(
        self,
        conversation: int,
        agent: Agent,
        *,
        epoch: int,
        tier: str,
        skills: tuple[str, ...] = (),
        reason: str = "",
    ) -> Conversation:
        """Give it back to the queue, at ``tier``, for people with ``skills``."""
        ...

    async def ignore_suggestion(self, suggestion: int, agent: Agent) -> None: ...

    async def link(self, conversation: int, address: Address, agent: Agent) -> Card:
        """A person's decision that ``address`` is this customer's too. What was said there is
        on the card then, and `unlink` takes it back."""
        ...

    async def unlink(self, conversation: int, link: int, agent: Agent) -> Card: ...

    async def ask_proof(self, conversation: int, address: Address, agent: Agent) -> None:
        """Send a one-time code to an address that the customer says is theirs. When they repeat
        it in this conversation within ten minutes, the two are linked."""
        ...

    async def advise(self, conversation: int, text: str) -> tuple[Finding, ...]: ...


class House(msgspec.Struct, frozen=True, kw_only=True):
    """All that a guest with routes or a poll loop may call."""

    intake: Intake
    files: Files
    mailbox: Mailbox
    events: Events
    desk: Desk
    clock: Clock
    voice: Voice
    notebook: Notebook
    audit: Audit
    outside: Outside
    records: Records
    doors: bool = True
    """Whether customers reach this process; one that only works lanes opens no port."""
    tenants: Mapping[str, tuple[Tenant, ...]] = {}
    """Who takes part in a door, by its name: for the guest that keeps it."""


# -- what can go wrong ---------------------------------------------------------------------------


class WarmlineError(Exception):
    """An error with a message for the person who can mend it."""


class TryLater(WarmlineError):
    """The provider cannot take it now; ``after`` seconds at least (its Retry-After), if told."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Unsure(WarmlineError):
    """The call was cut off: the provider may have taken the message, or not."""


class Undeliverable(WarmlineError):
    """The provider will never take this message. ``unreachable``: nor any to this address;
    ``opted_out``: because the customer asked for no more messages there."""

    def __init__(self, message: str, *, unreachable: bool = False, opted_out: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable
        self.opted_out = opted_out


class NotAccepted(WarmlineError):
    """The message could not be committed; the provider must try again, in ``after`` seconds."""

    def __init__(self, message: str, *, after: float = 2.0) -> None:
        super().__init__(message)
        self.after = after


class TooLarge(WarmlineError):
    """Over a bound that the settings name."""


class Conflict(WarmlineError):
    """Someone was faster; ``conversation`` is how it stands now."""

    def __init__(self, message: str, conversation: Conversation) -> None:
        super().__init__(message)
        self.conversation = conversation


class Outdated(WarmlineError):
    """Somebody changed this entry of a notebook first: read it again."""


class NotFound(WarmlineError):
    """There is nothing by that id."""
