"""The guide's file: what may stand in it, how it joins the packaged one, and its mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

import brand_voice
from brand_voice import BrandVoiceSettings, GuidedVoice, load
from brand_voice.segments import encoding
from gateway import BadConfig, Fact, Link, Reply, Voice
from gateway.hookspecs import PROJECT
from gateway.settings import Declared
from gateway.settings import load as load_settings

from .builders import MOODS, occasion

Write = Callable[[str], Path]
PACKAGE = files("brand_voice")


def test_the_published_schema_is_the_guides(voice: Voice) -> None:
    """`guide.schema.json` is what `warmline voice schema` prints."""
    kept = json.loads(PACKAGE.joinpath("guide.schema.json").read_text("utf-8"))
    assert kept == voice.schema()


def test_the_packaged_guide_fits_its_schema(voice: Voice) -> None:
    """The schema is a sound one, takes the packaged guide and refuses an unknown key."""
    schema = dict(voice.schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    guide = yaml.safe_load(
        PACKAGE.joinpath("guide.yaml").read_text("utf-8").replace(" no,", ' "no",')
    )
    check.validate(guide)
    assert not check.is_valid({**guide, "principels": []})
    assert not check.is_valid({**guide, "version": 2})


def test_every_mistake_at_once(own_guide: Write, voice: Voice) -> None:
    """Each mistake is told with its file, line, key, and what to do."""
    path = own_guide(
        "serious: [angry]\n"
        "channels:\n"
        "  sms: {max_lenght: 5}\n"
        "  email:\n"
        "    max_parts: 0\n"
        "    formatting: html\n"
        "lexicon:\n"
        "  avoid:\n"
        "    promises:\n"
        "      phrases:\n"
        "        en: [cross my heart, '!!']\n"
        "greetings:\n"
        "  chat:\n"
        "    named: {en: 'Hi {nmae}'}\n"
        "    plain: {english: Hi}\n"
        "openers: {}\n"
        "openers: {moods: {}}\n"
    )
    problems = voice.check_guide(path)
    told = dict(one.removeprefix(f"{path}:").split(": ", 1) for one in problems)
    assert told == {
        "1": "serious: must include anxious, frustrated; add what is missing",
        "3": "channels.sms.max_lenght: unknown key; did you mean `max_length`?",
        "5": "channels.email.max_parts: input should be greater than or equal to 1; "
        "change the value",
        "6": "channels.email.formatting: input should be 'plain', 'markdown' or 'mrkdwn'; "
        "change the value",
        "11": "lexicon.avoid.promises.phrases.en.1.phrase: a phrase must begin with a letter or a "
        "digit; change the text",
        "14": "greetings.chat.named.en: unknown placeholder {nmae}; available here: {name}",
        "15": "greetings.chat.plain.english: string should match pattern '^[a-z]{2,3}$'; "
        "change the value",
        "17": "openers: is written twice, first in line 16; keep one",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("serious: [angry]\n", ":1: serious: must include anxious, frustrated"),
        ("a: [\n", ":2: : not YAML:"),
        ("- a\n", ":1: : must be a mapping"),
        ("principles: &x [a]\nserious: *x\n", "aliases (*name) are not supported"),
        ("openers: {moods: {furious: {en: [Oh.]}}}", ":1: openers.moods.furious: input should be"),
        ("honesty: {acknowledge: {no: Forstått.}}\nversion: 3\n", ":2: version:"),
    ],
)
def test_one_mistake(own_guide: Write, voice: Voice, text: str, said: str) -> None:
    """Files that are no guide are told apart from guides with mistakes."""
    (problem,) = voice.check_guide(own_guide(text))
    assert said in problem


def test_a_file_that_cannot_be_read(voice: Voice, tmp_path: Path) -> None:
    """A missing file, a huge one and one in another encoding are told, never raised."""
    assert "cannot be read" in voice.check_guide(tmp_path / "none.yaml")[0]
    odd, huge = tmp_path / "odd.yaml", tmp_path / "huge.yaml"
    odd.write_bytes(b"version: 1\nx: \xff\n")
    huge.write_bytes(b"#" * 1_000_001)
    assert ":2: : not UTF-8" in voice.check_guide(odd)[0]
    assert "make it shorter" in voice.check_guide(huge)[0]


def test_an_own_guide_says_what_differs(own_guide: Write, voice: Voice) -> None:
    """An own guide adds phrases, replaces texts, and leaves all else as packaged."""
    path = own_guide(
        "lexicon:\n"
        "  allow: [guarantee]\n"
        "  use: {en: {basket: [cart]}}\n"
        "  avoid:\n"
        "    jargon: null\n"
        "    promises: {phrases: {en: [cross my heart]}}\n"
        "    slang: {why: Not how we speak., phrases: {en: [{phrase: gonna, instead: going to}]}}\n"
        "openers: {moods: {angry: {en: [We are sorry.]}}}\n"
        "channels:\n"
        "  default: {greeting: none}\n"
        "  pigeon: {max_length: 60}\n"
    )
    assert voice.check_guide(path) == ()
    own = GuidedVoice(load(path))
    text = "We guarantee, cross my heart, your ticket: we're gonna fill the cart. I promise."
    rules = [(f.rule, text[f.start : f.end]) for f in own.lint(text, occasion(author="agent"))]
    assert rules == [
        ("promises", "cross my heart"),
        ("slang", "gonna"),
        ("use", "cart"),
        ("promises", "I promise"),
    ]
    said = own.render(
        Reply(body=("Your cart is gonna leave.",)), occasion("pigeon", "angry", first=True)
    )
    assert said.parts == ("We are sorry. Your basket is going to leave.",)
    long = own.render(Reply(body=("A line. " * 20,)), occasion("pigeon"))
    assert max(map(len, long.parts)) <= 60


@pytest.mark.parametrize(
    ("formatting", "heard"),
    [
        ("plain", "It is free. See A (https://a.example).\n\nOur page: https://b.example/?x=1&y=2"),
        (
            "mrkdwn",
            "It is *free*. See <https://a.example|A>.\n\n<https://b.example/?x=1&y=2|Our page>",
        ),
        (
            "markdown",
            "It is **free**. See [A](https://a.example).\n\n[Our page](https://b.example/?x=1&y=2)",
        ),
    ],
)
def test_formatting(own_guide: Write, formatting: str, heard: str) -> None:
    """Emphasis and links are written in the markup of the channel."""
    own = GuidedVoice(load(own_guide(f"channels: {{default: {{formatting: {formatting}}}}}")))
    reply = Reply(
        opener="",
        body=("It is **free**. See [A](https://a.example).",),
        links=(Link(title="Our page", url="https://b.example/?x=1&y=2"),),
    )
    assert own.render(reply, occasion("pigeon")).parts == (heard,)


def test_the_order_of_the_parts(own_guide: Write) -> None:
    """A channel may say the link before the next step."""
    own = GuidedVoice(load(own_guide("channels: {sms: {order: [links, body]}}")))
    reply = Reply(
        opener="Well.",
        body=("One.",),
        next_step="Two.",
        links=(Link(title="L", url="https://a.example"),),
    )
    assert own.render(reply, occasion("sms")).parts == ("https://a.example One. Well. Two.",)


@pytest.mark.parametrize(
    ("mood", "heard"),
    [("calm", "Hi Ana! 🙂 Welcome! A.\n\nCheers!"), ("angry", "Hi Ana. Oh no. A.\n\nCheers.")],
)
def test_a_loud_guide_is_quiet_when_it_counts(own_guide: Write, mood: str, heard: str) -> None:
    """The guide's own words keep the seriousness rule too, however they are written."""
    path = own_guide(
        "greetings: {chat: {moods: [calm, angry], named: {en: 'Hi {name}! 🙂'}}}\n"
        "openers: {moods: {calm: {en: [Welcome!]}, angry: {en: ['Oh no! 😱']}}}\n"
        "honesty: {sign_off: {en: Cheers!}}\n"
        "channels: {pigeon: {emoji: true, sign_off: true}}\n"
    )
    when = occasion("pigeon", mood, first=True, customer="Ana")
    said = GuidedVoice(load(path)).render(Reply(body=("A.",)), when)
    assert said.parts == (heard,)


