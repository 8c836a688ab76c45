"""Two brands, with two support addresses on each channel, in one process: nothing crosses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.agents_slack.support_channel import SupportChannel
from tests.both import both as on_both
from tests.brands.sides import ANSWERS, KEYS, FarEnd, TwoBrands, two_brands

pytest_generate_tests = on_both

UPSET = "I am so FRUSTRATED, this is the third time"
PEOPLE = ("UANA", "UBEN")
SAID = ("This is Ana of the north.", "This is Ben of the south.")


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[TwoBrands]:
    async with two_brands(tmp_path) as made:
        yield made


async def test_the_brands_share_the_database_that_was_chosen(
    both: TwoBrands, stored_in: str
) -> None:
    used = await both.gw.gateway.database.read(lambda c: c.dialect.name)
    assert used == stored_in


@pytest.mark.parametrize("channel", KEYS)
async def test_the_dialogue_over_a_pair(both: TwoBrands, channel: str) -> None:
    """The same customer talks to both brands at once: each gives its own answer, hands over to its
    own people, and its own agent's words arrive from its own address."""
    far = both.far[channel]
    for side in far:
        assert await side.say("when do you open?", id="1") == 200
    await both.gw.settled()
    for side, brand, other in zip(far, ANSWERS, reversed(ANSWERS), strict=True):
        heard = " ".join(await side.heard())
        assert (ANSWERS[brand] in heard, ANSWERS[other] in heard) == (True, False)
    for side in far:
        assert await side.say(UPSET, id="2") == 200
    await both.gw.settled()
    for support, person, words in zip(both.support, PEOPLE, SAID, strict=True):
        await _answer(support, person, words)
    for support, side, words, others in zip(both.support, far, SAID, reversed(SAID), strict=True):
        await support.until(partial(_has_heard, side, words))
        assert not await _has_heard(side, others)
    assert [len(support.cards()) for support in both.support] == [1, 1]


async def _answer(support: SupportChannel, person: str, words: str) -> None:
    """``person`` claims the newest card, and writes into its thread."""
    posted = await support.card()
    await support.click(posted, person, "agents:claim")
    await support.until(lambda: "With *" in str(support.cards()[0]))
    await support.reply(posted, person, words)


async def _has_heard(side: FarEnd, words: str) -> bool:
    return words in " ".join(await side.heard())


async def test_cards_and_queue_name_the_brand(both: TwoBrands) -> None:
    for side in both.far["sms"]:
        await side.say(UPSET, id="1")
    await both.gw.settled()
    items = await both.gw.services.desk.queue()
    assert [item.place for item in items] == ["North Outdoor", "South Outdoor"]
    for support, title in zip(both.support, ("North Outdoor", "South Outdoor"), strict=True):
        assert f"SMS · {title}" in str(await support.card())


async def test_an_agent_of_one_support_channel_cannot_act_for_the_other_brand(
    both: TwoBrands,
) -> None:
    """Not even with the button of a card that was copied."""
    north, south = both.support
    await both.far["sms"][0].say(UPSET, id="1")
    await both.gw.settled()
    posted = await north.card()
    button = {"action_id": "agents:claim", "value": "1:0", "action_ts": "1.1"}
    payload = {
        "type": "block_actions",
        "user": {"id": "UBEN"},
        "channel": {"id": south.channel},
        "actions": [button],
        "trigger_id": "t",
    }
    await both.slack.interact(payload)
    await both.gw.settled()
    assert (await both.gw.services.desk.card(1)).conversation.owner is None
    assert posted


async def test_the_widget_of_a_brand_has_its_look(both: TwoBrands) -> None:
    """Its title and colour; the first site's widget stays as it is."""
    async with both.gw.session() as session:
        looks = []
        for root in ("/channels/webchat", "/channels/webchat/sites/south"):
            script = await (await session.get(f"{root}/assets/x/chat.js")).text()
            style = await (await session.get(f"{root}/assets/x/chat.css")).text()
            looks.append(("South Chat" in script, "--warmline-accent: #aa3300" in style))
    assert looks == [(False, False), (True, True)]
