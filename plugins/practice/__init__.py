"""Practice: an agent trains with a simulated customer, and looks back at what moved the mood."""

from __future__ import annotations

from collections.abc import Callable

from gateway import (
    DeskPageProvider,
    ExclusiveTask,
    HttpRoutes,
    Poller,
    Section,
    Settings,
    hookimpl,
)
from plugins.practice.settings import PracticeSettings

__all__ = ["PracticeSettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.practice", PracticeSettings, {})


@hookimpl
def register_routes(
    register: Callable[[HttpRoutes | ExclusiveTask | Poller], None], settings: Settings
) -> None:
    if section := settings.section(PracticeSettings):
        from plugins.practice.choosing import ScenarioChoice  # noqa: PLC0415
        from plugins.practice.provider import PracticePages  # noqa: PLC0415

        register(ScenarioChoice(settings=section))
        register(PracticePages())


@hookimpl
def register_desk_pages(register: Callable[[DeskPageProvider], None], settings: Settings) -> None:
    if settings.section(PracticeSettings):
        from plugins.practice.provider import PracticePages  # noqa: PLC0415

        register(PracticePages())
