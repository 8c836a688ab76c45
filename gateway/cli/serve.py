"""``warmline serve``: runs the gateway."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import click
import structlog
from aiohttp import web

from gateway.adapters.sql.engine.opening import is_shared, sqlite_file
from gateway.app import Gateway, build_app
from gateway.cli.common import (
    config_option,
    configure_logging,
    gateway_for,
    in_url,
    load_settings,
    print_note,
)
from gateway.ports import StartupHints, WarmlineError
from gateway.settings import Settings
from gateway.support.private import close_folder
from gateway.web import health
from gateway.web.errors import TimedSite

log = structlog.get_logger()
ROLES = ("all", "web", "worker")
READY_TIMEOUT = 90.0
"""Seconds to wait until everything is ready before the welcome is printed anyway."""
MOST_OPEN_FILES = 65_536
"""Open files to ask for; a connection needs one."""
SWITCH_INTERVAL = 0.001
"""Seconds after which a waiting thread gets the interpreter; Python's default is 5 ms. The thread
that commits needs it twice for some microseconds, and all turns of a group wait for that."""


@click.command()
@config_option
@click.option("--host", default=None, help="Address to listen on. Default: the setting `host`.")
@click.option(
    "--port", default=None, type=click.IntRange(0, 65535), help="0: any free port. Default: `port`."
)
@click.option("--role", default=None, type=click.Choice(ROLES), help="Default: the setting `role`.")
def serve(config: Path | None, host: str | None, port: int | None, role: str | None) -> None:
    """Run the gateway.

    SIGTERM or Ctrl-C stops it: it finishes running work and exits with 0. The role web serves
    HTTP, worker handles messages and timers, all does both. Several processes
    share work through the setting `redis_url`.
    """
    settings = load_settings(config)
    core = settings.core
    configure_logging(core.logs, final=True)
    host, port = host or core.host, core.port if port is None else port
    for warning in settings.warnings:
        print_note(f"warning: {warning}")
    sys.setswitchinterval(SWITCH_INTERVAL)
    os.umask(0o077)  # whatever a plugin or a library writes is its owner's alone
    raise_open_files_limit()
    with _listen(host, port) as listener:
        url = f"http://{in_url(host)}:{listener.getsockname()[1]}"
        gateway = gateway_for(settings, address=url, role=role)
        close_folder(gateway.settings.data_dir)
        with (
            serving_lock(gateway.settings, url),
            asyncio.Runner(loop_factory=new_event_loop) as runner,
        ):
            _run_to_the_end(runner.get_loop(), _run(gateway, listener, url))


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's if it is installed (the extra `fast`), else Python's own."""
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = import_module("uvloop").new_event_loop()
    return loop


def _run_to_the_end(loop: asyncio.AbstractEventLoop, serving: Coroutine[None, None, None]) -> None:
    """Run ``serving`` until it ends. A task of a plugin that raises SystemExit or KeyboardInterrupt
    stops the event loop, but not the server: the loop is started again."""
    task = loop.create_task(serving)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt):
            if task.done():
                raise
            log.exception("loop.stopped", hint="a plugin's task raised it; the server goes on")


def _listen(host: str, port: int) -> socket.socket:
    """Open the socket. This comes before all else, so that everything knows the chosen port."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror}; check `host` and `port`"
        if error.errno == errno.EADDRINUSE:
            message = (
                f"port {port} on {host} is taken; choose another with --port (make run PORT=...)"
            )
        raise WarmlineError(message) from None


@contextmanager
def serving_lock(settings: Settings, url: str = "") -> Iterator[None]:
    """Hold the lock that only one process may have. Raises WarmlineError if another has it.
    ``url``, where the process listens, is written into the lock's file, for `warmline doctor`.

    On SQLite it is one lock for the data directory and one beside the database's file, wherever
    that is and by whatever path; on a shared database one for each process name: a second process
    would take the first one's running sends for those of a crash. The system releases the locks
    when the process ends, in whatever way.
    """
    folder, name = settings.data_dir, settings.core.process.name
    problem, fix = f"another `warmline serve` is running in {folder}", "set WARMLINE_DATA_DIR"
    lock = folder / "serving.lock"
    if is_shared(settings.core.database_url):
        if name is None:
            yield
            return
        lock = folder / f"serving-{quote(name, safe='')}.lock"
        problem, fix = f"another process named {name} is running", "set WARMLINE_PROCESS__NAME"
    with ExitStack() as stack:
        stack.enter_context(_locked(lock, f"{problem}; stop it, or {fix}", url))
        if not is_shared(settings.core.database_url):
            file = sqlite_file(settings.database_url).resolve()
            beside = file.with_name(f"{file.name}.serving.lock")
            problem = f"another `warmline serve` uses the database {file}"
            stack.enter_context(_locked(beside, f"{problem}; stop it, or set DATABASE_URL"))
        yield


@contextmanager
def _locked(lock: Path, refusal: str, content: str = "") -> Iterator[None]:
    try:
        file = lock.open("a")  # which leaves what another process wrote
    except FileNotFoundError:
        what = f"there is no folder {lock.parent}"
        raise WarmlineError(f"{what}; create it, or correct `data_dir` or `database_url`") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarmlineError(refusal) from None
        file.truncate(0)
        file.write(content)
        file.flush()
        yield


def raise_open_files_limit() -> None:
    """Allow this process as many open files as the system lets it have: each connection is one.
    Many systems begin with 256 or 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # macOS refuses more than its own limit
        log.warning("files.limit_not_raised", limit=soft, wanted=most)


async def _run(gateway: Gateway, listener: socket.socket, url: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await gateway.start_plugins()
        await _serve_until(stop, gateway, listener, url)
    finally:
        await gateway.stop_plugins()


async def _serve_until(
    stop: asyncio.Event, gateway: Gateway, listener: socket.socket, url: str
) -> None:
    drain = gateway.settings.core.worker.drain
    runner = web.AppRunner(build_app(gateway), shutdown_timeout=drain, access_log=None)
    try:
        await runner.setup()
        await TimedSite(runner, listener).start()
        welcome = asyncio.create_task(_welcome_when_ready(gateway, url))
        await stop.wait()
        welcome.cancel()
    finally:
        await runner.cleanup()


async def _welcome_when_ready(gateway: Gateway, url: str) -> None:
    """Print where to click once everything is ready. The first start may train models before."""
    waiting = await health.failed_checks(gateway.checks())
    if waiting:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in waiting.items())
        print_note(f"Starting at {url}: {reasons}")
    with suppress(TimeoutError):  # a channel may be down for long; the pages work meanwhile
        async with asyncio.timeout(READY_TIMEOUT):
            while waiting:
                await asyncio.sleep(0.2)
                waiting = await health.failed_checks(gateway.checks())
    tune_garbage_collector()
    print_note(f"\nWarmline is ready at {url}\n")
    registrations = gateway.registrations
    for plugin in (*registrations.components, *registrations.channels.values()):
        if isinstance(plugin, StartupHints):
            for line in plugin.hints(url):
                print_note(f"  {line}")
    print_note("\nCtrl-C stops it.\n")


def tune_garbage_collector() -> None:
    """Keep the garbage collector away from what stays loaded, and run it less often.

    A full collection after start-up stopped everything for some 70 ms. A turn creates few
    reference cycles, so one collection every few dozen turns is enough.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
