"""The Slack channel: customers reach us through one Slack app."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import structlog
from aiohttp import web
from slack_bolt.async_app import AsyncApp

from channels.slack import PATH
from channels.slack.api import SlackApi, Workspaces
from channels.slack.customers import SlackSettings
from channels.slack.customers.incoming import CustomerEvents
from channels.slack.customers.outgoing import SlackSender
from channels.slack.endpoint import ENDPOINT, SocketConnection, build_app, webhook_handler
from channels.slack.files import FileFetcher
from gateway import (
    Backoff,
    Clock,
    FileLimits,
    HealthProblem,
    Json,
    Outbound,
    Sent,
    Services,
    Traits,
    TryLater,
    WarmlineError,
    channel_key,
    packaged_yaml,
)

log = structlog.get_logger(__name__)
SLACK_FILES = 10
"""Files that Slack shows in one message."""
CLOCK_WARNING, CLOCK_BROKEN = 30.0, 300.0
"""Seconds that our clock may be off before it is reported; Slack's signatures hold for 300."""


class SlackChannel:
    """Customers reach us through one Slack app, in one or several workspaces."""

    name = "slack"
    # `SlackSender.send` looks for a message that was cut off before it posts again.
    traits = Traits(
        buttons=True,
        attachments=True,
        files=FileLimits(most=SLACK_FILES),
        unsure="resend",
        max_length=40_000,
    )

    def __init__(
        self, settings: SlackSettings, *, largest_file: int, support_address: str = ""
    ) -> None:
        self.support_address = support_address
        self._settings = settings
        default = _api(settings, "bot_token", settings.bot_token.get_secret_value())
        teams = {
            team: _api(settings, f"teams.{team}", token.get_secret_value())
            for team, token in settings.teams.items()
        }
        self._workspaces = Workspaces(default, teams)
        self._fetcher = FileFetcher(limit=largest_file)
        self._events: CustomerEvents | None = None
        self._sender: SlackSender | None = None
        self._socket: SocketConnection | None = None
        self._standing_by = False

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        """The endpoint for events, interactions and slash commands; none with Socket Mode."""
        self._sender = SlackSender(self._workspaces, services.files, services.clock)
        if self._settings.signing_secret is None or self._settings.by_socket:
            return ()
        app = self._app(services)
        secret = self._settings.signing_secret.get_secret_value()
        name = self.support_address
        path = f"/channels/slack/{name}/events" if name else PATH
        return (web.post(path, webhook_handler(app, secret, services.clock)),)

    def _app(self, services: Services) -> AsyncApp:
        return build_app(
            self._workspaces.default.client,
            services,
            self._customer_events(services).receive,
            endpoint=channel_key(ENDPOINT, self.support_address),
        )

    def describe(self) -> Mapping[str, Json]:
        """The endpoint of the first app, for ``/openapi.json``; those of further ones are like
        it."""
        if self.support_address:
            return {}
        part: dict[str, Json] = packaged_yaml("channels.slack", "openapi.yaml")
        return part

    async def run(self, services: Services) -> None:
        """Check our tokens, then wait until cancelled and stop what still runs."""
        try:
            await self._check_tokens(services)
            await asyncio.get_running_loop().create_future()
        finally:
            self._fetcher.stop()
            if self._events is not None:
                self._events.stop()

    async def watch(self, services: Services) -> None:
        """With Socket Mode, stay connected."""
        self._standing_by = False
        try:
            if self._settings.by_socket and self._settings.app_token:
                token = self._settings.app_token.get_secret_value()
                client = self._workspaces.default.client
                self._socket = SocketConnection(self._app(services), client, token)
                await self._socket.run()
            await asyncio.get_running_loop().create_future()
        finally:
            self._socket = None

    def stand_by(self) -> None:
        self._standing_by = True

    async def send(self, message: Outbound) -> Sent:
        """Post one message, files first. A repeated attempt first looks for the result of the
        earlier one."""
        return await self._ready_sender().send(message)

    async def find(self, message: Outbound) -> Sent | None:
        """Where the message stands in the channel, by the key in its metadata."""
        return await self._ready_sender().find(message)

    async def trouble(self) -> str | None:
        """A refused token, or a lost connection."""
        if refused := self._workspaces.trouble:
            return refused
        if self._settings.by_socket and not self._standing_by:
            return await self._socket.trouble() if self._socket else "Socket Mode has not started"
        return None

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:
        """Whether Slack accepts our tokens, and whether our clock agrees with Slack's: requests are
        signed with their time."""
        offset = await self._workspaces.check(clock.now())
        if refused := self._workspaces.trouble:
            fix = "install the app again and set the token it shows (`warmline slack manifest`)"
            return [HealthProblem(what=refused, fix=fix)]
        if abs(offset) < CLOCK_WARNING:
            return ()
        what = f"the clock of this machine is {offset:+.0f} s ahead of Slack's"
        fix = (
            f"set the clock (chrony): beyond {CLOCK_BROKEN:.0f} s every request of Slack is refused"
        )
        broken = abs(offset) > CLOCK_BROKEN
        return [HealthProblem(what=what, severity="broken" if broken else "warning", fix=fix)]

    def _customer_events(self, services: Services) -> CustomerEvents:
        if self._events is None:
            self._events = CustomerEvents(
                services,
                self._workspaces,
                self._fetcher,
                enabled=self._settings.customers,
                channels=self._settings.channels,
                support_address=self.support_address,
            )
        return self._events

    def _ready_sender(self) -> SlackSender:
        if self._sender is None:
            raise TryLater("the Slack channel has not started yet")
        return self._sender

    async def _check_tokens(self, services: Services) -> None:
        """Check our tokens once, as soon as Slack can be reached."""
        delay = Backoff(first=1.0, most=60.0)
        while True:
            try:
                await self._workspaces.check(services.clock.now())
            except WarmlineError as error:
                log.info("slack.tokens_not_checked", error=str(error))
            else:
                return
            await services.clock.sleep(delay.next())


def _api(settings: SlackSettings, name: str, token: str) -> SlackApi:
    return SlackApi(
        token=token, api_base=settings.api_base, timeout=settings.timeout, token_name=name
    )
