"""A reply is in one language: opener, body, buttons, hand-over."""

from __future__ import annotations

from pathlib import Path

import pytest

import brand_voice
from gateway import Button, Emotion, Link, RenderContext, Reply
from tests.routing.stated import CHANNELS, stating_shop

GERMAN = ("Guten Tag", "Hallo", "automatische", "Mögliche", "Grüßen", "Gern", "Menschen")
ENGLISH = ("Hello", "automated", "You can answer", "Kind regards", "Gladly", "person", "team")


def languages(text: str) -> set[str]:
    return {
        code
        for code, words in {"de": GERMAN, "en": ENGLISH}.items()
        if any(word in text for word in words)
    }


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("said", "code", "body"),
    [
        ("Wie lange dauert die lieferung ?", "de", "Zwei Tage."),
        ("Gibt es einen gutschein ?", "en", "Gift cards never expire."),
        ("where is the lieferung please", "de", "Zwei Tage."),
        ("human, mein paket ist weg", "de", "Menschen"),
        ("abgebucht und human", "de", "Eine falsche Abbuchung"),
    ],
)
async def test_the_whole_reply_is_in_one_language(
    tmp_path: Path, channel: str, said: str, code: str, body: str
) -> None:
    """Also when the answer exists only in the fallback language, or the customer mixes them."""
    async with stating_shop(tmp_path, brand_voice) as gw:
        mia = gw.customer(channel, "mia")
        await mia.say(said)
        text = "\n".join(mia.heard)
        assert body in text
        assert languages(text) <= {code}


async def test_a_mail_in_the_fallback_language_says_so(tmp_path: Path) -> None:
    """What goes out has the language of the reply, not that of the customer."""
    async with stating_shop(tmp_path) as gw:
        await gw.customer("email", "mia@example.org").say("Gibt es einen gutschein ?")
        channel = gw.gateway.registrations.channels["email"]
        assert [message.language for message in channel.sent] == ["en"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("channel", ["webchat", "email", "sms", "rest", "telegram"])
@pytest.mark.parametrize("mood", ["calm", "pleased", "angry"])
@pytest.mark.parametrize("code", ["it", "pt", "nl", "pl", "sv", "tr", "ja", "da"])
def test_no_english_around_an_answer_in_another_language(
    channel: str, mood: str, code: str
) -> None:
    """A language in which the guide has no opener gets none; only a mail's last line, which says
    that a bot writes, is never left out."""
    voice = brand_voice.GuidedVoice(brand_voice.load(None))
    reply = Reply(
        body=("8-14.",),
        links=(Link(title="8-14", url="https://shop.example"),),
        buttons=(Button(title="1", payload="1"), Button(title="2", payload="2")),
        language=code,
    )
    context = RenderContext(
        channel=channel, first=True, customer="Mia", emotion=Emotion(label=mood, intensity=0.7)
    )
    text = " ".join(voice.render(reply, context).parts)
    if code == "da":
        text = text.replace("Kind regards", "").replace("The automated assistant", "")
    assert "en" not in languages(text)
