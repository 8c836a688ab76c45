"""The web desk: people see who is waiting, take conversations over and answer."""

from __future__ import annotations

from collections.abc import Callable

import click

from gateway import (
    BadConfig,
    ExclusiveTask,
    HttpRoutes,
    Poller,
    Problem,
    Section,
    Settings,
    hookimpl,
)
from plugins.agents_desk.command import desk
from plugins.agents_desk.settings import DeskSettings, DeskUser
from plugins.agents_desk.site import WebDesk

__all__ = ["DeskSettings", "DeskUser", "WebDesk"]


@hookimpl
def register_settings(section: Section) -> None:
    names = {"SLACK_CLIENT_ID": "slack_client_id", "SLACK_CLIENT_SECRET": "slack_client_secret"}
    section("plugins.agents_desk", DeskSettings, names)


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(desk)


@hookimpl
def register_routes(
    register: Callable[[HttpRoutes | ExclusiveTask | Poller], None], settings: Settings
) -> None:
    if section := settings.section(DeskSettings):
        _check_brands(section, settings)
        register(
            WebDesk(
                settings=section,
                data_dir=settings.data_dir,
                public_url=settings.core.public_url,
                longest=settings.core.limits.text,
                largest=settings.core.limits.attachment,
                proxies=settings.core.proxies,
            )
        )


def _check_brands(section: DeskSettings, settings: Settings) -> None:
    """Raises BadConfig when a person is limited to a brand that does not exist."""
    problems = [
        Problem(
            file="settings",
            line=0,
            key=f"plugins.agents_desk.users.{number}.brands",
            message=f"there is no brand {brand}; name one of `brands`",
        )
        for number, user in enumerate(section.users)
        for brand in user.brands
        if brand not in settings.core.brands
    ]
    if problems:
        raise BadConfig(problems)
