"""What commands share: options, settings, logging, and an opened gateway."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TextIO, TypeVar

import click
import msgspec
import structlog
from rich.console import Console
from rich.table import Table
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from gateway.adapters.encryption import read_keys
from gateway.adapters.sql.engine.health import in_words
from gateway.adapters.sql.engine.opening import is_shared, open_database
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.versions import SqlVersions
from gateway.app import Gateway, build_gateway
from gateway.cli.log_masking import MaskedFormatter, mask_event
from gateway.model import VERSION_KINDS, Overlay
from gateway.plugins import PluginRegistry, default_config, installed_plugins
from gateway.ports import Services, WarmlineError
from gateway.settings import BadConfig, Problem, Settings, load

P = ParamSpec("P")
T = TypeVar("T")

READ_TIMEOUT = 10.0
"""Seconds for what was adopted: a command that needs no database does not wait for it longer."""

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Configuration file. Default: warmline.yaml in this folder, else the demo's.",
)
json_option = click.option("--json", "json", is_flag=True, help="Print JSON, for programs.")


def print_note(text: str) -> None:
    """Print a line for people, on stderr: stdout has only results."""
    click.echo(text, err=True)


def print_json(value: object) -> None:
    """Print ``value`` as one line of JSON."""
    click.echo(msgspec.json.encode(value))


def make_table(*columns: str) -> Table:
    """A table to fill with `Table.add_row`; long cells go on in the next line."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def print_table(table: Table) -> None:
    """Print ``table`` in the width of the terminal; 160 columns where stdout is none."""
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def in_url(host: str) -> str:
    """``host`` as it stands in a URL: an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def find_config(file: Path | None) -> Path | None:
    """The file to use: ``file``, else ``warmline.yaml`` in this folder, else the demo's."""
    if file is not None:
        return file
    here = Path("warmline.yaml")
    return here if here.exists() else default_config()


def load_settings(file: Path | None) -> Settings:
    """Read the settings. Raises BadConfig or BadPlugin."""
    return load(find_config(file), PluginRegistry(installed_plugins()).declared())


def load_gateway(file: Path | None) -> Gateway:
    """Build a gateway of all installed plugins; it does not run yet. Raises BadConfig or
    BadPlugin."""
    return gateway_for(load_settings(file))


def gateway_for(
    settings: Settings, *, address: str | None = None, role: str | None = None
) -> Gateway:
    """As `load_gateway`, with ``settings`` that were read before.

    ``address`` is the public URL if the settings have none; ``role`` replaces theirs.
    """
    changes: dict[str, str] = {}
    if address is not None and "public_url" not in settings.core.model_fields_set:
        changes["public_url"] = address
    if role is not None:
        changes["role"] = role
    settings = settings.replace(core=settings.core.model_copy(update=changes))
    core = settings.core
    if core.role != "all" and core.redis_url and not is_shared(core.database_url):
        message = (
            f"`{core.role}` needs a database that several processes may share; set `database_url` "
            "to a PostgreSQL database instead of a SQLite file"
        )
        raise BadConfig([Problem(file="settings", line=0, key="role", message=message)])
    return build_gateway(installed_plugins(), settings)


def configure_logging(style: str, level: int = logging.INFO, *, final: bool = False) -> None:
    """Log to stderr, in the ``style`` ``json`` (lines), ``text``, or ``auto``: text on a terminal.

    ``final``: no later call changes the configuration, so loggers may cache it.
    """
    as_text = style == "text" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_event,
    ]
    renderer: Any = structlog.processors.JSONRenderer(_encode)
    factory: Any = structlog.BytesLoggerFactory(_ForgivingStream(sys.stderr.buffer))  # type: ignore[arg-type]  # all it needs
    if as_text:
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        factory = structlog.PrintLoggerFactory(sys.stderr)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=final,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(MaskedFormatter("%(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class _ForgivingStream:
    """A stream for the log. When it cannot be written (a full disk, a closed pipe), the line is
    lost, and nothing else: whoever logs is busy with something more important."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> int:
        with suppress(OSError, ValueError):
            return self._stream.write(line)
        return 0

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def _encode(event: object, **_options: object) -> bytes:
    return msgspec.json.encode(event, enc_hook=repr)


def read_text(file: TextIO) -> str:
    """The whole of ``file``, without a byte order mark. Raises ClickException if it is no text in
    UTF-8."""
    try:
        return file.read().removeprefix("\ufeff")
    except UnicodeDecodeError:
        name = getattr(file, "name", "the input")
        message = f"{name} is no text in UTF-8; save it as plain text in UTF-8"
        raise click.ClickException(message) from None


yes_option = click.option("--yes", is_flag=True, help="Delete without asking.")
"""Of the commands that ask on a terminal before they delete; see `gateway.ask_before`."""


def run_async(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a coroutine function a command; only errors are logged."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        configure_logging("auto", logging.ERROR)
        return asyncio.run(command(*args, **kwargs))

    return run


async def read_overlays(settings: Settings) -> list[Overlay]:
    """What people adopted, without a change to the database: none where there is no database yet,
    or an older one. Where it cannot be read, a note says so."""
    core = settings.core
    keys = read_keys(core.data_key.get_secret_value() if core.data_key else "")
    database = open_database(settings.database_url, core.postgres, keys)
    try:
        if isinstance(database, SqliteDatabase) and not database.file.exists():
            return []
        async with asyncio.timeout(READ_TIMEOUT):
            if not await database.read(lambda c: inspect(c).has_table("versions")):
                return []
            versions = SqlVersions(database)
            read = [await versions.overlay(kind, None) for kind in VERSION_KINDS]
            return [overlay for overlay in read if overlay is not None]
    except WarmlineError as error:
        print_note(f"note: what was adopted is left out, for it cannot be read: {error}")
    except (SQLAlchemyError, OSError) as error:
        why = in_words(error)
        print_note(f"note: what was adopted is left out, for the database cannot be read: {why}")
    finally:
        await database.stop()
    return []


async def follow_versions(gateway: Gateway) -> None:
    """Let ``gateway``, which does not run, follow what people adopted."""
    await gateway.infrastructure.follower.use(await read_overlays(gateway.settings))


@asynccontextmanager
async def open_store(file: Path | None) -> AsyncIterator[Gateway]:
    """A gateway with an open, migrated database. It handles no messages and sends none."""
    gateway = load_gateway(file)
    await gateway.open_database()
    try:
        yield gateway
    finally:
        await gateway.infrastructure.search.index.close()
        await gateway.store.stop()


@asynccontextmanager
async def open_services(file: Path | None) -> AsyncIterator[tuple[Services, Settings]]:
    """What plugins' commands get (`gateway.OpenServices`): services that handle no messages. What
    the plugins registered is set up, so that handlers can be asked what they would say."""
    configure_logging("auto", logging.ERROR)  # stdout has only results
    async with open_store(file) as gateway:
        await gateway.plugin_setup.setup(gateway.services)
        try:
            yield gateway.services, gateway.settings
        finally:
            await gateway.plugin_setup.teardown()
