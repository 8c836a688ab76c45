"""What agents write in a thread: to the customer, to nobody but us, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from channels.slack.agents.store import Book, Past, Reply
from gateway.testing import FakeClock
from tests.agents_slack.office import SUPPORT, Office, opened, shown
from tests.slack.server import SlackServer

CARD_NUMBER = "Your card 4111 1111 1111 1111 was charged."


async def handed_over(office: Office, name: str = "carla", count: int = 1) -> dict[str, Any]:
    await office.gw.customer("rest", name).say("Where is my parcel")
    return await office.card(count)


async def notes(office: Office, conversation: int = 1) -> list[str]:
    card = await office.gw.house.desk.card(conversation)
    return [m.text for m in card.messages if m.internal and m.author == "agent"]


async def owner(office: Office, conversation: int = 1) -> str | None:
    seen = (await office.gw.house.desk.card(conversation)).conversation
    return seen.owner.id if seen.owner else None


async def test_a_reply_claims_and_is_sent_once(office: Office) -> None:
    """Slack's retries of one event are one message; nobody had it, so the writer has it now."""
    card = await handed_over(office)
    event = await office.reply(card, "UANA", "It is &lt;on its way&gt;, see <https://x.example|x>.")
    for retry in (1, 2, 3):
        await office.slack.event(event, retry=retry, event_id="EvSame")
    assert await office.heard("carla", 1) == ["It is <on its way>, see x (https://x.example)."]
    await office.quiet()
    assert await office.heard("carla", 1) == ["It is <on its way>, see x (https://x.example)."]
    assert await owner(office) == "slack:UANA"
    await office.until(lambda: "With *Ana*" in shown(office.cards()[0]))
    assert not any("It is &lt;on" in line for line in office.thread(card))


@pytest.mark.parametrize(
    "text", ["note: he rang before", "NOTE:he rang before", ":lock: he rang before"]
)
async def test_a_note_never_leaves(office: Office, text: str) -> None:
    """Kept once for all agents, also when Slack tells of it twice; nobody claims by a note."""
    card = await handed_over(office)
    event = await office.reply(card, "UANA", text)
    await office.until(lambda: notes(office))
    await office.slack.event(event, retry=1)
    await office.quiet()
    assert await notes(office) == ["he rang before"]
    assert await office.heard("carla", 0) == []
    assert await owner(office) is None
    assert "lock" in office.signs(event["ts"])
    assert not any("he rang" in line for line in office.thread(card)), "it stands there as typed"


async def test_a_note_told_again_while_it_was_finished_was_kept_twice(office: Office) -> None:
    """Written down anew between "it is past" and "it is not live any more", it is let go."""
    card = await handed_over(office)
    event = await office.reply(card, "UANA", "note: he rang before")
    book, ts = Book(office.gw.house.notebook), event["ts"]
    await office.until(lambda: book.get(f"past/{ts}", Past))
    again = Reply(
        id=ts, conversation=1, thread=card["ts"], user="UANA", text="note: he rang before"
    )
    await office.until(lambda: book.add(f"live/{ts}", again, conversation=1))
    await office.reply(card, "UANA", "note: a second one")
    await office.quiet()
    assert await notes(office) == ["he rang before", "a second one"]
    assert await book.get(f"live/{ts}", Reply) is None


class TestGrace:
    """Within some seconds a reply can be taken back."""

    @pytest.fixture
    async def office(
        self, slack: SlackServer, clock: FakeClock, tmp_path: Path
    ) -> AsyncIterator[Office]:
        async with opened(slack, clock, tmp_path, grace=5) as made:
            yield made

    async def test_a_lock_keeps_it_among_us(self, office: Office) -> None:
        """A lock on a message that has not gone out makes a note of it."""
        card = await handed_over(office)
        event = await office.reply(card, "UANA", "he rang before")
        await self.react(office, event, "lock")
        await office.until(lambda: notes(office))
        await office.quiet(10)
        assert await notes(office) == ["he rang before"]
        assert await office.heard("carla", 0) == []

    async def test_a_lock_may_come_before_its_message(self, office: Office) -> None:
        """Slack promises no order."""
        card = await handed_over(office)
        event = await office.reply(card, "UANA", "he rang before", deliver=False)
        await self.react(office, event, "lock")
        await office.slack.event(event)
        await office.until(lambda: notes(office))
        await office.quiet(10)
        assert await office.heard("carla", 0) == []

    async def test_a_thumb_is_no_lock(self, office: Office) -> None:
        """Any other reaction lets it go, when its time has come."""
        card = await handed_over(office)
        event = await office.reply(card, "UANA", "It left today.")
        await self.react(office, event, "thumbsup")
        assert await office.heard("carla", 0) == []
        assert await office.heard("carla", 1) == ["It left today."]

    async def test_what_was_changed_goes_out_changed(self, office: Office) -> None:
        """And what was deleted does not go out."""
        card = await handed_over(office)
        first = await office.reply(card, "UANA", "It left todya.")
        await change(office, first, "It left today.")
        second = await office.reply(card, "UANA", "Silly customer.")
        await delete(office, second)
        await office.quiet(15)
        assert await office.heard("carla", 1) == ["It left today."]

    async def react(self, office: Office, event: dict[str, Any], name: str) -> None:
        item = {"type": "message", "channel": SUPPORT, "ts": event["ts"]}
        status, _ = await office.slack.event(
            {"type": "reaction_added", "user": "UANA", "reaction": name, "item": item}
        )
        assert status == 200


