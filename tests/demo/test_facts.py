"""One table of the shop's facts: answers, pages, policy and simulated agents say these."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from gateway.routing.policy import Policy
from gateway.testing.simulation.words import words_in
from plugins.demo_shop import pages
from plugins.faq import FaqAnswers
from tests.demo.conftest import LANGUAGES

FACTS: dict[str, dict[str, str]] = {
    "shipping_time": {"ireland": "2-3", "europe": "4-6", "express": "13:00"},
    "shipping_cost": {"ireland": "€4.90", "europe": "€9.50", "free_from": "€120", "express": "€8"},
    "shipping_abroad": {"world": "€24", "days": "8-14"},
    "change_address": {"cutoff": "14:00"},
    "cancellation": {"cutoff": "14:00"},
    "returns": {"days": "60"},
    "exchange": {"days": "60"},
    "refund": {"check": "2 working days", "bank": "5 working days"},
    "sizes": {"tube": "8-16 mm", "small": "12 litres", "large": "18 litres"},
    "warranty": {"years": "5 years"},
    "repairs": {"from": "€6", "to": "€35", "weeks": "2 weeks"},
    "opening_hours": {
        "days": "Tuesday to Saturday",
        "open": "10:00",
        "close": "18:00",
        "desk": "Monday to Friday 8:00 to 20:00",
        "desk_saturday": "Saturday 9:00 to 18:00",
    },
}
"""By intent, in English. `test_words` holds the other languages to the same figures."""

LABEL = {
    "en": ("mails you the return label", "In the EU we pay the postage, from elsewhere you do"),
    "de": ("Rücksendeetikett schickt Ihnen", "In der EU zahlen wir das Porto, von anderswo"),
    "fr": ("vous envoie l'étiquette", "Dans l'UE, nous payons le port, d'ailleurs"),
    "es": ("le envía la etiqueta", "En la UE pagamos nosotros el porte, desde otros países"),
}
"""Who makes the return label, and who pays for it."""
FREE = {
    "en": "Within Europe we pay it ourselves from",
    "de": "Innerhalb Europas zahlen wir ihn ab",
    "fr": "En Europe, nous le payons nous-mêmes à partir de",
    "es": "Dentro de Europa lo pagamos nosotros a partir de",
}
OFF_WORDS = {
    "en": "bank holidays, and between Christmas and New Year",
    "de": "Feiertagen und zwischen den Jahren",
    "fr": "jours fériés, et entre Noël et le Nouvel An",
    "es": "festivos, y entre Navidad y Año Nuevo",
}


def said(answers: FaqAnswers, intent: str, language: str) -> str:
    reply = answers.by_intent[intent][language].reply
    return " ".join((*reply.body, reply.next_step or ""))


@pytest.fixture(scope="module")
def help_page() -> str:
    """The page "Good to know", as it is shown."""
    found = pages.ShopPages(
        maildir=Path(), smtp_port=2525, address="help@magpie.example", public_url="http://here"
    )
    text = found._templates.get_template("help.html").render()
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


@pytest.mark.parametrize("intent", FACTS)
def test_an_answer_has_the_facts_of_the_table(answers: FaqAnswers, intent: str) -> None:
    facts = {f.name: f.value for f in answers.by_intent[intent]["en"].reply.facts}
    assert {name: facts.get(name) for name in FACTS[intent]} == FACTS[intent]


@pytest.mark.parametrize("language", LANGUAGES)
def test_everybody_says_the_same_of_the_return_label(answers: FaqAnswers, language: str) -> None:
    """A colleague mails it; in the EU the shop pays. Nobody is told to print one from a page."""
    for words in LABEL[language]:
        assert words in said(answers, "returns", language)
    links = answers.by_intent["returns"][language].reply.links
    assert not any(re.search("print|druck|imprim", link.title, re.IGNORECASE) for link in links)


@pytest.mark.parametrize("language", LANGUAGES)
def test_postage_is_free_within_europe_alone(answers: FaqAnswers, language: str) -> None:
    assert FREE[language] in said(answers, "shipping_cost", language)


def test_the_help_page_says_the_same(help_page: str) -> None:
    """It shows the answers' own figures; what it adds in words agrees, too."""
    for words in (
        "one of us mails you the label. In the EU we pay the postage, from elsewhere you do",
        "From €120 we pay the postage within Europe",
        "60 days",
        "The shop is open Tuesday to Saturday, 10:00 to 18:00",
        "Monday to Friday 8:00 to 20:00, Saturday 9:00 to 18:00",
        "bank holidays, and between Christmas and New Year",
    ):
        assert words in help_page


def test_the_answer_names_the_hours_of_the_policy(policy: Policy, answers: FaqAnswers) -> None:
    """When people answer: each day of the week as in `hours`."""
    week = {
        day: [(span.start.hour, span.end.hour) for span in spans]
        for day, spans in policy.hours.week.items()
    }
    assert week == {
        **{day: [(8, 20)] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")},
        "saturday": [(9, 18)],
        "sunday": [],
    }
    english = said(answers, "opening_hours", "en")
    assert "Monday to Friday 8:00 to 20:00, Saturday 9:00 to 18:00" in english


@pytest.mark.parametrize("language", LANGUAGES)
def test_holidays_are_those_of_the_policy(
    policy: Policy, answers: FaqAnswers, language: str
) -> None:
    """Between Christmas and New Year nobody is promised an answer."""
    assert OFF_WORDS[language] in said(answers, "opening_hours", language)
    for year in (2026, 2027):
        for day in range(25, 32):
            assert date(year, 12, day) in policy.hours.holidays


@pytest.mark.parametrize("language", LANGUAGES)
def test_simulated_agents_know_how_far_the_hooks_open(language: str) -> None:
    """To 16 mm, as the answer on sizes says."""
    texts = " ".join(text for topic in words_in(language).topics.values() for text in topic.answer)
    assert re.findall(r"(\d+) (?:mm|[Mm]ill?[ií]m)", texts).count("16") >= 1
    assert "20 mil" not in texts.lower()
