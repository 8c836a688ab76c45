"""Whose a conversation is, when several people press at once and from several places."""

from __future__ import annotations

import asyncio

from gateway import Agent
from tests.agents_slack.office import SUPPORT, Office, shown
from tests.agents_slack.test_replies import handed_over, notes, owner


async def test_of_two_who_claim_one_wins(office: Office) -> None:
    """The other is told who has it, and nobody else is."""
    card = await handed_over(office)
    await asyncio.gather(
        office.click(card, "UANA", "agents:claim"), office.click(card, "UBEN", "agents:claim")
    )
    winner = await owner(office)
    assert winner in ("slack:UANA", "slack:UBEN")
    loser, name = ("UBEN", "Ana") if winner == "slack:UANA" else ("UANA", "Ben")
    await office.until(lambda: office.told(loser))
    assert office.told(loser) == [f"✋ {name} was faster and has this conversation."]
    assert office.told(winner.removeprefix("slack:")) == []


async def test_the_desk_and_slack_see_each_other(office: Office) -> None:
    """Claimed, answered and noted at the desk: it all stands in the thread; in Slack one is
    told who has it, and may take it over."""
    card = await handed_over(office)
    una = office.gw.desk_agent("una")
    seen = await una.claim()
    await una.answer(seen, "It left & arrives <tomorrow>.")
    await office.gw.services.desk.note(seen.conversation.id, una.agent, "he was kind")
    await office.until(lambda: "With *Una*" in shown(office.cards()[0]))
    await office.until(lambda: any("he was kind" in line for line in office.thread(card)))
    lines = "\n".join(office.thread(card))
    assert "Una took the conversation" in lines
    assert "*Una* answered:\nIt left &amp; arrives &lt;tomorrow&gt;." in lines
    assert "🔒 *Una* noted:\nhe was kind" in lines
    await office.click(card, "UANA", "agents:resolve")
    await office.until(lambda: office.told("UANA"))
    assert office.told("UANA") == ["✋ Una has this conversation. Take it over first."]
    await office.click(card, "UANA", "agents:take")
    assert await owner(office) == "slack:UANA"
    assert await office.settled_heard("carla") == ["It left & arrives <tomorrow>."]
    assert await notes(office) == ["he was kind"]


async def test_a_suggestion_is_sent_once(office: Office) -> None:
    """Pressed twice, by two people even, it is one message; it stands in the thread."""
    card = await handed_over(office)
    await asyncio.gather(
        office.click(card, "UANA", "agents:suggestion:send"),
        office.click(card, "UANA", "agents:suggestion:send"),
    )
    said = ["I am looking into your order now."]
    assert await office.heard("carla", 1) == said
    await office.until(lambda: "agents:suggestion" not in str(office.cards()[0]))
    await office.quiet()
    assert await office.heard("carla", 1) == said
    assert sum("I am looking into" in line for line in office.thread(card)) == 1
    assert await owner(office) == "slack:UANA"


async def test_a_suggestion_is_edited(office: Office) -> None:
    """In a form; what is sent is recorded as edited."""
    card = await handed_over(office)
    await office.click(card, "UANA", "agents:suggestion:edit")
    [view] = office.slack.views.values()
    assert view["blocks"][-1]["element"]["initial_value"] == "I am looking into your order now."
    values = {"text": {"value": {"type": "plain_text_input", "value": "It left today."}}}
    status, answer = await office.slack.submit("UANA", view, values)
    assert (status, answer) == (200, "")
    assert await office.heard("carla", 1) == ["It left today."]
    held = await office.gw.gateway.store.customers.export(
        office.gw.customer("rest", "carla").address
    )
    assert isinstance(held, dict)
    assert [row["outcome"] for row in held["suggestions"]] == ["edited"]


async def test_a_suggestion_is_ignored(office: Office) -> None:
    """It leaves the card, and nothing is sent."""
    card = await handed_over(office)
    await office.click(card, "UANA", "agents:suggestion:ignore")
    await office.until(lambda: "agents:suggestion" not in str(office.cards()[0]))
    assert await office.heard("carla", 0) == []


async def test_a_transfer_stays_one_card(office: Office) -> None:
    """To another tier with a reason; the same card, waiting again, the thread tells why."""
    card = await handed_over(office)
    await office.click(card, "UANA", "agents:claim")
    await office.click(card, "UANA", "agents:transfer")
    [view] = office.slack.views.values()
    values = {
        "tier": {"value": {"type": "static_select", "selected_option": {"value": "specialist"}}},
        "skills": {"value": {"type": "plain_text_input", "value": "billing, german"}},
        "reason": {"value": {"type": "plain_text_input", "value": "needs <a refund>"}},
    }
    status, answer = await office.slack.submit("UANA", view, values)
    assert (status, answer) == (200, "")
    await office.until(lambda: "specialist (billing, german)" in shown(office.cards()[0]))
    now = shown(office.cards()[0])
    assert "Waiting for a person" in now
    assert "needs &lt;a refund&gt;" in now
    await office.until(lambda: any("needs &lt;a" in line for line in office.thread(card)))
    assert len(office.cards()) == 1
    status, answer = await office.slack.submit("UANA", view, values)
    assert "Somebody was faster" in answer["errors"]["tier"]


async def test_handed_back_and_again_is_a_new_card(office: Office) -> None:
    """The bot has it after "Hand back"; the next hand-over is a new message in the channel."""
    card = await handed_over(office)
    await office.click(card, "UANA", "agents:claim")
    await office.click(card, "UANA", "agents:hand_back")
    await office.until(lambda: "Back with the bot" in shown(office.cards()[0]))
    await office.gw.customer("rest", "carla").say("And my other parcel")
    second = await office.card(2)
    assert second["ts"] != card["ts"]
    await office.reply(second, "UBEN", "Both left today.")
    assert await office.heard("carla", 1) == ["Both left today."]


async def test_an_erased_customer_leaves_the_card(office: Office) -> None:
    """After `warmline customer erase` nothing of them stands on the card."""
    carla = office.gw.customer("rest", "carla")
    await carla.say("My name is Zanzibar")
    card = await office.card()
    assert "Zanzibar" in shown(card)
    await office.gw.gateway.store.customers.erase(carla.address)
    await office.clock.advance(60)
    await office.until(lambda: "erased" in shown(office.cards()[0]))
    assert "Zanzibar" not in str(office.cards()[0])
    await office.reply(card, "UANA", "hello?")
    await office.quiet()
    assert len(office.slack.messages[SUPPORT]) == 2


async def test_an_agent_is_the_same_everywhere(office: Office) -> None:
    """What was claimed in Slack is known at the desk by the agent's name."""
    card = await handed_over(office)
    await office.click(card, "UANA", "agents:claim")
    [item] = await office.gw.services.desk.queue()
    assert item.conversation.owner == Agent(id="slack:UANA", name="Ana")
