"""Alerts by sound and by notifications of the desktop: to whom, about what, and how.

No alert carries a customer's words or name: a screen may be shared, and a notification is kept by
the computer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Literal

import msgspec

from gateway import Agent, Event, Outdated, PluginStorage, Value
from plugins.agents_desk.access.accounts import PLUGIN, stored_entries

PREFIX = "alerts/"
AlertKind = Literal["urgent", "answer", "mention", "reminder"]
TEXTS: Mapping[AlertKind, str] = {
    "urgent": "A new case needs somebody at once.",
    "answer": "A customer of yours has answered.",
    "mention": "A colleague mentioned you in a note.",
    "reminder": "Something you set yourself is due.",
}
KINDS: Mapping[AlertKind, str] = {
    "urgent": "A new urgent case",
    "answer": "A customer of mine answered",
    "mention": "A colleague mentions me",
    "reminder": "A reminder is due, or a snooze is over",
}
URGENT = 3
"""The priority of a handoff from which everybody is alerted: "at once"."""


class AlertSettings(Value, frozen=True, kw_only=True):
    """How one agent wants to be alerted. Off until they ask for it."""

    sound: bool = False
    desktop: bool = False
    quiet_on_break: bool = True
    kinds: tuple[AlertKind, ...] = ("urgent", "answer", "mention", "reminder")


class AlertStore:
    """The settings of everybody. Keys of the storage: ``alerts/AGENT``."""

    def __init__(self, storage: PluginStorage) -> None:
        self._storage = storage

    async def of(self, agent: str) -> AlertSettings:
        entry = await self._storage.get(PLUGIN, PREFIX + agent)
        return msgspec.json.decode(entry.value, type=AlertSettings) if entry else AlertSettings()

    async def of_many(self, agents: Collection[str]) -> dict[str, AlertSettings]:
        """The settings of each of ``agents``, however many, by one scan."""
        if len(agents) <= 1:
            return {agent: await self.of(agent) for agent in agents}
        found = dict.fromkeys(agents, AlertSettings())
        async for entry in stored_entries(self._storage, PREFIX):
            if (agent := entry.key.removeprefix(PREFIX)) in found:
                found[agent] = msgspec.json.decode(entry.value, type=AlertSettings)
        return found

    async def put(self, agent: str, settings: AlertSettings) -> None:
        entry = await self._storage.get(PLUGIN, PREFIX + agent)
        value = msgspec.json.encode(settings).decode()
        version = entry.version if entry else 0
        try:
            await self._storage.put(PLUGIN, PREFIX + agent, value, version=version)
        except Outdated:  # changed in another tab: the last one wins
            await self.put(agent, settings)


class Alert(Value, frozen=True, kw_only=True):
    """Somebody is alerted. ``to`` chooses them among the agents at the desk."""

    kind: AlertKind
    conversation: int
    to: Callable[[Agent], bool]


def alert_of(event: Event) -> Alert | None:
    """What an event of the topic ``desk`` alerts to, and whom."""
    data, conversation = event.data, event.conversation
    agent = data.get("agent") or data.get("owner", "")
    if event.name == "mention":
        return Alert(kind="mention", conversation=conversation, to=lambda a: a.id == agent)
    if int(data.get("priority", "0")) >= URGENT:
        brand = data.get("brand", "")
        return Alert(kind="urgent", conversation=conversation, to=lambda a: a.works_for(brand))
    if data.get("wrote") == "customer":
        return Alert(kind="answer", conversation=conversation, to=lambda a: a.id == agent)
    if data.get("woken"):
        return Alert(kind="reminder", conversation=conversation, to=lambda a: a.id == agent)
    return None


def as_sent(
    kind: AlertKind, conversation: int, settings: AlertSettings
) -> dict[str, object] | None:
    """The alert as the page gets it; None when this agent wants none."""
    if kind not in settings.kinds or not (settings.sound or settings.desktop):
        return None
    return {
        "kind": kind,
        "text": TEXTS[kind],
        "conversation": conversation,
        "sound": settings.sound,
        "desktop": settings.desktop,
        "quiet": settings.quiet_on_break,
    }
