"""The review pages as the plugin registers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from gateway import DeskPage, Json, Services
from plugins.insights.review.pages.examples_page import ExamplesPage
from plugins.insights.review.pages.html import STATIC, ReviewTemplates
from plugins.insights.review.pages.results_page import ResultsPage
from plugins.insights.review.pages.review_page import ReviewPage
from plugins.insights.review.pages.voice_page import VoicePage
from plugins.insights.review.settings import ReviewSettings


@dataclass(kw_only=True)
class ReviewPages:
    """Implements `DeskPageProvider`; `HttpRoutes` and `OpenApiProvider` for styles and scripts."""

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

    def describe(self) -> Mapping[str, Json]:
        """The route of the styles and scripts, for ``/openapi.json``. The desk describes pages."""
        text: Json = {"text/plain": {"schema": {"type": "string"}}}
        named = {"in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        return {
            "paths": {
                f"{STATIC}/{{version}}/{{name}}": {
                    "get": {
                        "tags": ["desk"],
                        "operationId": "insights.review.static",
                        "summary": "Scripts and styles of the review pages",
                        "parameters": [{"name": "version", **named}, {"name": "name", **named}],
                        "responses": {
                            "200": {"description": "The file.", "content": {"*/*": {"schema": {}}}},
                            "404": {"description": "There is no such file.", "content": text},
                        },
                    }
                }
            }
        }
