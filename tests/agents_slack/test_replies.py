"""What agents write in a thread: answers, notes, and what is not sent."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from channels.slack.agents.store import AgentReply, FinishedReply, StateStore
from gateway.testing import FakeClock
from tests.agents_slack.support_channel import SUPPORT, SupportChannel, opened, shown
from tests.slack.server import SlackServer

CARD_NUMBER = "Your card 4111 1111 1111 1111 was charged."


async def handed_over(
    support: SupportChannel, name: str = "carla", count: int = 1
) -> dict[str, Any]:
    await support.gw.customer("rest", name).say("Where is my parcel")
    return await support.card(count)


async def notes(support: SupportChannel, conversation: int = 1) -> list[str]:
    card = await support.gw.services.desk.card(conversation)
    return [m.text for m in card.messages if m.internal and m.author == "agent"]


async def owner(support: SupportChannel, conversation: int = 1) -> str | None:
    seen = (await support.gw.services.desk.card(conversation)).conversation
    return seen.owner.id if seen.owner else None


async def test_a_reply_claims_and_is_sent_once(support: SupportChannel) -> None:
    """Slack's retries of an event are one message. Nobody had the conversation: its writer has it
    now."""
    card = await handed_over(support)
    event = await support.reply(
        card, "UANA", "It is &lt;on its way&gt;, see <https://x.example|x>."
    )
    for retry in (1, 2, 3):
        await support.slack.event(event, retry=retry, event_id="EvSame")
    assert await support.received("carla", 1) == ["It is <on its way>, see x (https://x.example)."]
    await support.quiet()
    assert await support.received("carla", 1) == ["It is <on its way>, see x (https://x.example)."]
    assert await owner(support) == "slack:UANA"
    await support.until(lambda: "With *Ana*" in shown(support.cards()[0]))
    assert not any("It is &lt;on" in line for line in support.thread(card))


@pytest.mark.parametrize(
    "text", ["note: he rang before", "NOTE:he rang before", ":lock: he rang before"]
)
async def test_a_note_is_never_sent(support: SupportChannel, text: str) -> None:
    """It is kept once, also when Slack delivers it twice, and does not claim."""
    card = await handed_over(support)
    event = await support.reply(card, "UANA", text)
    await support.until(lambda: notes(support))
    await support.slack.event(event, retry=1)
    await support.quiet()
    assert await notes(support) == ["he rang before"]
    assert await support.received("carla", 0) == []
    assert await owner(support) is None
    assert "lock" in support.reactions(event["ts"])
    assert not any("he rang" in line for line in support.thread(card)), "it stands there as typed"


async def test_a_note_delivered_again_while_it_is_finished_is_kept_once(
    support: SupportChannel,
) -> None:
    """Slack delivers it again after it was recorded as finished and before it was removed from the
    open replies."""
    card = await handed_over(support)
    event = await support.reply(card, "UANA", "note: he rang before")
    store, ts = StateStore(support.gw.services.storage), event["ts"]
    await support.until(lambda: store.get(f"past/{ts}", FinishedReply))
    again = AgentReply(
        id=ts, conversation=1, thread=card["ts"], user="UANA", text="note: he rang before"
    )
    await support.until(lambda: store.add(f"live/{ts}", again, conversation=1))
    await support.reply(card, "UANA", "note: a second one")
    await support.quiet()
    assert await notes(support) == ["he rang before", "a second one"]
    assert await store.get(f"live/{ts}", AgentReply) is None


class TestGrace:
    """Within its grace a reply can be taken back."""

    @pytest.fixture
    async def support(
        self, slack: SlackServer, clock: FakeClock, tmp_path: Path
    ) -> AsyncIterator[SupportChannel]:
        async with opened(slack, clock, tmp_path, grace=5) as made:
            yield made

    async def test_a_lock_makes_a_note(self, support: SupportChannel) -> None:
        """Of a reply that was not sent yet."""
        card = await handed_over(support)
        event = await support.reply(card, "UANA", "he rang before")
        await self.react(support, event, "lock")
        await support.until(lambda: notes(support))
        await support.quiet(10)
        assert await notes(support) == ["he rang before"]
        assert await support.received("carla", 0) == []

    async def test_a_lock_may_come_before_its_message(self, support: SupportChannel) -> None:
        """Slack guarantees no order."""
        card = await handed_over(support)
        event = await support.reply(card, "UANA", "he rang before", deliver=False)
        await self.react(support, event, "lock")
        await support.slack.event(event)
        await support.until(lambda: notes(support))
        await support.quiet(10)
        assert await support.received("carla", 0) == []

    async def test_other_reactions_change_nothing(self, support: SupportChannel) -> None:
        """The reply is sent after its grace."""
        card = await handed_over(support)
        event = await support.reply(card, "UANA", "It left today.")
        await self.react(support, event, "thumbsup")
        assert await support.received("carla", 0) == []
        assert await support.received("carla", 1) == ["It left today."]

    async def test_what_was_changed_goes_out_changed(self, support: SupportChannel) -> None:
        """And what was deleted does not go out."""
        card = await handed_over(support)
        first = await support.reply(card, "UANA", "It left todya.")
        await change(support, first, "It left today.")
        second = await support.reply(card, "UANA", "Silly customer.")
        await delete(support, second)
        await support.quiet(15)
        assert await support.received("carla", 1) == ["It left today."]

    async def react(self, support: SupportChannel, event: dict[str, Any], name: str) -> None:
        item = {"type": "message", "channel": SUPPORT, "ts": event["ts"]}
        status, _ = await support.slack.event(
            {"type": "reaction_added", "user": "UANA", "reaction": name, "item": item}
        )
        assert status == 200


async def change(support: SupportChannel, event: dict[str, Any], text: str) -> None:
    status, _ = await support.slack.event(
        {
            "type": "message", "subtype": "message_changed", "channel": SUPPORT, "hidden": True,
            "message": {**event, "text": text, "edited": {"user": event["user"]}},
            "previous_message": event, "ts": support.slack.ts(), "event_ts": support.slack.ts(),
        }
    )  # fmt: skip
    assert status == 200


async def delete(support: SupportChannel, event: dict[str, Any]) -> None:
    status, _ = await support.slack.event(
        {
            "type": "message", "subtype": "message_deleted", "channel": SUPPORT, "hidden": True,
            "deleted_ts": event["ts"], "previous_message": event, "ts": support.slack.ts(),
        }
    )  # fmt: skip
    assert status == 200


async def test_late_changes_are_explained_to_the_author(support: SupportChannel) -> None:
    """The customer keeps the first wording. A preview that Slack adds is not a change."""
    card = await handed_over(support)
    event = await support.reply(card, "UANA", "It left today.")
    assert await support.received("carla", 1) == ["It left today."]
    await support.until(lambda: "white_check_mark" in support.reactions(event["ts"]))
    await change(support, event, event["text"])
    await change(support, event, "It left yesterday.")
    await support.until(lambda: support.notices("UANA"))
    await delete(support, event)
    await support.until(lambda: len(support.notices("UANA")) >= 2)
    await support.quiet()
    changed, deleted = support.notices("UANA")
    assert "changing it here does not change what they see" in changed
    assert "deleting it here does not change" in deleted
    assert await support.received("carla", 1) == ["It left today."]


async def test_a_warning_does_not_delay_a_reply(support: SupportChannel) -> None:
    """Only its author sees the advice."""
    card = await handed_over(support)
    await support.reply(card, "UANA", "THIS IS NOT POSSIBLE, it left today.")
    assert await support.received("carla", 1) == ["THIS IS NOT POSSIBLE, it left today."]
    await support.until(lambda: support.notices("UANA"))
    [advice] = support.notices("UANA")
    assert "It was sent" in advice
    assert "Capitals sound like shouting" in advice
    assert support.notices("UBEN") == []


async def hold_a_reply(support: SupportChannel) -> dict[str, Any]:
    card = await handed_over(support)
    await support.reply(card, "UANA", CARD_NUMBER)
    await support.until(lambda: support.notices("UANA"))
    [why] = support.notices("UANA")
    assert "Not sent" in why
    assert "4111 1111 1111 1111" not in why
    await support.quiet()
    assert await support.received("carla", 0) == []
    return card


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("agents:reply:send", [CARD_NUMBER]),
        ("agents:reply:use", ["Your card **** **** **** 1111 was charged."]),
        ("agents:reply:drop", []),
        ("agents:reply:note", []),
    ],
)
async def test_an_error_holds_a_reply_until_its_author_decides(
    support: SupportChannel, action: str, expected: list[str]
) -> None:
    """The reply has a card number; "Use this" sends the voice's correction. Pressed twice it is one
    message."""
    await hold_a_reply(support)
    before = await owner(support)
    await support.click_notice("UANA", action)
    received = await support.received("carla", len(expected))
    await support.quiet()
    if action == "agents:reply:use":
        assert len(received) == 1
        assert "4111 1111 1111" not in received[0]
    else:
        assert received == expected
    assert await notes(support) == ([CARD_NUMBER] if action.endswith("note") else [])
    assert before is None
    buttons = [m for m in support.slack.ephemeral if m.get("blocks")]
    status, _ = await support.slack.click(SUPPORT, "UANA", buttons[0], action)
    assert status == 200
    await support.quiet()
    assert await support.received("carla", len(expected)) == received


async def test_a_misleading_link_is_held(support: SupportChannel) -> None:
    """Its author reads why, and nobody can send it as it is."""
    card = await handed_over(support)
    await support.reply(card, "UANA", "See [bank.example](https://evil.example)")
    await support.until(lambda: support.notices("UANA"))
    assert "names bank.example but leads to evil.example" in str(support.slack.ephemeral)
    assert "agents:reply:send" not in str(support.slack.ephemeral)
    assert await support.received("carla", 0) == []


async def test_a_held_reply_can_be_edited(support: SupportChannel) -> None:
    """In a form, once; then it is sent."""
    await hold_a_reply(support)
    await support.click_notice("UANA", "agents:reply:edit")
    [view] = support.slack.views.values()
    assert view["blocks"][-1]["element"]["initial_value"] == CARD_NUMBER
    values = {"text": {"value": {"type": "plain_text_input", "value": "It was <charged> & fine"}}}
    status, answer = await support.slack.submit("UANA", view, values)
    assert (status, answer) == (200, "")
    assert await support.received("carla", 1) == ["It was <charged> & fine"]
    status, answer = await support.slack.submit("UANA", view, values)
    assert answer["response_action"] == "errors"
    await support.quiet()
    assert await support.received("carla", 1) == ["It was <charged> & fine"]


async def test_a_reply_too_long_for_the_channel_cannot_be_sent_as_is(
    support: SupportChannel,
) -> None:
    """There is no button for it."""
    card = await handed_over(support)
    await support.reply(card, "UANA", "word " * 20_000)
    await support.until(lambda: support.notices("UANA"))
    assert "agents:reply:send" not in str(support.slack.ephemeral)
    assert "agents:reply:edit" in str(support.slack.ephemeral)
    assert await support.received("carla", 0) == []


async def test_a_reply_in_a_colleagues_conversation_asks_first(support: SupportChannel) -> None:
    """Its author decides, and then has the conversation."""
    card = await handed_over(support)
    await support.click(card, "UANA", "agents:claim")
    await support.reply(card, "UBEN", "I can help.")
    await support.until(lambda: support.notices("UBEN"))
    assert "*Not sent yet.* Ana has this conversation." in support.notices("UBEN")[0]
    await support.quiet()
    assert await support.received("carla", 0) == []
    await support.click_notice("UBEN", "agents:reply:take")
    assert await support.received("carla", 1) == ["I can help."]
    assert await owner(support) == "slack:UBEN"


async def test_a_reply_in_a_resolved_conversation_asks_first(support: SupportChannel) -> None:
    """It does not open the conversation by itself."""
    card = await handed_over(support)
    await support.click(card, "UANA", "agents:claim")
    await support.click(card, "UANA", "agents:resolve")
    await support.until(lambda: "Resolved" in shown(support.cards()[0]))
    await support.reply(card, "UANA", "One more thing.")
    await support.until(lambda: support.notices("UANA"))
    assert "This conversation is resolved" in support.notices("UANA")[0]
    await support.quiet()
    assert await support.received("carla", 0) == []


@pytest.mark.parametrize("user", ["UGUEST", "USTRANGE", "UZOE"])
async def test_only_members_answer(support: SupportChannel, user: str) -> None:
    """Guests, people of other companies and people outside the channel see a refusal."""
    card = await handed_over(support)
    event = await support.reply(card, user, "Send me your password")
    await support.until(lambda: "no_entry_sign" in support.reactions(event["ts"]))
    await support.click(card, user, "agents:claim")
    await support.quiet()
    assert await support.received("carla", 0) == []
    assert await owner(support) is None
    if user != "UZOE":  # Slack shows nothing to who is not in the channel
        assert any("*not* sent to the customer" in notice for notice in support.notices(user))


async def test_another_app_is_not_an_agent(support: SupportChannel) -> None:
    """Its messages are not sent, and it gets no text that it might answer."""
    card = await handed_over(support)
    event = await support.reply(card, "UROBOT", "beep", bot_id="B9", subtype="bot_message")
    await support.until(lambda: "no_entry_sign" in support.reactions(event["ts"]))
    assert await support.received("carla", 0) == []
    assert support.slack.ephemeral == []


async def test_a_list_of_agents_is_exclusive(
    slack: SlackServer, clock: FakeClock, tmp_path: Path
) -> None:
    """With ``agents`` set nobody else answers, full member or not."""
    async with opened(slack, clock, tmp_path, agents=["UBEN"]) as support:
        card = await handed_over(support)
        await support.reply(card, "UANA", "hello")
        await support.until(lambda: support.notices("UANA"))
        await support.reply(card, "UBEN", "It left today.")
        assert await support.received("carla", 1) == ["It left today."]


async def test_a_file_is_sent_along(support: SupportChannel) -> None:
    """The customer gets the file that an agent attached."""
    card = await handed_over(support)
    file = support.slack.add_file("label.pdf", "application/pdf", b"%PDF-1.7 label", user="UANA")
    await support.reply(card, "UANA", "Your label", subtype="file_share", files=[file], upload=True)
    assert await support.received("carla", 1) == ["Your label"]
    [message] = [
        m for m in await support.gw.customer("rest", "carla").messages() if m.author == "agent"
    ]
    [kept] = message.attachments
    assert (kept.name, await support.gw.services.files.open(kept.digest)) == (
        "label.pdf",
        b"%PDF-1.7 label",
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"url_private_download": "https://files.slack.com/x"}, "it is not stored at Slack"),
        ({"size": 10**9}, "over the limit of"),
    ],
)
async def test_a_file_that_cannot_be_fetched_holds_the_reply(
    support: SupportChannel, change: dict[str, Any], why: str
) -> None:
    """Its author sees why. The token goes to the configured Slack only, see test_api.py."""
    card = await handed_over(support)
    file = support.slack.add_file("label.pdf", "application/pdf", b"%PDF-1.7", user="UANA")
    more = {"subtype": "file_share", "files": [{**file, **change}]}
    await support.reply(card, "UANA", "Your label", **more)
    await support.until(lambda: support.notices("UANA"))
    assert why in support.notices("UANA")[0]
    assert support.slack.made("download") == []
    assert await support.received("carla", 0) == []


async def test_files_that_the_channel_does_not_take_hold_the_reply(
    support: SupportChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its author sees why, and the customer gets no half of it."""
    monkeypatch.setattr("channels.rest.channel.MOST_FILES", 1)
    card = await handed_over(support)
    files = [support.slack.add_file(n, "text/plain", n.encode(), user="UANA") for n in ("a", "b")]
    await support.reply(card, "UANA", "Two", subtype="file_share", files=files, upload=True)
    await support.until(lambda: support.notices("UANA"))
    assert "at most one file" in support.notices("UANA")[0]
    assert "Send as is" not in str(support.slack.ephemeral)
    assert await support.received("carla", 0) == []


