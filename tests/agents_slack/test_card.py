"""The card: all a person needs, within Slack's limits, and pinging nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.slack.agents import card as cards
from channels.slack.agents import labels as words
from channels.slack.agents import modals
from channels.slack.agents import transcript as lines
from channels.slack.agents.modals import Editing
from channels.slack.agents.text import as_note, escape, fit, pieces, plain
from gateway import (
    Address,
    Agent,
    Attachment,
    Card,
    Conversation,
    Cue,
    Customer,
    Earlier,
    Emotion,
    Fact,
    File,
    Handoff,
    Message,
    Reason,
    Suggestion,
    Understanding,
)
from tests.agents_slack.office import Office, shown
from tests.agents_slack.office import words as texts
from tests.slack.server import PING
from tests.slack.shapes import blocks as faults
from tests.slack.shapes import view as view_faults

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HOSTILE = "<!channel> <@UANA> <https://evil.example|bank> *_~` & </a> @here :tada: \u202e"
ANY = st.text(max_size=400) | st.sampled_from([HOSTILE, HOSTILE * 300, "&" * 5000, "x" * 20_000])


def a_card(said: str, *, state: str = "waiting", many: int = 3) -> Card:
    """A card on which every text is ``said``."""
    ana = Agent(id="slack:UANA", name=said[:300] or "Ana")
    cue = Cue(kind="shouting", text=said[:5], start=0, end=len(said[:5]))
    angry = Understanding(emotion=Emotion(label="angry", intensity=0.9, cues=(cue,)))
    file = Attachment(name=said[:100], media_type="image/png", size=3000, digest="0" * 64)
    messages = tuple(
        Message(
            id=i + 1,
            conversation=1,
            author=("customer", "bot", "agent", "system")[i % 4],  # type: ignore[arg-type]
            text=said,
            at=NOW,
            agent=ana if i % 4 == 2 else None,
            internal=i % 4 == 3,
            understanding=angry if i % 4 == 0 else None,
            attachments=(file,) * 5,
            handler=said[:50] or None,
        )
        for i in range(many)
    )
    return Card(
        conversation=Conversation(
            id=1,
            address=Address(channel="sms", value=said[:100] or "+1"),
            state=state,  # type: ignore[arg-type]
            owner=ana if state == "person" else None,
            opened_at=NOW,
            intent="refund",
            language="en",
        ),
        customer=Customer(id=1, name=said),
        identities=(Address(channel="email", value=said),) * 12,
        handoff=Handoff(
            id=1,
            conversation=1,
            reasons=(Reason(code=said[:40], detail=said),) * 12,
            tier=said[:60],
            skills=(said[:60],) * 5,
            priority=3,
            created_at=NOW,
        ),
        messages=messages,
        earlier=tuple(
            Earlier(id=i, channel="sms", opened_at=NOW - timedelta(days=9 - i), intent="refund")
            for i in range(2)
        ),
        facts=(Fact(name=said or "x", value=said),) * 30,
        summary=(said,) * 4,
        suggestion=Suggestion(id=1, conversation=1, text=said, source="faq", at=NOW),
        on_its_way=messages[:2],
    )


@settings(max_examples=60, deadline=None)
@given(said=ANY, state=st.sampled_from(["waiting", "person", "resolved", "bot"]))
def test_no_text_breaks_a_card_or_pings(said: str, state: str) -> None:
    """Whatever is written: the limits of Block Kit hold and no bracket of ours is a mention."""
    card = a_card(said, state=state, many=90)
    editing = Editing(conversation=1, thread="1.1", suggestion=1)
    views = [modals.edit(card, editing, said), modals.transfer(card, ("front", "specialist"))]
    posts = [cards.face(card, NOW), cards.transcript(card)]
    posts += [piece for m in card.messages[:8] for piece in lines.of(m, card)]  # type: ignore[misc]
    for post in posts:
        assert list(faults(list(post.blocks), most=50)) == []
        assert len(post.text) <= 3500
        shown_words = [post.text, *texts(list(post.blocks))]
        assert not any(PING.search(text) for text in shown_words)
    for view in views:
        assert list(view_faults(view)) == []


@given(said=st.text(max_size=300), most=st.integers(10, 80))
def test_pieces_hold_every_word(said: str, most: int) -> None:
    """Nothing but white space is lost at a cut, no piece is too long, no entity is cut."""
    found = list(pieces(said, most))
    assert all(len(piece) <= most for piece in found)
    whole = "".join("".join(found).split())
    assert whole == "".join(escape(said).split())
    assert len(fit(said, most)) <= most


@given(said=st.text(max_size=300))
def test_what_is_typed_is_read_as_typed(said: str) -> None:
    """Slack's escaping is undone, and nothing else is changed."""
    bare = said.replace(":", "").strip()
    assert plain(escape(bare), {}) == bare


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("a &amp;lt; b", "a &lt; b"),
        ("<@UANA> will call", "@Ana will call"),
        ("<!here> all", "@here all"),
        ("<https://x.example/a?b=1&amp;c=2>", "https://x.example/a?b=1&c=2"),
        ("<https://x.example|our page>", "our page (https://x.example)"),
        ("<http://x.example|x.example>", "x.example"),
        ("<mailto:a@x.example|a@x.example>", "a@x.example"),
        ("<#C1|general>", "#general"),
        (":wave: hello", "👋 hello"),
        (":unknown_one: hello", ":unknown_one: hello"),
    ],
)
def test_an_agents_markup_becomes_words(typed: str, read: str) -> None:
    """Mentions by name, links where they lead, emoji as characters."""
    assert plain(typed, {"UANA": "Ana"}, {"wave": "👋"}) == read


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
def test_what_a_note_is(text: str, note: str | None) -> None:
    """Only at the beginning."""
    assert as_note(text) == note


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(0, "just now"), (7, "7 min"), (34, "30 min"), (89, "1 h"), (95, "1 h 30 min"),
     (60 * 30, "1 day")],
)  # fmt: skip
def test_waiting_time_in_growing_steps(minutes: int, told: str) -> None:
    """So that a card is not written anew every minute for hours."""
    assert words.waited(NOW - timedelta(minutes=minutes), NOW) == told


