"""The guide file: its schema, how it is merged with the packaged one, and its mistakes."""

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
from gateway.settings import DeclaredSection
from gateway.settings import load as load_settings

from .builders import MOODS, render_context

Write = Callable[[str], Path]
PACKAGE = files("brand_voice")


def test_the_published_schema_matches_the_models(voice: Voice) -> None:
    """`guide.schema.json` is what `warmline voice schema` prints."""
    published = json.loads(PACKAGE.joinpath("guide.schema.json").read_text("utf-8"))
    assert published == voice.schema()


def test_the_packaged_guide_fits_its_schema(voice: Voice) -> None:
    """The schema is valid, accepts the packaged guide and refuses an unknown key."""
    schema = dict(voice.schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    guide = yaml.safe_load(
        PACKAGE.joinpath("guide.yaml").read_text("utf-8").replace(" no,", ' "no",')
    )
    check.validate(guide)
    assert not check.is_valid({**guide, "principels": []})
    assert not check.is_valid({**guide, "version": 2})


def test_every_mistake_is_reported_at_once(own_guide: Write, voice: Voice) -> None:
    """Each with its file, line and key, and what to do."""
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
    found = dict(problem.removeprefix(f"{path}:").split(": ", 1) for problem in problems)
    assert found == {
        "1": "serious: must include anxious, frustrated; add what is missing",
        "3": "channels.sms.max_lenght: unknown key; did you mean `max_length`: of one part, in "
        "UTF-16 code units; never exceeded?",
        "5": "channels.email.max_parts: must be at least 1; change the number",
        "6": "channels.email.formatting: is none of `plain`, `markdown` or `mrkdwn`; choose "
        "one of these",
        "11": "lexicon.avoid.promises.phrases.en.1.phrase: a phrase must begin with a letter or a "
        "digit; change the value",
        "14": "greetings.chat.named.en: unknown placeholder {nmae}; available here: {name}",
        "15": "greetings.chat.plain.english: is no language code: two small letters such as `en` "
        "or `de` (ISO 639-1); did you mean `en`?",
        "17": "openers: is written twice, first on line 16; keep one",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("serious: [angry]\n", ":1: serious: must include anxious, frustrated"),
        ("a: [\n", ":1: : not YAML:"),
        ("- a\n", ":1: : must be a mapping"),
        ("principles: &x [a]\nserious: *x\n", "aliases (*name) are not supported"),
        ("openers: {moods: {furious: {en: [Oh.]}}}", ":1: openers.moods.furious: is none of"),
        ("honesty: {acknowledge: {no: Forstått.}}\nversion: 3\n", ":2: version:"),
    ],
)
def test_one_mistake_is_one_problem(
    own_guide: Write, voice: Voice, text: str, message: str
) -> None:
    """Files that are no YAML or no mapping are reported as such."""
    (problem,) = voice.check_guide(own_guide(text))
    assert message in problem


def test_an_unreadable_file_is_a_problem(voice: Voice, tmp_path: Path) -> None:
    """So is a huge file, and one that is not UTF-8; nothing is raised."""
    assert "cannot be read" in voice.check_guide(tmp_path / "none.yaml")[0]
    odd, huge = tmp_path / "odd.yaml", tmp_path / "huge.yaml"
    odd.write_bytes(b"version: 1\nx: \xff\n")
    huge.write_bytes(b"#" * 1_000_001)
    assert ":2: : not UTF-8" in voice.check_guide(odd)[0]
    assert "make it shorter" in voice.check_guide(huge)[0]


def test_an_own_guide_holds_what_differs(own_guide: Write, voice: Voice) -> None:
    """It adds phrases, replaces texts, and leaves everything else as packaged."""
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
    rules = [
        (f.rule, text[f.start : f.end]) for f in own.lint(text, render_context(author="agent"))
    ]
    assert rules == [
        ("promises", "cross my heart"),
        ("slang", "gonna"),
        ("use", "cart"),
        ("promises", "I promise"),
    ]
    rendered = own.render(
        Reply(body=("Your cart is gonna leave.",)), render_context("pigeon", "angry", first=True)
    )
    assert rendered.parts == ("We are sorry. Your basket is going to leave.",)
    long = own.render(Reply(body=("A line. " * 20,)), render_context("pigeon"))
    assert max(map(len, long.parts)) <= 60


