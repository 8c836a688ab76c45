"""Finds the installed plugins and collects what they register.

A plugin is a package with an entry point in the group ``warmline``. There is no other list: the
packages that come with Warmline are found in the same way as anybody else's.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import click
import msgspec
import pluggy
from pydantic import BaseModel

from gateway import hookspecs
from gateway.hookspecs import PROJECT, Readiness
from gateway.model import channel_key
from gateway.ports import (
    AlarmReceiver,
    Channel,
    ContextSource,
    CustomerDataHolder,
    DeskPageProvider,
    DigestReceiver,
    ExampleEvaluator,
    ExclusiveTask,
    Handler,
    HealthCheck,
    HttpRoutes,
    Lifecycle,
    MailReader,
    NeedsServices,
    NeedsSetup,
    NeedsTeardown,
    PhraseConsumer,
    PhraseSource,
    Poller,
    ReadinessProbe,
    Sender,
    StartupHints,
    StartupResource,
    SupportAddressChannel,
    Traits,
    Understander,
    Voice,
    WarmlineError,
    WebhookSubscriber,
)
from gateway.settings import BadConfig, DeclaredSection, Problem, Settings

CHANNEL_NAME = re.compile(r"[A-Za-z0-9_.-]+")
"""Without ``:`` and ``/``, which separate the parts of a lane's key."""

MEMBERS: Mapping[str, tuple[str, ...]] = {
    "channel": ("name", "traits"),
    "handler": ("name", "priority", "handle"),
    "understander": ("name", "priority", "understand"),
    "context": ("name", "gather"),
    "voice": ("name", "render", "lint", "schema", "check_guide"),
    "desk pages": ("desk_pages",),
}
"""What each kind of registered object must have; see the Protocols in gateway.ports."""
COMPONENTS = (
    HttpRoutes,
    Poller,
    ExclusiveTask,
    WebhookSubscriber,
    AlarmReceiver,
    CustomerDataHolder,
    DigestReceiver,
    ExampleEvaluator,
    HealthCheck,
    Lifecycle,
    MailReader,
    NeedsServices,
    NeedsSetup,
    NeedsTeardown,
    ReadinessProbe,
    StartupHints,
    StartupResource,
)
"""What an object that is registered with `register_routes` may be, one or several of them."""


_OURS = tuple(
    str(Path(str(module.__file__)).parent) + os.sep for module in (hookspecs, importlib, pluggy)
)
"""Folders whose lines say nothing about a mistake in a plugin."""
_LIBRARIES = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "purelib", "platlib")})


class InstalledPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """An installed plugin: the name of its entry point and what it points to, its module, and its
    package (the distribution)."""

    name: str
    module: Any
    value: str = ""
    package: str = ""
    version: str = ""

    @property
    def remedy(self) -> str:
        """What to do about a mistake in its code; empty when no package holds it, as in tests."""
        if not self.value:
            return ""
        found = f"it is `{self.name} = {self.value}` of the package {self.package} {self.version}"
        if self.package == PROJECT:
            return f"{found}: install it again; if that does not help, report it"
        return (
            f"{found}: correct its code, update it (`pip install --upgrade {self.package}`), or "
            f"remove it (`pip uninstall {self.package}`)"
        )


