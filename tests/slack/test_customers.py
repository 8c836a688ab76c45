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
    """The customer's messages, as the gateway stores them."""
    await gw.settled()
    found = await gw.gateway.store.queries.messages(address, own=True, limit=1000)
    return [message for message in found if message.author == "customer"]


async def on_the_card(gw: RunningGateway, address: Address = DM) -> list[Message]:
    """All messages of the conversation, with edits and notes, which only the desk shows."""
    await gw.settled()
    queue = await gw.services.desk.queue()
    [item] = [item for item in queue if item.conversation.address == address]
    return list((await gw.services.desk.card(item.conversation.id)).messages)


def thread_address(slack: SlackServer, root: dict[str, Any]) -> Address:
    return Address(channel="slack", value=f"{slack.team}/C1/{root['ts']}")


# -- where customers write -------------------------------------------------------------------------


async def test_a_mention_starts_a_conversation_in_its_thread(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """In the thread no further mention is needed. Other messages of the channel are not taken."""
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
    first, second = await stored(gw, thread_address(slack, root))
    assert (first.text, second.text) == ("do you deliver to Graz?", "and to Linz?")


async def test_our_threads_are_known_after_a_restart(slack: SlackServer, gateway: Gateway) -> None:
    """They come from the database."""
    root = slack.message("C1", "U1", "<@U0BOT> hello")
    async with gateway() as gw:
        await slack.event(root)
        await gw.settled()
    async with gateway() as gw:
        await slack.say("C1", "U1", "still there?", thread_ts=root["ts"])
        await gw.settled()
    assert slack.read("C1", root["ts"]) == ["hello", "still there?"]


async def test_a_thread_broadcast_is_one_message(slack: SlackServer, gw: RunningGateway) -> None:
    """Although it stands in the thread and in the channel."""
    root = slack.message("C1", "U1", "<@U0BOT> hello")
    await slack.event(root)
    event = slack.message("C1", "U1", "anyone?", thread_ts=root["ts"], subtype="thread_broadcast")
    await slack.event(event)
    await slack.event({**event, "type": "app_mention"})
    await gw.settled()
    assert slack.read("C1", root["ts"]) == ["hello", "anyone?"]


async def test_only_listed_channels_are_taken(slack: SlackServer, gateway: Gateway) -> None:
    """With `channels`, mentions elsewhere are ignored; direct messages are always taken."""
    slack.add_channel("C2", members=("U1",))
    async with gateway(channels=["C2"]) as gw:
        await slack.say("C1", "U1", "<@U0BOT> one")
        await slack.say("C2", "U1", "<@U0BOT> two")
        await slack.say("D1", "U1", "three")
        await gw.settled()
    assert [slack.read(place) for place in ("C1", "C2", "D1")] == [[], ["two"], ["three"]]


async def test_customers_can_be_switched_off(slack: SlackServer, gateway: Gateway) -> None:
    """With `customers: false` Slack gets its 200, and no message is taken."""
    async with gateway(customers=False) as gw:
        assert (await slack.say("D1", "U1", "hello"))[0] == 200
        assert await stored(gw) == []


async def test_each_workspace_has_its_token(slack: SlackServer, gateway: Gateway) -> None:
    """Answers go out with the token of the customer's workspace."""
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


async def test_a_workspace_without_a_token_is_refused(
    slack: SlackServer, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named in the log and counted, and another's token is not used for it. Once its token is
    set, Slack's next delivery is answered."""
    slack.add_user("U7", "Gina", team_id="T9")
    slack.add_channel("D7", im="U7", team="T9")
    message = slack.message("D7", "U7", "hello")
    async with gateway() as gw:
        for _ in range(2):
            assert (await slack.event(message, team="T9"))[0] == 503
        await gw.settled()
        assert await stored(gw, Address(channel="slack", value="T9/D7")) == []
        count = gw.metric(
            "warmline_ignored_total", channel="slack", why="workspace without a token"
        )
        assert count == 2
    assert {call.method for call in slack.calls} <= {"auth.test"}
    written = capsys.readouterr().out
    assert "slack.no_token" in written
    assert "channels.slack.teams.T9" in written
    slack.add_team("T9", "xoxb-ninth")
    async with gateway(teams={"T9": "xoxb-ninth"}) as gw:
        assert (await slack.event(message, team="T9"))[0] == 200
        await gw.settled()
    assert [call.token for call in slack.made("chat.postMessage")] == ["xoxb-ninth"]


async def test_an_answer_to_a_workspace_whose_token_is_gone_tells_the_agent(
    slack: SlackServer, gateway: Gateway
) -> None:
    """It does not leave with another's token."""
    slack.add_team("T2", "xoxb-second")
    slack.add_user("U7", "Gina", team_id="T2")
    slack.add_channel("D7", im="U7", team="T2")
    async with gateway(teams={"T2": "xoxb-second"}) as gw:
        await slack.event(slack.message("D7", "U7", "person"), team="T2")
        await gw.settled()
        await gw.desk_agent("ana").claim()
    async with gateway() as gw:
        card = await gw.services.desk.card(1)
        await gw.desk_agent("ana").answer(card, "Ana here.")
        [letter] = await gw.gateway.store.outbox.list()
        assert "there is no token for the Slack workspace T2" in str(letter.error)
    assert {call.token for call in slack.made("chat.postMessage")} == {"xoxb-second"}


# -- not from people -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["join", "bot", "echo", "preview", "thread_grew"])
async def test_events_that_no_person_caused_are_ignored(
    slack: SlackServer, gw: RunningGateway, name: str
) -> None:
    """Joins, bots, our own messages and previews are acknowledged and leave no trace."""
    payload = json.loads((Path(__file__).with_name("events") / f"{name}.json").read_text("utf-8"))
    status, _ = await slack.event(payload["event"])
    await gw.settled()
    assert status == 200
    assert await stored(gw) == []
    assert await gw.services.desk.queue() == ()
    assert slack.made("chat.postMessage") == []


# -- messages --------------------------------------------------------------------------------------


async def test_mentions_become_names_and_users_become_facts(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """The card has the writer's name, user id and team id."""
    await slack.say("D1", "U1", "person")
    await slack.say("D1", "U1", "did <@U2> call <@U404|nobody>?")
    *_, message = [message for message in await on_the_card(gw) if message.author == "customer"]
    assert message.text == "did @Dario call @nobody?"
    assert {fact.name: fact.value for fact in message.facts} == {
        "slack user": "U1",
        "slack team": "T0HOME",
    }
    [item] = await gw.services.desk.queue()
    assert (await gw.services.desk.card(item.conversation.id)).customer.name == "Carla"


async def test_names_are_cached(slack: SlackServer, gw: RunningGateway) -> None:
    """A name that Slack does not tell is asked for again after a minute, not at every message."""
    slack.trouble("broken", times=5, method="users.info")
    for text in ("one", "two", "three"):
        await slack.say("D1", "U1", text)
    assert len(slack.made("users.info")) == 1
    await gw.pass_time(61)
    slack.troubles.clear()
    for text in ("four", "five"):
        await slack.say("D1", "U1", text)
    assert len(slack.made("users.info")) == 2


async def test_a_slow_lookup_does_not_delay_a_message(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """The message is taken without the name, within Slack's three seconds."""
    slack.trouble("hang", method="users.info")
    async with asyncio.timeout(2.5):
        assert (await slack.say("D1", "U1", "quick"))[0] == 200
    slack.release()
    assert [message.text for message in await stored(gw)] == ["quick"]


async def test_edits_and_deletions_are_shown_and_not_answered(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """Once, however often Slack delivers them."""
    event = slack.message("D1", "U1", "person")
    await slack.event(event)
    changed = {
        "type": "message", "subtype": "message_changed", "channel": "D1", "channel_type": "im",
        "ts": slack.ts(), "hidden": True, "previous_message": event,
        "message": {**event, "text": "a person &amp; soon", "edited": {"ts": event["ts"]}},
    }  # fmt: skip
    gone = {
        "type": "message", "subtype": "message_deleted", "channel": "D1", "channel_type": "im",
        "ts": slack.ts(), "deleted_ts": event["ts"],
        "previous_message": {**event, "text": "a person &amp; soon"},
    }  # fmt: skip
    for change in (changed, changed, gone, gone):
        assert (await slack.event(change))[0] == 200
    edits = [message.text for message in await on_the_card(gw) if message.edited]
    assert edits == ["a person & soon", "(deleted) a person & soon"]
    assert slack.read("D1") == ["A person comes."]


async def test_an_edit_of_an_unknown_message_is_ignored(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """It opens no conversation."""
    payload = json.loads((Path(__file__).with_name("events") / "edit.json").read_text("utf-8"))
    assert (await slack.event(payload["event"]))[0] == 200
    assert await stored(gw) == []


async def test_an_unknown_message_format_goes_to_a_person(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """The raw message is kept; without a writer it is refused."""
    odd = {"type": "message", "channel": "D1", "user": "U1", "channel_type": "im", "ts": 17}
    assert (await slack.event(odd))[0] == 200
    await gw.settled()
    [item] = await gw.services.desk.queue()
    assert item.handoff.reasons[0].code == "unreadable"
    assert (await slack.event({"type": "message", "ts": 17}))[0] == 400


# -- deliveries that fail --------------------------------------------------------------------------


async def test_a_failed_delivery_is_handled_when_repeated(
    slack: SlackServer, gw: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the store fails Slack gets a 5xx, and its retry is handled. A retry of an accepted
    message is not."""
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
    """A plugin that asks back once, then repeats."""

    def answer(turn: Turn) -> Reply | None:
        if turn.message.text == "help":
            return Reply(opener="", body=("What <about> & why?",), **reply)
        return Reply(opener="", body=(turn.message.text,))

    return FakeHandler(answer)


BUTTONS = tuple(Button(title=f"Nr {i} & <more>", payload=f"choice {i} <&>") for i in range(30))


async def test_a_click_is_an_answer(slack: SlackServer, gateway: Gateway) -> None:
    """It is a message of the customer, counts once, and the choice replaces the buttons."""
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


async def test_a_click_in_a_thread_belongs_to_the_thread(
    slack: SlackServer, gateway: Gateway
) -> None:
    """Whoever of the channel presses the button."""
    async with gateway(offers(buttons=BUTTONS[:2])) as gw:
        root = slack.message("C1", "U1", "<@U0BOT> help")
        await slack.event(root)
        await gw.settled()
        [asked] = slack.said("C1")
        await slack.click("C1", "U2", dict(asked), "warmline.reply.0.0")
        await gw.settled()
        assert slack.read("C1", root["ts"]) == ["What <about> & why?", "choice 0 <&>"]


async def test_a_failed_click_can_be_repeated(
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
async def test_survey_scales_are_buttons(
    slack: SlackServer, gateway: Gateway, scale: Any, shows: str | None
) -> None:
    """Stars and numbers are; a question for words is text alone."""
    async with gateway(offers(purpose="survey", survey=SurveyQuestion(scale=scale))) as gw:
        await slack.say("D1", "U1", "help")
        await gw.settled()
        [asked] = slack.said("D1")
        rows = [block for block in asked.get("blocks", ()) if block["type"] == "actions"]
        titles = [element["text"]["text"] for row in rows for element in row["elements"]]
        assert titles[2:3] == ([shows] if shows else [])
        if shows:
            await slack.click("D1", "U1", dict(asked), "warmline.reply.0.2")
            assert [message.text for message in await stored(gw)] == ["help", "3"]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["actions"][0].update(action_id="somebody.elses"),
        lambda p: p["actions"][0].update(block_id="no place"),
        lambda p: p.pop("message"),
    ],
)
async def test_clicks_on_other_buttons_are_ignored(
    slack: SlackServer, gw: RunningGateway, change: Callable[[dict[str, Any]], object]
) -> None:
    """They are acknowledged and do nothing."""
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


# -- what customers forward ------------------------------------------------------------------------


async def test_a_forwarded_message_keeps_its_words(slack: SlackServer, gw: RunningGateway) -> None:
    """Slack delivers them as an attachment, with or without words of the customer's own."""
    share = {
        "is_msg_unfurl": True,
        "is_share": True,
        "author_name": "Anna",
        "text": "The lamp <https://x.example|L-7> is broken",
        "fallback": "[July 6th] Anna: The lamp L-7 is broken",
        "from_url": "https://example.slack.com/archives/C9/p1688651267097029",
    }
    await slack.say("D1", "U1", "", attachments=[share])
    await slack.say("D1", "U1", "Can you help her?", attachments=[share])
    forwarded = "Forwarded message from Anna:\n> The lamp L-7 (https://x.example) is broken"
    assert [m.text for m in await stored(gw)] == [forwarded, f"Can you help her?\n\n{forwarded}"]


async def test_the_preview_of_a_link_is_no_message(slack: SlackServer, gw: RunningGateway) -> None:
    """Only forwarded messages count."""
    preview = {"from_url": "https://x.example", "title": "X", "text": "Welcome to X"}
    await slack.say("D1", "U1", "see https://x.example", attachments=[preview])
    assert [m.text for m in await stored(gw)] == ["see https://x.example"]
