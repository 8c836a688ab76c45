"""The agents' plugin: a subscriber of the endpoint ``slack``, and workers beside the server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from channels.slack.agents import AgentsSlackSettings
from channels.slack.agents.context import AgentContext, SupportMembers
from channels.slack.agents.events import AgentEvents
from channels.slack.agents.home import AppHomes
from channels.slack.agents.publisher import Notifier, Publisher
from channels.slack.agents.replies import ReplyWorker
from channels.slack.agents.store import StateStore
from channels.slack.agents.sync import CardSync
from channels.slack.api import CallPace, SlackApi
from gateway import Event, Json, Services

TOPIC = "agents_slack"
"""Events of this topic tell the process that works what another one took from Slack."""


class AgentsSlack:
    """Agents answer customers from a channel in Slack. ``largest_file`` is in bytes."""

    name = "agents_slack"
    endpoint = "slack"
    receives_alarms = True

    def __init__(self, settings: AgentsSlackSettings, *, largest_file: int) -> None:
        self._settings, self._largest_file = settings, largest_file
        self._parts: _Parts | None = None

    async def take(self, payload: Mapping[str, Json], services: Services) -> Json:
        """Take what is for agents; see `WebhookSubscriber`."""
        return await self._get_parts(services).events.take(payload)

    async def run(self, services: Services) -> None:
        """Keep the App Homes opened in this process current, until cancelled."""
        await self._get_parts(services).homes.run()

    async def watch(self, services: Services) -> None:
        """Post, answer and notify until cancelled. Only one process does, so that messages stand in
        Slack in our order; other processes may take what Slack delivers."""
        parts = self._get_parts(services)
        async with asyncio.TaskGroup() as group:
            for worker in (parts.sync.run, parts.replies.run, parts.notifier.run):
                group.create_task(worker())
            group.create_task(parts.listen())
            group.create_task(parts.wake_regularly())

    def stand_by(self) -> None:
        """Another process works."""

    async def trouble(self) -> str | None:
        """What a person must fix in Slack. An outage is not trouble: cards wait for its end."""
        return self._parts.api.trouble if self._parts else None

    def _get_parts(self, services: Services) -> _Parts:
        if self._parts is None:
            self._parts = _Parts(self._settings, services, self._largest_file)
        return self._parts


class _Parts:
    """The parts of the plugin, connected."""

    def __init__(
        self, settings: AgentsSlackSettings, services: Services, largest_file: int
    ) -> None:
        self._services, self._refresh = services, settings.refresh
        self.api = SlackApi(
            token=settings.bot_token.get_secret_value(),
            api_base=settings.api_base,
            timeout=settings.timeout,
            pace=CallPace(services.clock, settings.pace),
        )
        members = SupportMembers(
            self.api,
            services.clock,
            channel=settings.channel,
            listed=settings.agents,
            fresh=settings.know_people_for,
        )
        context = AgentContext(
            services=services,
            settings=settings,
            api=self.api,
            store=StateStore(services.storage),
            members=members,
            wake=self._wake_everywhere,
            largest_file=largest_file,
        )
        publisher = Publisher(context)
        self.sync = CardSync(context, publisher)
        self.replies = ReplyWorker(context)
        self.notifier = Notifier(context)
        self.homes = AppHomes(context)
        self.events = AgentEvents(context, self.homes, self.sync, publisher)

    async def listen(self) -> None:
        """Wake for what other processes took, until cancelled."""
        async with self._services.events.listen(TOPIC) as events:
            async for event in events:
                self._wake(event.conversation)

    async def wake_regularly(self) -> None:
        """Wake for what no event announced, until cancelled."""
        while True:
            await self._services.clock.sleep(self._refresh)
            self._wake(0)

    def _wake_everywhere(self, conversation: int) -> None:
        self._wake(conversation)
        self._services.events.publish(Event(topic=TOPIC, name="wake", conversation=conversation))

    def _wake(self, conversation: int) -> None:
        if conversation:
            self.sync.check_soon(conversation)
        self.replies.wake()
        self.notifier.wake()
