"""What this package registers."""

from __future__ import annotations

from collections.abc import Callable

from gateway import HttpRoutes, Poller, Section, Settings, Understander, hookimpl

from .config import NluLocalSettings


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.nlu_local", NluLocalSettings, {})


@hookimpl
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    if mine := settings.section(NluLocalSettings):
        register(mine.understander(settings))


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if mine := settings.section(NluLocalSettings):
        register(mine.understander(settings))
