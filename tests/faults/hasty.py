"""A planted bug: a door that says OK first, and stores the message a moment later."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

import structlog
from aiohttp import web

from gateway import Address, Channel, Handler, Inbound, Services, Settings, hookimpl
from tests.crash.server import Parrot, Pigeon
from tests.faults import guest

MOMENT = 1.0
"""Seconds."""
log = structlog.get_logger()


class HastyPigeon(Pigeon):
    """Acknowledges what it has not stored yet."""

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        storing: set[asyncio.Task[None]] = set()

        async def store(message: Inbound) -> None:
            await asyncio.sleep(MOMENT)
            try:
                await services.intake.accept(message)
            except Exception:
                log.exception("hasty.lost")

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
    if (url := os.environ.get(guest.FAR_END)) is not None:
        register(HastyPigeon(url))
        register(Parrot(url))


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    guest.register_handlers(register, settings)
