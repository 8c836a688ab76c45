"""A lead changes the guide, and sees how past replies would read."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.testing import RunningGateway
from plugins.lead_rooms.guide_effect import word_difference
from tests.lead_rooms.conftest import Enter
from tests.lead_rooms.shop import hears

GUIDE = "/desk/guide"


async def test_past_replies_are_compared_before_it_is_saved(
    shop: RunningGateway, enter: Enter
) -> None:
    """The bot's are rewritten, people's are advised on, and others stay."""
    await hears(shop, "kim")
    await hears(shop, "lea", "when are you open")
    max_ = shop.customer("webchat", "max")
    await max_.say("I am furious")
    ben = shop.desk_agent("ben")
    card = await ben.claim()
    await ben.answer(card, "Your account is fine.")
    await shop.pass_time(60)
    ana = await enter()
    await ana.open(GUIDE)
    phrase = {"phrase_1": "account", "instead_1": "bank"}
    assert await ana.submit(GUIDE, "effect", **phrase) == 200
    assert "2 of 4 replies would read differently." in ana.words
    assert "back in your account within" in ana.words
    assert "back in your bank within" in ana.words
    assert "A person, as advice Web chat house" in ana.words
    assert await ana.submit(GUIDE, "save", why="we say bank") == 200
    assert "back in your bank within 5 working days" in await hears(shop, "mia")
    await ana.submit(GUIDE, "save", drop_house_0="1", why="no")
    assert "back in your account" in await hears(shop, "noa")


async def test_openings_and_the_tone_of_a_channel_are_changed(
    shop: RunningGateway, enter: Enter
) -> None:
    ana = await enter()
    await ana.open(GUIDE)
    changed = {"opener_angry": "That is bad.", "tone-sms-sentence_length": "9"}
    assert await ana.submit(GUIDE, "save", why="plainer", **changed) == 200
    guide = shop.services.trials
    found = await guide.in_force("guide", ("openers", "moods", "angry", "en"))
    assert found == ["That is bad."]
    assert await guide.in_force("guide", ("channels", "sms", "sentence_length")) == 9
    assert ana.typed("opener-angry") == "That is bad."


async def test_a_kind_is_switched_off_and_on_again(shop: RunningGateway, enter: Enter) -> None:
    ana = await enter()
    await ana.open(GUIDE)
    at = ("lexicon", "avoid", "blame")
    await ana.submit(GUIDE, "save", on_blame="", why="too strict")
    assert await shop.services.trials.in_force("guide", at) is None
    await ana.submit(GUIDE, "save", on_blame="1", why="it was right")
    assert await shop.services.trials.in_force("guide", at) is not None


MISTAKES: tuple[tuple[Any, ...], ...] = (
    ({"phrase_1": "account"}, "Write what the bot says instead, or choose another way."),
    ({"instead_1": "bank"}, "Is empty; write the phrase to avoid."),
    ({"phrase_1": "!x", "how_1": "remove"}, "a phrase must begin with a letter or a digit"),
    ({"words": "bank"}, "`bank`: write `our word = another, one more`."),
    ({"tone-sms-max_parts": "many"}, "Is no whole number; write one."),
    ({"tone-sms-max_parts": "900"}, "must be at most 50"),
    ({"opener_calm": "x" * 501}, "at most 500 characters"),
)


async def test_mistakes_stand_at_their_fields(enter: Enter) -> None:
    """Each says what is wrong, and keeps what was typed."""
    ana = await enter()
    for changed, says in MISTAKES:
        await ana.open(GUIDE)
        assert await ana.submit(GUIDE, "save", why="x", **changed) == 422, says
        assert says.casefold() in ana.words.casefold()


async def test_a_lead_of_a_brand_changes_its_guide_alone(
    shop: RunningGateway, enter: Enter
) -> None:
    nora = await enter("nora")
    await nora.open(GUIDE)
    phrase = {"phrase_1": "account", "instead_1": "bank"}
    assert await nora.submit(GUIDE, "save", why="x", **phrase) == 403
    own = f"{GUIDE}?brand=north"
    await nora.open(own)
    assert await nora.submit(own, "save", why="x", **phrase) == 200
    assert "back in your account" in await hears(shop, "kim")


@pytest.mark.parametrize(
    ("before", "after", "gone", "new"),
    [
        ("all is well", "all is fine", ["well"], ["fine"]),
        ("all is well", "is well", ["all "], []),
        ("well", "well", [], []),
    ],
)
def test_words_that_go_and_come(before: str, after: str, gone: list[str], new: list[str]) -> None:
    low, high = word_difference(before, after)
    assert [text for kind, text in low if kind == "gone"] == gone
    assert [text for kind, text in high if kind == "new"] == new
    assert ("".join(t for _, t in low), "".join(t for _, t in high)) == (before, after)