async def change(office: Office, event: dict[str, Any], text: str) -> None:
    status, _ = await office.slack.event(
        {
            "type": "message", "subtype": "message_changed", "channel": SUPPORT, "hidden": True,
            "message": {**event, "text": text, "edited": {"user": event["user"]}},
            "previous_message": event, "ts": office.slack.ts(), "event_ts": office.slack.ts(),
        }
    )  # fmt: skip
    assert status == 200


async def delete(office: Office, event: dict[str, Any]) -> None:
    status, _ = await office.slack.event(
        {
            "type": "message", "subtype": "message_deleted", "channel": SUPPORT, "hidden": True,
            "deleted_ts": event["ts"], "previous_message": event, "ts": office.slack.ts(),
        }
    )  # fmt: skip
    assert status == 200


async def test_changes_of_what_was_sent_are_explained(office: Office) -> None:
    """The customer has the first wording; the writer is told so, and that alone. A preview that
    Slack adds is no change."""
    card = await handed_over(office)
    event = await office.reply(card, "UANA", "It left today.")
    assert await office.heard("carla", 1) == ["It left today."]
    await office.until(lambda: "white_check_mark" in office.signs(event["ts"]))
    await change(office, event, event["text"])
    await change(office, event, "It left yesterday.")
    await office.until(lambda: office.told("UANA"))
    await delete(office, event)
    await office.until(lambda: len(office.told("UANA")) >= 2)
    await office.quiet()
    changed, deleted = office.told("UANA")
    assert "changing it here does not change what they see" in changed
    assert "deleting it here does not change" in deleted
    assert await office.heard("carla", 1) == ["It left today."]


async def test_a_warning_delays_nothing(office: Office) -> None:
    """It is sent at once; the agent alone sees the advice."""
    card = await handed_over(office)
    await office.reply(card, "UANA", "THIS IS NOT POSSIBLE, it left today.")
    assert await office.heard("carla", 1) == ["THIS IS NOT POSSIBLE, it left today."]
    await office.until(lambda: office.told("UANA"))
    [advice] = office.told("UANA")
    assert "It was sent" in advice
    assert "Capitals sound like shouting" in advice
    assert office.told("UBEN") == []


async def held(office: Office) -> dict[str, Any]:
    card = await handed_over(office)
    await office.reply(card, "UANA", CARD_NUMBER)
    await office.until(lambda: office.told("UANA"))
    [why] = office.told("UANA")
    assert "Not sent" in why
    assert "4111 1111 1111 1111" not in why
    await office.quiet()
    assert await office.heard("carla", 0) == []
    return card


@pytest.mark.parametrize(
    ("action", "heard"),
    [
        ("agents:reply:send", [CARD_NUMBER]),
        ("agents:reply:use", ["Your card **** **** **** 1111 was charged."]),
        ("agents:reply:drop", []),
        ("agents:reply:note", []),
    ],
)
async def test_an_error_holds_it(office: Office, action: str, heard: list[str]) -> None:
    """A card number is not sent until its writer says so; "use this" sends what the voice made of
    it. Pressed twice it is one message."""
    await held(office)
    before = await owner(office)
    await office.click_told("UANA", action)
    said = await office.heard("carla", len(heard))
    await office.quiet()
    if action == "agents:reply:use":
        assert len(said) == 1
        assert "4111 1111 1111" not in said[0]
    else:
        assert said == heard
    assert await notes(office) == ([CARD_NUMBER] if action.endswith("note") else [])
    assert before is None
    buttons = [m for m in office.slack.ephemeral if m.get("blocks")]
    status, _ = await office.slack.click(SUPPORT, "UANA", buttons[0], action)
    assert status == 200
    await office.quiet()
    assert await office.heard("carla", len(heard)) == said


async def test_a_held_one_can_be_edited(office: Office) -> None:
    """In a form with its words, once; then it goes out."""
    await held(office)
    await office.click_told("UANA", "agents:reply:edit")
    [view] = office.slack.views.values()
    assert view["blocks"][-1]["element"]["initial_value"] == CARD_NUMBER
    values = {"text": {"value": {"type": "plain_text_input", "value": "It was <charged> & fine"}}}
    status, answer = await office.slack.submit("UANA", view, values)
    assert (status, answer) == (200, "")
    assert await office.heard("carla", 1) == ["It was <charged> & fine"]
    status, answer = await office.slack.submit("UANA", view, values)
    assert answer["response_action"] == "errors"
    await office.quiet()
    assert await office.heard("carla", 1) == ["It was <charged> & fine"]


