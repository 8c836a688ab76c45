"""Which of the offered titles the customer chose."""

from __future__ import annotations

import pytest

from plugins.knowledge.answering.choices import chosen
from plugins.knowledge.answering.words import (
    asked_type,
    content_words,
    gives,
    has_amount_of,
    thing_counted,
)

TITLES = ("Returning sale goods", "When do I get my money back?", "Discount for students")


@pytest.mark.parametrize(
    ("said", "which"),
    [
        ("1", 0),
        ("3.", 2),
        ("number 2 please", 1),
        ("the first one", 0),
        ("die dritte", 2),
        ("le deuxième", 1),
        ("Discount for students", 2),
        ("the students discount", 2),
        ("2. When do I get my money back?", 1),
        ("money back", 1),
        ("zwei", 1),
        ("4", None),
        ("1 or 2", None),
        ("none of these", None),
        ("where is my parcel", None),
        ("", None),
        ("I ordered 2 pianos and one of them never came to my house", None),
    ],
)
def test_a_choice_is_understood(said: str, which: int | None) -> None:
    """By number, place or title; anything else is no choice."""
    assert chosen(said, TITLES) == which


@pytest.mark.parametrize(("said", "which"), [("yes", 0), ("ja genau", 0), ("no", None)])
def test_yes_chooses_where_there_is_one(said: str, which: int | None) -> None:
    assert chosen(said, TITLES[:1]) == which


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How long does it take?", "duration"),
        ("Was kostet der Versand?", "price"),
        ("Wie schwer ist die Bank?", "weight"),
        ("How much discount do students get?", "share"),
        ("¿Cuánto tarda el envío?", "duration"),
        ("Do you ship abroad?", ""),
    ],
)
def test_the_kind_of_answer_that_is_asked_for(question: str, kind: str) -> None:
    assert asked_type(question) == kind


def test_an_answer_of_another_kind_is_none() -> None:
    assert gives("duration", "It takes five days.")
    assert not gives("duration", "It costs €5.")


def test_a_number_belongs_to_the_thing_that_is_asked_for() -> None:
    thing = thing_counted("How many lessons are free?")
    assert has_amount_of(thing, "The app has 20 lessons.")
    assert not has_amount_of(thing, "Lessons cost €5.")
    assert thing_counted("Is it free?") == ""


def test_content_words_say_what_it_is_about() -> None:
    assert content_words("Is there a discount for seniors?") == ("disco", "senio")
