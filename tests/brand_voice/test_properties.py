# ruff: noqa: E501  (noise reads best in few lines)
"""Properties of generated replies: facts stay, limits hold, and serious moods get no cheer."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brand_voice import GuidedVoice, load
from brand_voice.guide import ChannelGuide
from brand_voice.rewriting import EMOJI
from brand_voice.segments import count, utf16_length
from gateway import Button, Fact, Link, Rendered, Reply, SurveyQuestion

from .builders import CHANNELS, MOODS, SERIOUS, no_deadline, render_context

PACKAGED = load(None)
TIGHT = PACKAGED.model_copy(
    update={
        "channels": {
            "default": ChannelGuide(max_length=80, max_parts=2),
            "narrow": ChannelGuide(max_length=60, max_parts=1, paragraphs="line"),
            "sms": ChannelGuide(max_length=600, max_segments=1, max_parts=2, paragraphs="space"),
            "slack": ChannelGuide(max_length=100, formatting="mrkdwn", greeting="letter"),
            "rest": ChannelGuide(max_length=90, formatting="markdown", sign_off=True, emoji=True),
        }
    }
)
VOICES = {"packaged": GuidedVoice(PACKAGED), "tight": GuidedVoice(TIGHT)}
GUIDES = {"packaged": PACKAGED, "tight": TIGHT}

matching = st.from_regex
PLAIN_FACTS = st.one_of(
    matching(r"[A-Z]{1,3}-[0-9]{3,8}", fullmatch=True),
    matching(r"(EUR|\$|€) ?[0-9]{1,4}[.,][0-9]{2}", fullmatch=True),
    matching(r"[0-9]{1,4},[0-9]{2}[ \u00a0\u202f]€", fullmatch=True),
    matching(r"[0-3]?[0-9]\. Dezember 20[0-9]{2}", fullmatch=True),
    matching(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]", fullmatch=True),
    matching(r"https://[a-z]{1,8}\.example/[a-zA-Z0-9/?=&_%#~-]{0,12}[a-z0-9/]", fullmatch=True),
    matching(r"[a-z]{1,6}\.[a-z]{1,6}@[a-z]{1,6}\.example", fullmatch=True),
    matching(r"\+[0-9]{2} [0-9]{3} [0-9]{4,7}", fullmatch=True),
    st.sampled_from(["François Müller", "Great", "no worries!", "SKU", "utilise it", "5–7", "a.b"]),
)
LONG_FACTS = matching(r"https://a\.example/[a-z0-9/]{70,200}", fullmatch=True)
ANY_FACTS = PLAIN_FACTS | LONG_FACTS | st.text(min_size=1, max_size=30).filter(str.strip)
NOISE = st.sampled_from(
    ["Great news!", "we", "Awesome", "- great", ", perfect", "FYI", "Great,", "guarantee", "Please note that", "the parcel", "🙂", "!!", "¡Hola!", "e.g.",
     "I'm a human", "awesome,", "Have a great day!", "**soon**", "; and", "– well –", "Stop!?", ":)",
     "We apologise for any inconvenience.", "Das ist toll!", "C'est génial !", "It left.", "\n", "it’s"]
)  # fmt: skip


@st.composite
def replies(draw: st.DrawFn, facts: st.SearchStrategy[str] = ANY_FACTS) -> tuple[Reply, list[str]]:
    """A reply of noise and facts, and its facts in order."""
    stated: list[str] = []

    def line() -> str:
        words: list[str] = []
        for _ in range(draw(st.integers(0, 6))):
            words.append(draw(NOISE))
            if draw(st.booleans()):
                stated.append(draw(facts))
                words.append(stated[-1])
        return " ".join(words)

    opener = draw(st.none() | st.just("")) if draw(st.booleans()) else line()
    body = tuple(line() for _ in range(draw(st.integers(0, 4))))
    reply = Reply(
        opener=opener,
        body=body,
        next_step=draw(st.none()) if draw(st.booleans()) else line(),
        facts=tuple(Fact(name="fact", value=value) for value in stated),
        links=tuple(
            Link(title=title, url=f"https://shop.example/{number}")
            for number, title in enumerate(draw(st.lists(NOISE, max_size=2)))
        ),
        buttons=tuple(
            Button(title=title, payload="x") for title in draw(st.lists(NOISE, max_size=3))
        ),
        language=draw(st.sampled_from(["en", "de", "fr", "es", "ar", "it", "de-CH"])),
        survey=draw(st.none() | st.just(SurveyQuestion())),
    )
    return reply, stated


def within(rendered: Rendered, channel: ChannelGuide) -> bool:
    """Whether the channel can carry every part."""
    for part in rendered.parts:
        if not part.strip() or utf16_length(part) > channel.max_length:
            return False
        if channel.max_segments is not None and count(part) > channel.max_segments:
            return False
    return True


guides = pytest.mark.parametrize("guide", sorted(GUIDES))
channels = st.sampled_from([*CHANNELS, "narrow"])


@guides
@no_deadline
@given(made=replies(), channel=channels, mood=st.sampled_from(MOODS), first=st.booleans())
def test_facts_stay_and_limits_hold(
    guide: str, made: tuple[Reply, list[str]], channel: str, mood: str, first: bool
) -> None:
    """Every declared fact is in one part word for word, and no part is too long."""
    reply, stated = made
    rendered = VOICES[guide].render(
        reply, render_context(channel, mood, first=first, customer="Ana")
    )
    where = GUIDES[guide].channel(channel)
    assert within(rendered, where)
    assert len(rendered.parts) <= where.max_parts or "more-parts" in {
        a.rule for a in rendered.applied
    }
    for fact in stated:
        fits = utf16_length(fact) <= where.max_length and (
            where.max_segments is None or count(fact) <= where.max_segments
        )
        if fits and _stands_alone(fact, reply):
            assert any(fact in part for part in rendered.parts), fact
    for link in reply.links:
        assert any(link.url in part for part in rendered.parts)


@guides
@no_deadline
@given(made=replies(PLAIN_FACTS), channel=channels, mood=st.sampled_from(MOODS))
def test_undeclared_numbers_and_links_stay(
    guide: str, made: tuple[Reply, list[str]], channel: str, mood: str
) -> None:
    """Numbers, links and addresses that are not declared stay, too, in their number and order."""
    reply, _ = made
    bare = reply.replace(facts=(), survey=None)
    rendered = VOICES[guide].render(bare, render_context(channel, mood))
    written = " ".join((bare.opener or "", *bare.body, bare.next_step or ""))
    sent = " ".join(rendered.parts)
    assert _exact(sent)[: len(_exact(written))] == _exact(written)


@guides
@no_deadline
@given(made=replies(PLAIN_FACTS), channel=channels, mood=st.sampled_from(SERIOUS))
def test_serious_moods_have_no_exclamation_mark_or_emoji(
    guide: str, made: tuple[Reply, list[str]], channel: str, mood: str
) -> None:
    """None is left outside of facts."""
    reply, stated = made
    rendered = VOICES[guide].render(
        reply, render_context(channel, mood, first=True, customer="Ana")
    )
    sent = " ".join(rendered.parts)
    for fact in sorted(stated, key=len, reverse=True):
        sent = sent.replace(fact, "x")
    assert "!" not in sent
    assert "¡" not in sent
    assert not EMOJI.search(sent)


@guides
@no_deadline
@given(
    text=st.lists(NOISE | ANY_FACTS, max_size=30).map(" ".join),
    channel=channels,
    mood=st.sampled_from(MOODS),
)
def test_an_agents_words_are_only_split(guide: str, text: str, channel: str, mood: str) -> None:
    """The parts joined are the agent's words; in an SMS their typography may be plain."""
    rendered = VOICES[guide].render(
        Reply(opener="", body=(text,)), render_context(channel, mood, author="agent")
    )
    where = GUIDES[guide].channel(channel)
    assert within(rendered, where)
    if where.max_segments is None or rendered.encoding == "UCS-2":
        assert "".join("".join(rendered.parts).split()) == "".join(text.split())
    else:
        assert re.findall(r"[^\W\d_]", "".join(rendered.parts), re.ASCII) == re.findall(
            r"[^\W\d_]", text, re.ASCII
        )


@no_deadline
@given(made=replies(), channel=channels, mood=st.sampled_from(MOODS))
def test_rendering_is_pure(made: tuple[Reply, list[str]], channel: str, mood: str) -> None:
    """The same reply and render_context give the same result."""
    reply, _ = made
    first, second = (
        VOICES["packaged"].render(reply, render_context(channel, mood)) for _ in range(2)
    )
    assert first == second


def _stands_alone(fact: str, reply: Reply) -> bool:
    """Whether no other fact contains it or is contained in it: such facts are masked as one."""
    return not any(
        other.value != fact and (fact in other.value or other.value in fact)
        for other in reply.facts
    )


def _exact(text: str) -> list[str]:
    """Order numbers, addresses and links, and the digits of everything else."""
    return re.findall(r"https://\S*\w|\S+@\S*\w|[A-Z]+-\d+|\d+", text)