async def test_what_cannot_be_delivered_has_no_as_is(office: Office) -> None:
    """Too long for the channel: there is no button to send it so."""
    card = await handed_over(office)
    await office.reply(card, "UANA", "word " * 20_000)
    await office.until(lambda: office.told("UANA"))
    assert "agents:reply:send" not in str(office.slack.ephemeral)
    assert "agents:reply:edit" in str(office.slack.ephemeral)
    assert await office.heard("carla", 0) == []


async def test_a_colleagues_conversation_asks_first(office: Office) -> None:
    """Ben's reply waits for his word; with it he has the conversation."""
    card = await handed_over(office)
    await office.click(card, "UANA", "agents:claim")
    await office.reply(card, "UBEN", "I can help.")
    await office.until(lambda: office.told("UBEN"))
    assert "*Not sent yet.* Ana has this conversation." in office.told("UBEN")[0]
    await office.quiet()
    assert await office.heard("carla", 0) == []
    await office.click_told("UBEN", "agents:reply:take")
    assert await office.heard("carla", 1) == ["I can help."]
    assert await owner(office) == "slack:UBEN"


async def test_what_is_closed_asks_first(office: Office) -> None:
    """A late reply in a resolved thread opens nothing by itself."""
    card = await handed_over(office)
    await office.click(card, "UANA", "agents:claim")
    await office.click(card, "UANA", "agents:resolve")
    await office.until(lambda: "Resolved" in shown(office.cards()[0]))
    await office.reply(card, "UANA", "One more thing.")
    await office.until(lambda: office.told("UANA"))
    assert "This conversation is resolved" in office.told("UANA")[0]
    await office.quiet()
    assert await office.heard("carla", 0) == []


@pytest.mark.parametrize("user", ["UGUEST", "USTRANGE", "UZOE"])
async def test_others_are_refused_visibly(office: Office, user: str) -> None:
    """Guests, people of other companies and who is not in the channel answer nobody."""
    card = await handed_over(office)
    event = await office.reply(card, user, "Send me your password")
    await office.until(lambda: "no_entry_sign" in office.signs(event["ts"]))
    await office.click(card, user, "agents:claim")
    await office.quiet()
    assert await office.heard("carla", 0) == []
    assert await owner(office) is None
    if user != "UZOE":  # Slack shows nothing to who is not in the channel
        assert any("*not* sent to the customer" in told for told in office.told(user))


async def test_a_machine_is_no_agent(office: Office) -> None:
    """Another app's words go nowhere, and it gets no words that it might answer."""
    card = await handed_over(office)
    event = await office.reply(card, "UROBOT", "beep", bot_id="B9", subtype="bot_message")
    await office.until(lambda: "no_entry_sign" in office.signs(event["ts"]))
    assert await office.heard("carla", 0) == []
    assert office.slack.ephemeral == []


async def test_a_list_of_agents_stands_alone(
    slack: SlackServer, clock: FakeClock, tmp_path: Path
) -> None:
    """With ``agents`` set nobody else answers, full member or not."""
    async with opened(slack, clock, tmp_path, agents=["UBEN"]) as office:
        card = await handed_over(office)
        await office.reply(card, "UANA", "hello")
        await office.until(lambda: office.told("UANA"))
        await office.reply(card, "UBEN", "It left today.")
        assert await office.heard("carla", 1) == ["It left today."]


async def test_a_file_goes_along(office: Office) -> None:
    """What an agent puts into the thread reaches the customer; Slack's share event is one."""
    card = await handed_over(office)
    file = office.slack.add_file("label.pdf", "application/pdf", b"%PDF-1.7 label", user="UANA")
    await office.reply(card, "UANA", "Your label", subtype="file_share", files=[file], upload=True)
    assert await office.heard("carla", 1) == ["Your label"]
    [message] = [
        m for m in await office.gw.customer("rest", "carla").messages() if m.author == "agent"
    ]
    [kept] = message.attachments
    assert (kept.name, await office.gw.house.files.open(kept.digest)) == (
        "label.pdf",
        b"%PDF-1.7 label",
    )


async def test_words_outside_threads_are_nobodys(office: Office) -> None:
    """What agents say in the channel, or below other messages, is theirs alone."""
    await handed_over(office)
    await office.slack.say(SUPPORT, "UANA", "lunch?")
    other = office.slack.message(SUPPORT, "UBEN", "yes")
    await office.slack.say(SUPPORT, "UANA", "where?", thread_ts=other["ts"])
    await office.quiet()
    assert await office.heard("carla", 0) == []
    assert len(await office.gw.house.desk.queue()) == 1
