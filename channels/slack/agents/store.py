"""What must survive a restart: which thread is which conversation, what stands in it already,
what agents wrote that is not done yet, and what we still have to tell them.

One entry of the house's notebook for each. Keys: ``open/C`` the thread of conversation C while it
is followed; ``thread/TS`` the conversation of a card; ``live/ID`` a reply that is not done,
``past/ID`` one that is; ``turn/T`` and ``note/M`` where what came from a thread stands in it;
``tell/ID`` words for one agent; ``person/U`` and ``day/U/DATE`` an agent's break and figures.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Generic, Literal, TypeVar

import msgspec

from gateway import Entry, Notebook, NotFound, Outdated, Value

GUEST = "agents_slack"


class Mark(Value, frozen=True, kw_only=True):
    """Where a message stands in the thread, and which of its states shows there."""

    ts: str
    status: str = ""


class Thread(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A card and its thread. ``cursor`` is the last message that stands there, ``part`` how many
    pieces of the next one do; ``trying``: a post was begun and its end is not known."""

    conversation: int
    handoff: int = 0
    ts: str = ""
    before: str = ""
    cursor: int = 0
    part: int = 0
    trying: bool = False
    told: bool = False
    """Whether the transcript stands there, or is not needed."""
    face: str = ""
    marks: dict[str, Mark] = msgspec.field(default_factory=dict)


Stage = Literal["new", "held", "asking"]


class Reply(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent wants to say, until it is done. ``id`` is the Slack timestamp of their
    message, or names the button or modal it came from."""

    id: str
    conversation: int
    thread: str
    user: str
    text: str = ""
    files: tuple[SlackFile, ...] = ()
    emoji: dict[str, str] = msgspec.field(default_factory=dict)
    suggestion: int | None = None
    stage: Stage = "new"
    due: float = 0.0
    """When its grace is over, in seconds since 1970."""
    internal: bool = False
    as_is: bool = False
    take: bool = False
    why: str = ""
    """What the agent is asked, while it is held."""
    after: int = -1
    """The last message there was when a note was begun: to find it again after a crash."""

    @property
    def typed(self) -> bool:
        """It stands in the thread as the agent's own message."""
        return self.id[:1].isdigit()


Ending = Literal["sent", "noted", "refused", "withdrawn"]


class SlackFile(Value, frozen=True, kw_only=True):
    id: str
    name: str
    media_type: str
    url: str
    size: int = 0


class Past(Value, frozen=True, kw_only=True):
    """What became of a reply: sent, noted, refused or withdrawn."""

    user: str
    outcome: Ending
    text: str = ""


class Tell(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Words that one agent alone sees, or (``emoji``) a sign on a message."""

    user: str
    thread: str
    text: str = ""
    blocks: list[dict[str, object]] = msgspec.field(default_factory=list)
    emoji: str = ""


class Person(Value, frozen=True, kw_only=True):
    """``away_since``: on a break since then, ISO 8601; empty: available."""

    away_since: str = ""


class Day(Value, frozen=True, kw_only=True):
    """What an agent did on one day."""

    answers: int = 0
    claims: int = 0
    resolved: int = 0
    notes: int = 0


V = TypeVar("V", Thread, Reply, Past, Tell, Person, Day, str)


class Kept(Value, Generic[V], frozen=True, kw_only=True):
    """A value with the version under which it was read or written."""

    key: str
    value: V
    version: int
    conversation: int = 0


class Book:
    """Typed entries of the notebook."""

    def __init__(self, notebook: Notebook) -> None:
        self._notes = notebook

    async def get(self, key: str, kind: type[V]) -> Kept[V] | None:
        entry = await self._notes.get(GUEST, key)
        return _kept(entry, kind) if entry else None

    async def add(self, key: str, value: V, *, conversation: int = 0) -> Kept[V] | None:
        """None when there is something by that key already."""
        try:
            entry = await self._notes.put(GUEST, key, _pack(value), conversation=conversation)
        except Outdated:
            return None
        return _kept(entry, type(value))

    async def change(self, kept: Kept[V], value: V) -> Kept[V]:
        """Raises Outdated."""
        entry = await self._notes.put(
            GUEST, kept.key, _pack(value), version=kept.version, conversation=kept.conversation
        )
        return _kept(entry, type(value))

    async def drop(self, kept: Kept[V]) -> None:
        """Raises Outdated."""
        await self._notes.drop(GUEST, kept.key, version=kept.version)

    async def all(self, prefix: str, kind: type[V]) -> AsyncIterator[Kept[V]]:
        """Every entry below ``prefix``, in the order of keys."""
        after = ""
        while page := await self._notes.scan(GUEST, prefix, after=after, limit=200):
            for entry in page:
                yield _kept(entry, kind)
            after = page[-1].key

    # -- what is asked often

    async def conversation_of(self, thread: str) -> int | None:
        """Which conversation a card's thread is about."""
        found = await self.get(f"thread/{thread}", str)
        return int(found.value) if found else None

    async def thread_of(self, conversation: int) -> str | None:
        """The thread of a conversation that is followed."""
        found = await self.get(f"open/{conversation}", Thread)
        return found.value.ts if found else None

    async def live(self) -> list[Kept[Reply]]:
        """Replies that are not done, in the order they were written."""
        return [kept async for kept in self.all("live/", Reply)]

    async def finish(self, kept: Kept[Reply], past: Past) -> None:
        """It is done: what became of it is kept, without the words that are in the house."""
        of = kept.value
        await self.add(f"past/{of.id}", past, conversation=of.conversation)
        await self.drop(kept)

    async def tell(self, id: str, tell: Tell, conversation: int) -> None:
        """Remember to tell it; the same ``id`` is told once."""
        try:
            await self.add(f"tell/{id}", tell, conversation=conversation)
        except NotFound:  # the customer was erased meanwhile: nothing is to be said of them
            return

    async def count(self, user: str, date: str, what: str) -> None:
        """One more of ``what`` for ``user`` on that day."""
        key = f"day/{user}/{date}"
        while True:
            seen = await self.get(key, Day)
            day = seen.value if seen else Day()
            more = day.replace(**{what: getattr(day, what) + 1})
            try:
                if seen is None and await self.add(key, more) is not None:
                    return
                if seen is not None:
                    await self.change(seen, more)
                    return
            except Outdated:
                continue


def _pack(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _kept(entry: Entry, kind: type[V]) -> Kept[V]:
    raw = msgspec.json.encode(entry.value) if kind is str else entry.value
    return Kept(
        key=entry.key,
        value=msgspec.json.decode(raw, type=kind),
        version=entry.version,
        conversation=entry.conversation,
    )
