"""The page ``/desk/review/examples``: answers that reviewers tagged as good or bad, masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway import Agent, DeskPageRequest, DeskPageResult, Services, Value, known_names, masked
from plugins.insights.review.outcomes import answered_text, asked_message
from plugins.insights.review.pages.html import ReviewTemplates, may_open
from plugins.insights.review.queue import may_judge
from plugins.insights.review.settings import ReviewSettings
from plugins.insights.review.storage import ReviewSheet, ReviewStorage
from plugins.insights.review.values import Judgement, ReviewItem

DAYS = 365
MOST = 50
FILTERS = ("tag", "kind", "channel", "language", "intent")


class TaggedAnswer(Value, frozen=True, kw_only=True):
    """An item with one of its judgements."""

    item: ReviewItem
    said: Judgement

    def get(self, name: str) -> str:
        """The value of a filter."""
        return str(getattr(self.said if name == "tag" else self.item, name))


class ShownExample(Value, frozen=True, kw_only=True):
    """A tagged answer as it is shown: no personal data."""

    tagged: TaggedAnswer
    asked: str
    answered: str
    better: str
    comment: str


@dataclass(kw_only=True)
class ExamplesPage:
    """Lists the tagged answers of a year, newest first, with filters."""

    services: Services
    settings: ReviewSettings
    templates: ReviewTemplates
    path = "/desk/review/examples"
    title = ""

    def __post_init__(self) -> None:
        self.right = self.settings.page_right

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        """At most `MOST` examples that fit the filters."""
        if not may_open(request, self.settings):
            return self.templates.refuse(request)
        since = self.services.clock.now().date() - timedelta(days=DAYS)
        sheet = await ReviewStorage(self.services.storage).sheet(since)
        tagged = tagged_answers(sheet, request.agent)
        chosen = {name: request.query.get(name, "") for name in FILTERS}
        fitting = [
            answer
            for answer in tagged
            if all(not value or answer.get(name) == value for name, value in chosen.items())
        ]
        return self.templates.page(
            request,
            "examples.html",
            title="Examples",
            choices={name: sorted({answer.get(name) for answer in tagged}) for name in FILTERS},
            chosen=chosen,
            count=len(fitting),
            examples=await self._shown(fitting[:MOST]),
        )

    async def _shown(self, tagged: Sequence[TaggedAnswer]) -> list[ShownExample]:
        ids = sorted({answer.item.conversation for answer in tagged})
        cases = {c.conversation.id: c for c in await self.services.records.cases_by_id(ids)}
        shown = []
        for answer in tagged:
            case = cases.get(answer.item.conversation)
            asked = asked_message(case, answer.item) if case else None
            if case is None or asked is None:
                continue
            names, item = known_names(case), answer.item
            shown.append(
                ShownExample(
                    tagged=answer,
                    asked=masked(asked.text, names),
                    answered=masked(answered_text(case, item), names, ours=item.kind == "bot"),
                    better=masked(answer.said.better, names, ours=True),
                    comment=masked(answer.said.comment, names, ours=True),
                )
            )
        return shown


def tagged_answers(sheet: ReviewSheet, agent: Agent) -> list[TaggedAnswer]:
    """The tagged answers that ``agent`` may see, newest first. Those that still wait for their
    second review are left out for people who have not reviewed them: they might."""
    found, by_item = [], sheet.by_item()
    for item in sheet.items:
        said = [judgement for judgement in by_item.get(item.id, ()) if not judgement.skipped]
        own = any(judgement.reviewer == agent.id for judgement in said)
        if may_judge(item, agent) and (own or len(said) >= item.reviewers):
            found += [TaggedAnswer(item=item, said=j) for j in said if j.tag]
    return sorted(found, key=lambda answer: answer.said.at, reverse=True)