async def test_a_file_that_has_no_room_holds_the_reply(
    support: SupportChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its author learns of it, instead of waiting without a word."""
    card = await handed_over(support)
    file = support.slack.add_file("label.pdf", "application/pdf", b"%PDF-1.7", user="UANA")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    await support.reply(card, "UANA", "Your label", subtype="file_share", files=[file], upload=True)
    await support.until(lambda: support.notices("UANA"))
    assert "no room" in support.notices("UANA")[0]


async def test_a_refused_token_makes_no_agent_a_stranger(support: SupportChannel) -> None:
    """The reply waits until Slack tells who wrote it."""
    card = await handed_over(support)
    support.slack.trouble("error", times=2, method="users.info", error="missing_scope")
    event = await support.reply(card, "UANA", "It left today.")
    assert await support.received("carla", 1) == ["It left today."]
    assert "no_entry_sign" not in support.reactions(event["ts"])


async def test_messages_outside_card_threads_are_not_sent(support: SupportChannel) -> None:
    """In the channel itself, and below other messages."""
    await handed_over(support)
    await support.slack.say(SUPPORT, "UANA", "lunch?")
    other = support.slack.message(SUPPORT, "UBEN", "yes")
    await support.slack.say(SUPPORT, "UANA", "where?", thread_ts=other["ts"])
    await support.quiet()
    assert await support.received("carla", 0) == []
    assert len(await support.gw.services.desk.queue()) == 1
