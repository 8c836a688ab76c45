"""One round of learning: findings and reviews become proposals, which are evaluated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway import CaseRecord, Outdated, Services, Value, WarmlineError
from plugins.insights.learning.deciding import ProposalDecisions
from plugins.insights.learning.drafting import draft_of, is_about_same, was_decided
from plugins.insights.learning.effects import effect_of, is_due
from plugins.insights.learning.evaluation import ProposalEvaluator, base_of
from plugins.insights.learning.model import (
    TICKETS,
    Proposal,
    ProposalDraft,
    ProposalEvaluation,
    ProposalTarget,
    ProposedSentence,
    WholeProposal,
)
from plugins.insights.learning.moods import draft_phrases, reviewed_messages
from plugins.insights.learning.replay import draft_threshold
from plugins.insights.learning.reviews import labelled_rows, review_drafts
from plugins.insights.learning.storage import StoredProposals, lacks_words
from plugins.insights.measures.values import MeasuresApi
from plugins.insights.model import Discovery
from plugins.insights.review.storage import ReviewSheet, ReviewStorage

REVIEWED_DAYS = 180
"""Reviews that are older say little of today's messages."""
MOST_OPEN = 50
"""Nobody decides more; the newest findings wait until some are decided."""

Discover = Callable[[datetime], Awaitable[Sequence[Discovery]]]
"""What the report finds in the conversations until then."""

log = structlog.get_logger(__name__)


class LearningRound(Value, frozen=True, kw_only=True):
    """What one round did, as ids of proposals."""

    new: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    evaluated: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    postponed: int = 0
    """Drafts that wait, as too many proposals are open."""


