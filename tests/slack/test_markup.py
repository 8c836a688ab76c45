"""Slack's markup: what people read of it, and what we post."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.slack.agents import blocks as kit
from channels.slack.markup import (
    emoji_in,
    escape,
    fit,
    mentioned,
    one_line,
    pieces,
    readable,
    with_links,
    without_mention,
)
from tests.slack.server import readable as as_slack_shows


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("&lt;!channel&gt; &amp;amp;", "<!channel> &amp;"),
        ("a &amp;lt; b", "a &lt; b"),
        ("<!channel> <!here>", "@channel @here"),
        ("<!subteam^S1|@support> <!subteam^S2>", "@support @S2"),
        ("<!date^1^{date}|1 Jan 1970>", "1 Jan 1970"),
        ("ask <@U1> or <@U2|dario> or <@U3>", "ask @Carla or @dario or @U3"),
        ("in <#C1|general> and <#C2> and <#C3|>", "in #general and #C2 and #C3"),
        ("<http://shop.example|shop.example>", "shop.example"),
        ("<https://shop.example/>", "https://shop.example/"),
        ("<https://x.example/a?b=1&amp;c=2>", "https://x.example/a?b=1&c=2"),
        ("<https://x.example|our page>", "our page (https://x.example)"),
        ("<https://evil.example|https://bank.example>",
         "https://bank.example (https://evil.example)"),
        ("<https://evil.example|bank.example>", "bank.example (https://evil.example)"),
        ("<mailto:a@b.example|a@b.example> <tel:0664|0664> <tel:0664>", "a@b.example 0664 0664"),
        ("*bold* :smile: 1 &lt; 2", "*bold* :smile: 1 < 2"),
        (":wave: and :unknown_one:", "👋 and :unknown_one:"),
        (":wave::skin-tone-3: :wave::skin-tone-5:", "👋🏼 👋"),
        ("<>", ""),
    ],
)  # fmt: skip
def test_markup_becomes_plain_text(typed: str, read: str) -> None:
    """Mentions by name, links that never hide where they lead, emoji as characters. A skin tone
    that the blocks did not tell falls back to the emoji without it."""
    emoji = {"wave": "👋", "wave/3": "👋🏼"}
    assert readable(typed, names={"U1": "Carla"}, emoji=emoji) == read


@given(st.text())
def test_any_text_is_parsed(text: str) -> None:
    """Whatever comes, parsing never fails."""
    readable(text, names={}, emoji={"x": "y"})


@given(st.text(max_size=300))
def test_escaped_text_is_read_as_typed(text: str) -> None:
    """Slack's escaping is undone, and nothing else is changed."""
    assert readable(escape(text), names={}) == text


def test_mentioned_users() -> None:
    """Each once, in order."""
    assert mentioned("<@U2> <@U1|c> <@U2> <#C1>") == ("U2", "U1")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("<@U0BOT> hello", "hello"),
        ("<@U0BOT|warmline>: hello", "hello"),
        ("hello <@U0BOT>", "hello"),
        ("is <@U0BOT> there?", "is <@U0BOT> there?"),
        ("<@U0BOT>", "<@U0BOT>"),
        ("<@U1> hello", "<@U1> hello"),
    ],
)
def test_the_mention_of_our_app_is_left_out(typed: str, meant: str) -> None:
    """At the beginning and the end, unless nothing else was said."""
    assert without_mention(typed, "U0BOT") == meant


def test_invalid_code_points_are_no_emoji() -> None:
    """They are left as they were typed."""
    elements = [{"type": "emoji", "name": "odd", "unicode": "zz"}, {"type": "emoji", "name": 7}]
    assert emoji_in([{"elements": elements}]) == {}


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
def test_web_addresses_become_links(text: str, linked: str | None) -> None:
    """Where mrkdwn would format nothing else."""
    assert with_links(text) == linked
    if linked is not None:
        assert as_slack_shows(linked) == text


@given(st.text(alphabet=st.sampled_from("ht ps:/.a<>|!@#&*\n"), max_size=60))
def test_brackets_hold_web_addresses_only(text: str) -> None:
    """Whatever the text, no mention and no label gets in."""
    linked = with_links(f"https://x{text}") or ""
    for token in re.findall("<([^>]*)>", linked):
        assert token.startswith(("http://", "https://"))
        assert "|" not in token


@given(st.text())
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    """It has no token, and Slack shows it unchanged."""
    assert "<" not in escape(text)
    assert ">" not in escape(text)
    assert as_slack_shows(escape(text)) == text


@given(st.text(alphabet=st.sampled_from("a&<> \n"), max_size=200), st.integers(6, 40))
def test_long_texts_are_cut(text: str, most: int) -> None:
    """A cut text stays within its bound, and no entity is cut in two."""
    for cut in (fit(text, most), one_line(text, most)):
        assert len(cut) <= most
    assert readable(fit(text, most), names={}).rstrip("…") in text + "…"


@given(
    st.text(max_size=300) | st.text(alphabet=st.sampled_from("a&<> \n"), max_size=200),
    st.integers(6, 80),
)
def test_pieces_hold_every_word(text: str, most: int) -> None:
    """Nothing but white space is lost at a cut, no piece is too long, no entity is cut."""
    found = list(pieces(text, most))
    assert all(0 < len(piece) <= most for piece in found)
    assert "".join("".join(found).split()) == "".join(escape(text).split())
    joined = "".join(readable(piece, names={}) for piece in found)
    assert "".join(joined.split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["Loom & Wool", "a <!here> & b", "&amp;", "1 < 2 > 0"])
def test_both_types_of_text_objects_are_escaped(text: str) -> None:
    """Slack decodes the entities in ``plain_text`` as in ``mrkdwn`` (docs.slack.dev, "Formatting
    message text", "Escaping text")."""
    objects = (kit.plain(text, 75), kit.mrkdwn(escape(text)))
    assert [one["type"] for one in objects] == ["plain_text", "mrkdwn"]
    assert {one["text"] for one in objects} == {escape(text)}
    assert {as_slack_shows(one["text"]) for one in objects} == {text}
