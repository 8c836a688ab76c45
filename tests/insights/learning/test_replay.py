"""Thresholds, voice rules and customers' phrases are tried on the last weeks."""

from __future__ import annotations

import pytest

from gateway import AddItems, SetValue, routed_turns
from plugins.insights.learning.drafting import voice_rule_changes
from plugins.insights.learning.model import ProposalDraft, ProposalTarget
from plugins.insights.learning.moods import (
    ReviewedMessage,
    draft_phrases,
    evaluate_phrase,
    has_phrase,
)
from plugins.insights.learning.replay import AT, compare_routes, recent_cases
from tests.insights.learning.shop import Shop


def said(text: str, *, read: str = "calm", right: str = "calm", number: int = 1) -> ReviewedMessage:
    return ReviewedMessage(
        text=text,
        shown=text,
        language="en",
        conversation=number,
        read=read,  # type: ignore[arg-type]
        right=right,  # type: ignore[arg-type]
        key=f"k{number}",
    )


async def talk(shop: Shop) -> None:
    """Clear and less clear questions, and one furious customer."""
    for number, text in enumerate(
        (
            "where is my refund",
            "when are you open",
            "my refund please today",
            "open on monday then",
            "I am furious about my refund",
        )
    ):
        await shop.customer(f"c{number}").say(text)
    await shop.running.pass_time(60)


async def add(shop: Shop, draft: ProposalDraft) -> str:
    return (await shop.learning.store.add(draft, shop.running.clock.now())).id


async def test_turns_are_replayed_as_they_were_routed(shop: Shop) -> None:
    await talk(shop)
    records, now = shop.running.services.records, shop.running.clock.now()
    turns = [turn async for case in recent_cases(records, now) for turn in routed_turns(case)]
    comparisons, faithful = await compare_routes(shop.running.services.trials, turns, (), least=1)
    assert len(turns) == 5
    assert faithful == 1.0
    assert all(each.gained == each.lost == 0 for each in comparisons)


async def test_a_threshold_says_which_turns_would_be_routed_otherwise(shop: Shop) -> None:
    await talk(shop)
    target = ProposalTarget(at=AT)
    draft = ProposalDraft(
        kind="threshold",
        title="Raise it",
        found="Found.",
        target=target,
        source="review",
        changes=(SetValue(at=AT, value=0.99),),
    )
    await add(shop, draft)
    evaluation = (await shop.learning.evaluate("1")).proposal.evaluation
    assert evaluation is not None
    answered = next(
        each for each in evaluation.comparisons if (each.group, each.measure) == ("all", "answered")
    )
    assert (answered.lost, answered.gained) == (1, 0)
    assert "100% of the turns are replayed as they were routed." in evaluation.notes


async def test_a_voice_rule_says_which_messages_contain_the_phrase(shop: Shop) -> None:
    await talk(shop)
    draft = ProposalDraft(
        kind="voice_rule",
        title="Avoid it",
        found="Found.",
        target=ProposalTarget(at=("lexicon",), language="en", phrase="from nine to five"),
        source="phrase_hurts",
        changes=voice_rule_changes("from nine to five", "en", "from 9 to 5", known_category=False),
    )
    await add(shop, draft)
    evaluation = (await shop.learning.evaluate("1")).proposal.evaluation
    assert evaluation is not None
    assert evaluation.sentence == (
        "It stands in 1 of our 5 messages of the last 28 days: 1 by the bot, 0 by people. There is "
        "a replacement, which the bot would use."
    )


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ("What a rip-off!", "rip off|ripoff", True),
        ("this is a RIPOFF", "ripoff|swindle", True),
        ("grip off", "rip off", False),
        ("rip offs", "rip off", False),
        ("you are robbing me", "rob* me", True),
        ("so very bad", "so very? bad", True),
        ("so bad", "so very? bad", True),
    ],
)
def test_a_phrase_of_the_guide_is_found(text: str, phrase: str, found: bool) -> None:
    assert has_phrase(text, phrase) == found


def test_words_of_upset_customers_that_are_read_as_calm_become_a_phrase() -> None:
    upset = [
        said(f"honestly it beggars belief {thing}", right="angry", number=number)
        for number, thing in enumerate(("again", "today", "really", "now"), 1)
    ]
    calm = [said(f"where is my {thing}", number=20 + n) for n, thing in enumerate("abcdefghijkl")]
    drafts = draft_phrases([*upset, *calm])
    assert [draft.target.phrase for draft in drafts] == ["honestly it beggars"]
    assert drafts[0].changes == (
        AddItems(at=("customers", "en", "angry"), items=("honestly it beggars",)),
    )


def test_a_phrase_of_one_customer_is_chance() -> None:
    upset = [said("it beggars belief", right="angry") for _ in range(6)]
    calm = [said(f"where is my {thing}", number=20 + n) for n, thing in enumerate("abcdefghijkl")]
    assert draft_phrases([*upset, *calm]) == []


async def test_a_phrase_that_calm_customers_use_raises_alarms(shop: Shop) -> None:
    await talk(shop)
    draft = ProposalDraft(
        kind="customer_phrase",
        title="Read it",
        found="Found.",
        target=ProposalTarget(at=("customers", "en", "angry"), language="en", phrase="my refund"),
        source="review",
        changes=(AddItems(at=("customers", "en", "angry"), items=("my refund",)),),
    )
    proposal = await shop.learning.store.add(draft, shop.running.clock.now())
    reviewed = [said(f"my refund {n}", number=n) for n in range(8)]
    found = evaluate_phrase(
        proposal, reviewed, {"calm": 3}, at=shop.running.clock.now(), version=0, least=5
    )
    assert found.verdict == "worse"
    assert found.sentence.startswith("8 calm messages would be taken for upset ones.")
