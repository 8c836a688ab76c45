"""The Slack channel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import structlog
from aiohttp import web

from channels.slack.accounts import Accounts, Names
from channels.slack.door import Socket, bolt, page
from channels.slack.files import Fetcher
from channels.slack.hearing import Hearing
from channels.slack.outgoing import Outgoing
from channels.slack.receive import Receiver
from channels.slack.settings import SlackSettings
from gateway import (
    Clock,
    House,
    Json,
    Outbound,
    Sent,
    Symptom,
    Traits,
    TryLater,
    WarmlineError,
    packaged_yaml,
)

log = structlog.get_logger(__name__)
PATH = "/channels/slack/events"
SKEW_MOST = 30.0
"""Seconds that our clock may be off; Slack's signatures are good for 300."""


class Slack:
    """Customers reach us through one Slack app, in one or several workspaces."""

    name = "slack"
    # What was cut off is looked for before it is sent again (`Outgoing.send`): that is safe.
    # "Messages containing more than 40,000 characters" are truncated (chat.postMessage).
    traits = Traits(buttons=True, attachments=True, unsure="resend", max_length=40_000)

    def __init__(self, settings: SlackSettings, *, largest_file: int) -> None:
        self._settings = settings
        self._accounts = Accounts(settings)
        self._fetcher = Fetcher(
            api_base=settings.api_base, largest=largest_file, timeout=settings.timeout
        )
        receiver = Receiver(
            self._accounts,
            Names(self._accounts),
            self._fetcher,
            channels=frozenset(settings.channels),
        )
        self._hearing = Hearing(self._accounts, receiver, customers=settings.customers)
        self._outgoing: Outgoing | None = None
        self._socket: Socket | None = None
        self._elsewhere = False

    def routes(self, house: House) -> Iterable[web.RouteDef]:
        """The door for events, interactions and slash commands; none with Socket Mode."""
        self._outgoing = Outgoing(self._accounts, house.files, house.clock)
        if self._settings.signing_secret is None or self._settings.by_socket:
            return ()
        app = bolt(self._accounts.home, house, self._hearing.hear)
        secret = self._settings.signing_secret.get_secret_value()
        return (web.post(PATH, page(app, secret, house.clock)),)

    def describe(self) -> Mapping[str, Json]:
        """What its doors take and answer, for ``/openapi.json``."""
        part: dict[str, Json] = packaged_yaml("channels.slack", "openapi.yaml")
        return part

    async def run(self, house: House) -> None:
        """Ask after our tokens, and let go of everything at the end."""
        try:
            await self._check(house)
            await asyncio.get_running_loop().create_future()
        finally:
            self._fetcher.stop()
            self._hearing.stop()

    async def watch(self, house: House) -> None:
        """With Socket Mode, stay connected."""
        self._elsewhere = False
        try:
            if self._settings.by_socket and self._settings.app_token:
                app = bolt(self._accounts.home, house, self._hearing.hear)
                token = self._settings.app_token.get_secret_value()
                self._socket = Socket(app, self._accounts.home, token)
                await self._socket.run()
            await asyncio.get_running_loop().create_future()
        finally:
            self._socket = None

    def stand_by(self) -> None:
        self._elsewhere = True

    async def send(self, message: Outbound) -> Sent:
        """Post one message, files first. What was tried before is looked for."""
        return await self._out().send(message)

    async def find(self, message: Outbound) -> Sent | None:
        """Whether it stands in the channel, by the key in its metadata."""
        return await self._out().find(message)

    async def trouble(self) -> str | None:
        """A refused token, or a lost connection."""
        if refused := self._accounts.trouble:
            return refused
        if self._settings.by_socket and not self._elsewhere:
            return await self._socket.trouble() if self._socket else "Socket Mode has not started"
        return None

    async def checkup(self, clock: Clock) -> Sequence[Symptom]:
        """Whether Slack knows our tokens, and our clock is right: requests are signed by time."""
        skew = await self._accounts.check(clock)
        if refused := self._accounts.trouble:
            mend = (
                "install the app again and set the token that it shows (`warmline slack manifest`)"
            )
            return [Symptom(what=refused, mend=mend)]
        if abs(skew) < SKEW_MOST:
            return ()
        what = f"the clock of this machine is {skew:+.0f} s off Slack's"
        mend = "set the clock (chrony): beyond 300 s no request of Slack is believed"
        return [Symptom(what=what, severity="broken" if abs(skew) > 300 else "warning", mend=mend)]

    def _out(self) -> Outgoing:
        if self._outgoing is None:
            raise TryLater("the Slack channel has not started yet")
        return self._outgoing

    async def _check(self, house: House) -> None:
        """Ask after our tokens once, as soon as Slack can be reached."""
        wait = 1.0
        while True:
            try:
                await self._accounts.check(house.clock)
            except WarmlineError as error:
                log.info("slack.not_asked", error=str(error))
            else:
                return
            await house.clock.sleep(wait)
            wait = min(60.0, wait * 2)
