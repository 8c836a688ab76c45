"""Mentions of colleagues in notes: ``@ben`` finds Ben, and Ben has a list of those unread.

A mention is stored by ids alone; the list reads the note's words from its conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime

import msgspec

from gateway import (
    Conversation,
    Event,
    Events,
    Message,
    NotFound,
    Outdated,
    PluginStorage,
    StoredValue,
    Value,
)
from plugins.agents_desk.access.accounts import PLUGIN, DeskAccount

PREFIX = "mention/"
SHOWN = 100
"""Mentions that are read at once, the newest first."""
_HIGHEST = 10**19 - 1
_TOKEN = re.compile(r"(?<![\w@.])@(\w[\w.@-]{0,63})")
"""Not in the middle of a word: an e-mail address mentions nobody."""


class Mention(Value, frozen=True, kw_only=True):
    """A mention as it is stored. ``by`` is the name of who wrote the note."""

    conversation: int
    message: int
    by: str
    at: datetime
    read_at: datetime | None = None
    key: str = ""
    version: int = 0


class Mentions:
    """The mentions of everybody. Keys of the storage: ``mention/AGENT/NUMBER``, newest first."""

    name = "mention"

    def __init__(self, storage: PluginStorage, events: Events) -> None:
        self._storage, self._events = storage, events

    async def record(
        self, note: Message, conversation: Conversation, accounts: Iterable[DeskAccount]
    ) -> None:
        """Store whom ``note`` mentions, and tell them. A repeated call stores nothing more."""
        if note.author != "agent" or not note.internal:
            return
        by = note.agent.name if note.agent else ""
        for account in mentioned(note, conversation, accounts):
            mention = Mention(conversation=conversation.id, message=note.id, by=by, at=note.at)
            key = f"{PREFIX}{account.agent.id}/{_HIGHEST - note.id}"
            with suppress(Outdated, NotFound):  # stored before; the customer was erased
                value = msgspec.json.encode(mention).decode()
                await self._storage.put(PLUGIN, key, value, conversation=conversation.id)
                self._tell(account.agent.id, conversation.id)

    async def of(self, agent: str, *, after: str = "") -> tuple[Mention, ...]:
        """The newest `SHOWN` of ``agent`` behind the key ``after``."""
        page = await self._storage.scan(PLUGIN, f"{PREFIX}{agent}/", after=after, limit=SHOWN)
        return tuple(_read(entry) for entry in page)

    async def read(self, agent: str, mentions: Sequence[Mention], at: datetime) -> None:
        """Mark ``mentions`` of ``agent`` as read, all in one commit. Those of a customer who was
        erased meanwhile stay away."""
        unread = [
            StoredValue(
                key=mention.key,
                value=msgspec.json.encode(mention.replace(read_at=at, key="", version=0)).decode(),
                version=mention.version,
                conversation=mention.conversation,
            )
            for mention in mentions
            if mention.read_at is None
        ]
        if unread:
            await self._storage.put_many(PLUGIN, unread)
            self._events.publish(Event(topic="desk", name="mentions_read", data={"agent": agent}))

    def _tell(self, agent: str, conversation: int) -> None:
        event = Event(
            topic="desk", name=self.name, conversation=conversation, data={"agent": agent}
        )
        self._events.publish(event)


def mentioned(
    note: Message, conversation: Conversation, accounts: Iterable[DeskAccount]
) -> tuple[DeskAccount, ...]:
    """Whom ``note`` mentions: people who work for the conversation's brand, without its author."""
    people = tuple(accounts)
    found = {account.name: account for _, account in pieces(note.text, people) if account}
    author = note.agent.id if note.agent else ""
    return tuple(
        account
        for account in found.values()
        if _may_hear(account, conversation) and account.agent.id != author
    )


def unheard(
    text: str, conversation: Conversation, accounts: Iterable[DeskAccount]
) -> tuple[str, ...]:
    """The names in ``text`` that tell nobody, as they are written: no colleague has them, or the
    one who does is locked or does not work for the conversation's brand."""
    people = tuple(accounts)
    found: dict[str, None] = {}
    for token in _TOKEN.finditer(text):
        name, account = _match(token[1], people)
        if account is None or not _may_hear(account, conversation):
            found[name or token[1].rstrip(".@-")] = None
    return tuple(found)


def _may_hear(account: DeskAccount, conversation: Conversation) -> bool:
    return not account.locked and account.agent.works_for(conversation.brand)


def pieces(text: str, accounts: Sequence[DeskAccount]) -> Iterator[tuple[str, DeskAccount | None]]:
    """``text`` in pieces, each with the person whom it mentions."""
    end = 0
    for token in _TOKEN.finditer(text):
        name, account = _match(token[1], accounts)
        if account is None:
            continue
        start = token.start()
        if start > end:
            yield text[end:start], None
        end = start + 1 + len(name)
        yield text[start:end], account
    if end < len(text):
        yield text[end:], None


def _match(token: str, accounts: Sequence[DeskAccount]) -> tuple[str, DeskAccount | None]:
    """The person ``token`` names and the part of it that does so: a sign-in name may have dots,
    and a sentence may end behind it."""
    name = token
    while name:
        wanted = name.casefold()
        for account in accounts:
            if account.name.casefold() == wanted:
                return name, account
        # By the first name, where only one colleague has it.
        first = [a for a in accounts if a.agent.name.casefold().split()[:1] == [wanted]]
        if len(first) == 1:
            return name, first[0]
        shorter = name.rstrip(".@-")
        name = shorter if shorter != name else ""
    return "", None


def _read(entry: StoredValue) -> Mention:
    found = msgspec.json.decode(entry.value, type=Mention)
    return found.replace(key=entry.key, version=entry.version)