def test_a_fact_longer_than_a_part(own_guide: Write) -> None:
    """A fact that no part can hold is cut late, and all of it is said."""
    own = GuidedVoice(load(own_guide("channels: {pigeon: {max_length: 60}}")))
    url = "https://shop.example/" + "0123456789" * 12
    said = own.render(Reply(opener="", body=(f"See {url} now.",)), occasion("pigeon"))
    assert all(len(part) <= 60 for part in said.parts)
    assert "".join(said.parts).replace("See", "").replace("now.", "").replace(" ", "") == url


def test_forms_can_change(own_guide: Write) -> None:
    """With «du» as the form, «Sie» is what lint finds, but not as a first word."""
    own = GuidedVoice(load(own_guide("address: {de: {form: du}}")))
    text = "Sie liegen bereit. Hier sind Ihre Teile, wenn Sie wollen."
    found = own.lint(text, occasion(author="agent", language="de"))
    assert [text[f.start : f.end] for f in found if f.rule == "address"] == ["Ihre", "Sie"]


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_the_guide_has_words_for_every_mood(language: str) -> None:
    """Each mood but calm has several first sentences in each language, none with a loud mark."""
    moods = load(None).openers.moods
    assert set(moods) == set(MOODS)
    for mood in set(MOODS) - {"calm"}:
        variants = moods[mood][language]  # type: ignore[index]
        assert len(set(variants)) >= 3
        assert not any("!" in text or "¡" in text for text in variants)
        if language != "es":  # Spanish accents are not in the alphabet
            plain = (text.replace(" 🙂", "") for text in variants)
            assert {encoding(text) for text in plain} == {"GSM-7"}


