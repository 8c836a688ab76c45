"""Joins the parts of the report with the gateway's services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway import Json, Services
from plugins.insights.learning.effects import DecidedProposals
from plugins.insights.measures.values import LoadApi, MeasureInfo, MeasuresApi
from plugins.insights.report.builder import ReportBuilder, TeamLoadSource
from plugins.insights.report.searching import FindingSearch
from plugins.insights.report.views import BackgroundLoad
from plugins.insights.review.outcomes import review_outcomes
from plugins.insights.settings import InsightsSettings

if TYPE_CHECKING:
    from plugins.insights.findings import FindingInputs, ShopAnswer


@dataclass(frozen=True, kw_only=True)
class ReportService:
    """What the command, the desk and the weekly job share. ``background`` is there with a timeout
    (see `report_service`)."""

    measures: MeasuresApi
    builder: ReportBuilder
    search: FindingSearch
    load: LoadApi
    background: BackgroundLoad | None = None


def report_service(
    services: Services, settings: InsightsSettings, *, timeout: float | None = None
) -> ReportService:
    """The service over the gateway's ``services``. What is heavy loads here.

    With ``timeout`` reports do not wait longer than so many seconds for the team's load: see
    `BackgroundLoad`.
    """
    from plugins.insights.findings import (  # noqa: PLC0415  (numpy)
        FindingInputs,
        LabelledText,
        MoodCheck,
    )
    from plugins.insights.measures.catalogue import MEASURES  # noqa: PLC0415  (scipy)
    from plugins.insights.measures.service import Measures  # noqa: PLC0415

    measures = Measures(services, settings)
    infos: Mapping[str, MeasureInfo] = {name: m.info for name, m in MEASURES.items()}
    background = timeout and BackgroundLoad(measures.load, services.clock, timeout)
    load: TeamLoadSource = background or measures.load

    async def inputs() -> FindingInputs:
        rows = await services.trials.examples_of_shop()
        reviewed = await review_outcomes(services)
        return FindingInputs(
            encoder=services.encoder,
            voice=services.voice,
            examples=[
                LabelledText(text=text, intent=intent.partition("/")[0]) for text, intent in rows
            ],
            answers=await _shop_answers(services),
            moods=[
                MoodCheck(
                    conversation=mood.conversation,
                    language=mood.language,
                    read=mood.read,
                    right=mood.right,
                )
                for mood in reviewed.moods
            ],
        )

    return ReportService(
        measures=measures,
        builder=ReportBuilder(
            measures=measures,
            infos=infos,
            clock=services.clock,
            timezone=settings.timezone,
            least=settings.least,
            brands=services.brands,
            load=load,
            pilots=settings.report.pilots,
            decisions=DecidedProposals(services=services),
        ),
        search=FindingSearch(
            records=services.records,
            facts=measures.facts,
            timezone=settings.timezone,
            inputs=inputs,
        ),
        load=measures.load,
        background=background or None,
    )


async def _shop_answers(services: Services) -> list[ShopAnswer]:
    """The answers in force, those of all brands and each brand's own."""
    from plugins.insights.findings import ShopAnswer  # noqa: PLC0415  (loads numpy)

    paths = (("answers",), *(("brands", brand, "answers") for brand in services.brands))
    written = [await services.trials.in_force("answers", path) for path in paths]
    return [
        ShopAnswer(intent=intent, language=language, text=" ".join(_texts(said)))
        for answers in written
        if isinstance(answers, Mapping)
        for intent, entry in answers.items()
        if isinstance(entry, Mapping) and isinstance(say := entry.get("say"), Mapping)
        for language, said in say.items()
    ]


def _texts(said: Json) -> Iterator[str]:
    """Every text of what an answer says in one language."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping):
        for part in said.values():
            yield from _texts(part)
    elif isinstance(said, list | tuple):
        for part in said:
            yield from _texts(part)
