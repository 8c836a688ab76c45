"""A customer hears and speaks, without a gateway, a clock or a database."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.model import Address
from gateway.testing.simulation.contact import Contact
from gateway.testing.simulation.customers import Matter, Person
from gateway.testing.simulation.moods import mood_of
from gateway.testing.simulation.values import AgentAnswer, Heard

WEBCHAT = Address(channel="webchat", value="visitor-1")


def a_contact(*, seed: int = 1, feeling: float = 0.2, channel: str = "webchat") -> Contact:
    return Contact(
        number=1,
        person=Person(
            number=1,
            name="Ana Weber",
            address=Address(channel=channel, value="1"),
            language="en",
            temper="frustrated",
            calm=0.2,
            lenience=0.5,
            answers_surveys=1.0,
        ),
        matter=Matter(
            intent="refund",
            body="Where is my refund?",
            bodies=("When will the money come?",),
            order="MP-20001",
        ),
        rng=random.Random(seed),  # noqa: S311  (not a secret)
        feeling=feeling,
        survey_rate=1.0,
    )


def heard(purpose: str, *, about: str | None = None, **more: object) -> Heard:
    return Heard(
        conversation=1,
        address=WEBCHAT,
        at=datetime(2026, 3, 2, tzinfo=UTC),
        purpose=purpose,
        text="...",
        about=about,
    ).replace(**more)


def outcomes(purpose: str, about: str | None) -> set[str]:
    """What many customers do after the bot said this."""
    found = set()
    for seed in range(60):
        contact = a_contact(seed=seed)
        contact.open(0.0)
        contact.hear(heard(purpose, about=about), 1.0)
        say = contact.pending
        found.add("leaves" if say is None else ",".join(say.meaning.signals) or say.meaning.intent)
    return found


def test_a_right_answer_settles_the_matter_for_some() -> None:
    """Others thank, ask for a person, or go."""
    assert outcomes("answer", "refund") >= {"thanks", "leaves", "asked_for_person"}


def test_a_wrong_answer_settles_nothing() -> None:
    assert "thanks" not in outcomes("answer", "parking")
    assert outcomes("answer", "parking") >= {"refund", "asked_for_person", "leaves"}


def test_who_is_asked_back_says_it_in_other_words() -> None:
    contact = a_contact()
    contact.open(0.0)
    contact.hear(heard("clarify"), 1.0)
    assert contact.pending is None or "When will the money come?" in contact.pending.text


@pytest.mark.parametrize("told", [True, False])
def test_who_is_asked_again_for_what_they_told_says_so(told: bool) -> None:
    """The ledger then knows that they had to repeat themselves."""
    contact = a_contact()
    contact.open(0.0)
    contact.told_order = told
    contact.hear(heard("handover"), 1.0)
    contact.answered(AgentAnswer(text="Your order number?", helpful=False, asks=True), 60.0)
    assert contact.pending is not None
    assert contact.pending.again is told


def test_a_long_wait_makes_moods_fall() -> None:
    """Much in a chat, less in a mail."""

    def after(seconds: float, channel: str) -> float:
        feelings = []
        for seed in range(100):
            contact = a_contact(seed=seed, channel=channel)
            contact.open(0.0)
            contact.hear(heard("handover"), 0.0)
            contact.answered(AgentAnswer(text="Hello", helpful=False), seconds)
            feelings.append(contact.feeling)
        return sum(feelings) / len(feelings)

    assert after(3600, "webchat") < after(60, "webchat") - 0.15
    assert after(3600, "email") > after(3600, "webchat")


def test_a_harmful_phrase_makes_the_mood_fall_and_a_good_answer_lifts_it() -> None:
    plain = AgentAnswer(text="Done.", helpful=True)
    feelings = {}
    for name, answer in {"plain": plain, "harmful": plain.replace(harm=0.6)}.items():
        contact = a_contact(feeling=-0.2)
        contact.open(0.0)
        contact.hear(heard("handover"), 0.0)
        contact.answered(answer, 30.0)
        feelings[name] = contact.feeling
    assert feelings["plain"] > -0.1
    assert feelings["harmful"] < feelings["plain"] - 0.3


@pytest.mark.parametrize(
    ("feeling", "temper", "label"),
    [
        (0.8, "frustrated", "pleased"),
        (0.0, "frustrated", "calm"),
        (-0.3, "confused", "confused"),
        (-0.5, "anxious", "anxious"),
        (-0.5, "frustrated", "frustrated"),
        (-0.9, "anxious", "angry"),
    ],
)
def test_a_feeling_shows_as_a_mood(feeling: float, temper: str, label: str) -> None:
    mood = mood_of(feeling, temper)  # type: ignore[arg-type]
    assert mood.label == label
    assert mood.upset == (label in ("anxious", "frustrated", "angry"))


def test_a_contact_does_not_depend_on_others() -> None:
    """The same random numbers give the same words."""
    first, second = a_contact(seed=3), a_contact(seed=3)
    assert first.open(0.0) == second.open(0.0)
    assert replace(first, rng=second.rng).person == second.person
