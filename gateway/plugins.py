"""Finds the installed plugins and collects what they register.

A plugin is a package with an entry point in the group ``warmline``. There is no other list: the
packages that come with Warmline are found in the same way as anybody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import pluggy
from pydantic import BaseModel

from gateway import hookspecs
from gateway.hookspecs import PROJECT, Readiness
from gateway.ports import (
    Channel,
    ContextSource,
    Handler,
    HttpRoutes,
    PhraseConsumer,
    PhraseSource,
    Poller,
    Understander,
    Voice,
    WarmlineError,
    WebhookSubscriber,
)
from gateway.settings import DeclaredSection, Settings

T = TypeVar("T")


class BadPlugin(WarmlineError):
    """A package's hook raised, is misspelt, or offers what cannot be taken; names the package."""


class InstalledPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """An installed package: ``name`` of its entry point, its module, and where it comes from."""

    name: str
    module: Any
    package: str = ""
    version: str = ""


class Registrations(msgspec.Struct, frozen=True, kw_only=True):
    """All that the guests registered."""

    channels: Mapping[str, Channel]
    handlers: Sequence[Handler]
    understanders: Sequence[Understander]
    sources: Sequence[ContextSource]
    voice: Voice
    components: Sequence[HttpRoutes | Poller | WebhookSubscriber]
    checks: Mapping[str, Readiness]
    by: Mapping[str, Sequence[str]]
    """Guest name -> what it registered, in words."""


def installed_plugins() -> tuple[InstalledPlugin, ...]:
    """Every package with an entry point in the group ``warmline``, by name.

    Raises BadGuest when one cannot be imported.
    """
    found = sorted(entry_points(group=PROJECT), key=lambda point: point.name)
    return tuple(_load(point) for point in found)


def default_config() -> Path | None:
    """The configuration that an installed package offers when none was named."""
    points = entry_points(group=f"{PROJECT}.config", name="default")
    for point in points:
        offered = point.load()()
        return Path(offered)
    return None


def _load(point: EntryPoint) -> InstalledPlugin:
    try:
        module = point.load()
    except Exception as error:
        raise BadPlugin(f"{point.name} ({point.value}) cannot be imported: {error}") from error
    distribution = point.dist
    return InstalledPlugin(
        name=point.name,
        module=module,
        package=distribution.name if distribution else "",
        version=distribution.version if distribution else "",
    )


class PluginRegistry:
    """The installed guests behind one plugin manager, made for one start-up."""

    def __init__(self, plugins: Iterable[InstalledPlugin]) -> None:
        self.all = tuple(plugins)
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for plugin in self.all:
            self._manager.register(plugin.module, name=plugin.name)
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise BadPlugin(f"{error}; the hooks are listed in gateway/hookspecs.py") from None

    def declared(self) -> list[DeclaredSection]:
        """The sections of the settings that guests declare."""
        sections: list[DeclaredSection] = []

        def collect(plugin: InstalledPlugin) -> Callable[..., None]:
            def section(
                name: str, model: type[BaseModel], aliases: Mapping[str, str] | None = None
            ) -> None:
                if any(one.name == name for one in sections):
                    raise BadPlugin(f"{plugin.name} declares {name}, which is taken")
                sections.append(
                    DeclaredSection(
                        name=name, model=model, aliases=dict(aliases or {}), package=plugin.package
                    )
                )

            return section

        for plugin in self.all:
            self._ask(plugin, "register_settings", section=collect(plugin))
        return sections

    def commands(self) -> dict[str, click.Command]:
        """Commands that guests offer, by name."""
        found: dict[str, click.Command] = {}

        def register(command: click.Command) -> None:
            if command.name is None or command.name in found:
                raise BadPlugin(f"the command {command.name} is taken")
            found[command.name] = command

        for plugin in self.all:
            self._ask(plugin, "register_commands", register=register)
        return found

    def registrations(self, settings: Settings) -> Registrations:
        """Second pass: everything else, with the settings."""
        taken = _Taken()
        for plugin in self.all:
            for delivery, register in taken.registers(plugin.name):
                self._ask(plugin, delivery, register=register, settings=settings)
        registrations = taken.registrations()
        _introduce(registrations)
        return registrations

    def _ask(self, plugin: InstalledPlugin, delivery: str, **arguments: object) -> None:
        caller = self._manager.subset_hook_caller(
            delivery, [other.module for other in self.all if other is not plugin]
        )
        try:
            caller(**arguments)
        except WarmlineError:
            raise
        except Exception as error:
            raise BadPlugin(
                f"{plugin.name} ({plugin.package}): {delivery} raised: {error!r}"
            ) from error


def _introduce(registrations: Registrations) -> None:
    """What the voice's guide says of how customers speak goes to the engines that listen."""
    if isinstance(registrations.voice, PhraseSource):
        phrases = registrations.voice.phrases()
        for engine in registrations.understanders:
            if isinstance(engine, PhraseConsumer):
                engine.hear(phrases)


class _Taken:
    """Collects what is registered, and refuses what does not fit."""

    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}
        self.handlers: list[Handler] = []
        self.understanders: list[Understander] = []
        self.sources: list[ContextSource] = []
        self.voices: list[Voice] = []
        self.components: list[HttpRoutes | Poller | WebhookSubscriber] = []
        self.checks: dict[str, Readiness] = {}
        self.by: dict[str, list[str]] = {}

    def registers(self, plugin: str) -> list[tuple[str, Callable[..., None]]]:
        said = self.by.setdefault(plugin, [])

        def into(kind: str, found: list[T]) -> Callable[[T], None]:
            def register(one: T) -> None:
                found.append(one)
                said.append(f"{kind} {getattr(one, 'name', type(one).__name__)}")

            return register

        def channel(one: Channel) -> None:
            if one.name in self.channels:
                raise BadPlugin(f"{plugin} offers the channel {one.name}, which is taken")
            self.channels[one.name] = one
            said.append(f"channel {one.name}")

        def check(name: str, ready: Readiness) -> None:
            self.checks[name] = ready
            said.append(f"readiness {name}")

        return [
            ("register_channels", channel),
            ("register_handlers", into("handler", self.handlers)),
            ("register_understanders", into("understander", self.understanders)),
            ("register_context", into("context", self.sources)),
            ("register_voice", into("voice", self.voices)),
            ("register_routes", into("pages", self.components)),
            ("register_readiness", check),
        ]

    def registrations(self) -> Registrations:
        if len(self.voices) != 1:
            names = ", ".join(voice.name for voice in self.voices) or "none"
            raise BadPlugin(f"there must be exactly one brand voice; found: {names}")
        return Registrations(
            channels=self.channels,
            handlers=self.handlers,
            understanders=self.understanders,
            sources=self.sources,
            voice=self.voices[0],
            components=self.components,
            checks=self.checks,
            by=self.by,
        )
