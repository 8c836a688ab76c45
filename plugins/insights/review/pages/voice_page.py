"""The page ``/desk/review/voice``: a month's answers on all channels, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gateway import (
    CaseRecord,
    DeskPageRequest,
    DeskPageResult,
    NotFound,
    Services,
    Value,
    known_names,
    masked,
)
from plugins.insights.review.outcomes import answered_text, asked_message
from plugins.insights.review.pages.form import LONGEST_COMMENT
from plugins.insights.review.pages.html import ReviewTemplates, may_open
from plugins.insights.review.settings import ReviewSettings
from plugins.insights.review.storage import ReviewStorage
from plugins.insights.review.values import ReviewItem, VoiceSample, VoiceVerdict

PATH = "/desk/review/voice"
MOST_KINDS = 6
"""Kinds of cases that are shown: those on most channels."""


class ShownSample(Value, frozen=True, kw_only=True):
    """A sample as it is shown: no personal data."""

    sample: VoiceSample
    asked: str
    answered: str


class VoiceGroup(Value, frozen=True, kw_only=True):
    """One kind of case on several channels, and what the reviewer said of it before."""

    id: str
    samples: tuple[ShownSample, ...]
    verdict: VoiceVerdict | None = None
    others: int = 0
    """Other people who have judged it."""


@dataclass(kw_only=True)
class VoicePage:
    """Shows kinds of cases with one answer of each channel, and asks whether they are one voice.

    A comment belongs to the answer that differs, so that erasing its customer erases the comment.
    """

    services: Services
    settings: ReviewSettings
    templates: ReviewTemplates
    path = PATH
    title = ""

    def __post_init__(self) -> None:
        self.right = self.settings.page_right
        self._storage = ReviewStorage(self.services.storage)

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        """The samples of ``?month=2026-03``, by default of the last month."""
        if not may_open(request, self.settings):
            return self.templates.refuse(request)
        today = self.services.clock.now().date()
        month = request.query.get("month", "") or month_before(f"{today:%Y-%m}")
        return await self._page(request, _first_day(month))

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Store what the reviewer says of one kind of case."""
        if not may_open(request, self.settings):
            return self.templates.refuse(request)
        first = _first_day(request.value("sample").partition("/")[0])
        samples = [
            sample
            for sample in await self._storage.voice_samples(f"{first:%Y-%m}")
            if sample.id == request.value("sample") and request.agent.works_for(sample.brand)
        ]
        if not samples:
            raise NotFound("These answers are no longer there")
        one_voice, comment = request.value("one_voice"), request.value("comment").strip()
        other = next((s for s in samples if s.channel == request.value("channel")), None)
        problem = ""
        if one_voice not in ("yes", "no"):
            problem = "Please say whether these answers are of one voice."
        elif one_voice == "no" and other is None:
            problem = "Please choose the channel that differs most."
        elif len(comment) > LONGEST_COMMENT:
            problem = f"Please use at most {LONGEST_COMMENT} characters."
        if problem:
            return await self._page(request, first, problem=problem)
        differs = other if one_voice == "no" else None
        await self._storage.keep_verdict(
            VoiceVerdict(
                sample=samples[0].id,
                reviewer=request.agent.id,
                at=self.services.clock.now(),
                one_voice=one_voice == "yes",
                channel=differs.channel if differs else "",
                conversation=differs.conversation if differs else 0,
                comment=comment if differs else "",
            )
        )
        await self.services.audit.record(
            request.agent.id,
            "voice_reviewed",
            conversation=differs.conversation if differs else None,
            detail=f"voice {samples[0].id}"[:200],
        )
        return DeskPageResult(redirect=f"{PATH}?month={first:%Y-%m}")

    async def _page(
        self, request: DeskPageRequest, first: date, *, problem: str = ""
    ) -> DeskPageResult:
        month = f"{first:%Y-%m}"
        samples = [
            sample
            for sample in await self._storage.voice_samples(month)
            if request.agent.works_for(sample.brand)
            and self.settings.reads(request.agent, sample.language)
        ]
        ids = sorted({sample.conversation for sample in samples})
        cases = {c.conversation.id: c for c in await self.services.records.cases_by_id(ids)}
        groups = voice_groups(samples, cases, await self._storage.verdicts(month), request.agent.id)
        return self.templates.page(
            request,
            "voice.html",
            title="One voice",
            status=422 if problem else 200,
            problem=problem,
            month=f"{first:%B %Y}",
            before=month_before(month),
            after=_month_after(month),
            groups=groups,
            brands=self.services.brands,
        )


def voice_groups(
    samples: Sequence[VoiceSample],
    cases: Mapping[int, CaseRecord],
    verdicts: Sequence[VoiceVerdict],
    reviewer: str,
) -> list[VoiceGroup]:
    """The kinds of cases that are on two channels or more, those on most channels first."""
    grouped: dict[str, list[ShownSample]] = {}
    for sample in samples:
        if shown := _shown(sample, cases.get(sample.conversation)):
            grouped.setdefault(sample.id, []).append(shown)
    several = [(id, found) for id, found in grouped.items() if len(found) > 1]
    several.sort(key=lambda entry: (-len(entry[1]), entry[0]))
    return [
        VoiceGroup(
            id=id,
            samples=tuple(sorted(found, key=lambda shown: shown.sample.channel)),
            verdict=next((v for v in verdicts if (v.sample, v.reviewer) == (id, reviewer)), None),
            others=sum(v.sample == id and v.reviewer != reviewer for v in verdicts),
        )
        for id, found in several[:MOST_KINDS]
    ]


def month_before(month: str) -> str:
    """``2026-02`` of ``2026-03``."""
    year, number = map(int, month.split("-"))
    return f"{year - (number == 1):04}-{(number - 2) % 12 + 1:02}"


def _month_after(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year + (number == 12):04}-{number % 12 + 1:02}"


def _first_day(month: str) -> date:
    try:
        return date.fromisoformat(f"{month}-01")
    except ValueError:
        raise NotFound(f"There is no month {month[:20]}; write it as 2026-03") from None


def _shown(sample: VoiceSample, case: CaseRecord | None) -> ShownSample | None:
    if case is None:
        return None
    item = ReviewItem(
        day=date.fromisoformat(f"{sample.month}-01"),
        conversation=sample.conversation,
        message=sample.message,
        asked=sample.asked,
        kind=sample.kind,
        channel=sample.channel,
        language=sample.language,
        intent=sample.intent,
        probability=1.0,
    )
    asked, answered, names = asked_message(case, item), answered_text(case, item), known_names(case)
    if asked is None or not answered:
        return None
    return ShownSample(
        sample=sample,
        asked=masked(asked.text, names),
        answered=masked(answered, names, ours=sample.kind == "bot"),
    )
