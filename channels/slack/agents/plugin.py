"""The agents' plugin: a subscriber of the endpoint ``slack``, and workers beside the server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from channels.slack.agents import AgentsSlackSettings
from channels.slack.agents.context import AgentContext, SupportMembers
from channels.slack.agents.dialogs import named_conversation
from channels.slack.agents.digests import DigestPoster
from channels.slack.agents.events import AgentEvents
from channels.slack.agents.home import AppHomes
from channels.slack.agents.publisher import Notifier, Publisher
from channels.slack.agents.replies import ReplyWorker
from channels.slack.agents.store import NAMESPACE, StateStore
from channels.slack.agents.sync import CardSync
from channels.slack.api import CallPace, SlackApi
from gateway import Digest, Event, Json, NotFound, Services, WarmlineError, channel_key


class AgentsSlack:
    """Agents answer customers from a channel in Slack. ``largest_file`` is in bytes.

    ``brands``: the brands that this support channel has; none: all. ``brand`` is the one it
    belongs to, empty for that of the settings. ``others``: the ids of the other support channels.
    """

    endpoint = "slack"
    receives_alarms = True

    def __init__(
        self,
        settings: AgentsSlackSettings,
        *,
        largest_file: int,
        brand: str = "",
        brands: tuple[str, ...] = (),
        others: frozenset[str] = frozenset(),
    ) -> None:
        self.name = channel_key(NAMESPACE, brand)
        self._settings, self._largest_file = settings, largest_file
        self._brand, self._brands, self._others = brand, brands, others
        self._parts: _Parts | None = None

    async def take(self, payload: Mapping[str, Json], services: Services) -> Json:
        """Take what is for agents; see `WebhookSubscriber`."""
        parts = self._get_parts(services)
        if self._brands and not await self._is_ours(payload, parts.context):
            return None
        return await parts.events.take(payload)

    def receives_digests(self, brand: str) -> bool:
        """Whether digests about ``brand`` belong here: the support channel of some brands gets
        theirs, that of the settings those about all."""
        return brand in self._brands if self._brand else not brand

    async def receive_digest(self, digest: Digest, services: Services) -> None:
        """Store a digest for the support channel; see `DigestReceiver`."""
        await self._get_parts(services).digests.add(digest)

    async def _is_ours(self, payload: Mapping[str, Any], context: AgentContext) -> bool:
        """Whether ``payload`` belongs to this support channel: by the Slack channel or the
        conversation that it names, else by its user's membership. The last one asked, that of the
        settings, takes what is left."""
        channel = _channel(payload)
        event = payload.get("event")
        in_channel = isinstance(event, dict) and event.get("type") != "app_home_opened"
        if in_channel or channel in (self._settings.channel, *self._others):
            return channel == self._settings.channel  # a customer's message costs no call
        if (conversation := named_conversation(payload)) is not None:
            try:
                await context.read_card(conversation)
            except NotFound:
                return False
            return True
        if not self._brand:
            return True
        try:
            return await context.members.agent(_person(payload)) is not None
        except WarmlineError:
            return False

    async def run(self, services: Services) -> None:
        """Keep the App Homes opened in this process current, until cancelled."""
        await self._get_parts(services).homes.run()

    async def watch(self, services: Services) -> None:
        """Post, answer and notify until cancelled. Only one process does, so that messages stand in
        Slack in our order; other processes may take what Slack delivers."""
        parts = self._get_parts(services)
        async with asyncio.TaskGroup() as group:
            workers = (parts.sync, parts.replies, parts.notifier, parts.digests)
            for worker in (part.run for part in workers):
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
            self._parts = _Parts(
                self._settings, services, self._largest_file, name=self.name, brands=self._brands
            )
        return self._parts


class _Parts:
    """The parts of the plugin, connected. Events of the topic ``name`` tell the process that works
    what another one took from Slack."""

    def __init__(
        self,
        settings: AgentsSlackSettings,
        services: Services,
        largest_file: int,
        *,
        name: str,
        brands: tuple[str, ...],
    ) -> None:
        self._topic = name
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
            brands=brands,
        )
        self.context = context = AgentContext(
            services=services,
            settings=settings,
            api=self.api,
            store=StateStore(services.storage, name),
            members=members,
            wake=self._wake_everywhere,
            largest_file=largest_file,
            brands=brands,
        )
        publisher = Publisher(context)
        self.sync = CardSync(context, publisher)
        self.replies = ReplyWorker(context)
        self.notifier = Notifier(context)
        self.digests = DigestPoster(context, publisher)
        self.homes = AppHomes(context)
        self.events = AgentEvents(context, self.homes, self.sync, publisher)

    async def listen(self) -> None:
        """Wake for what other processes took, until cancelled."""
        async with self._services.events.listen(self._topic) as events:
            async for event in events:
                self._wake(event.conversation)

    async def wake_regularly(self) -> None:
        """Wake for what no event announced, until cancelled."""
        while True:
            await self._services.clock.sleep(self._refresh)
            self._wake(0)

    def _wake_everywhere(self, conversation: int) -> None:
        self._wake(conversation)
        self._services.events.publish(
            Event(topic=self._topic, name="wake", conversation=conversation)
        )

    def _wake(self, conversation: int) -> None:
        if conversation:
            self.sync.check_soon(conversation)
        self.replies.wake()
        self.notifier.wake()
        self.digests.wake()


def _channel(payload: Mapping[str, Any]) -> str:
    """The id of the Slack channel that ``payload`` comes from, empty when it names none."""
    event, channel = payload.get("event"), payload.get("channel")
    if isinstance(event, dict):
        item = event.get("item")
        found = item.get("channel") if isinstance(item, dict) else event.get("channel")
    elif isinstance(channel, dict):
        found = channel.get("id")
    else:
        found = payload.get("channel_id")
    return found if isinstance(found, str) else ""


def _person(payload: Mapping[str, Any]) -> str:
    """The id of the user whose payload it is."""
    event, user = payload.get("event"), payload.get("user")
    if isinstance(event, dict):
        found = event.get("user")
    elif isinstance(user, dict):
        found = user.get("id")
    else:
        found = payload.get("user_id")
    return found if isinstance(found, str) else ""
