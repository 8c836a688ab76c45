"""Customers in Slack: what they write, change and press, through a whole gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import (
    Address,
    Button,
    Message,
    NotAccepted,
    Reply,
    SurveyQuestion,
    Turn,
)
from gateway.testing import FakeHandler, RunningGateway
from tests.conftest import until
from tests.slack.conftest import Gateway
from tests.slack.server import SlackServer

DM = Address(channel="slack", value="T0HOME/D1")


async def stored(gw: RunningGateway, address: Address = DM) -> list[Message]:
    """What the customer did, as the gateway keeps it."""
    await gw.settled()
    found = await gw.gateway.store.queries.messages(address, own=True, limit=1000)
    return [message for message in found if message.author == "customer"]


async def everything(gw: RunningGateway, address: Address = DM) -> list[Message]:
    """The same with what only people at the desk see: edits and notes."""
    await gw.settled()
    queue = await gw.services.desk.queue()
    [mine] = [one for one in queue if one.conversation.address == address]
    return list((await gw.services.desk.card(mine.conversation.id)).messages)


def lane(slack: SlackServer, root: dict[str, Any]) -> Address:
    return Address(channel="slack", value=f"{slack.team}/C1/{root['ts']}")


# -- where customers write -------------------------------------------------------------------------


async def test_a_thread_of_a_shared_channel(slack: SlackServer, gw: RunningGateway) -> None:
    """A mention begins a conversation in its thread; there no mention is needed, and elsewhere in
    the channel nobody is heard."""
    root = slack.message("C1", "U2", "<@U0BOT> do you deliver to Graz?")
    await slack.event({**root, "type": "app_mention"}, event_id="Ev1")
    await slack.event(root, event_id="Ev2")
    await slack.say("C1", "U1", "and to Linz?", thread_ts=root["ts"])
    aside = slack.message("C1", "U1", "lunch, anyone?")
    await slack.event(aside)
    await slack.say("C1", "U2", "me!", thread_ts=aside["ts"])
    await gw.settled()
    assert slack.read("C1", root["ts"]) == ["do you deliver to Graz?", "and to Linz?"]
    assert len(slack.said("C1")) == 2
    first, second = await stored(gw, lane(slack, root))
    assert (first.text, second.text) == ("do you deliver to Graz?", "and to Linz?")


async def test_a_thread_is_ours_after_a_restart(slack: SlackServer, gateway: Gateway) -> None:
    """Where we take part is known from the database."""
    root = slack.message("C1", "U1", "<@U0BOT> hello")
    async with gateway() as gw:
        await slack.event(root)
        await gw.settled()
    async with gateway() as gw:
        await slack.say("C1", "U1", "still there?", thread_ts=root["ts"])
        await gw.settled()
    assert slack.read("C1", root["ts"]) == ["hello", "still there?"]


async def test_a_broadcast_comes_once(slack: SlackServer, gw: RunningGateway) -> None:
    """Sent to the thread and the channel, it is one message."""
    root = slack.message("C1", "U1", "<@U0BOT> hello")
    await slack.event(root)
    said = slack.message("C1", "U1", "anyone?", thread_ts=root["ts"], subtype="thread_broadcast")
    await slack.event(said)
    await slack.event({**said, "type": "app_mention"})
    await gw.settled()
    assert slack.read("C1", root["ts"]) == ["hello", "anyone?"]


async def test_only_chosen_channels(slack: SlackServer, gateway: Gateway) -> None:
    """With `channels`, mentions elsewhere are not taken; direct messages always are."""
    slack.add_channel("C2", members=("U1",))
    async with gateway(channels=["C2"]) as gw:
        await slack.say("C1", "U1", "<@U0BOT> one")
        await slack.say("C2", "U1", "<@U0BOT> two")
        await slack.say("D1", "U1", "three")
        await gw.settled()
    assert [slack.read(place) for place in ("C1", "C2", "D1")] == [[], ["two"], ["three"]]


async def test_customers_may_be_left_out(slack: SlackServer, gateway: Gateway) -> None:
    """With `customers: false` the door is open and nobody's message is taken."""
    async with gateway(customers=False) as gw:
        assert (await slack.say("D1", "U1", "hello"))[0] == 200
        assert await stored(gw) == []


async def test_another_workspace(slack: SlackServer, gateway: Gateway) -> None:
    """Each workspace is answered with its own token."""
    slack.add_team("T2", "xoxb-second")
    slack.add_user("U7", "Gina", team_id="T2")
    slack.add_channel("D7", im="U7", team="T2")
    async with gateway(teams={"T2": "xoxb-second"}) as gw:
        await slack.event(slack.message("D7", "U7", "from T2"), team="T2")
        await slack.say("D1", "U1", "from home")
        await gw.settled()
        assert await stored(gw, Address(channel="slack", value="T2/D7")) != []
    tokens = {call.args["channel"]: call.token for call in slack.made("chat.postMessage")}
    assert tokens == {"D7": "xoxb-second", "D1": slack.bot_token}


