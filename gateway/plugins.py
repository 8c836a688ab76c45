"""Who is installed, and asking each guest once for what it offers.

Our own packages and a stranger's come in by the same door: entry points of the group
``warmline``. There is no other list.
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
    sites: Sequence[HttpRoutes | Poller | WebhookSubscriber]
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

    def __init__(self, guests: Iterable[InstalledPlugin]) -> None:
        self.all = tuple(guests)
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for guest in self.all:
            self._manager.register(guest.module, name=guest.name)
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise BadPlugin(f"{error}; the hooks are listed in gateway/hookspecs.py") from None

    def declared(self) -> list[DeclaredSection]:
        """The sections of the settings that guests declare."""
        sections: list[DeclaredSection] = []

        def collect(guest: InstalledPlugin) -> Callable[..., None]:
            def section(
                name: str, model: type[BaseModel], aliases: Mapping[str, str] | None = None
            ) -> None:
                if any(one.name == name for one in sections):
                    raise BadPlugin(f"{guest.name} declares {name}, which is taken")
                sections.append(
                    DeclaredSection(
                        name=name, model=model, aliases=dict(aliases or {}), package=guest.package
                    )
                )

            return section

        for guest in self.all:
            self._ask(guest, "register_settings", section=collect(guest))
        return sections

    def commands(self) -> dict[str, click.Command]:
        """Commands that guests offer, by name."""
        found: dict[str, click.Command] = {}

        def register(command: click.Command) -> None:
            if command.name is None or command.name in found:
                raise BadPlugin(f"the command {command.name} is taken")
            found[command.name] = command

        for guest in self.all:
            self._ask(guest, "register_commands", register=register)
        return found

    def offers(self, settings: Settings) -> Registrations:
        """Second pass: everything else, with the settings."""
        taken = _Taken()
        for guest in self.all:
            for hook, register in taken.registers(guest.name):
                self._ask(guest, hook, register=register, settings=settings)
        offers = taken.offers()
        _introduce(offers)
        return offers

    def _ask(self, guest: InstalledPlugin, hook: str, **arguments: object) -> None:
        caller = self._manager.subset_hook_caller(
            hook, [other.module for other in self.all if other is not guest]
        )
        try:
            caller(**arguments)
        except WarmlineError:
            raise
        except Exception as error:
            raise BadPlugin(f"{guest.name} ({guest.package}): {hook} raised: {error!r}") from error


def _introduce(offers: Registrations) -> None:
    """What the voice's guide says of how customers speak goes to the engines that listen."""
    if isinstance(offers.voice, PhraseSource):
        phrases = offers.voice.phrases()
        for engine in offers.understanders:
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
        self.sites: list[HttpRoutes | Poller | WebhookSubscriber] = []
        self.checks: dict[str, Readiness] = {}
        self.by: dict[str, list[str]] = {}

    def registers(self, guest: str) -> list[tuple[str, Callable[..., None]]]:
        said = self.by.setdefault(guest, [])

        def into(kind: str, found: list[T]) -> Callable[[T], None]:
            def register(one: T) -> None:
                found.append(one)
                said.append(f"{kind} {getattr(one, 'name', type(one).__name__)}")

            return register

        def channel(one: Channel) -> None:
            if one.name in self.channels:
                raise BadPlugin(f"{guest} offers the channel {one.name}, which is taken")
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
            ("register_routes", into("pages", self.sites)),
            ("register_readiness", check),
        ]

    def offers(self) -> Registrations:
        if len(self.voices) != 1:
            names = ", ".join(voice.name for voice in self.voices) or "none"
            raise BadPlugin(f"there must be exactly one brand voice; found: {names}")
        return Registrations(
            channels=self.channels,
            handlers=self.handlers,
            understanders=self.understanders,
            sources=self.sources,
            voice=self.voices[0],
            sites=self.sites,
            checks=self.checks,
            by=self.by,
        )