@pytest.mark.parametrize("mood", MOODS)
def test_the_guides_own_words_keep_its_rules(voice: Voice, mood: str) -> None:
    """No opener of the guide is faulted by the guide's own lint."""
    for code, variants in load(None).openers.moods[mood].items():  # type: ignore[index]
        for text in variants:
            assert voice.lint(text, occasion("webchat", mood, language=code)) == ()


def test_settings_name_the_guide(own_guide: Write) -> None:
    """The section's path is relative to its file; asleep or empty means the packaged guide."""
    path = own_guide("openers: {moods: {angry: {en: [Oh dear.]}}}")
    config = path.with_name("warmline.yaml")
    config.write_text("brand_voice: {guide: guide.yaml}\n", "utf-8")
    declared = [Declared(name="brand_voice", model=BrandVoiceSettings)]
    heard = []
    for file in (config, None):
        voices: list[Voice] = []
        brand_voice.register_voice(voices.append, load_settings(file, declared, {}))
        (voice,) = voices
        heard.append(voice.render(Reply(body=("A.",)), occasion("webchat", "angry")).parts[0])
    assert heard[0] == "Oh dear. A."
    assert "sorry" in heard[1]
    config.write_text("brand_voice: {guide: none.yaml}\n", "utf-8")
    with pytest.raises(BadConfig, match=r"none\.yaml:0: : cannot be read"):
        brand_voice.register_voice(voices.append, load_settings(config, declared, {}))


def test_the_hooks_are_marked() -> None:
    """The package can be registered by pluggy as it stands."""
    for hook in (brand_voice.register_settings, brand_voice.register_voice):
        assert getattr(hook, f"{PROJECT}_impl")
    sections: list[str] = []
    brand_voice.register_settings(lambda name, model, aliases: sections.append(name))
    assert sections == ["brand_voice"]


def test_short_facts_are_facts_only_alone(voice: Voice) -> None:
    """A size or a short name is protected where it stands alone, not inside other words."""
    reply = Reply(
        opener="",
        body=("Size XL, utilise it.",),
        facts=(Fact(name="size", value="XL"), Fact(name="x", value="i")),
    )
    assert voice.render(reply, occasion()).parts == ("Size XL, use it.",)
