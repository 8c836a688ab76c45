"""The demo with one more route, which answers as soon as the message is committed.

Run as a process: ``python -m tests.bench.accept_server PORT (idle|working)``. ``idle``: messages
are accepted and stay in the inbox, so that accepting alone is measured.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable

import msgspec
from aiohttp import web

from channels.rest.channel import RestMessage, parse
from gateway import Channel, Services, Settings, Traits, hookimpl
from gateway.app import build_app, build_gateway
from gateway.cli.common import configure_logging
from gateway.cli.serve import tune_garbage_collector
from gateway.plugins import PluginRegistry, default_config, installed_plugins
from gateway.settings import load
from gateway.testing import as_plugins
from gateway.web.health import failed_checks

DECODER = msgspec.json.Decoder(RestMessage)


class AcceptChannel:
    """A webhook as most providers expect it: a 200 means that the message is committed, no more."""

    name = "accept"

    @property
    def traits(self) -> Traits:
        return Traits(mailbox=True)

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        async def receive(request: web.Request) -> web.Response:
            message = DECODER.decode(await request.read())
            accepted = await services.intake.accept(parse(message, services))
            body = msgspec.json.encode({"turn": accepted.turn})
            return web.Response(body=body, content_type="application/json")

        return (web.post("/accept", receive),)

    @hookimpl
    def register_channels(self, register: Callable[[Channel], None], settings: Settings) -> None:
        register(self)


async def serve(port: int, *, idle: bool) -> None:
    plugins = [*installed_plugins(), *as_plugins([AcceptChannel()])]
    settings = load(default_config(), PluginRegistry(plugins).declared())
    if idle:
        worker = settings.core.worker.model_copy(update={"conversations_at_once": 0})
        settings = settings.replace(core=settings.core.model_copy(update={"worker": worker}))
    gateway = build_gateway(plugins, settings)
    configure_logging(settings.core.logs)
    runner = web.AppRunner(build_app(gateway), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    while await failed_checks(gateway.checks()):  # noqa: ASYNC110  (it can only be polled)
        await asyncio.sleep(0.05)
    tune_garbage_collector()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), idle=sys.argv[2] == "idle"))