# -- what nobody said ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["join", "bot", "echo", "preview", "thread_grew"])
async def test_nothing_happens(slack: SlackServer, gw: RunningGateway, name: str) -> None:
    """Joins, bots, our own echoes and previews are acknowledged and leave no trace."""
    payload = json.loads((Path(__file__).with_name("events") / f"{name}.json").read_text("utf-8"))
    status, _ = await slack.event(payload["event"])
    await gw.settled()
    assert status == 200
    assert await stored(gw) == []
    assert await gw.services.desk.queue() == ()
    assert slack.made("chat.postMessage") == []


# -- what was said ---------------------------------------------------------------------------------


async def test_names_and_facts(slack: SlackServer, gw: RunningGateway) -> None:
    """Mentions become names, the writer has one, and the card names user and team."""
    await slack.say("D1", "U1", "person")
    await slack.say("D1", "U1", "did <@U2> call <@U404|nobody>?")
    *_, message = [one for one in await everything(gw) if one.author == "customer"]
    assert message.text == "did @Dario call @nobody?"
    assert {fact.name: fact.value for fact in message.facts} == {
        "slack user": "U1",
        "slack team": "T0HOME",
    }
    [item] = await gw.services.desk.queue()
    assert (await gw.services.desk.card(item.conversation.id)).customer.name == "Carla"


async def test_a_name_is_asked_for_once(slack: SlackServer, gw: RunningGateway) -> None:
    """Names are remembered; one that cannot be had is not asked for at every message."""
    slack.trouble("broken", times=5, method="users.info")
    for text in ("one", "two", "three"):
        await slack.say("D1", "U1", text)
    assert len(slack.made("users.info")) == 1
    await gw.pass_time(61)
    slack.troubles.clear()
    for text in ("four", "five"):
        await slack.say("D1", "U1", text)
    assert len(slack.made("users.info")) == 2


async def test_no_answer_of_slack_delays_a_message(slack: SlackServer, gw: RunningGateway) -> None:
    """When names cannot be had, the message is taken without, within Slack's time."""
    slack.trouble("hang", method="users.info")
    async with asyncio.timeout(2.5):
        assert (await slack.say("D1", "U1", "quick"))[0] == 200
    slack.release()
    assert [one.text for one in await stored(gw)] == ["quick"]


async def test_an_edit_and_a_deletion(slack: SlackServer, gw: RunningGateway) -> None:
    """Both are shown to the agent, once however often they come, and nothing is answered."""
    said = slack.message("D1", "U1", "person")
    await slack.event(said)
    changed = {
        "type": "message", "subtype": "message_changed", "channel": "D1", "channel_type": "im",
        "ts": slack.ts(), "hidden": True, "previous_message": said,
        "message": {**said, "text": "a person &amp; soon", "edited": {"ts": said["ts"]}},
    }  # fmt: skip
    gone = {
        "type": "message", "subtype": "message_deleted", "channel": "D1", "channel_type": "im",
        "ts": slack.ts(), "deleted_ts": said["ts"],
        "previous_message": {**said, "text": "a person &amp; soon"},
    }  # fmt: skip
    for event in (changed, changed, gone, gone):
        assert (await slack.event(event))[0] == 200
    edits = [one.text for one in await everything(gw) if one.edited]
    assert edits == ["a person & soon", "(deleted) a person & soon"]
    assert slack.read("D1") == ["A person comes."]


async def test_an_edit_of_what_we_never_saw(slack: SlackServer, gw: RunningGateway) -> None:
    """An old message that is edited opens no conversation."""
    payload = json.loads((Path(__file__).with_name("events") / "edit.json").read_text("utf-8"))
    assert (await slack.event(payload["event"]))[0] == 200
    assert await stored(gw) == []


async def test_what_cannot_be_read_goes_to_a_person(slack: SlackServer, gw: RunningGateway) -> None:
    """A signed message of an unknown shape is kept raw; without a writer it is refused."""
    odd = {"type": "message", "channel": "D1", "user": "U1", "channel_type": "im", "ts": 17}
    assert (await slack.event(odd))[0] == 200
    await gw.settled()
    [item] = await gw.services.desk.queue()
    assert item.handoff.reasons[0].code == "unreadable"
    assert (await slack.event({"type": "message", "ts": 17}))[0] == 400


# -- deliveries that fail --------------------------------------------------------------------------


