"""Our messages in Slack: posted once, whatever Slack does meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from gateway import Agent, Button, File, Reply, Turn
from gateway.testing import FakeHandler, RunningGateway
from tests.slack.conftest import Gateway
from tests.slack.server import SlackServer
from tests.slack.server import readable as as_slack_shows

TOKEN_ERRORS = ("invalid_auth", "account_inactive", "missing_scope")
ANA = Agent(id="desk:ana", name="Ana")


async def answer(gw: RunningGateway, text: str, *names: str) -> None:
    """A person answers, with files of these names."""
    [item] = await gw.services.desk.queue()
    kept = [
        await gw.services.files.keep(File(name=name, media_type="text/plain", data=name.encode()))
        for name in names
    ]
    await gw.services.desk.answer(
        item.conversation.id, ANA, text, key=text or "files", attachments=tuple(kept)
    )


async def test_a_message_is_posted_as_plain_text(slack: SlackServer, gw: RunningGateway) -> None:
    """Escaped, without mentions or previews, in its thread, with its key."""
    root = slack.message("C1", "U1", "<@U0BOT> &lt;!here&gt; *x* https://a.example")
    await slack.event(root)
    await gw.settled()
    [call] = slack.made("chat.postMessage")
    assert call.args.pop("metadata")["event_payload"]["key"]
    assert call.args == {
        "channel": "C1",
        "thread_ts": root["ts"],
        "text": "&lt;!here&gt; *x* https://a.example",
        "mrkdwn": False,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


GO_ON = Button(title="Go on & on", payload="go on")
LONG_STORY = "A long story. " * 900


async def test_long_texts_and_titles_fit_blocks(slack: SlackServer, gateway: Gateway) -> None:
    """A block takes 3,000 characters and a button 75: the text is split, the title cut."""
    text = "All & sundry. " * 250

    def reply(turn: Turn) -> Reply:
        return Reply(opener="", body=(text,), buttons=(Button(title="&" * 90, payload="y" * 3000),))

    async with gateway(FakeHandler(reply)) as gw:
        await slack.say("D1", "U1", "help")
        await gw.settled()
        [posted] = slack.said("D1")
        assert [block["type"] for block in posted["blocks"]] == ["section"] * 2 + ["actions"]
        title = posted["blocks"][-1]["elements"][0]["text"]["text"]
        assert title == "&amp;" * 14 + "…"


async def test_a_text_too_long_for_blocks_lists_its_choices(
    slack: SlackServer, gateway: Gateway
) -> None:
    """Slack refuses blocks that are too long together, and takes a text of 40,000 characters."""

    def reply(turn: Turn) -> Reply:
        return Reply(opener="", body=(LONG_STORY,), buttons=(GO_ON,))

    async with gateway(FakeHandler(reply)) as gw:
        await slack.say("D1", "U1", "help")
        await gw.settled()
        [posted] = slack.said("D1")
        assert "blocks" not in posted
        assert posted["text"].endswith("A long story. \n\n• Go on &amp; on")


async def test_a_message_too_long_for_slack_is_a_dead_letter(
    slack: SlackServer, gateway: Gateway
) -> None:
    """Nothing is cut without notice."""
    async with gateway(FakeHandler(lambda turn: Reply(opener="", body=("&" * 9000,)))) as gw:
        await slack.say("D1", "U1", "help")
        await gw.settled()
        [letter] = await gw.gateway.store.outbox.list()
        assert "40000 characters" in str(letter.error)
        assert slack.made("chat.postMessage") == []


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("channel_not_found", "dead"),
        ("is_archived", "dead"),
        ("account_inactive", "ready"),
        ("msg_too_long", "dead"),
        ("thread_not_found", "dead"),
        ("something_new", "dead"),
        ("ratelimited", "ready"),
        ("service_unavailable", "ready"),
        ("invalid_auth", "ready"),
        ("missing_scope", "ready"),
        ("fatal_error", "ready"),
    ],
)
async def test_each_error_retries_or_is_a_dead_letter(
    slack: SlackServer, gw: RunningGateway, error: str, state: str
) -> None:
    """A refused token shows as trouble until the message is sent."""
    slack.trouble("error", error=error)
    await slack.say("D1", "U1", "hello")
    await gw.settled()
    dead = await gw.gateway.store.outbox.list()
    assert ("dead" if dead else "ready") == state
    trouble = await gw.gateway.checks()["channel slack"]()
    assert (trouble is not None) == (error in TOKEN_ERRORS)
    await gw.pass_time(300)
    assert slack.read("D1") == ([] if dead else ["hello"])
    assert await gw.gateway.checks()["channel slack"]() is None


async def test_a_rate_limit_pauses_the_whole_channel(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """Slack counts a channel's messages together: after a 429 no thread of it is tried."""
    roots = [slack.message("C1", "U1", f"<@U0BOT> {i}") for i in range(3)]
    await slack.event(roots[0])
    await gw.settled()
    slack.trouble("busy", after=30)
    for root in roots[1:]:
        await slack.event(root)
        await gw.settled()
    assert len(slack.made("chat.postMessage")) == 2
    await slack.say("D1", "U1", "meanwhile")
    await gw.settled()
    assert slack.read("D1") == ["meanwhile"]
    await gw.pass_time(29)
    assert len(slack.made("chat.postMessage")) == 3
    await gw.pass_time(300)
    assert [slack.read("C1", root["ts"]) for root in roots] == [["0"], ["1"], ["2"]]


