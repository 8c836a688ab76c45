"""Rasa beside the embedded engine: its NLU, and its dialogue if wanted."""

from __future__ import annotations

from collections.abc import Callable

import click

from gateway import Handler, HttpRoutes, Poller, Section, Settings, Understander, hookimpl

from .client import Client, RasaError
from .command import rasa
from .dialogue import RasaDialogue
from .engine import NluRasa
from .settings import RasaSettings

__all__ = ["Client", "NluRasa", "RasaDialogue", "RasaError", "RasaSettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.nlu_rasa", RasaSettings, {"RASA_URL": "url"})


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(rasa)


@hookimpl
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    if mine := settings.section(RasaSettings):
        register(mine.engine())


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if mine := settings.section(RasaSettings):
        register(mine.engine())


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if (mine := settings.section(RasaSettings)) and mine.dialogue:
        register(RasaDialogue(mine.client()))
