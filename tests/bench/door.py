"""The demo with one address more: one that answers as soon as a message is committed.

Run as a process: ``python -m tests.bench.door PORT (idle|working)``. ``idle``: messages are taken
in and none is worked, so that the door alone is measured; they stay in the inbox.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable

import msgspec
from aiohttp import web

from channels.rest import RestMessage, parse
from gateway import Channel, Services, Settings, Traits, hookimpl
from gateway.app import build_app, build_gateway
from gateway.cli.common import logs
from gateway.cli.serve import settle
from gateway.plugins import PluginRegistry, default_config, installed_plugins
from gateway.settings import load
from gateway.testing import as_plugins
from gateway.web.health import failed_checks

SAID = msgspec.json.Decoder(RestMessage)


class Door:
    """A webhook as most providers want it: OK means safely taken in, and nothing more."""

    name = "door"

    @property
    def traits(self) -> Traits:
        return Traits(mailbox=True)

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        async def hear(request: web.Request) -> web.Response:
            said = SAID.decode(await request.read())
            accepted = await services.intake.accept(parse(said, services))
            body = msgspec.json.encode({"turn": accepted.turn})
            return web.Response(body=body, content_type="application/json")

        return (web.post("/door", hear),)

    @hookimpl
    def register_channels(self, register: Callable[[Channel], None], settings: Settings) -> None:
        register(self)


async def serve(port: int, *, idle: bool) -> None:
    guests = [*installed_plugins(), *as_plugins([Door()])]
    gateway = build_gateway(guests, load(default_config(), PluginRegistry(guests).declared()))
    logs(gateway.settings.core.logs)
    if idle:
        gateway.incoming._at_once = 0
    runner = web.AppRunner(build_app(gateway), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    while await failed_checks(gateway.checks()):  # noqa: ASYNC110  (the checks are asked, not awaited)
        await asyncio.sleep(0.05)
    settle()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), idle=sys.argv[2] == "idle"))
