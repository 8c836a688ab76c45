"""A lead changes the policy, and sees what it would have done."""

from __future__ import annotations

from typing import Any

from gateway.testing import RunningGateway
from tests.lead_rooms.conftest import Enter
from tests.lead_rooms.shop import ASKED, hears

POLICY = "/desk/policy"
BELOW = "reasons.low_confidence.below"


async def test_the_effect_counts_what_would_be_handed_over(
    shop: RunningGateway, enter: Enter
) -> None:
    """By reason, with masked examples; and afterwards it is so."""
    for name in ("kim", "lea"):
        await hears(shop, name, f"{ASKED[:-1]} for MP-48213")
    await hears(shop, "max", "when are you open")
    await shop.pass_time(60)
    ana = await enter()
    await ana.open(POLICY)
    changed = {BELOW: "0.95", "clarify.times": "0"}
    assert await ana.submit(POLICY, "effect", **changed) == 200
    assert "2 more hand-overs : 2 instead of 0, of 3 messages in 3 conversations." in ana.words
    assert "The bot was not sure what is meant 0 2" in ana.words
    assert "When do I get my refund for […]" in ana.words
    assert "MP-48213" not in ana.page
    assert "100 % are routed by the policy in force as they were." in ana.words
    assert await ana.submit(POLICY, "save", why="surer") == 200
    assert "person" in await hears(shop, "mia", "refund my bike")
    assert shop.gateway.policy.reasons.low_confidence.below == 0.95


async def test_what_is_erased_is_not_shown_any_more(shop: RunningGateway, enter: Enter) -> None:
    text = "when do I get my refund now"
    await hears(shop, "kim", text)
    await shop.pass_time(60)
    ana = await enter()
    await ana.open(POLICY)
    await ana.submit(POLICY, "effect", **{BELOW: "0.99"})
    assert text in ana.words
    await shop.gateway.customer_data.erase(shop.customer("webchat", "kim").address)
    await ana.submit(POLICY, "effect")
    assert text not in ana.words


async def test_a_switch_and_a_list_are_saved(shop: RunningGateway, enter: Enter) -> None:
    ana = await enter()
    await ana.open(POLICY)
    changed = {
        "reasons.urgent.enabled": "",
        "reasons.sensitive_intent.intents": "complaint, fraud",
        "tiers.front.claim_minutes": "7.5",
    }
    assert await ana.submit(POLICY, "save", why="fewer", **changed) == 200
    policy = shop.gateway.policy
    assert policy.reasons.urgent.enabled is False
    assert policy.reasons.sensitive_intent.intents == {"complaint", "fraud"}
    assert policy.tiers["front"].claim_minutes == 7.5


MISTAKES: tuple[tuple[Any, ...], ...] = (
    (BELOW, "2", "must be at most 1"),
    (BELOW, "high", "Is no number; write one, such as 0.55."),
    ("reasons.harm.tier", "moon", "there is no tier `moon`"),
    ("clarify.moods", "calm, sad", "sad"),
)


async def test_mistakes_stand_at_their_fields(enter: Enter) -> None:
    """Each says what is wrong, and keeps what was typed."""
    ana = await enter()
    for name, value, says in MISTAKES:
        await ana.open(POLICY)
        assert await ana.submit(POLICY, "save", why="x", **{name: value}) == 422
        assert says.casefold() in ana.words.casefold()
        assert ana.typed(name) == value


async def test_a_lead_of_one_brand_may_try_and_not_save(shop: RunningGateway, enter: Enter) -> None:
    """And sees messages of that brand alone."""
    await hears(shop, "kim")
    await shop.pass_time(60)
    nora = await enter("nora")
    await nora.open(POLICY)
    await nora.submit(POLICY, "effect", **{BELOW: "0.99"})
    assert "The bot routed no message in this time" in nora.words
    assert await nora.submit(POLICY, "save", why="x") == 403
    assert not await shop.services.versions.history()
