"""``warmline serve``."""

from __future__ import annotations

import asyncio
import errno
import signal
from pathlib import Path

import click
from aiohttp import web

from gateway.app import Gateway, build_app
from gateway.cli.start import config, gateway_of, logs, say
from gateway.ports import Hints, WarmlineError

DEMO_PORT = 8080


@click.command()
@config
@click.option("--host", default=None, help="where to listen; default: the setting `host`")
@click.option("--port", default=None, type=click.IntRange(0, 65535), help="0: any free port")
def serve(config: Path | None, host: str | None, port: int | None) -> None:
    """Serve customers until SIGTERM or Ctrl-C; then finish what runs, and exit 0."""
    gateway = gateway_of(config)
    core = gateway.settings.core
    logs(core.logs)
    asyncio.run(_serve(gateway, host or core.host, core.port if port is None else port))


async def _serve(gateway: Gateway, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    drain = gateway.settings.core.worker.drain
    runner = web.AppRunner(build_app(gateway), shutdown_timeout=drain, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise WarmlineError(_taken(host, port, error)) from None
        address = runner.addresses[0]
        _welcome(gateway, f"http://{host}:{address[1]}")
        await stop.wait()
    finally:
        await runner.cleanup()


def _taken(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken; choose another with --port (make run PORT=...)"
    return f"cannot listen on {host}:{port}: {error.strerror}"


def _welcome(gateway: Gateway, url: str) -> None:
    """Where to click. Guests add what they know: pages, doors, demo passwords."""
    say(f"\nWarmline is ready at {url}\n")
    for guest in (*gateway.offers.sites, *gateway.offers.channels.values()):
        if isinstance(guest, Hints):
            for line in guest.hints(url):
                say(f"  {line}")
    say("\nCtrl-C stops it.\n")
