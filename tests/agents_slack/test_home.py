"""What one agent sees of everything: the slash command and the App Home."""

from __future__ import annotations

from typing import Any

from tests.agents_slack.support_channel import SUPPORT, SupportChannel, shown, texts
from tests.agents_slack.test_replies import CARD_NUMBER, handed_over


async def home(support: SupportChannel, user: str) -> str:
    """The App Home of ``user``, once it was published."""
    event = {"type": "app_home_opened", "user": user, "channel": "D9", "tab": "home"}
    support.slack.homes.pop(user, None)
    status, _ = await support.slack.event(event)
    assert status == 200
    await support.until(lambda: user in support.slack.homes)
    return "\n".join(texts(support.slack.homes[user]))


async def test_the_slash_command(support: SupportChannel) -> None:
    """Mine, queue, break, available, help; anything else is help."""
    card = await handed_over(support, "carla")
    await handed_over(support, "<!here> dora", 2)
    await support.click(card, "UANA", "agents:claim")
    assert await support.slash("UBEN", "mine") == "You have no conversations."
    mine = await support.slash("UANA", "mine")
    assert "*carla* on REST" in mine
    assert f"/archives/{SUPPORT}/p{card['ts'].replace('.', '')}|open>" in mine
    queue = await support.slash("UANA", "queue")
    assert "*&lt;!here&gt; dora* on REST" in queue
    assert "carla" not in queue
    assert "on a break" in await support.slash("UANA", "break")
    await support.until(lambda: "With *Ana* (on a break)" in shown(support.cards()[0]))
    assert "available" in await support.slash("UANA", "available")
    await support.until(lambda: "(on a break)" not in shown(support.cards()[0]))
    assert "`/warmline mine`" in await support.slash("UANA", "help")
    assert await support.slash("UANA", "dance") == await support.slash("UANA", "")
    assert await support.slash("UGUEST", "queue") == (
        "Only full members of the support channel can use this."
    )
    status, answer = await support.slack.command("/other", "", user="UANA", channel=SUPPORT)
    assert (status, answer) == (200, "This command is not known here.")


async def test_the_app_home(support: SupportChannel) -> None:
    """My conversations, replies that wait for my decision, the queue and my day, kept current."""
    card = await handed_over(support, "carla")
    await handed_over(support, "dora", 2)
    first = await home(support, "UANA")
    assert "You have no conversations." in first
    assert "*carla* on REST" in first
    await support.click(card, "UANA", "agents:claim")
    await support.reply(card, "UANA", "It left today.")
    await support.received("carla", 1)
    await support.reply(card, "UANA", "note: kind")
    await support.reply(card, "UANA", CARD_NUMBER)
    await support.until(lambda: support.notices("UANA"))
    now = await home(support, "UANA")
    assert now.index("My conversations") < now.index("*carla*") < now.index("Queue")
    assert now.index("Queue") < now.index("*dora*") < now.index("My day")
    assert "Waiting for your decision" in now
    await support.until(lambda: "1 note" in shown_home(support, "UANA"))
    assert "1 answer · 1 conversation claimed · 0 resolved · 1 note" in shown_home(support, "UANA")
    assert "Waiting for your decision" not in await home(support, "UBEN")
    assert await home(support, "UGUEST") == "This is where agents see their customers."


def shown_home(support: SupportChannel, user: str) -> str:
    """The App Home as it was published last."""
    return "\n".join(texts(support.slack.homes[user]))


async def test_a_held_reply_can_be_decided_on_the_home(support: SupportChannel) -> None:
    """For agents who lost sight of the question."""
    card = await handed_over(support)
    await support.reply(card, "UANA", CARD_NUMBER)
    await support.until(lambda: support.notices("UANA"))
    await home(support, "UANA")
    view: dict[str, Any] = support.slack.homes["UANA"]
    button = next(
        element
        for block in view["blocks"]
        for element in block.get("elements", ())
        if element.get("action_id") == "agents:reply:drop"
    )
    status, _ = await support.slack.interact(
        {
            "type": "block_actions", "user": {"id": "UANA"}, "view": view,
            "container": {"type": "view", "view_id": view["id"]},
            "actions": [{**button, "action_ts": support.slack.ts()}],
        }
    )  # fmt: skip
    assert status == 200
    await support.until(lambda: "Waiting for your decision" not in shown_home(support, "UANA"))
    assert await support.received("carla", 0) == []
