"""What an adopted proposal did: the weeks after it against the weeks before, and the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway import Services
from plugins.insights.learning.model import (
    EffectMeasure,
    Proposal,
    ProposalEffect,
    ProposalKind,
)
from plugins.insights.learning.storage import StoredProposals
from plugins.insights.measures.values import Comparison, Filters, MeasuredPeriod, MeasuresApi
from plugins.insights.report.material import DecisionEffect

DAYS = 28

AIMS: Mapping[ProposalKind, tuple[str, ...]] = {
    "examples": ("containment_honest", "felt_heard"),
    "new_intent": ("containment_honest", "felt_heard"),
    "answer": ("suggestion_edited", "containment_honest", "felt_heard"),
    "voice_rule": ("mood_change", "felt_heard"),
    "threshold": ("containment_honest", "csat", "felt_heard"),
    "customer_phrase": ("seconds_to_person_upset", "mood_change"),
}
"""The measures that a kind of proposal aims at, the first one most."""
LESS_IS_BETTER = frozenset({"suggestion_edited"})
"""Beside the measures that say so themselves: a draft that agents rewrite is not good yet."""


def is_due(proposal: Proposal, now: datetime) -> bool:
    """Whether the effect of ``proposal`` can be told now and was not yet."""
    decision = proposal.decision
    if proposal.state != "adopted" or decision is None or proposal.effect is not None:
        return False
    return now >= told_on(decision.at)


def told_on(adopted: datetime) -> datetime:
    """When the effect of what was adopted then is told: the day itself belongs to neither side."""
    return adopted + timedelta(days=DAYS + 1)


async def effect_of(proposal: Proposal, measures: MeasuresApi, now: datetime) -> ProposalEffect:
    """The effect of an adopted proposal on the measures that it aims at.

    The conversations that began in the four weeks after the adoption are compared with those of the
    four weeks before. Where it is about one intent or one language, the conversations about all
    others are the rest: what changed there too, the proposal did not do.
    """
    decision = proposal.decision
    assert decision is not None  # noqa: S101  (see `is_due`)
    since = decision.at.date() + timedelta(days=1)
    until = since + timedelta(days=DAYS - 1)
    chosen = _filters(proposal)
    everything = await measures.between(since, until)
    touched = await measures.between(since, until, chosen) if chosen != Filters() else everything
    others = _rest(proposal, everything)
    rest = await measures.between(since, until, others) if others else None
    found = [
        _measure(name, touched.changes[name], rest.changes.get(name) if rest else None)
        for name in AIMS[proposal.kind]
        if name in touched.changes
    ]
    return ProposalEffect(at=now, days=DAYS, measures=tuple(found))


def _measure(name: str, change: Comparison, rest: Comparison | None) -> EffectMeasure:
    from plugins.insights.measures import catalogue, statistics  # noqa: PLC0415  (load numpy)

    info = catalogue.MEASURES[name].info
    more_is_better = info.better != "lower" and name not in LESS_IS_BETTER
    difference = change.difference
    better = None
    if difference.enough and difference.low is not None and difference.high is not None:
        if difference.low > 0:
            better = more_is_better
        elif difference.high < 0:
            better = not more_is_better
    return EffectMeasure(
        measure=name,
        title=info.title,
        change=change,
        better=better,
        rest=rest,
        beyond_rest=(
            statistics.difference_of_differences(difference, rest.difference) if rest else None
        ),
    )


def _filters(proposal: Proposal) -> Filters:
    target = proposal.target
    return Filters(
        brand=(target.brand,) if target.brand else (),
        intent=(target.intent,) if target.intent else (),
        language=(target.language,) if target.language and proposal.kind != "new_intent" else (),
    )


def _rest(proposal: Proposal, everything: MeasuredPeriod) -> Filters | None:
    """All that the proposal is not about; None when there is no such thing."""
    target = proposal.target
    if target.intent:
        names = tuple(name for name in everything.by.get("intent", {}) if name != target.intent)
        return Filters(intent=names) if names else None
    if target.language:
        names = tuple(n for n in everything.by.get("language", {}) if n != target.language)
        return Filters(language=names) if names else None
    return None


@dataclass(frozen=True, kw_only=True)
class DecidedProposals:
    """Tells the report what people decided, and what that did (see `report.material.Decisions`)."""

    services: Services

    async def effects(self, since: date, until: date) -> Sequence[DecisionEffect]:
        """The proposals that were adopted before ``until`` and whose effect belongs to this time:
        it was told at ``since`` or later, or is not told yet. Then those that were declined."""
        store = StoredProposals(self.services.storage)
        decided = await store.listed("adopted", "declined", "rolled_back")
        chosen = [each for each in decided if _belongs(each, since, until)]
        return [effect for proposal in chosen for effect in _effects(proposal)]


def _belongs(proposal: Proposal, since: date, until: date) -> bool:
    decision, effect = proposal.decision, proposal.effect
    if decision is None or decision.at.date() > until:
        return False
    if proposal.state == "adopted" and effect is None:
        return True
    return (effect.at if effect else decision.at).date() >= since


def _effects(proposal: Proposal) -> list[DecisionEffect]:
    decision = proposal.decision
    who = decision.by.partition(":")[2] if decision else ""
    state = proposal.state.replace("_", " ")
    base = DecisionEffect(
        proposal=proposal.id,
        title=proposal.title,
        decision=f"{state} by {who}: {decision.why}" if decision else state,
        adopted=proposal.state == "adopted",
    )
    measures = proposal.effect.measures if proposal.effect else ()
    return [base.replace(measure=each.measure, effect=each.change) for each in measures] or [base]
