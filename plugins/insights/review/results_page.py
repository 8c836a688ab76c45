"""The page ``/desk/review/results``: what reviews say of all answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gateway import DeskPageRequest, DeskPageResult, Services
from plugins.insights.review.html import ReviewTemplates, may_open
from plugins.insights.review.queue import first_open_day
from plugins.insights.review.rates import review_figures
from plugins.insights.review.settings import ReviewSettings
from plugins.insights.review.storage import ReviewSheet, ReviewStorage

WEEKS = (4, 13, 52)
NAMES: Mapping[str, str] = {
    "right_intent": "Intent read right",
    "right_mood": "Mood read right",
    "facts_right": "Facts right",
    "tone_right": "Tone fits",
    "opener_right": "Opener right",
    "explanation_right": "Explanation right",
    "next_step_right": "Next step right",
}
SHORT = ("right_intent", "facts_right", "tone_right")


@dataclass(kw_only=True)
class ResultsPage:
    """Shows weighted rates with intervals, AC1, and how much waits. Never by person."""

    services: Services
    settings: ReviewSettings
    templates: ReviewTemplates
    least: int
    path = "/desk/review/results"
    title = ""

    def __post_init__(self) -> None:
        self.right = self.settings.page_right

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        """The figures of the last ``?weeks=`` weeks."""
        if not may_open(request, self.settings):
            return self.templates.refuse(request)
        asked = request.query.get("weeks", "")
        weeks = next((number for number in WEEKS if str(number) == asked), WEEKS[1])
        today = self.services.clock.now().date()
        sheet = await ReviewStorage(self.services.storage).sheet(today - timedelta(weeks=weeks))
        visible = [item for item in sheet.items if request.agent.works_for(item.brand)]
        chosen = ReviewSheet(items=tuple(visible), judgements=sheet.judgements)
        figures = await asyncio.to_thread(review_figures, chosen, least=self.least)
        return self.templates.page(
            request,
            "results.html",
            title="Results of reviews",
            figures=figures,
            weeks=weeks,
            choices=WEEKS,
            names=NAMES,
            short=SHORT,
            waiting=_waiting(chosen, self.settings, first_open_day(today, self.settings)),
        )


def _waiting(sheet: ReviewSheet, settings: ReviewSettings, since: date) -> dict[str, int]:
    """Items that nobody has reviewed yet and that are still offered, by language, for languages
    that not everybody reads."""
    judged = {judgement.item for judgement in sheet.judgements if not judgement.skipped}
    waiting: dict[str, int] = {}
    for item in sheet.items:
        open_item = item.id not in judged and item.day >= since
        if open_item and item.language not in (*settings.read_by_all, "und"):
            waiting[item.language] = waiting.get(item.language, 0) + 1
    return waiting
