"""Several questions in one message, and the rest of an earlier question."""

from __future__ import annotations

import pytest

from gateway import Message
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.phrases import PHRASE_FILES, load_phrases
from plugins.nlu_local.questions import QuestionFinder

from .conftest import AT, EXAMPLES, turns


@pytest.fixture(scope="module")
def finder() -> QuestionFinder:
    return QuestionFinder({code: load_phrases(code) for code in PHRASE_FILES})


@pytest.fixture(scope="module")
def engine() -> NluLocal:
    return NluLocal().train(EXAMPLES)


@pytest.mark.parametrize(
    ("text", "questions"),
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
def test_a_message_is_split_into_its_questions(
    finder: QuestionFinder, text: str, questions: list[str]
) -> None:
    """Two to four whole questions are found; greetings, statements and lists are not questions."""
    found = [text[start:end].strip() for start, end in finder.question_spans(text)]
    assert found == questions


async def test_each_question_has_its_intent(engine: NluLocal) -> None:
    """Each question has its words and its intent; the ranking is that of the first question."""
    text = "What time do you close? And how do I get my money back?"
    (insight,) = await engine.understand(turns(text))
    assert [(question.text, question.guess.name) for question in insight.questions] == [
        ("What time do you close?", "opening_hours"),
        ("And how do I get my money back?", "refund"),
    ]
    assert all(text[q.start : q.end] == q.text for q in insight.questions)
    assert insight.ranking is not None
    assert insight.ranking[0] == insight.questions[0].guess


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "My sister was in your shop. I want a refund for the lamp. It was the blue one.",
            {"refund": "I want a refund for the lamp."},
        ),
        (
            "My sister was in your shop. "
            + "It was a nice and sunny afternoon there. " * 70
            + "I want a refund for the lamp.",
            {"refund": "I want a refund for the lamp."},
        ),
        (
            "My sister was in your shop. I WANT A REFUND FOR THE LAMP! It was the blue one.",
            {"refund": "I WANT A REFUND FOR THE LAMP!"},
        ),
        (
            "HELLO REFUND THE LAMP! MY SISTER WAS IN YOUR SHOP.",
            {"refund": "HELLO REFUND THE LAMP!"},
        ),
        ("When do you open on Sunday? I do not need a refund.", {}),
        ("When do you open on Sunday? Thanks for the refund of the lamp.", {}),
        (
            "When do you open on Sunday? I do not like the lamp and I want my money back.",
            {"refund": "I do not like the lamp and I want my money back."},
        ),
        (
            "When do you open on Sunday? Thanks for the lamp, but I want my money back.",
            {"refund": "Thanks for the lamp, but I want my money back."},
        ),
        ("I want a refund for the lamp", {}),
        ("I want a refund. Money back please!", {}),
        ("Hello there! I want a refund. Thanks a lot, Tom", {}),
    ],
)
async def test_a_sentence_of_several_is_read_alone(
    engine: NluLocal, text: str, found: dict[str, str]
) -> None:
    """Where it is surely about something else than the message, or surer, it is reported."""
    (insight,) = await engine.understand(turns(text))
    assert {s.guess.name: text[s.start : s.end] for s in insight.sentences} == found


async def test_questions_with_the_same_intent_count_as_one(engine: NluLocal) -> None:
    """So that the same answer is given once."""
    (insight,) = await engine.understand(turns("When do you open? What time do you close?"))
    assert insight.questions == ()


@pytest.mark.parametrize("text", ["and to Canada?", "also to Norway?", "or to Iceland?"])
async def test_the_rest_of_a_question_is_read_with_the_previous_message(
    engine: NluLocal, text: str
) -> None:
    """Together they have the intent of the previous message, and more confidence than alone."""
    (turn,) = turns(text)
    asked = Message(id=1, conversation=1, author="customer", text="What does shipping cost?", at=AT)
    answered = Message(id=2, conversation=1, author="bot", text="It costs 5 euros.", at=AT)
    alone, followed = await engine.understand([turn, turn.replace(history=(asked, answered))])
    assert alone.ranking is not None
    assert followed.ranking is not None
    assert followed.ranking[0].name == "shipping"
    assert followed.ranking[0].confidence > alone.ranking[0].confidence


async def test_a_whole_question_is_read_alone(engine: NluLocal) -> None:
    """Though it begins with `and`, the previous message does not matter."""
    (turn,) = turns("And what are your opening hours?")
    asked = Message(id=1, conversation=1, author="customer", text="What does shipping cost?", at=AT)
    (insight,) = await engine.understand([turn.replace(history=(asked,))])
    assert insight.ranking is not None
    assert insight.ranking[0].name == "opening_hours"


