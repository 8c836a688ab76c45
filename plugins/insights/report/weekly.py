"""The weekly report: made, stored and passed on once a week, also after the server was down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from gateway import Services
from plugins.insights.measures.values import Filters
from plugins.insights.model import Discovery
from plugins.insights.report.archive import ReportArchive, WeeklyResult, last_week
from plugins.insights.report.digest import digest_of
from plugins.insights.report.searching import NOTHING_FOUND, FoundThings, day_bounds
from plugins.insights.report.service import ReportService, report_service
from plugins.insights.report.settings import WEEKDAYS, ReportSettings
from plugins.insights.report.values import Report, ReportQuery
from plugins.insights.report.views import StoredViews, make_views
from plugins.insights.settings import InsightsSettings

log = structlog.get_logger()
FIRST_LOOK = 60.0
"""Seconds after the start until the first look: the server has enough to do then."""
LOOK_EVERY = 600.0
"""Seconds between two looks whether a week has ended."""


@dataclass(kw_only=True)
class WeeklyReport:
    """Makes the report of each week, in one process at a time (`ExclusiveTask`).

    What says that a week is done is its stored result, so a week that was interrupted is made
    again, and two processes that run for a moment store one. After a downtime the newest week is
    made; older ones can be made with `warmline report`.
    """

    settings: InsightsSettings
    url: str
    """Where the desk is reached; empty: not known."""
    learn: Callable[[Services, Sequence[Discovery]], Awaitable[Sequence[Discovery]]] | None = None
    """Makes proposals of the findings, and returns these with the proposals' ids."""

    async def watch(self, services: Services) -> None:
        """Look every ten minutes, the first time a little after the start."""
        await services.clock.sleep(FIRST_LOOK)
        while True:
            await self.make_due(services)
            await self.keep_views(services)
            await services.clock.sleep(LOOK_EVERY)

    def stand_by(self) -> None:
        """Another process makes them."""

    async def make_due(self, services: Services) -> None:
        """Make the report of the newest week that is over, unless it is stored."""
        weekly = self.settings.report
        if not weekly.weekly:
            return
        now = services.clock.now().astimezone(ZoneInfo(self.settings.timezone))
        day = due_day(now, weekly)
        since, until = last_week(day)
        archive = ReportArchive(services.storage)
        begin, end = day_bounds(since, until, self.settings.timezone)
        if await archive.has(until) or not await services.records.cases(
            since=begin, until=end, limit=1
        ):
            return  # done, or nobody wrote: what is heavy stays unloaded
        await self._make(services, archive, since, until)
        await archive.drop_before(until - timedelta(weeks=weekly.keep_weeks))

    async def keep_views(self, services: Services) -> None:
        """Measure what the desk shows at once, once a day, while somebody opens the report now and
        then."""
        views = StoredViews(services.storage, services.clock)
        if not await views.are_wanted():
            return
        now = services.clock.now().astimezone(ZoneInfo(self.settings.timezone))
        if not (outdated := await views.outdated(now.date())):
            return
        service = report_service(services, self.settings)
        await service.measures.refresh()
        await make_views(views, service.builder, outdated)

    async def _make(
        self, services: Services, archive: ReportArchive, since: date, until: date
    ) -> None:
        service = report_service(services, self.settings)
        await service.measures.refresh()
        query = ReportQuery(since=since, until=until)
        found = await self._search(service, since, until)
        found = found.replace(findings=await self._learn(services, found.findings))
        report = await service.builder.build(query, found)
        result = WeeklyResult(
            since=since,
            until=until,
            made_at=report.made_at,
            totals=report.measured.totals,
            measures=report.measured.figures,
        )
        # Digests are stored under the week's id before the week counts as done: a crash between
        # the two repeats both, and neither is passed on twice.
        if self.settings.report.digest:
            await self._pass_on(services, service, report)
        if await archive.keep(result, found.findings):
            log.info(
                "report.made",
                until=until.isoformat(),
                conversations=report.measured.totals.conversations,
                findings=len(found.findings),
            )

    async def _search(self, service: ReportService, since: date, until: date) -> FoundThings:
        """The findings. If the search fails, the figures are reported all the same."""
        try:
            return await service.search.search(since, until)
        except Exception:
            log.exception("report.search_failed", until=until.isoformat())
            return NOTHING_FOUND

    async def _learn(
        self, services: Services, findings: tuple[Discovery, ...]
    ) -> tuple[Discovery, ...]:
        """Make proposals of the findings. If that fails, the week is reported all the same."""
        if self.learn is None:
            return findings
        try:
            return tuple(await self.learn(services, findings))
        except Exception:
            log.exception("learning.failed")
            return findings

    async def _pass_on(self, services: Services, service: ReportService, report: Report) -> None:
        """Hand the digest to everybody who passes digests on; those about one brand to those who
        have that brand alone."""
        whole = digest_of(report, url=self.url)
        for receiver in services.digest_receivers:
            if receiver.receives_digests(""):
                await receiver.receive_digest(whole, services)
        for brand, title in services.brands.items():
            receivers = [r for r in services.digest_receivers if r.receives_digests(brand)]
            if not receivers:
                continue
            query = report.query.replace(filters=Filters(brand=(brand,)))
            own = await service.builder.build(query)
            if not own.measured.totals.conversations:
                continue
            for receiver in receivers:
                digest = digest_of(own, brand=brand, brand_title=title, url=self.url)
                await receiver.receive_digest(digest, services)


def due_day(now: datetime, settings: ReportSettings) -> date:
    """The newest day on which a report was due at ``now``, in the time zone of the figures."""
    back = (now.weekday() - WEEKDAYS.index(settings.day)) % 7
    day = now.date() - timedelta(days=back)
    return day - timedelta(days=7) if back == 0 and now.hour < settings.hour else day
