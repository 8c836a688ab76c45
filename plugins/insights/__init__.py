"""What happened to customers and agents: measures, the report, reviews, and what is learnt."""

from __future__ import annotations

from collections.abc import Callable

import click

from gateway import (
    DeskPageProvider,
    ExclusiveTask,
    HttpRoutes,
    Poller,
    Section,
    Settings,
    hookimpl,
)
from plugins.insights.learning.commands import learn, proposals
from plugins.insights.learning.plugin import LearningPart, learning_folder
from plugins.insights.report.command import report
from plugins.insights.review.job import ReviewSampling
from plugins.insights.review.pages import ReviewPages
from plugins.insights.settings import InsightsSettings

__all__ = ["InsightsSettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.insights", InsightsSettings, {})


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    for command in (report, learn, proposals):
        register(command)


@hookimpl
def register_routes(
    register: Callable[[HttpRoutes | ExclusiveTask | Poller], None], settings: Settings
) -> None:
    if section := settings.section(InsightsSettings):
        from plugins.insights.report.pages import ReportStyles  # noqa: PLC0415  (a web server)
        from plugins.insights.report.weekly import WeeklyReport  # noqa: PLC0415

        register(ReportStyles())
        part = _learning(section, settings)
        url = settings.core.public_url or ""
        register(WeeklyReport(settings=section, url=url, learn=part.learn_weekly))
        register(ReviewPages(settings=section.review, least=section.least))
        register(ReviewSampling(settings=section.review, timezone=section.timezone))
        register(part)


@hookimpl
def register_desk_pages(register: Callable[[DeskPageProvider], None], settings: Settings) -> None:
    if section := settings.section(InsightsSettings):
        from plugins.insights.report.pages import ReportPages  # noqa: PLC0415  (a web server)

        register(ReportPages(settings=section))
        register(ReviewPages(settings=section.review, least=section.least))
        register(_learning(section, settings))


def _learning(section: InsightsSettings, settings: Settings) -> LearningPart:
    """The one of a gateway: what its pages began ends with it."""
    made = section.made
    if "learning" not in made:
        made["learning"] = LearningPart(settings=section, folder=learning_folder(settings))
    part: LearningPart = made["learning"]
    return part