class BadPlugin(WarmlineError):
    """A plugin cannot be imported, its hook raised or is misspelt, or it registers something that
    the gateway cannot use. The message names ``plugin``, and what to do; without a ``plugin`` the
    mistake is not in a package's code."""

    def __init__(self, what: str, plugin: InstalledPlugin | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.plugin = plugin

    def __str__(self) -> str:
        remedy = self.plugin.remedy if self.plugin else ""
        return f"{self.what}; {remedy}" if remedy else self.what


class Registrations(msgspec.Struct, frozen=True, kw_only=True):
    """What the plugins registered."""

    channels: dict[str, Channel] = {}
    """By `Address.channel_key`: ``sms``, ``sms/sales``."""
    handlers: list[Handler] = []
    understanders: list[Understander] = []
    sources: list[ContextSource] = []
    voices: list[Voice] = []
    components: list[HttpRoutes | Poller | WebhookSubscriber] = []
    desk_pages: list[DeskPageProvider] = []
    checks: dict[str, Readiness] = {}
    plugins: dict[str, InstalledPlugin] = {}
    """By name."""
    owners: dict[int, str] = {}
    """The name of the plugin that registered an object, by the object's ``id()``."""
    by: dict[str, list[str]] = {}
    """What each plugin registered, for people to read, by the plugin's name."""

    @property
    def voice(self) -> Voice:
        """The brand voice. Raises BadPlugin unless there is exactly one."""
        if len(self.voices) != 1:
            names = ", ".join(voice.name for voice in self.voices) or "none"
            raise BadPlugin(
                f"exactly one brand voice must be awake, found: {names}; see `warmline plugins`"
            )
        return self.voices[0]


def installed_plugins() -> tuple[InstalledPlugin, ...]:
    """Every package with an entry point in the group ``warmline``, sorted by name.

    Raises BadPlugin if one cannot be imported.
    """
    found = sorted(entry_points(group=PROJECT), key=lambda point: point.name)
    return tuple(_load(point) for point in found)


def default_config() -> Path | None:
    """The configuration that an installed package provides for when none is named."""
    for point in entry_points(group=f"{PROJECT}.config", name="default"):
        return Path(point.load()())
    return None


def _load(point: EntryPoint) -> InstalledPlugin:
    distribution = point.dist
    plugin = InstalledPlugin(
        name=point.name,
        module=None,
        value=point.value,
        package=distribution.name if distribution else "",
        version=distribution.version if distribution else "",
    )
    try:
        module = point.load()
    except (Exception, SystemExit) as error:
        what = f"{point.name} cannot be imported: {error!r}{place_of(error, plugin)}"
        raise BadPlugin(what, plugin) from error
    return msgspec.structs.replace(plugin, module=module)


def place_of(error: BaseException, plugin: InstalledPlugin | None = None) -> str:
    """Where ``error`` was raised, as `` at FILE:LINE``: the last line of the code of ``plugin``,
    else the last one that is in no library, else the last one outside of the gateway; else
    empty."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [
        frame
        for frame in frames
        if not frame.filename.startswith(("<", *_OURS)) and frame.lineno is not None
    ]
    code = _code_of(plugin) if plugin else ()
    own = [frame for frame in outside if frame.filename.startswith(code)]
    no_library = [frame for frame in outside if not frame.filename.startswith(_LIBRARIES)]
    found = own or no_library or outside
    return f" at {found[-1].filename}:{found[-1].lineno}" if found else ""


def _code_of(plugin: InstalledPlugin) -> tuple[str, ...]:
    """The folders, or the file, of the package of Python that holds ``plugin``."""
    module = plugin.value.partition(":")[0] or getattr(plugin.module, "__name__", "")
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return ()
    if spec is None:
        return ()
    folders = [folder + os.sep for folder in spec.submodule_search_locations or ()]
    return tuple(folders or [spec.origin or "<"])


class PluginRegistry:
    """The installed plugins of one start-up, with a plugin manager (pluggy) of their own."""

    def __init__(self, plugins: Iterable[InstalledPlugin]) -> None:
        """Raises BadPlugin for a hook that does not exist, or is not as its specification says."""
        self.all = tuple(plugins)
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        try:
            for plugin in self.all:
                self._manager.register(plugin.module, name=plugin.name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            plugin = next(each for each in self.all if each.module is error.plugin)
            what = " ".join(str(error).split())
            if what.startswith("unknown hook"):
                what, _, _ = what.partition(" in plugin")
            message = f"{plugin.name}: {what}; the hooks are listed in docs/plugins.md"
            raise BadPlugin(message, plugin) from None

    def declared(self) -> list[DeclaredSection]:
        """The sections of the settings that plugins declare."""
        sections: dict[str, DeclaredSection] = {}

        def collect(plugin: InstalledPlugin) -> Callable[..., None]:
            def section(
                name: str, model: type[BaseModel], aliases: Mapping[str, str] | None = None
            ) -> None:
                if name in sections:
                    raise BadPlugin(f"{plugin.name} declares the section {name} a second time")
                sections[name] = DeclaredSection(
                    name=name, model=model, aliases=dict(aliases or {}), package=plugin.package
                )

            return section

        for plugin in self.all:
            self._call(plugin, "register_settings", section=collect(plugin))
        return list(sections.values())

    def commands(self) -> dict[str, click.Command]:
        """The commands that plugins offer, by name."""
        found: dict[str, click.Command] = {}

        def register(command: click.Command) -> None:
            if command.name is None or command.name in found:
                raise BadPlugin(f"two plugins offer the command {command.name}; remove one")
            found[command.name] = command

        for plugin in self.all:
            self._call(plugin, "register_commands", register=register)
        return found

    def registrations(self, settings: Settings) -> Registrations:
        """Everything else that the plugins register for these settings."""
        found = Registrations(plugins={plugin.name: plugin for plugin in self.all})
        for plugin in self.all:
            for hook, register in _register_callbacks(found, plugin.name):
                self._call(plugin, hook, register=register, settings=settings)
        share_phrases(found)
        return found

    def try_registrations(self, settings: Settings) -> tuple[Registrations, list[Problem]]:
        """As `registrations`, without what has mistakes, and those mistakes."""
        found = Registrations(plugins={plugin.name: plugin for plugin in self.all})
        problems = list[Problem]()
        for plugin in self.all:
            for hook, register in _register_callbacks(found, plugin.name):
                try:
                    self._call(plugin, hook, register=register, settings=settings)
                except BadConfig as bad:
                    problems += bad.problems
                except BadPlugin:
                    raise
                except WarmlineError as error:
                    problems.append(_of_plugin(settings, plugin.name, str(error)))
        return found, list(dict.fromkeys(problems))

    def _call(self, plugin: InstalledPlugin, hook: str, **arguments: object) -> None:
        """Call ``hook`` of this plugin alone."""
        caller = self._manager.subset_hook_caller(
            hook, [other.module for other in self.all if other is not plugin]
        )
        try:
            caller(**arguments)
        except BadPlugin as error:
            error.plugin = plugin
            raise
        except WarmlineError:
            raise
        except (Exception, SystemExit) as error:
            what = f"{plugin.name}: {hook} raised {error!r}{place_of(error, plugin)}"
            raise BadPlugin(what, plugin) from error


def _of_plugin(settings: Settings, plugin: str, message: str) -> Problem:
    """A mistake that a plugin tells in words alone; they may begin with the setting's key."""
    key, _, what = message.partition(": ")
    if not re.fullmatch(r"[a-z_]+(\.\w+)+", key):
        key, what = plugin, message
    return Problem(file=str(settings.file or "settings"), line=0, key=key, message=what)


def _support_address(channel: object) -> str:
    return channel.support_address if isinstance(channel, SupportAddressChannel) else ""


def share_phrases(registrations: Registrations) -> None:
    """Pass the phrases of the brand voice's guide to the engines that can look for them."""
    if isinstance(registrations.voice, PhraseSource):
        phrases = registrations.voice.phrases()
        for engine in registrations.understanders:
            if isinstance(engine, PhraseConsumer):
                engine.use_phrases(phrases)


def check_members(plugin: str, kind: str, item: object) -> None:
    """Raises BadPlugin when ``item`` cannot be a ``kind``: it is a class, or lacks members."""
    if isinstance(item, type):
        raise BadPlugin(
            f"{plugin} registers the class {item.__name__} as {kind}; register an object of it:"
            f" `register({item.__name__}(...))`"
        )
    what = f"{plugin} registers {type(item).__name__} as {kind}"
    if missing := [name for name in MEMBERS.get(kind, ()) if not hasattr(item, name)]:
        raise BadPlugin(f"{what}, which lacks {', '.join(missing)}; see docs/plugins.md")
    if kind == "channel" and isinstance(item, Channel):
        check_sending(what, item)
    if kind == "component" and not isinstance(item, COMPONENTS):
        names = ", ".join(protocol.__name__ for protocol in COMPONENTS)
        raise BadPlugin(f"{what}, which is none of {names}; are its methods named like theirs?")


def check_sending(what: str, channel: Channel) -> None:
    """Raises BadPlugin when messages could neither be sent through ``channel`` nor fetched."""
    if not isinstance(channel.traits, Traits):
        raise BadPlugin(f"{what}, whose traits are no Traits; see docs/plugins.md")
    if not channel.traits.mailbox and not isinstance(channel, Sender):
        raise BadPlugin(
            f"{what}, which lacks send; add it, or say `Traits(mailbox=True)` if customers fetch"
            " their messages; see docs/plugins.md"
        )


def _register_callbacks(
    found: Registrations, plugin: str
) -> Iterator[tuple[str, Callable[..., None]]]:
    """Each hook with the callback that adds what ``plugin`` registers to ``found``."""
    summary = found.by.setdefault(plugin, [])

    def register_channel(channel: Channel) -> None:
        check_members(plugin, "channel", channel)
        key = channel_key(channel.name, _support_address(channel))
        if not CHANNEL_NAME.fullmatch(channel.name):
            raise BadPlugin(f"{plugin} offers a channel named {channel.name!r}; use a-z, 0-9, _, -")
        if key in found.channels:
            raise BadPlugin(f"{plugin} offers a second channel named {key}; remove one")
        found.channels[key] = channel
        found.owners[id(channel)] = plugin
        summary.append(f"channel {key}")

    def register_check(name: str, check: Readiness) -> None:
        found.checks[name] = check
        summary.append(f"readiness {name}")

    def append_to(items: list[Any], kind: str) -> Callable[[Any], None]:
        def register(item: Any) -> None:
            check_members(plugin, kind, item)
            items.append(item)
            found.owners.setdefault(id(item), plugin)
            summary.append(f"{kind} {getattr(item, 'name', type(item).__name__)}")

        return register

    yield "register_channels", register_channel
    yield "register_handlers", append_to(found.handlers, "handler")
    yield "register_understanders", append_to(found.understanders, "understander")
    yield "register_context", append_to(found.sources, "context")
    yield "register_voice", append_to(found.voices, "voice")
    yield "register_routes", append_to(found.components, "component")
    yield "register_desk_pages", append_to(found.desk_pages, "desk pages")
    yield "register_readiness", register_check
