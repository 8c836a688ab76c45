"""Several questions in one message, and the rest of an earlier one."""

from __future__ import annotations

import pytest

from gateway import Message
from plugins.nlu_local.asking import Asking
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.phrases import WORDS, read_words

from .conftest import AT, ROWS, turns


@pytest.fixture(scope="module")
def asking() -> Asking:
    return Asking({code: read_words(code) for code in WORDS})


@pytest.fixture(scope="module")
def engine() -> NluLocal:
    return NluLocal().train(ROWS)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "When do you open? What does shipping cost?",
            ["When do you open?", "What does shipping cost?"],
        ),
        (
            "When do you open and how long does delivery take",
            ["When do you open", "and how long does delivery take"],
        ),
        (
            "Wann macht ihr auf? Und was kostet der Versand?",
            ["Wann macht ihr auf?", "Und was kostet der Versand?"],
        ),
        (
            "Quand ouvrez-vous et combien coûte la livraison ?",
            ["Quand ouvrez-vous", "et combien coûte la livraison ?"],
        ),
        ("¿Cuándo abren? ¿Cuánto cuesta el envío?", ["¿Cuándo abren?", "¿Cuánto cuesta el envío?"]),
        ("When do you open?", []),
        ("Hello! When do you open?", []),
        ("When do you open? Really?", []),
        ("I want a refund. How long does that take?", []),
        ("Do you sell bags and cups and hats?", []),
        ("What is it? " * 9, []),
        ("", []),
    ],
)
def test_questions_are_told_apart(asking: Asking, text: str, parts: list[str]) -> None:
    """Two to four whole questions are parts; greetings, statements and lists are none."""
    assert [text[start:end].strip() for start, end in asking.parts(text)] == parts


async def test_both_questions_have_their_intent(engine: NluLocal) -> None:
    """Each question has its words and its intent; the ranking is the first one's."""
    text = "What time do you close? And how do I get my money back?"
    (told,) = await engine.understand(turns(text))
    assert [(one.text, one.guess.name) for one in told.questions] == [
        ("What time do you close?", "opening_hours"),
        ("And how do I get my money back?", "refund"),
    ]
    assert all(text[one.start : one.end] == one.text for one in told.questions)
    assert told.ranking is not None
    assert told.ranking[0] == told.questions[0].guess


async def test_two_questions_about_one_thing_are_one(engine: NluLocal) -> None:
    """What is about the same is answered once."""
    (told,) = await engine.understand(turns("When do you open? What time do you close?"))
    assert told.questions == ()


@pytest.mark.parametrize("text", ["and to Canada?", "also to Norway?", "or to Iceland?"])
async def test_the_rest_of_a_question(engine: NluLocal, text: str) -> None:
    """It is understood by what was asked before, and alone it is not."""
    (turn,) = turns(text)
    asked = Message(id=1, conversation=1, author="customer", text="What does shipping cost?", at=AT)
    answered = Message(id=2, conversation=1, author="bot", text="It costs 5 euros.", at=AT)
    alone, followed = await engine.understand([turn, turn.replace(history=(asked, answered))])
    assert alone.ranking is not None
    assert followed.ranking is not None
    assert followed.ranking[0].name == "shipping"
    assert followed.ranking[0].confidence > alone.ranking[0].confidence


async def test_a_new_question_is_new(engine: NluLocal) -> None:
    """A whole question that begins with `and` is about itself, whatever was asked before."""
    (turn,) = turns("And what are your opening hours?")
    asked = Message(id=1, conversation=1, author="customer", text="What does shipping cost?", at=AT)
    (told,) = await engine.understand([turn.replace(history=(asked,))])
    assert told.ranking is not None
    assert told.ranking[0].name == "opening_hours"
