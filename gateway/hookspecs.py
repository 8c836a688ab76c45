"""Every hook, and nothing else: hooks only register.

At start-up each woken package is asked once, in two passes: first `register_settings` and
`register_commands`, then all others with the settings it asked for. What is registered is an
ordinary typed object; afterwards the services await those and pluggy is out of the picture.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy
from pydantic import BaseModel

from gateway.ports import (
    Channel,
    ContextSource,
    Handler,
    HttpRoutes,
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
Readiness = Callable[[], Awaitable[str | None]]
OpenServices = Callable[[Path | None], AbstractAsyncContextManager[tuple[Services, Settings]]]


@hookspec
def register_settings(section: Section) -> None:
    """Declare your section of the settings, such as ``channels.sms``.

    Called once, before all other hooks, also for packages that will stay asleep. Call
    ``section(name, Model, aliases)``: the model is validated against the section (unknown keys
    are errors that name file, line and key); ``aliases`` maps bare environment names to its
    fields, ``{"TWILIO_AUTH_TOKEN": "auth_token"}``. A section that nobody configured is None
    later. An exception here stops the start-up and names your package.
    """


@hookspec
def register_commands(register: Callable[[click.Command], None]) -> None:
    """Offer commands for the ``warmline`` command line, such as ``warmline slack manifest``.

    Called once when the command line starts. A name that is taken stops it. A command that needs
    the database takes click's object (``@click.pass_obj``), an `OpenServices`: called with the path of
    the settings, or None, it opens the house for as long as ``async with`` lasts; nothing is
    worked meanwhile.
    """


@hookspec
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    """Offer channels by which customers reach us.

    Called once at start-up. Register nothing when ``settings.section(YourModel)`` is None. Two
    channels of one name stop the start-up. What else a channel can do it says by its members
    (`Sender`, `HttpRoutes`, `Poller`, `ReadinessProbe`, `Reconciler`).
    """


@hookspec
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    """Offer handlers that may answer a turn.

    Called once at start-up, before any message is taken. They are tried in the order of their
    ``priority``, lowest first. Register nothing when ``settings`` lack what you need.
    """


@hookspec
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    """Offer engines that tell language, intent and emotion.

    Called once at start-up. Do not load models here: the server waits. Load when first asked,
    or in a `Poller`, and say in ``trouble`` that you are not ready yet.
    """


@hookspec
def register_context(register: Callable[[ContextSource], None], settings: Settings) -> None:
    """Offer sources of what is known of a customer before the message is read.

    Called once at start-up. A source that raises or takes too long is left out of that turn,
    and counted.
    """


@hookspec
def register_voice(register: Callable[[Voice], None], settings: Settings) -> None:
    """Offer the brand voice. Called once at start-up; there must be exactly one."""


@hookspec
def register_routes(
    register: Callable[[HttpRoutes | Poller | WebhookSubscriber], None], settings: Settings
) -> None:
    """Offer pages, work that runs beside the server, or a tenant of another guest's door, that
    belong to no channel.

    Called once at start-up. Two routes with the same method and path stop it. One object may be
    several of these.
    """


@hookspec
def register_readiness(register: Callable[[str, Readiness], None], settings: Settings) -> None:
    """Offer checks for ``GET /readyz``: a name, and a coroutine function that gives None when
    all is well, else what is wrong in words.

    Called once at start-up; each check is awaited at every request, for at most two seconds.
    """
