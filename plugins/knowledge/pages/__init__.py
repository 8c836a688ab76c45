"""``/desk/sources``: the sources, what changed, and which answers rest on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway import DeskPage, Json, Services, packaged_yaml
from plugins.knowledge.pages.document_page import DocumentPage
from plugins.knowledge.pages.html import SourceTemplates
from plugins.knowledge.pages.source_pages import SourceListPage, SourcePage
from plugins.knowledge.settings import KnowledgeSettings

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["SourcePages"]


@dataclass(kw_only=True)
class SourcePages:
    """Implements `DeskPageProvider`; `HttpRoutes` and `OpenApiProvider` for the style sheet."""

    settings: KnowledgeSettings
    templates: SourceTemplates = field(default_factory=SourceTemplates)

    def desk_pages(self, services: Services) -> Sequence[DeskPage]:
        if services.knowledge is None:
            return ()
        return (
            SourceListPage(
                services=services,
                templates=self.templates,
                wrong_at_most=self.settings.wrong_at_most,
            ),
            DocumentPage(services=services, templates=self.templates),
            SourcePage(services=services, templates=self.templates),
        )

    def routes(self, services: Services) -> Iterable[web.RouteDef]:  # noqa: ARG002  (HttpRoutes)
        return self.templates.routes()

    def describe(self) -> Mapping[str, Json]:
        """The route of the style sheet, for ``/openapi.json``. The desk describes pages."""
        part: dict[str, Json] = packaged_yaml("plugins.knowledge.pages", "openapi.yaml")
        return part