@pytest.mark.parametrize("place", ["D1", "C1"])
@pytest.mark.parametrize("how", ["cut", "hang"])
async def test_a_message_whose_answer_was_lost_is_found(
    slack: SlackServer, gateway: Gateway, place: str, how: Any
) -> None:
    """By its key, also in a long thread; it is not posted again."""
    async with gateway(timeout=1) as gw:
        first = slack.message(place, "U1", "<@U0BOT> first")
        await slack.event(first)
        await gw.settled()
        slack.trouble(how)
        more = {"thread_ts": first["ts"]} if place == "C1" else {}
        await slack.say(place, "U1", "second", **more)
        for i in range(450):
            slack.message(place, "U2", f"noise {i}", **more)
        await gw.settled()
        slack.release()
        await gw.pass_time(300)
        assert slack.read(place) == ["first", "second"]
        assert await gw.gateway.store.outbox.list() == ()


async def test_nothing_is_posted_while_slack_cannot_tell(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """The answer was lost, and then Slack cannot be asked for a while: the message is found
    later, and never posted again."""
    slack.trouble("cut")
    slack.trouble("broken", times=3, method="conversations.history")
    await slack.say("D1", "U1", "once")
    await gw.settled()
    for _ in range(4):
        await gw.pass_time(60)
    assert len(slack.made("chat.postMessage")) == 1
    assert len(slack.made("conversations.history")) == 4
    assert slack.read("D1") == ["once"]
    assert await gw.gateway.store.outbox.list() == ()


async def test_files_are_uploaded_once(slack: SlackServer, gw: RunningGateway) -> None:
    """Files come before the text. When the text is tried again the files are not."""
    await slack.say("D1", "U1", "person")
    await gw.settled()
    slack.trouble("busy", after=5)
    await answer(gw, "Both, as you asked.", "a.txt", "b.txt")
    await gw.settled()
    await gw.pass_time(300)
    shared = [file["title"] for message in slack.said("D1") for file in message.get("files", ())]
    assert shared == ["a.txt", "b.txt"]
    assert slack.read("D1") == ["A person comes.", "Both, as you asked."]


async def test_a_file_goes_into_its_thread(slack: SlackServer, gw: RunningGateway) -> None:
    """And into no other place."""
    root = slack.message("C1", "U1", "<@U0BOT> person")
    await slack.event(root)
    await gw.settled()
    await answer(gw, "Here.", "a.txt")
    await gw.settled()
    [call] = slack.made("files.completeUploadExternal")
    assert (call.args["channel_id"], call.args["thread_ts"]) == ("C1", root["ts"])
    assert [file["title"] for file in json.loads(call.args["files"])] == ["a.txt"]


async def test_nothing_is_lost_or_doubled_under_load(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """Forty customers write while Slack is busy, broken, cuts connections and is away for half a
    minute."""
    chance = random.Random(7)  # noqa: S311  (the same troubles every time)
    expected: dict[str, list[str]] = {}
    for i in range(40):
        slack.add_user(f"U9{i}", f"Customer {i}")
        slack.add_channel(f"D9{i}", im=f"U9{i}")
    for turn in range(3):
        kinds = chance.choices(["busy", "broken", "cut", "drop"], k=25)
        for kind in kinds:
            slack.trouble(kind, after=chance.randint(1, 20))  # type: ignore[arg-type]
        slack.away = turn == 1
        for i in range(40):
            expected.setdefault(f"D9{i}", []).append(f"{turn} of {i}")
        texts = [(f"D9{i}", f"U9{i}", f"{turn} of {i}") for i in range(40)]
        statuses = await asyncio.gather(*(slack.say(*arguments) for arguments in texts))
        assert {status for status, _ in statuses} == {200}
        await gw.settled()
        for _ in range(6):
            await gw.pass_time(5)
        slack.away = False
    for _ in range(12):
        await gw.pass_time(100)
    assert {place: slack.read(place) for place in expected} == expected
    assert await gw.gateway.store.outbox.list() == ()
    tried = slack.made("chat.postMessage")
    met = {status: sum(call.status == status for call in tried) for status in (0, 200, 429, 500)}
    print({"messages": 120, "calls": len(tried), "by_status": met})  # noqa: T201  (the figures)


@pytest.mark.parametrize("text", ["Loom & Wool <here>", "Loom & Wool: https://a.example"])
async def test_what_a_customer_reads_is_what_was_written(
    slack: SlackServer, gateway: Gateway, text: str
) -> None:
    """In a section of either type, and on a button."""

    def reply(turn: Turn) -> Reply:
        return Reply(opener="", body=(text,), buttons=(Button(title="A & B", payload="a & b"),))

    async with gateway(FakeHandler(reply)) as gw:
        await slack.say("D1", "U1", "help")
        await gw.settled()
        [posted] = slack.said("D1")
        section, actions = posted["blocks"]
        kind = "mrkdwn" if "https" in text else "plain_text"
        assert section["text"]["type"] == kind
        assert as_slack_shows(section["text"]["text"]) == text
        [button] = actions["elements"]
        assert (button["text"]["text"], button["value"]) == ("A &amp; B", "a & b")


@pytest.mark.parametrize(
    "answer",
    [
        b'{"ok":true,"channel":"D1"}', b'{"ok":true,"ts":null}', b'{"ok":true,"ts":{}}', b"[]",
        b'{"ok":true,"ts":"1772445600.0', b"<html>", b"", b'"ok"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "text/html"])
async def test_a_post_is_sent_once_whatever_slack_answers(
    slack: SlackServer, gw: RunningGateway, answer: bytes, content_type: str
) -> None:
    """Without a timestamp Slack is asked: the message stands there, under its key."""
    slack.odd_answers = [(answer, content_type)]
    await slack.say("D1", "U1", "hello")
    await gw.settled()
    await gw.pass_time(300)
    assert slack.read("D1") == ["hello"]
    [ours] = [m for m in (await gw.services.desk.card(1)).messages if m.author == "bot"]
    assert (ours.status, ours.remote_id) == ("sent", f"D1:{slack.said('D1')[0]['ts']}")
