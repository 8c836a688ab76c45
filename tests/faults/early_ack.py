"""A planted bug: a channel that acknowledges a message a second before it is stored."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

import structlog
from aiohttp import web

from gateway import Address, Channel, Handler, Inbound, Services, Settings, hookimpl
from tests.crash.server import AskChannel, ResendChannel
from tests.faults import plugin

DELAY = 1.0
"""Seconds."""
log = structlog.get_logger()


class EarlyAckChannel(AskChannel):
    """Acknowledges messages that are not stored yet."""

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        storing: set[asyncio.Task[None]] = set()

        async def store(message: Inbound) -> None:
            await asyncio.sleep(DELAY)
            try:
                await services.intake.accept(message)
            except Exception:
                log.exception("early_ack.lost")

        async def receive(request: web.Request) -> web.Response:
            body = await request.json()
            address = Address(channel=self.name, value=body["from"])
            message = Inbound(
                address=address, text=body["text"], at=services.clock.now(), remote_id=body["id"]
            )
            storing.add(task := asyncio.create_task(store(message)))
            task.add_done_callback(storing.discard)
            return web.json_response({})

        return (web.post(f"/{self.name}", receive),)


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if (url := os.environ.get(plugin.PROVIDER_URL)) is not None:
        register(EarlyAckChannel(url))
        register(ResendChannel(url))


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    plugin.register_handlers(register, settings)