FOLLOWED = (
    *EXAMPLES,
    *(
        (text, "abroad")
        for text in (
            "Do you ship to the US?",
            "Do you deliver to Canada?",
            "Can I order from Japan?",
            "Liefern Sie in die USA?",
            "Liefert ihr nach Kanada?",
            "Kann ich aus Japan bestellen?",
            "Livrez-vous aux États-Unis ?",
            "Vous livrez au Canada ?",
            "Est-ce que je peux commander du Japon ?",
            "¿Envían a Estados Unidos?",
            "¿Mandan pedidos a Canadá?",
            "¿Puedo pedir desde Japón?",
        )
    ),
    *(
        (text, "duration")
        for text in (
            "Wie lange dauert die Lieferung?",
            "Combien de temps prend la livraison ?",
            "¿Cuánto tarda el envío?",
            "How long does it take?",
        )
    ),
    *(
        (text, "price")
        for text in (
            "Was kostet die Lieferung?",
            "Combien coûte la livraison ?",
            "¿Cuánto cuesta el envío?",
            "How much does it cost?",
        )
    ),
    *((text, "greeting") for text in ("Hello", "Hallo", "Bonjour", "Hola", "hi there", "Moin")),
)


@pytest.fixture(scope="module")
def followed() -> NluLocal:
    return NluLocal().train(FOLLOWED)


async def intent_after(engine: NluLocal, *said: str) -> str:
    """The intent of the last message; each one before it was answered."""
    (turn,) = turns(said[-1])
    asked = Message(id=1, conversation=1, author="customer", text="", at=AT)
    answered = Message(id=2, conversation=1, author="bot", text="Yes.", at=AT)
    history = [part for text in said[:-1] for part in (asked.replace(text=text), answered)]
    (insight,) = await engine.understand([turn.replace(history=tuple(history))])
    assert insight.ranking is not None
    return insight.ranking[0].name


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("Do you ship to the US?", "how long does that take?"),
        ("do you deliver to canada", "And how much is it?"),
        ("Do you ship to the US?", "how long?"),
        ("Liefern Sie in die USA?", "Wie lange dauert das?"),
        ("Liefert ihr nach Kanada?", "Und was kostet das?"),
        ("Livrez-vous aux États-Unis ?", "Combien de temps ça prend ?"),
        ("Vous livrez au Canada ?", "et ça coûte combien ?"),
        ("¿Envían a Estados Unidos?", "¿Cuánto tarda eso?"),
        ("¿Mandan pedidos a Canadá?", "¿Y cuánto cuesta?"),
    ],
)
async def test_a_follow_up_keeps_the_matter(followed: NluLocal, before: str, text: str) -> None:
    """How long, how much and when are asked of what the customer asked about before."""
    assert await intent_after(followed, before, text) == "abroad"


@pytest.mark.parametrize(
    ("matter", "between", "text"),
    [
        ("Do you ship to the US?", "how long does that take?", "and how much is it?"),
        ("Liefern Sie in die USA?", "Wie lange dauert das?", "und was kostet das?"),
        ("Do you ship to the US?", "ok thanks", "how long does that take?"),
        ("Vous livrez au Canada ?", "Combien de temps ça prend ?", "et ça coûte combien ?"),
    ],
)
async def test_the_matter_stays_over_several_follow_ups(
    followed: NluLocal, matter: str, between: str, text: str
) -> None:
    """A follow-up or thanks in between is no matter of its own."""
    assert await intent_after(followed, matter, between, text) == "abroad"


@pytest.mark.parametrize(
    ("before", "text", "intent"),
    [
        ("How long does delivery take?", "How much does it cost?", "price"),
        ("Wie lange dauert die Lieferung?", "Was kostet sie?", "price"),
        ("Combien de temps prend la livraison ?", "Combien ça coûte ?", "price"),
        ("¿Cuánto tarda el envío?", "¿Cuánto cuesta?", "price"),
        ("Do you ship to the US?", "When do you open on Sundays?", "opening_hours"),
        ("Do you ship to the US?", "I want my money back", "refund"),
        ("Hello", "how much does it cost?", "price"),
        ("Hola", "¿Cuánto cuesta el envío?", "price"),
    ],
)
async def test_a_question_with_a_matter_of_its_own_changes_it(
    followed: NluLocal, before: str, text: str, intent: str
) -> None:
    """So does another question after one that asked how long or how much; a greeting is none."""
    assert await intent_after(followed, before, text) == intent