@pytest.mark.parametrize(
    ("formatting", "rendered"),
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
def test_emphasis_and_links_use_the_channels_markup(
    own_guide: Write, formatting: str, rendered: str
) -> None:
    """Plain text has no emphasis and shows the address in brackets."""
    own = GuidedVoice(load(own_guide(f"channels: {{default: {{formatting: {formatting}}}}}")))
    reply = Reply(
        opener="",
        body=("It is **free**. See [A](https://a.example).",),
        links=(Link(title="Our page", url="https://b.example/?x=1&y=2"),),
    )
    assert own.render(reply, render_context("pigeon")).parts == (rendered,)


def test_a_channel_can_change_the_order(own_guide: Write) -> None:
    """Pieces that its order leaves out come last."""
    own = GuidedVoice(load(own_guide("channels: {sms: {order: [links, body]}}")))
    reply = Reply(
        opener="Well.",
        body=("One.",),
        next_step="Two.",
        links=(Link(title="L", url="https://a.example"),),
    )
    assert own.render(reply, render_context("sms")).parts == ("https://a.example One. Well. Two.",)


@pytest.mark.parametrize(
    ("mood", "rendered"),
    [("calm", "Hi Ana! 🙂 Welcome! A.\n\nCheers!"), ("angry", "Hi Ana. Oh no. A.\n\nCheers.")],
)
def test_the_guides_own_texts_follow_the_mood(own_guide: Write, mood: str, rendered: str) -> None:
    """At a serious mood they lose their emoji and exclamation marks, too."""
    path = own_guide(
        "greetings: {chat: {moods: [calm, angry], named: {en: 'Hi {name}! 🙂'}}}\n"
        "openers: {moods: {calm: {en: [Welcome!]}, angry: {en: ['Oh no! 😱']}}}\n"
        "honesty: {sign_off: {en: Cheers!}}\n"
        "channels: {pigeon: {emoji: true, sign_off: true}}\n"
    )
    when = render_context("pigeon", mood, first=True, customer="Ana")
    found = GuidedVoice(load(path)).render(Reply(body=("A.",)), when)
    assert found.parts == (rendered,)


def test_a_fact_longer_than_a_part_is_sent_whole(own_guide: Write) -> None:
    """It is cut, and all of it is sent."""
    own = GuidedVoice(load(own_guide("channels: {pigeon: {max_length: 60}}")))
    url = "https://shop.example/" + "0123456789" * 12
    rendered = own.render(Reply(opener="", body=(f"See {url} now.",)), render_context("pigeon"))
    assert all(len(part) <= 60 for part in rendered.parts)
    assert "".join(rendered.parts).replace("See", "").replace("now.", "").replace(" ", "") == url


def test_the_form_of_address_can_change(own_guide: Write) -> None:
    """With «du» as the form, lint finds «Sie», but not as the first word of a sentence."""
    own = GuidedVoice(load(own_guide("address: {de: {form: du}}")))
    text = "Sie liegen bereit. Hier sind Ihre Teile, wenn Sie wollen."
    found = own.lint(text, render_context(author="agent", language="de"))
    assert [text[f.start : f.end] for f in found if f.rule == "address"] == ["Ihre", "Sie"]


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_every_mood_has_openers(language: str) -> None:
    """Each mood but calm has three or more in each language, without exclamation marks."""
    moods = load(None).openers.moods
    assert set(moods) == set(MOODS)
    for mood in set(MOODS) - {"calm"}:
        variants = moods[mood][language]  # type: ignore[index]
        assert len(set(variants)) >= 3
        assert not any("!" in text or "¡" in text for text in variants)
        if language != "es":  # Spanish accents are not in GSM-7
            plain = (text.replace(" 🙂", "") for text in variants)
            assert {encoding(text) for text in plain} == {"GSM-7"}


@pytest.mark.parametrize("mood", MOODS)
def test_openers_pass_lint(voice: Voice, mood: str) -> None:
    """The guide's own openers follow its rules."""
    for code, variants in load(None).openers.moods[mood].items():  # type: ignore[index]
        for text in variants:
            assert voice.lint(text, render_context("webchat", mood, language=code)) == ()


def test_settings_choose_the_guide(own_guide: Write) -> None:
    """The path is relative to the settings file; without a section it is the packaged guide."""
    path = own_guide("openers: {moods: {angry: {en: [Oh dear.]}}}")
    config = path.with_name("warmline.yaml")
    config.write_text("brand_voice: {guide: guide.yaml}\n", "utf-8")
    declared = [DeclaredSection(name="brand_voice", model=BrandVoiceSettings)]
    openers = []
    for file in (config, None):
        voices: list[Voice] = []
        brand_voice.register_voice(voices.append, load_settings(file, declared, {}))
        (voice,) = voices
        openers.append(
            voice.render(Reply(body=("A.",)), render_context("webchat", "angry")).parts[0]
        )
    assert openers[0] == "Oh dear. A."
    assert "sorry" in openers[1]
    config.write_text("brand_voice: {guide: none.yaml}\n", "utf-8")
    with pytest.raises(BadConfig, match=r"none\.yaml:0: : cannot be read"):
        brand_voice.register_voice(voices.append, load_settings(config, declared, {}))


def test_the_package_is_a_plugin() -> None:
    """pluggy finds its hooks, and it registers its section."""
    for hook in (brand_voice.register_settings, brand_voice.register_voice):
        assert getattr(hook, f"{PROJECT}_impl")
    sections: list[str] = []
    brand_voice.register_settings(lambda name, model, aliases: sections.append(name))
    assert sections == ["brand_voice"]


def test_short_facts_are_protected_as_whole_words(voice: Voice) -> None:
    """A size or a short name is not protected within other words."""
    reply = Reply(
        opener="",
        body=("Size XL, utilise it.",),
        facts=(Fact(name="size", value="XL"), Fact(name="x", value="i")),
    )
    assert voice.render(reply, render_context()).parts == ("Size XL, use it.",)
