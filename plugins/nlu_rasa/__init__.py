"""Rasa beside the embedded engine: its NLU and, if wanted, its dialogue."""

from __future__ import annotations

from collections.abc import Callable

import click

from gateway import Handler, HttpRoutes, Poller, Section, Settings, Understander, hookimpl

from .client import RasaClient, RasaError
from .command import rasa
from .engine import RasaDialogue, RasaUnderstander
from .settings import RasaSettings

__all__ = ["RasaClient", "RasaDialogue", "RasaError", "RasaSettings", "RasaUnderstander"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.nlu_rasa", RasaSettings, {"RASA_URL": "url"})


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(rasa)


@hookimpl
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    if section := settings.section(RasaSettings):
        register(section.understander)


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if section := settings.section(RasaSettings):
        register(section.understander)


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if (section := settings.section(RasaSettings)) and section.dialogue:
        register(RasaDialogue(client=section.client))
