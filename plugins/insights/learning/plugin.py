"""What the loop registers: its pages, a weekly round, a health check."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from gateway import (
    Clock,
    DeskPage,
    ExampleEvaluation,
    HealthProblem,
    Json,
    Services,
    Settings,
    WarmlineError,
    packaged_yaml,
)
from plugins.insights.learning.deciding import ProposalDecisions
from plugins.insights.learning.drafting import draft_of, is_about_same
from plugins.insights.learning.html import ProposalTemplates, shown_evaluation
from plugins.insights.learning.loop import Discover, Learning, LearningRound
from plugins.insights.learning.pages import (
    EvaluationTasks,
    ProposalEditPage,
    ProposalListPage,
    ProposalPage,
)
from plugins.insights.learning.reminder import TrainingRecordFile, overdue
from plugins.insights.learning.storage import StoredProposals
from plugins.insights.measures.values import MeasuresApi
from plugins.insights.model import Discovery
from plugins.insights.settings import InsightsSettings

DAYS = 28
"""Of conversations, in which `warmline learn` looks for findings."""

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class LearningPart:
    """Implements `DeskPageProvider`, `ExampleEvaluator`, `HttpRoutes`, `Poller` and `HealthCheck`.

    ``folder`` is for its data.
    """

    settings: InsightsSettings
    folder: Path
    _templates: ProposalTemplates = field(default_factory=ProposalTemplates)
    _tasks: EvaluationTasks | None = field(default=None, init=False)
    _learning: Learning | None = field(default=None, init=False)

    name = "learning"

    def desk_pages(self, services: Services) -> Sequence[DeskPage]:
        self._learning = learning = learning_of(services, self.settings)
        self._tasks = tasks = EvaluationTasks(learning)
        return [
            ProposalListPage(learning=learning, templates=self._templates, record=self._record),
            ProposalPage(learning=learning, templates=self._templates, tasks=tasks),
            ProposalEditPage(learning=learning, templates=self._templates, tasks=tasks),
        ]

    def describe(self) -> Mapping[str, Json]:
        """The route of the style sheet, for ``/openapi.json``. The desk describes the pages."""
        part: dict[str, Json] = packaged_yaml("plugins.insights.learning", "openapi.yaml")
        return part

    def routes(self, services: Services) -> Iterable[web.RouteDef]:  # noqa: ARG002  (part of HttpRoutes)
        return self._templates.routes()

    async def evaluate_examples(self, intent: str, texts: Sequence[str]) -> ExampleEvaluation:
        """See `ExampleEvaluator`."""
        if self._learning is None:
            raise WarmlineError("examples are evaluated where the desk is; start `warmline serve`")
        return shown_evaluation(await self._learning.evaluate_sentences(intent, texts))

    async def run(self, services: Services) -> None:  # noqa: ARG002  (part of Poller)
        """Wait until the gateway stops, and end the evaluations that people started."""
        try:
            await asyncio.Event().wait()
        finally:
            if self._tasks is not None:
                await self._tasks.stop()

    async def learn_weekly(
        self, services: Services, findings: Sequence[Discovery]
    ) -> Sequence[Discovery]:
        """Make proposals of ``findings`` and of reviews; return the findings with the proposals
        that are about them."""

        async def discover(_: datetime) -> Sequence[Discovery]:
            return findings

        done = await learn(services, self.settings, self.folder, discover)
        log.info("learning.done", new=len(done.new), evaluated=len(done.evaluated))
        return await with_proposals(findings, services)

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:
        """Whether something was learnt within a quarter."""
        record = await asyncio.to_thread(self._record.read)
        what = overdue(record, clock.now())
        if record is None or not what:
            return ()
        fix = "open /desk/proposals, or run `warmline learn`"
        return [
            HealthProblem(
                what=what.partition(".")[0], fix=fix, severity="warning", since=record.since
            )
        ]

    @property
    def _record(self) -> TrainingRecordFile:
        return TrainingRecordFile(self.folder)


def learning_folder(settings: Settings) -> Path:
    """Where the loop keeps its record."""
    return settings.data_dir / "insights"


def learning_of(
    services: Services, settings: InsightsSettings, discover: Discover | None = None
) -> Learning:
    """The loop over these services."""
    return Learning(
        services=services,
        discover=discover,
        measures=partial(_measures, services, settings),
        least=settings.least,
    )


def _measures(services: Services, settings: InsightsSettings) -> MeasuresApi:
    from plugins.insights.measures.service import Measures  # noqa: PLC0415  (loads numpy)

    return Measures(services, settings)


def decisions_of(services: Services) -> ProposalDecisions:
    """What people decide, over these services."""
    return ProposalDecisions(services=services, store=StoredProposals(services.storage))


async def learn(
    services: Services,
    settings: InsightsSettings,
    folder: Path,
    discover: Discover | None = None,
    *,
    imported: bool = False,
) -> LearningRound:
    """One round of learning, for the weekly job and ``warmline learn``. ``folder`` is for the
    record of when the examples last changed. ``imported``: imported conversations are read for
    questions that come again, too."""
    from plugins.insights.tickets.search import TicketSearch  # noqa: PLC0415  (loads numpy)

    learning = learning_of(services, settings, discover)
    since = services.clock.now() - timedelta(days=DAYS)
    searches = [TicketSearch(services=services, since=since)]
    if imported:
        searches.append(TicketSearch(services=services, imported=True))
    learning.tickets = [search.drafts for search in searches]
    found = await learning.learn()
    examples = await services.trials.examples_of_shop()
    record = TrainingRecordFile(folder)
    await asyncio.to_thread(record.note, examples, services.clock.now())
    return found


def discover_with(services: Services, settings: InsightsSettings) -> Discover:
    """Looks for findings in the last four weeks."""

    async def discover(now: datetime) -> Sequence[Discovery]:
        from plugins.insights.report.service import (  # noqa: PLC0415  (scipy, and it imports us)
            report_service,
        )

        until = now.astimezone(ZoneInfo(settings.timezone)).date()
        search = report_service(services, settings).search
        return (await search.search(until - timedelta(days=DAYS - 1), until)).findings

    return discover


async def with_proposals(
    findings: Sequence[Discovery], services: Services
) -> tuple[Discovery, ...]:
    """``findings``, each with the id of the proposal that is about it, if there is one."""
    known = await StoredProposals(services.storage).listed()
    found: list[Discovery] = []
    for finding in findings:
        draft = await draft_of(finding, services.trials)
        same = next((each for each in known if draft and is_about_same(draft, each)), None)
        found.append(finding.replace(proposal=same.id) if same else finding)
    return tuple(found)
