"""What one agent sees of everything: the slash command and the App Home."""

from __future__ import annotations

from typing import Any

from tests.agents_slack.office import SUPPORT, Office, shown, words
from tests.agents_slack.test_replies import CARD_NUMBER, handed_over


async def home(office: Office, user: str) -> str:
    """The App Home of ``user`` as they read it, once it was published."""
    event = {"type": "app_home_opened", "user": user, "channel": "D9", "tab": "home"}
    office.slack.homes.pop(user, None)
    status, _ = await office.slack.event(event)
    assert status == 200
    await office.until(lambda: user in office.slack.homes)
    return "\n".join(words(office.slack.homes[user]))


async def test_the_slash_command(office: Office) -> None:
    """Mine, queue, break, available, help; anything else is help."""
    card = await handed_over(office, "carla")
    await handed_over(office, "<!here> dora", 2)
    await office.click(card, "UANA", "agents:claim")
    assert await office.slash("UBEN", "mine") == "Nothing is with you."
    mine = await office.slash("UANA", "mine")
    assert "*carla* on REST" in mine
    assert f"/archives/{SUPPORT}/p{card['ts'].replace('.', '')}|open>" in mine
    queue = await office.slash("UANA", "queue")
    assert "*&lt;!here&gt; dora* on REST" in queue
    assert "carla" not in queue
    assert "on a break" in await office.slash("UANA", "break")
    await office.until(lambda: "With *Ana* (on a break)" in shown(office.cards()[0]))
    assert "available" in await office.slash("UANA", "available")
    await office.until(lambda: "(on a break)" not in shown(office.cards()[0]))
    assert "`/warmline mine`" in await office.slash("UANA", "help")
    assert await office.slash("UANA", "dance") == await office.slash("UANA", "")
    assert await office.slash("UGUEST", "queue") == (
        "Only full members of the support channel can use this."
    )
    status, answer = await office.slack.command("/other", "", user="UANA", channel=SUPPORT)
    assert (status, answer) == (200, "Nobody here takes this.")


async def test_the_home(office: Office) -> None:
    """My conversations, what waits for my word, the queue and my day, kept current."""
    card = await handed_over(office, "carla")
    await handed_over(office, "dora", 2)
    first = await home(office, "UANA")
    assert "Nothing is with you." in first
    assert "*carla* on REST" in first
    await office.click(card, "UANA", "agents:claim")
    await office.reply(card, "UANA", "It left today.")
    await office.heard("carla", 1)
    await office.reply(card, "UANA", "note: kind")
    await office.reply(card, "UANA", CARD_NUMBER)
    await office.until(lambda: office.told("UANA"))
    now = await home(office, "UANA")
    assert now.index("My conversations") < now.index("*carla*") < now.index("Queue")
    assert now.index("Queue") < now.index("*dora*") < now.index("My day")
    assert "Waiting for your word" in now
    await office.until(lambda: "1 note" in texts(office, "UANA"))
    assert "1 answer · 1 conversation taken · 0 resolved · 1 note" in texts(office, "UANA")
    assert "Waiting for your word" not in await home(office, "UBEN")
    assert await home(office, "UGUEST") == "This is where agents see their customers."


def texts(office: Office, user: str) -> str:
    """As it is now, after the next round."""
    return "\n".join(words(office.slack.homes[user]))


async def test_a_held_reply_is_decided_at_home(office: Office) -> None:
    """Who lost sight of the question finds it there."""
    card = await handed_over(office)
    await office.reply(card, "UANA", CARD_NUMBER)
    await office.until(lambda: office.told("UANA"))
    await home(office, "UANA")
    view: dict[str, Any] = office.slack.homes["UANA"]
    button = next(
        element
        for block in view["blocks"]
        for element in block.get("elements", ())
        if element.get("action_id") == "agents:reply:drop"
    )
    status, _ = await office.slack.interact(
        {
            "type": "block_actions", "user": {"id": "UANA"}, "view": view,
            "container": {"type": "view", "view_id": view["id"]},
            "actions": [{**button, "action_ts": office.slack.ts()}],
        }
    )  # fmt: skip
    assert status == 200
    await office.until(lambda: "Waiting for your word" not in texts(office, "UANA"))
    assert await office.heard("carla", 0) == []
