"""The report at the desk, its tables as CSV, and each person's own load."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from aiohttp import web

from gateway import (
    DeskPage,
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    NotFound,
    Services,
    StaticAssets,
)
from plugins.insights.measures.values import DIMENSIONS, LOAD_LIMIT, Dimension, LoadDay
from plugins.insights.report import words
from plugins.insights.report.archive import ReportArchive
from plugins.insights.report.asking import FILTERS, PERIODS, ReportRequest, parse_request
from plugins.insights.report.data import table_csv
from plugins.insights.report.html import desk_part, plot_html, templates
from plugins.insights.report.searching import NOTHING_FOUND, FoundThings
from plugins.insights.report.sections.common import GROUPS, group_label
from plugins.insights.report.service import ReportService, report_service
from plugins.insights.report.values import Bar, BarPlot, Report
from plugins.insights.settings import InsightsSettings

STATIC = "/desk/report/static"
FRESH = timedelta(minutes=1)
"""Figures that are older are brought up to date when somebody looks."""
PATIENCE = 0.25
"""Seconds that a page waits for that; then it shows what there is."""
FILE_PATIENCE = 10.0
"""The same for a file, which people do not watch and cannot reload."""
OWN_DAYS = 28


@dataclass(kw_only=True)
class ReportPages:
    """The report's pages (`DeskPageProvider`), and its style sheet (`HttpRoutes`)."""

    settings: InsightsSettings
    _assets: StaticAssets = field(
        default_factory=lambda: StaticAssets("plugins.insights.report"), init=False
    )

    def desk_pages(self, services: Services) -> Sequence[DeskPage]:
        """The pages. What is heavy loads when the first of them is opened."""
        shared = _Shared(services=services, settings=self.settings)
        styles = (f"{STATIC}/{self._assets.version}/report.css",)
        return (
            ReportPage(shared=shared, styles=styles),
            TablePage(shared=shared),
            OwnLoadPage(shared=shared, styles=styles),
        )

    def routes(self, services: Services) -> list[web.RouteDef]:  # noqa: ARG002  (part of HttpRoutes)
        """The style sheet."""

        async def serve(request: web.Request) -> web.Response:
            try:
                name, version = request.match_info["name"], request.match_info["version"]
                return self._assets.serve(request, name, version=version)
            except KeyError:
                return web.Response(status=404, text="There is no such file.\n")

        return [web.get(f"{STATIC}/{{version}}/{{name}}", serve)]


@dataclass(kw_only=True)
class _Shared:
    """What the pages share: the service, and the care that its figures are fresh."""

    services: Services
    settings: InsightsSettings
    _service: ReportService | None = None
    _refreshing: asyncio.Task[None] | None = None
    _refreshed: datetime | None = None

    @property
    def service(self) -> ReportService:
        if self._service is None:
            self._service = report_service(self.services, self.settings, patience=PATIENCE)
        return self._service

    async def freshen(self, patience: float) -> bool:
        """Bring the figures up to date, unless that was done within a minute. False: it takes
        longer than ``patience`` seconds, and goes on."""
        now = self.services.clock.now()
        if self._refreshed is not None and now - self._refreshed < FRESH:
            return True
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh(now))
        done, _ = await asyncio.wait({self._refreshing}, timeout=patience)
        for task in done:
            task.result()
        return bool(done)

    async def _refresh(self, now: datetime) -> None:
        await self.service.measures.refresh()
        self._refreshed = now

    async def report(self, request: DeskPageRequest) -> tuple[ReportRequest, Report]:
        """The report that the page's address asks for."""
        asked = parse_request(request.query, self.service.builder.today, request.agent)
        found = NOTHING_FOUND
        if not request.agent.brands:
            found = await self._found(asked)
        return asked, await self.service.builder.build(asked.query, found)

    async def _found(self, asked: ReportRequest) -> FoundThings:
        archive = ReportArchive(self.services.storage)
        return await archive.found(asked.query.since, asked.query.until)