async def test_a_lost_delivery_is_made_good(
    slack: SlackServer, gw: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the store fails Slack gets a 5xx, and its retry is handled; a retry of what was taken
    is not."""
    event = slack.message("D1", "U1", "important")

    async def refuse(*_: object) -> Any:
        raise NotAccepted("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(gw.gateway.store.inbox, "accept", refuse)
        status, body = await slack.event(event, event_id="Ev1")
        assert status == 500
        assert "disk" not in str(body)
    assert (await slack.event(event, event_id="Ev1", retry=1))[0] == 200
    assert (await slack.event(event, event_id="Ev1", retry=2))[0] == 200
    await gw.settled()
    assert slack.read("D1") == ["important"]


# -- buttons ---------------------------------------------------------------------------------------


def offers(**reply: Any) -> FakeHandler:
    """A guest that asks back once, then repeats."""

    def answer(turn: Turn) -> Reply | None:
        if turn.message.text == "help":
            return Reply(opener="", body=("What <about> & why?",), **reply)
        return Reply(opener="", body=(turn.message.text,))

    return FakeHandler(answer)


BUTTONS = tuple(Button(title=f"Nr {i} & <more>", payload=f"choice {i} <&>") for i in range(30))


async def test_a_button_answers(slack: SlackServer, gateway: Gateway) -> None:
    """A click comes back as a message, counts once, and its choice takes the buttons' place."""
    async with gateway(offers(buttons=BUTTONS)) as gw:
        await slack.say("D1", "U1", "help")
        await gw.settled()
        [asked] = slack.said("D1")
        assert [block["type"] for block in asked["blocks"]] == ["section", "actions", "actions"]
        shown = dict(asked)
        for action in ("warmline.reply.1.2", "warmline.reply.0.1"):
            assert (await slack.click("D1", "U1", shown, action))[0] == 200
        await gw.settled()
        assert slack.read("D1") == ["What <about> & why?", "choice 27 <&>"]
        await until(lambda: asked["blocks"][-1]["type"] == "context")
        assert asked["blocks"][-1]["elements"][0]["text"].startswith("✓ Nr ")
        assert asked["metadata"]["event_type"] == "warmline_message"


async def test_a_click_in_a_thread(slack: SlackServer, gateway: Gateway) -> None:
    """The button knows its thread, whoever of the channel presses it."""
    async with gateway(offers(buttons=BUTTONS[:2])) as gw:
        root = slack.message("C1", "U1", "<@U0BOT> help")
        await slack.event(root)
        await gw.settled()
        [asked] = slack.said("C1")
        await slack.click("C1", "U2", dict(asked), "warmline.reply.0.0")
        await gw.settled()
        assert slack.read("C1", root["ts"]) == ["What <about> & why?", "choice 0 <&>"]


async def test_a_click_that_is_lost_may_be_repeated(
    slack: SlackServer, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the store fails the user sees an error, the buttons stay, and the next click counts."""

    async def refuse(*_: object) -> Any:
        raise NotAccepted("the disk is full")

    async with gateway(offers(buttons=BUTTONS[:2])) as gw:
        await slack.say("D1", "U1", "help")
        await gw.settled()
        shown = dict(slack.said("D1")[0])
        with monkeypatch.context() as broken:
            broken.setattr(gw.gateway.store.inbox, "accept", refuse)
            assert (await slack.click("D1", "U1", shown, "warmline.reply.0.0"))[0] == 500
        assert (await slack.click("D1", "U1", shown, "warmline.reply.0.0"))[0] == 200
        await gw.settled()
        assert slack.read("D1")[-1] == "choice 0 <&>"


@pytest.mark.parametrize(("scale", "shows"), [("stars", "3 ★"), ("number", "3"), ("text", None)])
async def test_a_survey(
    slack: SlackServer, gateway: Gateway, scale: Any, shows: str | None
) -> None:
    """Stars and numbers are buttons; words are words."""
    async with gateway(offers(purpose="survey", survey=SurveyQuestion(scale=scale))) as gw:
        await slack.say("D1", "U1", "help")
        await gw.settled()
        [asked] = slack.said("D1")
        rows = [block for block in asked.get("blocks", ()) if block["type"] == "actions"]
        titles = [element["text"]["text"] for row in rows for element in row["elements"]]
        assert titles[2:3] == ([shows] if shows else [])
        if shows:
            await slack.click("D1", "U1", dict(asked), "warmline.reply.0.2")
            assert [one.text for one in await stored(gw)] == ["help", "3"]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["actions"][0].update(action_id="somebody.elses"),
        lambda p: p["actions"][0].update(block_id="no place"),
        lambda p: p.pop("message"),
    ],
)
async def test_other_buttons(
    slack: SlackServer, gw: RunningGateway, change: Callable[[dict[str, Any]], object]
) -> None:
    """Clicks that are not on our buttons are acknowledged and do nothing."""
    ts = slack.ts()
    button = {"type": "button", "action_id": "warmline.reply.0.0", "block_id": "0:T0HOME/D1",
              "action_ts": ts, "value": "x"}  # fmt: skip
    payload = {
        "type": "block_actions", "user": {"id": "U1"}, "channel": {"id": "D1"},
        "message": {"ts": ts}, "actions": [button],
    }  # fmt: skip
    change(payload)
    assert (await slack.interact(payload))[0] == 200
    assert await stored(gw) == []
