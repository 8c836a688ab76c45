"""Who has a conversation, when several agents act at once and from several places."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway import Agent
from tests.agents_slack.support_channel import SUPPORT, SupportChannel, shown
from tests.agents_slack.test_replies import handed_over, notes, owner


async def test_one_of_two_claims_wins(support: SupportChannel) -> None:
    """Only the other agent is told who has it."""
    card = await handed_over(support)
    await asyncio.gather(
        support.click(card, "UANA", "agents:claim"), support.click(card, "UBEN", "agents:claim")
    )
    winner = await owner(support)
    assert winner in ("slack:UANA", "slack:UBEN")
    loser, name = ("UBEN", "Ana") if winner == "slack:UANA" else ("UANA", "Ben")
    await support.until(lambda: support.notices(loser))
    assert support.notices(loser) == [f"✋ {name} was faster and has this conversation."]
    assert support.notices(winner.removeprefix("slack:")) == []


async def test_the_desk_and_slack_see_each_other(support: SupportChannel) -> None:
    """What is done at the desk stands in the thread. In Slack an agent is told who has the
    conversation, and can take it over."""
    card = await handed_over(support)
    una = support.gw.desk_agent("una")
    seen = await una.claim()
    await una.answer(seen, "It left & arrives <tomorrow>.")
    await support.gw.services.desk.note(seen.conversation.id, una.agent, "he was kind")
    await support.until(lambda: "With *Una*" in shown(support.cards()[0]))
    await support.until(lambda: any("he was kind" in line for line in support.thread(card)))
    lines = "\n".join(support.thread(card))
    assert "Una took the conversation" in lines
    assert "*Una* answered:\nIt left &amp; arrives &lt;tomorrow&gt;." in lines
    assert "🔒 *Una* noted:\nhe was kind" in lines
    await support.click(card, "UANA", "agents:resolve")
    await support.until(lambda: support.notices("UANA"))
    assert support.notices("UANA") == ["✋ Una has this conversation. Take it over first."]
    await support.click(card, "UANA", "agents:take")
    assert await owner(support) == "slack:UANA"
    assert await support.settled_received("carla") == ["It left & arrives <tomorrow>."]
    assert await notes(support) == ["he was kind"]


async def test_facts_and_promises_are_settled_by_a_press(support: SupportChannel) -> None:
    """As at the desk, which sees it; the card says who confirmed, and has the buttons no longer."""
    carla = support.gw.customer("rest", "carla")
    await carla.say("Where is my parcel, order number 48213")
    card = await support.card()
    una = support.gw.desk_agent("una")
    await una.answer(await una.claim(), "I will post it on Friday.")
    await support.until(lambda: "agents:promise:kept" in str(support.cards()[0]))
    [told] = [b for b in buttons(support.cards()[0]) if b["action_id"] == "agents:fact:confirm"]
    assert "48213" in told["text"]["text"]
    desk = support.gw.services.desk
    await support.click(support.cards()[0], "UANA", "agents:fact:confirm")
    await support.until(lambda: "Confirmed: " in shown(support.cards()[0]))
    held = await desk.card(1)
    assert held.story
    assert [f.confirmed_by for f in held.story.facts if f.name == "order"] == ["Ana"]
    await support.click(support.cards()[0], "UANA", "agents:promise:kept")
    await support.until(lambda: "agents:promise" not in str(support.cards()[0]))
    assert [promise.state for promise in (await desk.card(1)).promises] == ["kept"]
    assert "agents:fact" not in str(support.cards()[0])
    for late in ("agents:fact:confirm", "agents:promise:withdrawn"):
        old = {**card, "blocks": [{"elements": [_button(late, told["value"])]}]}
        assert (await support.slack.click(support.channel, "UBEN", old, late))[0] == 200
    await support.until(lambda: len(support.notices("UBEN")) == 2)
    assert [promise.state for promise in (await desk.card(1)).promises] == ["kept"]


def buttons(card: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for block in card["blocks"] for e in block.get("elements", ()) if "action_id" in e]


def _button(action: str, value: str) -> dict[str, Any]:
    """An old card's button, which somebody presses late."""
    number = value.split(":", maxsplit=1)[0]
    return {
        "type": "button",
        "action_id": action,
        "value": value if "fact" in action else f"{number}:1",
    }


