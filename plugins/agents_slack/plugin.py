"""The plugin put together: a tenant of the door ``slack``, and the workers beside the server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gateway import Event, Json, Services
from plugins.agents_slack.book import Book
from plugins.agents_slack.desktop import Desktops
from plugins.agents_slack.door import Door
from plugins.agents_slack.line import Line
from plugins.agents_slack.mirror import Mirror
from plugins.agents_slack.office import Office
from plugins.agents_slack.people import People
from plugins.agents_slack.poster import Poster
from plugins.agents_slack.replies import Replies
from plugins.agents_slack.settings import AgentsSlackSettings
from plugins.agents_slack.teller import Teller

TOPIC = "agents_slack"
"""On which a process with the door tells the one that works that there is something to do."""


class AgentsSlack:
    """People answer customers from a channel in Slack. ``largest_file`` is in bytes."""

    name = "agents_slack"
    endpoint = "slack"

    def __init__(self, settings: AgentsSlackSettings, *, largest_file: int) -> None:
        self._settings, self._largest = settings, largest_file
        self._parts: _Parts | None = None

    async def take(self, payload: Mapping[str, Json], services: Services) -> Json:
        """Take what is ours; see `WebhookSubscriber`."""
        return await self._of(services).door.take(payload)

    async def run(self, services: Services) -> None:
        """Keep the Home tabs of those who opened theirs here, until cancelled."""
        await self._of(services).desktops.run()

    async def watch(self, services: Services) -> None:
        """Post, answer and tell until cancelled. One process does it, so that Slack's order is
        ours; another one may have taken what is to be done."""
        parts = self._of(services)
        async with asyncio.TaskGroup() as group:
            for work in (parts.mirror.run, parts.replies.run, parts.teller.run):
                group.create_task(work())
            group.create_task(parts.hear())
            group.create_task(parts.look())

    def stand_by(self) -> None:
        """What is wrong with Slack is told by whoever calls it."""

    async def trouble(self) -> str | None:
        """What a person must mend in Slack. An outage is no trouble of ours: cards wait."""
        return self._parts.office.line.trouble if self._parts else None

    def _of(self, services: Services) -> _Parts:
        if self._parts is None:
            self._parts = _Parts(self._settings, services, self._largest)
        return self._parts


class _Parts:
    """How the parts are joined."""

    def __init__(self, settings: AgentsSlackSettings, services: Services, largest: int) -> None:
        line = Line(
            token=settings.bot_token.get_secret_value(),
            api_base=settings.api_base,
            timeout=settings.timeout,
            pace=settings.pace,
            clock=services.clock,
        )
        people = People(
            line,
            services.clock,
            channel=settings.channel,
            listed=settings.agents,
            fresh=settings.know_people_for,
        )
        self.office = Office(
            services=services,
            settings=settings,
            line=line,
            book=Book(services.storage),
            people=people,
            wake=self._wake,
            largest=largest,
        )
        poster = Poster(self.office)
        self.mirror = Mirror(self.office, poster)
        self.replies = Replies(self.office)
        self.teller = Teller(self.office)
        self.desktops = Desktops(self.office)
        self.door = Door(self.office, self.desktops, self.mirror, poster)

    async def hear(self) -> None:
        """Of what other processes took, until cancelled."""
        async with self.office.services.events.listen(TOPIC) as news:
            async for event in news:
                self._woken(event.conversation)

    async def look(self) -> None:
        """Every so often, for what no event told, until cancelled."""
        while True:
            await self.office.services.clock.sleep(self.office.settings.refresh)
            self._woken(0)

    def _wake(self, conversation: int) -> None:
        self._woken(conversation)
        told = Event(topic=TOPIC, name="wake", conversation=conversation)
        self.office.services.events.publish(told)

    def _woken(self, conversation: int) -> None:
        if conversation:
            self.mirror.look(conversation)
        self.replies.wake()
        self.teller.wake()
