"""Google Dialogflow ES beside the embedded engine: its intents."""

from __future__ import annotations

from collections.abc import Callable

from gateway import HttpRoutes, Poller, Section, Settings, Understander, hookimpl

from .engine import DialogflowError, NluDialogflow
from .settings import DialogflowSettings

__all__ = ["DialogflowError", "DialogflowSettings", "NluDialogflow"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.nlu_dialogflow", DialogflowSettings, {})


@hookimpl
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    if mine := settings.section(DialogflowSettings):
        register(mine.engine(settings))


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if mine := settings.section(DialogflowSettings):
        register(mine.engine(settings))
