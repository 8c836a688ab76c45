"""What every command begins with: the configuration, the logs, a gateway."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
import msgspec
import structlog

from gateway.adapters.sql.engine.opening import is_shared
from gateway.app import Gateway, build_gateway
from gateway.cli.log_masking import MaskedFormatter, masked
from gateway.plugins import PluginRegistry, default_config, installed_plugins
from gateway.ports import Services
from gateway.settings import BadConfig, Problem, Settings, load

P = ParamSpec("P")
T = TypeVar("T")

config = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="the settings; default: warmline.yaml here, else the demo's",
)
as_json = click.option("--json", "json", is_flag=True, help="for programs")


def print_line(text: str) -> None:
    """A line for a person: on stderr, so that a program's stdout stays clean."""
    click.echo(text, err=True)


def chosen(file: Path | None) -> Path | None:
    """The configuration that is meant: the one named, ``warmline.yaml``, or the demo's."""
    if file is not None:
        return file
    here = Path("warmline.yaml")
    return here if here.exists() else default_config()


def settings_of(file: Path | None) -> Settings:
    """Read the settings. Raises BadConfig."""
    return load(chosen(file), PluginRegistry(installed_plugins()).declared())


def gateway_of(
    file: Path | None, *, address: str | None = None, role: str | None = None
) -> Gateway:
    """A gateway of what is installed, not yet running. Raises BadConfig or BadGuest.

    ``address``: where it is reached when the settings name no ``public_url``; ``role`` instead of
    the one that they name.
    """
    return gateway_with(settings_of(file), address=address, role=role)


def gateway_with(
    settings: Settings, *, address: str | None = None, role: str | None = None
) -> Gateway:
    """As `gateway_of`, where the settings were read before."""
    changes: dict[str, str] = {}
    if address is not None and "public_url" not in settings.core.model_fields_set:
        changes["public_url"] = address
    if role is not None:
        changes["role"] = role
    settings = settings.replace(core=settings.core.model_copy(update=changes))
    core = settings.core
    if core.role != "all" and core.redis_url and not is_shared(core.database_url):
        what = f"`{settings.core.role}` needs a database that several processes may share"
        told = f"{what}: set `database_url` to a PostgreSQL one, not an SQLite file"
        raise BadConfig([Problem(file="settings", line=0, key="role", message=told)])
    return build_gateway(installed_plugins(), settings)


def logs(style: str, level: int = logging.INFO, *, lasting: bool = False) -> None:
    """JSON lines, or words on a terminal. ``lasting``: for as long as this process lives; loggers
    then keep what they looked up, and no later call changes them."""
    words = style == "text" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        masked,
    ]
    last: Any = structlog.processors.JSONRenderer(_json)
    sink: Any = structlog.BytesLoggerFactory(sys.stderr.buffer)
    if words:
        last = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        sink = structlog.PrintLoggerFactory(sys.stderr)
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=sink,
        cache_logger_on_first_use=lasting,
    )
    others = logging.StreamHandler(sys.stderr)
    others.setFormatter(MaskedFormatter("%(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[others])


def _json(event: object, **_options: object) -> bytes:
    return msgspec.json.encode(event, enc_hook=repr)


def runs(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """A command that is a coroutine function."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        logs("auto", logging.ERROR)
        return asyncio.run(command(*args, **kwargs))

    return run


@asynccontextmanager
async def open_store(file: Path | None) -> AsyncIterator[Gateway]:
    """A gateway whose database is open and up to date, and which works nothing."""
    gateway = gateway_of(file)
    await gateway.open_database()
    try:
        yield gateway
    finally:
        await gateway.store.stop()


@asynccontextmanager
async def open_services(file: Path | None) -> AsyncIterator[tuple[Services, Settings]]:
    """What a guest's command gets: the house, open, in which nothing is worked."""
    async with open_store(file) as gateway:
        yield gateway.services, gateway.settings
