"""What happened to customers and agents: measures, the report, reviews, and what is learnt."""

from __future__ import annotations

from collections.abc import Callable

from gateway import DeskPageProvider, ExclusiveTask, HttpRoutes, Section, Settings, hookimpl
from plugins.insights.review.job import ReviewSampling
from plugins.insights.review.pages import ReviewPages
from plugins.insights.settings import InsightsSettings

__all__ = ["InsightsSettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.insights", InsightsSettings, {})


@hookimpl
def register_routes(
    register: Callable[[HttpRoutes | ExclusiveTask], None], settings: Settings
) -> None:
    if section := settings.section(InsightsSettings):
        register(ReviewPages(settings=section.review, least=section.least))
        register(ReviewSampling(settings=section.review, timezone=section.timezone))


@hookimpl
def register_desk_pages(register: Callable[[DeskPageProvider], None], settings: Settings) -> None:
    if section := settings.section(InsightsSettings):
        register(ReviewPages(settings=section.review, least=section.least))
