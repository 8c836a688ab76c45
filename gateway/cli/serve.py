"""``warmline serve``."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import click
from aiohttp import web

from gateway.adapters.sql.engine.opening import is_shared
from gateway.app import Gateway, build_app
from gateway.cli.common import config, gateway_with, logs, print_line, settings_of
from gateway.ports import StartupHints, WarmlineError
from gateway.settings import Settings
from gateway.web import health

ROLES = ("all", "web", "worker")
PATIENCE = 90.0
"""Seconds to wait for everything to be ready before the greeting is printed all the same."""
TURN = 0.001
"""Seconds after which a thread that waits for the interpreter gets it (Python has 5 ms). The one
that commits needs it twice for some microseconds, and all turns of a group wait for that."""


@click.command()
@config
@click.option("--host", default=None, help="where to listen; default: the setting `host`")
@click.option("--port", default=None, type=click.IntRange(0, 65535), help="0: any free port")
@click.option("--role", default=None, type=click.Choice(ROLES), help="default: the setting `role`")
def serve(config: Path | None, host: str | None, port: int | None, role: str | None) -> None:
    """Serve customers until SIGTERM or Ctrl-C; then finish what runs, and exit 0.

    A process of the role `web` has the doors and pages, a `worker` the lanes and timers, and one of
    the role `all` both. Several find one another by `redis_url`.
    """
    settings = settings_of(config)
    core = settings.core
    logs(core.logs, lasting=True)
    host, port = host or core.host, core.port if port is None else port
    sys.setswitchinterval(TURN)
    with _listen(host, port) as door:
        url = f"http://{host}:{door.getsockname()[1]}"
        gateway = gateway_with(settings, address=url, role=role)
        with alone(gateway.settings), asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(_serve(gateway, door, url))


def event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed (the extra `fast`), else Python's own."""
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = import_module("uvloop").new_event_loop()
    return loop


def _listen(host: str, port: int) -> socket.socket:
    """The open door; taken first, so that everybody knows the port it got."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise WarmlineError(_taken(host, port, error)) from None


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """While open, no other process serves the SQLite file in this folder, nor by this name from
    it on a shared database: it would take this one's running sends for those of a crash. The lock
    goes with the process, however that ends."""
    folder, name = settings.data_dir, settings.core.process.name
    what, fix = f"another `warmline serve` works in {folder}", "set WARMLINE_DATA_DIR"
    lock = folder / "serving.lock"
    if is_shared(settings.core.database_url):
        if name is None:
            yield
            return
        lock = folder / f"serving-{quote(name, safe='')}.lock"
        what, fix = f"another process named {name} serves", "set WARMLINE_PROCESS__NAME"
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarmlineError(f"{what}; stop it, or {fix}") from None
        yield


async def _serve(gateway: Gateway, door: socket.socket, url: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    try:
        await gateway.start_plugins()
        await _open(gateway, door, url, stop)
    finally:
        await gateway.stop_plugins()


async def _open(gateway: Gateway, door: socket.socket, url: str, stop: asyncio.Event) -> None:
    drain = gateway.settings.core.worker.drain
    runner = web.AppRunner(build_app(gateway), shutdown_timeout=drain, access_log=None)
    try:
        await runner.setup()
        await web.SockSite(runner, door).start()
        greeting = asyncio.create_task(_greet(gateway, url))
        await stop.wait()
        greeting.cancel()
    finally:
        await runner.cleanup()


async def _greet(gateway: Gateway, url: str) -> None:
    """Tell where to click once all is ready; at the first start something may be learnt first."""
    troubles = await health.failed_checks(gateway.checks())
    if troubles:
        print_line(f"Starting at {url}: " + "; ".join(f"{k}: {v}" for k, v in troubles.items()))
    with suppress(TimeoutError):  # a channel may be down for long; the pages work meanwhile
        async with asyncio.timeout(PATIENCE):
            while troubles:
                await asyncio.sleep(0.2)
                troubles = await health.failed_checks(gateway.checks())
    settle()
    _welcome(gateway, url)


def settle() -> None:
    """What is loaded by now stays as long as the process: the garbage collector is told not to
    look through it again. Each look had stopped everything for some 70 ms. What comes and goes
    with a turn is seldom a cycle; it is looked through every few dozen turns, not at each."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _taken(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken; choose another with --port (make run PORT=...)"
    return f"cannot listen on {host}:{port}: {error.strerror}"


def _welcome(gateway: Gateway, url: str) -> None:
    """Where to click. Guests add what they know: pages, doors, demo passwords."""
    print_line(f"\nWarmline is ready at {url}\n")
    for plugin in (*gateway.registrations.components, *gateway.registrations.channels.values()):
        if isinstance(plugin, StartupHints):
            for line in plugin.hints(url):
                print_line(f"  {line}")
    print_line("\nCtrl-C stops it.\n")
