"""Knowledge: the team's own sources, and answers that rest on them."""

from __future__ import annotations

from collections.abc import Callable

import click

from gateway import (
    DeskPageProvider,
    ExclusiveTask,
    Handler,
    HttpRoutes,
    Poller,
    Section,
    Settings,
    hookimpl,
)
from plugins.knowledge.commands import knowledge
from plugins.knowledge.settings import KnowledgeSettings

__all__ = ["KnowledgeSettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.knowledge", KnowledgeSettings, {"OPENAI_API_KEY": "api_key"})


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(knowledge)


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if section := settings.section(KnowledgeSettings):
        register(section.answers(settings))


@hookimpl
def register_routes(
    register: Callable[[HttpRoutes | ExclusiveTask | Poller], None], settings: Settings
) -> None:
    if section := settings.section(KnowledgeSettings):
        from plugins.knowledge.pages import SourcePages  # noqa: PLC0415  (a web server)
        from plugins.knowledge.sources.recheck import SourceRecheck  # noqa: PLC0415

        register(section.answers(settings))
        register(SourceRecheck(settings=section, folder=settings.base))
        register(SourcePages(settings=section))
        register(section.search)


@hookimpl
def register_desk_pages(register: Callable[[DeskPageProvider], None], settings: Settings) -> None:
    if section := settings.section(KnowledgeSettings):
        from plugins.knowledge.pages import SourcePages  # noqa: PLC0415  (a web server)

        register(SourcePages(settings=section))
