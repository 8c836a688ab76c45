"""The Telegram channel: customers write to a bot of ours."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import structlog
from aiohttp import web

from channels.telegram.api import KINDS, Api
from channels.telegram.health import hook_in_the_way, hook_symptoms
from channels.telegram.outgoing import Outgoing
from channels.telegram.parse import NAME
from channels.telegram.polling import FIRST_WAIT, LONGEST_WAIT, Polling
from channels.telegram.receive import Receiver, Unintelligible
from channels.telegram.recent import Recent
from channels.telegram.settings import TELEGRAM, TelegramSettings
from gateway import (
    Clock,
    File,
    HealthProblem,
    Json,
    Outbound,
    Sent,
    Services,
    Settings,
    Traits,
    TryLater,
    Undeliverable,
    Unsure,
    WarmlineError,
    packaged_yaml,
)

log = structlog.get_logger(__name__)

PATH = "/channels/telegram/webhook"
_LOOK_AGAIN = 900.0
"""Seconds after which we look whether our webhook still stands."""


class Telegram:
    """Customers reach us through one Telegram bot."""

    name = NAME
    # "no more than about 30 messages per second" in all (Bots FAQ). One chat may take one a second,
    # and short bursts; Telegram says when it is too much, and for how long.
    traits = Traits(unsure="resend", rate=30.0, buttons=True, attachments=True)

    def __init__(self, settings: TelegramSettings, *, url: str, largest: int) -> None:
        self._settings, self._url, self._largest = settings, url, largest
        self._api = Api(settings)
        self._outgoing = Outgoing(self._api)
        self._blocked: Recent[int, bool] = Recent()
        self._services: Services | None = None
        self._polling: Polling | None = None
        self._hook_trouble: str | None = "the webhook is not set yet"
        self._elsewhere = False

    @classmethod
    def from_settings(cls, settings: TelegramSettings, all_of_them: Settings) -> Self:
        """Build it. Raises WarmlineError when Telegram could not call us."""
        core = all_of_them.core
        public = core.public_url.rstrip("/")
        ours = settings.api_base == TELEGRAM
        if settings.secret and ours and not public.startswith("https://"):
            raise WarmlineError(
                f"channels.telegram.secret: Telegram calls only https addresses, not {public};"
                " set `public_url` (WARMLINE_PUBLIC_URL), or leave the secret out to poll"
            )
        largest = min(settings.max_file_size, core.limits.attachment)
        return cls(settings, url=f"{public}{PATH}", largest=largest)

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        self._services = services
        if self._settings.secret is None:
            return ()
        secret = self._settings.secret.get_secret_value().encode()
        receiver = self._receiver(services)

        async def hear(request: web.Request) -> web.Response:
            given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
            if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), secret):
                raise web.HTTPUnauthorized(text="the secret token is not ours")
            try:
                await receiver.take(_json(await request.read()))
            except Unintelligible as error:
                raise web.HTTPBadRequest(text=str(error)) from None
            return web.Response()

        return (web.post(PATH, hear),)

    def describe(self) -> Mapping[str, Json]:
        """What its doors take and answer, for ``/openapi.json``."""
        part: dict[str, Json] = packaged_yaml("channels.telegram", "openapi.yaml")
        return part

    async def run(self, services: Services) -> None:
        """Keep the connections to Telegram, until cancelled."""
        self._services = services
        async with self._api.line():
            await asyncio.get_running_loop().create_future()

    async def watch(self, services: Services) -> None:
        """Keep the webhook set, or poll, until cancelled."""
        self._elsewhere = False
        async with self._api.line():
            if self._settings.secret is not None:
                await self._keep_hook(services.clock)
            else:
                take = self._receiver(services).take
                wait = self._settings.poll_timeout
                self._polling = Polling(self._api, take, services.clock, wait=wait)
                await self._polling.run()

    def stand_by(self) -> None:
        self._elsewhere = True

    async def send(self, message: Outbound) -> Sent:
        """Send one message with its buttons and files."""
        if int(message.address.value.partition(":")[0]) in self._blocked:
            raise Undeliverable(
                "the customer blocked the bot, or the group removed it", unreachable=True
            )
        return await self._outgoing.send(message, await self._files(message))

    async def trouble(self) -> str | None:
        """What keeps customers' messages from coming in."""
        if self._api.refused:
            return self._api.refused
        if self._elsewhere:
            return None
        if self._settings.secret is not None:
            return self._hook_trouble
        return self._polling.trouble if self._polling else "Telegram was not reached yet"

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:  # noqa: ARG002  (a Checkup)
        """Whether Telegram knows the bot, and calls us where we are."""
        async with self._api.calling() as bot:
            await bot.get_me()
            stands = await bot.get_webhook_info()
        if self._settings.secret is None:
            return hook_in_the_way(stands) if stands.url else ()
        return hook_symptoms(stands, self._url)

    async def _keep_hook(self, clock: Clock) -> None:
        pause = FIRST_WAIT
        while True:
            try:
                await self._set_hook()
            except (TryLater, Undeliverable, Unsure) as error:
                self._hook_trouble = f"the webhook is not set: {error}"
                log.warning("telegram.no_webhook", error=str(error), again_in=pause)
                await clock.sleep(max(pause, getattr(error, "after", None) or 0.0))
                pause = min(LONGEST_WAIT, pause * 2)
            else:
                self._hook_trouble, pause = None, FIRST_WAIT
                await clock.sleep(_LOOK_AGAIN)

    async def _set_hook(self) -> None:
        """Say where we are, unless Telegram knows; at the start it is told the secret anyway."""
        secret = self._settings.secret
        async with self._api.calling() as bot:
            if self._hook_trouble is None:
                stands = await bot.get_webhook_info()
                if stands.last_error_message:
                    log.warning("telegram.webhook_failed", error=stands.last_error_message)
                if stands.url == self._url:
                    return
                log.warning("telegram.webhook_lost", pending=stands.pending_update_count)
            await bot.set_webhook(
                self._url,
                secret_token=secret.get_secret_value() if secret else None,
                allowed_updates=list(KINDS),
                max_connections=self._settings.max_connections,
            )
        log.info("telegram.webhook_set", url=self._url)

    def _receiver(self, services: Services) -> Receiver:
        return Receiver(
            services,
            self._api,
            groups=self._settings.groups == "mention",
            largest=self._largest,
            blocked=self._blocked,
        )

    async def _files(self, message: Outbound) -> list[File]:
        if not message.attachments:
            return []
        if self._services is None:
            raise TryLater("the Telegram channel has not started yet")
        return [
            File(
                name=one.name,
                media_type=one.media_type,
                data=await self._services.files.open(one.digest),
            )
            for one in message.attachments
        ]


def _json(body: bytes) -> Json:
    """Like the SDK reads what Telegram says. Raises Unintelligible."""
    try:
        found: Json = json.loads(body)
    except (ValueError, RecursionError):
        raise Unintelligible("the body is no JSON") from None
    return found
