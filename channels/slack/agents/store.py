"""What must survive a restart, as entries of the plugin's storage.

============== =============================================================
key            entry
============== =============================================================
``open/C``     the card and thread of conversation C while it is followed
``thread/TS``  the conversation of a card
``live/ID``    a reply that is not finished; ``past/ID`` one that is
``lock/TS``    a 🔒 on a message that we have not seen yet
``turn/T``     the timestamp of the thread message that became answer T
``note/M``     the timestamp of the thread message that became note M
``tell/ID``    a notice for one agent, or a reaction
``person/U``   whether an agent is on a break
``day/U/DATE`` what an agent did that day
``digest/ID``  a digest of another plugin, posted or not
============== =============================================================
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Generic, Literal, TypeVar

import msgspec

from gateway import ContextCard, NotFound, Outdated, PluginStorage, StoredValue, Value

NAMESPACE = "agents_slack"


class StatusMark(Value, frozen=True, kw_only=True):
    """Where a message stands in the thread, and which delivery status shows on it."""

    ts: str
    status: str = ""


class CardThread(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A card and its thread. ``ts`` is the card's timestamp, empty until it is known; ``before``
    the channel's newest timestamp when its posting began."""

    conversation: int
    handoff: int = 0
    ts: str = ""
    before: str = ""
    cursor: int = 0
    """The last message that is in the thread."""
    part: int = 0
    """How many posts of the next message are there."""
    post_pending: bool = msgspec.field(default=False, name="trying")
    """A post was begun, and its outcome is not known."""
    transcript_done: bool = msgspec.field(default=False, name="told")
    """The transcript is posted, or is not needed."""
    digest: str = msgspec.field(default="", name="face")
    """Of the card as it is shown."""
    marks: dict[str, StatusMark] = msgspec.field(default_factory=dict)


class ReplyFile(Value, frozen=True, kw_only=True):
    """A file that an agent attached. ``size`` is in bytes."""

    id: str
    name: str
    media_type: str
    url: str
    size: int = 0


Stage = Literal["new", "held", "asking"]
"""``new``: to be worked on; ``held`` and ``asking``: waits for its agent's decision."""


