"""The plugin put together: a tenant of the door ``slack``, and the workers beside the server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from channels.slack.agents.context import Office
from channels.slack.agents.desktop import Desktops
from channels.slack.agents.events import Door
from channels.slack.agents.line import Line
from channels.slack.agents.notifier import Teller
from channels.slack.agents.people import People
from channels.slack.agents.publisher import Poster
from channels.slack.agents.replies import Replies
from channels.slack.agents.settings import AgentsSlackSettings
from channels.slack.agents.store import Book
from channels.slack.agents.sync import Mirror
from gateway import Event, House, Json

TOPIC = "agents_slack"
"""On which a process with the door tells the one that works that there is something to do."""


class AgentsSlack:
    """People answer customers from a channel in Slack. ``largest_file`` is in bytes."""

    name = "agents_slack"
    door = "slack"

    def __init__(self, settings: AgentsSlackSettings, *, largest_file: int) -> None:
        self._settings, self._largest = settings, largest_file
        self._parts: _Parts | None = None

    async def take(self, payload: Mapping[str, Json], house: House) -> Json:
        """Take what is ours; see `Tenant`."""
        return await self._of(house).door.take(payload)

    async def run(self, house: House) -> None:
        """Keep the Home tabs of those who opened theirs here, until cancelled."""
        await self._of(house).desktops.run()

    async def watch(self, house: House) -> None:
        """Post, answer and tell until cancelled. One process does it, so that Slack's order is
        ours; another one may have taken what is to be done."""
        parts = self._of(house)
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

    def _of(self, house: House) -> _Parts:
        if self._parts is None:
            self._parts = _Parts(self._settings, house, self._largest)
        return self._parts


class _Parts:
    """How the parts are joined."""

    def __init__(self, settings: AgentsSlackSettings, house: House, largest: int) -> None:
        line = Line(
            token=settings.bot_token.get_secret_value(),
            api_base=settings.api_base,
            timeout=settings.timeout,
            pace=settings.pace,
            clock=house.clock,
        )
        people = People(
            line,
            house.clock,
            channel=settings.channel,
            listed=settings.agents,
            fresh=settings.know_people_for,
        )
        self.office = Office(
            house=house,
            settings=settings,
            line=line,
            book=Book(house.notebook),
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
        async with self.office.house.events.listen(TOPIC) as news:
            async for event in news:
                self._woken(event.conversation)

    async def look(self) -> None:
        """Every so often, for what no event told, until cancelled."""
        while True:
            await self.office.house.clock.sleep(self.office.settings.refresh)
            self._woken(0)

    def _wake(self, conversation: int) -> None:
        self._woken(conversation)
        told = Event(topic=TOPIC, name="wake", conversation=conversation)
        self.office.house.events.publish(told)

    def _woken(self, conversation: int) -> None:
        if conversation:
            self.mirror.look(conversation)
        self.replies.wake()
        self.teller.wake()
