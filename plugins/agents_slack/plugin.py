"""The plugin put together: a tenant of the door ``slack``, and the workers beside the server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gateway import House, Json
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
        """Post, answer and tell until cancelled."""
        parts = self._of(house)
        async with asyncio.TaskGroup() as group:
            for worker in (parts.mirror, parts.replies, parts.teller, parts.desktops):
                group.create_task(worker.run())

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

    def _wake(self, conversation: int) -> None:
        if conversation:
            self.mirror.look(conversation)
        self.replies.wake()
        self.teller.wake()
