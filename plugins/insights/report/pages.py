"""The report at the desk, its tables as CSV, and each person's own load."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from gateway import (
    LOAD_LIMIT,
    Agent,
    DeskPage,
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    Json,
    NotFound,
    Services,
    StaticAssets,
    packaged_yaml,
)
from plugins.insights.learning.effects import DecidedProposals
from plugins.insights.measures.values import DIMENSIONS, Dimension, LoadDay, Totals
from plugins.insights.report import words
from plugins.insights.report.archive import ReportArchive
from plugins.insights.report.asking import FILTERS, PERIODS, ReportRequest, parse_request
from plugins.insights.report.compose import compose
from plugins.insights.report.data import table_csv
from plugins.insights.report.html import desk_part, plot_html, templates
from plugins.insights.report.material import ReportMaterial
from plugins.insights.report.sections.common import GROUPS, group_label
from plugins.insights.report.service import ReportService, report_service
from plugins.insights.report.values import Bar, BarPlot, Report
from plugins.insights.report.views import KEPT, RecentMaterial, StoredViews, make_views
from plugins.insights.settings import InsightsSettings

log = structlog.get_logger()
STATIC = "/desk/report/static"
FRESH = timedelta(minutes=1)
"""Figures that are older are brought up to date when somebody looks."""
PAGE_TIMEOUT = 0.1
"""Seconds that a page waits for that; then it shows what there is. With what it measures itself it
opens within half a second."""
LOAD_TIMEOUT = 0.03
"""The same for the team's load, of the period and of the one before it. It is added up in seconds
or known."""
FILE_TIMEOUT = 10.0
"""The same for a file, which people do not watch and cannot reload."""
OWN_DAYS = 28


@cache
def report_assets() -> StaticAssets:
    """The report's style sheets, read once."""
    return StaticAssets("plugins.insights.report")


class ReportStyles:
    """Serves the report's style sheet (`HttpRoutes`)."""

    def routes(self, services: Services) -> list[web.RouteDef]:  # noqa: ARG002  (part of HttpRoutes)
        """One route."""
        return [report_assets().route(STATIC)]

    def describe(self) -> Mapping[str, Json]:
        """The route, for ``/openapi.json``."""
        part: dict[str, Json] = packaged_yaml("plugins.insights.report", "openapi.yaml")
        return part


@dataclass(kw_only=True)
class ReportPages:
    """The report's pages (`DeskPageProvider`)."""

    settings: InsightsSettings

    def desk_pages(self, services: Services) -> Sequence[DeskPage]:
        """The pages. What is heavy loads when the first of them is opened."""
        shared = _Shared(services=services, settings=self.settings)
        styles = (f"{STATIC}/{report_assets().version}/report.css",)
        return (
            ReportPage(shared=shared, styles=styles),
            TablePage(shared=shared),
            OwnLoadPage(shared=shared, styles=styles),
        )


