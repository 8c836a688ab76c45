"""The channel ``telegram``: customers write to a bot of ours."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from aiohttp import web
from cachetools import LRUCache

from channels.telegram import BOT_API, TelegramSettings
from channels.telegram.api import TelegramApi
from channels.telegram.parse import NAME
from channels.telegram.receive import REMEMBERED, TelegramReceiver, UnreadableUpdate
from channels.telegram.send import MAX_FILE, MAX_TEXT, TelegramSender
from channels.telegram.updates import TelegramPolling, TelegramWebhook, polling_problems
from gateway import (
    Clock,
    File,
    FileLimits,
    HealthProblem,
    Json,
    Outbound,
    Sent,
    Services,
    Settings,
    Traits,
    TryLater,
    Undeliverable,
    WarmlineError,
    packaged_yaml,
)

ROOT = "/channels/telegram"
PATH = f"{ROOT}/webhook"


class Telegram:
    """Customers reach us through one Telegram bot."""

    name = NAME
    # "no more than about 30 messages per second" in all (Bots FAQ). A chat takes about one a
    # second, and short bursts; Telegram says when that is too many, and how long to wait.
    # Telegram cannot be asked for a message: two attempts, then a person decides.
    traits = Traits(
        unsure="resend",
        repeats=1,
        rate=30.0,
        buttons=True,
        attachments=True,
        files=FileLimits(most=10, size=MAX_FILE),
        max_length=MAX_TEXT,
    )

    def __init__(
        self,
        settings: TelegramSettings,
        *,
        url: str,
        largest: int,
        path: str = PATH,
        support_address: str = "",
    ) -> None:
        self.support_address, self._path = support_address, path
        self._settings, self._largest = settings, largest
        self._api = TelegramApi(settings)
        self._sender = TelegramSender(self._api)
        self._blocked: LRUCache[int, bool] = LRUCache(REMEMBERED)
        self._services: Services | None = None
        self._webhook = TelegramWebhook(self._api, settings, url) if settings.secret else None
        self._polling: TelegramPolling | None = None
        self._standby = False

    @classmethod
    def from_settings(
        cls, section: TelegramSettings, settings: Settings, *, support_address: str = ""
    ) -> Self:
        """The channel as configured. Raises WarmlineError when Telegram could not call us."""
        core = settings.core
        public_url = core.public_url.rstrip("/")
        telegram_calls = section.secret and section.api_base == BOT_API
        if telegram_calls and not public_url.startswith("https://"):
            raise WarmlineError(
                f"channels.telegram.secret: Telegram calls only https addresses, not {public_url};"
                " set `public_url` (WARMLINE_PUBLIC_URL), or remove the secret to poll"
            )
        largest = min(section.max_file_size, core.limits.attachment)
        path = f"{ROOT}/{support_address}/webhook" if support_address else PATH
        return cls(
            section,
            path=path,
            url=f"{public_url}{path}",
            largest=largest,
            support_address=support_address,
        )

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        """The webhook; none when we poll."""
        self._services = services
        if self._settings.secret is None:
            return ()
        secret = self._settings.secret.get_secret_value().encode()
        receiver = self._receiver(services)

        async def receive(request: web.Request) -> web.Response:
            given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
            if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), secret):
                raise web.HTTPUnauthorized(text="the secret token is not ours")
            try:
                await receiver.receive(read_json(await request.read()))
            except UnreadableUpdate as error:
                raise web.HTTPBadRequest(text=str(error)) from None
            return web.Response()

        return (web.post(self._path, receive),)

    def describe(self) -> Mapping[str, Json]:
        """The route of the first bot, for ``/openapi.json``; those of further ones are like it."""
        if self.support_address:
            return {}
        part: dict[str, Json] = packaged_yaml("channels.telegram", "openapi.yaml")
        return part

    async def run(self, services: Services) -> None:
        """Keep the connections to Telegram open, until cancelled."""
        self._services = services
        async with self._api.connected():
            await asyncio.get_running_loop().create_future()

    async def watch(self, services: Services) -> None:
        """Keep the webhook set, or poll, until cancelled."""
        self._standby = False
        async with self._api.connected():
            if self._webhook:
                await self._webhook.run(services.clock)
            else:
                receive = self._receiver(services).receive
                wait = self._settings.poll_timeout
                self._polling = TelegramPolling(self._api, receive, services.clock, wait=wait)
                await self._polling.run()

    def stand_by(self) -> None:
        self._standby = True

    async def send(self, message: Outbound) -> Sent:
        """Send one message with its buttons and files."""
        if int(message.address.value.partition(":")[0]) in self._blocked:
            raise Undeliverable(
                "the customer blocked the bot, or the group removed it", unreachable=True
            )
        return await self._sender.send(message, await self._files(message))

    async def trouble(self) -> str | None:
        """Why customers' messages cannot come in."""
        if self._api.problem or self._standby:
            return self._api.problem
        if source := self._webhook or self._polling:
            return source.problem
        return "Telegram was not reached yet"

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:  # noqa: ARG002  (part of HealthCheck)
        """Whether Telegram knows the bot, and calls our webhook if we have one."""
        async with self._api.bot() as bot:
            await bot.get_me()
            info = await bot.get_webhook_info()
        return self._webhook.problems(info) if self._webhook else polling_problems(info)

    def _receiver(self, services: Services) -> TelegramReceiver:
        return TelegramReceiver(
            services,
            self._api,
            groups=self._settings.groups == "mention",
            largest=self._largest,
            blocked=self._blocked,
            support_address=self.support_address,
        )

    async def _files(self, message: Outbound) -> list[File]:
        if not message.attachments:
            return []
        if self._services is None:
            raise TryLater("the Telegram channel has not started yet")
        files = self._services.files
        return [
            File(name=a.name, media_type=a.media_type, data=await files.open(a.digest))
            for a in message.attachments
        ]


def read_json(body: bytes) -> Json:
    """Parse ``body`` as the SDK parses Telegram's answers. Raises UnreadableUpdate."""
    try:
        value: Json = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableUpdate("the body is not JSON") from None
    return value
