"""A customer speaks of harm, and nobody takes the conversation."""

from __future__ import annotations

from pathlib import Path

from gateway.testing import FakeClock
from tests.agents_slack.support_channel import SUPPORT, SupportChannel, opened, shown
from tests.slack.server import SlackServer


async def test_an_alarm_calls_the_whole_channel(support: SupportChannel) -> None:
    """Once, in the thread and the channel, with a mention and without the customer's words."""
    carla = support.gw.customer("rest", "carla")
    await carla.say("the zanzibar lamp is on fire")
    card = await support.card()
    assert "Speaks of harm" in card["text"]
    await support.quiet(290)
    assert support.slack.pings == []
    await support.quiet(15)
    await support.until(lambda: support.slack.pings)
    assert set(support.slack.pings) == {"<!channel>"}
    support.slack.pings.clear()
    (alarm,) = [m for m in support.slack.said(SUPPORT, card["ts"]) if "🚨" in str(m)]
    broadcasts = [call for call in support.slack.calls if call.args.get("reply_broadcast")]
    assert len(broadcasts) == 1
    assert "nobody has claimed the conversation" in shown(alarm)
    assert "conversation 1 on REST" in shown(alarm)
    assert "zanzibar" not in shown(alarm)
    await support.quiet(600)
    assert support.slack.pings == []


async def test_a_claimed_case_sounds_no_alarm(support: SupportChannel) -> None:
    """Ana was there within the five minutes."""
    await support.gw.customer("rest", "carla").say("it is on fire")
    card = await support.card()
    await support.click(card, "UANA", "agents:claim")
    await support.quiet(310)
    assert support.slack.pings == []


async def test_an_alarm_without_a_mention(
    slack: SlackServer, clock: FakeClock, tmp_path: Path
) -> None:
    """It still stands in the channel."""
    async with opened(slack, clock, tmp_path, alarm_mention=None) as support:
        await support.gw.customer("rest", "carla").say("it is on fire")
        card = await support.card()
        await support.quiet(305)
        await support.until(lambda: any("🚨" in line for line in support.thread(card)))


async def test_the_card_shows_harm_first_and_what_was_said(
    slack: SlackServer, clock: FakeClock, tmp_path: Path
) -> None:
    """Whoever takes the case knows that the customer has the emergency number, also where no
    plugin has words for it."""
    async with opened(slack, clock, tmp_path) as support:
        await support.gw.customer("rest", "carla").say("I am FRUSTRATED, it is on fire")
        await support.card()
        await support.until(lambda: "What the bot has said" in str(support.cards()[0]))
        text = shown(support.cards()[0])
        why = text.partition("Why it is here*")[2]
        assert why.strip().startswith("• Speaks of harm or danger: “on fire”")
        assert "Was told: “Are you safe? If anyone is hurt" in text
        assert "handover: Are you safe?" in text
