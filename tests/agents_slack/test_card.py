"""The card and its thread: all an agent needs, within Slack's limits, and pinging nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.slack.agents.card import SlackPost, render_card
from channels.slack.agents.dialogs import EditForm, edit_form, transfer_form
from channels.slack.agents.labels import duration_label, waiting_since
from channels.slack.agents.thread import ThreadPost, message_posts, transcript
from channels.slack.markup import TOGETHER, size
from gateway import (
    Address,
    Agent,
    Attachment,
    CaseFact,
    CaseStory,
    ContextCard,
    Conversation,
    Cue,
    Customer,
    Emotion,
    Fact,
    File,
    Handoff,
    Message,
    PastConversation,
    Promise,
    Reason,
    Suggestion,
    Understanding,
    note_text,
)
from gateway.testing import FakeClock
from tests.agents_slack.support_channel import SupportChannel, shown, texts
from tests.slack.server import PING
from tests.slack.shapes import blocks as faults
from tests.slack.shapes import view as view_faults
from tests.store.test_queue import statements

__all__ = ["statements"]

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
REFRESH = 30.0
"""Seconds, as by default."""
HOSTILE = "<!channel> <@UANA> <https://evil.example|bank> *_~` & </a> @here :tada: \u202e"
ANY = st.text(max_size=400) | st.sampled_from([HOSTILE, HOSTILE * 300, "&" * 5000, "x" * 20_000])


def make_card(text: str, *, state: str = "waiting", many: int = 3) -> ContextCard:
    """A card on which every text is ``text``."""
    ana = Agent(id="slack:UANA", name=text[:300] or "Ana")
    cue = Cue(kind="shouting", text=text[:5], start=0, end=len(text[:5]))
    angry = Understanding(emotion=Emotion(label="angry", intensity=0.9, cues=(cue,)))
    file = Attachment(name=text[:100], media_type="image/png", size=3000, digest="0" * 64)
    messages = tuple(
        Message(
            id=i + 1,
            conversation=1,
            author=("customer", "bot", "agent", "system")[i % 4],  # type: ignore[arg-type]
            text=text,
            at=NOW,
            agent=ana if i % 4 == 2 else None,
            internal=i % 4 == 3,
            understanding=angry if i % 4 == 0 else None,
            attachments=(file,) * 5,
            handler=text[:50] or None,
        )
        for i in range(many)
    )
    return ContextCard(
        conversation=Conversation(
            id=1,
            address=Address(channel="sms", value=text[:100] or "+1"),
            state=state,  # type: ignore[arg-type]
            owner=ana if state == "person" else None,
            opened_at=NOW,
            intent="refund",
            language="en",
        ),
        customer=Customer(id=1, name=text),
        identities=(Address(channel="email", value=text),) * 12,
        handoff=Handoff(
            id=1,
            conversation=1,
            reasons=(Reason(code=text[:40], detail=text),) * 12,
            tier=text[:60],
            skills=(text[:60],) * 5,
            priority=3,
            created_at=NOW,
        ),
        messages=messages,
        earlier=tuple(
            PastConversation(
                id=i, channel="sms", opened_at=NOW - timedelta(days=9 - i), intent="refund"
            )
            for i in range(2)
        ),
        facts=(Fact(name=text or "x", value=text),) * 30,
        summary=(text,) * 4,
        suggestion=Suggestion(id=1, conversation=1, text=text, source="faq", at=NOW),
        story=CaseStory(
            facts=tuple(
                CaseFact(name="order", value=text, message=1, at=NOW, confirmed_by=text * (i % 2))
                for i in range(12)
            )
        ),
        promises=tuple(
            Promise(
                id=i,
                conversation=1,
                message=1,
                words=text,
                kind="send",
                due=NOW,
                whole_day=False,
                made_at=NOW,
                remind_at=NOW,
            )
            for i in range(9)
        ),
        on_its_way=messages[:2],
    )


@settings(max_examples=60, deadline=None)
@given(text=ANY, state=st.sampled_from(["waiting", "person", "resolved", "bot"]))
def test_no_text_breaks_a_card_or_pings(text: str, state: str) -> None:
    """Whatever is written: the limits of Block Kit hold and no bracket of ours is a mention."""
    card = make_card(text, state=state, many=90)
    form = EditForm(conversation=1, suggestion=1)
    views = [edit_form(card, form, text), transfer_form(card, ("front", "specialist"))]
    posts: list[SlackPost | ThreadPost] = [render_card(card, NOW), *transcript(card)]
    posts += [post for message in card.messages[:8] for post in message_posts(message, card)]
    for post in posts:
        assert list(faults(list(post.blocks), most=50)) == []
        assert size(post.blocks) <= TOGETHER
        assert len(post.text) <= 10_000
        shown_words = [post.text, *texts(list(post.blocks))]
        assert not any(PING.search(text) for text in shown_words)
    for view in views:
        assert list(view_faults(view)) == []


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("note: x", "x"),
        ("Note : x", "x"),
        ("🔒 x", "x"),
        ("notes: x", None),
        ("a note: x", None),
        ("note:", ""),
    ],
)
def test_a_note_begins_with_its_mark(text: str, note: str | None) -> None:
    """A mark elsewhere does not count."""
    assert note_text(text) == note


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(0, "just now"), (7, "7 min"), (34, "30 min"), (89, "1 h"), (95, "1 h 30 min"),
     (60 * 30, "1 day")],
)  # fmt: skip
def test_waiting_time_grows_in_steps(minutes: int, expected: str) -> None:
    """So that a card is not updated every minute for hours."""
    assert duration_label(NOW - timedelta(minutes=minutes), NOW) == expected


def test_thanks_wait_for_nothing() -> None:
    """Nor does a machine; the next question does."""
    card = make_card("Where is it?", state="person")
    [asked, *_] = [m for m in card.messages if m.author == "customer"]
    answer = asked.replace(author="agent", at=NOW, agent=Agent(id="slack:U1", name="Ana"))
    later = {"at": NOW + timedelta(minutes=1)}
    thanks = asked.replace(text="ok danke", purpose="thanks", **later)
    away = asked.replace(text="I am away", purpose="notice", **later)
    assert waiting_since(card.replace(messages=(asked,))) == asked.at
    assert waiting_since(card.replace(messages=(asked, answer, thanks, away))) is None
    again = asked.replace(at=NOW + timedelta(minutes=5))
    assert waiting_since(card.replace(messages=(asked, answer, thanks, again))) == again.at


async def test_the_card_shows_the_whole_case(support: SupportChannel) -> None:
    """Who, where, why, the mood with its cues, how often, what the bot said, what is suggested.
    The waiting time is kept current."""
    carla = support.gw.customer("rest", "carla")
    for count in (1, 2):
        await carla.say("Where is my parcel", name="Carla")
        first = await support.card(count)
        await support.click(first, "UANA", "agents:claim")
        await support.click(first, "UANA", "agents:resolve")
        await support.clock.advance(11 * 3600)
        await support.gw.settled()
    await carla.say("When do you open?")
    await carla.say("I am so FRUSTRATED, this is the third time")
    card = await support.card(3)
    shown_text = shown(card)
    for part in (
        "Carla · REST",
        "Waiting for a person",
        "Strong feelings",
        "“FRUSTRATED” (in capitals)",
        "“third time” (repeated)",
        "Third contact about this (refund) in a day",
        "We open at nine.",
        "I am looking into your order now.",
        "priority *",
        "arrived just now",
    ):
        assert part in shown_text, part
    await support.clock.advance(8 * 60)
    await support.until(lambda: "waiting 8 min" in shown(support.cards()[2]))
    updates = [c for c in support.slack.made("chat.update") if c.args["ts"] == card["ts"]]
    assert len(updates) <= 9, "at most one a minute"


async def test_later_messages_stand_in_the_thread(support: SupportChannel) -> None:
    """The customer's next messages, changes and files, once each; a long one whole."""
    carla = support.gw.customer("rest", "carla")
    await carla.say("Where is my parcel")
    card = await support.card()
    kept = await support.gw.services.files.keep(
        File(name="photo.png", media_type="image/png", data=b"\x89PNG photo")
    )
    await carla.say(HOSTILE, remote_id="a", attachments=(kept,))
    await carla.say("second thoughts", remote_id="a-2", kind="edit")
    await carla.say("long " * 3000, remote_id="b")
    await support.until(lambda: sum(t.count("long") for t in support.thread(card)) >= 3000)
    await support.quiet()
    posts_ = support.thread(card)
    assert sum("evil.example" in line for line in posts_) == 1
    assert sum("changed an earlier message:\nsecond thoughts" in line for line in posts_) == 1
    assert sum(line.count("long") for line in posts_) == 3000
    posts = support.slack.said("C0SUPPORT", card["ts"])
    [file] = [file for post in posts for file in post.get("files", ())]
    assert support.slack.uploads[file["id"]]["data"] == b"\x89PNG photo"
    bot: list[dict[str, Any]] = [m for m in posts if "automated assistant" in shown(m)]
    assert bot == []


