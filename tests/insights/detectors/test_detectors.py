"""The text detectors find what customers tell again, human moments and kinds of edit."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

import pytest

from gateway import Agent, Author, Message, Slot, Status, Understanding
from plugins.insights.facts.edits import edit_kinds
from plugins.insights.facts.human_moment import human_moments
from plugins.insights.facts.told_again import told_again
from tests.insights.detectors.labelled import HERE, LANGUAGES, Scores, read_dialogues, score

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
FLOORS = {  # folder: told again, what was told, human moments by kind, main kind of edit
    "readable": (0.98, 0.97, 0.94, 0.96),
    "heldout": (0.97, 0.95, 0.92, 0.92),
    "fresh": (0.96, 0.85, 0.88, 0.85),
}
"""Just under what was reached; see docs/detectors.md."""


def talk(*lines: str, agent: str = "Sam", slots: tuple[Slot, ...] = ()) -> list[Message]:
    """Messages with the ids 1, 2, 3 from lines such as ``C: Hello``."""
    authors: dict[str, Author] = {"C": "customer", "B": "bot", "A": "agent"}
    return [
        Message(
            id=at, conversation=1, author=authors[line[0]], text=line[3:], turn=at,
            at=START + timedelta(minutes=at), agent=Agent(id="desk:1", name=agent),
            understanding=Understanding(slots=slots) if at == 1 and slots else None,
        )
        for at, line in enumerate(lines, 1)
    ]  # fmt: skip


@cache
def scored(folder: str) -> Scores:
    return score(HERE / folder)


@pytest.mark.parametrize("folder", FLOORS)
def test_the_detectors_keep_what_they_reached(folder: str) -> None:
    """On the half for building and on both halves that were held out."""
    told, facts, moments, edits = FLOORS[folder]
    found = scored(folder)
    assert found.told["all"].f1 >= told
    assert found.facts["all"].f1 >= facts
    assert found.moments["all"].f1 >= moments
    assert found.edit_accuracy() >= edits


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_is_left_behind(language: str) -> None:
    """Both detectors reach the target in each language, over everything held out."""
    for part in ("told", "moments"):
        halves = [getattr(scored(folder), part)[language] for folder in ("heldout", "fresh")]
        hits = sum(half.hits for half in halves)
        wrong = sum(half.false + half.missed for half in halves)
        assert 2 * hits / (2 * hits + wrong) >= 0.85


def test_there_are_enough_dialogues() -> None:
    """At least 300, half of them held out, and no id stands twice."""
    talks = [
        (folder, one)
        for folder in FLOORS
        for language in LANGUAGES
        for one in read_dialogues(HERE / folder / f"{language}.txt")
    ]
    ids = [one.id for _, one in talks]
    assert len(ids) == len(set(ids)) >= 300
    assert sum(folder != "readable" for folder, _ in talks) >= 150


# -- told again -----------------------------------------------------------------------------------


def test_evidence_of_a_fact_told_again() -> None:
    """Where it was told, who asked again, and where the customer repeats it."""
    (one,) = told_again(talk(
        "C: Order MP-20417 has not come.", "B: A colleague will take over.",
        "A: Hello, what is your order number?", "C: As I wrote: MP-20417",
    ))  # fmt: skip
    assert (one.fact, one.how, one.by) == ("order", "asked", "agent")
    assert (one.told, one.asked, one.repeated) == (1, 3, 4)


def test_a_slot_is_a_fact_that_was_told() -> None:
    """Also when its form is the shop's own."""
    slot = Slot(name="order", value="blue seven", start=9, end=19)
    messages = talk(
        "C: It is my blue seven.", "A: Could you tell me your order number?", slots=(slot,)
    )
    assert [one.fact for one in told_again(messages)] == ["order"]


def test_the_bot_that_asks_again_is_named() -> None:
    """The handoff did not lose it then."""
    (one,) = told_again(talk("C: Cancel BX2231.", "B: Which order do you want to cancel?"))
    assert one.by == "bot"


@pytest.mark.parametrize("lines", [
    ("C: Order MP-20417 is late.", "A: Is MP-20417 the order you mean?", "C: yes"),
    ("C: Where is my order?", "A: What is your order number?", "C: MP-20417"),
    ("C: MP-20417 came. The other one did not.", "A: What is the number of the other order?"),
    ("C: I already sent the parcel back, order 20417.", "A: Thank you, we will look."),
    ("C: Is it noisy?", "A: Not at all.", "C: As my neighbour said, it clicks."),
    ("C: No order yet.", "A: It comes today.", "C: As I said, no hurry. Thanks!"),
    ("C: a person please", "A: How can I help?", "C: My voucher fails."),
    ("C: As I already told you last week, it is broken.",),
])  # fmt: skip
def test_not_told_again(lines: tuple[str, ...]) -> None:
    """Confirmations, new facts, first questions, deeds, other people, thanks."""
    assert told_again(talk(*lines)) == ()


