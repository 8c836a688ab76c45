"""The hooks. They only register objects.

At start-up each package's hooks are called once: first `register_settings` and
`register_commands`, then all others with the validated settings. They register ordinary typed
objects, which the gateway calls from then on without pluggy. An exception in a hook stops the
start-up and names the package.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy
from pydantic import BaseModel

from gateway.ports import (
    Channel,
    ContextSource,
    DeskPageProvider,
    ExclusiveTask,
    Handler,
    HttpRoutes,
    MailReader,
    Poller,
    Services,
    Understander,
    Voice,
    WebhookSubscriber,
)
from gateway.settings import Settings

if TYPE_CHECKING:
    import click

PROJECT = "warmline"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Section = Callable[[str, type[BaseModel], Mapping[str, str]], None]
"""Declares a section of the settings: its name, its model, and environment variables by field."""
Readiness = Callable[[], Awaitable[str | None]]
"""Returns None if all is well, else what is wrong, as a text for people."""
OpenServices = Callable[[Path | None], AbstractAsyncContextManager[tuple[Services, Settings]]]
"""Opens the gateway's services for a command; takes the path of the settings, or None."""


def may_ask() -> bool:
    """Whether a command may ask a person: stdin is a terminal, and so is stderr, where the person
    reads the question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_before(question: str, *, yes: bool) -> None:
    """Ask a person at a terminal before a command deletes something, unless they said ``yes``
    already. Raises click.Abort when they decline. Where nobody can be asked (see `may_ask`), the
    command goes on."""
    import click  # noqa: PLC0415  (a server needs none)

    if not yes and may_ask():
        click.confirm(question, abort=True, err=True)


@hookspec
def register_settings(section: Section) -> None:
    """Declare your section of the settings, such as ``channels.sms``.

    Called once, before all other hooks, even for packages that will stay disabled. Call
    ``section(name, Model, aliases)``: the section is validated with the model, and each mistake
    is reported with file, line and key. ``aliases`` maps environment variables without our prefix
    to fields: ``{"TWILIO_AUTH_TOKEN": "auth_token"}``. ``settings.section(Model)`` is None later
    if the section is not configured.
    """


@hookspec
def register_commands(register: Callable[[click.Command], None]) -> None:
    """Register commands for the ``warmline`` command line, such as ``warmline slack manifest``.

    Called once when the command line starts. A name that is already used is an error. A command
    that needs the database takes click's object (``@click.pass_obj``), an `OpenServices`:
    ``async with open_services(config) as (services, settings)``. No messages are handled or sent
    meanwhile.
    """


@hookspec
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    """Register channels.

    Called once at start-up. Register nothing if ``settings.section(YourModel)`` is None. A name
    that is already used stops the start-up. A channel may also have the members of `Sender`,
    `HttpRoutes`, `Poller`, `ReadinessProbe` or `Reconciler`.
    """


@hookspec
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    """Register handlers that may answer turns.

    Called once at start-up, before any message is accepted. Handlers are tried in the order of
    their ``priority``, lowest first. Register nothing if the plugin is not configured.
    """


@hookspec
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    """Register engines that find language, intent and emotion.

    Called once at start-up. Do not load models here, because the server waits. Load them in
    ``warm`` (`Warmable`) or in a `Poller`, and report in ``trouble`` that they are not ready yet.
    """


@hookspec
def register_context(register: Callable[[ContextSource], None], settings: Settings) -> None:
    """Register sources of what is known about a customer before the message is read.

    Called once at start-up. A source that raises or exceeds ``worker.context_timeout`` is left
    out of that turn, and counted.
    """


@hookspec
def register_voice(register: Callable[[Voice], None], settings: Settings) -> None:
    """Register the brand voice. Called once at start-up. There must be exactly one."""


@hookspec
def register_routes(
    register: Callable[
        [HttpRoutes | Poller | ExclusiveTask | WebhookSubscriber | MailReader], None
    ],
    settings: Settings,
) -> None:
    """Register HTTP routes, background tasks, webhook subscribers and a reader of mails that belong
    to no channel.

    Called once at start-up. Two routes with the same method and path stop it. One object may be
    several of these.
    """


@hookspec
def register_desk_pages(register: Callable[[DeskPageProvider], None], settings: Settings) -> None:
    """Register pages of the web desk. Called once at start-up.

    The desk serves them, with its session, its header and its menu. A path that the desk or
    another plugin has stops the start-up. Without the desk nobody sees them.
    """


@hookspec
def register_readiness(register: Callable[[str, Readiness], None], settings: Settings) -> None:
    """Register checks for ``GET /readyz``: a name and a `Readiness`.

    Called once at start-up. Each check is awaited at every request, for at most two seconds.
    While one returns a text, raises or does not answer in time, ``/readyz`` answers 503, and the
    process gets no traffic.
    """
