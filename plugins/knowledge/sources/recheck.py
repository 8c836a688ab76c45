"""The daily re-check of all sources, in one process at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from gateway import KnowledgeSource, Services, WarmlineError
from plugins.knowledge.readers.process import ReadingProcess
from plugins.knowledge.settings import KnowledgeSettings
from plugins.knowledge.sources.checks import SourceChecks
from plugins.knowledge.sources.refresh import SourceRefresh
from plugins.knowledge.sources.registry import add_or_find, listed_sources
from plugins.knowledge.sources.requests import ReadRequests

log = structlog.get_logger()
FIRST_LOOK = 60.0
"""Seconds after the start until the first look: the server has enough to do then."""
LOOK_EVERY = 600.0
"""Seconds between two looks whether a source is due."""
TRY_AGAIN = timedelta(hours=1)
"""After a source could not be read."""


@dataclass(kw_only=True)
class SourceRecheck:
    """Reads each source again once a day (`ExclusiveTask`), and those that the configuration lists
    for the first time. A source whose reading was cut off is read again at the next look."""

    settings: KnowledgeSettings
    folder: Path | None = None
    """What relative paths of listed sources begin at."""

    async def watch(self, services: Services) -> None:
        """Look every ten minutes, and at once when somebody asks; the first time a little after
        the start."""
        if services.knowledge is None:
            return
        async with ReadRequests(services).heard() as bell:
            await bell.wait(services, FIRST_LOOK)
            while True:
                await self.read_due(services)
                await bell.wait(services, LOOK_EVERY)

    def stand_by(self) -> None:
        """Another process reads them."""

    async def read_due(self, services: Services) -> None:
        """Add the listed sources, and read those that are due."""
        sources, problems = listed_sources(self.settings.sources, self.folder)
        for problem in problems:
            log.error("knowledge.source_not_there", problem=problem)
        for source in sources:
            try:
                await add_or_find(services, source)
            except WarmlineError as error:
                log.error("knowledge.source_refused", problem=str(error))  # noqa: TRY400
        requests = ReadRequests(services)
        wanted = await requests.waiting()
        due = await self._due(services, wanted)
        if not due:
            return  # nothing heavy is started
        limits = self.settings.limits
        async with ReadingProcess(timeout=limits.read_seconds) as reader:
            refresh = SourceRefresh(services=services, limits=limits, reader=reader)
            for each in due:
                try:
                    await refresh.refresh(each, automatic=each.id not in wanted)
                except WarmlineError as error:
                    log.warning("knowledge.not_read", source=each.id, problem=str(error))
                except Exception:
                    log.exception("knowledge.recheck_failed", source=each.id)
                finally:
                    await requests.done(each.id)

    async def _due(self, services: Services, wanted: frozenset[int]) -> list[KnowledgeSource]:
        assert services.knowledge is not None  # noqa: S101  (`watch` looked)
        now = services.clock.now()
        every = timedelta(hours=self.settings.recheck_hours)
        checks = await SourceChecks(services.storage).every()
        due: list[KnowledgeSource] = []
        for source in await services.knowledge.sources():
            check = checks.get(source.id)
            failed = check is not None and check.problem and now - check.at < TRY_AGAIN
            old = source.checked_at is None or now - source.checked_at >= every
            if source.id in wanted or (old and not failed):
                due.append(source)
        return due