class AgentReply(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent wants to say, until it is finished. ``id`` is the timestamp of their message,
    or names the button or form it came from."""

    id: str
    conversation: int
    thread: str
    user: str
    text: str = ""
    files: tuple[ReplyFile, ...] = ()
    emoji: dict[str, str] = msgspec.field(default_factory=dict)
    suggestion: int | None = None
    stage: Stage = "new"
    due: float = 0.0
    """When its grace ends, in seconds since 1970."""
    internal: bool = False
    as_is: bool = False
    take: bool = False
    shares: bool = False
    """It has a forwarded message."""
    doubtful: bool = False
    """It waits because it may be meant for colleagues."""
    to_customer: bool = False
    """Its agent said that it is for the customer."""
    why: str = ""
    """Why it waits for its agent."""
    after: int = -1
    """The conversation's last message when a note was begun: to find the note after a crash."""

    @property
    def typed(self) -> bool:
        """Whether it stands in the thread as the agent's own message, in Slack's markup."""
        return self.id[:1].isdigit()


Outcome = Literal["sent", "noted", "refused", "withdrawn"]


class FinishedReply(Value, frozen=True, kw_only=True):
    """What became of a reply. Its text is in the conversation only."""

    user: str
    outcome: Outcome


class PrivateNotice(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A text for one agent alone, or a reaction (``emoji``) on the message ``thread``."""

    user: str = ""
    thread: str = ""
    text: str = ""
    blocks: list[dict[str, object]] = msgspec.field(default_factory=list)
    emoji: str = ""


class Availability(Value, frozen=True, kw_only=True):
    """``away_since``: on a break since then, ISO 8601; empty: available."""

    away_since: str = ""


class DayCounts(Value, frozen=True, kw_only=True):
    """What an agent did on one day."""

    answers: int = 0
    claims: int = 0
    resolved: int = 0
    notes: int = 0


class StoredDigest(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A digest to post. Once it is posted only ``done`` is left of it. ``since`` is when it came,
    as a timestamp of Slack's: it stands in the channel after that."""

    title: str = ""
    lines: tuple[str, ...] = ()
    url: str = ""
    since: str = ""
    post_pending: bool = False
    """A post was begun, and its outcome is not known."""
    done: bool = False


V = TypeVar(
    "V",
    CardThread,
    AgentReply,
    FinishedReply,
    PrivateNotice,
    Availability,
    DayCounts,
    StoredDigest,
    str,
)


class Saved(Value, Generic[V], frozen=True, kw_only=True):
    """A value with the version under which it was read or written."""

    key: str
    value: V
    version: int
    conversation: int = 0


class StateStore:
    """Typed entries of the plugin's storage."""

    def __init__(self, storage: PluginStorage, namespace: str = NAMESPACE) -> None:
        self._storage, self._namespace = storage, namespace

    async def get(self, key: str, kind: type[V]) -> Saved[V] | None:
        entry = await self._storage.get(self._namespace, key)
        return _saved(entry, kind) if entry else None

    async def add(self, key: str, value: V, *, conversation: int = 0) -> Saved[V] | None:
        """The new entry, None when the key exists. Raises NotFound when the customer was erased."""
        try:
            entry = await self._storage.put(
                self._namespace, key, _encode(value), conversation=conversation
            )
        except Outdated:
            return None
        return _saved(entry, type(value))

    async def change(self, saved: Saved[V], value: V) -> Saved[V]:
        """Raises Outdated when somebody else changed it."""
        entry = await self._storage.put(
            self._namespace,
            saved.key,
            _encode(value),
            version=saved.version,
            conversation=saved.conversation,
        )
        return _saved(entry, type(value))

    async def drop(self, saved: Saved[V]) -> None:
        """Raises Outdated when somebody else changed it."""
        await self._storage.drop(self._namespace, saved.key, version=saved.version)

    async def scan(self, prefix: str, kind: type[V]) -> AsyncIterator[Saved[V]]:
        """Every entry whose key begins with ``prefix``, in the order of keys."""
        after = ""
        while page := await self._storage.scan(self._namespace, prefix, after=after, limit=200):
            for entry in page:
                yield _saved(entry, kind)
            after = page[-1].key

    # -- queries

    async def conversation_of(self, thread: str) -> int | None:
        """The conversation of a card."""
        found = await self.get(f"thread/{thread}", str)
        return int(found.value) if found else None

    async def thread_of(self, conversation: int) -> str:
        """The thread in which a conversation is followed, empty when it is not."""
        found = await self.get(f"open/{conversation}", CardThread)
        return found.value.ts if found else ""

    async def away(self) -> frozenset[str]:
        """The ids of the agents who are on a break."""
        people = [saved async for saved in self.scan("person/", Availability)]
        return frozenset(
            f"slack:{saved.key.removeprefix('person/')}"
            for saved in people
            if saved.value.away_since
        )

    async def open_replies(self) -> list[Saved[AgentReply]]:
        """Replies that are not finished, in the order they were written."""
        return [saved async for saved in self.scan("live/", AgentReply)]

    async def finish(self, saved: Saved[AgentReply], outcome: Outcome, user: str = "") -> None:
        """Record what became of a reply. ``user`` decided it; default: its writer."""
        reply = saved.value
        finished = FinishedReply(user=user or reply.user, outcome=outcome)
        await self.add(f"past/{reply.id}", finished, conversation=reply.conversation)
        await self.drop(saved)

    async def add_notice(self, id: str, notice: PrivateNotice, conversation: int) -> None:
        """Store a notice; a second one with the same ``id`` is ignored."""
        try:
            await self.add(f"tell/{id}", notice, conversation=conversation)
        except NotFound:  # the customer was erased meanwhile
            return

    async def count(self, user: str, date: str, what: str) -> None:
        """Add one to the count ``what`` of ``user`` on that day."""
        key = f"day/{user}/{date}"
        while True:
            seen = await self.get(key, DayCounts)
            day = seen.value if seen else DayCounts()
            more = day.replace(**{what: getattr(day, what) + 1})
            try:
                if seen is not None:
                    await self.change(seen, more)
                    return
                if await self.add(key, more) is not None:
                    return
            except Outdated:
                continue


class CardThreads:
    """The conversations that have a card, kept in memory as they are stored. Only the worker that
    posts changes them."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._threads: dict[int, Saved[CardThread]] = {}

    def __contains__(self, conversation: int) -> bool:
        return conversation in self._threads

    def __iter__(self) -> Iterator[int]:
        return iter(self._threads)

    def __getitem__(self, conversation: int) -> CardThread:
        return self._threads[conversation].value

    async def load(self) -> None:
        """Read everything again: another process may have had it meanwhile."""
        self._threads = {
            saved.value.conversation: saved async for saved in self._store.scan("open/", CardThread)
        }

    def any_without_card(self) -> bool:
        """Whether there is a card whose timestamp is not known yet."""
        return any(not saved.value.ts for saved in self._threads.values())

    def saved(self, conversation: int) -> Saved[CardThread]:
        """As it is stored. After a change in the store, pass the new one to `keep`."""
        return self._threads[conversation]

    def keep(self, saved: Saved[CardThread]) -> None:
        self._threads[saved.value.conversation] = saved

    def forget(self, conversation: int) -> Saved[CardThread] | None:
        """Forget it in memory, not in the store."""
        return self._threads.pop(conversation, None)

    async def open(self, card: ContextCard, *, transcript_done: bool) -> None:
        """Follow a conversation. Raises Outdated when it is followed already."""
        id = card.conversation.id
        thread = CardThread(
            conversation=id,
            handoff=card.handoff.id if card.handoff else 0,
            cursor=max((message.id for message in card.messages), default=0),
            transcript_done=transcript_done,
        )
        saved = await self._store.add(f"open/{id}", thread, conversation=id)
        if saved is None:
            raise Outdated(f"the entry open/{id} exists already")
        self.keep(saved)

    async def change(self, conversation: int, **changes: object) -> None:
        """Raises Outdated when somebody else changed it."""
        saved = self._threads[conversation]
        self.keep(await self._store.change(saved, saved.value.replace(**changes)))

    async def close(self, conversation: int) -> None:
        """Stop following it."""
        await self._store.drop(self._threads.pop(conversation))

    async def reload(self, conversation: int) -> None:
        """Read one again. When its customer was erased there is none; the next sync finds that."""
        saved = await self._store.get(f"open/{conversation}", CardThread)
        if saved is not None:
            self.keep(saved)

    async def lose_card(self, conversation: int) -> None:
        """Somebody deleted the card: it is posted again, and its thread continues there."""
        saved = await self._store.get(f"open/{conversation}", CardThread)
        if saved is not None:
            bare = saved.value.replace(ts="", digest="", marks={}, post_pending=False)
            await self._store.change(saved, bare)


def _encode(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _saved(entry: StoredValue, kind: type[V]) -> Saved[V]:
    raw = msgspec.json.encode(entry.value) if kind is str else entry.value
    return Saved(
        key=entry.key,
        value=msgspec.json.decode(raw, type=kind),
        version=entry.version,
        conversation=entry.conversation,
    )
