"""Events as Slack delivers them, read without a server."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.slack.customers.events import (
    CustomerAction,
    MessageEvent,
    SlackPlace,
    parse_event,
)
from channels.slack.endpoint import EventCallback
from channels.slack.markup import (
    emoji_in,
    escape,
    fit,
    mentioned,
    pieces,
    readable,
    with_links,
    without_mention,
)
from gateway import Address
from tests.slack.server import readable as as_slack_shows

EVENTS = Path(__file__).with_name("events")


def parsed(name: str) -> CustomerAction | None:
    payload = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return parse_event(
        msgspec.convert(payload, EventCallback), msgspec.convert(payload["event"], MessageEvent)
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("direct", {"value": "T0HOME/D1", "user": "U1", "kind": "message", "addressed": True}),
        ("mention", {"value": "T0HOME/C1/1772445601.000100", "user": "U2", "addressed": True}),
        ("mention_as_message", {"value": "T0HOME/C1/1772445601.000100", "addressed": True}),
        ("in_thread", {"value": "T0HOME/C1/1772445601.000100", "addressed": False}),
        ("broadcast", {"value": "T0HOME/C1/1772445601.000100", "addressed": False}),
        ("file", {"value": "T0HOME/D1", "remote_id": "D1:1772445630.000500"}),
        ("edit", {"kind": "edit", "remote_id": "D1:1772445600.000100:1772445640.000000"}),
        ("deleted", {"kind": "edit", "deleted": True, "value": "T0HOME/D1"}),
        ("organisation", {"value": "E3.T7/D7", "user": "W5"}),
    ],
)
def test_what_a_person_did(name: str, expected: dict[str, Any]) -> None:
    """Each is told once, with its place, its writer and its own id."""
    found = parsed(name)
    assert found is not None
    seen = {key: getattr(found, key) for key in expected if key != "value"}
    assert seen | {"value": found.place.address.value} == {
        "value": found.place.address.value,
        **expected,
    }


@pytest.mark.parametrize("name", ["join", "bot", "echo", "preview", "thread_grew"])
def test_what_no_person_did(name: str) -> None:
    """Joins, bots, our own words, previews and growing threads say nothing."""
    assert parsed(name) is None


def test_two_events_of_one_message_are_one() -> None:
    """A mention comes as a mention and as a message."""
    first, second = parsed("mention"), parsed("mention_as_message")
    assert first is not None
    assert second is not None
    assert first.remote_id == second.remote_id == "C1:1772445601.000100"


def test_who_wrote_it() -> None:
    """The event's profile names a stranger; user and team are facts; the time is Slack's."""
    found = parsed("mention")
    assert found is not None
    assert found.profile_name == "Dario"
    assert {fact.name: fact.value for fact in found.facts} == {
        "slack user": "U2",
        "slack team": "T9OTHER",
    }
    assert found.at == datetime(2026, 3, 2, 10, 0, 1, 100, UTC)


def test_a_message_is_read_as_it_was_written() -> None:
    """Links, entities and emoji with their skin."""
    found = parsed("direct")
    assert found is not None
    assert readable(found.text, names={}, emoji=emoji_in(found.blocks)) == (
        "Where is my order #71 (https://shop.example/o/71) & its bill? 👋🏼"
    )


@pytest.mark.parametrize(
    ("slacks", "ours"),
    [
        ("&lt;!channel&gt; &amp;amp;", "<!channel> &amp;"),
        ("<!channel> <!here>", "@channel @here"),
        ("<!subteam^S1|@support> <!subteam^S2>", "@support @S2"),
        ("<!date^1^{date}|1 Jan 1970>", "1 Jan 1970"),
        ("ask <@U1> or <@U2|dario> or <@U3>", "ask @Carla or @dario or @U3"),
        ("in <#C1|general> and <#C2> and <#C3|>", "in #general and #C2 and #C3"),
        ("<http://shop.example|shop.example>", "shop.example"),
        ("<https://shop.example/>", "https://shop.example/"),
        ("<https://evil.example|https://bank.example>",
         "https://bank.example (https://evil.example)"),
        ("<https://evil.example|bank.example>", "bank.example (https://evil.example)"),
        ("<mailto:a@b.example|a@b.example> <tel:0664|0664>", "a@b.example 0664"),
        ("*bold* :smile: 1 &lt; 2", "*bold* :smile: 1 < 2"),
        ("<>", ""),
    ],
)  # fmt: skip
def test_markup(slacks: str, ours: str) -> None:
    """Each token as a person reads it; a link never hides where it leads."""
    assert readable(slacks, names={"U1": "Carla"}) == ours


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("<@U0BOT> hello", "hello"),
        ("<@U0BOT|warmline>: hello", "hello"),
        ("hello <@U0BOT>", "hello"),
        ("is <@U0BOT> there?", "is <@U0BOT> there?"),
        ("<@U0BOT>", "<@U0BOT>"),
        ("<@U1> hello", "<@U1> hello"),
    ],
)
def test_our_name_is_no_word(said: str, meant: str) -> None:
    """Calling us is not part of what is said, unless it is all that is."""
    assert without_mention(said, "U0BOT") == meant


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("see https://a.example/x_y?b=1&c=2.", "see <https://a.example/x_y?b=1&amp;c=2>."),
        ("<https://a.example|https://b.example>",
         "&lt;<https://a.example>|<https://b.example>&gt;"),
        ("https://a.example <!channel>", "<https://a.example> &lt;!channel&gt;"),
        ("(https://a.example) or https://b.example!",
         "(<https://a.example>) or <https://b.example>!"),
        ("no address", None),
        ("*bold* https://a.example", None),
        ("> https://a.example", None),
        (":tada: https://a.example", None),
        ("https://a.example " + "x" * 3000, None),
    ],
)  # fmt: skip
def test_links_can_be_clicked(text: str, linked: str | None) -> None:
    """A web address becomes a link where nothing else would become anything."""
    assert with_links(text) == linked
    if linked is not None:
        assert as_slack_shows(linked) == text


@given(st.text(alphabet=st.sampled_from("ht ps:/.a<>|!@#&*\n"), max_size=60))
def test_a_link_is_all_that_brackets_hold(text: str) -> None:
    """Whatever the text, no mention and no label gets in."""
    linked = with_links(f"https://x{text}") or ""
    for token in re.findall("<([^>]*)>", linked):
        assert token.startswith(("http://", "https://"))
        assert "|" not in token


def test_who_is_mentioned() -> None:
    """Each once, in order."""
    assert mentioned("<@U2> <@U1|c> <@U2> <#C1>") == ("U2", "U1")


@given(st.text())
def test_what_we_post_is_shown_as_it_is(text: str) -> None:
    """Escaped, any text has no token, and Slack shows it unchanged."""
    assert "<" not in escape(text)
    assert ">" not in escape(text)
    assert as_slack_shows(escape(text)) == text
    assert readable(escape(text), names={}) == text


@given(st.text(alphabet=st.sampled_from("a&<> \n"), max_size=200), st.integers(6, 40))
def test_long_texts(text: str, most: int) -> None:
    """A cut text stays within its bound with no entity in two; pieces lose only white space."""
    assert len(fit(text, most)) <= most
    assert readable(fit(text, most), names={}).rstrip("…") in text + "…"
    parts = list(pieces(text, most))
    assert all(0 < len(part) <= most for part in parts)
    joined = "".join(readable(part, names={}) for part in parts)
    assert "".join(joined.split()) == "".join(text.split())


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """Whatever comes, reading never fails."""
    readable(text, names={}, emoji={"x": "y"})


def test_emoji_without_sense() -> None:
    """Code points that are none are left alone."""
    elements = [{"type": "emoji", "name": "odd", "unicode": "zz"}, {"type": "emoji", "name": 7}]
    assert emoji_in([{"elements": elements}]) == {}


@pytest.mark.parametrize("value", ["", "T1", "T1/", "/D1", "T1/C1/1.1/x"])
def test_no_place(value: str) -> None:
    """An address that is none of Slack's is an error."""
    with pytest.raises(ValueError, match="not a place in Slack"):
        SlackPlace.of(Address(channel="slack", value=value))


@pytest.mark.parametrize("value", ["T1/D1", "T1/C1/1700000000.000100", "E1.T1/D1"])
def test_a_place_and_its_address(value: str) -> None:
    """An address leads back to its place."""
    assert SlackPlace.of(Address(channel="slack", value=value)).address.value == value
