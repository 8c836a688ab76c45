"""Four weeks later an adopted proposal shows its effect, or that it cannot be told."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.testing import FakeClock
from plugins.insights.learning.effects import effect_of, is_due
from plugins.insights.learning.html import effect_words
from plugins.insights.learning.model import (
    Proposal,
    ProposalDecision,
    ProposalKind,
    ProposalTarget,
)
from plugins.insights.learning.reminder import TrainingRecordFile, overdue
from plugins.insights.measures.statistics import rate, rate_difference
from plugins.insights.measures.values import (
    EVERYTHING,
    Comparison,
    Filters,
    MeasuredGroup,
    MeasuredPeriod,
    Totals,
)
from plugins.insights.model import Figure
from tests.bench.findings.effects import ShownEffect, quality

NOW = FakeClock().now()


def shares(before: int, after: int, of: int = 200) -> Comparison:
    """Of so many cases each, before and after."""
    return Comparison(
        figure=rate(after, of, 30),
        other=rate(before, of, 30),
        difference=rate_difference((after, before), (of, of), 30),
    )


class CountedMeasures:
    """Measures that were counted: ``mine`` for the intent ``refund``, ``others`` for the rest."""

    def __init__(self, mine: Comparison, others: Comparison) -> None:
        self.mine, self.others = mine, others
        self.asked: list[tuple[date, date, Filters]] = []

    async def refresh(self) -> None: ...

    async def between(
        self, since: date, until: date, filters: Filters = EVERYTHING
    ) -> MeasuredPeriod:
        self.asked.append((since, until, filters))
        change = self.mine if filters.intent == ("refund",) else self.others
        names = ("suggestion_edited", "containment_honest", "mood_change")
        group = MeasuredGroup(
            totals=Totals(),
            share=Figure(value=1.0, low=1.0, high=1.0, n=1, enough=False),
            figures={},
        )
        return MeasuredPeriod(
            since=since,
            until=until,
            changes=dict.fromkeys(names, change),
            by={"intent": {"refund": group, "hours": group}},
        )


def adopted(kind: ProposalKind = "answer") -> Proposal:
    return Proposal(
        id="1",
        kind=kind,
        state="adopted",
        title="t",
        found="f",
        target=ProposalTarget(at=("answers", "refund"), intent="refund", language="en"),
        source="review",
        made_at=NOW,
        updated_at=NOW,
        decision=ProposalDecision(by="desk:ana", at=NOW, why="w", version=1),
    )


@pytest.mark.parametrize(
    ("before", "after", "better"), [(140, 80, True), (80, 140, False), (100, 96, None)]
)
async def test_an_effect_is_better_worse_or_cannot_be_told(
    before: int, after: int, better: bool | None
) -> None:
    """Fewer edits of a suggestion are better."""
    measures = CountedMeasures(shares(before, after), shares(100, 100))
    effect = await effect_of(adopted(), measures, NOW)  # type: ignore[arg-type]
    assert effect.measures[0].measure == "suggestion_edited"
    assert effect.measures[0].better is better


async def test_the_day_of_the_adoption_belongs_to_neither_side() -> None:
    measures = CountedMeasures(shares(100, 50), shares(100, 100))
    await effect_of(adopted(), measures, NOW)  # type: ignore[arg-type]
    assert measures.asked[0][:2] == (date(2026, 3, 3), date(2026, 3, 30))
    assert measures.asked[1][2] == Filters(intent=("refund",), language=("en",))
    assert measures.asked[2][2] == Filters(intent=("hours",))


async def test_what_changed_everywhere_the_proposal_did_not_do() -> None:
    measures = CountedMeasures(shares(140, 80), shares(140, 82))
    first = (await effect_of(adopted(), measures, NOW)).measures[0]  # type: ignore[arg-type]
    assert first.beyond_rest is not None
    assert first.beyond_rest.low is not None
    assert first.beyond_rest.high is not None
    assert first.beyond_rest.low < 0 < first.beyond_rest.high


def test_an_effect_is_told_after_four_weeks_and_once() -> None:
    proposal = adopted()
    assert not is_due(proposal, NOW + timedelta(days=28))
    assert is_due(proposal, NOW + timedelta(days=29))
    assert effect_words(proposal, NOW) == "told on 31 March"


def test_a_quarter_without_new_examples_is_a_reminder(tmp_path: Path) -> None:
    record = TrainingRecordFile(tmp_path / "insights")
    assert overdue(record.read(), NOW) == ""
    record.note([("where is it", "status")], NOW)
    record.note([("where is it", "status")], NOW + timedelta(days=80))
    assert overdue(record.read(), NOW + timedelta(days=89)) == ""
    assert "for 90 days" in overdue(record.read(), NOW + timedelta(days=90))
    record.note([("where is it", "status"), ("is it there", "status")], NOW + timedelta(days=91))
    assert overdue(record.read(), NOW + timedelta(days=92)) == ""


def test_the_record_holds_no_words(tmp_path: Path) -> None:
    TrainingRecordFile(tmp_path).note([("where is my zebra", "status")], NOW)
    assert b"zebra" not in (tmp_path / "training.json").read_bytes()


def test_how_good_effects_are() -> None:
    """Of three runs the mean is the truth; an interval with 0 in it shows nothing."""
    runs = [
        ShownEffect("csat", 0.1, 0.05, 0.15, shown=True),
        ShownEffect("csat", 0.3, -0.1, 0.4, shown=False),
        ShownEffect("csat", -0.1, -0.2, -0.05, shown=True),
    ]
    found = quality(runs)
    assert (found.runs, found.shown, found.covered) == (3, 2, 2)
    assert found.truth == pytest.approx(0.1)