@dataclass(kw_only=True)
class ReportPage:
    """``/desk/report``."""

    shared: _Shared
    styles: tuple[str, ...]
    path = "/desk/report"
    title = "Report"
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        fresh = await self.shared.freshen(PATIENCE)
        asked, report = await self.shared.report(request)
        whole = report.measured.by
        if any(asked.chosen):
            unfiltered = asked.query.filters.replace(
                **{dimension: () for dimension in DIMENSIONS if dimension != "brand"}
            )
            if not request.agent.brands:
                unfiltered = unfiltered.replace(brand=())
            measures = self.shared.service.measures
            everything = await measures.between(asked.query.since, asked.query.until, unfiltered)
            whole = everything.by
        html = await asyncio.to_thread(self._html, asked, report, whole, fresh)
        return DeskPageResult(
            title=f"Report, {words.period(report.query)}", html=html, styles=self.styles
        )

    def _html(
        self,
        asked: ReportRequest,
        report: Report,
        groups: Mapping[Dimension, Mapping[str, Any]],
        fresh: bool,
    ) -> str:
        titles = self.shared.services.brands
        choices = [
            {
                "name": name,
                "label": GROUPS[dimension],
                "current": asked.chosen.get(name, ""),
                "options": _options(dimension, groups.get(dimension, {}), asked, name, titles),
            }
            for name, dimension in FILTERS.items()
        ]
        presets = [
            {
                "label": label,
                "query": asked.address(period=name, **{"from": "", "to": ""}),
                "current": name == asked.period,
            }
            for name, (_, label) in PERIODS.items()
        ]
        filters = templates().get_template("filters.html").render(
            presets=presets,
            choices=choices,
            query=asked.query,
            today=self.shared.service.builder.today,
            problem=asked.problem,
            fresh=fresh,
        )  # fmt: skip
        return filters + desk_part(report, query=asked.address())


@dataclass(kw_only=True)
class TablePage:
    """``/desk/report/{table}.csv``: one table of the report with the same parameters."""

    shared: _Shared
    path = "/desk/report/{table}.csv"
    title = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        await self.shared.freshen(FILE_PATIENCE)
        asked, report = await self.shared.report(request)
        name = request.path["table"]
        table = report.tables().get(name)
        if table is None:
            raise NotFound(f"There is no table {name[:40]!r} in this report")
        return DeskPageResult(
            file=await asyncio.to_thread(table_csv, table),
            file_name=f"{name}-{asked.query.since}-{asked.query.until}.csv",
            media_type="text/csv",
        )


@dataclass(kw_only=True)
class OwnLoadPage:
    """``/desk/me/load``: the emotional load of the person who is signed in, of nobody else."""

    shared: _Shared
    styles: tuple[str, ...]
    path = "/desk/me/load"
    title = "My load"
    right: DeskRight = "work"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        fresh = await self.shared.freshen(PATIENCE)
        today = self.shared.service.builder.today
        begin = today - timedelta(days=OWN_DAYS - 1)
        days = await self.shared.service.load.own(request.agent, begin, today)
        html = await asyncio.to_thread(own_load_html, days, today, fresh)
        return DeskPageResult(title="My load", html=html, styles=self.styles)


def own_load_html(days: Sequence[LoadDay], today: date, fresh: bool) -> str:
    """A person's own load of four weeks, day by day."""
    by_day = {day.day: day for day in days}
    span = [today - timedelta(days=back) for back in reversed(range(OWN_DAYS))]
    bars = tuple(
        Bar(label=words.short_day(day), value=by_day[day].peak if day in by_day else 0.0)
        for day in span
    )
    plot = BarPlot(title="Highest load of each day", unit="minutes", bars=bars)
    return templates().get_template("load.html").render(
        days=[day for day in reversed(days) if day.conversations or day.peak],
        over=[day for day in days if day.is_over],
        limit=LOAD_LIMIT,
        plot=plot_html(plot) if days else "",
        fresh=fresh,
    )  # fmt: skip


def _options(
    dimension: Dimension,
    groups: Mapping[str, Any],
    asked: ReportRequest,
    name: str,
    titles: Mapping[str, str],
) -> list[tuple[str, str]]:
    """The values of a dimension that there are, the most frequent first."""
    order = sorted(groups, key=lambda value: -groups[value].totals.conversations)
    current = asked.chosen.get(name)
    if current and current not in order:
        order.append(current)
    return [(value, group_label(dimension, value, titles)) for value in order if value]