@dataclass(kw_only=True)
class _Shared:
    """What the pages share: the service, and the care that its figures are fresh."""

    services: Services
    settings: InsightsSettings
    _service: ReportService | None = None
    _refreshing: asyncio.Task[None] | None = None
    _refreshed: datetime | None = None
    _renewing: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.views = StoredViews(self.services.storage, self.services.clock)
        self.recent = RecentMaterial(self.services.clock)
        self._measuring = asyncio.Lock()  # one report at a time: each takes a processor and memory

    @property
    def service(self) -> ReportService:
        if self._service is None:
            self._service = report_service(self.services, self.settings, timeout=LOAD_TIMEOUT)
        return self._service

    async def freshen(self, timeout: float) -> bool:
        """Bring the figures up to date, unless that was done within a minute. False: it takes
        longer than ``timeout`` seconds, and goes on."""
        now = self.services.clock.now()
        if self._refreshed is not None and now - self._refreshed < FRESH:
            return True
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh(now))
        done, _ = await asyncio.wait({self._refreshing}, timeout=timeout)
        for task in done:
            task.result()
        return bool(done)

    async def _refresh(self, now: datetime) -> None:
        await self.service.measures.refresh()
        self._refreshed = now

    def ask(self, request: DeskPageRequest) -> ReportRequest:
        """What the page's address asks for."""
        return parse_request(request.query, self.today, request.agent)

    @property
    def today(self) -> date:
        """The day that it is in the time zone of the figures."""
        return self.services.clock.now().astimezone(ZoneInfo(self.settings.timezone)).date()

    async def stored(self, asked: ReportRequest, agent: Agent) -> Report | None:
        """The report that was measured beforehand, if the address asks for one of those. An older
        one in which nobody wrote is left out: people may have written since."""
        if not _is_view(asked, agent):
            return None
        material = await self.views.read(asked.period)
        if material is None:
            return None
        is_old = self.services.clock.now() - material.made_at > FRESH
        if is_old and not material.measured.totals.conversations:
            return None
        return await self._compose(material, agent)

    async def report(
        self, asked: ReportRequest, agent: Agent, *, newer_than: timedelta = FRESH
    ) -> Report:
        """The report that is asked for, from what was measured within ``newer_than``."""
        async with self._measuring:
            material = self.recent.get(asked.query, newer_than=newer_than)
            if material is None:
                material = await self.service.builder.material(asked.query)
                self.recent.keep(material)
                if _is_view(asked, agent):
                    await self.views.keep(asked.period, material)
        if material.load_pending and _is_view(asked, agent):
            self.renew_later(asked)  # with the load, for the next look
        return await self._compose(material, agent)

    async def _compose(self, material: ReportMaterial, agent: Agent) -> Report:
        """With the findings of these days and what became of proposals, as they are stored now.
        Both are of all brands, so who may see only some gets none."""
        if agent.brands:
            material = material.replace(findings_hidden=True, decisions=())
        else:
            query = material.query
            decided = DecidedProposals(services=self.services)
            material = material.replace(
                decisions=tuple(await decided.effects(query.since, query.until))
            )
            found = await ReportArchive(self.services.storage).found(query.since, query.until)
            material = material.replace(
                findings=found.findings, found_since=found.since, found_until=found.until
            )
        return await asyncio.to_thread(compose, material)

    def renew_later(self, asked: ReportRequest) -> None:
        """Measure again what was shown from the store, for the next look."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew(asked))

    async def _renew(self, asked: ReportRequest) -> None:
        try:
            await self.freshen(FILE_TIMEOUT)
            if background := self.service.background:
                # Before, so that nobody waits for it who looks at another page meanwhile.
                for query in (asked.query, asked.query.before()):
                    await background.period(query.since, query.until)
            async with self._measuring:
                await make_views(self.views, self.service.builder, [asked.period])
        except Exception:
            log.exception("report.view_failed", period=asked.period)


def _is_view(asked: ReportRequest, agent: Agent) -> bool:
    """Whether an address asks for one of the views that are stored."""
    return bool(asked.period) and not asked.chosen and not agent.brands


@dataclass(kw_only=True)
class ReportPage:
    """``/desk/report``."""

    shared: _Shared
    styles: tuple[str, ...]
    path = "/desk/report"
    title = "Report"
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        shared, asked = self.shared, self.shared.ask(request)
        await shared.views.note_opened()
        fresh = True
        report = await shared.stored(asked, request.agent)
        if report is not None:
            if shared.services.clock.now() - report.made_at > FRESH:
                shared.renew_later(asked)
        else:
            fresh = await shared.freshen(PAGE_TIMEOUT)
            report = await shared.report(asked, request.agent)
        groups: Mapping[Dimension, Mapping[str, Totals]] = {
            dimension: {value: group.totals for value, group in found.items()}
            for dimension, found in report.measured.by.items()
        }
        if any(asked.chosen):
            unfiltered = asked.query.filters.replace(
                **{dimension: () for dimension in DIMENSIONS if dimension != "brand"}
            )
            if not request.agent.brands:
                unfiltered = unfiltered.replace(brand=())
            measures = self.shared.service.measures
            groups = await measures.groups(asked.query.since, asked.query.until, unfiltered)
        html = await asyncio.to_thread(self._html, asked, report, groups, fresh)
        return DeskPageResult(
            title=f"Report, {words.period(report.query)}", html=html, styles=self.styles
        )

    def _html(
        self,
        asked: ReportRequest,
        report: Report,
        groups: Mapping[Dimension, Mapping[str, Totals]],
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
            query=report.query,
            today=self.shared.today,
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
        shared, asked = self.shared, self.shared.ask(request)
        report = await shared.stored(asked, request.agent)
        if report is None:
            await shared.freshen(FILE_TIMEOUT)
            report = await shared.report(asked, request.agent, newer_than=KEPT)
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
        fresh = await self.shared.freshen(PAGE_TIMEOUT)
        today = self.shared.today
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
    groups: Mapping[str, Totals],
    asked: ReportRequest,
    name: str,
    titles: Mapping[str, str],
) -> list[tuple[str, str]]:
    """The values of a dimension that there are, the most frequent first."""
    order = sorted(groups, key=lambda value: -groups[value].conversations)
    current = asked.chosen.get(name)
    if current and current not in order:
        order.append(current)
    return [(value, group_label(dimension, value, titles)) for value in order if value]
