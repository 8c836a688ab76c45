"""Amazon Lex V2 beside the embedded engine: its intents."""

from __future__ import annotations

from collections.abc import Callable

from gateway import HttpRoutes, Poller, Section, Settings, Understander, hookimpl

from .engine import LexError, NluLex
from .settings import LexSettings

__all__ = ["LexError", "LexSettings", "NluLex"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.nlu_lex", LexSettings, {})


@hookimpl
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    if mine := settings.section(LexSettings):
        register(mine.engine())


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if mine := settings.section(LexSettings):
        register(mine.engine())
