"""Who reads a conversation right now, and who writes in it.

Open pages say so every `HEARTBEAT` seconds; every process hears it through the live events and
forgets it by itself. Nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from gateway import Agent, Clock, ContextCard, Event, Events, Message, Value

Doing = Literal["reading", "writing", "left"]
HEARTBEAT = 20.0
"""Seconds between two signs of life of an open page (static/presence.js)."""
READS_FOR = timedelta(seconds=50)
"""How long a person counts as reading after a sign of life: two may get lost."""
WRITES_FOR = timedelta(seconds=8)
"""How long after a keystroke. Pages tell of typing every four seconds."""
MOST_CONVERSATIONS = 5_000
EVENT = "presence"


class PresentPerson(Value, frozen=True, kw_only=True):
    """A person who has a conversation open. ``seconds``: how long this holds without a sign of
    life."""

    name: str
    writes: bool
    seconds: int


@dataclass
class _Sign:
    name: str
    reads_until: datetime
    writes_until: datetime


@dataclass
class ConversationPresence:
    """The people who have a conversation open, in all processes."""

    events: Events
    clock: Clock
    changed: Callable[[int], None] = lambda _: None
    """Called with the id of a conversation when somebody comes, goes or writes there."""
    _people: dict[int, dict[str, _Sign]] = field(default_factory=dict)

    def publish(self, conversation: int, agent: Agent, doing: Doing) -> None:
        """Tell all processes, this one included, what ``agent`` does."""
        data = {"agent": agent.id, "name": agent.name, "doing": doing}
        event = Event(topic="desk", name=EVENT, conversation=conversation, data=data)
        self.note(event)
        self.events.publish(event)

    def note(self, event: Event) -> None:
        """Remember what an event says."""
        conversation, data = event.conversation, event.data
        people = self._people.setdefault(conversation, {})
        now, agent = self.clock.now(), data.get("agent", "")
        if data.get("doing") == "left":
            people.pop(agent, None)
        else:
            known = people.get(agent)
            writes = now + WRITES_FOR if data.get("doing") == "writing" else now
            people[agent] = _Sign(
                name=data.get("name", ""),
                reads_until=now + READS_FOR,
                writes_until=max(writes, known.writes_until) if known else writes,
            )
        if not people or len(self._people) > MOST_CONVERSATIONS:
            self._forget()
        self.changed(conversation)

    def others(self, conversation: int, agent: Agent) -> tuple[PresentPerson, ...]:
        """Those who have the conversation open besides ``agent``: who writes comes first."""
        now = self.clock.now()
        people = [
            PresentPerson(
                name=sign.name,
                writes=sign.writes_until > now,
                seconds=max(1, round((_until(sign, now) - now).total_seconds())),
            )
            for id, sign in self._people.get(conversation, {}).items()
            if id != agent.id and sign.reads_until > now
        ]
        return tuple(sorted(people, key=lambda person: (not person.writes, person.name)))

    def _forget(self) -> None:
        now = self.clock.now()
        for conversation, people in list(self._people.items()):
            for id in [id for id, sign in people.items() if sign.reads_until <= now]:
                del people[id]
            if not people:
                del self._people[conversation]


def _until(sign: _Sign, now: datetime) -> datetime:
    return sign.writes_until if sign.writes_until > now else sign.reads_until


def describe_people(people: tuple[PresentPerson, ...]) -> str:
    """``Ana is writing · Ben is reading``; empty when nobody is there."""
    return " · ".join(
        f"{person.name} is {'writing' if person.writes else 'reading'}" for person in people
    )


def people_json(
    presence: ConversationPresence, conversation: int, agent: Agent
) -> list[dict[str, object]]:
    """The others in a conversation, as static/presence.js shows them."""
    return [
        {"name": person.name, "writes": person.writes, "seconds": person.seconds}
        for person in presence.others(conversation, agent)
    ]


def unseen_messages(card: ContextCard, agent: Agent, last: int) -> tuple[Message, ...]:
    """What the customer or a colleague wrote since the page with the newest message ``last`` was
    loaded, oldest first. 0: the page did not say, so nothing is new."""
    if not last:
        return ()
    return tuple(
        message
        for message in card.messages
        if message.id > last
        and message.author != "system"
        and not (message.agent is not None and message.agent.id == agent.id)
    )
