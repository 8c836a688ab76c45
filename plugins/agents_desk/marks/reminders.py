"""Reminders of an agent's own: words, a conversation, and a time.

Each is stored twice, in one commit: under the time at which it is due (``reminder/TIME/ID``), so
that everybody's due ones are one scan from the front, and under its agent
(``own-reminder/AGENT/TIME/ID``), so that a list of one's own is one scan too, however many are set.
The conversation's erasure deletes both.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from gateway import Agent, Event, Events, NotFound, Outdated, PluginStorage, StoredValue, Value
from plugins.agents_desk.access.accounts import PLUGIN
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import InvalidForm
from plugins.agents_desk.marks.personal import DueItem

PREFIX, OWN = "reminder/", "own-reminder/"
DIGITS = 15
"""Digits of a time in milliseconds: enough until the year 33658."""
LONGEST_WORDS = 500
MOST_DUE = 500
"""Due reminders of all agents that one look reads; the others come when some are done."""
FIRST = 1
"""The version of a row: reminders are deleted and made anew, never changed."""
MOST_OWN = 200
"""Open reminders of one agent: more are a list that nobody works off."""


class Reminder(Value, frozen=True, kw_only=True):
    """A reminder as it is stored. ``agent`` is an agent's id."""

    agent: str
    words: str
    conversation: int
    due_at: datetime
    set_at: datetime
    key: str = ""


class Reminders:
    """All reminders. A `DueSource`."""

    name = "reminders"

    def __init__(self, storage: PluginStorage, events: Events) -> None:
        self._storage, self._events = storage, events

    async def due(self, session: DeskSession, at: datetime) -> Sequence[DueItem]:
        return tuple(
            DueItem(
                key=reminder.key,
                source=self.name,
                conversation=reminder.conversation,
                words=reminder.words,
                due_at=reminder.due_at,
                acts=True,
            )
            for reminder in await self.of(session.agent.id)
            if reminder.due_at <= at
        )

    async def all_due(self, at: datetime) -> tuple[Reminder, ...]:
        """Everybody's that are due at ``at``, the longest due first: one scan."""
        page = await self._storage.scan(PLUGIN, PREFIX, limit=MOST_DUE)
        end = _start(at)
        return tuple(_read(entry) for entry in page if entry.key[: len(end)] <= end)

    async def of(self, agent: str) -> tuple[Reminder, ...]:
        """The open ones of ``agent``, the next first."""
        page = await self._storage.scan(PLUGIN, f"{OWN}{agent}/", limit=MOST_OWN)
        return tuple(_read(entry) for entry in page)

    async def find(self, key: str, agent: str) -> Reminder:
        """Raises NotFound when it is done, or another person's."""
        entry = await self._storage.get(PLUGIN, _own_key(agent, key))
        if entry is None:
            raise NotFound("this reminder is done already")
        return _read(entry)

    async def add(
        self, agent: Agent, conversation: int, words: str, due_at: datetime, now: datetime
    ) -> Reminder:
        """Raises InvalidForm for words that are empty or too long, and NotFound."""
        text = words.strip()
        if not text or len(text) > LONGEST_WORDS:
            raise InvalidForm(f"A reminder has 1 to {LONGEST_WORDS} characters.")
        if len(await self.of(agent.id)) >= MOST_OWN:
            raise InvalidForm(f"You have {MOST_OWN} reminders already. Finish some first.")
        reminder = Reminder(
            agent=agent.id, words=text, conversation=conversation, due_at=due_at, set_at=now
        )
        return await self._put(reminder)

    async def postpone(self, key: str, agent: str, due_at: datetime) -> None:
        """Raises NotFound."""
        found = await self.find(key, agent)
        await self._put(found.replace(due_at=due_at))
        await self._drop(found)

    async def finish(self, key: str, agent: str) -> Reminder:
        """Delete it, because it is done or no longer wanted. Raises NotFound."""
        found = await self.find(key, agent)
        await self._drop(found)
        return found

    async def _put(self, reminder: Reminder) -> Reminder:
        key = f"{_start(reminder.due_at)}/{secrets.token_hex(6)}"
        value = msgspec.json.encode(reminder.replace(key="")).decode()
        rows = [
            StoredValue(key=each, value=value, version=0, conversation=reminder.conversation)
            for each in (key, _own_key(reminder.agent, key))
        ]
        if not await self._storage.put_many(PLUGIN, rows):
            raise NotFound(f"there is no conversation {reminder.conversation}")
        self._changed(reminder)
        return reminder.replace(key=key)

    async def _drop(self, reminder: Reminder) -> None:
        """The agent's own row goes last: if only one is deleted, they can do it again."""
        for key in (reminder.key, _own_key(reminder.agent, reminder.key)):
            with suppress(Outdated):
                await self._storage.drop(PLUGIN, key, version=FIRST)
        self._changed(reminder)

    def _changed(self, reminder: Reminder) -> None:
        self._events.publish(Event(topic="desk", name=self.name, data={"agent": reminder.agent}))


def _start(at: datetime) -> str:
    return f"{PREFIX}{int(at.astimezone(UTC).timestamp() * 1000):0{DIGITS}d}"


def _own_key(agent: str, key: str) -> str:
    return f"{OWN}{agent}/{key.removeprefix(PREFIX)}"


def _read(entry: StoredValue) -> Reminder:
    """A reminder with its key under the time, from either of its rows."""
    found = msgspec.json.decode(entry.value, type=Reminder)
    key = PREFIX + "/".join(entry.key.split("/")[-2:])
    return found.replace(key=key, conversation=entry.conversation)
