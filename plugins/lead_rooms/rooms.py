"""What the lead's rooms register: their pages, the styles, and the end of what they began."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from gateway import (
    DeskPage,
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    Json,
    Services,
    Version,
    VersionKind,
    packaged_yaml,
)
from plugins.lead_rooms.answer_page import AnswerPage
from plugins.lead_rooms.guide import GuidePage
from plugins.lead_rooms.guide_effect import GuideReplay
from plugins.lead_rooms.history import HistoryPage, VersionPage
from plugins.lead_rooms.hours import HoursPage
from plugins.lead_rooms.html import KINDS, RoomTemplates, static_routes
from plugins.lead_rooms.jobs import RoomJobs
from plugins.lead_rooms.knowledge import Knowledge, KnowledgePage
from plugins.lead_rooms.policy import PolicyPage
from plugins.lead_rooms.policy_effect import PolicyReplay
from plugins.lead_rooms.recent_cases import RecentCases


@dataclass(kw_only=True)
class RoomsPage:
    """The way to all rooms, with what was saved last in each."""

    services: Services
    templates: RoomTemplates
    path: str = "/desk/rooms"
    title: str = "Rooms"
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        newest: dict[VersionKind, Version] = {}
        for kind in KINDS:
            for version in await self.services.versions.history(kind=kind, limit=1):
                newest[kind] = version
        return self.templates.page(
            "rooms.html", title="The lead's rooms", request=request, newest=newest
        )


@dataclass(kw_only=True)
class LeadRooms:
    """Implements `DeskPageProvider`, `HttpRoutes` and `Poller`. See `LeadRoomsSettings`."""

    days: int
    conversations: int
    seconds: float
    name: str = "lead_rooms"
    _jobs: list[RoomJobs] = field(default_factory=list, init=False)

    def desk_pages(self, services: Services) -> Sequence[DeskPage]:
        jobs, training = (RoomJobs(services.clock, seconds=self.seconds) for _ in range(2))
        self._jobs = [jobs, training]
        templates = RoomTemplates({"": "All brands", **services.brands})
        cases = RecentCases(services=services, days=self.days, most=self.conversations)
        knowledge = Knowledge(
            services=services, templates=templates, jobs=jobs, training=training, cases=cases
        )
        return [
            RoomsPage(services=services, templates=templates),
            KnowledgePage(knowledge=knowledge),
            AnswerPage(knowledge=knowledge),
            GuidePage(
                services=services,
                templates=templates,
                jobs=jobs,
                replay=GuideReplay(services=services, cases=cases),
            ),
            PolicyPage(
                services=services,
                templates=templates,
                jobs=jobs,
                replay=PolicyReplay(services=services, cases=cases),
            ),
            HoursPage(services=services, templates=templates),
            HistoryPage(services=services, templates=templates),
            VersionPage(services=services, templates=templates),
        ]

    def describe(self) -> Mapping[str, Json]:
        """The route of the style sheet, for ``/openapi.json``. The desk describes the pages."""
        part: dict[str, Json] = packaged_yaml("plugins.lead_rooms", "openapi.yaml")
        return part

    def routes(self, services: Services) -> Iterable[web.RouteDef]:  # noqa: ARG002  (part of HttpRoutes)
        return static_routes()

    async def run(self, services: Services) -> None:  # noqa: ARG002  (part of Poller)
        """Wait until the gateway stops, and end what people started."""
        try:
            await asyncio.Event().wait()
        finally:
            for jobs in self._jobs:
                await jobs.stop()
