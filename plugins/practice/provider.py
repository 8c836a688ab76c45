"""The pages of practice as the plugin registers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from gateway import DeskPage, Json, Services, packaged_yaml
from plugins.practice.html import PracticeTemplates
from plugins.practice.pages import PracticeListPage, PracticePage
from plugins.practice.storage import PracticeStorage

if TYPE_CHECKING:
    from aiohttp import web


@dataclass(kw_only=True)
class PracticePages:
    """Implements `DeskPageProvider` and `AgentDataHolder`; `HttpRoutes` and `OpenApiProvider` for
    styles and scripts."""

    templates: PracticeTemplates = field(default_factory=PracticeTemplates)

    def desk_pages(self, services: Services) -> Sequence[DeskPage]:
        storage = PracticeStorage(services.storage)
        return [
            PracticeListPage(services=services, storage=storage, templates=self.templates),
            PracticePage(services=services, storage=storage, templates=self.templates),
        ]

    def routes(self, services: Services) -> Iterable[web.RouteDef]:  # noqa: ARG002  (HttpRoutes)
        return self.templates.routes()

    def describe(self) -> Mapping[str, Json]:
        """The route of the styles and scripts, for ``/openapi.json``. The desk describes pages."""
        part: dict[str, Json] = packaged_yaml("plugins.practice", "openapi.yaml")
        return part

    async def export_agent(self, services: Services, agent: str) -> Json:
        """The agent's sessions as they are stored."""
        storage = PracticeStorage(services.storage)
        plain: Json = msgspec.to_builtins(await storage.agents_sessions(agent))
        return plain

    async def erase_agent(self, services: Services, agent: str) -> int:
        """Delete the agent's sessions."""
        return await PracticeStorage(services.storage).erase_agent(agent)
