"""The review pages as the plugin registers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from gateway import DeskPage, Services
from plugins.insights.review.examples_page import ExamplesPage
from plugins.insights.review.html import ReviewTemplates
from plugins.insights.review.results_page import ResultsPage
from plugins.insights.review.review_page import ReviewPage
from plugins.insights.review.settings import ReviewSettings
from plugins.insights.review.voice_page import VoicePage


@dataclass(kw_only=True)
class ReviewPages:
    """Implements `DeskPageProvider`, and `HttpRoutes` for the styles and scripts."""

    settings: ReviewSettings
    least: int
    _templates: ReviewTemplates = field(default_factory=ReviewTemplates)

    def desk_pages(self, services: Services) -> Sequence[DeskPage]:
        settings, templates = self.settings, self._templates
        return [
            ReviewPage(services=services, settings=settings, templates=templates),
            ExamplesPage(services=services, settings=settings, templates=templates),
            VoicePage(services=services, settings=settings, templates=templates),
            ResultsPage(
                services=services, settings=settings, templates=templates, least=self.least
            ),
        ]

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        return self._templates.routes(services)
