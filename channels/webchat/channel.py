"""The web chat: a widget on the customer's page, a socket to it, and long polls to fall back on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from channels.webchat import wire
from channels.webchat.assets import LOADER, Assets
from channels.webchat.gate import Gate, origin_of, preflight
from channels.webchat.hearing import CHANNEL, Hearing
from channels.webchat.polls import Polls
from channels.webchat.settings import WebchatSettings
from channels.webchat.sockets import Sockets
from channels.webchat.tokens import Tokens, lasting_secret
from gateway import Json, Services, Settings, Traits, packaged_yaml

ROOT = "/channels/webchat"


class Webchat:
    """Customers reach us through the chat on a web page."""

    name = CHANNEL
    traits = Traits(mailbox=True, buttons=True, attachments=True)

    def __init__(self, settings: WebchatSettings, *, secret: str, public_url: str) -> None:
        self._settings = settings
        identity = settings.identity_secret
        self._tokens = Tokens(
            secret=secret,
            identity_secret=identity.get_secret_value() if identity else None,
            session_days=settings.session_days,
        )
        self._gate = Gate(
            {*settings.origins, origin_of(public_url)},
            per_ip=settings.lines_per_ip,
            per_session=settings.lines_per_session,
            proxies=settings.proxies,
        )
        self._assets = Assets("channels.webchat")

    @classmethod
    def from_settings(cls, section: WebchatSettings, settings: Settings) -> Webchat:
        """The channel as configured; its secret is made on first use if none is set."""
        given, limit = section.secret, settings.core.limits.attachment
        secret = (
            given.get_secret_value() if given else lasting_secret(settings.data_dir / "webchat.key")
        )
        bounded = section.model_copy(update={"file_size": min(section.file_size, limit)})
        return cls(bounded, secret=secret, public_url=settings.core.public_url)

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        hearing = Hearing(services, self._tokens, self._settings)
        sockets = Sockets(
            services=services,
            hearing=hearing,
            gate=self._gate,
            heartbeat=self._settings.heartbeat,
            send_timeout=self._settings.send_timeout,
        )
        polls = Polls(
            services=services,
            hearing=hearing,
            tokens=self._tokens,
            gate=self._gate,
            settings=self._settings,
        )
        pages = [
            ("GET", "/socket", sockets.serve),
            ("GET", "/messages", polls.hear),
            ("POST", "/messages", polls.say),
            ("OPTIONS", "/messages", preflight),
            ("POST", "/files", polls.upload),
            ("OPTIONS", "/files", preflight),
            ("GET", "/files/{ref}", polls.download),
            ("OPTIONS", "/files/{ref}", preflight),
        ]
        return [
            web.get(f"{ROOT}/{LOADER}", self._assets.loader),
            web.get(f"{ROOT}/assets/{{version}}/{{name}}", self._assets.asset),
            *(web.route(how, ROOT + path, self._gate.guarded(page)) for how, path, page in pages),
        ]

    def describe(self) -> Mapping[str, Json]:
        """What its doors take and answer, for ``/openapi.json``."""
        part: dict[str, Any] = packaged_yaml("channels.webchat", "openapi.yaml")
        part["components"]["schemas"] = wire.schemas(f"{CHANNEL}.")
        return part

    async def run(self, services: Services) -> None:  # noqa: ARG002  (the shape of a Poller)
        """There is nothing to poll; when the server stops, every page is told to come back."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._gate.close()
