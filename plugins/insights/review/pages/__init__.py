"""The review pages as the plugin registers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gateway import DeskPage, Json, Services
from plugins.insights.review.settings import ReviewSettings

if TYPE_CHECKING:
    from aiohttp import web

    from plugins.insights.review.pages.html import ReviewTemplates

STATIC = "/desk/review/static"


@dataclass(kw_only=True)
class ReviewPages:
    """Implements `DeskPageProvider`; `HttpRoutes` and `OpenApiProvider` for styles and scripts.

    The pages are imported when they are served: a command loads no web server.
    """

    settings: ReviewSettings
    least: int

    @cached_property
    def _templates(self) -> ReviewTemplates:
        from plugins.insights.review.pages.html import ReviewTemplates  # noqa: PLC0415

        return ReviewTemplates(STATIC)

    def desk_pages(self, services: Services) -> Sequence[DeskPage]:
        from plugins.insights.review.pages.examples_page import ExamplesPage  # noqa: PLC0415
        from plugins.insights.review.pages.results_page import ResultsPage  # noqa: PLC0415
        from plugins.insights.review.pages.review_page import ReviewPage  # noqa: PLC0415
        from plugins.insights.review.pages.voice_page import VoicePage  # noqa: PLC0415

        settings, templates = self.settings, self._templates
        return [
            ReviewPage(services=services, settings=settings, templates=templates),
            ExamplesPage(services=services, settings=settings, templates=templates),
            VoicePage(services=services, settings=settings, templates=templates),
            ResultsPage(
                services=services, settings=settings, templates=templates, least=self.least
            ),
        ]

    def routes(self, services: Services) -> Iterable[web.RouteDef]:  # noqa: ARG002  (HttpRoutes)
        return self._templates.routes()

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
