"""Findings become proposals, once."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from gateway import HealthCheck
from plugins.insights.learning.effects import DecidedProposals
from plugins.insights.learning.plugin import LearningPart
from plugins.insights.model import Discovery, IntentDraft, MaskedExample
from plugins.insights.settings import InsightsSettings
from tests.insights.learning.proposals import conversations, discoveries
from tests.insights.learning.shop import Shop


def part(folder: Path) -> LearningPart:
    return LearningPart(settings=InsightsSettings(), folder=folder / "insights")


async def test_a_weekly_round_proposes_and_the_findings_name_the_proposals(
    shop: Shop, tmp_path: Path
) -> None:
    await conversations(shop)
    services = shop.running.services
    found = await part(tmp_path).learn_weekly(services, discoveries())
    assert [each.proposal for each in found] == ["1", "2", "3"]
    again = await part(tmp_path).learn_weekly(services, discoveries())
    assert [each.proposal for each in again] == ["1", "2", "3"]
    kinds = [each.kind for each in await shop.learning.store.listed()]
    assert sorted(kinds) == ["answer", "new_intent", "voice_rule"]


async def test_a_declined_intent_is_not_proposed_under_another_name(
    shop: Shop, tmp_path: Path
) -> None:
    """The most telling words of the same questions may change from week to week."""
    await conversations(shop)
    learn = part(tmp_path).learn_weekly
    await learn(shop.running.services, discoveries()[:1])
    row = (await shop.learning.decisions.current("1")).proposal.row
    await shop.learning.decisions.decline("1", row=row, author="desk:ana", why="no paper")
    again = discoveries()[0]
    assert isinstance(again.draft, IntentDraft)
    await learn(
        shop.running.services, [again.replace(draft=again.draft.replace(name="birthday present"))]
    )
    assert [each.state for each in await shop.learning.store.listed()] == ["declined"]


async def test_a_finding_of_erased_conversations_proposes_none_of_their_words(
    shop: Shop, tmp_path: Path
) -> None:
    await conversations(shop)
    texts = ("is gift paper possible", "do you wrap gifts")
    examples = (
        MaskedExample(conversation=1, text=texts[0]),
        MaskedExample(conversation=999, text=texts[1]),
    )
    gone = Discovery(
        kind="unanswered_question",
        title="Two asked.",
        examples=examples,
        draft=IntentDraft(name="gifts", language="en", examples=examples),
    )
    await part(tmp_path).learn_weekly(shop.running.services, [gone])
    whole = await shop.learning.decisions.current("1")
    assert [each.text for each in whole.sentences] == [texts[0]]
    assert whole.erased == 0


async def test_the_report_is_told_what_was_decided(shop: Shop, tmp_path: Path) -> None:
    await conversations(shop)
    await part(tmp_path).learn_weekly(shop.running.services, discoveries())
    for id, verb in (("2", "adopt"), ("3", "decline")):
        row = (await shop.learning.decisions.current(id)).proposal.row
        decisions = shop.learning.decisions
        if verb == "adopt":
            await decisions.adopt(id, row=row, after=0, author="desk:ana", why="clear")
        else:
            await decisions.decline(id, row=row, author="desk:ben", why="kept")
    told = await DecidedProposals(services=shop.running.services).effects(
        date(2026, 3, 1), date(2026, 3, 8)
    )
    assert [(each.proposal, each.decision) for each in told] == [
        ("3", "declined by ben: kept"),
        ("2", "adopted by ana: clear"),
    ]


async def test_doctor_warns_after_a_quarter(shop: Shop, tmp_path: Path) -> None:
    learning = part(tmp_path)
    assert isinstance(learning, HealthCheck)
    await learning.learn_weekly(shop.running.services, [])
    assert await learning.check_health(shop.running.clock) == ()
    await shop.running.pass_time(timedelta(days=91).total_seconds())
    (problem,) = await learning.check_health(shop.running.clock)
    assert problem.severity == "warning"
    assert problem.what == "Nothing has been added to the examples for 91 days"


async def test_a_draft_that_agents_rewrite_changes_for_them_and_not_for_the_bot(
    shop: Shop, tmp_path: Path
) -> None:
    await conversations(shop)
    await part(tmp_path).learn_weekly(shop.running.services, discoveries()[1:2])
    proposal = (await shop.learning.decisions.current("1")).proposal
    assert proposal.title == "Change the draft for agents about “refund” (en)"
    assert proposal.evaluation is not None
    assert "it leaves us today" in proposal.evaluation.renderings[0].after[0]
    await shop.learning.decisions.adopt("1", row=proposal.row, after=0, author="desk:ana", why="y")
    max_ = shop.customer("max")
    await max_.say("when do I get my refund")
    assert "A refund is back in your account" in max_.heard[-1]