@dataclass(kw_only=True)
class Learning:
    """Learns from findings and reviews. Nothing that customers see changes by it.

    ``discover`` finds what the report finds; None: only reviews count. ``measures`` tells effects;
    None: none are told. ``least`` is how many rows are enough for a figure.
    """

    services: Services
    discover: Discover | None = None
    measures: Callable[[], MeasuresApi] | None = None
    least: int = 30
    tickets: Sequence[Callable[[], Awaitable[Sequence[ProposalDraft]]]] = ()
    """Where past conversations become drafts; see `plugins.insights.tickets`."""

    def __post_init__(self) -> None:
        self.store = StoredProposals(self.services.storage)
        self.decisions = ProposalDecisions(services=self.services, store=self.store)

    async def learn(self) -> LearningRound:
        """Draft, store and evaluate proposals, and tell the effects that are due."""
        now = self.services.clock.now()
        sheet, cases = await self._reviews(now)
        drafts = await self._drafts(now, sheet, cases)
        new, updated, postponed = await self._keep(drafts, now)
        async with self.evaluator(sheet, cases) as evaluator:
            readings = await evaluator.labelled_readings()
            below = await evaluator.confident_from()
            threshold = draft_threshold(readings, below)
            more = await self._keep([threshold] if threshold else [], now)
            evaluated = [
                proposal.id
                for proposal in await self.store.listed("open")
                if await self._evaluate(proposal, evaluator, again=False)
            ]
        return LearningRound(
            new=(*new, *more[0]),
            updated=(*updated, *more[1]),
            evaluated=tuple(evaluated),
            effects=tuple(await self._tell_effects(now)),
            postponed=postponed + more[2],
        )

    async def evaluate(self, id: str) -> WholeProposal:
        """Evaluate one open proposal again, as things are now. Raises NotFound."""
        sheet, cases = await self._reviews(self.services.clock.now())
        async with self.evaluator(sheet, cases) as evaluator:
            whole = await self.decisions.current(id)
            await self._evaluate(whole.proposal, evaluator, again=True)
        return await self.decisions.current(id)

    async def evaluate_sentences(self, intent: str, texts: Sequence[str]) -> ProposalEvaluation:
        """Evaluate a colleague's own sentences as examples of ``intent``, as those of a proposal
        are."""
        now = self.services.clock.now()
        proposal = Proposal(
            id="",
            kind="examples",
            title="",
            found="",
            target=ProposalTarget(at=("examples", intent), intent=intent),
            source="lead",
            made_at=now,
            updated_at=now,
        )
        sentences = tuple(ProposedSentence(text=text) for text in texts)
        sheet, cases = await self._reviews(now)
        async with self.evaluator(sheet, cases) as evaluator:
            return await evaluator.evaluate(WholeProposal(proposal=proposal, sentences=sentences))

    def evaluator(self, sheet: ReviewSheet, cases: Sequence[CaseRecord]) -> ProposalEvaluator:
        return ProposalEvaluator(
            services=self.services,
            labelled=labelled_rows(sheet, cases),
            moods=reviewed_messages(sheet, cases),
            least=self.least,
            companions=self._open_proposals,
        )

    async def _open_proposals(self) -> list[WholeProposal]:
        return [await self.store.proposal(each.id) for each in await self.store.listed("open")]

    async def _drafts(
        self, now: datetime, sheet: ReviewSheet, cases: Sequence[CaseRecord]
    ) -> list[ProposalDraft]:
        trials = self.services.trials
        found = list(await review_drafts(sheet, cases, trials))
        found += draft_phrases(reviewed_messages(sheet, cases))
        for search in self.tickets:
            found += await search()
        for discovery in await self.discover(now) if self.discover else ():
            if draft := await draft_of(discovery, trials):
                found.append(draft)
        return found

    async def _keep(
        self, drafts: Sequence[ProposalDraft], now: datetime
    ) -> tuple[list[str], list[str], int]:
        """Store what is new, and what is new about open proposals."""
        new: list[str] = []
        updated: list[str] = []
        postponed = 0
        for draft in drafts:
            known = await self.store.listed()
            open_now = [each for each in known if each.state in ("open", "adopting")]
            if was_decided(draft, (each for each in known if each not in open_now)):
                continue
            same = next((each for each in open_now if is_about_same(draft, each)), None)
            if same is not None:
                updated += await self._refresh(same, draft, now)
            elif len(open_now) >= MOST_OPEN:
                postponed += 1
            else:
                new.append((await self.store.add(draft, now)).id)
        return new, updated, postponed

    async def _refresh(self, proposal: Proposal, draft: ProposalDraft, now: datetime) -> list[str]:
        known = draft.evidence == proposal.evidence and not lacks_words(proposal, draft)
        # What is found in one way would else replace each week what is found in another.
        other = TICKETS in (proposal.source, draft.source) and proposal.source != draft.source
        if proposal.state != "open" or known or other:
            return []
        try:
            return [(await self.store.refresh(proposal, draft, now)).id]
        except Outdated:  # a person is at it
            return []

    async def _evaluate(
        self, proposal: Proposal, evaluator: ProposalEvaluator, *, again: bool
    ) -> bool:
        whole = await self.store.proposal(proposal.id)
        if whole.proposal.state != "open" or not (again or await self._needs(whole)):
            return False
        try:
            evaluation = await evaluator.evaluate(whole)
            await self.store.change(whole.proposal.replace(evaluation=evaluation))
        except Outdated:  # a person changed or decided it meanwhile
            return False
        except WarmlineError as error:
            if again:
                raise
            log.warning("learning.not_evaluated", proposal=proposal.id, error=str(error))
            return False
        return True

    async def _needs(self, whole: WholeProposal) -> bool:
        """Whether there is no evaluation that still holds."""
        evaluation = whole.proposal.evaluation
        if evaluation is None or whole.stale:
            return True
        return await base_of(self.services.trials, whole.proposal) != evaluation.base

    async def _tell_effects(self, now: datetime) -> list[str]:
        if self.measures is None:
            return []
        listed = await self.store.listed("adopted")
        current = [(await self.decisions.current(each.id)).proposal for each in listed]
        due = [proposal for proposal in current if is_due(proposal, now)]
        if not due:
            return []
        measures = self.measures()
        await measures.refresh()
        told: list[str] = []
        for proposal in due:
            with suppress(Outdated):  # a person rolls it back at this moment
                effect = await effect_of(proposal, measures, now)
                await self.store.change(proposal.replace(effect=effect))
                told.append(proposal.id)
        return told

    async def _reviews(self, now: datetime) -> tuple[ReviewSheet, tuple[CaseRecord, ...]]:
        """What was reviewed lately, and the conversations that it is about."""
        since = (now - timedelta(days=REVIEWED_DAYS)).date()
        sheet = await ReviewStorage(self.services.storage).sheet(since)
        judged = {judgement.item for judgement in sheet.judgements if not judgement.skipped}
        ids = sorted({item.conversation for item in sheet.items if item.id in judged})
        return sheet, await self.services.records.cases_by_id(ids)