async def test_everything_stands_on_it(office: Office) -> None:
    """Who, where, why, how they feel by their own words, how often, what the bot said, what is
    suggested; and priority and waiting time go on being true."""
    carla = office.gw.customer("rest", "carla")
    for count in (1, 2):
        await carla.say("Where is my parcel", name="Carla")
        first = await office.card(count)
        await office.click(first, "UANA", "agents:claim")
        await office.click(first, "UANA", "agents:resolve")
        await office.clock.advance(11 * 3600)
        await office.gw.settled()
    await carla.say("When do you open?")
    await carla.say("I am so FRUSTRATED, this is the third time")
    card = await office.card(3)
    told = shown(card)
    for words_of_it in (
        "Carla · REST",
        "Waiting for a person",
        "Strong feelings",
        "“FRUSTRATED” (in capitals)",
        "“third time” (said again)",
        "Third contact about this (refund) in a day",
        "We open at nine.",
        "I am looking into your order now.",
        "priority *",
        "waits just now",
    ):
        assert words_of_it in told, words_of_it
    await office.clock.advance(8 * 60)
    await office.until(lambda: "waits 8 min" in shown(office.cards()[2]))
    updates = [c for c in office.slack.made("chat.update") if c.args["ts"] == card["ts"]]
    assert len(updates) <= 9, "at most one a minute"


async def test_what_comes_later_stands_in_the_thread(office: Office) -> None:
    """The customer's next words, changes and files, once each; a long one whole."""
    carla = office.gw.customer("rest", "carla")
    await carla.say("Where is my parcel")
    card = await office.card()
    kept = await office.gw.house.files.keep(
        File(name="photo.png", media_type="image/png", data=b"\x89PNG photo")
    )
    await carla.say(HOSTILE, remote_id="a", attachments=(kept,))
    await carla.say("second thoughts", remote_id="a-2", kind="edit")
    await carla.say("long " * 3000, remote_id="b")
    await office.until(lambda: sum(t.count("long") for t in office.thread(card)) >= 3000)
    await office.quiet()
    lines_ = office.thread(card)
    assert sum("evil.example" in line for line in lines_) == 1
    assert sum("changed an earlier message:\nsecond thoughts" in line for line in lines_) == 1
    assert sum(line.count("long") for line in lines_) == 3000
    posts = office.slack.said("C0SUPPORT", card["ts"])
    [file] = [file for post in posts for file in post.get("files", ())]
    assert office.slack.uploads[file["id"]]["data"] == b"\x89PNG photo"
    bot: list[dict[str, Any]] = [m for m in posts if "automated assistant" in shown(m)]
    assert bot == []
