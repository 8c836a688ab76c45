"""``warmline init``: a new shop's folder; and the page on which its chat is tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from pydantic import BaseModel, ConfigDict, Field

from gateway import HttpRoutes, Section, Settings, hookimpl
from plugins.start.command import init

__all__ = ["StartSettings"]


class StartSettings(BaseModel):
    """Section ``plugins.start``."""

    model_config = ConfigDict(extra="forbid")

    page: Path = Field(description="an HTML file beside the settings, shown at `/`")


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.start", StartSettings, {})


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(init)


@hookimpl
def register_routes(register: Callable[[HttpRoutes], None], settings: Settings) -> None:
    if section := settings.section(StartSettings):
        from plugins.start.page import FirstPage  # noqa: PLC0415  (a web server)

        page = settings.path(section.page)
        register(FirstPage(page, public_url=settings.core.public_url))