async def test_a_suggestion_is_sent_once(support: SupportChannel) -> None:
    """Also when its button is pressed twice; it stands in the thread."""
    card = await handed_over(support)
    await asyncio.gather(
        support.click(card, "UANA", "agents:suggestion:send"),
        support.click(card, "UANA", "agents:suggestion:send"),
    )
    answer = ["I am looking into your order now."]
    assert await support.received("carla", 1) == answer
    await support.until(lambda: "agents:suggestion" not in str(support.cards()[0]))
    await support.quiet()
    assert await support.received("carla", 1) == answer
    assert sum("I am looking into" in line for line in support.thread(card)) == 1
    assert await owner(support) == "slack:UANA"


async def test_a_suggestion_can_be_edited(support: SupportChannel) -> None:
    """In a form; it is recorded as edited."""
    card = await handed_over(support)
    await support.click(card, "UANA", "agents:suggestion:edit")
    [view] = support.slack.views.values()
    assert view["blocks"][-1]["element"]["initial_value"] == "I am looking into your order now."
    values = {"text": {"value": {"type": "plain_text_input", "value": "It left today."}}}
    status, answer = await support.slack.submit("UANA", view, values)
    assert (status, answer) == (200, "")
    assert await support.received("carla", 1) == ["It left today."]
    held = await support.gw.gateway.store.customers.export(
        support.gw.customer("rest", "carla").address
    )
    assert isinstance(held, dict)
    assert [row["outcome"] for row in held["suggestions"]] == ["edited"]


async def test_a_suggestion_can_be_ignored(support: SupportChannel) -> None:
    """It leaves the card, and nothing is sent."""
    card = await handed_over(support)
    await support.click(card, "UANA", "agents:suggestion:ignore")
    await support.until(lambda: "agents:suggestion" not in str(support.cards()[0]))
    assert await support.received("carla", 0) == []


async def test_a_transfer_keeps_its_card(support: SupportChannel) -> None:
    """The card waits again, and the thread says why."""
    card = await handed_over(support)
    await support.click(card, "UANA", "agents:claim")
    await support.click(card, "UANA", "agents:transfer")
    [view] = support.slack.views.values()
    values = {
        "tier": {"value": {"type": "static_select", "selected_option": {"value": "specialist"}}},
        "skills": {"value": {"type": "plain_text_input", "value": "billing, german"}},
        "reason": {"value": {"type": "plain_text_input", "value": "needs <a refund>"}},
    }
    status, answer = await support.slack.submit("UANA", view, values)
    assert (status, answer) == (200, "")
    await support.until(lambda: "specialist (billing, german)" in shown(support.cards()[0]))
    now = shown(support.cards()[0])
    assert "Waiting for a person" in now
    assert "needs &lt;a refund&gt;" in now
    await support.until(lambda: any("needs &lt;a" in line for line in support.thread(card)))
    assert len(support.cards()) == 1
    status, answer = await support.slack.submit("UANA", view, values)
    assert "Somebody was faster" in answer["errors"]["tier"]


async def test_the_next_hand_over_is_a_new_card(support: SupportChannel) -> None:
    """After "Hand back" the bot has the conversation."""
    card = await handed_over(support)
    await support.click(card, "UANA", "agents:claim")
    await support.click(card, "UANA", "agents:hand_back")
    await support.until(lambda: "Back with the bot" in shown(support.cards()[0]))
    await support.gw.customer("rest", "carla").say("And my other parcel")
    second = await support.card(2)
    assert second["ts"] != card["ts"]
    await support.reply(second, "UBEN", "Both left today.")
    assert await support.received("carla", 1) == ["Both left today."]


async def test_an_erased_customer_is_removed_from_the_card(support: SupportChannel) -> None:
    """After `warmline customer erase` nothing of them stands on the card."""
    carla = support.gw.customer("rest", "carla")
    await carla.say("My name is Zanzibar")
    card = await support.card()
    assert "Zanzibar" in shown(card)
    await support.gw.gateway.store.customers.erase(carla.address)
    await support.clock.advance(60)
    await support.until(lambda: "erased" in shown(support.cards()[0]))
    assert "Zanzibar" not in str(support.cards()[0])
    await support.reply(card, "UANA", "hello?")
    await support.quiet()
    assert len(support.slack.messages[SUPPORT]) == 2


async def test_the_desk_knows_agents_from_slack(support: SupportChannel) -> None:
    """By id and name."""
    card = await handed_over(support)
    await support.click(card, "UANA", "agents:claim")
    [item] = await support.gw.services.desk.queue()
    assert item.conversation.owner == Agent(id="slack:UANA", name="Ana")