@pytest.mark.parametrize("status", ["failed", "discarded"])
def test_what_was_never_sent_asks_nobody(status: Status) -> None:
    """Neither do notes of the team."""
    said, asked = talk("C: Order MP-20417 is late.", "A: What is your order number?")
    assert told_again([said, asked.replace(status=status)]) == ()
    assert told_again([said, asked.replace(internal=True)]) == ()


# -- human moments --------------------------------------------------------------------------------


def kinds(*lines: str, customer: str | None = "Maria Lopez", agent: str = "Sam") -> list[str]:
    return [one.kind for one in human_moments(talk(*lines, agent=agent), customer)]


def test_evidence_of_a_human_moment() -> None:
    """The words and their place."""
    messages = talk("C: My kettle leaks.", "A: Hi Maria, sorry about the kettle.")
    name, fact = human_moments(messages, "Maria Lopez")
    assert (name.message, messages[1].text[name.start : name.end]) == (2, "Maria")
    assert (fact.kind, messages[1].text[fact.start : fact.end]) == ("specific_fact", "kettle")


@pytest.mark.parametrize(("line", "kind"), [
    ("A: Welcome back! It leaves today.", ["past_contact"]),
    ("A: Last time you wrote about the strap. Is it better?", ["past_contact"]),
    ("A: Your order MP-20417 leaves today.", ["order"]),
    ("A: Thank you, Maria. It leaves today.", ["name"]),
    ("A: Dear customer, it leaves today.", []),
    ("A: It leaves today. Kind regards, Maria", []),
    ("A: Hello, I'm Maria. It leaves today.", []),
    ("A: The team's address is maria@shop.test.", []),
    ("A: Please contact us again if it is late.", []),
    ("B: Hello Maria, MP-20417 leaves today.", []),
])  # fmt: skip
def test_kinds_of_human_moments(line: str, kind: list[str]) -> None:
    """What greets, signs or introduces is no moment, and bots have none."""
    assert kinds("C: When does MP-20417 leave?", line) == kind


def test_a_name_that_is_a_word_is_read_with_care() -> None:
    """Amber Stone and amber jars."""
    said = "C: I wanted amber jars."
    assert "name" not in kinds(said, "A: Amber jars are here.", customer="Amber Stone")
    assert "name" in kinds(said, "A: Sorry, Amber! They are here.", customer="Amber Stone")


def test_a_customer_without_a_known_name_can_give_it() -> None:
    """Only then it is used."""
    assert kinds("C: Hello, my name is Irene Castle.", "A: Hello Irene!", customer=None) == ["name"]
    assert kinds("C: Hello.", "A: Hello Irene!", customer=None) == []


# -- edits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suggested", "sent", "found"), [
    ("It leaves today.", "It  leaves today.", ()),
    ("It leves today.", "It leaves today.", ("typo",)),
    ("It leaves on Monday.", "It leaves on Friday.", ("fact",)),
    ("We can do it.", "We cannot do it.", ("fact",)),
    ("You must send it.", "Could you send it, please?", ("tone",)),
    ("It leaves today.", "Hello Jo! Thank you for your patience. It leaves in 3 days.",
     ("fact", "tone")),
    ("It leaves today. That means it is on its way to you from our stores.", "It leaves today.",
     ("length",)),
    ("", "It leaves today.", ("length",)),
])  # fmt: skip
def test_kinds_of_edit(suggested: str, sent: str, found: tuple[str, ...]) -> None:
    """The main kind is first, and facts weigh most."""
    assert edit_kinds(suggested, sent)[: len(found) or 1] == found


# -- speed ----------------------------------------------------------------------------------------


def test_the_detectors_are_fast() -> None:
    """A million messages take less than a minute; this bound leaves room for a busy machine."""
    dialogues = [
        (one.messages, one.customer)
        for language in LANGUAGES
        for one in read_dialogues(HERE / "readable" / f"{language}.txt")
    ]
    begun = time.process_time()
    for messages, customer in dialogues:
        told_again(messages)
        human_moments(messages, customer)
    each = (time.process_time() - begun) / sum(len(messages) for messages, _ in dialogues)
    assert each < 0.0003


@pytest.mark.parametrize("piece", [
    "ich habe schon ", "order 1-", "as I ", "j'ai deja bien ", "a", "1 ", "@", "Maria ", "\n",
    "?! ", "que ya se lo ", "via via ", "your your ", "1-1-1-a", "how how what is ",
])  # fmt: skip
def test_long_texts_take_time_in_proportion(piece: str) -> None:
    """No expression backtracks without bound."""
    text = (piece * 4000)[:4000]
    begun = time.process_time()
    messages = talk(f"C: {text}", f"A: {text}?", f"C: {text}", f"A: {text}")
    told_again(messages)
    human_moments(messages, "Maria Lopez")
    edit_kinds(text, text[::-1])
    assert time.process_time() - begun < 2.0


def test_messages_are_in_order() -> None:
    """The moments come in the order of the text."""
    messages = talk("C: My kettle leaks, MP-20417.", "A: Maria, the kettle MP-20417, dear Maria.")
    found = human_moments(messages, "Maria")
    assert all(one.start < two.start for one, two in pairwise(found))
