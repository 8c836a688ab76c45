"""The shop's texts agree: examples, answers, policy and buttons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from brand_voice import GuidedVoice, load
from gateway import Emotion, RenderContext, Reply
from gateway.routing.policy import Policy
from plugins.faq import FaqAnswers
from plugins.nlu_local.protocol import PACKAGED_INTENTS
from tests.demo.conftest import LANGUAGES, Examples

NUMBER = re.compile(r"\d+")


def replies(answers: FaqAnswers) -> Iterator[tuple[str, Reply]]:
    for intent, variants in answers.by_intent.items():
        for language, said in variants.items():
            yield f"{intent} ({language})", said.reply
            if said.draft:
                yield f"{intent} ({language}, draft)", said.draft


def words(reply: Reply) -> str:
    return " ".join((*reply.body, reply.next_step or ""))


def figures(value: str) -> list[str]:
    """``13:00`` and ``13 Uhr`` are the same time; ``4.90`` and ``4,90`` the same amount."""
    return NUMBER.findall(value.replace(":00", ""))


def test_every_intent_is_served(examples: Examples, answers: FaqAnswers, policy: Policy) -> None:
    """Each is answered or goes to a person, and there are no others."""
    reasons = policy.reasons
    people = (
        reasons.sensitive_intent.intents
        | reasons.asked_for_person.intents
        | reasons.out_of_scope.intents
    )
    asked = set(examples["en"]) | set(PACKAGED_INTENTS)
    assert asked <= set(answers.with_smalltalk().by_intent) | people
    assert set(answers.by_intent) <= asked
    assert reasons.sensitive_intent.intents <= asked
    assert policy.pass_by_intents <= asked


def test_there_are_enough_examples(examples: Examples) -> None:
    """At least twelve of each intent in English, seven in each other language."""
    assert len(examples["en"]) >= 30
    assert min(map(len, examples["en"].values())) >= 12
    for language in LANGUAGES:
        assert set(examples[language]) == set(examples["en"])
        assert min(map(len, examples[language].values())) >= 7


def test_no_example_occurs_twice(examples: Examples) -> None:
    """In any file, in any spelling."""
    normalised = [
        "".join(c for c in text.casefold() if c.isalnum())
        for intents in examples.values()
        for texts in intents.values()
        for text in texts
    ]
    assert [text for text, times in Counter(normalised).items() if times > 1] == []


def test_every_answer_is_given_in_every_language(answers: FaqAnswers) -> None:
    """All four, so that none falls back to English."""
    assert {frozenset(variants) for variants in answers.by_intent.values()} == {
        frozenset(LANGUAGES)
    }
    assert set(answers.drafts) == set(LANGUAGES)


def test_all_languages_have_the_same_facts(answers: FaqAnswers) -> None:
    """With the same figures, in any spelling."""
    for intent, variants in answers.by_intent.items():
        facts = {
            code: {fact.name: figures(fact.value) for fact in said.reply.facts}
            for code, said in variants.items()
        }
        assert all(found == facts["en"] for found in facts.values()), intent


def test_every_figure_is_a_fact(answers: FaqAnswers) -> None:
    """Another number could be changed in one language and forgotten in the next."""
    for name, reply in replies(answers):
        rest = words(reply)
        for fact in sorted(reply.facts, key=lambda found: -len(found.value)):
            assert fact.value in rest, name
            rest = rest.replace(fact.value, "")
        assert NUMBER.findall(rest) == [], name


def test_no_answer_has_an_exclamation_mark(answers: FaqAnswers) -> None:
    """The shop is calm."""
    assert [name for name, reply in replies(answers) if "!" in words(reply)] == []


def test_the_payload_of_a_button_is_an_example(answers: FaqAnswers, examples: Examples) -> None:
    """In the language of the button."""
    known = {code: {t for texts in by.values() for t in texts} for code, by in examples.items()}
    for name, reply in replies(answers):
        for button in reply.buttons:
            assert button.payload in known[reply.language], (name, button.payload)


def test_the_title_of_an_intent_is_one_of_its_examples(demo: Path, examples: Examples) -> None:
    """The bot offers titles when it asks back, and a customer may repeat one."""
    tree = yaml.safe_load((demo / "warmline.yaml").read_text("utf-8"))
    titles = tree["plugins"]["escalation"]["titles"]
    for intent, by in titles.items():
        assert set(by) == set(LANGUAGES)
        for code, title in by.items():
            assert title in examples[code][intent]
    never = set(tree["plugins"]["escalation"]["never_offer"])
    assert set(examples["en"]) - never == set(titles)


def test_the_desk_offers_the_skills_of_the_policy(demo: Path, policy: Policy) -> None:
    """A conversation needs only skills that an agent can have."""
    tree = yaml.safe_load((demo / "warmline.yaml").read_text("utf-8"))
    wanted = {*policy.skills.intents.values(), *policy.skills.languages.values()}
    offered = set(tree["plugins"]["agents_desk"]["skills"])
    assert {skill for skills in wanted for skill in skills} == offered


@pytest.mark.parametrize("channel", ["webchat", "rest", "email", "sms"])
@pytest.mark.parametrize("mood", ["calm", "pleased", "angry", "anxious"])
def test_the_voice_keeps_the_facts(answers: FaqAnswers, channel: str, mood: str) -> None:
    """On every channel and in every mood."""
    voice = GuidedVoice(load(None))
    context = RenderContext(channel=channel, emotion=Emotion(label=mood, intensity=0.8))
    for intent, variants in answers.by_intent.items():
        for code, said in variants.items():
            text = " ".join(voice.render(said.reply, context).parts)
            for fact in said.reply.facts:
                assert fact.value in text, (intent, code, fact)
