"""Hand-overs for grave reasons: they begin with the matter, on every channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from brand_voice.compiled import CompiledGuide
from brand_voice.loading import load
from brand_voice.rendering import render
from gateway import Emotion, Fact, MoodLabel, RenderContext, Rendered, Reply
from plugins.escalation.texts import EMERGENCY_NUMBERS, TEXTS

CHANNELS = ("rest", "webchat", "email", "sms", "whatsapp", "slack", "telegram")
MOODS: tuple[MoodLabel, ...] = ("calm", "pleased", "confused", "angry", "urgent")
PACKAGED = CompiledGuide(load(None))


def handed_over(
    *reasons: str,
    channel: str = "webchat",
    label: MoodLabel = "calm",
    reply: Reply | None = None,
    guide: CompiledGuide = PACKAGED,
    first: bool = True,
) -> Rendered:
    """A first reply that hands over for ``reasons``."""
    context = RenderContext(
        channel=channel,
        emotion=Emotion(label=label, intensity=0.9),
        first=first,
        customer="Mia Blum",
        reasons=reasons,
    )
    return render(guide, reply or Reply(body=("A person has it.",), purpose="handover"), context)


def harm_reply(language: str, now: str) -> Reply:
    number = EMERGENCY_NUMBERS.get(language) or TEXTS["harm_number"][language]
    values = {"number": number, "when": "2026-11-30 09:00"}
    return Reply(
        opener="",
        body=tuple(TEXTS[kind][language].format(**values) for kind in ("handover_harm", now)),
        facts=(Fact(name="emergency_number", value=number),),
        language=language,
        purpose="handover",
    )


@pytest.mark.parametrize("language", sorted(TEXTS["handover_harm"]))
@pytest.mark.parametrize("channel", CHANNELS)
def test_harm_begins_with_the_question_and_the_number(channel: str, language: str) -> None:
    """No greeting, no opener and no word of another language, in any mood; the first part has the
    whole first text, also where an SMS needs several parts."""
    for now in ("harm_told", "harm_alerted", "harm_closed"):
        reply = harm_reply(language, now)
        for label in MOODS:
            parts = handed_over("harm", channel=channel, label=label, reply=reply).parts
            plain = str.maketrans({"\n": " ", "’": "'"})
            first = parts[0].translate(plain)
            words = reply.body[0].translate(plain)
            assert first[:20].casefold() == words[:20].casefold()
            assert reply.facts[0].value in first
            assert not {"!", "¡"} & set("".join(parts))
            assert len(parts) <= 3
            english = ("This is", "Kind regards", "Hello")
            assert language == "en" or not any(word in "".join(parts) for word in english)


@pytest.mark.parametrize("reason", ["harm", "legal", "strong_emotion"])
@pytest.mark.parametrize("label", MOODS)
def test_a_chat_says_at_the_end_what_wrote_it(reason: str, label: MoodLabel) -> None:
    """Where a greeting would have said it at the beginning."""
    text = handed_over(reason, label=label).parts[0]
    assert "Hello" not in text
    greeted = label in ("calm", "pleased", "confused")
    assert text.endswith("This is an automatic message.") == greeted


def test_a_later_reply_says_nothing_more() -> None:
    """The customer knows by then."""
    assert handed_over("harm", first=False).parts == ("A person has it.",)


def test_a_letter_about_legal_steps_keeps_its_salutation() -> None:
    """One about harm has none. Both are signed by the assistant."""
    legal = handed_over("legal", channel="email").parts[0]
    harm = handed_over("harm", channel="email").parts[0]
    assert legal.startswith("Hello Mia,\n")
    assert harm.startswith("A person has it.")
    assert legal.endswith("The automated assistant")
    assert harm.endswith("The automated assistant")


def test_other_reasons_are_greeted_as_before() -> None:
    """A wish for a person is no grave matter."""
    text = handed_over("asked_for_person").parts[0]
    assert text.startswith("Hello Mia, this is the automated assistant.")


@pytest.mark.parametrize(("reason", "cheerful"), [("legal", False), ("asked_for_person", True)])
def test_grave_reasons_are_serious_in_every_mood(reason: str, cheerful: bool) -> None:
    """No emoji and no exclamation mark, although the customer sounds pleased."""
    reply = Reply(opener="", body=("A person has it! 🙂",), purpose="handover")
    text = handed_over(reason, label="pleased", reply=reply).parts[0]
    assert ("!" in text) == ("🙂" in text) == cheerful


def test_a_guide_decides_which_reasons_get_no_greeting(tmp_path: Path) -> None:
    """Its own list replaces ours."""
    file = tmp_path / "guide.yaml"
    file.write_text("greetings: {chat: {not_for: [outage]}}\n", "utf-8")
    own = CompiledGuide(load(file))
    assert handed_over("legal", guide=own).parts[0].startswith("Hello Mia")
    assert handed_over("outage", guide=own).parts[0].startswith("A person has it.")
