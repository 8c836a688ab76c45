"""Marks on conversations: labels, and the snooze."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.model import Agent, Conversation
from gateway.ports import Clock, NotAccepted
from gateway.routing.business_hours import BusinessHours
from gateway.store import Store

LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
"""A label's key. It stays when people rename the label."""
MOST_LABELS = 20
"""Labels on one conversation: more would hide one another."""
UNTIL_ANSWER = timedelta(days=30)
"""How long a snooze "until the customer writes" lasts at most: no customer is forgotten because
they never do."""
LONGEST_SNOOZE = timedelta(days=366)


@dataclass(kw_only=True)
class ConversationMarks:
    """See `ports.Desk`. Whether the agent works for the brand is checked by the desk."""

    store: Store
    hours: BusinessHours
    clock: Clock

    async def label(
        self, conversation: int, add: Collection[str], remove: Collection[str]
    ) -> Conversation:
        """Raises NotAccepted for a key that is none, or for too many labels."""
        for key in add:
            if not LABEL.fullmatch(key):
                raise NotAccepted(
                    f"{key!r} is no label's key; write it in small letters, digits and hyphens, "
                    "48 at most"
                )
        current = await self.store.queries.conversation(conversation)
        if len((set(current.labels) | set(add)) - set(remove)) > MOST_LABELS:
            raise NotAccepted(f"a conversation has {MOST_LABELS} labels at most; remove one first")
        return await self.store.marks.label(conversation, add=add, remove=remove)

    async def snooze(
        self, conversation: int, agent: Agent, until: datetime | None, epoch: int
    ) -> Conversation:
        """Raises NotAccepted for a time that is past or too far away."""
        now = self.clock.now()
        if until is not None and until <= now:
            raise NotAccepted("a snooze ends in the future; choose a later time")
        if until is not None and until > now + LONGEST_SNOOZE:
            raise NotAccepted("a snooze lasts a year at most; set a reminder instead")
        found = await self.store.queries.conversation(conversation)
        when = f"until {self._local(until, found)}" if until else "until the customer writes"
        return await self.store.marks.snooze(
            conversation,
            agent,
            epoch=epoch,
            until=until or now + UNTIL_ANSWER,
            at=now,
            line=f"{agent.name} snoozed the conversation {when}",
        )

    async def wake(self, conversation: int, agent: Agent, epoch: int) -> Conversation:
        line = f"{agent.name} ended the snooze"
        return await self.store.marks.wake(
            conversation, agent, epoch=epoch, at=self.clock.now(), line=line
        )

    def time_zone(self, brand: str) -> str:
        """The IANA name of the time zone in which ``brand`` works: that of its hours."""
        hours = self.hours.of(brand)
        return hours.timezone if hours else "UTC"

    def _local(self, at: datetime, conversation: Conversation) -> str:
        zone = self.time_zone(conversation.brand)
        return f"{at.astimezone(ZoneInfo(zone)):%a %d %b %Y, %H:%M} ({zone})"