async def test_the_card_shows_what_the_customer_stated(support: SupportChannel) -> None:
    """With the message that it came from; nothing in it pings anybody."""
    carla = support.gw.customer("rest", "carla")
    await carla.say("Where is my parcel? carla@example.org, <!channel>", name="Carla")
    text = shown(await support.card(1))
    assert "• email *carla@example.org* in “Where is my parcel? carla@example.org" in text
    assert "<!channel>" not in text


@pytest.mark.sqlite
async def test_cards_that_wait_are_compared_together(
    statements: list[str], support: SupportChannel, clock: FakeClock
) -> None:
    """A check of cards that are as they were posted reads one, then two, then four together."""
    for number in range(8):
        await support.gw.customer("rest", f"c{number}").say("I want a refund from a person")
        await support.card(number + 1)
    await support.quiet()
    before = [shown(card) for card in support.cards()]
    statements.clear()
    await clock.advance(REFRESH)
    await support.until(lambda: any(map(_reads_cards, statements)))
    await support.quiet(1.0)
    assert sum(map(_reads_cards, statements)) < 8
    assert [shown(card) for card in support.cards()] == before  # all "waiting just now"


def _reads_cards(statement: str) -> bool:
    """Whether it reads the customers of cards."""
    return "FROM customers" in statement and " IN (" in statement
